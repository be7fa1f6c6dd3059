"""What is in force on a phone: screen, keyguard, settings, sound, battery, heat, activities."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from device_probes.virtual.android_spec import Android
from device_probes.virtual.clock import Clock

PROBE_PACKAGE = "org.chirpbench.probe"
PROBE_ACTIVITY = f"{PROBE_PACKAGE}/.ProbeActivity"
LAUNCHER = "com.android.launcher3/.uioverrides.QuickstepLauncher"
PERMISSION_DIALOG = (
    "com.google.android.permissioncontroller/"
    "com.android.permissioncontroller.permission.ui.GrantPermissionsActivity"
)
STREAM_VOICE_CALL, STREAM_SYSTEM, STREAM_RING, STREAM_MUSIC, STREAM_ALARM = range(5)
STREAM_NAMES = (
    "STREAM_VOICE_CALL",
    "STREAM_SYSTEM",
    "STREAM_RING",
    "STREAM_MUSIC",
    "STREAM_ALARM",
    "STREAM_NOTIFICATION",
)
_LOG_LINES = 2000
_PLUGGED_USB = 2
"""``BatteryManager.BATTERY_PLUGGED_USB``, a bit of ``stay_on_while_plugged_in``."""


@dataclass(slots=True)
class Volume:
    """A stream's volume index."""

    index: int
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Recorder:
    """An app that has the microphone open."""

    package: str
    pid: int
    uid: int
    session: int
    source: str = "MIC"
    rate_hz: int = 48_000
    silenced: bool = False


@dataclass(slots=True)
class Exit:
    """How a process of the probe ended (``ApplicationExitInfo``)."""

    pid: int
    uid: int
    when_s: float
    reason: int
    name: str
    subreason: int = 0
    subname: str = "UNKNOWN"
    status: int = 0
    description: str = "null"
    trace: str = "null"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log."""

    when_s: float
    pid: int
    tid: int
    level: str
    """``V D I W E F``."""
    tag: str
    text: str
    buffer: str = "main"


class SystemState:
    """Everything that commands and faults read and change; one per phone.

    Times are ``now_s``: seconds of the phone's clock since it was made.
    """

    def __init__(self, android: Android, api_level: int, clock: Clock) -> None:
        start = android.at_start
        self.api_level = api_level
        self._clock = clock
        self._made = time.monotonic()
        self.booted_s = time.time() - 86_400.0
        self.settings: dict[str, dict[str, str]] = {
            "system": {
                "screen_off_timeout": str(start.screen_off_timeout_ms),
                "screen_brightness": "128",
            },
            "secure": {"android_id": "6b2f4c1d9e8a7350"},
            "global": {"adb_enabled": "1", "airplane_mode_on": "0", "zen_mode": "0"},
        }
        if start.stay_on_while_plugged_in is not None:
            self.settings["global"]["stay_on_while_plugged_in"] = str(
                start.stay_on_while_plugged_in
            )
        self.volumes = _volumes(start.music_volume, start.call_volume)
        self.audio_mode = "MODE_NORMAL"
        self.audio_mode_pid = 0
        self.keyguard = start.keyguard
        self.keyguard_showing = start.keyguard != "none"
        self._awake = start.awake
        self._touched_s = 0.0
        self.activities: list[str] = [LAUNCHER]
        """From bottom to top, ``package/.Class``."""
        self.recorders: list[Recorder] = []
        self.mic_toggle_off = start.mic_toggle_off
        self.mic_forced_silent = False
        """Silenced by the system for no reason the phone shows (``silence_mic``)."""
        self.exits: list[Exit] = []
        self.log: list[LogLine] = []
        self._watchers: list[Callable[[], None]] = []
        self.thermal_status = android.battery.thermal_status
        self.usb_powered = android.battery.usb_powered
        self._battery = android.battery
        self._battery_since_s = 0.0
        self._battery_base = (android.battery.percent, android.battery.temperature_c)

    def write_log(self, pid: int, level: str, tag: str, *lines: str, buffer: str = "main") -> None:
        """Append to the log, whose oldest lines are lost in the end."""
        now = time.time()
        self.log += [LogLine(now, pid, pid, level, tag, line, buffer) for line in lines]
        del self.log[:-_LOG_LINES]

    # --- time and energy --------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Seconds since the phone was made, on its own clock."""
        speed = self._clock.speed if math.isfinite(self._clock.speed) else 1.0
        return (time.monotonic() - self._made) * speed

    def real_s(self, seconds: float) -> float:
        """How long ``seconds`` of the phone's clock last here."""
        return 0.0 if math.isinf(self._clock.speed) else seconds / self._clock.speed

    @property
    def battery_percent(self) -> float:
        """Charge now."""
        hours = (self.now_s - self._battery_since_s) / 3600
        percent = self._battery_base[0] - hours * self._battery.drain_percent_per_h
        return min(max(percent, 0.0), 100.0)

    @property
    def battery_temperature_c(self) -> float:
        """Battery temperature now; heating ends at 60 °C, cooling at 20 °C."""
        minutes = (self.now_s - self._battery_since_s) / 60
        heated = self._battery_base[1] + minutes * self._battery.heat_c_per_min
        if self._battery.heat_c_per_min > 0:
            return min(heated, max(60.0, self._battery_base[1]))
        return max(heated, min(20.0, self._battery_base[1]))

    def set_battery(self, percent: float | None = None, temperature_c: float | None = None) -> None:
        """Jump to these values; what drains or heats goes on from there."""
        self._battery_base = (
            self.battery_percent if percent is None else percent,
            self.battery_temperature_c if temperature_c is None else temperature_c,
        )
        self._battery_since_s = self.now_s

    # --- screen -----------------------------------------------------------------------------------

    @property
    def stays_on(self) -> bool:
        """Whether the screen never sleeps by itself now."""
        value = self.settings["global"].get("stay_on_while_plugged_in", "0")
        mask = int(value) if value.isdecimal() else 0
        return self.probe_on_top or (self.usb_powered and bool(mask & _PLUGGED_USB))

    @property
    def awake(self) -> bool:
        """Whether the screen is on; it sleeps by itself after its time."""
        if self._awake and not self.stays_on:
            text = self.settings["system"].get("screen_off_timeout", "60000")
            timeout_s = max(int(text) if text.isdecimal() else 60_000, 1000) / 1000
            if self.now_s - self._touched_s > timeout_s:
                self.sleep()
        return self._awake

    def wake(self) -> None:
        """Screen on; whatever keyguard there is stays."""
        if not self.awake:
            self._awake = True
            self._changed()
        self.touch()

    def touch(self) -> None:
        """Someone uses the phone."""
        self._touched_s = self.now_s

    def sleep(self) -> None:
        """Screen off, and locked when there is a lock."""
        self._awake = False
        self.keyguard_showing = self.keyguard != "none"
        self._changed()

    def dismiss_keyguard(self) -> None:
        """What can be dismissed without a PIN is."""
        if self.awake and self.keyguard != "pin":
            self.keyguard_showing = False

    # --- activities -------------------------------------------------------------------------------

    @property
    def top(self) -> str:
        """The activity that is resumed, ``package/.Class``."""
        return self.activities[-1]

    @property
    def probe_on_top(self) -> bool:
        """Whether the probe is resumed (it shows over the keyguard)."""
        return self.top.startswith(PROBE_PACKAGE + "/")

    @property
    def occluded(self) -> bool:
        """Whether an activity covers the keyguard."""
        return self.keyguard_showing and self.probe_on_top

    def show(self, component: str) -> None:
        """Bring an activity to the front."""
        self.activities = [*(a for a in self.activities if a != component), component]
        self._changed()

    def hide(self, component: str) -> None:
        """Take an activity away."""
        self.activities = [a for a in self.activities if a != component] or [LAUNCHER]
        self._changed()

    def hide_package(self, package: str) -> None:
        """Take a package's activities away."""
        left = [a for a in self.activities if not a.startswith(package + "/")]
        self.activities = left or [LAUNCHER]
        self._changed()

    @property
    def lit(self) -> bool:
        """Whether the screen is on, as it was left: nobody's time runs out by asking."""
        return self._awake

    @property
    def microphone_taken(self) -> bool:
        """Whether the probe would be fed zeros even in front."""
        others = any(r.package != PROBE_PACKAGE for r in self.recorders)
        return self.mic_toggle_off or self.mic_forced_silent or others

    @property
    def microphone_silent(self) -> bool:
        """Whether the probe would be fed zeros."""
        return self.microphone_taken or not self.probe_on_top

    # --- who looks on -----------------------------------------------------------------------------

    def watch(self, look: Callable[[], None]) -> None:
        """Call ``look`` whenever screen or activities change, in the thread that does it."""
        self._watchers.append(look)

    def unwatch(self, look: Callable[[], None]) -> None:
        """Not any more."""
        self._watchers.remove(look)

    def _changed(self) -> None:
        for look in list(self._watchers):
            look()


def _volumes(music: float, call: float) -> dict[int, Volume]:
    def at(percent: float, low: int, high: int) -> Volume:
        return Volume(round(low + (high - low) * percent / 100), low, high)

    return {
        STREAM_VOICE_CALL: at(call, 1, 15),
        STREAM_SYSTEM: at(60, 0, 7),
        STREAM_RING: at(60, 0, 7),
        STREAM_MUSIC: at(music, 0, 15),
        STREAM_ALARM: at(80, 1, 7),
        5: at(60, 0, 7),
    }


@dataclass(slots=True)
class Pids:
    """Numbers of new processes."""

    last: int = 4200
    running: dict[int, str] = field(default_factory=dict)

    def new(self, name: str) -> int:
        """A process of its own number."""
        self.last += 37
        self.running[self.last] = name
        return self.last
