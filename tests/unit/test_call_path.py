"""The call in a request: what is read, who refuses it, where its trials count, and the page's
pure parts (the SDP it writes, what it makes of the stack's counters), run by node."""

from __future__ import annotations

import json
import math
import subprocess
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import store_records as make
from sounding_phones import make_phone, trial

from db import queries
from db.store import Store
from device_probes.codec import PTIMES_MS, read_request, request_to_json
from device_probes.fields import Malformed
from device_probes.host.interfaces import HostInterface
from device_probes.host.probe import HostProbe
from device_probes.server import RefusedCode, TrialRefused
from profiler.bench.driving import plays_of
from profiler.catalogue import PlannedTrial
from profiler.model import CallPath, TrialRequest, TrialSetup
from profiler.stimulus import noise

PAGE = Path(__file__).parents[2] / "device_probes" / "web" / "page"
CALL = asdict(CallPath())


def read(**changes: Any) -> TrialRequest:
    request = request_to_json(TrialRequest(duration_s=1.0))
    return read_request({**request, "call": {**CALL, **changes}})


# --- the contract --------------------------------------------------------------------------------


@pytest.mark.parametrize("ptime_ms", PTIMES_MS)
def test_every_length_of_a_packet_is_read(ptime_ms: int) -> None:
    assert read(ptime_ms=ptime_ms).call == CallPath(ptime_ms=ptime_ms)


@pytest.mark.parametrize(
    ("key", "low", "high"), [("bitrate_bps", 6000, 510_000), ("jitter_buffer_target_ms", 0, 4000)]
)
def test_bounds_are_as_the_contract_says(key: str, low: int, high: int) -> None:
    for value in (low, high, None):
        assert getattr(read(**{key: value}).call, key) == value
    for value in (low - 1, high + 1, float(low), True, "x"):
        with pytest.raises(Malformed, match=rf"request\.call call\.{key}"):
            read(**{key: value})


@pytest.mark.parametrize(
    "changes",
    [{"ptime_ms": 30}, {"ptime_ms": 5}, {"ptime_ms": 20.0}, {"ptime_ms": None}, {"fec": 1},
     {"dtx": None}, {"codec": "opus"}],
    ids=str,
)  # fmt: skip
def test_what_is_no_call_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match=r"request\.call"):
        read(**changes)


def test_a_call_is_null_absent_or_an_object() -> None:
    request = request_to_json(TrialRequest(duration_s=1.0))
    assert request["call"] is None
    assert read_request(request).call is None
    del request["call"]
    assert read_request(request).call is None
    for value in ([], "opus", False, 0):
        with pytest.raises(Malformed, match="call"):
            read_request({**request, "call": value})
    with pytest.raises(Malformed, match=r"call\.dtx is missing"):
        read_request({**request, "call": {k: v for k, v in CALL.items() if k != "dtx"}})


# --- probes without a call -----------------------------------------------------------------------


def test_a_virtual_phone_refuses_it() -> None:
    with pytest.raises(TrialRefused, match="no call stack") as caught:
        trial(make_phone(), 0.1, np.zeros(0, np.float32), call=CallPath())
    assert caught.value.refused.code is RefusedCode.UNSUPPORTED


def test_a_sound_interface_refuses_it() -> None:
    interface = HostInterface("x", "x", "alsa", 0, 0, "x", "x", 1, 1, 48_000, is_default=True)
    request = TrialRequest(duration_s=1.0, call=CallPath())
    with pytest.raises(TrialRefused, match="PortAudio has no call stack") as caught:
        HostProbe(interface).run(request, (), lambda *_: None, threading.Event())
    assert caught.value.refused.code is RefusedCode.UNSUPPORTED


# --- what it is beside the plain path ------------------------------------------------------------


def test_its_path_is_its_own() -> None:
    plain = TrialRequest(api="web_audio")
    assert str(replace(plain, call=CallPath()).path) == "web_audio/media/default/call"
    assert str(plain.path) == "web_audio/media/default/speaker"


def test_no_call_is_a_session_of_the_device(tmp_path: Path) -> None:
    """What is summed up per path is the device's latency."""
    request = TrialRequest(api="web_audio", duration_s=7.0)
    with Store.open(tmp_path / "a.db") as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        store.add_trial(make.trial("plain", request=request))
        called = replace(request, call=CallPath())
        store.add_trial(make.trial("call", index=1, request=called, latency_ms=140.0))
        assert [s.trial_uuid for s in queries.sessions(store)] == ["plain"]
        (stored,) = queries.trials(store, queries.Filter(trial_uuid="call"))
        assert stored.request.call == CallPath()


def test_noise_beneath_is_played_from_the_start_and_once() -> None:
    train, bed = make.stimulus(), noise(1, 48_000, 7.0, amplitude=0.02)
    setup = TrialSetup(at_s=(0.5, 3.0), beneath=bed)
    planned = PlannedTrial("W1", 0, TrialRequest(duration_s=7.0), train, setup)
    assert [(p.stimulus, p.at_s) for p in plays_of(planned)] == [
        (train, 0.5), (train, 3.0), (bed, 0.0),
    ]  # fmt: skip
    alone = replace(planned, setup=TrialSetup())
    assert [p.stimulus for p in plays_of(alone)] == [train]


# --- the page's pure parts -----------------------------------------------------------------------

ANSWER = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ptime:40\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1\r\na=maxptime:60\r\n"
)


def node(script: str, value: Any) -> Any:
    """What ``script`` gives to ``answer``; ``input`` is ``value``."""
    head = (
        "import { readFileSync } from 'node:fs';"
        "import { withOptions } from './call.js';"
        "import { described } from './call-statistics.js';"
        "const input = JSON.parse(readFileSync(0, 'utf8'));"
        "const answer = (value) => console.log(JSON.stringify(value));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", head + script],
        cwd=PAGE, input=json.dumps(value), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def options_of(sdp: str) -> tuple[dict[str, str], list[str]]:
    """Opus' parameters, and the lines about the length of packets."""
    (fmtp,) = [line for line in sdp.split("\r\n") if line.startswith("a=fmtp:111 ")]
    pairs = [pair.split("=") for pair in fmtp.removeprefix("a=fmtp:111 ").split(";")]
    return dict(pairs), [line for line in sdp.split("\r\n") if "ptime:" in line]


@pytest.mark.needs_apt("nodejs", "node")
@pytest.mark.parametrize("answer", [ANSWER, ANSWER.replace("\r\n", "\n")])
def test_the_answer_carries_the_options(answer: str) -> None:
    call = CallPath(ptime_ms=60, fec=False, dtx=True, bitrate_bps=12_000)
    sdp = node("answer(withOptions(input.sdp, input.call))", {"sdp": answer, "call": asdict(call)})
    given, ptime = options_of(sdp)
    assert given == {
        "minptime": "10", "useinbandfec": "0", "usedtx": "1", "stereo": "0",
        "maxaveragebitrate": "12000",
    }  # fmt: skip
    assert ptime == ["a=ptime:60", "a=maxptime:60"]
    others = [line for line in ANSWER.split("\r\n") if "ptime" not in line]
    assert [line for line in sdp.split("\r\n") if "ptime" not in line] == others


@pytest.mark.needs_apt("nodejs", "node")
def test_the_defaults_leave_the_bitrate_to_the_stack() -> None:
    plain = ANSWER.replace("a=fmtp:111 minptime=10;useinbandfec=1\r\n", "")
    sdp = node("answer(withOptions(input.sdp, input.call))", {"sdp": plain, "call": CALL})
    given, ptime = options_of(sdp)
    assert given == {"minptime": "10", "useinbandfec": "1", "usedtx": "0", "stereo": "0"}
    assert ptime == ["a=ptime:20", "a=maxptime:20"]


@pytest.mark.needs_apt("nodejs", "node")
def test_an_answer_without_opus_is_refused() -> None:
    script = "try { withOptions(input, {}) } catch (e) { answer([e.code, e.message]) }"
    code, text = node(script, ANSWER.replace("opus", "PCMU"))
    assert (code, text) == ("unsupported", "the two ends of the call agreed on no Opus")


def look(second: float, **changes: Any) -> dict[str, Any]:
    """Counters of a call with packets of 20 ms that has run for so long."""
    packets = round(50 * second)
    values = {
        "codec": {"mimeType": "audio/opus", "sdpFmtpLine": "minptime=10;useinbandfec=1;usedtx=0"},
        "time_ms": 1000 * second, "packets_sent": packets, "bytes_sent": 80 * packets,
        "packets_received": packets, "packets_lost": 0, "fec_packets": 0,
        "emitted": 48_000 * second, "samples": 48_000 * second, "concealed": 480 * second,
        "buffer_s": 48_000 * second * 0.05, "target_s": 48_000 * second * 0.04,
        "inserted": 0, "removed": 960,
        "rtp": 960 * (packets + round(3 * second) % 2),
    }  # fmt: skip
    return {**values, **changes}


@pytest.mark.needs_apt("nodejs", "node")
def test_statistics_are_what_changed_during_the_recording() -> None:
    looks = [look(3.0 + s) for s in range(9)]
    looks[0]["removed"] = 0
    for late, each in enumerate(looks[-3:]):  # the target was raised 3 s before the end
        each["target_s"] += 48_000 * 0.1 * (late + 1)
    said = node("answer(described(input))", looks)
    wanted = {
        "call_ptime_ms": 20.0, "call_packets_sent": 400.0, "call_packets_lost": 0.0,
        "call_bitrate_bps": 32_000.0, "call_concealed_share": 0.01, "call_removed_ms": 20.0,
        "call_jitter_buffer_ms": 50.0, "call_jitter_buffer_end_ms": 50.0,
        "call_jitter_buffer_target_ms": 77.5, "call_jitter_buffer_target_end_ms": 140.0,
    }  # fmt: skip
    for name, value in wanted.items():
        assert math.isclose(float(said[name]), value, abs_tol=0.001), name
    assert (said["call_fec"], said["call_dtx"]) == ("agreed", "off")
    assert said["call_codec"].startswith("audio/opus minptime=10")
    # What this browser does not count is not said.
    assert not {"call_jitter_buffer_minimum_ms", "call_playout_ms"} & said.keys()
    assert all(isinstance(text, str) and len(text) <= 128 for text in said.values())


@pytest.mark.needs_apt("nodejs", "node")
@pytest.mark.parametrize(("step", "ptime_ms"), [(2880, "60"), (480, "10")])
def test_the_length_of_a_packet_is_read_from_its_timestamps(step: int, ptime_ms: str) -> None:
    """Padding is counted among the packets; timestamps wrap around."""
    counts = [0, 17, 33, 51, 66, 84, 100]
    looks = [look(s, rtp=(2**32 - 5000 + step * n) % 2**32) for s, n in enumerate(counts)]
    assert node("answer(described(input))", looks)["call_ptime_ms"] == ptime_ms
    assert "call_ptime_ms" not in node("answer(described(input))", looks[:4])
