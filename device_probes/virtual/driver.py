"""The fleet of virtual phones and the driver that reaches one over a real byte stream."""

from __future__ import annotations

import re
import socket
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Capture, OnProgress, Play
from device_probes.fields import clean
from device_probes.refusals import TrialRefused, refusal
from device_probes.server import ProbeServer
from device_probes.virtual.air import Air
from device_probes.virtual.clock import Clock
from device_probes.virtual.fleet_words import check_words
from device_probes.virtual.phone import ACTIONS, VirtualPhone
from device_probes.virtual.spec import FleetSpec, PhoneSpec
from profiler import __version__
from profiler.errors import DeviceNotFound, PlanError
from profiler.model import (
    CodecCost,
    CodecRequest,
    DeviceFacts,
    DeviceRef,
    Platform,
    TimedAction,
    TrialRequest,
)

_DEFAULT = "fleet.toml"
MAX_FILE_BYTES = 1_000_000
_MAX_PHONES = 512


class VirtualDriver:
    """Drives one virtual phone through the probe contract; a ``Driver``.

    The phone lives behind a socket pair with its own server thread, as a real one lives behind
    a tunnel; ``connect`` may be called again after a loss.
    """

    def __init__(self, phone: VirtualPhone, *, deadlines: Deadlines | None = None) -> None:
        self.phone = phone
        self._deadlines = deadlines
        self._client: ProbeClient | None = None
        self._server: ProbeServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def ref(self) -> DeviceRef:
        """Which phone this is."""
        return DeviceRef(
            Platform.VIRTUAL, self.phone.serial, self.phone.spec.marketing_name, "in-process"
        )

    @property
    def pace(self) -> float:
        """Seconds of the phone in one of ours."""
        return self.phone.clock.speed

    def connect(self) -> DeviceFacts:
        """Start the phone's server, shake hands, read the facts."""
        self.close()
        ours, theirs = socket.socketpair()
        self._server = ProbeServer(self.phone, theirs, version=__version__)
        self._thread = threading.Thread(
            target=self._server.serve, name=f"phone-{self.phone.serial}", daemon=True
        )
        self._thread.start()
        self._client = ProbeClient(ours, self.phone.serial, deadlines=self._deadlines)
        self._client.handshake()
        return self._client.facts()

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        """Run one trial in a fresh stream."""
        if self._client is None:
            raise DeviceNotFound("not connected", device=self.phone.serial, hint="connect first")
        return self._client.run(request, plays, on_progress)

    def codec_cost(self, request: CodecRequest) -> CodecCost:
        """Measure what coding speech costs; raises as :meth:`run` does."""
        if self._client is None:
            raise DeviceNotFound("not connected", device=self.phone.serial, hint="connect first")
        return self._client.codec_cost(request)

    def cancel(self) -> None:
        """End a running trial from another thread."""
        client = self._client
        if client:
            client.cancel()

    def restart(self) -> None:
        """End the phone's process and reach a new one, as :meth:`connect` does."""
        self.close()
        self.phone.new_process()
        self.connect()

    @property
    def actions(self) -> frozenset[str]:
        """What can be done to the phone while it records."""
        return ACTIONS

    def act(self, action: TimedAction) -> str:
        """Do it now, from another thread; raises :class:`~profiler.errors.DeviceError`.

        On a clock that never waits, now is the moment that the action was planned for.
        """
        at_s = None if self.phone.clock.passes else action.at_s
        try:
            return self.phone.act(action.action, action.value, at_s)
        except TrialRefused as exc:
            raise refusal(exc.refused, self.phone.serial) from exc

    def close(self) -> None:
        """End the session. Never raises."""
        if self._client:
            self._client.close()
        if self._server:
            self._server.stop()
        if self._thread:
            self._thread.join(timeout=5.0)
        self._client = self._server = self._thread = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """A validated fleet file."""

    spec: FleetSpec
    source: str
    """The file it came from, for messages."""

    @property
    def serials(self) -> tuple[str, ...]:
        """Serial of every unit, in the file's order."""
        return tuple(serial for serial, _ in self._units())

    def zones(self) -> dict[str, str]:
        """Name of the acoustic zone by serial, of the phones that lie in one."""
        return {serial: spec.zone for serial, spec in self._units() if spec.zone is not None}

    def phones(self, clock: Clock | None = None, *, apart: bool = False) -> list[VirtualPhone]:
        """Fresh phones whose trial counters begin at 0.

        Those of one call that lie in one zone hear each other, unless they are ``apart``, each in
        a box of its own, or the clock never waits.
        """
        used = clock or Clock()
        air = Air(used, () if apart else self.spec.zone)
        return [
            VirtualPhone(spec, serial, self.spec.seed, used, air) for serial, spec in self._units()
        ]

    def drivers(
        self,
        clock: Clock | None = None,
        *,
        deadlines: Deadlines | None = None,
        apart: bool = False,
    ) -> list[VirtualDriver]:
        """One unconnected driver per unit; real time unless ``clock`` says otherwise."""
        phones = self.phones(clock, apart=apart)
        return [VirtualDriver(phone, deadlines=deadlines) for phone in phones]

    def _units(self) -> list[tuple[str, PhoneSpec]]:
        return [
            (spec.serial if spec.count == 1 else f"{spec.serial}-{i + 1}", spec)
            for spec in self.spec.phone
            for i in range(spec.count)
        ]


def another_draw(seed: int) -> str:
    """The packaged fleet as TOML, its sessions drawn anew: same phones, other opens of them."""
    text = resources.files("device_probes.virtual").joinpath(_DEFAULT).read_text("utf-8")
    return re.sub(r"^seed = \d+$", f"seed = {seed}", text, count=1, flags=re.MULTILINE)


def load_fleet(path: Path | None = None) -> Fleet:
    """Read a fleet TOML; ``None`` is the packaged fleet.

    Raises :class:`~profiler.errors.PlanError` naming file, key, value and what is allowed.
    """
    name = str(path) if path else _DEFAULT
    try:
        if path is None:
            text = resources.files("device_probes.virtual").joinpath(_DEFAULT).read_text("utf-8")
        elif path.stat().st_size > MAX_FILE_BYTES:
            raise PlanError("larger than 1 MB", file=name, allowed="a fleet description in TOML")
        else:
            text = path.read_text("utf-8")
        return fleet_from_toml(text, name)
    except OSError as exc:
        raise PlanError(
            f"cannot be read ({exc.strerror})", file=name, allowed="a readable fleet TOML"
        ) from exc
    except UnicodeDecodeError as exc:
        raise PlanError("is not UTF-8 text", file=name, allowed="a fleet TOML") from exc


def fleet_from_toml(text: str, name: str) -> Fleet:
    """A fleet from TOML text; ``name`` is the file in messages. Raises :class:`PlanError`."""
    try:
        spec = FleetSpec.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        raise PlanError(f"is no valid TOML: {exc}", file=name) from exc
    except RecursionError as exc:
        raise PlanError("is nested too deeply", file=name, allowed="a fleet TOML") from exc
    except ValidationError as exc:
        raise _complaint(exc.errors()[0], name) from exc
    fleet = Fleet(spec, name)
    serials = fleet.serials
    twice = sorted({s for s in serials if serials.count(s) > 1})
    if twice:
        raise PlanError("is used twice", file=name, key="phone.serial", value=twice[0],
                        allowed="one serial per phone (count adds -1, -2 …)")  # fmt: skip
    if len(serials) > _MAX_PHONES:
        raise PlanError("too many phones", file=name, key="phone.count", value=len(serials),
                        allowed=f"at most {_MAX_PHONES} in all")  # fmt: skip
    _check_zones(spec, name)
    check_words(spec, name)
    return fleet


def _check_zones(spec: FleetSpec, name: str) -> None:
    """Raises :class:`PlanError` for a zone that is not there, is there twice or cannot work."""
    names = [zone.name for zone in spec.zone]
    for zone in names:
        if names.count(zone) > 1:
            raise PlanError("is used twice", file=name, key="zone.name", value=zone,
                            allowed="one [[zone]] table per name")  # fmt: skip
    links: dict[str, str] = {}
    for i, phone in enumerate(spec.phone):
        if phone.zone is None:
            continue
        if phone.zone not in names:
            raise PlanError("is no zone of this fleet", file=name, key=f"phone[{i}].zone",
                            value=phone.zone, allowed=f"a [[zone]] with that name; there are: "
                            f"{', '.join(names) or 'none'}")  # fmt: skip
        if links.setdefault(phone.zone, phone.link) != phone.link:
            raise PlanError("holds phones of both links", file=name, key=f"phone[{i}].zone",
                            value=phone.zone, allowed="phones of one process: all of them "
                            'link = "adb", or all "usbmux", or all "direct"')  # fmt: skip


def _complaint(error: ErrorDetails, name: str) -> PlanError:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error["loc"])
    key = clean(path).removeprefix(".")
    value = error["input"]
    context = error.get("ctx", {})
    bounds = {"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"}
    allowed = ", ".join(f"{words} {context[k]}" for k, words in bounds.items() if k in context)
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(_keys_beside(error["loc"]))
        return PlanError("unknown key", file=name, key=key, value=_short(value), allowed=allowed)
    if error["type"] == "missing":
        return PlanError("is missing", file=name, key=key, allowed="this key must be given")
    allowed = allowed or str(context.get("expected") or context.get("pattern") or error["msg"])
    return PlanError("wrong value", file=name, key=key, value=_short(value), allowed=allowed)


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    """Names the model has where an unknown key was found."""
    model: type[BaseModel] = FleetSpec
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        if part not in model.model_fields:  # a name that the file chose, as a route's
            continue
        annotation = model.model_fields[part].annotation
        for candidate in (annotation, *get_args(annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return sorted(model.model_fields)


def _short(value: object) -> object:
    return value if len(repr(value)) <= 60 else repr(value)[:60] + "…"
