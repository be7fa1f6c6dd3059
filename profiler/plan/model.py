"""A bench plan as the runner uses it: checked, frozen, complete."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from profiler.catalogue import SUITES, TrialOptions, expand
from profiler.model import DeviceRef, Platform, TrialRequest

SHARED_ZONE = "bench"
"""Name of the one acoustic zone a bench is by default."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a device may take, and how often it is tried again."""

    trial_margin_s: float = 20.0
    """Time a trial may need beyond its own warm-up and recording."""
    retries: int = 2
    """Further attempts after a lost device or a time-out (LAB section 6: at most 2)."""
    retry_wait_s: float = 2.0
    """Pause before a reconnect: a phone that re-enumerates on USB is away for about 2 s."""


@dataclass(frozen=True, slots=True)
class Gates:
    """Limits beyond which a run pauses for later (LAB section 7); ``resume`` continues it."""

    min_battery_percent: float = 15.0
    max_battery_temperature_c: float = 45.0
    max_thermal_status: str = "moderate"
    """``none``, ``light``, ``moderate``, ``severe``, ``critical``."""
    start_battery_percent: float = 20.0
    """A run begins only from here on."""
    start_battery_temperature_c: float = 40.0
    start_thermal_status: str = "light"

    @property
    def at_start(self) -> Gates:
        """The limits that hold before the first trial."""
        return Gates(
            self.start_battery_percent, self.start_battery_temperature_c, self.start_thermal_status
        )


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What the plan says about one device; ``None`` or empty = as the rest of the bench."""

    serial: str
    probe: str | None = None
    zone: str | None = None
    repeats: int | None = None
    rates_hz: tuple[int, ...] = ()
    volumes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IosPlan:
    """What a bench knows of its iPhones; ``None`` = what the environment says, or the default."""

    probe_bundle: str | None = None
    """Bundle id of the probe app on them."""
    wda_bundle: str | None = None
    no_passcode: bool | None = None
    """None of them has a passcode: they may be locked (K1), and are opened again."""


@dataclass(frozen=True, slots=True)
class PartnerPlan:
    """A device that only takes the other part of exchanges and is not measured itself."""

    probe: str = Platform.HOST.value
    serial: str | None = None
    """``None`` = the first one of that probe."""
    zone: str = SHARED_ZONE
    """Whose devices it hears, and they it."""

    def is_(self, ref: DeviceRef) -> bool:
        """Whether the plan means this device."""
        return ref.platform == self.probe and self.serial in (None, ref.serial)


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """One bench: which tests, on which devices, how."""

    name: str = "bench"
    suite: str = "smoke"
    """Name of the suite, or ``custom`` when the plan lists its tests."""
    tests: tuple[str, ...] = SUITES["smoke"]
    """In catalogue order, with the tests their recordings come from."""
    devices: tuple[DevicePlan, ...] = ()
    """Empty = every connected device."""
    separate_zones: bool = False
    """Each device without a zone of its own is alone in one (virtual phones, anechoic boxes)."""
    places: tuple[tuple[str, str], ...] = ()
    """(uid, zone) of devices that are known to be there: virtual phones, by their fleet file."""
    repeats: int = 6
    rates_hz: tuple[int, ...] = ()
    volumes: tuple[float, ...] = ()
    buffer_bursts: tuple[int, ...] = ()
    buffer_frames: tuple[int, ...] = ()
    apis: tuple[str, ...] = ()
    base: TrialRequest = TrialRequest()  # noqa: RUF009 - frozen
    operator: bool = False
    """Somebody is there to do what a test asks for (cover a microphone, plug something in)."""
    partner: PartnerPlan | None = None
    partner_distance_m: float = 0.0
    """Between a device and its partner; 0 = not known, and then measured with effects off."""
    ios: IosPlan = IosPlan()
    store: str | None = None
    """Database URL or file; ``None`` = the command line's."""
    timeouts: Timeouts = Timeouts()
    gates: Gates = Gates()
    file: Path | None = None

    @property
    def sha256(self) -> str:
        """Content address of what decides the trials; store, time-outs, gates and what is known of
        iPhones (their apps' names, that they have no passcode) do not."""
        data = asdict(replace(self, store=None, timeouts=Timeouts(), gates=Gates(), file=None))
        del data["ios"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def wants(self, ref: DeviceRef) -> bool:
        """Whether this connected device is one to be measured."""
        if self.only_partner(ref):
            return False
        return not self.devices or self.device(ref) is not None

    def device(self, ref: DeviceRef) -> DevicePlan | None:
        """What the plan says about this device, if anything."""
        for device in self.devices:
            if device.serial == ref.serial and device.probe in (None, ref.platform.value):
                return device
        return None

    def only_partner(self, ref: DeviceRef) -> bool:
        """Whether this device serves as a partner and is not measured."""
        named = self.partner is not None and self.partner.is_(ref)
        return named and self.device(ref) is None

    def zone(self, ref: DeviceRef) -> str:
        """The acoustic zone of a device."""
        device = self.device(ref)
        if self.partner is not None and self.only_partner(ref):
            return self.partner.zone
        if device is not None and device.zone is not None:
            return device.zone
        for uid, zone in self.places:
            if uid == ref.uid:
                return zone
        return ref.uid if self.separate_zones else SHARED_ZONE

    def seed(self, ref: DeviceRef) -> int:
        """Chooses the device's gap pattern: its own, and the same in every run of this bench."""
        digest = hashlib.sha256(f"{self.name}\n{ref.uid}".encode()).digest()
        return int.from_bytes(digest[:4])

    def options(self, ref: DeviceRef) -> TrialOptions:
        """What the catalogue needs to plan this device's trials."""
        device = self.device(ref) or DevicePlan(ref.serial)
        return TrialOptions(
            seed=self.seed(ref),
            tests=self.tests,
            repeats=device.repeats or self.repeats,
            rates_hz=device.rates_hz or self.rates_hz,
            volumes=device.volumes or self.volumes,
            buffer_bursts=self.buffer_bursts,
            buffer_frames=self.buffer_frames,
            apis=self.apis,
            base=self.base,
            short=self.suite == "smoke",
            brief=self.suite in ("smoke", "quick"),
            thorough=self.suite not in ("smoke", "quick", "standard"),
            operator=self.operator,
            partner_distance_m=self.partner_distance_m,
        )

    def with_suite(self, suite: str) -> BenchPlan:
        """The same bench with another suite (a key of ``SUITES``)."""
        return replace(self, suite=suite, tests=expand(SUITES[suite]))
