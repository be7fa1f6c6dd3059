"""What the probe app on an iPhone makes of a configuration: the rules of ``ProbeApp/Core/words.c``,
which tests hold beside these."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from device_probes.protocol import RefusedCode
from device_probes.server import EmitProgress, LoadedPlay, TrialRefused
from device_probes.virtual.fleet_words import MODES, REMOTE_IO, ROUTES, VOICE_PROCESSING
from device_probes.virtual.phone import VirtualPhone
from profiler.model import (
    CodecCost,
    CodecRequest,
    DeviceFacts,
    EffectReport,
    EffectState,
    ProbeReport,
    TrialRequest,
)

MODE_NAMES = {
    "default": "Default", "measurement": "Measurement", "voice_chat": "VoiceChat",
    "video_chat": "VideoChat",
}  # fmt: skip
"""How AVFAudio itself spells the mode: what the session says that it is in."""
_ON, _OFF = EffectState.ON, EffectState.OFF


def is_voice(request: TrialRequest) -> bool:
    """Whether the voice-processing unit is opened."""
    return request.api == VOICE_PROCESSING or (request.api == "default" and request.aec is _ON)


def session_mode(request: TrialRequest) -> str:
    """Mode that the session is set to."""
    call = request.audio_mode == "communication"
    return MODES.get(request.input_preset, "voice_chat" if call else "default")


def fault(request: TrialRequest) -> str:
    """Why iOS has no such configuration; empty when it has."""
    r = request
    call = r.audio_mode == "communication"
    usages = ("default", "voice_communication" if call else "media")
    checks = (
        (r.api in ("default", REMOTE_IO, VOICE_PROCESSING), "iOS has no such api"),
        (r.sharing in ("default", "shared"), "iOS shares its streams"),
        (r.performance_mode in ("default", "low_latency"), "on iOS the buffer says it"),
        (r.audio_session == "default", "iOS has no session ids"),
        (call or r.audio_mode == "media", "audio_mode is media or communication"),
        (r.input_preset in ("default", *MODES), "AVAudioSession has no mode for this preset"),
        (r.usage in usages, "on iOS the mode says the usage"),
        (is_voice(r) or _ON not in (r.aec, r.ns, r.agc), "remote I/O processes nothing"),
        (r.aec is not _OFF or _ON not in (r.ns, r.agc), "iOS has echo, noise and level in one"),
        (r.route in ROUTES, "iOS has no such route"),
        (r.call is None, "this app has no call stack"),
    )
    return next((why for fits, why in checks if not fits), "")


def taken(request: TrialRequest) -> TrialRequest:
    """The configuration that the units have then: one API, and effects that come together.

    Raises :class:`~device_probes.server.TrialRefused` (``unsupported``).
    """
    why = fault(request)
    if why:
        raise TrialRefused(RefusedCode.UNSUPPORTED, why)
    if not is_voice(request):
        return replace(request, api=REMOTE_IO, aec=_OFF, ns=_OFF, agc=_OFF)
    if request.aec is _OFF:  # bypassed
        return replace(request, api=VOICE_PROCESSING, ns=_OFF, agc=_OFF)
    agc = _OFF if request.agc is _OFF else _ON
    return replace(request, api=VOICE_PROCESSING, aec=_ON, ns=_ON, agc=agc)


def told(request: TrialRequest, real: Mapping[str, EffectReport]) -> dict[str, EffectReport]:
    """What the app says of the effects (``effects`` in ``ProbeApp/App/TrialReport.swift``).

    ``real`` is what works; of the voice-processing unit the app reads that back. Remote I/O cancels
    nothing, and only in the mode ``measurement`` does iOS promise to process the microphone little:
    else nobody tells what becomes of noise and level.
    """
    plain = _OFF if session_mode(request) == "measurement" else EffectState.UNKNOWN
    states = {name: effect.state for name, effect in real.items()}
    if not is_voice(request):
        states = {"aec": _OFF, "ns": plain, "agc": plain}
    return {name: EffectReport(state) for name, state in states.items()}


def asked_buffer_s(request: TrialRequest, burst_frames: int, rate_hz: int) -> float:
    """The I/O buffer that the app prefers; a burst is what the system uses by itself."""
    if request.buffer_frames:
        return request.buffer_frames / request.rate_hz
    return (request.buffer_bursts or 1) * burst_frames / rate_hz


class AppleUnits:
    """A virtual phone's sound behind the two audio units of an iPhone. A ``ProbeDevice``."""

    def __init__(self, sound: VirtualPhone) -> None:
        self._sound = sound

    def facts(self) -> DeviceFacts:
        """What the phone says of itself."""
        return self._sound.facts()

    def codec_cost(
        self,
        request: CodecRequest,  # noqa: ARG002 - the contract's
        emit_progress: EmitProgress,  # noqa: ARG002
        cancelled: threading.Event,  # noqa: ARG002
    ) -> CodecCost:
        """The app has no coder."""
        raise TrialRefused(RefusedCode.UNSUPPORTED, "this app codes no speech")

    def act(self, action: str, value: str) -> str:
        """As the phone does it."""
        return self._sound.act(action, value)

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, npt.NDArray[np.int16] | npt.NDArray[np.float32]]:
        """One trial as the units have it, told as the app tells it."""
        report, samples = self._sound.run(taken(request), plays, emit_progress, cancelled)
        burst, rate_hz = self._sound.spec.frames_per_burst, report.output.rate_hz
        granted = report.output.buffer_frames or burst
        observed = {
            **report.observed,
            "session_category": "AVAudioSessionCategoryPlayAndRecord",
            "session_mode": session_mode(request),
            "session_mode_granted": f"AVAudioSessionMode{MODE_NAMES[session_mode(request)]}",
            "requested_rate_hz": str(request.rate_hz),
            "requested_io_buffer_ms": f"{1000 * asked_buffer_s(request, burst, rate_hz):.4f}",
            "io_buffer_ms": f"{1000 * granted / rate_hz:.4f}",
        }
        effects = told(request, report.effects)
        return replace(report, effects=effects, observed=observed), samples
