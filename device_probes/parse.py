"""Headers into messages: what a peer sent is one of the contract's messages, or malformed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from device_probes.codec import (
    read_codec_cost,
    read_codec_request,
    read_facts,
    read_report,
    read_request,
)
from device_probes.fields import (
    Fields,
    Malformed,
    array,
    choice,
    integer,
    number,
    shown,
    text,
    word,
)
from device_probes.protocol import (
    MAX_PCM_BYTES,
    MAX_PLAYS,
    MAX_STIMULI,
    MAX_STIMULUS_BYTES,
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
    ScheduledPlay,
)
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ

M = TypeVar("M")

_rate = integer(MIN_RATE_HZ, MAX_RATE_HZ)
_frames = integer(0, MAX_PCM_BYTES)
_crc32 = integer(0, 0xFFFF_FFFF)
_stimulus_id = text(96, min_chars=1)
_words = text(300)


def _hello(f: Fields) -> Hello:
    return Hello(
        f.get("protocol", integer(0, 2**31)),
        f.get("version", text(64)),
        f.opt("token", text(128)) or "",
    )


def _pcm(f: Fields) -> Pcm:
    return Pcm(f.get("offset", _frames))


def _load(f: Fields) -> Load:
    return Load(
        f.get("stimulus_id", _stimulus_id),
        f.get("rate_hz", _rate),
        f.get("frames", integer(1, MAX_STIMULUS_BYTES // 4)),
        f.get("crc32", _crc32),
    )


def _play(value: object) -> ScheduledPlay:
    f = Fields(value, "plays")
    play = ScheduledPlay(f.get("stimulus_id", _stimulus_id), f.get("at_frame", _frames))
    f.end()
    return play


def _run(f: Fields) -> Run:
    run = Run(
        f.get("request", read_request),
        f.get("rate_hz", _rate),
        f.get("plays", array(_play, MAX_PLAYS)),
    )
    if len({p.stimulus_id for p in run.plays}) > MAX_STIMULI:
        raise Malformed(f"run plays more than {MAX_STIMULI} different stimuli")
    return run


def _stage(value: object) -> str:
    if value not in STAGES:
        raise Malformed(f"is {shown(value)}, allowed: {', '.join(STAGES)}")
    return str(value)


def _refused(f: Fields) -> Refused:
    refused = Refused(
        f.get("code", choice(RefusedCode)), f.get("text", _words), f.opt("granted_rate_hz", _rate)
    )
    if (refused.code is RefusedCode.RATE_DIFFERS) != (refused.granted_rate_hz is not None):
        raise Malformed("refused.granted_rate_hz belongs to rate_differs, and to it alone")
    return refused


_FROM_HOST: dict[str, Callable[[Fields], FromHost]] = {
    "hello": _hello,
    "facts": lambda _: AskFacts(),
    "load": _load,
    "pcm": _pcm,
    "run": _run,
    "codec": lambda f: Codec(read_codec_request(f)),
    "cancel": lambda _: Cancel(),
    "act": lambda f: Act(f.get("action", word()), f.get("value", word())),
    "bye": lambda _: Bye(),
}
_FROM_PROBE: dict[str, Callable[[Fields], FromProbe]] = {
    "hello": _hello,
    "facts": lambda f: FactsAnswer(f.get("facts", read_facts)),
    "loaded": lambda f: Loaded(
        f.get("stimulus_id", _stimulus_id), f.get("rate_hz", _rate), f.get("crc32", _crc32)
    ),
    "progress": lambda f: ProgressEvent(f.get("stage", _stage), f.get("fraction", number(0, 1))),
    "result": lambda f: Result(
        f.get("report", read_report), f.get("format", choice(PcmFormat)), f.get("frames", _frames)
    ),
    "codec_cost": lambda f: CodecAnswer(read_codec_cost(f)),
    "pcm": _pcm,
    "done": lambda f: Done(f.get("crc32", _crc32)),
    "refused": _refused,
    "error": lambda f: Failed(f.get("text", _words)),
}


def read_from_host(header: dict[str, Any]) -> FromHost:
    """The message of a header that the host sent; raises :class:`Malformed`."""
    return _read(header, _FROM_HOST)


def read_from_probe(header: dict[str, Any]) -> FromProbe:
    """The message of a header that a probe sent; raises :class:`Malformed`."""
    return _read(header, _FROM_PROBE)


def _read(header: dict[str, Any], table: dict[str, Callable[[Fields], M]]) -> M:
    kind = header.get("type")
    reader = table.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise Malformed(f"unknown message type {shown(kind)!r}")
    f = Fields({k: v for k, v in header.items() if k != "type"}, str(kind))
    message = reader(f)
    if kind != "hello":  # another version's hello may say more; it must still be readable
        f.end()
    return message
