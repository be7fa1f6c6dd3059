"""Client and server together, with a device that echoes what it is told to play."""

import socket
import struct
import threading
import time
import zlib
from contextlib import contextmanager, suppress

import bad_probes
import numpy as np
import pytest

from device_probes.acts import TrialActs
from device_probes.client import ProbeClient
from device_probes.driver import Play
from device_probes.protocol import MAX_ACTS, PROTOCOL_VERSION
from device_probes.server import ProbeServer, RefusedCode, TrialRefused, rate_differs
from profiler.errors import DeviceLost, ProbeError, ProbeProtocolError, ProbeRefused
from profiler.model import (
    CodecCost,
    CodecRequest,
    CostStats,
    DeviceFacts,
    GrantedStream,
    Platform,
    ProbeReport,
    TrialRequest,
)
from profiler.stimulus import make_train, render

RATE = 8000


class Echo:
    """Opens at ``rate``; ``edit`` may change or replace the recording, or raise."""

    def __init__(self, edit=lambda recording: recording, rate=RATE):
        self.edit, self.rate, self.runs = edit, rate, 0

    def facts(self):
        return DeviceFacts(Platform.HOST, "m", "echo", "", "", "", "", "")

    def run(self, request, plays, emit_progress, cancelled):
        self.runs += 1
        if plays and plays[0].rate_hz != self.rate:
            raise rate_differs(self.rate)
        emit_progress("playing", 7.0)
        recording = np.zeros((round(request.duration_s * self.rate), 1), np.float32)
        for play in plays:
            room = recording[play.at_frame : play.at_frame + play.samples.size, 0]
            room += play.samples[: room.size]
        granted = GrantedStream(self.rate, 1)
        return ProbeReport("1", granted, granted), self.edit(recording)


@contextmanager
def connected(device, token="", token_sent=""):
    ours, theirs = socket.socketpair()
    server = ProbeServer(device, theirs, version="1", token=token)
    thread = threading.Thread(target=server.serve)
    thread.start()
    client = ProbeClient(ours, "echo", token=token_sent)
    try:
        client.handshake()
        yield client
    finally:
        client.close()
        thread.join(10)
        assert not thread.is_alive()


def ignore(_):
    pass


def train(seed, chirps=1):
    return make_train(seed, rate_hz=RATE, chirps=chirps, chirp_s=0.1, lead_in_s=0, tail_s=0)


def run(client, *specs, **changes):
    request = TrialRequest(**{"rate_hz": RATE, "warmup_s": 0, "duration_s": 0.5, **changes})
    return client.run(request, [Play(spec) for spec in specs], ignore)


def test_samples_arrive_bit_for_bit_and_nan_with_them():
    def with_nan(recording):
        recording[7, 0] = np.nan
        recording[8, 0] = np.inf
        return recording

    with connected(Echo(with_nan)) as client:
        samples = run(client, train(1)).audio.samples[:, 0]
    expected = render(train(1), RATE)
    assert np.isnan(samples[7])
    assert np.isposinf(samples[8])
    np.testing.assert_array_equal(samples[9 : expected.size], expected[9:])


def test_int16_is_exact():
    ramp = np.arange(-2000, 2000, dtype=np.int16)[:, None] * 16
    with connected(Echo(lambda _: ramp)) as client:
        samples = run(client).audio.samples
    np.testing.assert_array_equal(samples * 32768, ramp)


def test_the_granted_rate_is_found_once_and_remembered():
    device = Echo(rate=16_000)
    with connected(device) as client:
        first = run(client, train(1))
        assert (first.audio.rate_hz, device.runs) == (16_000, 2)
        np.testing.assert_array_equal(
            first.audio.samples[:1600, 0], render(train(1), 16_000)[:1600]
        )
        run(client, train(2))
        assert device.runs == 3


def test_a_forgotten_stimulus_is_loaded_again(monkeypatch):
    monkeypatch.setattr("device_probes.server.MAX_STIMULUS_BYTES", 40_000)  # about three of these
    device = Echo()
    with connected(device) as client:
        for seed in range(1, 6):
            run(client, train(seed, chirps=1 + seed % 2))
        assert device.runs == 5
        again = run(client, train(1, chirps=2))
    np.testing.assert_array_equal(again.audio.samples[:800, 0], render(train(1, 2), RATE)[:800])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda r: np.zeros((r.shape[0], 2), np.float32), "channels"),
        (lambda r: r / 0 if r.size == 0 else 1 // 0, "ZeroDivisionError"),
    ],
)
def test_a_fault_of_the_device_is_an_error_in_its_words(edit, words):
    with connected(Echo(edit)) as client, pytest.raises(ProbeError, match=words):
        run(client)


def test_a_short_recording_may_not_be_empty():
    wrong = pytest.raises(ProbeProtocolError, match="0 frames, 800 were asked for")
    with connected(Echo(lambda r: r[:0])) as client, wrong:
        run(client, duration_s=0.1)


def test_a_recording_of_another_length_is_refused_by_the_host():
    wanted = "10 frames, 4000 were asked for"
    with (
        connected(Echo(lambda r: r[:10])) as client,
        pytest.raises(ProbeProtocolError, match=wanted),
    ):
        run(client)


def test_a_refusal_keeps_the_session():
    def refuse(recording):
        if recording.size == 800:
            raise TrialRefused(RefusedCode.STREAM_LOST, "a call\ncame in")
        return recording

    with connected(Echo(refuse)) as client:
        with pytest.raises(ProbeRefused, match="a call\ufffdcame in") as caught:
            run(client, duration_s=0.1)
        assert caught.value.code == "stream_lost"
        assert run(client).audio.frames == 4000


def test_a_token_is_needed_where_one_was_set():
    with connected(Echo(), token="s3cret", token_sent="s3cret") as client:
        assert client.facts().model == "echo"
    with pytest.raises(ProbeRefused) as caught, connected(Echo(), token="s3cret"):
        pass
    assert caught.value.code == "unauthorized"


def raw_session(*frames):
    """Send raw frames after a good hello; returns the headers that came back."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=ProbeServer(Echo(), theirs, version="1").serve)
    thread.start()
    ours.settimeout(10)
    ours.sendall(bad_probes.frame({"type": "hello", "protocol": PROTOCOL_VERSION, "version": "x"}))
    with suppress(ConnectionError):  # it may have hung up after the first of them
        for frame in frames:
            ours.sendall(frame)
        ours.shutdown(socket.SHUT_WR)
    answers = []
    try:
        while True:
            answers.append(bad_probes.next_frame(ours))
    except ConnectionError:
        pass
    ours.close()
    thread.join(10)
    return answers[1:]


LOAD = {"type": "load", "stimulus_id": "a", "rate_hz": RATE, "frames": 2, "crc32": 0}


@pytest.mark.parametrize(
    "frames",
    [
        [bad_probes.frame({"type": "run"})],
        [bad_probes.frame({**LOAD, "frames": 2**40})],
        [bad_probes.frame(LOAD), bad_probes.frame({"type": "pcm", "offset": 0}, bytes(8))],
        [bad_probes.frame(LOAD), bad_probes.frame({"type": "pcm", "offset": 4}, bytes(4))],
        [bad_probes.frame(LOAD), bad_probes.frame({"type": "pcm", "offset": 0}, bytes(12))],
    ],
)
def test_a_host_that_breaks_the_contract_is_told_and_left(frames):
    (answer,) = raw_session(*frames, bad_probes.frame({"type": "facts"}))
    assert (answer["type"], answer["code"]) == ("refused", "malformed")


class Coder(Echo):
    """Also tells what coding costs: one millisecond more for each step of complexity."""

    def codec_cost(self, request, emit_progress, cancelled):
        for i in range(200):
            emit_progress("playing", i / 200)
        if request.complexity is None and cancelled.wait(10):
            raise TrialRefused(RefusedCode.CANCELLED, "cancelled")
        cost = CostStats(*[float(request.complexity)] * 4)
        return CodecCost("opus.enc", "", request.frames, 60 * request.frames, cost, None)


def test_the_cost_of_coding_is_asked_and_answered():
    with connected(Coder()) as client:
        cost = client.codec_cost(CodecRequest(complexity=7, frames=100))
        assert (cost.encode_ms.p99, cost.decode_ms, cost.bytes) == (7.0, None, 6000)
        assert run(client, train(1)).audio.rate_hz == RATE  # the connection is good for more


def test_a_probe_that_codes_nothing_says_so():
    with connected(Echo()) as client:
        with pytest.raises(ProbeRefused, match="unsupported"):
            client.codec_cost(CodecRequest())
        with pytest.raises(ProbeRefused, match="malformed"):
            client.codec_cost(CodecRequest(frames=0))


def test_a_codec_question_can_be_cancelled():
    with connected(Coder()) as client:
        threading.Timer(0.3, client.cancel).start()
        with pytest.raises(ProbeRefused) as caught:
            client.codec_cost(CodecRequest())
        assert caught.value.code == "cancelled"


def test_a_host_of_another_version_is_told_the_probes():
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=ProbeServer(Echo(), theirs, version="4.5").serve)
    thread.start()
    ours.sendall(bad_probes.frame({"type": "hello", "protocol": 99, "version": "x", "new": 1}))
    assert bad_probes.next_frame(ours)["version"] == "4.5"
    assert ours.recv(1) == b""
    ours.close()
    thread.join(10)


def test_a_stimulus_that_was_damaged_on_the_way_is_not_played():
    data = struct.pack("<2f", 0.5, 0.25)
    good = {**LOAD, "crc32": zlib.crc32(data)}
    pcm = bad_probes.frame({"type": "pcm", "offset": 0}, data)
    (loaded,) = raw_session(bad_probes.frame(good), pcm)
    assert loaded["type"] == "loaded"
    damaged = bad_probes.frame({"type": "pcm", "offset": 0}, data[:-1] + b"\x01")
    (answer,) = raw_session(bad_probes.frame(good), damaged)
    assert answer["code"] == "malformed"


def test_closing_twice_and_using_a_closed_client():
    with connected(Echo()) as client:
        client.close()
        with pytest.raises(DeviceLost):
            client.facts()


class Switchboard(Echo):
    """Runs until ``wanted`` acts were done, and plays back the names of the routes it was given."""

    def __init__(self, wanted, routes=("speaker", "earpiece")):
        super().__init__()
        self.wanted, self.routes = wanted, routes
        self.done = threading.Semaphore(0)
        self.heard = lambda: True

    def act(self, action, value):
        self.done.release()
        if value == "broken":
            raise ZeroDivisionError("the audio server died\n")
        if value not in self.routes:
            raise TrialRefused(RefusedCode.UNSUPPORTED, f"no route {value}")
        return value

    def run(self, request, plays, emit_progress, cancelled):
        emit_progress("playing", 0.5)
        for _ in range(self.wanted):
            assert self.done.acquire(timeout=10)
        for _ in range(1000):  # what came behind the last act that is done is still on its way
            if self.heard():
                break
            time.sleep(0.01)
        return super().run(request, plays, emit_progress, cancelled)


def run_with(client, acts, **changes):
    """Run a trial, and send ``acts`` (pairs) as soon as it plays; the report."""

    def begun(progress):
        if progress.fraction == 0.5:
            for action, value in acts:
                client.act(action, value)

    request = TrialRequest(**{"rate_hz": RATE, "warmup_s": 0, "duration_s": 0.5, **changes})
    return client.run(request, [], begun).report


def test_acts_are_done_in_their_order_while_a_trial_runs():
    values = ("earpiece", "moon", "broken", "speaker")
    device = Switchboard(len(values))
    with connected(device) as client:
        observed = run_with(client, [("route", value) for value in values]).observed
        device.wanted = 0
        assert run(client, train(1)).audio.rate_hz == RATE  # the connection is good for more
    assert observed == {
        "route_1": "earpiece",
        "route_2": "refused: no route moon",
        "route_3": "failed: ZeroDivisionError: the audio server died\ufffd",
        "route_4": "speaker",
    }


def test_a_flood_of_acts_is_counted_and_not_done(monkeypatch):
    device = Switchboard(MAX_ACTS)
    acts = [("self_destruct", "now")] * 3 + [("route", "earpiece")] * (MAX_ACTS + 40)
    device.heard = lambda: taken and taken[0]._ignored == 40
    taken = []
    made = TrialActs.__init__

    def note(self, of):
        made(self, of)
        taken.append(self)

    monkeypatch.setattr(TrialActs, "__init__", note)
    with connected(device) as client:
        observed = run_with(client, acts).observed
    assert observed["acts_ignored"] == "40"
    assert observed["acts_unknown"] == "3"
    assert [k for k in observed if k.startswith("route_")] == [f"route_{i}" for i in range(1, 9)]


def test_a_probe_that_cannot_act_says_so_in_its_report():
    class Slow(Echo):
        def run(self, request, plays, emit_progress, cancelled):
            emit_progress("playing", 0.5)
            assert asked.wait(10)
            return super().run(request, plays, emit_progress, cancelled)

    asked = threading.Event()
    with connected(Slow()) as client:

        def begun(progress):
            if progress.fraction == 0.5:
                client.act("route", "earpiece")
                asked.set()

        request = TrialRequest(rate_hz=RATE, warmup_s=0, duration_s=0.5)
        observed = client.run(request, [], begun).report.observed
    assert observed in ({}, {"route_1": "refused: this probe cannot change the route"},
                        {"route_1": "refused: the trial was over"})  # fmt: skip


def test_acts_without_a_trial_are_not_sent_and_those_that_come_late_are_ignored():
    with connected(Echo()) as client:
        with pytest.raises(ProbeRefused, match="no trial is running"):
            client.act("route", "earpiece")
        with pytest.raises(ProbeRefused, match="malformed"):
            client.act("route", "ear piece; reboot")
        assert run(client, train(1)).report.observed == {}
        with pytest.raises(ProbeRefused, match="no trial is running"):
            client.act("route", "earpiece")
        assert run(client, train(1)).report.observed == {}
    act = bad_probes.frame({"type": "act", "action": "route", "value": "earpiece"})
    assert [a["type"] for a in raw_session(*[act] * 50, bad_probes.frame({"type": "facts"}))] == [
        "facts"
    ]


@pytest.mark.parametrize(
    "header",
    [
        {"type": "act", "action": "route"},
        {"type": "act", "action": "route", "value": ""},
        {"type": "act", "action": "route", "value": "x" * 65},
        {"type": "act", "action": "Route!", "value": "earpiece"},
        {"type": "act", "action": "route", "value": "earpiece", "at_s": 1},
        {"type": "act", "action": ["route"], "value": "earpiece"},
    ],
)
def test_an_act_that_breaks_the_contract_ends_the_session(header):
    (answer,) = raw_session(bad_probes.frame(header), bad_probes.frame({"type": "facts"}))
    assert (answer["type"], answer["code"]) == ("refused", "malformed")
