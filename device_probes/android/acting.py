"""Doing something to a phone while a trial runs on it, and taking it back.

Each action is one fixed command (``commands.py``) in a shell of its own, and what it did is looked
up afterwards in what the phone says. Nothing here is done outside a trial: the phone is put back
at its end, volumes also after a pulled cable, from the note on the phone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from device_probes.android import commands, dumps, parsers
from device_probes.android.prepare import Preparation, restore_volumes
from device_probes.android.running import RunningProbe
from device_probes.android.shell import Shell
from device_probes.client import ProbeClient
from profiler.errors import DeviceError, ProbeRefused
from profiler.model import TimedAction

T = TypeVar("T")

_SCREEN = frozenset({"screen_off", "lock"})
"""What a phone with a secret must not be told: only a person could unlock it again."""
_WORDS = frozenset(
    {*_SCREEN, "screen_on", "home", "front", "volume_up", "volume_down", "route"}
)  # fmt: skip
MAX_ACTIONS = 64
"""Of one trial: no test needs a tenth of it."""
_SEEN_S = 2.0
"""A key is an app of its own on the phone: half a second until it arrives is usual."""
_LOOK_S = 0.2
_SCREEN_DUMP = {"policy": commands.POLICY}
_FRONT_DUMP = {"front": commands.ACTIVITIES}
_AUDIO_DUMP = {"audio": commands.AUDIO}


@dataclass(slots=True)
class _Trial:
    """What runs, how the phone was before it, and what was changed since."""

    probe: RunningProbe
    client: ProbeClient
    volumes: Mapping[str, dumps.StreamVolume]
    screen_changed: bool = False
    noted: bool = False
    done: int = field(default=0)


class Actor:
    """The timed actions of one connected phone. :meth:`act` belongs to any thread."""

    def __init__(self, shell: Shell, preparation: Preparation, *, secure: bool | None) -> None:
        """``secure``: whether a locked screen would ask for a secret; ``None`` = not known."""
        self._shell = shell
        self._preparation = preparation
        self._secure = secure
        self._lock = threading.Lock()
        self._trial: _Trial | None = None

    @property
    def actions(self) -> frozenset[str]:
        """What can be done to this phone."""
        return _WORDS - _SCREEN if self._secure else _WORDS

    def begin(
        self, probe: RunningProbe, client: ProbeClient, volumes: Mapping[str, dumps.StreamVolume]
    ) -> None:
        """A trial begins, on a phone with these volumes."""
        with self._lock:
            self._trial = _Trial(probe, client, volumes)

    def act(self, action: TimedAction) -> str:
        """Do it; returns what was seen. Raises :class:`~profiler.errors.DeviceError`."""
        if action.action not in self.actions:
            hint = "unlock it and set the screen lock to None" if action.action in _SCREEN else ""
            raise self._refused(f"no action {action.action!r} on this phone", hint)
        with self._lock:
            trial = self._trial
            if trial is None:
                raise self._refused("no trial is running")
            if trial.done >= MAX_ACTIONS:
                raise self._refused(f"more than {MAX_ACTIONS} actions in one trial")
            trial.done += 1
            if action.action == "route":
                trial.client.act("route", action.value)
                return f"{action.value} was asked for"
            if action.action.startswith("volume_"):
                return self._press(trial, up=action.action == "volume_up", value=action.value)
            if action.value:
                raise self._refused(f"{action.action} takes no value ({action.value!r})")
            return self._switch(trial, action.action)

    def end(self) -> None:
        """The trial is over: have the phone as it was before it. Never raises."""
        with self._lock:
            trial, self._trial = self._trial, None
            if trial is None:
                return
            if trial.screen_changed:
                with suppress(DeviceError):  # the check before the next trial looks again
                    self._to_front(trial)
            if trial.noted:
                with suppress(DeviceError):  # the note on the phone stays for the next contact
                    if restore_volumes(self._shell, _indices(trial.volumes)):
                        self._preparation.forget_volumes()

    # --- screen and foreground --------------------------------------------------------------------

    def _switch(self, trial: _Trial, word: str) -> str:
        trial.screen_changed = True
        if word == "home":
            self._shell.run(commands.HOME_KEY)
            return self._in_front(wanted=False)
        if word == "front":
            self._to_front(trial)
            return self._in_front(wanted=True)
        wake = word == "screen_on"
        if wake:
            self._wake()
        elif (awake := self._screen().awake) is not False:
            # The power key locks at once, but would switch a dark screen on.
            sure = word == "lock" and awake is True
            self._shell.run(commands.POWER_KEY if sure else commands.SLEEP)
        seen = self._until(self._screen, lambda s: s.awake is None or s.awake is wake)
        if seen.awake is not None and seen.awake is not wake:
            raise self._refused(f"the screen stayed {'off' if wake else 'on'}")
        words = {True: "on", False: "off", None: "not said"}
        guard = {True: "up", False: "down", None: "not said"}
        return f"screen {words[seen.awake]}, keyguard {guard[seen.keyguard]}"

    def _wake(self) -> None:
        self._shell.run(commands.script(commands.WAKE, commands.DISMISS_KEYGUARD))

    def _to_front(self, trial: _Trial) -> None:
        self._wake()
        if self._front() != commands.PACKAGE:
            trial.probe.start(fresh=False)

    def _in_front(self, *, wanted: bool) -> str:
        seen = self._until(self._front, lambda p: p is None or (p == commands.PACKAGE) is wanted)
        if seen is not None and (seen == commands.PACKAGE) is not wanted:
            raise self._refused(f"{seen} stayed in front")
        return f"in front: {seen or 'not said'}"

    def _screen(self) -> dumps.Screen:
        return dumps.screen(self._look(_SCREEN_DUMP)["policy"])

    def _front(self) -> str | None:
        return dumps.foreground(self._look(_FRONT_DUMP)["front"])

    # --- volume -----------------------------------------------------------------------------------

    def _press(self, trial: _Trial, *, up: bool, value: str) -> str:
        """Press a volume key; which streams moved, as ``music 5>6 of 15``."""
        presses = int(value) if value.isdecimal() and len(value) == 1 else 0 if value else 1
        if not presses:
            raise self._refused(f"not a number of presses: {value!r}")
        if not trial.noted:
            if not trial.volumes or not self._preparation.note_volumes(_indices(trial.volumes)):
                raise self._refused("its volumes cannot be noted, so they are left alone")
            trial.noted = True
        before = self._volumes()
        self._shell.run(commands.volume_keys(up=up, presses=presses))
        after = self._until(self._volumes, lambda now: now != before)
        if after != before:  # a second key may still be on its way
            time.sleep(_LOOK_S)
            after = self._volumes()
        moved = [
            f"{word} {before[word].index}>{now.index}"
            + (f" of {now.maximum}" if now.maximum is not None else "")
            for word, now in after.items()
            if word in before and before[word].index != now.index
        ]
        return f"moved: {', '.join(moved)}" if moved else "no stream moved"

    def _volumes(self) -> dict[str, dumps.StreamVolume]:
        return dumps.volumes(self._look(_AUDIO_DUMP)["audio"])

    # --- pieces -----------------------------------------------------------------------------------

    def _look(self, what: dict[str, commands.Command]) -> dict[str, str]:
        found = parsers.sections(self._shell.run(commands.sections(what)).out, what)
        return {name: found.get(name, "") for name in what}

    def _until(self, look: Callable[[], T], good: Callable[[T], bool]) -> T:
        """Look until it is good, or for :data:`_SEEN_S`; the last look."""
        end = time.monotonic() + _SEEN_S
        while not good(seen := look()) and time.monotonic() < end:
            time.sleep(_LOOK_S)
        return seen

    def _refused(self, text: str, hint: str = "") -> ProbeRefused:
        return ProbeRefused(text, device=self._shell.device, code="unsupported", hint=hint)


def _indices(volumes: Mapping[str, dumps.StreamVolume]) -> dict[int, int]:
    return {dumps.STREAMS.index(word): volume.index for word, volume in volumes.items()}
