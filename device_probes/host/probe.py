"""The device's side: facts of one interface, and trials in fresh streams."""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from device_probes.codec import raw_table
from device_probes.host import portaudio
from device_probes.host.interfaces import HostInterface
from device_probes.host.timeline import Float32, Timeline, mix
from device_probes.protocol import MAX_PCM_BYTES, RefusedCode
from device_probes.server import EmitProgress, LoadedPlay, TrialRefused, rate_differs
from profiler import __version__
from profiler.model import (
    DeviceFacts,
    EffectReport,
    EffectState,
    GrantedStream,
    Platform,
    ProbeReport,
    TrialRequest,
)

PROBE_VERSION = f"host {__version__}"
RATES_HZ = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000)
STALL_S = 3.0
"""A running stream calls back every few ms; after this long without one it is dead."""
CLOSE_S = 2.0
"""Broken sound systems hang in close; the stream is then left to the end of the process."""
MAX_OPENS = 3
"""Streams that end by themselves before frame 0 are opened again; a measurement never is."""
_MAX_REPORTED_S = 10.0
_POLL_S = 0.05
_GUESSED_RATE_APIS = ("alsa", "oss")
"""Their default rate is PortAudio's own guess (44.1 kHz), not the hardware's."""


class HostProbe:
    """One sound interface as a :class:`~device_probes.server.ProbeDevice`."""

    def __init__(self, interface: HostInterface) -> None:
        self._interface = interface

    def facts(self) -> DeviceFacts:
        """The interface and this computer's system; opens nothing."""
        it = self._interface
        maker, build = _system()
        raw = {
            "host_api": it.api,
            "input": it.input_name,
            "output": it.output_name,
            "input_channels": it.input_channels,
            "output_channels": it.output_channels,
            "default_rate_hz": it.default_rate_hz,
            "rates_hz": " ".join(str(r) for r in RATES_HZ if portaudio.takes_rate(it, r)),
            "portaudio": portaudio.version(),
        }
        return DeviceFacts(
            platform=Platform.HOST,
            manufacturer=maker,
            model=it.label,
            marketing_name=f"{it.label} ({it.api})",
            soc=platform.machine(),
            os_name=platform.system(),
            os_version=platform.release(),
            os_build=build,
            native_rate_hz=None if it.api in _GUESSED_RATE_APIS else it.default_rate_hz,
            raw=raw_table(raw),
            collected_at=datetime.now(UTC),
        )

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, Float32]:
        """Run one trial in a fresh stream; see :class:`~device_probes.server.ProbeDevice`."""
        ignored = _refuse_impossible(request, self._interface)
        notes = list(ignored)
        emit_progress("opening", 0.0)
        with _load(request.cpu_load):
            for left in reversed(range(MAX_OPENS)):
                with self._open(request, plays) as (stream, plan, timeline):
                    latency_s = stream.latency_s
                    stream.start()
                    if _wait(stream, timeline, emit_progress, cancelled):
                        return _report(plan, timeline, latency_s, notes), timeline.recording
                    if not left:
                        raise _stalled(timeline)
                notes = [*ignored, f"reopened={MAX_OPENS - left}"]
        raise AssertionError  # the loop has returned or raised

    @contextmanager
    def _open(
        self, request: TrialRequest, plays: Sequence[LoadedPlay]
    ) -> Iterator[tuple[portaudio.DuplexStream, portaudio.StreamPlan, Timeline]]:
        """A stopped stream, closed at the end.

        A device that refuses the number of channels is opened with two (or with all it has, when
        that is one): the report says what was granted.
        """
        wanted = (request.input_channels, request.output_channels)
        usual = (min(2, self._interface.input_channels), min(2, self._interface.output_channels))
        for channels in dict.fromkeys((wanted, usual)):
            plan = _plan(self._interface, request, channels)
            timeline = _timeline(request, plan, plays)
            try:
                stream = portaudio.DuplexStream(plan, timeline.callback)
            except portaudio.PortAudioRefused as exc:
                if exc.code == portaudio.INVALID_CHANNEL_COUNT and channels != usual:
                    continue
                raise _as_refusal(exc, request, self._interface) from exc
            try:
                if stream.rate_hz != timeline.rate_hz:
                    raise rate_differs(stream.rate_hz)
                yield stream, plan, timeline
            except portaudio.PortAudioRefused as exc:
                raise _as_refusal(exc, request, self._interface) from exc
            finally:
                _close(stream)
            return


# --- before --------------------------------------------------------------------------------------


def _refuse_impossible(request: TrialRequest, interface: HostInterface) -> tuple[str, ...]:
    """Refuse what PortAudio cannot do; returns the settings that are ignored, as notes."""
    problems = {
        f"this interface is reached through {interface.api}, not {request.api}": request.api
        not in ("default", interface.api),
        "PortAudio offers no voice processing": EffectState.ON
        in (request.aec, request.ns, request.agc),
        "PortAudio has no call stack": request.call is not None,
        "PortAudio streams are not opened exclusively": request.sharing == "exclusive",
    }
    for text, applies in problems.items():
        if applies:
            raise TrialRefused(RefusedCode.UNSUPPORTED, text)
    if request.duration_s * request.rate_hz * request.input_channels * 4 > MAX_PCM_BYTES:
        text = f"{request.duration_s:g} s are more than one recording may hold"
        raise TrialRefused(RefusedCode.TOO_LARGE, text)
    ignored = {
        "input_preset": request.input_preset not in ("default", "unprocessed"),
        "audio_mode": request.audio_mode != "media",
        "buffer_bursts": request.buffer_frames is None and request.buffer_bursts is not None,
    }
    return tuple(f"ignored: {name}" for name, set_ in ignored.items() if set_)


def _plan(
    interface: HostInterface, request: TrialRequest, channels: tuple[int, int]
) -> portaudio.StreamPlan:
    return portaudio.StreamPlan(
        interface=interface,
        rate_hz=request.rate_hz,
        input_channels=channels[0],
        output_channels=channels[1],
        block_frames=request.buffer_frames or 0,
        latency="low" if request.performance_mode == "low_latency" else "high",
    )


def _timeline(
    request: TrialRequest, plan: portaudio.StreamPlan, plays: Sequence[LoadedPlay]
) -> Timeline:
    rate_hz = _rate(request, plays)
    output = mix(plays, round(request.duration_s * rate_hz))
    if request.volume is not None:
        output *= request.volume
    return Timeline(output, plan.input_channels, round(request.warmup_s * rate_hz), rate_hz)


def _rate(request: TrialRequest, plays: Sequence[LoadedPlay]) -> int:
    """Rate of the timeline: that of the samples, which :func:`rate_differs` may have changed."""
    return plays[0].rate_hz if plays else request.rate_hz


def _as_refusal(
    exc: portaudio.PortAudioRefused, request: TrialRequest, interface: HostInterface
) -> TrialRefused:
    if exc.code == portaudio.INVALID_SAMPLE_RATE:
        text = f"{request.rate_hz} Hz is refused by {interface.label}"
        return TrialRefused(RefusedCode.UNSUPPORTED, text)
    return TrialRefused(RefusedCode.OPEN_FAILED, f"the stream does not open ({exc.message})")


# --- while it runs -------------------------------------------------------------------------------


def _wait(
    stream: portaudio.DuplexStream,
    timeline: Timeline,
    emit_progress: EmitProgress,
    cancelled: threading.Event,
) -> bool:
    """Wait for the end of the timeline; a stream that stops calling back is lost.

    Returns ``False`` when the stream ended by itself before frame 0, so that nothing was played.
    """
    seen, seen_at = -1, time.monotonic()
    warmup_frames = max(1, -timeline.frame)
    total = warmup_frames + timeline.recording.shape[0]
    said_at = 0.0
    while not timeline.done.wait(_POLL_S):
        now = time.monotonic()
        if cancelled.is_set():
            raise TrialRefused(RefusedCode.CANCELLED, "the trial was cancelled")
        if timeline.callbacks != seen:
            seen, seen_at = timeline.callbacks, now
        elif not stream.active and timeline.frame <= 0:
            return False
        elif now - seen_at > STALL_S or not stream.active:
            raise _stalled(timeline)
        if now - said_at > 0.2:
            said_at = now
            stage = "warming" if timeline.frame < 0 else "playing"
            emit_progress(stage, (timeline.frame + warmup_frames) / total)
    emit_progress("fetching", 1.0)
    return True


def _stalled(timeline: Timeline) -> TrialRefused:
    where_s = timeline.frame / timeline.rate_hz
    text = f"the stream stopped calling back at {where_s:.2f} s of the timeline"
    return TrialRefused(RefusedCode.STREAM_LOST, text)


def _close(stream: portaudio.DuplexStream) -> None:
    closer = threading.Thread(target=stream.close, name="portaudio-close", daemon=True)
    closer.start()
    closer.join(CLOSE_S)


@contextmanager
def _load(share: float) -> Iterator[None]:
    """Keep ``share`` of one core busy beside the stream."""
    if share <= 0:
        yield
        return
    stop = threading.Event()
    block = bytes(2**20)

    def burn() -> None:
        while not stop.is_set():
            start = time.perf_counter()
            hashlib.sha256(block).digest()  # lets go of the interpreter while it works
            busy_s = time.perf_counter() - start
            stop.wait(busy_s * (1 - share) / share)

    burner = threading.Thread(target=burn, name="cpu-load", daemon=True)
    burner.start()
    try:
        yield
    finally:
        stop.set()
        burner.join()


# --- afterwards ----------------------------------------------------------------------------------


def _report(
    plan: portaudio.StreamPlan,
    timeline: Timeline,
    latency_s: tuple[float, float],
    notes: Sequence[str],
) -> ProbeReport:
    block = timeline.usual_block
    reported_ms = [s * 1000 if 0 <= s <= _MAX_REPORTED_S else None for s in latency_s]
    notes = [
        *notes,
        *(
            f"nonsense reported: {name} latency {s:.6g} s"
            for name, s in zip(("input", "output"), latency_s, strict=True)
            if not 0 <= s <= _MAX_REPORTED_S
        ),
    ]
    granted = [
        GrantedStream(
            rate_hz=timeline.rate_hz, channels=n, frames_per_burst=block, buffer_frames=block
        )
        for n in (plan.output_channels, plan.input_channels)
    ]
    unknown = EffectReport(EffectState.UNKNOWN)  # the system may process; PortAudio cannot tell
    return ProbeReport(
        probe_version=PROBE_VERSION,
        output=granted[0],
        input=granted[1],
        xruns_output=timeline.xruns_output,
        xruns_input=timeline.xruns_input,
        reported_output_latency_ms=reported_ms[1],
        reported_input_latency_ms=reported_ms[0],
        timestamps_output=tuple(timeline.stamps_output),
        timestamps_input=tuple(timeline.stamps_input),
        callback_histogram_ms=timeline.histogram,
        effects={"aec": unknown, "ns": unknown, "agc": unknown},
        notes=_notes(plan, timeline, notes),
    )


def _notes(plan: portaudio.StreamPlan, timeline: Timeline, more: Sequence[str]) -> tuple[str, ...]:
    sizes = sorted(timeline.block_sizes)
    notes = [
        f"api={plan.interface.api}",
        f"latency={plan.latency}",
        f"warmup_xruns={timeline.warmup_xruns}",
        f"callback_frames={sizes[0]}..{sizes[-1]}" if sizes else "callback_frames=none",
    ]
    pairs = zip(timeline.stamps_output, timeline.stamps_input, strict=False)
    apart = [o.time_ns - i.time_ns for o, i in pairs if o.frame == i.frame]
    if apart:
        notes.append(f"timestamp_round_trip_ms={statistics.median(apart) / 1e6:.3f}")
    if hasattr(os, "getloadavg"):
        notes.append(f"load_average={os.getloadavg()[0]:.2f}")
    return (*notes, *more)


def _system() -> tuple[str, str]:
    """(maker, build) of the operating system."""
    system = platform.system()
    if system == "Darwin":
        return "Apple", f"macOS {platform.mac_ver()[0]}"
    if system == "Windows":
        return "Microsoft", f"Windows {platform.version()}"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return system, platform.release()
    name = release.get("NAME", system)
    return name, f"{release.get('PRETTY_NAME', name)}, {system} {platform.release()}"
