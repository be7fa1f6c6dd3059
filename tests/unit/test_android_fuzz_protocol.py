"""Any bytes of a phone's adb services, of its probe and of the adb server's list: named errors."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import bad_probes
import pytest
from bad_probes import frame, playing
from hostile_adb_server import shell_that_says
from hostile_android import (
    FORBIDDEN,
    REQUEST,
    TEXTS,
    TRAIN,
    harmless,
    not_allowed,
    packet,
    screen_text,
)
from hostile_probes import FACTS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_probes.android import commands, files
from device_probes.android.identity import Answers, identify
from device_probes.android.ledger import Lease, Ledger
from device_probes.android.listing import MAX_LISTED, listed_devices, read_list
from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Play
from device_probes.fields import Malformed, loads
from device_probes.protocol import PROTOCOL_VERSION
from profiler.errors import DeviceError, DeviceNotReady
from profiler.model import CodecRequest

REMOTE = "/data/local/tmp/chirpbench-0123456789abcdef.apk"

# --- shell and sync -------------------------------------------------------------------------------

pieces = st.one_of(
    st.builds(packet, st.integers(0, 255), st.binary(max_size=40)),
    st.builds(
        packet, st.sampled_from((1, 2, 3)), st.sampled_from([t.encode() for t in TEXTS.values()])
    ),
    st.builds(struct.pack, st.just("<BI"), st.integers(0, 255), st.integers(0, 2**32 - 1)),
    st.binary(max_size=20),
    st.sampled_from([b"X4EXIT:0\n", b"X4EXIT:", b"\r\n", b"OKAY", b"FAIL0004oops"]),
)


@settings(deadline=None)
@given(st.lists(pieces, max_size=8).map(b"".join), st.booleans())
@example(b"X4EXIT:255\r\n\r\n", False)
@example(packet(1, b"x" * 60) + packet(3, b"\x80\x01"), True)
def test_any_answer_of_a_shell_is_read_or_a_named_error(data: bytes, second: bool) -> None:
    with shell_that_says(data, features="shell_v2" if second else "cmd") as shell:
        try:
            answer = shell.run(commands.GETPROP, 5.0)
        except DeviceError as exc:
            error = exc
        else:
            assert 0 <= answer.code <= 255
            assert len(answer.text) <= len(data) + 1
            error = None
    assert harmless(error)


names = st.sampled_from([b"STAT", b"OKAY", b"FAIL", b"DATA", b"DONE", b"DENT", b"QUIT"])
numbers = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 4, 0o100644])
answers = st.one_of(
    st.builds(lambda n, f: n + struct.pack(f"<{len(f)}I", *f), names,
              st.lists(numbers, max_size=3)),
    st.builds(lambda n, d: n + struct.pack("<I", len(d)) + d, names, st.binary(max_size=60)),
    st.binary(max_size=20),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(answers, max_size=5).map(b"".join))
@example(b"STAT" + struct.pack("<III", 0o100644, 5, 0))
def test_any_answer_of_sync_is_taken_or_a_named_error_and_leaves_no_file(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        # The second service is what a pull asks for after the size, the third its digest.
        local = Path(folder) / "x"
        with shell_that_says(data, data, packet(1, b"?") + packet(3, b"\0")) as shell:
            for do in (
                lambda: files.write(shell, b"12345", REMOTE),
                lambda: files.pull(shell, REMOTE, local, max_bytes=100),
            ):
                try:
                    do()
                except DeviceError as exc:
                    error = exc
                else:
                    error = None
                assert harmless(error)
        assert {p.name for p in Path(folder).iterdir()} <= {"x"}
        assert error is None or not list(Path(folder).iterdir())


# --- the probe ------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
    | st.sampled_from(sorted(TEXTS.values())),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
GOOD: tuple[dict, ...] = (
    {"type": "hello", "protocol": PROTOCOL_VERSION, "version": "9"},
    {"type": "facts", "facts": FACTS},
    {"type": "loaded", "stimulus_id": TRAIN.stimulus_id, "rate_hz": 48_000, "crc32": 0},
    {"type": "progress", "stage": "playing", "fraction": 0.5},
    {"type": "result", "report": bad_probes.report(), "format": "int16", "frames": 8000},
    {"type": "pcm", "offset": 0},
    {"type": "done", "crc32": 0},
    {"type": "refused", "code": "rate_differs", "text": "x", "granted_rate_hz": 16_000},
    {"type": "codec_cost", "encoder": "x", "decoder": "", "frames": 1, "bytes": 1,
     "encode_ms": None, "decode_ms": None},
    {"type": "error", "text": "x"},
)  # fmt: skip


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame of the contract, changed in one value, or cut, or with other lengths."""
    message = dict(draw(st.sampled_from(GOOD)))
    if draw(st.booleans()):
        message[draw(st.sampled_from(sorted(message)) | st.text(max_size=5))] = draw(values)
    payload = draw(st.sampled_from([b"", b"\0" * 16_000, b"abc"]) | st.binary(max_size=9))
    data = frame(json.dumps(message).encode("utf-8", "surrogatepass"), payload)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, 11))
        data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :]
    return data


CALLS: tuple[Callable[[ProbeClient], object], ...] = (
    lambda c: c.handshake(),
    lambda c: c.facts(),
    lambda c: c.run(REQUEST, (Play(TRAIN),), lambda _: None),
    lambda c: c.codec_cost(CodecRequest()),
)


@settings(deadline=None)
@given(st.lists(frames(), max_size=6).map(b"".join))
def test_any_frames_of_a_probe_are_an_answer_or_a_named_error(data: bytes) -> None:
    def script(sock: object) -> None:
        sock.sendall(data)  # type: ignore[attr-defined]
        sock.shutdown(1)  # type: ignore[attr-defined]
        while sock.recv(65_536):  # type: ignore[attr-defined]
            pass

    for call in CALLS:
        with playing(script) as stream:
            client = ProbeClient(stream, "Pixel 7 (2A0)", deadlines=Deadlines(open_s=5.0))
            try:
                call(client)
            except DeviceError as exc:
                error = exc
            else:
                error = None
            client.close()
        assert harmless(error)


@pytest.mark.parametrize(
    "data",
    [b'{"a":"' + b'\\"' * 2_000_000, b'{"a":"' + b'\\"' * 2_000_000 + b"\\", b'"' * 2_000_000,
     b'{"a":"' + b"\\" * 2_000_001 + b'"}', b"[" * 2_000_000, b'{"a":"[[[[[[[[[[[["' * 100_000,
     b'{"a":1' + b"0" * 2_000_000 + b"}", b'{"a":1e' + b"9" * 2_000_000 + b"}"],
    ids=lambda data: repr(data[:12]),
)  # fmt: skip
def test_no_header_costs_a_square(data: bytes) -> None:
    """One regular expression took sixteen seconds for 64 kB of the first one."""
    with pytest.raises(Malformed):
        loads(data)


# --- the adb server's list ------------------------------------------------------------------------


def reading(data: bytes, sizes: list[int]) -> Callable[[int], bytes]:
    """``recv`` that gives ``data`` in pieces of ``sizes`` at most."""
    at, hints = 0, iter(sizes)

    def receive(size: int) -> bytes:
        nonlocal at
        part = data[at : at + min(size, next(hints, size))]
        at += len(part)
        return part

    return receive


rows = st.lists(
    st.tuples(
        st.sampled_from(["SERIAL01", "127.0.0.1:6001", "????", "(no serial number)", "a b"])
        | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
        st.sampled_from(["device", "offline", "no permissions (x); see [http://x] usb:1-1"]),
        st.sampled_from(["", "usb:1-1 ", "usb:1-2 "]),
        st.sampled_from(["Pixel_7", "x" * 9000, "usb:9-9", "a transport_id:1"])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        st.integers(1, 99),
    ),
    max_size=6,
)  # fmt: skip
cuts = st.lists(st.integers(1, 5000), max_size=5)


@given(rows, cuts)
def test_a_list_is_read_whole_however_it_comes(found: list[tuple], sizes: list[int]) -> None:
    lines = [f"{s:<22} {w} {u}product:{p} transport_id:{n}\n" for s, w, u, p, n in found]
    text = "".join(lines)
    data = b"%04x" % len(text.encode()) + text.encode()
    listed = listed_devices(read_list(reading(data, sizes)))
    if all(len(line) < 4000 for line in lines):
        assert listed == listed_devices(text)
    if all("\n" not in f"{s}{p}" and s.strip() == s for s, *_, p, _ in found):
        assert [one.transport_id for one in listed][: len(found)] == [n for *_, n in found]
    if len(data) > 4:
        with pytest.raises(EOFError):
            read_list(reading(data[:-1], sizes))


@given(st.integers(1, 3_000_000), st.sampled_from(["x", "usb:9-9 ", "transport_id:3 "]))
@settings(max_examples=12, deadline=None)
def test_a_long_name_hides_no_other_phone(size: int, piece: str) -> None:
    """Beyond 65535 bytes the adb server writes more than four digits of length."""
    name = piece * (size // len(piece) + 1)
    text = (f"SERIAL0001             device usb:1-1 product:{name} model:M transport_id:7\n"
            "SERIAL0002             device usb:1-2 product:p transport_id:8\n")  # fmt: skip
    listed = listed_devices(read_list(reading(b"%04x" % len(text) + text.encode(), [])))
    assert [(one.serial, one.usb_path, one.transport_id) for one in listed] == [
        ("SERIAL0001", "1-1", 7), ("SERIAL0002", "1-2", 8),
    ]  # fmt: skip


def test_a_list_without_end_takes_no_memory() -> None:
    line = b"SERIAL device product:" + b"x" * 60_000 + b" transport_id:1\n"
    data = line * 2000
    text = read_list(reading(b"%x" % len(data) + data, []))
    assert len(text) < 5_000_000
    assert len(listed_devices(text)) == MAX_LISTED
    with pytest.raises(EOFError):
        read_list(reading(b"zzzz" + data[:1000], []))


serials = st.sampled_from(["SERIAL0001", "0123456789ABCDEF", "", "a;b", "a b", *TEXTS.values()])


@given(st.lists(st.tuples(serials, serials, st.sampled_from(["", "usb:1-1", "usb:1;1", "usb:1_1"]),
                          st.sampled_from(["", "boot-a", "boot-b"])), max_size=8))  # fmt: skip
def test_no_two_phones_have_one_name(found: list[tuple[str, str, str, str]]) -> None:
    """Equal names would make one of them busy, and a bench refuse to begin."""
    text = "".join(
        f"{serial:<22} device {usb} transport_id:{i + 1}\n"
        for i, (serial, _, usb, _) in enumerate(found)
    )
    listed = listed_devices(text)
    said = {i + 1: Answers(own, boot) for i, (_, own, _, boot) in enumerate(found)}
    seen = identify([(one, said.get(one.transport_id, Answers())) for one in listed], "bench")
    keys = [one.key for one in seen if not one.duplicate_of]
    assert len(keys) == len(set(keys))
    assert {one.key for one in seen} == set(keys)


# --- what this computer remembers -----------------------------------------------------------------


def test_names_and_reasons_of_a_phone_lead_to_no_other_file(tmp_path: Path) -> None:
    """Of a lock and of a quarantine; two phones never share one."""
    state = tmp_path / "state"
    ledger = Ledger(state)
    texts = [*TEXTS.values(), "..", ".", "/", "", "a" * 5000, "A/b", "A_b"]
    leases = [Lease(state, text) for text in texts]
    for lease, text in zip(leases, texts, strict=True):
        lease.take()
        for _ in range(3):
            ledger.failed(text, text)
    for path in tmp_path.rglob("*"):
        name = str(path.relative_to(tmp_path))
        assert re.fullmatch(
            r"state(/locks(/[A-Za-z0-9._-]{1,60}\.lock)?|/phones\.(json|lock))?", name
        ), name
    assert len(list((state / "locks").iterdir())) == len(texts)
    assert (state / "phones.json").read_bytes().isascii()
    for lease, text in zip(leases, texts, strict=True):
        assert ledger.health(text).failures == 3
        assert harmless(DeviceError(ledger.health(text).reason, device="Pixel 7"))
        with pytest.raises(DeviceNotReady):
            ledger.refuse_quarantined(text)
        lease.release()


# --- the checks of these tests --------------------------------------------------------------------


@pytest.mark.parametrize(
    "service",
    ["shell,v2,raw:getprop; reboot", "shell,v2,raw:reboot", "shell,v2,raw:rm -f /data/local/tmp/x",
     "shell,v2,raw:sha256sum /data/app/$(reboot)/base.apk", "shell,v2,raw:getprop | sh", "reboot:",
     "shell,v2,raw:settings put global stay_on_while_plugged_in 7 x", "tcp:5555", "exec:id",
     "shell,v2,raw:pm install -r -t -g /data/local/tmp/../x.apk", "localabstract:other"],
)  # fmt: skip
def test_an_injected_command_would_be_found(service: str) -> None:
    assert not_allowed(["shell,v2,raw:getprop", "sync:", service])


def test_harm_on_a_screen_would_be_found() -> None:
    for name in ("escapes", "bidi", "nul"):
        assert FORBIDDEN.search(screen_text(TEXTS[name].encode())), name
    ours = b"\x1b[1;32mok\x1b[0m\r\n\x1b[2A\x1b[2K\x1b[?25l"
    assert FORBIDDEN.search(screen_text(ours)) is None
    for error in ("a\x1b[2J", "a\nb", "a\u202eb", "x" * 1000):
        assert not harmless(DeviceError(error, device="d"))
