"""The device's side of the probe contract for probes written in Python.

A probe implements :class:`ProbeDevice`; :class:`ProbeServer` does framing, handshake, loading,
progress, cancelling and sending. Probes in other languages implement ``docs/probe-protocol.md``.
"""

from __future__ import annotations

import logging
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from device_probes.acts import TrialActs
from device_probes.fields import Malformed, clean
from device_probes.parse import read_from_host
from device_probes.protocol import (
    MAX_PCM_BYTES,
    MAX_STIMULUS_BYTES,
    PROTOCOL_VERSION,
    STAGES,
    Act,
    AskFacts,
    Bye,
    Cancel,
    Codec,
    CodecAnswer,
    Done,
    FactsAnswer,
    Failed,
    FromHost,
    FromProbe,
    Hello,
    Load,
    Loaded,
    Pcm,
    PcmFormat,
    ProgressEvent,
    Refused,
    RefusedCode,
    Result,
    Run,
    least_pcm_bytes,
)
from device_probes.refusals import TrialRefused
from device_probes.wire import MAX_PAYLOAD_BYTES, ByteStream, Connection, Deadline
from profiler.errors import ChirpbenchError, DeviceTimeout
from profiler.model import CodecCost, CodecRequest, DeviceFacts, ProbeReport, TrialRequest

__all__ = [
    "ConnectionDropped",
    "EmitProgress",
    "LoadedPlay",
    "ProbeDevice",
    "ProbeServer",
    "RefusedCode",
    "TrialRefused",
    "rate_differs",
]

log = logging.getLogger(__name__)

_IDLE_S = 3600.0
_SEND_S = 60.0
_LOAD_S = 60.0

Float32 = npt.NDArray[np.float32]
EmitProgress: TypeAlias = Callable[[str, float], None]
"""``emit(stage, fraction)``; stages are those of :data:`~device_probes.protocol.STAGES`."""


def rate_differs(granted_rate_hz: int) -> TrialRefused:
    """What a device raises when its output opens at another rate than the samples have."""
    return TrialRefused(
        RefusedCode.RATE_DIFFERS,
        f"the output opens at {granted_rate_hz} Hz",
        granted_rate_hz=granted_rate_hz,
    )


class ConnectionDropped(Exception):
    """Raised by a device that vanishes in mid-trial: the server hangs up without a word."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPlay:
    """A play with its samples: float32 mono, shape (frames,), read-only."""

    stimulus_id: str
    samples: Float32
    rate_hz: int
    at_frame: int


class ProbeDevice(Protocol):
    """What a probe written in Python implements."""

    def facts(self) -> DeviceFacts:
        """The device's facts; quick."""
        ...

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, npt.NDArray[np.int16] | Float32]:
        """Open fresh streams, run ``request.warmup_s``, then play and record.

        Frame 0 of the returned samples is what was read in the callback that wrote frame 0 of
        the timeline; shape (frames, channels) with ``report.input.channels`` columns, int16 or
        float32, ``duration_s`` long at ``report.input.rate_hz``. Raises :class:`TrialRefused`,
        :func:`rate_differs` when the output's rate is not that of the plays, and refuses with
        ``cancelled`` soon after the event is set.
        """
        ...


@runtime_checkable
class CodesSpeech(Protocol):
    """What a device that can measure the cost of coding offers beside :class:`ProbeDevice`."""

    def codec_cost(
        self, request: CodecRequest, emit_progress: EmitProgress, cancelled: threading.Event
    ) -> CodecCost:
        """Code ``request.frames`` frames; raises :class:`TrialRefused` as ``run`` does."""
        ...


class ProbeServer:
    """Serves one host over one byte stream; :meth:`serve` blocks until the host leaves."""

    def __init__(
        self, device: ProbeDevice, stream: ByteStream, *, version: str, token: str = ""
    ) -> None:
        self._device = device
        self._wire = Connection(stream, "host")
        self._version = version
        self._token = token
        self._stimuli: OrderedDict[tuple[str, int], Float32] = OrderedDict()
        self._cancelled = threading.Event()
        self._trial: threading.Thread | None = None
        self._busy = False
        self._acts: TrialActs | None = None
        """Of the recording that runs."""

    def serve(self) -> None:
        """Answer until bye, the end of the stream or a host that breaks the contract."""
        try:
            if self._handshake():
                while self._answer():
                    pass
        except ChirpbenchError as exc:
            log.debug("session ended: %s", exc)
        finally:
            self._cancelled.set()
            if self._trial:
                self._trial.join()
            self._wire.close()

    def stop(self) -> None:
        """From another thread: end the session."""
        self._cancelled.set()
        self._wire.close()

    def _handshake(self) -> bool:
        hello = self._read(Deadline(10.0, "hello"))
        if hello is None:
            return False
        if isinstance(hello, Hello) and hello.token != self._token:
            self._send(Refused(RefusedCode.UNAUTHORIZED, "the token is wrong"))
            return False
        # Also to a host of another version: it is the one that can tell the user.
        self._send(Hello(PROTOCOL_VERSION, self._version))
        return isinstance(hello, Hello) and hello.protocol == PROTOCOL_VERSION

    def _answer(self) -> bool:
        """Handle one message; ``False`` ends the session."""
        try:
            message = self._read(Deadline(_IDLE_S, "idle"))
        except DeviceTimeout:
            return True
        if message is None or isinstance(message, Bye | Hello | Pcm):
            return False
        if isinstance(message, Cancel):
            self._cancelled.set()
        elif isinstance(message, Act):
            acts = self._acts
            if acts:
                acts.take(message)
        elif self._busy:
            self._send(Refused(RefusedCode.BUSY, "a trial is running"))
        elif isinstance(message, AskFacts):
            self._send(self._facts())
        elif isinstance(message, Load):
            return self._load(message)
        else:
            if self._trial:
                self._trial.join()  # it has said its last word already
            self._cancelled.clear()
            self._busy = True
            self._trial = threading.Thread(
                target=self._work, args=(message,), name="probe-trial", daemon=True
            )
            self._trial.start()
        return True

    def _facts(self) -> FactsAnswer | Failed:
        try:
            return FactsAnswer(self._device.facts())
        except Exception as exc:  # noqa: BLE001 - a device's fault is reported, not fatal
            return _failed(exc)

    def _load(self, load: Load) -> bool:
        deadline = Deadline(_LOAD_S, "load")
        data = bytearray(load.frames * 4)
        at = 0
        while at < len(data):
            frame = self._wire.read(deadline)
            size = len(frame.payload)
            if frame.header != Pcm(at).header() or not 0 < size <= len(data) - at:
                self._send(Refused(RefusedCode.MALFORMED, f"expected pcm at byte {at}"))
                return False
            data[at : at + size] = frame.payload
            at += size
        if zlib.crc32(data) != load.crc32:
            self._send(Refused(RefusedCode.MALFORMED, "the stimulus arrived damaged"))
            return False
        key = (load.stimulus_id, load.rate_hz)
        self._stimuli.pop(key, None)
        self._stimuli[key] = np.frombuffer(bytes(data), "<f4").astype(np.float32, copy=False)
        while sum(s.nbytes for s in self._stimuli.values()) > MAX_STIMULUS_BYTES:
            self._stimuli.popitem(last=False)
        self._send(Loaded(*key, load.crc32))
        return True

    def _work(self, message: Run | Codec) -> None:
        """One trial, on a thread of its own so that cancel is heard."""
        try:
            if isinstance(message, Codec):
                self._code(message.request)
            else:
                self._send_result(*self._record(message))
        except TrialRefused as exc:
            self._end_trial(exc.refused)
        except ConnectionDropped:
            self._wire.close()
        except ChirpbenchError as exc:
            log.debug("trial not delivered: %s", exc)
        except Exception as exc:  # noqa: BLE001 - a device's fault is reported, not fatal
            self._end_trial(_failed(exc))

    def _record(self, message: Run) -> tuple[ProbeReport, npt.NDArray[np.int16] | Float32]:
        plays = self._plays(message)
        self._acts = acts = TrialActs(self._device)
        try:
            report, samples = self._device.run(message.request, plays, self._emit, self._cancelled)
        finally:
            self._acts = None
            acts.end()
        return acts.told(report), samples

    def _code(self, request: CodecRequest) -> None:
        if not isinstance(self._device, CodesSpeech):
            raise TrialRefused(RefusedCode.UNSUPPORTED, "this probe codes no speech")
        cost = self._device.codec_cost(request, self._emit, self._cancelled)
        self._busy = False
        self._send(CodecAnswer(cost))

    def _plays(self, run: Run) -> list[LoadedPlay]:
        if least_pcm_bytes(run.request) > MAX_PCM_BYTES:
            raise TrialRefused(RefusedCode.TOO_LARGE, "the recording would be too large")
        plays = []
        for play in run.plays:
            samples = self._stimuli.get((play.stimulus_id, run.rate_hz))
            if samples is None:
                raise TrialRefused(RefusedCode.NOT_LOADED, f"{play.stimulus_id} is not loaded")
            plays.append(LoadedPlay(play.stimulus_id, samples, run.rate_hz, play.at_frame))
        return plays

    def _emit(self, stage: str, fraction: float) -> None:
        if stage not in STAGES:
            raise ValueError(stage)
        self._send(ProgressEvent(stage, min(max(float(fraction), 0.0), 1.0)))

    def _send_result(self, report: ProbeReport, samples: npt.NDArray[np.int16] | Float32) -> None:
        form = PcmFormat.INT16 if samples.dtype == np.int16 else PcmFormat.FLOAT32
        wire_type = "<i2" if form is PcmFormat.INT16 else "<f4"
        if samples.ndim != 2 or samples.shape[1] != report.input.channels:
            raise ValueError(f"samples of shape {samples.shape}, {report.input.channels} channels")
        data = np.ascontiguousarray(samples, dtype=wire_type).reshape(-1).data.cast("B")
        self._send(Result(report, form, samples.shape[0]))
        for at in range(0, len(data), MAX_PAYLOAD_BYTES):
            piece = data[at : at + MAX_PAYLOAD_BYTES]
            self._wire.write(Pcm(at).header(), Deadline(_SEND_S, "samples"), piece)
        self._busy = False
        self._send(Done(zlib.crc32(data)))

    def _read(self, deadline: Deadline) -> FromHost | None:
        """The next message; ``None`` after telling a host that broke the contract."""
        frame = self._wire.read(deadline)
        try:
            return read_from_host(frame.header)
        except Malformed as exc:
            self._send(Refused(RefusedCode.MALFORMED, clean(str(exc))[:300]))
            return None

    def _send(self, message: FromProbe) -> None:
        self._wire.write(message.header(), Deadline(_SEND_S, "send"))

    def _end_trial(self, message: Refused | Failed) -> None:
        # Not busy from before the answer on: the host may ask the next thing at once.
        self._busy = False
        try:
            self._send(message)
        except ChirpbenchError as exc:
            log.debug("answer not delivered: %s", exc)


def _failed(exc: Exception) -> Failed:
    log.debug("the device failed", exc_info=exc)
    return Failed(clean(f"{type(exc).__name__}: {exc}")[:300])
