"""The page's plain modules, run by node: the same bytes, the same verdicts as the host's code."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device_probes import fields, protocol, wire
from device_probes.codec import MAX_NOTES, MAX_OBSERVED, MAX_RAW_ENTRIES, MAX_TIMESTAMPS
from device_probes.fields import Malformed
from device_probes.parse import read_from_host
from device_probes.web.status import PageState
from device_probes.wire import decode_header, decode_prefix, encode_frame
from profiler import __version__
from profiler.model import CallPath, CodecRequest, TrialRequest
from profiler.wav import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ

pytestmark = pytest.mark.needs_apt("nodejs", "node")

PAGE = Path(__file__).parents[2] / "device_probes" / "web" / "page"


def node(script: str, value: Any = None) -> Any:
    """What ``script`` (an ES module's body, ``input`` is ``value``) gives to ``answer``."""
    head = (
        "import { readFileSync } from 'node:fs';"
        "const input = JSON.parse(readFileSync(0, 'utf8'));"
        "const answer = (value) => console.log(JSON.stringify(value));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", head + script],
        cwd=PAGE,
        input=json.dumps(value),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- frames --------------------------------------------------------------------------------------

HEADERS: list[dict[str, Any]] = [
    protocol.Pcm(0).header(),
    {"type": "pcm", "offset": 2**53},
    {"type": "x", "text": 'é "quoted" \\ \x00\x1f\x7f\u2028 \U0001f426 \ud800 /'},
    {"type": "x", "numbers": [0, -1, 0.5, -0.00125, 123456.789], "no": None, "yes": True, "o": {}},
]


def test_frames_have_the_same_bytes_as_the_hosts():
    payloads = ["", "00", "0000ff7f", "ab" * 1000]
    cases = [[header, payload] for header in HEADERS for payload in payloads]
    script = """
        import { encodeFrame } from './wire.js';
        answer(input.map(([header, hex]) =>
          Buffer.from(encodeFrame(header, Buffer.from(hex, 'hex'))).toString('hex')));
    """
    expected = [encode_frame(header, bytes.fromhex(hex_)).hex() for header, hex_ in cases]
    assert node(script, cases) == expected


def test_a_frame_beyond_its_bounds_or_with_nan_is_not_built():
    script = """
        import { encodeFrame } from './wire.js';
        const tries = [
          [{ type: 'x'.repeat(65536) }], [{ type: 'pcm' }, new Uint8Array(262145)],
          [{ type: 'x', y: NaN }], [{ type: 'x', y: [Infinity] }],
        ];
        answer(tries.map((one) => {
          try { encodeFrame(...one); return 'built'; } catch (error) { return error.name; }
        }));
    """
    assert node(script) == ["RangeError"] * 4


def test_frames_survive_any_cutting():
    rng = random.Random(7)
    frames = [
        ({"type": "pcm", "offset": n}, rng.randbytes(rng.choice([0, 1, 300, 262_144])))
        for n in range(12)
    ]
    data = b"".join(encode_frame(header, payload) for header, payload in frames)
    sizes = [rng.choice([1, 2, 11, 12, 13, 1000, 400_000]) for _ in range(len(data))]
    script = """
        import { FrameReader, crc32 } from './wire.js';
        const reader = new FrameReader();
        const data = Buffer.from(input.data, 'hex');
        const got = [];
        for (let at = 0, n = 0; at < data.length; at += input.sizes[n], n += 1) {
          reader.push(data.subarray(at, at + input.sizes[n]), ({ header, payload }) =>
            got.push([Object.fromEntries(header), payload.length, crc32(payload)]));
        }
        answer(got);
    """
    got = node(script, {"data": data.hex(), "sizes": sizes[:4000] + [400_000] * 20})
    assert got == [[header, len(payload), zlib.crc32(payload)] for header, payload in frames]


def test_the_checksum_is_zlibs_in_one_go_and_in_pieces():
    data = random.Random(1).randbytes(70_001)
    script = """
        import { crc32 } from './wire.js';
        const data = Buffer.from(input, 'hex');
        answer([crc32(new Uint8Array(0)), crc32(data),
                crc32(data.subarray(999), crc32(data.subarray(0, 999)))]);
    """
    assert node(script, data.hex()) == [0, zlib.crc32(data), zlib.crc32(data)]


# --- hostile hosts: whatever the bytes are, page and host agree -----------------------------------


def verdict(frame: bytes) -> bool:
    """Whether the host's own code takes ``frame`` for a message."""
    try:
        header_bytes, payload_bytes = decode_prefix(frame[:12])
        read_from_host(decode_header(frame[12 : 12 + header_bytes], payload_bytes))
    except Malformed:
        return False
    return True


def page_verdicts(frames: list[bytes]) -> list[bool]:
    script = """
        import { Malformed } from './json.js';
        import { readFromHost } from './messages.js';
        import { FrameReader } from './wire.js';
        answer(input.map((hex) => {
          let taken = false;
          try {
            new FrameReader().push(Buffer.from(hex, 'hex'), ({ header }) => {
              readFromHost(header);
              taken = true;
            });
          } catch (error) {
            if (!(error instanceof Malformed)) throw error;
          }
          return taken;
        }));
    """
    return node(script, [frame.hex() for frame in frames])


def raw_frame(text: bytes, payload: bytes = b"") -> bytes:
    return wire.PREFIX.pack(wire.MAGIC, len(text), len(payload)) + text + payload


REQUEST = TrialRequest(
    duration_s=1.0, buffer_bursts=2, volume=0.5, call=CallPath(bitrate_bps=24000)
)
MESSAGES = [
    {**protocol.Hello(4, "1", "secret").header(), "more": 1},
    protocol.AskFacts().header(),
    protocol.Load("s1", 48_000, 100, 5).header(),
    protocol.Pcm(4).header(),
    protocol.Run(REQUEST, 48_000, (protocol.ScheduledPlay("s1", 10),)).header(),
    protocol.Run(TrialRequest(duration_s=0.5), 8000, ()).header(),
    protocol.Codec(CodecRequest()).header(),
    protocol.Cancel().header(),
    protocol.Act("route", "earpiece").header(),
    protocol.Bye().header(),
]
VALUES: list[Any] = [
    None, True, 0, 1, -1, 2, 7, 60, 61, 1.0, 0.5, 1e300, 2**31, 2**53, 2**53 + 2, 10**20, "", "x",
    "X", "a b", "on", "off", "refuse", "x" * 97, [], [1], {}, {"a": 1}, "\ud800", "\x00", [[[[]]]],
]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        return found + [p for key in value for p in places(value[key], (*at, key))]
    if isinstance(value, list):
        return found + [p for n, one in enumerate(value) for p in places(one, (*at, n))]
    return found


def mutations() -> list[bytes]:
    """Every message with every value replaced by each of VALUES, left out, or named twice."""
    frames = []
    for message in MESSAGES:
        frames.append(raw_frame(json.dumps(message).encode()))
        for place in places(message):
            for value in VALUES:
                changed = copy.deepcopy(message)
                target: Any = changed
                for step in place[:-1]:
                    target = target[step]
                target[place[-1]] = value
                frames.append(raw_frame(json.dumps(changed).encode()))
            left = copy.deepcopy(message)
            target = left
            for step in place[:-1]:
                target = target[step]
            del target[place[-1]]
            frames.append(raw_frame(json.dumps(left).encode()))
            if isinstance(place[-1], str):
                key = json.dumps(place[-1])
                text = json.dumps(message).replace(f"{key}: ", f"{key}: 1, {key}: ", 1)
                frames.append(raw_frame(text.encode()))
    return frames


def test_page_and_host_agree_on_every_changed_message():
    frames = mutations()
    ours = [verdict(frame) for frame in frames]
    theirs = page_verdicts(frames)
    differ = [f[12:300] for f, a, b in zip(frames, ours, theirs, strict=True) if a != b]
    assert differ == []
    assert 100 < sum(ours) < len(frames) - 1000


HOSTILE = [
    b"", b"{}", b"[]", b"null", b'"facts"', b"\xff\xfe", b'{"type":"facts"', b'{"type":"facts"}x',
    b'\xef\xbb\xbf{"type":"facts"}', b'{"type":"facts","type":"facts"}', b'{"type":facts}',
    b'{"type":"pcm","offset":1.0}', b'{"type":"pcm","offset":1e0}', b'{"type":"pcm","offset":01}',
    b'{"type":"pcm","offset":-0}', b'{"type":"pcm","offset":NaN}', b'{"type":"pcm","offset":+1}',
    b'{"type":"pcm","offset":Infinity}', b'{"type":"pcm","offset":1,}', b"{'type':'facts'}",
    b'{"type":"facts","__proto__":{}}', b'{"type":"constructor"}', b'{"type":"toString"}',
    b'{"type":"fac\nts"}', b'{"type":"fac\\u0074s"}', b' \t\r\n{ "type" : "facts" } ',
    b'{"type":"hello","protocol":4,"version":"' + b"\xf0\x9f\x90\xa6" * 64 + b'"}',
    b'{"type":"hello","protocol":4,"version":"' + b"\xf0\x9f\x90\xa6" * 65 + b'"}',
    b'{"type":"hello","protocol":4,"version":"","x":' + b"[" * 7 + b"]" * 7 + b"}",
    b'{"type":"hello","protocol":4,"version":"","x":' + b"[" * 8 + b"]" * 8 + b"}",
    b'{"type":"hello","protocol":4,"version":"","x":' + b"[" * 30_000 + b"}",
    b'{"type":"hello","protocol":4,"version":"","x":"' + b"[{" * 20_000 + b'"}',
    b'{"type":"hello","protocol":4,"version":"","x":"' + b"\\" * 30_000 + b"}",
    b'{"type":"hello","protocol":4,"version":"","x":1' + b"0" * 300 + b"}",
    b'{"type":"hello","protocol":4,"version":"","x":1e999}',
]  # fmt: skip


def test_page_and_host_agree_on_hostile_bytes():
    frames = [raw_frame(text) for text in HOSTILE]
    frames += [raw_frame(b'{"type":"facts"}', b"x"), raw_frame(b'{"type":"pcm","offset":0}', b"x")]
    frames += [
        b"CHRQ" + frames[1][4:],
        wire.PREFIX.pack(wire.MAGIC, 65_537, 0) + b"{}",
        wire.PREFIX.pack(wire.MAGIC, 2**32 - 1, 0) + b"{}",
        wire.PREFIX.pack(wire.MAGIC, 2, 262_145) + b"{}",
        wire.PREFIX.pack(wire.MAGIC, 0, 0) + b"{}",
    ]
    ours = [verdict(frame) for frame in frames]
    assert page_verdicts(frames) == ours
    assert 3 < sum(ours) < len(frames) / 2


def test_bounds_are_the_hosts():
    limits = node("import * as limits from './limits.js'; answer({ ...limits });")
    assert limits.pop("PROTOCOL") == protocol.PROTOCOL_VERSION
    assert limits.pop("VERSION") == __version__
    assert limits.pop("PROBE_VERSION") == f"web {__version__}"
    elsewhere = {
        "MAX_NOTES": MAX_NOTES, "MAX_OBSERVED": MAX_OBSERVED, "MAX_RAW_ENTRIES": MAX_RAW_ENTRIES,
        "MAX_TIMESTAMPS": MAX_TIMESTAMPS, "MAX_CHANNELS": MAX_CHANNELS, "MIN_RATE_HZ": MIN_RATE_HZ,
        "MAX_RATE_HZ": MAX_RATE_HZ, "MAX_COUNT": 2**53,
    }  # fmt: skip
    for name, value in limits.items():
        owner = [vars(m)[name] for m in (wire, fields, protocol) if name in vars(m)]
        assert value == (owner[0] if owner else elsewhere[name]), name


# --- samples -------------------------------------------------------------------------------------


def test_plays_are_added_up_and_cut_at_the_end():
    script = """
        import { mix } from './timeline.js';
        const plays = input.map(([at_frame, samples]) =>
          ({ at_frame, samples: Float32Array.from(samples) }));
        answer([[...mix(plays, 8)], [...mix(plays, 8, 0.5)], [...mix([], 3)]]);
    """
    plays = [[0, [0.1, 0.2, 0.3]], [2, [1, 1]], [6, [0.5, 0.5, 0.5]], [9, [9]]]
    expected = np.zeros(8, np.float32)
    for at, samples in plays:
        kept = np.float32(samples)[: max(0, 8 - at)]
        expected[at : at + len(kept)] += kept
    full, half, silent = node(script, plays)
    assert full == [float(v) for v in expected]
    np.testing.assert_allclose(half, expected / 2, rtol=1e-6)
    assert silent == [0, 0, 0]


def test_a_run_of_zeros_is_zero_in_every_channel():
    script = """
        import { longestZeroRun } from './timeline.js';
        answer(input.map(([values, channels]) =>
          longestZeroRun(Float32Array.from(values), channels)));
    """
    cases = [[[], 1], [[0, 0, 1, 0, 0, 0], 1], [[0, 0, 0, 1, 0, 0, 0, 0], 2], [[1, 1], 1]]
    assert node(script, cases) == [0, 3, 2, 0]


# --- who and where -------------------------------------------------------------------------------

CHROME_HINTS = {
    "architecture": "", "bitness": "", "model": "Pixel 8", "platformVersion": "15.0.0",
    "fullVersionList": [
        {"brand": "Not(A:Brand", "version": "99.0.0.0"},
        {"brand": "Google Chrome", "version": "141.0.7390.70"},
        {"brand": "Chromium", "version": "141.0.7390.70"},
    ],
}  # fmt: skip
LINUX_HINTS = {
    "architecture": "x86", "bitness": "64", "model": "", "platformVersion": "",
    "fullVersionList": [
        {"brand": "Not:A-Brand", "version": "8.0.0.0"},
        {"brand": "Chromium", "version": "156.0.8078.79"},
    ],
}  # fmt: skip
WINDOWS_HINTS = {
    **LINUX_HINTS, "platformVersion": "15.0.0",
    "fullVersionList": [
        {"brand": "Microsoft Edge", "version": "141.0.1"}, {"brand": "Chromium", "version": "141"},
    ],
}  # fmt: skip
IOS_SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1"
)
IOS_26 = IOS_SAFARI.replace("17_4_1", "18_6").replace("Version/17.4.1", "Version/26.1")
IOS_CHROME = IOS_SAFARI.replace("Version/17.4.1", "CriOS/141.0.7390.41")
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Safari/605.1.15"
)
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537"
SAMSUNG = (
    "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ANDROID_FOX = "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0"
LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/156.0.0.0 Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Edg/141.0"


@pytest.mark.parametrize(
    ("agent", "hints", "touch", "expected"),
    [
        (ANDROID, CHROME_HINTS, 5, "Google|Pixel 8 (Chrome)|Chrome 141.0.7390.70|Android 15.0.0|"),
        (ANDROID, None, 5, "|Android (Chrome)|Chrome 141.0.0.0|Android 10|"),
        (SAMSUNG, None, 5,
         "|SAMSUNG SM-S918B (Samsung Internet)|Samsung Internet 28.0|Android 14|"),
        (IOS_SAFARI, None, 5, "Apple|iPhone (Safari)|Safari 17.4.1|iOS 17.4.1|"),
        (IOS_26, None, 5, "Apple|iPhone (Safari)|Safari 26.1|iOS 26.1|"),
        (IOS_CHROME, None, 5, "Apple|iPhone (Chrome)|Chrome 141.0.7390.41|iOS 17.4.1|"),
        (MAC, None, 5, "Apple|iPad (Safari)|Safari 18.1|iPadOS 18.1|"),
        (MAC, None, 0, "Apple|Mac (Safari)|Safari 18.1|macOS |"),
        (LINUX, LINUX_HINTS, 0, "|Linux x86_64 (Chromium)|Chromium 156.0.8078.79|Linux |x86_64"),
        (FIREFOX, None, 0, "|Linux x86_64 (Firefox)|Firefox 128.0|Linux |x86_64"),
        (ANDROID_FOX, None, 5, "|Android (Firefox)|Firefox 128.0|Android 14|"),
        (WINDOWS, WINDOWS_HINTS, 0, "|Windows x86_64 (Edge)|Edge 141.0.1|Windows 11|x86_64"),
        ("", None, 0, "|Linux (browser)|browser |Linux |"),
    ],
)  # fmt: skip
def test_browsers_are_known_by_what_they_say(agent, hints, touch, expected):
    script = """
        import { identify } from './facts.js';
        answer(identify(input.agent, input.hints, input.touch));
    """
    who = node(script, {"agent": agent, "hints": hints, "touch": touch})
    model = f"{who['device']} ({who['browser']})"
    system = f"{who['os']} {who['os_version']}"
    browser = f"{who['browser']} {who['version']}"
    assert "|".join([who["maker"], model, browser, system, who["soc"]]) == expected


PHONE = [("audioinput", n) for n in ("Default", "Speakerphone", "Headset earpiece")]
PHONE += [("audioinput", "Bluetooth headset"), ("audioinput", "Wired headset")]
DESK = [("audioinput", "Webcam microphone"), ("audioinput", "Speakerphone of a USB device")]
DESK += [("audiooutput", "Speakers (Realtek)"), ("audiooutput", "USB Headphones")]


@pytest.mark.parametrize(
    ("route", "devices", "android", "sink", "expected"),
    [
        ("default", DESK, False, True, [None, None]),
        ("speaker", [], False, False, [None, None]),
        ("speaker", DESK, False, True, [None, "Speakers (Realtek)"]),
        ("speaker", DESK, False, False, [None, None]),
        ("usb", DESK, False, True, ["Speakerphone of a USB device", "USB Headphones"]),
        ("usb", DESK, False, False, None),
        ("earpiece", DESK, False, True, None),
        ("speaker", PHONE, True, False, ["Speakerphone", None]),
        ("earpiece", PHONE, True, False, ["Headset earpiece", None]),
        ("bluetooth_sco", PHONE, True, False, ["Bluetooth headset", None]),
        ("wired", PHONE, True, False, ["Wired headset", None]),
        ("usb", PHONE, True, False, None),
        ("somewhere", PHONE, True, True, None),
    ],
)
def test_routes_are_devices_or_refused(route, devices, android, sink, expected):
    script = """
        import { chooseRoute } from './routes.js';
        const devices = input.devices.map(([kind, label]) => ({ kind, label }));
        const how = { android: input.android, can_set_sink: input.sink };
        try {
          const { input: one, output } = chooseRoute(input.route, devices, how);
          answer([one?.label ?? null, output?.label ?? null]);
        } catch (error) { answer(error.code === 'unsupported' ? null : String(error)); }
    """
    value = {"route": route, "devices": devices, "android": android, "sink": sink}
    assert node(script, value) == expected


# --- words ---------------------------------------------------------------------------------------


def test_every_state_has_words_for_every_browser():
    script = """
        import { card } from './words.js';
        const systems = ['Android', 'iOS', 'iPadOS', 'macOS', 'Windows', 'Linux', 'ChromeOS'];
        const browsers = ['Chrome', 'Safari', 'Firefox', 'Edge', 'browser'];
        answer(input.map((state) => systems.flatMap((os) =>
          browsers.map((browser) => card(state, { os, browser })))));
    """
    more = ["connecting", "lost", "finished", "another_tab", "not_allowed", "old_page"]
    states = [*(state.value for state in PageState), *more]
    for state, cards in zip(states, node(script, states), strict=True):
        for one in cards:
            assert one["title"], state
            assert one["text"], state
            assert all(isinstance(step, str) and step for step in one["steps"])
            told = json.dumps(one)
            assert "undefined" not in told
            assert "=>" not in told
            if one["tone"] == "error":
                assert one["action"] or one["steps"], f"{state}: what to do?"


def test_every_refusal_of_a_trial_has_plain_words():
    codes = [code.value for code in protocol.RefusedCode]
    script = """
        import { outcome } from './words.js';
        answer(input.map((code) => outcome({ code, granted_rate_hz: 44100, message: 'why' }).text));
    """
    for code, text in zip(codes, node(script, codes), strict=True):
        assert text[0].isupper(), code
        assert "undefined" not in text
    assert "44100 Hz" in node(script, ["rate_differs"])[0]
