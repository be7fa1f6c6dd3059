"""The vocabulary's dataclasses as JSON and back, every field bounded.

The ``*_to_json`` functions are what probes written in Python send; the readers are what the host
believes of any probe. Both sides of each pair are kept together so that they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from device_probes.fields import (
    Fields,
    Malformed,
    array,
    boolean,
    choice,
    clean,
    integer,
    mapping,
    number,
    shown,
    text,
    word,
)
from profiler.model import (
    CallPath,
    CodecCost,
    CodecRequest,
    CostStats,
    DeviceFacts,
    EffectReport,
    EffectState,
    GrantedStream,
    Platform,
    ProbeReport,
    TimestampPair,
    TrialRequest,
)
from profiler.wav import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ

MAX_NAME_CHARS = 128
MAX_RAW_ENTRIES, MAX_RAW_KEY_CHARS, MAX_RAW_VALUE_CHARS = 256, 96, 128
MAX_TIMESTAMPS = 256
MAX_HISTOGRAM_BINS = 256
MAX_NOTES, MAX_NOTE_CHARS = 16, 200
MAX_STARTUP, MAX_STARTUP_MS = 8, 60_000.0
MAX_OBSERVED, MAX_OBSERVED_CHARS = 64, 128
MAX_CPU_THREADS = 64
BACKGROUNDS = ("refuse", "continue")
"""What ``background`` of a request may say."""
PTIMES_MS = (10, 20, 40, 60, 80, 100, 120)
"""What ``ptime_ms`` of a call may say."""
MIN_BITRATE_BPS, MAX_BITRATE_BPS = 6_000, 510_000
"""What Opus can do."""
MAX_JITTER_BUFFER_TARGET_MS = 4_000
"""The largest that ``RTCRtpReceiver.jitterBufferTarget`` takes."""
MAX_TRIAL_S = 900.0
MAX_WARMUP_S = 60.0
MAX_COUNT = 2**53
"""Largest whole number in a header: the largest that JavaScript holds exactly."""

_rate = integer(MIN_RATE_HZ, MAX_RATE_HZ)
_channels = integer(1, MAX_CHANNELS)
_count = integer(0, MAX_COUNT)
_buffer = integer(1, 1 << 24)
_name = text(MAX_NAME_CHARS)
_latency = number(-10_000, 10_000)
_bitrate = integer(MIN_BITRATE_BPS, MAX_BITRATE_BPS)


def facts_to_json(facts: DeviceFacts) -> dict[str, Any]:
    """Ready for a header; text beyond the bounds is cut."""
    data = {
        key: clean(value)[:MAX_NAME_CHARS] if isinstance(value, str) else value
        for key, value in asdict(facts).items()
    }
    data["raw"] = raw_table(facts.raw)
    data["collected_at"] = facts.collected_at.isoformat() if facts.collected_at else None
    return data


def read_facts(value: object) -> DeviceFacts:
    """:class:`DeviceFacts` from JSON; raises :class:`Malformed`."""
    f = Fields(value, "facts")
    facts = DeviceFacts(
        platform=f.get("platform", choice(Platform)),
        manufacturer=f.get("manufacturer", _name),
        model=f.get("model", _name),
        marketing_name=f.get("marketing_name", _name),
        soc=f.get("soc", _name),
        os_name=f.get("os_name", _name),
        os_version=f.get("os_version", _name),
        os_build=f.get("os_build", _name),
        api_level=f.opt("api_level", integer(0, 10_000)),
        native_rate_hz=f.opt("native_rate_hz", _rate),
        frames_per_burst=f.opt("frames_per_burst", _buffer),
        low_latency=f.opt("low_latency", boolean),
        pro_audio=f.opt("pro_audio", boolean),
        is_virtual=f.opt("is_virtual", boolean) or False,
        is_emulator=f.opt("is_emulator", boolean) or False,
        raw=f.opt("raw", _read_raw) or {},
        collected_at=f.opt("collected_at", _moment),
    )
    f.end()
    return facts


_read_raw = mapping(text(MAX_RAW_KEY_CHARS), text(MAX_RAW_VALUE_CHARS), MAX_RAW_ENTRIES)


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(text(40)(value))
    except ValueError as exc:  # Malformed is one too
        raise Malformed("is no ISO 8601 date and time") from exc
    if moment.tzinfo is None:
        raise Malformed("has no time zone")
    return moment


def request_to_json(request: TrialRequest) -> dict[str, Any]:
    """Ready for a header."""
    return asdict(request)


def read_request(value: object) -> TrialRequest:
    """:class:`TrialRequest` from JSON; raises :class:`Malformed`."""
    f = Fields(value, "request")
    effect = choice(EffectState)
    request = TrialRequest(
        api=f.get("api", word()),
        sharing=f.get("sharing", word()),
        performance_mode=f.get("performance_mode", word()),
        input_preset=f.get("input_preset", word()),
        audio_mode=f.get("audio_mode", word()),
        route=f.get("route", word()),
        rate_hz=f.get("rate_hz", _rate),
        output_channels=f.get("output_channels", _channels),
        input_channels=f.get("input_channels", _channels),
        buffer_bursts=f.opt("buffer_bursts", integer(1, 1024)),
        buffer_frames=f.opt("buffer_frames", _buffer),
        volume=f.opt("volume", number(0, 1)),
        aec=f.get("aec", effect),
        ns=f.get("ns", effect),
        agc=f.get("agc", effect),
        warmup_s=f.get("warmup_s", number(0, MAX_WARMUP_S)),
        cpu_load=f.get("cpu_load", number(0, 1)),
        cpu_threads=f.get("cpu_threads", integer(1, MAX_CPU_THREADS)),
        usage=f.get("usage", word()),
        audio_session=f.get("audio_session", word()),
        background=f.get("background", _background),
        call=f.opt("call", _read_call),
        duration_s=f.get("duration_s", number(0.02, MAX_TRIAL_S)),
    )
    f.end()
    return request


def _background(value: object) -> str:
    if value not in BACKGROUNDS:
        raise Malformed(f"is {shown(value)}, allowed: {', '.join(BACKGROUNDS)}")
    return str(value)


def _read_call(value: object) -> CallPath:
    f = Fields(value, "call")
    call = CallPath(
        ptime_ms=f.get("ptime_ms", _ptime),
        fec=f.get("fec", boolean),
        dtx=f.get("dtx", boolean),
        bitrate_bps=f.opt("bitrate_bps", _bitrate),
        jitter_buffer_target_ms=f.opt(
            "jitter_buffer_target_ms", integer(0, MAX_JITTER_BUFFER_TARGET_MS)
        ),
    )
    f.end()
    return call


def _ptime(value: object) -> int:
    ptime_ms = integer(min(PTIMES_MS), max(PTIMES_MS))(value)
    if ptime_ms not in PTIMES_MS:
        raise Malformed(f"is {ptime_ms}, allowed: {', '.join(map(str, PTIMES_MS))}")
    return ptime_ms


def report_to_json(report: ProbeReport) -> dict[str, Any]:
    """Ready for a header. Timestamps travel as ``[frame, ns]``, bins as ``[upper_ms, count]``."""
    data = asdict(report)
    for key in ("timestamps_output", "timestamps_input"):
        data[key] = [[pair["frame"], pair["time_ns"]] for pair in data[key]]
    data["callback_histogram_ms"] = [list(bin_) for bin_ in report.callback_histogram_ms]
    data["notes"] = list(report.notes)
    return data


def read_report(value: object) -> ProbeReport:
    """:class:`ProbeReport` from JSON; raises :class:`Malformed`."""
    f = Fields(value, "report")
    pairs = array(_read_pair, MAX_TIMESTAMPS)
    report = ProbeReport(
        probe_version=f.get("probe_version", text(64, min_chars=1)),
        output=f.get("output", _read_granted),
        input=f.get("input", _read_granted),
        xruns_output=f.opt("xruns_output", _count),
        xruns_input=f.opt("xruns_input", _count),
        reported_output_latency_ms=f.opt("reported_output_latency_ms", _latency),
        reported_input_latency_ms=f.opt("reported_input_latency_ms", _latency),
        timestamps_output=f.opt("timestamps_output", pairs) or (),
        timestamps_input=f.opt("timestamps_input", pairs) or (),
        callback_histogram_ms=f.opt("callback_histogram_ms", array(_read_bin, MAX_HISTOGRAM_BINS))
        or (),
        effects=f.opt("effects", mapping(_effect_name, _read_effect, 3)) or {},
        startup_ms=f.opt("startup_ms", _read_startup) or {},
        longest_zero_run_frames=f.opt("longest_zero_run_frames", _count),
        observed=f.opt("observed", _read_observed) or {},
        input_silenced=f.opt("input_silenced", boolean),
        thermal_status=f.opt("thermal_status", text(32)),
        thermal_headroom=f.opt("thermal_headroom", number(0, 100)),
        battery_percent=f.opt("battery_percent", number(0, 100)),
        battery_temperature_c=f.opt("battery_temperature_c", number(-60, 150)),
        notes=f.opt("notes", array(text(MAX_NOTE_CHARS), MAX_NOTES)) or (),
    )
    f.end()
    return report


_read_startup = mapping(word(), number(0, MAX_STARTUP_MS), MAX_STARTUP)
_read_observed = mapping(word(), text(MAX_OBSERVED_CHARS), MAX_OBSERVED)


def codec_request_to_json(request: CodecRequest) -> dict[str, Any]:
    """Ready for a header."""
    return asdict(request)


def read_codec_request(f: Fields) -> CodecRequest:
    """:class:`CodecRequest` from a header's fields; raises :class:`Malformed`."""
    return CodecRequest(
        codec=f.get("codec", word()),
        rate_hz=f.get("rate_hz", _rate),
        channels=f.get("channels", integer(1, 2)),
        bitrate_bps=f.get("bitrate_bps", _bitrate),
        complexity=f.opt("complexity", integer(0, 10)),
        frame_ms=f.get("frame_ms", number(2.5, 120)),
        frames=f.get("frames", integer(1, 10_000)),
        paced=f.get("paced", boolean),
    )


def read_codec_cost(f: Fields) -> CodecCost:
    """:class:`CodecCost` from a header's fields; raises :class:`Malformed`."""
    return CodecCost(
        encoder=f.get("encoder", _name),
        decoder=f.get("decoder", _name),
        frames=f.get("frames", _count),
        bytes=f.get("bytes", _count),
        encode_ms=f.opt("encode_ms", _read_cost),
        decode_ms=f.opt("decode_ms", _read_cost),
    )


def _read_cost(value: object) -> CostStats:
    f = Fields(value, "cost")
    ms = number(0, 1e6)
    stats = CostStats(f.get("p50", ms), f.get("p95", ms), f.get("p99", ms), f.get("max", ms))
    f.end()
    return stats


def _read_granted(value: object) -> GrantedStream:
    f = Fields(value, "stream")
    granted = GrantedStream(
        rate_hz=f.get("rate_hz", _rate),
        channels=f.get("channels", _channels),
        frames_per_burst=f.opt("frames_per_burst", _buffer),
        buffer_frames=f.opt("buffer_frames", _buffer),
        capacity_frames=f.opt("capacity_frames", _buffer),
        sharing=f.opt("sharing", text(64)),
        performance_mode=f.opt("performance_mode", text(64)),
        mmap=f.opt("mmap", boolean),
        route=f.opt("route", _name),
    )
    f.end()
    return granted


def _read_pair(value: object) -> TimestampPair:
    frame, time_ns = array(integer(-MAX_COUNT, MAX_COUNT), 2, exactly=2)(value)
    return TimestampPair(frame, time_ns)


def _read_bin(value: object) -> tuple[float, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise Malformed("holds a bin that is no [upper_ms, count]")
    return number(0, 1e6)(value[0]), _count(value[1])


def _effect_name(value: object) -> str:
    if value not in ("aec", "ns", "agc"):
        raise Malformed("names an effect other than aec, ns, agc")
    return str(value)


def _read_effect(value: object) -> EffectReport:
    f = Fields(value, "effect")
    effect = EffectReport(
        state=f.get("state", choice(EffectState)),
        uuid=f.opt("uuid", text(64)) or "",
        implementor=f.opt("implementor", _name) or "",
    )
    f.end()
    return effect


def raw_table(properties: Mapping[str, object]) -> dict[str, str]:
    """Any properties as a table that fits the bounds of ``DeviceFacts.raw``."""
    return {
        clean(str(key))[:MAX_RAW_KEY_CHARS]: clean(str(value))[:MAX_RAW_VALUE_CHARS]
        for key, value in list(properties.items())[:MAX_RAW_ENTRIES]
    }
