"""Messages survive the trip, and nothing that is not a message gets through."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes import protocol
from device_probes.codec import (
    BACKGROUNDS,
    MAX_OBSERVED,
    PTIMES_MS,
    facts_to_json,
    raw_table,
    read_facts,
)
from device_probes.fields import Malformed, clean, loads
from device_probes.parse import read_from_host, read_from_probe
from device_probes.wire import MAX_HEADER_BYTES, encode_frame
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

safe = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))
names = st.text(safe, max_size=128)
words = st.from_regex(r"[a-z0-9][a-z0-9_.:-]{0,20}", fullmatch=True)
rates = st.integers(8000, 192_000)
channels = st.integers(1, 8)
buffers = st.none() | st.integers(1, 1 << 24)
counts = st.integers(0, 2**53)
flags = st.none() | st.booleans()
states = st.sampled_from(EffectState)
crcs = st.integers(0, 2**32 - 1)
ids = st.text(safe, min_size=1, max_size=96)


def floats(low, high):
    return st.floats(low, high, allow_nan=False)


facts = st.builds(
    DeviceFacts,
    platform=st.sampled_from(Platform),
    manufacturer=names,
    model=names,
    marketing_name=names,
    soc=names,
    os_name=names,
    os_version=names,
    os_build=names,
    api_level=st.none() | st.integers(0, 10_000),
    native_rate_hz=st.none() | rates,
    frames_per_burst=buffers,
    low_latency=flags,
    pro_audio=flags,
    is_virtual=st.booleans(),
    is_emulator=st.booleans(),
    raw=st.dictionaries(st.text(safe, max_size=96), names, max_size=4),
    collected_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
calls = st.builds(
    CallPath,
    ptime_ms=st.sampled_from(PTIMES_MS),
    fec=st.booleans(),
    dtx=st.booleans(),
    bitrate_bps=st.none() | st.integers(6000, 510_000),
    jitter_buffer_target_ms=st.none() | st.integers(0, 4000),
)
requests = st.builds(
    TrialRequest,
    api=words,
    sharing=words,
    performance_mode=words,
    input_preset=words,
    audio_mode=words,
    route=words,
    rate_hz=rates,
    output_channels=channels,
    input_channels=channels,
    buffer_bursts=st.none() | st.integers(1, 1024),
    buffer_frames=buffers,
    volume=st.none() | floats(0, 1),
    aec=states,
    ns=states,
    agc=states,
    warmup_s=floats(0, 60),
    cpu_load=floats(0, 1),
    cpu_threads=st.integers(1, 64),
    usage=words,
    audio_session=words,
    background=st.sampled_from(BACKGROUNDS),
    call=st.none() | calls,
    duration_s=floats(0.02, 900),
)
streams = st.builds(
    GrantedStream,
    rate_hz=rates,
    channels=channels,
    frames_per_burst=buffers,
    buffer_frames=buffers,
    capacity_frames=buffers,
    sharing=st.none() | st.text(safe, max_size=64),
    performance_mode=st.none() | st.text(safe, max_size=64),
    mmap=flags,
    route=st.none() | names,
)
pairs = st.builds(
    TimestampPair, frame=st.integers(-(2**53), 2**53), time_ns=st.integers(-(2**53), 2**53)
)
latencies = st.none() | floats(-10_000, 10_000)
effects = st.dictionaries(
    st.sampled_from(["aec", "ns", "agc"]),
    st.builds(EffectReport, state=states, uuid=st.text(safe, max_size=64), implementor=names),
)
reports = st.builds(
    ProbeReport,
    probe_version=st.text(safe, min_size=1, max_size=64),
    output=streams,
    input=streams,
    xruns_output=st.none() | counts,
    xruns_input=st.none() | counts,
    reported_output_latency_ms=latencies,
    reported_input_latency_ms=latencies,
    timestamps_output=st.lists(pairs, max_size=5).map(tuple),
    timestamps_input=st.lists(pairs, max_size=5).map(tuple),
    callback_histogram_ms=st.lists(st.tuples(floats(0, 1e6), counts), max_size=5).map(tuple),
    effects=effects,
    startup_ms=st.dictionaries(words, floats(0, 60_000), max_size=8),
    longest_zero_run_frames=st.none() | counts,
    observed=st.dictionaries(words, names, max_size=5),
    input_silenced=flags,
    thermal_status=st.none() | st.text(safe, max_size=32),
    thermal_headroom=st.none() | floats(0, 100),
    battery_percent=st.none() | floats(0, 100),
    battery_temperature_c=st.none() | floats(-60, 150),
    notes=st.lists(st.text(safe, max_size=200), max_size=16).map(tuple),
)
codec_requests = st.builds(
    CodecRequest,
    codec=words,
    rate_hz=rates,
    channels=st.integers(1, 2),
    bitrate_bps=st.integers(6000, 510_000),
    complexity=st.none() | st.integers(0, 10),
    frame_ms=floats(2.5, 120),
    frames=st.integers(1, 10_000),
    paced=st.booleans(),
)
costs = st.builds(CostStats, *[floats(0, 1e6)] * 4)
codec_costs = st.builds(
    CodecCost,
    names,
    names,
    counts,
    counts,
    encode_ms=st.none() | costs,
    decode_ms=st.none() | costs,
)
versions = st.text(safe, max_size=64)
hellos = st.builds(
    protocol.Hello, st.integers(0, 2**31), versions, token=st.text(safe, max_size=128)
)
pcms = st.builds(protocol.Pcm, st.integers(0, protocol.MAX_PCM_BYTES))
plays = st.builds(protocol.ScheduledPlay, ids, st.integers(0, protocol.MAX_PCM_BYTES))
from_host = st.one_of(
    hellos,
    pcms,
    st.just(protocol.AskFacts()),
    st.builds(protocol.Codec, codec_requests),
    st.just(protocol.Cancel()),
    st.builds(protocol.Act, words, words),
    st.just(protocol.Bye()),
    st.builds(protocol.Load, ids, rates, st.integers(1, protocol.MAX_STIMULUS_BYTES // 4), crcs),
    st.builds(
        protocol.Run, request=requests, rate_hz=rates, plays=st.lists(plays, max_size=8).map(tuple)
    ),
)
refusals = st.one_of(
    st.builds(
        protocol.Refused,
        st.sampled_from([c for c in protocol.RefusedCode if c != "rate_differs"]),
        st.text(safe, max_size=300),
    ),
    st.builds(
        protocol.Refused,
        st.just(protocol.RefusedCode.RATE_DIFFERS),
        st.text(safe, max_size=300),
        rates,
    ),
)
from_probe = st.one_of(
    hellos,
    pcms,
    refusals,
    st.builds(protocol.FactsAnswer, facts),
    st.builds(protocol.Loaded, ids, rates, crcs),
    st.builds(protocol.ProgressEvent, st.sampled_from(protocol.STAGES), floats(0, 1)),
    st.builds(
        protocol.Result,
        reports,
        st.sampled_from(protocol.PcmFormat),
        st.integers(0, protocol.MAX_PCM_BYTES),
    ),
    st.builds(protocol.CodecAnswer, codec_costs),
    st.builds(protocol.Done, crcs),
    st.builds(protocol.Failed, st.text(safe, max_size=300)),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def over_the_wire(message):
    header_bytes = int.from_bytes(encode_frame(message.header())[4:8], "little")
    return loads(encode_frame(message.header())[12 : 12 + header_bytes])


def outcome(read, value):
    """What ``read`` gives and the text of its complaint; any other exception passes through."""
    try:
        return read(value), ""
    except Malformed as exc:
        return None, str(exc)


@settings(deadline=None)
@given(from_host)
def test_host_messages_survive_the_trip(message):
    assert read_from_host(over_the_wire(message)) == message


@settings(deadline=None)
@given(from_probe)
def test_probe_messages_survive_the_trip(message):
    assert read_from_probe(over_the_wire(message)) == message


@settings(max_examples=300, deadline=None)
@given(from_probe | from_host, st.data())
def test_a_changed_value_is_read_or_malformed(message, data):
    """Replace one value anywhere in a good header: never another exception."""
    header = over_the_wire(message)
    node, key = header, data.draw(st.sampled_from(sorted(header)))
    while isinstance(node[key], dict) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node)))
    node[key] = data.draw(anything)
    for read in (read_from_host, read_from_probe):
        again, problem = outcome(read, header)
        if again is None:
            assert "\n" not in problem
        else:
            assert len(encode_frame(again.header())) <= MAX_HEADER_BYTES + 12


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | anything.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_an_object_or_malformed(data):
    value, problem = outcome(loads, data)
    assert isinstance(value, dict) or (problem and "\n" not in problem)


@pytest.mark.parametrize("kind", ["hello", "facts", "load", "run", "codec", "cancel", "act", "bye"])
def test_the_host_messages_of_the_contract_exist(kind):
    with pytest.raises(Malformed) as caught:
        read_from_host({"type": kind, "unknown key": 1, "protocol": "x"})
    assert "unknown message type" not in str(caught.value)


def test_unknown_keys_are_refused_except_in_hello():
    hello = {"type": "hello", "protocol": 9, "version": "2", "of_the_future": [1]}
    assert read_from_probe(hello) == protocol.Hello(9, "2")
    with pytest.raises(Malformed, match="unknown key 'extra'"):
        read_from_probe({"type": "done", "crc32": 1, "extra": 2})


def test_nesting_is_bounded():
    fine = b'{"a":' + b"[" * 7 + b'"[[[[[[{{{{"' + b"]" * 7 + b"}"
    assert loads(fine)
    with pytest.raises(Malformed, match="nested deeper than 8"):
        loads(b'{"a":' + b"[" * 8 + b"1" + b"]" * 8 + b"}")


def test_text_that_could_do_harm_is_cleaned():
    assert clean("a\x1b[31m\nb\u202ec\ud800") == "a\ufffd[31m\ufffdb\ufffdc\ufffd"
    header = loads(b'{"type":"error","text":"x\\ud800y\\u0000"}')
    assert read_from_probe(header) == protocol.Failed("x\ufffdy\ufffd")


def test_the_largest_report_fits_into_a_header():
    pair = TimestampPair(2**53, 2**53)
    stream = GrantedStream(192_000, 8, 1 << 24, 1 << 24, 1 << 24, *["x" * 64] * 2, True, "x" * 128)
    effect = EffectReport(EffectState.UNKNOWN, "x" * 64, "x" * 128)
    report = ProbeReport(
        "x" * 64, stream, stream, 2**53, 2**53, -9999.123456789, -9999.123456789,
        (pair,) * 256, (pair,) * 256, ((123456.123456789, 2**53),) * 256,
        {"aec": effect, "ns": effect, "agc": effect},
        {f"{i}" + "x" * 63: 59999.123456789 for i in range(8)}, 2**53,
        {f"{i:02}" + "x" * 62: "x" * 128 for i in range(MAX_OBSERVED)}, True, "x" * 32,
        99.123456789, 99.9, 99.9, ("x" * 200,) * 16,
    )  # fmt: skip
    message = protocol.Result(report, protocol.PcmFormat.INT16, 1)
    assert read_from_probe(over_the_wire(message)) == message


def test_facts_beyond_the_bounds_are_cut_by_the_sender():
    plain = DeviceFacts(Platform.WEB, "m" * 500, "a\nb", "", "", "", "", "")
    big = replace(plain, raw={f"{i}" + "k" * 200: "v" * 500 for i in range(900)})
    again = read_facts(facts_to_json(big))
    assert (len(again.manufacturer), again.model) == (128, "a\ufffdb")
    assert len(again.raw) == 256
    assert len(raw_table({"n": 5})["n"]) == 1


def test_times_need_a_zone():
    good = facts_to_json(
        DeviceFacts(
            Platform.WEB, "", "", "", "", "", "", "", collected_at=datetime(2024, 1, 1, tzinfo=UTC)
        )
    )
    assert read_facts(good).collected_at == datetime(2024, 1, 1, tzinfo=UTC)
    for bad in ("2024-01-01T00:00:00", "yesterday", 5):
        with pytest.raises(Malformed, match="collected_at"):
            read_facts({**good, "collected_at": bad})
