"""The shape of bench.toml. Each ``description`` is what a complaint prints as allowed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from profiler.catalogue import SUITES, TESTS
from profiler.model import Platform
from profiler.tomlfile import Table, complaint
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ

# Printable, no quotes, control characters or path tricks; it ends up in reports and file names.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:+-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Serial = Annotated[str, Field(pattern=r"^[!-~]([ -~]{0,126}[!-~])?$")]
# As device_probes.ios.bundles has it, which a test compares; it ends up in requests to a phone.
BundleId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+$", max_length=155)
]
Rate = Annotated[int, Field(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)]
Volume = Annotated[float, Field(ge=0.0, le=1.0)]

_NAME = "1 to 64 letters, digits, spaces or . _ : + -"
_WORD = "lower_snake_case, at most 32 characters"
_BUNDLE = (
    "letters A to Z, digits and hyphens, at least one dot (none doubled, none at an end), a letter "
    "or digit first, at most 155 characters, e.g. com.example.probe"
)
_RATES = f"a list of at most 12 whole numbers of {MIN_RATE_HZ} to {MAX_RATE_HZ}"
_VOLUMES = "a list of at most 8 numbers of 0 to 1"
_REPEATS = "a whole number of 1 to 100 (at least 5 for a verdict)"


class DeviceTable(Table):
    """One ``[[devices]]`` entry."""

    serial: Serial = Field(description="the serial that 'chirpbench devices' prints")
    probe: str | None = Field(
        default=None,
        pattern="^(" + "|".join(Platform) + ")$",
        description=", ".join(Platform),
    )
    zone: Name | None = Field(default=None, description=_NAME)
    repeats: int | None = Field(default=None, ge=1, le=100, description=_REPEATS)
    rates_hz: list[Rate] = Field(default_factory=list, max_length=12, description=_RATES)
    volumes: list[Volume] = Field(default_factory=list, max_length=8, description=_VOLUMES)


class PartnerTable(Table):
    """``[partner]``: a device that only helps, usually the bench's sound interface."""

    probe: str = Field(
        default=Platform.HOST.value,
        pattern="^(" + "|".join(Platform) + ")$",
        description=", ".join(Platform),
    )
    serial: Serial | None = Field(
        default=None, description="the serial that 'chirpbench devices' prints"
    )
    zone: Name | None = Field(default=None, description=_NAME)


class IosTable(Table):
    """``[ios]``: this bench's iPhones: bundle ids of one's own, and that they have no passcode."""

    probe_bundle: BundleId | None = Field(default=None, description=_BUNDLE)
    wda_bundle: BundleId | None = Field(default=None, description=_BUNDLE)
    no_passcode: bool | None = Field(default=None, description="true, false")


class PathTable(Table):
    """``[path]``: the route, mode and API of every trial."""

    api: Word = Field(default="default", description=_WORD)
    sharing: Word = Field(default="default", description="default, exclusive, shared")
    performance_mode: Word = Field(
        default="default", description="default, low_latency, none, power_saving"
    )
    input_preset: Word = Field(default="default", description=_WORD)
    audio_mode: Word = Field(default="media", description="media, communication")
    route: Word = Field(default="speaker", description=_WORD)


class TimeoutsTable(Table):
    """``[timeouts]``."""

    trial_margin_s: float = Field(default=20.0, ge=1, le=600, description="1 to 600 seconds")
    retries: int = Field(default=2, ge=0, le=2, description="0, 1 or 2")
    retry_wait_s: float = Field(default=2.0, ge=0, le=60, description="0 to 60 seconds")


class GatesTable(Table):
    """``[gates]``."""

    min_battery_percent: float = Field(default=15.0, ge=0, le=100, description="0 to 100")
    max_battery_temperature_c: float = Field(default=45.0, ge=20, le=60, description="20 to 60")
    max_thermal_status: Literal["none", "light", "moderate", "severe", "critical"] = Field(
        default="moderate", description="none, light, moderate, severe, critical"
    )
    start_battery_percent: float = Field(default=20.0, ge=0, le=100, description="0 to 100")
    start_battery_temperature_c: float = Field(default=40.0, ge=20, le=60, description="20 to 60")
    start_thermal_status: Literal["none", "light", "moderate", "severe", "critical"] = Field(
        default="light", description="none, light, moderate, severe, critical"
    )


class PlanTable(Table):
    """The whole file."""

    name: Name = Field(default="bench", description=_NAME)
    suite: str | None = Field(
        default=None, pattern="^(" + "|".join(SUITES) + ")$", description=", ".join(SUITES)
    )
    tests: list[Annotated[str, Field(pattern="^(" + "|".join(TESTS) + ")$")]] | None = Field(
        default=None, min_length=1, max_length=100, description="a list of " + ", ".join(TESTS)
    )
    devices: list[DeviceTable] = Field(
        default_factory=list, max_length=500, description="at most 500 [[devices]] tables"
    )
    zones: Literal["shared", "separate"] = Field(default="shared", description="shared, separate")
    repeats: int = Field(default=6, ge=1, le=100, description=_REPEATS)
    rates_hz: list[Rate] = Field(default_factory=list, max_length=12, description=_RATES)
    volumes: list[Volume] = Field(default_factory=list, max_length=8, description=_VOLUMES)
    buffer_bursts: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        default_factory=list, max_length=12, description="a list of whole numbers of 1 to 64"
    )
    buffer_frames: list[Annotated[int, Field(ge=16, le=65536)]] = Field(
        default_factory=list, max_length=12, description="a list of whole numbers of 16 to 65536"
    )
    apis: list[Word] = Field(
        default_factory=list, max_length=12, description=f"a list of names, {_WORD}"
    )
    operator: bool = Field(default=False, description="true, false")
    partner: PartnerTable | None = Field(default=None, description="a [partner] table")
    ios: IosTable = Field(default_factory=IosTable, description="an [ios] table")
    partner_distance_m: float | None = Field(
        default=None, gt=0, le=20, description="metres, more than 0 and at most 20"
    )
    store: str | None = Field(
        default=None, min_length=1, max_length=1024, description="a database URL or a file"
    )
    path: PathTable = Field(default_factory=PathTable, description="a [path] table")
    timeouts: TimeoutsTable = Field(default_factory=TimeoutsTable, description="a [timeouts] table")
    gates: GatesTable = Field(default_factory=GatesTable, description="a [gates] table")

    @model_validator(mode="after")
    def _consistent(self) -> PlanTable:
        if self.suite is not None and self.tests is not None:
            raise complaint("tests", "suite and tests are both given", self.tests, "one of them")
        seen: set[tuple[str, str | None]] = set()
        for i, device in enumerate(self.devices):
            if seen & {(device.serial, p) for p in (device.probe, None)} or (
                device.probe is None and any(serial == device.serial for serial, _ in seen)
            ):
                raise complaint(
                    f"devices[{i}].serial", "listed twice", device.serial, "each device once"
                )
            seen.add((device.serial, device.probe))
        if self.partner is not None and self.partner.zone is None and self.zones == "separate":
            raise complaint(
                "partner.zone", "is missing: with separate zones nobody hears it", None,
                "the zone of the devices it helps",
            )  # fmt: skip
        return self
