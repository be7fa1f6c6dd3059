"""Makes a phone fit to be measured, and puts back what was changed.

What is changed is written to the phone first (:data:`~device_probes.android.commands.RESTORE_FILE`)
and taken back from there: at the end, or, after a crash or a pulled cable, at the next contact from
whatever computer. The probe does the same for volume, mode and route with a journal of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

from device_probes.android import commands, dumps, files, parsers, reverse
from device_probes.android.errors import not_ready
from device_probes.android.note import Before
from device_probes.android.shell import Shell
from profiler.errors import DeviceNotReady, InstallFailed, ProbePermission
from profiler.model import DeviceHealth, DeviceState

STAY_ON_ALWAYS = 7
"""AC, USB and wireless power (``BatteryManager.BATTERY_PLUGGED_*``)."""
READINESS = {
    "battery": commands.BATTERY,
    "thermal": commands.THERMAL,
    "trust": commands.TRUST,
    "policy": commands.POLICY,
    "privacy": commands.SENSOR_PRIVACY,
    "audio": commands.AUDIO,
    "stay": commands.GET_STAY_ON,
    "restore": commands.READ_RESTORE,
}
"""Sections of the contact script that this module reads."""
_UNLOCK_S = 2.0
"""A keyguard without a PIN goes away within a second."""
_LOOK_AGAIN_S = 0.2
_AUDIO = {"audio": commands.AUDIO}
_WAKE_AND_LOOK = commands.script(
    commands.WAKE,
    commands.DISMISS_KEYGUARD,
    commands.sections({"trust": commands.TRUST, "policy": commands.POLICY}),
)


class _Lock(Enum):
    OPEN = "open"
    ASLEEP = "asleep"
    LOCKED = "locked"
    NOT_SAID = "not said"


class Preparation:
    """One connected phone being prepared, and put back."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._before: Before | None = None
        self._found: Before | None = None
        """What a note would say, also when nothing was changed yet."""
        self.left_behind = False
        """Whether a session before this one ended without putting the phone back."""
        self.left_ports: tuple[int, ...] = ()
        """Ports of the phone on which that session may have left a page open."""

    def apply(self, parts: Mapping[str, str]) -> None:
        """Wake, unlock, keep awake, from what the contact script found.

        Raises :class:`~profiler.errors.DeviceNotReady` (locked) when only a person can unlock it.
        """
        earlier = Before.read(parts.get("restore", ""))
        self.left_behind = earlier is not None
        before = earlier or Before.of(parsers.setting(parts.get("stay", "")))
        if before is not None and before != Before(before.stay_on):
            self.left_ports = tuple(phone_port for phone_port, _ in before.reversed)
            self._take_back(before)
            before = Before(before.stay_on)
            self._write(before)
        self._found = before
        if before is not None and (earlier is not None or before.stay_on != STAY_ON_ALWAYS):
            self._keep_awake(before, written=earlier is not None)
        self._unlock(parts)

    def note_volumes(self, volumes: Mapping[int, int]) -> bool:
        """Write them down on the phone before a key moves them; whether they are there now."""
        if self._found is None:
            return False
        before = self._before or self._found
        return self._write(replace(before, volumes=tuple(sorted(volumes.items()))))

    def forget_volumes(self) -> None:
        """They are back: the note is as it was."""
        if self._before is not None:
            self._write(self._before)
        else:
            self._shell.run(commands.REMOVE_RESTORE)

    def note_microphone(self, package: str) -> bool:
        """Write down that a browser is going to be given the microphone; whether it is there now,
        so that :meth:`put_back` takes it away."""
        return self._note(microphones=(package,))

    def note_reverse(self, phone_port: int, host_port: int) -> bool:
        """The same for a way from a port of the phone to one of this computer."""
        return self._note(reversed=((phone_port, host_port),))

    def _note(self, **changes: tuple[str, ...] | tuple[tuple[int, int], ...]) -> bool:
        if self._found is None:
            return False
        before = replace(self._before or self._found, **changes)  # type: ignore[arg-type]
        there = self._write(before)
        if there:
            self._before = before
        return there

    def _write(self, before: Before) -> bool:
        """Put a note on the phone; whether it is there, whole."""
        files.write(self._shell, before.text().encode(), commands.RESTORE_FILE)
        return Before.read(self._shell.run(commands.READ_RESTORE).out) == before

    def _unlock(self, parts: Mapping[str, str]) -> None:
        """Wake the screen and take away a keyguard that needs no secret."""
        end = time.monotonic() + _UNLOCK_S
        lock = _lock(parts)
        while lock is not _Lock.OPEN:
            if time.monotonic() >= end:
                if lock is _Lock.LOCKED:
                    raise not_ready(self._shell.device, DeviceState.LOCKED)
                return  # the check that the probe is in front will say
            text = self._shell.run(_WAKE_AND_LOOK).out
            before, lock = lock, _lock(parsers.sections(text, ("trust", "policy")))
            if _Lock.NOT_SAID in (before, lock):
                return
            if lock is not _Lock.OPEN:
                time.sleep(_LOOK_AGAIN_S)

    def _keep_awake(self, before: Before, *, written: bool) -> None:
        """Note the old value on the phone, look that it is there, and only then change it."""
        if not written:
            try:
                there = self._write(before)
            except InstallFailed as exc:
                raise InstallFailed(
                    "the phone's storage is full: nothing is changed that could not be put back",
                    device=self._shell.device, reason=exc.reason, hint=exc.hint,
                ) from exc  # fmt: skip
            if not there:
                return  # without a note the setting stays as it is; the probe keeps the screen on
        self._before = before
        self._shell.run(commands.set_stay_on(STAY_ON_ALWAYS))

    def put_back(self, timeout_s: float | None = None) -> None:
        """Give back what was changed; the note goes only after the value is back.

        Raises :class:`~profiler.errors.DeviceError`; the note is then still on the phone.
        """
        before, self._before = self._before, None
        if before is None:
            return
        self._take_back(before, timeout_s)
        look = commands.script(
            commands.set_stay_on(before.stay_on), commands.sections({"stay": commands.GET_STAY_ON})
        )
        parts = parsers.sections(self._shell.run(look, timeout_s).out, ("stay",))
        if Before.of(parsers.setting(parts.get("stay", ""))) == Before(before.stay_on):
            self._shell.run(commands.REMOVE_RESTORE, timeout_s)

    def _take_back(self, before: Before, timeout_s: float | None = None) -> None:
        """Undo everything but the setting that keeps the screen on."""
        if before.volumes:
            restore_volumes(self._shell, dict(before.volumes))
        for pair in before.reversed:
            reverse.remove(self._shell, *pair)
        for package in before.microphones:
            self._shell.run(commands.microphone(package, allow=False), timeout_s)


def restore_volumes(shell: Shell, wanted: Mapping[int, int]) -> bool:
    """Set streams to these indices where they differ; whether the phone says that they are.

    The words for it changed with Android 11; a phone that knows neither keeps what it has.
    """
    names = {number: dumps.STREAMS[number] for number in wanted if number < len(dumps.STREAMS)}
    differ: dict[int, int] = {}
    for old in (False, True, True):
        text = shell.run(commands.sections(_AUDIO)).out
        now = dumps.volumes(parsers.sections(text, _AUDIO).get("audio", ""))
        differ = {
            number: wanted[number]
            for number, name in names.items()
            if name in now and now[name].index != wanted[number]
        }
        if not differ:
            return bool(now)
        shell.run(commands.script(*(commands.set_volume(s, i, old=old) for s, i in differ.items())))
    return False


def _lock(parts: Mapping[str, str]) -> _Lock:
    screen = dumps.screen(parts.get("policy", ""))
    if dumps.device_locked(parts.get("trust", "")) or screen.keyguard:
        return _Lock.LOCKED
    if screen.awake is None:
        return _Lock.NOT_SAID
    return _Lock.OPEN if screen.awake else _Lock.ASLEEP


def health(parts: Mapping[str, str]) -> DeviceHealth:
    """Battery and heat from the sections ``battery`` and ``thermal``."""
    battery = dumps.battery(parts.get("battery", ""))
    return DeviceHealth(
        battery_percent=battery.percent,
        battery_temperature_c=battery.temperature_c,
        thermal_status=dumps.thermal_status(parts.get("thermal", "")),
    )


def refuse_deaf(parts: Mapping[str, str], device: str, own: str = commands.PACKAGE) -> None:
    """Raise when a trial would record silence: microphone switched off, or another app than
    ``own`` has it.

    :class:`~profiler.errors.ProbePermission` or :class:`~profiler.errors.DeviceNotReady` (busy).
    Android 10 and later give zeros then, without any error.
    """
    if dumps.microphone_off(parts.get("privacy", "")):
        raise ProbePermission(
            "the microphone is switched off", device=device,
            hint="switch on “Microphone access” in the quick settings (or Settings → Privacy)",
        )  # fmt: skip
    others = dumps.recorders(parts.get("audio", ""), own)
    if others:
        raise DeviceNotReady(
            f"{', '.join(others)} records from the microphone", device=device,
            state=DeviceState.BUSY.value, hint="close that app on the phone, then run again",
        )  # fmt: skip
