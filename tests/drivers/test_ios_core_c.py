"""The iOS probe's C core says byte for byte what the host's own code says, under sanitizers."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from ios_native import ios_rig as rig

from device_probes import codec, fields, parse, protocol, wire
from device_probes.protocol import RefusedCode
from profiler.model import CallPath, EffectState, TrialRequest

KINDS = ("hello", "facts", "load", "pcm", "run", "codec", "cancel", "act", "bye")
EFFECTS = ("off", "on", "default")
REQUEST = codec.request_to_json(TrialRequest(duration_s=1.0))
RUN = {"type": "run", "request": REQUEST, "rate_hz": 48_000, "plays": []}
CODEC = {
    **{"type": "codec", "codec": "opus", "rate_hz": 48_000, "channels": 1, "bitrate_bps": 24_000},
    **{"complexity": None, "frame_ms": 20.0, "frames": 250, "paced": True},
}
GOOD = [
    {"type": "hello", "protocol": 4, "version": "0.1.0", "token": "a\u00fc\U0001f3b5"},
    {"type": "hello", "protocol": 2**31, "version": "", "token": None, "more": [1, {"a": 2.5}]},
    {"type": "facts"},
    {"type": "load", "stimulus_id": "\u00fc" * 96, "rate_hz": 8000, "frames": 1, "crc32": 0},
    {"type": "load", "stimulus_id": "t", "rate_hz": 192_000, "frames": 2**24, "crc32": 2**32 - 1},
    {"type": "pcm", "offset": 0},
    {"type": "pcm", "offset": protocol.MAX_PCM_BYTES},
    RUN,
    CODEC,
    {"type": "cancel"},
    {"type": "act", "action": "route", "value": "bluetooth_sco"},
    {"type": "bye"},
]
ODD = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53, 10**19, 10**21, -0.0, 1.5, 1e300, "", "x", "X"),
    *("opus", "a" * 97, "\u202e", "\ud800", "\x00", "\u00fc", [], {}, [1], {"a": 1}, [[]]),
)
EDGES = (
    *(0.02, 0.0199, 2.5, 2.49, 10, 11, 60, 60.5, 64, 65, 8, 9, 120, 120.5, 900, 900.5, 1024, 1025),
    *(5999, 6000, 7999, 8000, 10_000, 10_001, 192_000, 192_001, 510_000, 510_001),
    *(2**24, 2**24 + 1, 2**27, 2**27 + 1, 2**31 + 1, 2**32 - 1, 2**32, 2**53 + 1, 1.0000001),
)
"""Just inside and just outside of every bound there is."""
NEST = (6, 7, 8)
TEXTS = (
    *(b"", b"{", b"[]", b"null", b"1", b'"type"', b"\xef\xbb\xbf{}", b"{}", b'{"type":"bye"} x'),
    *(b'{"type":"bye",}', b'{"type":"bye","type":"bye"}', b'{"type":"bye"', b'{"type":bye}'),
    *(b'{"type":"pcm","offset":01}', b'{"type":"pcm","offset":1.0}', b'{"type":"bye",}'),
    b'{"type":"pcm","offset":1e0}',
    *(b'{"type":"pcm","offset":-0}', b'{"type":"pcm","offset":NaN}', b'{"type":"pcm","offset":+1}'),
    *(b'{"type":"pcm","offset":Infinity}', b'{"type":"pcm","offset":1e999}', b'{"type":"\xff"}'),
    *(b'{"type":"b\\u0079e"}', b'{"type":"bye\\u0000"}', b'{"type":"by\\e"}'),
    b'{"type":"bye\x01"}',
    *(b' \t\r\n{ "type" : "bye" } \n', b'{"type":"bye"}\x00', b'\x00{"type":"bye"}', b"{'type':1}"),
    *(b'{"type":"pcm","offset":00000000000000000000001}', b'{"type":"bye"}{"type":"bye"}'),
    *(b'{"type":"hello","protocol":4,"version":"\\ud83c\\udfb5","x":"\\ud83c\\ud83c\\udfb5"}',),
    *(b'{"type":"hello","protocol":4,"version":"","x":"\\ud83cx\\u12"}', b'{"\\u0061":1,"a":2}'),
    *(b'{"type":"hello","protocol":4,"version":"","x":' + b"[" * n + b"]" * n + b"}" for n in NEST),
    b'{"type":"hello","protocol":4,"version":"","x":"' + b"[{" * 40 + b'"}',
    b'{"type":"hello","protocol":4,"version":"' + b"\x7f" * 64 + b'"}',
    b'{"type":"hello","protocol":4,"version":"","x":[' + b"1," * 30_000 + b"1]}",
    b'{"type":"hello","protocol":4,"version":"","x":"' + b"\x7f" * 65_000 + b'"}',
    b'{"type":"hello","protocol":4,"version":"","n":-' + b"9" * 19 + b"}",
    b'{"type":"hello","protocol":4,"version":"","n":-' + b"9" * 20 + b"}",
    b'{"type":"hello","protocol":4,"version":"","n":0.' + b"1" * 5_000 + b"}",
)  # fmt: skip


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rig.build_lines(tmp_path_factory.mktemp("core"))


def ask(program: Path, questions: list[str]) -> list[str]:
    return rig.run([program], "\n".join(questions) + "\n").splitlines()


def encoded(value: object) -> bytes:
    return json.dumps(value, allow_nan=True).encode("utf-8", "surrogatepass")


def changed() -> list[bytes]:
    """Every good message with every value replaced, left out, or joined by another."""
    found: list[bytes] = []
    for good in GOOD:
        parts = [((), good)]
        parts += [(("request",), good["request"])] if "request" in good else []
        for path, part in parts:
            for key in (*part, "surplus"):
                for odd in (*ODD, *EDGES, "delete"):
                    other = {k: v for k, v in part.items() if k != key}
                    if odd != "delete":
                        other[key] = odd
                    found.append(encoded({**good, "request": other} if path else other))
    plays = [{"stimulus_id": f"s{i}", "at_frame": i} for i in range(9)]
    calls = [{"ptime_ms": p, "fec": True, "dtx": False} for p in (*codec.PTIMES_MS, 30, 0)]
    calls += [{**calls[0], "bitrate_bps": b, "jitter_buffer_target_ms": 4001} for b in (None, 5)]
    calls.append({**calls[0], "more": 1})
    runs = [
        *({**RUN, "plays": plays[:n]} for n in (1, 8, 9)),
        *({**RUN, "plays": plays[:1] * n} for n in (64, 65)),
        *({**RUN, "plays": [other]} for other in ({}, {**plays[0], "x": 1}, [], None)),
        *({**RUN, "request": {**REQUEST, "call": call}} for call in calls),
    ]
    return found + [encoded(one) for one in runs]


def damaged(count: int) -> list[bytes]:
    """Good messages with some bytes overwritten, by a fixed seed."""
    seeded = random.Random(7)
    found = []
    for _ in range(count):
        data = bytearray(encoded(seeded.choice(GOOD)))
        for _ in range(seeded.randint(1, 3)):
            data[seeded.randrange(len(data))] = seeded.choice(b'{}[]",:\\u0123eE.-tfn\x00\x7f\xff')
        found.append(bytes(data))
    return found


def read(data: bytes, payload_bytes: int = 0) -> protocol.FromHost | None:
    try:
        return parse.read_from_host(wire.decode_header(data, payload_bytes))
    except fields.Malformed:
        return None


def told(answer: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in answer.partition(" fault=")[0].split()[1:])


def text(hexed: str) -> str:
    return bytes.fromhex(hexed).decode("utf-8")


def assert_same_request(request: TrialRequest, said: dict[str, str]) -> None:
    for name in ("api", "sharing", "performance_mode", "input_preset", "audio_mode", "route"):
        assert text(said[name]) == getattr(request, name)
    assert (text(said["usage"]), text(said["audio_session"])) == (
        *(request.usage, request.audio_session),
    )
    for name in ("rate_hz", "output_channels", "input_channels", "cpu_threads"):
        assert int(said[name]) == getattr(request, name)
    assert int(said["buffer_bursts"]) == (request.buffer_bursts or 0)
    assert int(said["buffer_frames"]) == (request.buffer_frames or 0)
    assert float(said["volume"]) == (-1 if request.volume is None else request.volume)
    for name in ("warmup_s", "duration_s", "cpu_load"):
        assert float(said[name]) == getattr(request, name)
    for name in ("aec", "ns", "agc"):
        state = getattr(request, name)
        assert EFFECTS[int(said[name])] == ("default" if state == EffectState.UNKNOWN else state)
    assert said["goes_on"] == str(int(request.background == "continue"))
    assert said["call"] == str(int(request.call is not None))


def assert_same(message: protocol.FromHost | None, answer: str) -> None:
    if message is None:
        assert answer.startswith("malformed ")
        assert len(answer) > len("malformed x")
        return
    kind = message.header()["type"]
    assert answer.partition(" ")[0] == str(KINDS.index(kind)), answer
    said = told(answer)
    if isinstance(message, protocol.Hello):
        assert (int(said["protocol"]), text(said["token"])) == (message.protocol, message.token)
    elif isinstance(message, protocol.Load):
        assert text(said["stimulus_id"]) == message.stimulus_id
        given = (message.rate_hz, message.frames, message.crc32)
        assert tuple(int(said[key]) for key in ("rate_hz", "frames", "crc32")) == given
    elif isinstance(message, protocol.Pcm):
        assert int(said["offset"]) == message.offset
    elif isinstance(message, protocol.Act):
        assert (text(said["action"]), text(said["value"])) == (message.action, message.value)
    elif isinstance(message, protocol.Run):
        assert_same_request(message.request, said)
        plays = [entry.split("@") for entry in said["plays"].split(",") if entry]
        assert [(text(one), int(at)) for one, at in plays] == [
            (play.stimulus_id, play.at_frame) for play in message.plays
        ]
        assert int(said["loaded_hz"]) == message.rate_hz


@rig.apt
def test_every_message_is_read_as_the_host_reads_it(lines: Path) -> None:
    headers = [*(encoded(good) for good in GOOD), *TEXTS, *changed(), *damaged(3000)]
    messages = [read(data) for data in headers]
    answers = ask(lines, [f"message {data.hex()}" for data in headers])
    assert len(answers) == len(headers)
    for data, message, answer in zip(headers, messages, answers, strict=True):
        try:
            assert_same(message, answer)
        except AssertionError as exc:
            raise AssertionError(f"{data!r}: host {message}, core {answer}") from exc
    read_well = sum(message is not None for message in messages)
    assert 200 < read_well < len(headers) - 1000


@rig.apt
def test_only_pcm_carries_a_payload(lines: Path) -> None:
    headers = [encoded(good) for good in GOOD]
    answers = ask(lines, [f"pcm {data.hex()}" for data in headers])
    for data, answer in zip(headers, answers, strict=True):
        assert_same(read(data, 4), answer)


@rig.apt
def test_prefixes_and_their_bounds(lines: Path) -> None:
    sizes = (0, 1, 2, 3, 65_535, 65_536, 65_537, 2**31, 2**32 - 1)
    payloads = (0, 1, 262_143, 262_144, 262_145, 2**31, 2**32 - 1)
    prefixes = [wire.PREFIX.pack(m, h, p) for m in (wire.MAGIC, b"CHRp", b"\0\0\0\0")
                for h in sizes for p in payloads]  # fmt: skip
    answers = ask(lines, [f"prefix {prefix.hex()}" for prefix in prefixes])
    for prefix, answer in zip(prefixes, answers, strict=True):
        code, header, payload, same = map(int, answer.split())
        assert same == 1
        try:
            expected = wire.decode_prefix(prefix)
        except fields.Malformed:
            assert code > 0, prefix
        else:
            assert (code, header, payload) == (0, *expected)


@rig.apt
def test_checksums_are_those_of_zlib(lines: Path) -> None:
    data = [b"", b"\x00", b"123456789", np.random.default_rng(3).bytes(65_537)]
    answers = ask(lines, [f"crc {one.hex()}" for one in data])
    assert [answer.split() for answer in answers] == [[str(zlib.crc32(one))] * 2 for one in data]


@rig.apt
def test_the_frames_of_a_probe_are_byte_for_byte_those_of_python(lines: Path) -> None:
    refused = (
        protocol.Refused(RefusedCode.RATE_DIFFERS, "the output opens at 44100 Hz", 44_100),
        protocol.Refused(RefusedCode.BUSY, fields.clean('a "trial"\nruns')),
    )
    messages = [
        protocol.Hello(protocol.PROTOCOL_VERSION, "0.1.0"),
        protocol.Loaded("train-\u00fc\U0001f3b5", 48_000, 0xFFFF_FFFF),
        protocol.ProgressEvent("playing", 0.125),
        protocol.ProgressEvent("warming", 1.0),
        *refused,
        protocol.Failed("broke"),
        protocol.Pcm(0),
        protocol.Done(0xFFFF_FFFF),
    ]
    expected = [wire.encode_frame(message.header()) for message in messages]
    expected[7] = wire.encode_frame(protocol.Pcm(0).header(), b"\x00\x00\xff\x7f")[:-4]
    answers = ask(lines, ["frames"])
    assert answers[:9] == [frame.hex() for frame in expected]
    assert answers[9:] == ["broken", "broken"]


def numbers() -> list[float]:
    seeded = random.Random(11)
    found = [0.0, -0.0, 1.0, -1.0, 0.1, 1e-4, 9.9e-5, 1e15, 1e16, 123456789.125, 5e-324]
    found += [1.7976931348623157e308, 2.2250738585072014e-308, 1 / 3, 1e22, 1e21, 900_000.0]
    found += [10.0**power for power in range(-30, 31)]
    found += [seeded.uniform(-1e4, 1e4) for _ in range(500)]
    bits = (struct.pack("<Q", seeded.getrandbits(64)) for _ in range(1500))
    return found + [value for (value,) in map(struct.Struct("<d").unpack, bits)]


@rig.apt
def test_numbers_are_written_as_python_writes_them(lines: Path) -> None:
    values = numbers()
    answers = ask(lines, [f"number {struct.pack('<d', value).hex()}" for value in values])
    for value, answer in zip(values, answers, strict=True):
        sent = value if math.isfinite(value) else None
        assert bytes.fromhex(answer) == wire.encode_frame({"type": "x", "v": sent}), value


@rig.apt
def test_texts_are_cleaned_cut_and_written_as_python_does_it(lines: Path) -> None:
    texts = ["", "plain", 'a"b\\c/d', "\x01\x1f\x7f\x80\x9f\u200e\u2028\u202e\u2066\u2069\u206a"]
    texts += ["\u00fc" * 50, "\U0001f3b5" * 41, "e\u0301\u0000"[:2], "\ud7ff\ue000\uffff\U0010ffff"]
    answers = ask(lines, [f"text {one.encode().hex()}" for one in texts])
    for one, answer in zip(texts, answers, strict=True):
        expected = wire.encode_frame({"type": "x", "v": fields.clean(one)[:40]})
        assert bytes.fromhex(answer) == expected, one
    # what is no UTF-8 becomes U+FFFD, byte by byte
    broken = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\xe2\x82")
    answers = ask(lines, [f"text {one.hex()}" for one in broken])
    for answer, count in zip(answers, (1, 2, 3, 4, 3), strict=True):
        value = wire.decode_header(bytes.fromhex(answer)[12:], 0)["v"]
        assert value.removeprefix("a") == "\ufffd" * (count - value.startswith("a"))


@rig.apt
def test_samples_and_histogram(lines: Path) -> None:
    values = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1 / 65_536, -1 / 65_536, math.inf, -math.inf]
    values += [math.nan, 32_766.6 / 32_768, 0.0, -0.0, 0.0, 1.0]
    (answer,) = ask(lines, [f"samples {np.array(values, '<f4').tobytes().hex()}"])
    converted = [0, 32767, -32768, 32767, -32768, 16384, 1, -1, 32767, -32768, 0, 32767]
    assert [int(word) for word in answer.split()] == [*converted, 0, 0, 0, 32767, 0, 3, 1]
    (answer,) = ask(lines, ["histogram"])
    *bins, low, high = answer.split()
    edges = [int(one.split(":")[0]) for one in bins]
    assert [one.split(":")[1:] for one in bins] == [[str(i), str(i + 1)] for i in range(81)]
    assert (low, high) == ("0", "81")
    # one histogram for both platforms: the results of phones are compared
    java = rig.APP.parents[1] / "android" / "app" / "src" / "main" / "java"
    source = (java / "org/chirpbench/probe/NativeAudio.java").read_text("utf-8")
    table = source.split("HISTOGRAM_EDGES_US = {")[1].split("}")[0]
    assert edges == [int(edge) for edge in table.split(",") if edge.strip()]


@rig.apt
def test_ticks_are_exact_over_years(lines: Path) -> None:
    year_ticks = 24_000_000 * 86_400 * 365
    cases = [(t, n, d) for t in (0, 1, 2, 3, year_ticks + 1, 30 * year_ticks + 2)
             for n, d in ((125, 3), (1, 1), (1_000_000_000, 24_000_000))]  # fmt: skip
    answers = ask(lines, [f"ticks {t} {n} {d}" for t, n, d in cases])
    assert [int(answer) for answer in answers] == [t * n // d for t, n, d in cases]


@rig.apt
def test_a_ring_gives_every_frame_once_and_refuses_what_does_not_fit(lines: Path) -> None:
    answers = ask(lines, ["ring 5 3 5 1 9 2 8 9 8 9 4", "ring 8 8 8 9 3 2 6 5"])
    assert answers[0] == "w5 r3 w5 r1 w2 r2 w2 r8 w8 r8 w4 4"
    assert answers[1] == "w8 r8 w8 r8 w3 r2 w6 r5 2"


@rig.apt
def test_what_comes_after_the_end_is_no_overrun(lines: Path) -> None:
    assert ask(lines, ["ended"]) == ["state=3 recorded=480 overrun=0 inputs=10"]


@rig.apt
def test_words_that_ios_has(lines: Path) -> None:
    (answer,) = ask(lines, ["words"])
    assert answer.split() == [
        *("unknown", "default", "measurement", "voice_chat", "video_chat", "unknown"),
        *("unknown:-1", "default:0", "speaker:1", "earpiece:2", "wired:3", "usb:4"),
        *("bluetooth_sco:5", "bluetooth_a2dp:6", "bluetooth_le:7", "unknown:-1"),
    ]


VOICE = {"api": "coreaudio_voice_processing"}
MODES = {
    "default": {},
    "measurement": {"input_preset": "unprocessed", "audio_mode": "communication"},
    "voice_chat": {"audio_mode": "communication", "usage": "voice_communication", "aec": "on"},
    "video_chat": {"input_preset": "video_chat", "agc": "default"},
}
UNSUPPORTED = [
    *({"api": api} for api in ("aaudio", "java", "web_audio")),
    {"sharing": "exclusive"}, {"performance_mode": "power_saving"}, {"audio_session": "shared"},
    {"audio_mode": "ringtone"}, {"usage": "voice_communication"}, {"usage": "game"},
    *({"input_preset": preset} for preset in ("camcorder", "voice_recognition")),
    {"route": "hearing_aid"}, {"api": "coreaudio_remote_io", "aec": "on"}, {"ns": "on"},
    {**VOICE, "agc": "on"}, {**VOICE, "ns": "on"}, {"call": CallPath()},
]  # fmt: skip


@rig.apt
def test_what_ios_cannot_do_is_unsupported_and_modes_follow_the_words(lines: Path) -> None:
    supported = [*MODES.values(), VOICE, {**VOICE, "aec": "on", "ns": "on", "agc": "on"}]
    supported += [{"route": "earpiece"}, {"sharing": "shared", "performance_mode": "low_latency"}]
    requests = [{**REQUEST, **one} for one in (*supported, *UNSUPPORTED)]
    requests[-1] = codec.request_to_json(TrialRequest(duration_s=1.0, call=CallPath()))
    headers = [encoded({**RUN, "request": one}) for one in requests]
    answers = ask(lines, [f"message {one.hex()}" for one in headers])
    faults = [answer.partition(" fault=")[2] for answer in answers]
    assert faults[: len(supported)] == [""] * len(supported)
    assert all(len(fault) > 15 for fault in faults[len(supported) :]), faults
    said = [told(answer) for answer in answers[: len(supported)]]
    assert [one["mode"] for one in said[:4]] == list(MODES)
    assert [one["voice"] for one in said[:6]] == ["0", "0", "1", "0", "1", "1"]
