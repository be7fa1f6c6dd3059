"""The probe contract: every message and its bounds; :mod:`device_probes.parse` reads them.

Dumb probe, smart host: the probe plays the samples it is given while it records, and hands back
raw PCM with what the system granted and reported. ``docs/probe-protocol.md`` is the same contract
for people who write a probe in another language.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from device_probes.codec import (
    codec_request_to_json,
    facts_to_json,
    report_to_json,
    request_to_json,
)
from profiler.model import CodecCost, CodecRequest, DeviceFacts, ProbeReport, TrialRequest

PROTOCOL_VERSION = 4
"""Both sides must have exactly this number; any change of a message changes it."""

MAX_STIMULUS_BYTES = 64 * 2**20
"""One loaded stimulus (float32 mono): 60 s at 192 kHz is 46 MB."""
MAX_PCM_BYTES = 128 * 2**20
"""One recording: 60 s at 192 kHz, stereo float32, is 92 MB."""
MAX_STIMULI = 8
"""Different stimuli in one run; a probe keeps at least this many loaded (within its memory)."""
MAX_PLAYS = 64
FRAME_TOLERANCE_S = 0.25
"""A recording may be this much shorter or longer than asked."""
MAX_PROGRESS_PER_S = 50
MAX_ACTS = 8
"""Acts of one trial; more are counted and not done."""
ACT_ROUTE = "route"
"""The act that takes the running streams to another route."""
STAGES = ("opening", "warming", "playing", "fetching")


class PcmFormat(StrEnum):
    """Sample formats on the wire, little-endian, channels interleaved."""

    INT16 = "int16"
    FLOAT32 = "float32"

    @property
    def width(self) -> int:
        """Bytes of one sample."""
        return 2 if self is PcmFormat.INT16 else 4


class RefusedCode(StrEnum):
    """Why a probe did not do what it understood."""

    RATE_DIFFERS = "rate_differs"
    """The stream opens at ``granted_rate_hz``: load the stimuli at that rate and run again."""
    NOT_LOADED = "not_loaded"
    CANCELLED = "cancelled"
    BUSY = "busy"
    UNSUPPORTED = "unsupported"
    """The device has no such API, route, rate, mode or effect."""
    PERMISSION = "permission"
    BACKGROUND = "background"
    """Another app is in front of the probe: the system feeds it silence."""
    OPEN_FAILED = "open_failed"
    STREAM_LOST = "stream_lost"
    """The system took the stream away while it ran (route change, focus, call)."""
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNAUTHORIZED = "unauthorized"


# --- both ways -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First message each way, the host's first. Its form never changes between versions."""

    protocol: int
    version: str
    """Version of the tool or of the probe, for people."""
    token: str = ""
    """Host to probe: the secret the probe was started with, when it was."""

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {
            "type": "hello",
            "protocol": self.protocol,
            "version": self.version,
            "token": self.token,
        }


@dataclass(frozen=True, slots=True)
class Pcm:
    """A piece of samples; ``offset`` is its first byte's place in the whole."""

    offset: int

    def header(self) -> dict[str, Any]:
        """The frame's header; the samples are its payload."""
        return {"type": "pcm", "offset": self.offset}


# --- host to probe -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskFacts:
    """Ask for the device's facts."""

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "facts"}


@dataclass(frozen=True, slots=True)
class Load:
    """Announce a stimulus: ``frames`` of float32 mono follow in ``pcm`` frames."""

    stimulus_id: str
    rate_hz: int
    frames: int
    crc32: int

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {
            "type": "load",
            "stimulus_id": self.stimulus_id,
            "rate_hz": self.rate_hz,
            "frames": self.frames,
            "crc32": self.crc32,
        }


@dataclass(frozen=True, slots=True)
class ScheduledPlay:
    """Play a loaded stimulus from frame ``at_frame`` of the output timeline on."""

    stimulus_id: str
    at_frame: int


@dataclass(frozen=True, slots=True)
class Run:
    """Run one trial in a fresh stream. The plays are loaded at ``rate_hz``."""

    request: TrialRequest
    rate_hz: int
    plays: tuple[ScheduledPlay, ...]

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        plays = [{"stimulus_id": p.stimulus_id, "at_frame": p.at_frame} for p in self.plays]
        return {
            "type": "run",
            "request": request_to_json(self.request),
            "rate_hz": self.rate_hz,
            "plays": plays,
        }


@dataclass(frozen=True, slots=True)
class Codec:
    """Ask what coding speech costs on the device."""

    request: CodecRequest

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "codec", **codec_request_to_json(self.request)}


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the running trial; a probe with none running ignores it."""

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "cancel"}


@dataclass(frozen=True, slots=True)
class Act:
    """Do something to the path of the running trial, which goes on; none running: ignored.

    It has no answer of its own: the report's ``observed`` says what came of it.
    """

    action: str
    """``route``; what a probe does not know, it counts."""
    value: str
    """The new route's word."""

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "act", "action": self.action, "value": self.value}


@dataclass(frozen=True, slots=True)
class Bye:
    """The host leaves."""

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "bye"}


# --- probe to host -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FactsAnswer:
    """Answer to :class:`AskFacts`."""

    facts: DeviceFacts

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "facts", "facts": facts_to_json(self.facts)}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stimulus has arrived whole; the CRC is the probe's own computation."""

    stimulus_id: str
    rate_hz: int
    crc32: int

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {
            "type": "loaded",
            "stimulus_id": self.stimulus_id,
            "rate_hz": self.rate_hz,
            "crc32": self.crc32,
        }


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far a running trial is."""

    stage: str
    fraction: float

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "progress", "stage": self.stage, "fraction": self.fraction}


@dataclass(frozen=True, slots=True)
class Result:
    """A trial ended well: ``frames`` at ``report.input``'s rate and channels follow as PCM."""

    report: ProbeReport
    format: PcmFormat
    frames: int

    @property
    def pcm_bytes(self) -> int:
        """Size of the samples that follow."""
        return self.frames * self.report.input.channels * self.format.width

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {
            "type": "result",
            "report": report_to_json(self.report),
            "format": self.format.value,
            "frames": self.frames,
        }


@dataclass(frozen=True, slots=True)
class CodecAnswer:
    """Answer to :class:`Codec`."""

    cost: CodecCost

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "codec_cost", **asdict(self.cost)}


@dataclass(frozen=True, slots=True)
class Done:
    """All samples were sent; ``crc32`` is over all of their bytes."""

    crc32: int

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "done", "crc32": self.crc32}


@dataclass(frozen=True, slots=True)
class Refused:
    """The probe understood and does not do it."""

    code: RefusedCode
    text: str
    granted_rate_hz: int | None = None
    """With ``rate_differs`` only."""

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {
            "type": "refused",
            "code": self.code.value,
            "text": self.text,
            "granted_rate_hz": self.granted_rate_hz,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """The probe broke while it did it; ``text`` says how, in plain words."""

    text: str

    def header(self) -> dict[str, Any]:
        """The frame's header."""
        return {"type": "error", "text": self.text}


FromHost: TypeAlias = Hello | AskFacts | Load | Pcm | Run | Codec | Cancel | Act | Bye
FromProbe: TypeAlias = (
    Hello
    | FactsAnswer
    | Loaded
    | ProgressEvent
    | Result
    | CodecAnswer
    | Pcm
    | Done
    | Refused
    | Failed
)


def least_pcm_bytes(request: TrialRequest) -> int:
    """Size of the smallest recording that ``request`` can lead to at its own rate (int16)."""
    return round(request.duration_s * request.rate_hz) * request.input_channels * 2
