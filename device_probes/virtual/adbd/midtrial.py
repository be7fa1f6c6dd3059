"""What happens to a running trial from outside: volume keys, a dark screen, another app."""

from __future__ import annotations

import math
import threading
from contextlib import suppress

import numpy as np

from device_probes.refusals import TrialRefused
from device_probes.virtual.adbd.system import (
    STREAM_MUSIC,
    STREAM_RING,
    STREAM_VOICE_CALL,
    SystemState,
)
from device_probes.virtual.buffers import SCREEN_OFF, SCREEN_ON
from device_probes.virtual.paths import LEVEL, MUTE
from device_probes.virtual.phone import VirtualPhone
from profiler.model import TrialRequest

_STREAMS = {"voice_call": STREAM_VOICE_CALL, "music": STREAM_MUSIC, "ring": STREAM_RING}
_SILENT_DB = -100.0
"""Index 0."""


def stream_of(request: TrialRequest) -> int:
    """The stream a trial plays on."""
    return STREAM_VOICE_CALL if request.audio_mode == "communication" else STREAM_MUSIC


def press_volume_key(
    state: SystemState, moved_in_call: str, step: int, trial: MidTrial | None
) -> None:
    """Move the stream that this phone's volume keys move now, and what is heard with it.

    ``moved_in_call`` is the stream they move while it is in communication mode.
    """
    in_call = state.audio_mode == "MODE_IN_COMMUNICATION"
    volume = state.volumes[_STREAMS[moved_in_call if in_call else "music"]]
    volume.index = min(max(volume.index + step, volume.minimum), volume.maximum)
    if trial is not None:
        trial.hear_volume()


class MidTrial:
    """One trial of the probe app, as it is seen from outside. Safe from several threads."""

    def __init__(
        self,
        sound: VirtualPhone,
        state: SystemState,
        request: TrialRequest,
        cancelled: threading.Event,
    ) -> None:
        self._sound = sound
        self._state = state
        self._request = request
        self._cancelled = cancelled
        self._goes_on = request.background == "continue"
        self._stream = stream_of(request)
        self._began_at = state.volumes[self._stream].index
        self._lit, self._shown = state.lit, True
        self._left_s: float | None = None
        self._came_s: float | None = None
        self.was_left = False
        """It left the foreground and may not go on there: the trial is over."""
        self.was_muted = False

    def look(self) -> None:
        """Screen or activities have changed."""
        state = self._state
        if state.lit != self._lit:
            self._lit = state.lit
            self._act(SCREEN_ON if state.lit else SCREEN_OFF, "")
        shown = state.lit and state.probe_on_top
        if shown == self._shown:
            return
        self._shown = shown
        now_s = self._sound.recording_s()
        if shown:
            self._came_s = now_s if self._came_s is None else self._came_s
            self._act(MUTE, "off")
        elif not self._goes_on:
            self.was_left = True
            self._cancelled.set()
        else:
            self._left_s = now_s if self._left_s is None else self._left_s
            self._mute_after(now_s)

    def _mute_after(self, now_s: float | None) -> None:
        after_s = self._sound.spec.android.background_mute_s
        if after_s == "never" or now_s is None:
            return
        self.was_muted |= now_s + after_s < self._request.duration_s
        self._act(MUTE, "", now_s + after_s)

    def hear_volume(self) -> None:
        """A stream's volume was changed: what is played is louder or weaker from now on."""
        volume = self._state.volumes[self._stream]
        most = volume.maximum
        change_db = self._db(volume.index / most) - self._db(self._began_at / most)
        self._act(LEVEL, f"{min(max(change_db, _SILENT_DB), -_SILENT_DB):.2f}")

    def _db(self, volume: float) -> float:
        curve = sorted(self._sound.spec.acoustics.volume_curve)
        if volume <= 0:
            return _SILENT_DB
        if not curve:
            return 20 * math.log10(volume)
        volumes, levels_db = zip(*curve, strict=True)
        return float(np.interp(volume, volumes, levels_db))

    def _act(self, action: str, value: str, at_s: float | None = None) -> None:
        with suppress(TrialRefused):  # its streams are not open yet, or not any more
            self._sound.act(action, value, at_s)

    def observed(self) -> dict[str, str]:
        """When it left the foreground and came back, in the words of the contract."""
        times = {"left_front_ms": self._left_s, "came_front_ms": self._came_s}
        if self._left_s is None:
            return {}
        return {name: str(round(1000 * s)) for name, s in times.items() if s is not None}
