"""The rules Android has for an app that plays and records."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from device_probes.protocol import RefusedCode
from device_probes.server import ConnectionDropped, TrialRefused
from device_probes.virtual.adbd.midtrial import MidTrial, stream_of
from device_probes.virtual.adbd.packages import RECORD_AUDIO, Packages
from device_probes.virtual.adbd.probe_app import ProbeApp
from device_probes.virtual.adbd.system import PROBE_PACKAGE, Recorder, SystemState
from device_probes.virtual.link.app_device import Record, Recorded, Samples
from device_probes.virtual.link.moments import Moments
from device_probes.virtual.phone import VirtualPhone
from profiler.model import ProbeReport, TrialRequest

THERMAL_WORDS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_SOURCES = {
    "default": "MIC",
    "generic": "MIC",
    "camcorder": "CAMCORDER",
    "voice_recognition": "VOICE_RECOGNITION",
    "voice_communication": "VOICE_COMMUNICATION",
    "unprocessed": "UNPROCESSED",
    "voice_performance": "VOICE_PERFORMANCE",
}


class AndroidRules:
    """What one phone's system does to the probe app's trials.

    ``drop`` breaks every connection, as a phone does that vanishes in mid-trial.
    """

    def __init__(
        self,
        sound: VirtualPhone,
        state: SystemState,
        packages: Packages,
        app: ProbeApp,
        moments: Moments,
        *,
        drop: Callable[[], None],
    ) -> None:
        self._sound = sound
        self._state = state
        self._packages = packages
        self._app = app
        self._moments = moments
        self._drop = drop

    def trial(self, request: TrialRequest, record: Record, cancelled: threading.Event) -> Recorded:
        """One trial, as the system lets an app have it."""
        self._may_record()
        goes_on = request.background == "continue"
        with self._under_way(request, cancelled) as trial:
            report, samples = record()
            observed = {**self._observed(request), **trial.observed()}
            if not goes_on:
                self._in_front()
        self._moments.event_here("probe:recorded")
        state = self._state
        silent = state.microphone_taken if goes_on else state.microphone_silent
        if silent:
            samples = np.zeros_like(samples)
        silenced = silent or trial.was_muted
        return self._honest(report, samples, observed, silent=silent, silenced=silenced), samples

    def _may_record(self) -> None:
        state = self._state
        if not self._packages.allowed(PROBE_PACKAGE):
            raise TrialRefused(RefusedCode.PERMISSION, f"{RECORD_AUDIO} is not granted")
        self._in_front()
        others = [r.package for r in state.recorders if r.package != PROBE_PACKAGE]
        if others and state.api_level < 29:  # later systems feed zeros instead
            raise TrialRefused(RefusedCode.OPEN_FAILED, f"{others[0]} has the microphone")

    @contextmanager
    def _under_way(self, request: TrialRequest, cancelled: threading.Event) -> Iterator[MidTrial]:
        """The phone as the trial wants it, and given back."""
        state, app, pid = self._state, self._app, self._app.pid
        app.prepare(request)
        recorder = self._recorder(request, pid or 0)
        state.recorders.append(recorder)
        app.trial = trial = MidTrial(self._sound, state, request, cancelled)
        state.watch(trial.look)
        try:
            yield trial
        except ConnectionDropped:
            self._drop()
            raise
        except TrialRefused as exc:
            if not trial.was_left:
                raise
            self._in_front()
            text = "another app came in front of the probe"
            raise TrialRefused(RefusedCode.BACKGROUND, text) from exc
        finally:
            state.unwatch(trial.look)
            app.trial = None
            # A process that was killed puts nothing back; its journal stays.
            if app.pid == pid:
                state.recorders = [r for r in state.recorders if r is not recorder]
                app.restore()

    def _in_front(self) -> None:
        state = self._state
        if not (state.awake and state.probe_on_top):
            text = f"another app is in front: {state.top.partition('/')[0]}"
            raise TrialRefused(RefusedCode.BACKGROUND, text if state.awake else "the screen is off")

    def _recorder(self, request: TrialRequest, pid: int) -> Recorder:
        found = self._packages.installed.get(PROBE_PACKAGE)
        source = _SOURCES.get(request.input_preset, "MIC")
        session = 1000 + 8 * (zlib.crc32(str(pid).encode()) % 500)
        uid = found.uid if found else 0
        silent = self._state.microphone_silent
        return Recorder(PROBE_PACKAGE, pid, uid, session, source, request.rate_hz, silent)

    def _observed(self, request: TrialRequest) -> dict[str, str]:
        state = self._state
        call = request.audio_mode == "communication"
        volume = state.volumes[stream_of(request)]
        return {
            "audio_mode": "in_communication" if call else "normal",
            "volume_index": str(volume.index),
            "volume_max": str(volume.maximum),
            "mic_muted": "true" if state.mic_toggle_off else "false",
            "recording_clients": str(len(state.recorders)),
            "charging": "true" if state.usb_powered else "false",
        }

    def _honest(
        self,
        report: ProbeReport,
        samples: Samples,
        observed: dict[str, str],
        *,
        silent: bool,
        silenced: bool,
    ) -> ProbeReport:
        """The report with what this phone's system would say; the sound's part stays."""
        state = self._state
        run = samples.shape[0] if silent else report.longest_zero_run_frames
        startup = dict(report.startup_ms)
        if silent:
            startup.pop("first_nonzero", None)
        known = state.api_level >= 29
        return replace(
            report,
            input_silenced=silenced if known else None,
            longest_zero_run_frames=run,
            startup_ms=startup,
            observed={**report.observed, **observed},
            thermal_status=THERMAL_WORDS[state.thermal_status] if known else None,
            battery_percent=round(state.battery_percent),
            battery_temperature_c=round(state.battery_temperature_c, 1),
        )
