"""docs/probe-protocol.md and docs/add-a-probe.md say what the code does."""

import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from device_probes import client, fields, parse, protocol, server, wire
from device_probes.driver import Play
from profiler.model import DeviceFacts, GrantedStream, Platform, ProbeReport, TrialRequest
from profiler.stimulus import make_train, render

DOCS = Path(__file__).parents[2] / "docs"
PROTOCOL = (DOCS / "probe-protocol.md").read_text("utf-8")


def test_the_documented_bytes_are_the_real_ones():
    dump = re.search(r"```hexdump\n(.*?)```", PROTOCOL, re.DOTALL)
    assert dump
    documented = bytes.fromhex(" ".join(line[8:57] for line in dump.group(1).splitlines()))
    assert documented == wire.encode_frame(protocol.Pcm(0).header(), b"\x00\x00\xff\x7f")


def test_the_documented_bounds_are_the_real_ones():
    table = dict(re.findall(r"^\| `([A-Z_]+)` \| ([\d.]+) \|", PROTOCOL, re.MULTILINE))
    assert len(table) == 10
    for name, value in table.items():
        (owner,) = [m for m in (wire, fields, protocol) if name in vars(m)][:1]
        assert float(value) == getattr(owner, name), name


@pytest.mark.parametrize(
    "word",
    [
        *(code.value for code in protocol.RefusedCode),
        *protocol.STAGES,
        *parse._FROM_HOST,
        *parse._FROM_PROBE,
    ],
)
def test_every_message_stage_and_code_is_documented(word):
    assert f"`{word}`" in PROTOCOL


def test_the_documented_version_and_deadlines_are_the_real_ones():
    assert PROTOCOL.startswith(f"# The probe protocol, version {protocol.PROTOCOL_VERSION}\n")
    d = client.Deadlines()
    assert f"| hello, facts | {d.hello_s:g} s each |" in PROTOCOL
    assert f"| load | {d.load_s:g} s + size at {d.bytes_per_s / 1e6:g} MB/s |" in PROTOCOL
    assert f"`warmup_s` + `duration_s` + {d.open_s:g} s" in PROTOCOL
    assert f"| cancel | {d.cancel_s:g} s" in PROTOCOL
    assert f"| act | {d.act_s:g} s" in PROTOCOL


def test_the_example_probe_of_the_guide_works():
    code = re.search(r"```python\n(.*?)```", (DOCS / "add-a-probe.md").read_text("utf-8"), re.S)
    assert code
    ours, theirs = socket.socketpair()
    names = {
        "np": np,
        "stream": theirs,
        "DeviceFacts": DeviceFacts,
        "Platform": Platform,
        "GrantedStream": GrantedStream,
        "ProbeReport": ProbeReport,
        "ProbeServer": server.ProbeServer,
        "rate_differs": server.rate_differs,
    }
    probe = threading.Thread(target=exec, args=(code.group(1), names))
    probe.start()
    host = client.ProbeClient(ours, "tape")
    assert host.handshake() == "1.0"
    assert host.facts().model == "Tape"
    spec = make_train(1, chirps=1)
    request = TrialRequest(rate_hz=44_100, duration_s=1.0)
    capture = host.run(request, [Play(spec, 0.25)], lambda _: None)
    host.close()
    probe.join(10)
    played = render(spec, 48_000)[:36_000]
    np.testing.assert_array_equal(capture.audio.samples[12_000 : 12_000 + played.size, 0], played)
