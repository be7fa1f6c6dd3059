"""Devices and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Platform(StrEnum):
    """The kind of probe a device is driven by."""

    ANDROID = "android"
    IOS = "ios"
    WEB = "web"
    HOST = "host"
    VIRTUAL = "virtual"


class DeviceState(StrEnum):
    """What can be done with a device right now (LAB section 5)."""

    ABSENT = "absent"
    OFFLINE = "offline"
    UNAUTHORIZED = "unauthorized"
    NO_PERMISSION = "no_permission"
    """The host may not open the USB device."""
    LOCKED = "locked"
    BUSY = "busy"
    READY = "ready"
    QUARANTINED = "quarantined"
    UNSUITABLE = "unsuitable"
    """It can never measure as it is: a browser without AudioWorklet, microphone or https."""
    # iPhones
    NO_USBMUXD = "no_usbmuxd"
    """No usbmuxd answers on this computer, so no iPhone can be reached."""
    UNTRUSTED = "untrusted"
    """The phone does not trust this computer."""
    NO_DEVELOPER_MODE = "no_developer_mode"
    WDA_MISSING = "wda_missing"
    """No WebDriverAgent answers on the phone, and the probe is not open either."""
    WDA_EXPIRED = "wda_expired"
    """The signature of WebDriverAgent is over: the system does not start it."""
    WDA_HUNG = "wda_hung"
    """WebDriverAgent takes connections and does not answer."""
    PROBE_MISSING = "probe_missing"
    """The probe app is not on the phone."""
    PROBE_EXPIRED = "probe_expired"
    """The system does not start the probe app: its signature is over, or nobody trusts it yet."""
    PORT_CLOSED = "port_closed"
    """The probe's TCP port takes no connections: the app is not open, or is another one."""


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """Battery and heat, as far as the device says."""

    battery_percent: float | None = None
    battery_temperature_c: float | None = None
    thermal_status: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceRef:
    """One physical phone, host sound interface, browser or virtual phone."""

    platform: Platform
    serial: str
    """Stable identity on its platform; never used in a shell or a path unchecked."""
    label: str = ""
    """What a person calls it, e.g. ``Pixel 7``; may be empty before facts are read."""
    transport: str = ""
    """How it is reached: ``usb``, ``wifi``, ``in-process`` …"""

    @property
    def uid(self) -> str:
        """Identity across platforms, ``platform:serial``."""
        return f"{self.platform.value}:{self.serial}"

    def __str__(self) -> str:
        return f"{self.label} ({self.serial})" if self.label else self.serial


@dataclass(frozen=True, slots=True)
class ModelKey:
    """What results aggregate by; the model name alone is not enough (SoC twins, OS updates)."""

    manufacturer: str
    model: str
    soc: str
    os_build: str

    def __str__(self) -> str:
        return f"{self.manufacturer} {self.model} / {self.soc} / {self.os_build}"

    @property
    def known_parts(self) -> tuple[str, ...]:
        """The name, SoC and build for people, without those that nobody said; as untrusted."""
        parts = (f"{self.manufacturer} {self.model}", self.soc, self.os_build)
        return tuple(part for part in parts if part.strip())


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the device says of itself. Untrusted text: shown escaped, never executed."""

    platform: Platform
    manufacturer: str
    model: str
    marketing_name: str
    soc: str
    os_name: str
    os_version: str
    os_build: str
    api_level: int | None = None
    native_rate_hz: int | None = None
    frames_per_burst: int | None = None
    low_latency: bool | None = None
    pro_audio: bool | None = None
    is_virtual: bool = False
    is_emulator: bool = False
    raw: Mapping[str, str] = field(default_factory=dict)
    """Every property as read, bounded in number and length by the probe contract."""
    collected_at: datetime | None = None

    @property
    def model_key(self) -> ModelKey:
        """The key under which this device's results aggregate."""
        return ModelKey(self.manufacturer, self.model, self.soc, self.os_build)
