"""The host's side of the probe contract, used by every driver over any byte stream."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from device_probes.deadlines import CODEC_SLOWEST, Deadlines
from device_probes.driver import Capture, OnProgress, Play, Progress
from device_probes.fields import Malformed, shown
from device_probes.parse import read_from_host, read_from_probe
from device_probes.protocol import (
    FRAME_TOLERANCE_S,
    MAX_PCM_BYTES,
    MAX_PROGRESS_PER_S,
    PROTOCOL_VERSION,
    Act,
    AskFacts,
    Bye,
    Cancel,
    Codec,
    CodecAnswer,
    Done,
    FactsAnswer,
    Failed,
    FromProbe,
    Hello,
    Load,
    Loaded,
    Pcm,
    ProgressEvent,
    Refused,
    RefusedCode,
    Result,
    Run,
    ScheduledPlay,
    least_pcm_bytes,
)
from device_probes.refusals import CANCELLED, refusal
from device_probes.samples import samples_of
from device_probes.wire import MAX_PAYLOAD_BYTES, ByteStream, Connection, Deadline
from profiler import __version__
from profiler.errors import (
    ChirpbenchError,
    DeviceLost,
    ProbeError,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import CodecCost, CodecRequest, DeviceFacts, Stimulus, TrialRequest
from profiler.stimulus import render
from profiler.wav import Audio

__all__ = ["Deadlines", "ProbeClient"]

_MAX_ATTEMPTS = 4
"""Run messages per trial: one, another rate for either direction, one forgotten stimulus."""


class ProbeClient:
    """Speaks to one probe. Used from one thread, except :meth:`cancel`, :meth:`act` and
    :meth:`close`.

    Every call ends within its deadline and raises only
    :class:`~profiler.errors.DeviceError` or its children. After any of them but
    :class:`~profiler.errors.ProbeRefused` the connection is closed: what a peer in an unknown
    state sends later must not be taken for the answer to something else.
    """

    def __init__(
        self,
        stream: ByteStream,
        device: str,
        *,
        deadlines: Deadlines | None = None,
        token: str = "",
    ) -> None:
        self._device = device
        self._deadlines = deadlines or Deadlines()
        self._token = token
        self._wire = Connection(stream, device)
        self._granted: dict[TrialRequest, int] = {}
        self._loaded: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._in_call = False
        self._in_trial: Deadline | None = None
        """The deadline of a run message that is out; a cancel may be sent only then."""
        self._cancelled = False
        self._recording = False
        """A run message is out, and the probe has not said its last word on it."""

    def handshake(self) -> str:
        """Exchange hellos; returns the probe's version. Must be the first call."""
        deadline = Deadline(self._deadlines.hello_s, "hello")
        with self._closing():
            self._wire.write(Hello(PROTOCOL_VERSION, __version__, self._token).header(), deadline)
            answer = self._next(deadline)
            if isinstance(answer, Refused):
                raise self._refusal(answer)
            if not isinstance(answer, Hello):
                raise self._unexpected(answer, "hello")
            if answer.protocol != PROTOCOL_VERSION:
                raise ProbeVersionMismatch(
                    f"the probe {answer.version} speaks protocol {answer.protocol}, "
                    f"chirpbench {__version__} speaks protocol {PROTOCOL_VERSION}",
                    device=self._device,
                    hint="install the probe that belongs to this chirpbench",
                )
            return answer.version

    def facts(self) -> DeviceFacts:
        """Ask the probe for the device's facts."""
        deadline = Deadline(self._deadlines.facts_s, "facts")
        with self._closing():
            self._wire.write(AskFacts().header(), deadline)
            answer = self._next(deadline)
            if isinstance(answer, FactsAnswer):
                return answer.facts
            if isinstance(answer, Refused):
                raise self._refusal(answer)
            raise self._unexpected(answer, "facts")

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[Play],
        on_progress: OnProgress,
        off: threading.Event | None = None,
    ) -> Capture:
        """Run one trial; stimuli are rendered at the rate the device grants. ``off`` is set by
        whoever then calls :meth:`cancel`, which hears nothing while this has not begun.

        Raises :class:`~profiler.errors.ProbeRefused` (``code``, a ``RefusedCode`` value, says
        ``cancelled`` after :meth:`cancel`), :class:`~profiler.errors.DeviceTimeout`,
        :class:`~profiler.errors.DeviceLost` or :class:`~profiler.errors.ProbeError`.
        """
        with self._calling(off):
            return self._run(request, plays, on_progress)

    def codec_cost(self, request: CodecRequest) -> CodecCost:
        """Measure what coding speech costs on the device; raises as :meth:`run` does."""
        seconds = CODEC_SLOWEST * request.frames * request.frame_ms / 1000
        deadline = Deadline(self._deadlines.open_s + seconds, "codec")
        with self._calling():
            self._allowed(Codec(request))
            if not self._begin(deadline):
                raise self._refusal(CANCELLED)
            self._wire.write(Codec(request).header(), deadline)
            # Two seconds' worth more, so that the burst at the start of a short trial fits.
            for _ in range(round(MAX_PROGRESS_PER_S * (deadline.seconds + 2))):
                answer = self._next(deadline)
                if not isinstance(answer, ProgressEvent):
                    break
            self._end()
            if isinstance(answer, CodecAnswer):
                return answer.cost
            if isinstance(answer, Refused):
                raise self._refusal(answer)
            raise self._unexpected(answer, "codec_cost")

    def cancel(self) -> None:
        """From another thread: end the running trial. Does nothing when none runs."""
        with self._lock:
            if not self._in_call or self._cancelled:
                return
            self._cancelled = True
            if self._in_trial is None:
                return  # samples are being loaded; the run message will not be sent
            self._in_trial.shorten(self._deadlines.cancel_s)
            try:  # under the lock: the trial cannot end and a load begin before it is sent
                self._wire.write(Cancel().header(), Deadline(self._deadlines.cancel_s, "cancel"))
            except ChirpbenchError:
                self._wire.close()  # the running trial then ends by itself

    def act(self, action: str, value: str) -> None:
        """From another thread: have the probe do something to the trial that runs.

        It has no answer; the report's ``observed`` says what came of it. Raises
        :class:`~profiler.errors.ProbeRefused` when no trial runs or the words are none of the
        contract's, :class:`~profiler.errors.DeviceTimeout`, :class:`~profiler.errors.DeviceLost`.
        """
        message = Act(action, value)
        self._allowed(message)
        with self._lock:  # the trial cannot end and something else begin before it is sent
            if not self._recording or self._cancelled:
                raise self._refusal(Refused(RefusedCode.UNSUPPORTED, "no trial is running"))
            self._wire.write(message.header(), Deadline(self._deadlines.act_s, "act"))

    def close(self) -> None:
        """Say good-bye and close. Never raises."""
        with suppress(ChirpbenchError):  # the probe may have gone first
            self._wire.write(Bye().header(), Deadline(0.5, "bye"))
        self._wire.close()

    # --- one trial --------------------------------------------------------------------------------

    def _run(
        self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress
    ) -> Capture:
        key = replace(request, duration_s=0.0, volume=None)
        refused = Refused(RefusedCode.RATE_DIFFERS, "it never opened")
        for _ in range(_MAX_ATTEMPTS):
            message = self._message(request, plays, self._granted.get(key, request.rate_hz))
            for spec in {play.stimulus.stimulus_id: play.stimulus for play in plays}.values():
                self._load(spec, message.rate_hz)
            answer = self._attempt(message, on_progress)
            if isinstance(answer, Capture):
                return answer
            refused = answer
            if refused.granted_rate_hz is not None:
                self._granted[key] = refused.granted_rate_hz
            elif refused.code is RefusedCode.NOT_LOADED:
                self._loaded.clear()
            else:
                break
        raise self._refusal(refused)

    def _message(self, request: TrialRequest, plays: Sequence[Play], rate_hz: int) -> Run:
        """The run message; refuses here what the contract does not allow to be asked."""
        scheduled = tuple(
            ScheduledPlay(p.stimulus.stimulus_id, round(p.at_s * rate_hz)) for p in plays
        )
        message = Run(request, rate_hz, scheduled)
        self._allowed(message)
        if least_pcm_bytes(request) > MAX_PCM_BYTES:
            text = f"a recording of {request.duration_s:g} s at {request.rate_hz} Hz is too large"
            raise self._refusal(Refused(RefusedCode.TOO_LARGE, text))
        return message

    def _allowed(self, message: Run | Load | Codec | Act) -> None:
        try:
            read_from_host(message.header())
        except Malformed as exc:
            raise self._refusal(Refused(RefusedCode.MALFORMED, str(exc))) from exc

    def _attempt(self, message: Run, on_progress: OnProgress) -> Capture | Refused:
        request = message.request
        total_s = request.warmup_s + request.duration_s + self._deadlines.open_s
        deadline = Deadline(total_s, "run")
        if not self._begin(deadline):
            return CANCELLED
        # Two seconds' worth more, so that the burst at the start of a short trial fits.
        allowed = MAX_PROGRESS_PER_S * (total_s + 2)
        self._wire.write(message.header(), deadline)
        with self._lock:
            self._recording = True
        while True:
            answer = self._next(deadline)
            if isinstance(answer, ProgressEvent):
                allowed -= 1
                if allowed < 0:
                    raise self._wire.malformed(f"more than {MAX_PROGRESS_PER_S} progress events/s")
                on_progress(Progress(answer.stage, answer.fraction))
            elif isinstance(answer, Refused):
                self._end()
                return answer
            elif isinstance(answer, Result):
                return self._fetch(answer, request, on_progress)
            else:
                raise self._unexpected(answer, "progress or result")

    def _fetch(self, result: Result, request: TrialRequest, on_progress: OnProgress) -> Capture:
        """Receive the samples of ``result``, whose size is checked before memory is taken."""
        granted = result.report.input
        wanted = request.duration_s * granted.rate_hz
        tolerance_s = min(FRAME_TOLERANCE_S, request.duration_s / 2)
        if abs(result.frames - wanted) > tolerance_s * granted.rate_hz:
            raise self._wire.malformed(
                f"it announces {result.frames} frames, {wanted:.0f} were asked for"
            )
        if result.pcm_bytes > MAX_PCM_BYTES:
            raise self._wire.malformed(
                f"it announces {result.pcm_bytes} bytes of samples, {MAX_PCM_BYTES} are allowed"
            )
        seconds = self._deadlines.load_s + result.pcm_bytes / self._deadlines.bytes_per_s
        deadline = Deadline(seconds, "samples")
        self._begin(deadline)
        data = self._receive(result.pcm_bytes, deadline, on_progress)
        done = self._next(deadline)
        if not isinstance(done, Done):
            raise self._unexpected(done, "done")
        if done.crc32 != zlib.crc32(data):
            raise self._wire.malformed("the checksum of its samples is wrong")
        if self._end():
            raise self._refusal(CANCELLED)
        return Capture(
            result.report,
            Audio(samples_of(data, result.format, granted.channels), granted.rate_hz),
        )

    def _receive(self, size: int, deadline: Deadline, on_progress: OnProgress) -> bytearray:
        data = bytearray(size)
        at = 0
        on_progress(Progress("fetching", 0.0))
        while at < size:
            frame = self._wire.read(deadline)
            message = self._parse(frame.header)
            if not isinstance(message, Pcm):
                raise self._unexpected(message, "pcm")
            if message.offset != at or not 0 < len(frame.payload) <= size - at:
                raise self._wire.malformed(
                    f"samples at byte {message.offset} ({len(frame.payload)} bytes), "
                    f"expected byte {at} of {size}"
                )
            data[at : at + len(frame.payload)] = frame.payload
            at += len(frame.payload)
        on_progress(Progress("fetching", 1.0))
        return data

    def _load(self, spec: Stimulus, rate_hz: int) -> None:
        """Give the probe a stimulus at ``rate_hz`` unless it has it."""
        key = (spec.stimulus_id, rate_hz)
        if key in self._loaded:
            return
        data = render(spec, rate_hz).astype("<f4", copy=False).data.cast("B")
        seconds = self._deadlines.load_s + len(data) / self._deadlines.bytes_per_s
        deadline, crc32 = Deadline(seconds, "load"), zlib.crc32(data)
        load = Load(*key, len(data) // 4, crc32)
        self._allowed(load)
        self._wire.write(load.header(), deadline)
        for at in range(0, len(data), MAX_PAYLOAD_BYTES):
            self._wire.write(Pcm(at).header(), deadline, data[at : at + MAX_PAYLOAD_BYTES])
        answer = self._next(deadline)
        if isinstance(answer, Refused):
            raise self._refusal(answer)
        if answer != Loaded(*key, crc32):
            raise self._unexpected(answer, f"loaded {key[0]}")
        self._loaded.add(key)

    # --- pieces -----------------------------------------------------------------------------------

    def _begin(self, deadline: Deadline) -> bool:
        """From now on :meth:`cancel` sends and shortens ``deadline``; ``False``: it came before."""
        with self._lock:
            self._in_trial, self._recording = deadline, False
            if self._cancelled:
                deadline.shorten(self._deadlines.cancel_s)
            return not self._cancelled

    def _end(self) -> bool:
        """The probe has said its last word on a trial; returns whether it was cancelled."""
        with self._lock:
            self._in_trial, self._recording = None, False
            return self._cancelled

    def _next(self, deadline: Deadline) -> FromProbe:
        message = self._parse(self._wire.read(deadline).header)
        if isinstance(message, Failed):
            raise ProbeError(
                f"the probe failed: {message.text}",
                device=self._device,
                hint="look at the probe's own log, then run again",
            )
        return message

    def _parse(self, header: dict[str, object]) -> FromProbe:
        try:
            return read_from_probe(header)
        except Malformed as exc:
            raise self._wire.malformed(exc) from exc

    def _unexpected(self, message: FromProbe, wanted: str) -> ChirpbenchError:
        got = shown(message.header().get("type"))
        return self._wire.malformed(f"{got} came where {wanted} belongs")

    def _refusal(self, refused: Refused) -> ProbeRefused:
        return refusal(refused, self._device)

    @contextmanager
    def _calling(self, off: threading.Event | None = None) -> Iterator[None]:
        """A call that :meth:`cancel` may end."""
        with self._lock:  # a cancel() after this is heard; before it, ``off`` was set
            if off is not None and off.is_set():
                raise self._refusal(CANCELLED)
            self._cancelled, self._in_call = False, True
        try:
            with self._closing():
                yield
        finally:
            with self._lock:
                self._in_call, self._in_trial, self._recording = False, None, False

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Close after a failure that leaves the connection in an unknown state."""
        try:
            yield
        except ProbeRefused:
            raise
        except BaseException as exc:  # Ctrl-C, too, leaves half a message on the wire
            self._wire.close()
            if self._cancelled and isinstance(exc, ChirpbenchError):
                raise DeviceLost(
                    "cancelled, but the probe did not end the trial in time; disconnected",
                    device=self._device,
                ) from exc
            raise
