"""The iPhones of one usbmuxd: seen, named, and a driver for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from device_probes.at_once import at_once
from device_probes.fields import shown
from device_probes.ios.bundles import Bundles
from device_probes.ios.checking import checked
from device_probes.ios.contact import Contact
from device_probes.ios.door import MuxDoor, Seen
from device_probes.ios.driver import IosDriver
from device_probes.ios.errors import REMEDIES, unseen
from device_probes.ios.leftovers import clear_away
from device_probes.ios.lockdown import LockdownFacts
from device_probes.ios.models import model_of
from device_probes.ios.note import Notes
from device_probes.ios.programs import Programs
from device_probes.ios.settings import IosDeadlines, Lease, Ledger, Settings
from device_probes.ios.states import Condition, Rest
from device_probes.ios.tracking import MuxTracker
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceNotFound,
    ProbeProtocolError,
)
from profiler.model import DeviceRef, DeviceState, Platform

_NAME_S = 2.0
_CHECK_S = 20.0


@dataclass(frozen=True, slots=True)
class SeenIphone:
    """One phone as it is now."""

    ref: DeviceRef
    state: DeviceState
    detail: str = ""
    """What a person should know and do."""
    udid: str = ""
    connection: str = ""
    """``usb`` or ``network``; empty for one that is not there."""


class IosBench:
    """Phones behind one usbmuxd, by default this computer's.

    :meth:`start` first, :meth:`close` last. ``names`` gives the phones of a virtual fleet (UDID →
    serial); they count also while they are absent. ``leases`` and ``ledger`` are what keeps two
    programs off one phone and lets one rest that failed too often; ``notes`` is what a bench that
    is killed leaves to the next. ``bundles`` says under which ids the apps are on the phones,
    ``no_passcode`` that none of them has one (:mod:`.passcode`): only then they are ever locked.
    ``pictures`` is a folder for screenshots of failed starts; ``pace`` is how fast the clock of
    virtual phones runs.

    Raises :class:`~profiler.errors.InputError` when facebook-wda is not installed.
    """

    def __init__(
        self,
        socket_path: str | None = None,
        *,
        platform: Platform = Platform.IOS,
        names: Mapping[str, str] | None = None,
        deadlines: IosDeadlines | None = None,
        pace: float = 1.0,
        pictures: Path | None = None,
        leases: Callable[[str], Lease] | None = None,
        ledger: Ledger | None = None,
        bundles: Bundles = Bundles(),  # noqa: B008 - frozen
        notes: Notes | None = None,
        no_passcode: bool = False,
    ) -> None:
        mux = MuxDoor(socket_path)
        self._names = dict(names or {})
        self._leases = leases
        self._settings = Settings(
            mux=mux,
            tracker=MuxTracker(mux),
            programs=Programs(socket_path),
            platform=platform,
            deadlines=deadlines or IosDeadlines(),
            pace=pace,
            pictures=pictures,
            ledger=ledger,
            bundles=bundles,
            notes=notes,
            no_passcode=no_passcode,
        )
        self._labels: dict[str, str] = {}
        self._conditions: dict[str, Condition] = {}

    @property
    def problem(self) -> str:
        """Why no phone can be seen just now; ``""`` when that is not so."""
        return self._settings.tracker.problem

    @property
    def trouble(self) -> DeviceError | None:
        """:attr:`problem` as the error it is."""
        return self._settings.tracker.trouble

    def start(self, timeout_s: float = 5.0) -> None:
        """Wait until the phones are listed. No usbmuxd is no error: Debian's comes with the first
        phone; :attr:`problem` says so."""
        self._settings.tracker.start(timeout_s)

    def wait_for(self, udids: Iterable[str], timeout_s: float = 10.0) -> tuple[str, ...]:
        """Wait until all of these are there; returns those that did not come."""
        wanted = set(udids)
        self._settings.tracker.wait_until(lambda seen: wanted <= {s.udid for s in seen}, timeout_s)
        return tuple(sorted(wanted - {s.udid for s in self._settings.tracker.snapshot()}))

    def seen(self, *, check: bool = False) -> tuple[SeenIphone, ...]:
        """Every phone that is there, and known absent ones.

        ``check`` also asks each what it is, and whether WebDriverAgent and the probe answer.
        """
        here = self._settings.tracker.snapshot()
        self._label(here)
        now_s = time.monotonic()
        for udid in [*(s.udid for s in here), *(u for u in self._conditions)]:
            before = self._conditions.get(udid, Condition(bundles=self._settings.bundles))
            there = any(s.udid == udid for s in here)
            self._conditions[udid] = before.sighted(now_s) if there else before.missing(now_s)
        if check:
            at_once([self._checking(s.udid) for s in here], _CHECK_S, name="ios bench")
        return (*(self._described(s) for s in here), *self._absent(here))

    def drivers(self) -> list[IosDriver]:
        """One driver for each phone of :meth:`seen`, whatever its state.

        A phone that is not ready says so when it is connected.
        """
        here = self._settings.tracker.snapshot()
        self._label(here)
        phones = {s.udid: s for s in here}
        udids = [*phones, *(u for u in self._names if u not in phones)]
        return [
            IosDriver(self._ref(u, phones.get(u)), u, self._settings, self._lease(u)) for u in udids
        ]

    def release(self, serial: str) -> str:
        """End a quarantine by hand and give the phone back as a bench that was killed found it,
        after a check that it answers; returns what was done, for people.

        Raises :class:`~profiler.errors.DeviceError` when it is not there, does not answer or is in
        use by another process.
        """
        udid = next((u for u, name in self._names.items() if name == serial), serial)
        contact = Contact(serial, udid, self._settings)
        if not contact.listed():
            if (trouble := self.trouble) is not None:
                raise unseen(serial, trouble)
            raise DeviceNotFound("it is absent, so it cannot be checked", device=serial,
                                 hint=REMEDIES[DeviceState.ABSENT])  # fmt: skip
        lease = self._lease(udid)
        if lease is not None:
            lease.take()
        try:
            if contact.facts() is None:
                raise ProbeProtocolError("it does not say what it is", device=serial,
                                         hint="restart the phone, plug it in again")  # fmt: skip
            done = clear_away(contact, self._settings, serial)
        finally:
            if lease is not None:
                lease.release()
        if self._settings.ledger is not None:
            self._settings.ledger.passed(serial)
        return done

    def close(self) -> None:
        """Follow usbmuxd no more. Never raises."""
        self._settings.tracker.close()

    # --- pieces ---------------------------------------------------------------------------------

    def _name(self, udid: str) -> str:
        return self._names.get(udid, udid)

    def _lease(self, udid: str) -> Lease | None:
        return self._leases(self._name(udid)) if self._leases is not None else None

    def _rest(self, udid: str) -> Rest | None:
        ledger = self._settings.ledger
        health = ledger.health(self._name(udid)) if ledger is not None else None
        if health is None or not health.until_s:
            return None
        return Rest(health.until_s, f"{health.failures} failures: {health.reason}")

    def _ref(self, udid: str, seen: Seen | None) -> DeviceRef:
        label = self._labels.get(udid, "")
        transport = "usbmux" if seen is None else seen.connection
        return DeviceRef(self._settings.platform, self._name(udid), label, transport)

    def _label(self, here: Iterable[Seen]) -> None:
        """Name the phones that are new, all at once, as far as they say at once what they are."""

        def naming(udid: str) -> Callable[[], None]:
            def work() -> None:
                with suppress(ChirpbenchError):
                    said = Contact(self._name(udid), udid, self._settings).facts()
                    if said is not None:
                        self._labels[udid] = self._named(said)

            return work

        new = [naming(s.udid) for s in here if s.udid not in self._labels]
        at_once(new, _NAME_S, name="ios bench")

    def _named(self, said: LockdownFacts) -> str:
        """What it is; its owner's name for it is private, but a virtual phone has no owner."""
        model = model_of(said.product_type)
        virtual = self._settings.platform is Platform.VIRTUAL
        return shown(said.name, 60) if virtual and said.name and not model.is_known else model.name

    def _checking(self, udid: str) -> Callable[[], None]:
        contact = Contact(self._name(udid), udid, self._settings)

        def work() -> None:
            self._conditions[udid] = checked(contact, self._settings, self._conditions[udid])

        return work

    def _described(self, seen: Seen) -> SeenIphone:
        udid = seen.udid
        lease = self._lease(udid)
        known = self._conditions[udid].held(
            busy=lease is not None and lease.taken_by_another(), rest=self._rest(udid)
        )
        wall_s = time.time()
        detail = known.detail(wall_s) or "; ".join(known.warnings(wall_s, probe=True))
        return SeenIphone(self._ref(udid, seen), known.state(wall_s), detail, udid, seen.connection)

    def _absent(self, here: Iterable[Seen]) -> list[SeenIphone]:
        present = {s.udid for s in here}
        away = dict.fromkeys([*self._names, *self._conditions])
        remedy = REMEDIES[DeviceState.ABSENT]
        return [
            SeenIphone(self._ref(udid, None), DeviceState.ABSENT, remedy, udid)
            for udid in away
            if udid not in present
        ]
