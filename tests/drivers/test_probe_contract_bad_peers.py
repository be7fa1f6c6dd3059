"""Whatever a probe sends, the client ends with one named error and in bounded memory."""

import tracemalloc
from dataclasses import replace

import bad_probes
import numpy as np
import pytest

from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Play
from device_probes.protocol import PROTOCOL_VERSION
from profiler.errors import (
    DeviceLost,
    DeviceTimeout,
    ProbeError,
    ProbeProtocolError,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import TrialRequest
from profiler.stimulus import make_train

NORMAL = Deadlines()
IMPATIENT = {
    "handshake": Deadlines(hello_s=0.4),
    "trial": Deadlines(load_s=1.0, open_s=0.4, bytes_per_s=float("inf")),
}
"""Only for peers that must run into a deadline: a busy machine must not make others do so."""
SPEC = make_train(1, rate_hz=8000, chirps=2, chirp_s=0.05, lead_in_s=0.01, tail_s=0.01)
REQUEST = TrialRequest(rate_hz=8000, warmup_s=0.0, duration_s=0.4)


def ignore(_):
    pass


def patience(error, phase):
    return IMPATIENT[phase] if error is DeviceTimeout else NORMAL


def handshake_with(script, deadlines=NORMAL):
    with bad_probes.playing(script) as stream:
        client = ProbeClient(stream, "Pixel 7 (2A0)", deadlines=deadlines)
        try:
            client.handshake()
            return client.facts()
        finally:
            client.close()


def trial_with(script, spec=SPEC, request=REQUEST, deadlines=NORMAL):
    with bad_probes.playing(script) as stream:
        client = ProbeClient(stream, "Pixel 7 (2A0)", deadlines=deadlines)
        try:
            client.handshake()
            return client.run(request, [Play(spec)], ignore)
        finally:
            client.close()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (bad_probes.garbage, ProbeProtocolError),
        (bad_probes.http, ProbeProtocolError),
        (bad_probes.never_answers, DeviceTimeout),
        (bad_probes.drips, DeviceTimeout),
        (bad_probes.closes_at_once, DeviceLost),
        (bad_probes.truncated_hello, DeviceLost),
        (bad_probes.huge_header, ProbeProtocolError),
        (bad_probes.huge_payload, ProbeProtocolError),
        (bad_probes.payload_on_hello, ProbeProtocolError),
        (bad_probes.wrong_version, ProbeVersionMismatch),
        (bad_probes.hello_of(b'{"type":"hello","protocol":NaN,"version":"1"}'), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":"hello","protocol":1e999}'), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":"hello","type":"hello"}'), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":' + b"[" * 30_000), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":"hello","protocol":' + b"9" * 9000), ProbeProtocolError),
        (bad_probes.hello_of(b"[]"), ProbeProtocolError),
        (bad_probes.hello_of(b"\xff\xfe{}"), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":["hello"]}'), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":"done","crc32":0}'), ProbeProtocolError),
        (bad_probes.hello_of(b'{"type":"refused","code":"busy","text":"x"}'), ProbeRefused),
    ],
)
def test_a_bad_handshake_has_a_name(script, error):
    with pytest.raises(error) as caught:
        handshake_with(script, patience(error, "handshake"))
    assert type(caught.value) is error
    assert str(caught.value).startswith("Pixel 7 (2A0): ")
    assert "\n" not in str(caught.value)


def test_a_version_mismatch_names_both_versions():
    with pytest.raises(ProbeVersionMismatch) as caught:
        handshake_with(bad_probes.wrong_version)
    assert "9.9-fake speaks protocol 77" in str(caught.value)
    assert f"speaks protocol {PROTOCOL_VERSION}" in str(caught.value)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (bad_probes.endless_progress, ProbeProtocolError),
        (bad_probes.slow_endless_progress, DeviceTimeout),
        (bad_probes.wrong_checksum, ProbeProtocolError),
        (bad_probes.too_many_frames, ProbeProtocolError),
        (bad_probes.too_few_frames, ProbeProtocolError),
        (bad_probes.more_samples_than_announced, ProbeProtocolError),
        (bad_probes.samples_from_elsewhere, ProbeProtocolError),
        (bad_probes.empty_samples_for_ever, ProbeProtocolError),
        (bad_probes.disconnects_in_samples, DeviceLost),
        (bad_probes.stops_in_samples, DeviceTimeout),
        (bad_probes.progress_among_samples, ProbeProtocolError),
        (bad_probes.always_another_rate, ProbeRefused),
        (bad_probes.never_ends, DeviceTimeout),
        (bad_probes.fails, ProbeError),
    ],
)
def test_a_bad_trial_has_a_name(act, error):
    with pytest.raises(error) as caught:
        trial_with(bad_probes.after_run(act), deadlines=patience(error, "trial"))
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


RESULT = {"type": "result", "format": "int16", "frames": 3200}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "result"},
        {**RESULT, "report": bad_probes.report(input={"rate_hz": 8000})},
        {**RESULT, "report": bad_probes.report(input={"rate_hz": 7999, "channels": 1})},
        {**RESULT, "report": bad_probes.report(input={"rate_hz": 8000, "channels": 99})},
        {**RESULT, "report": bad_probes.report(timestamps_input=[[0, 0]] * 300)},
        {**RESULT, "report": bad_probes.report(timestamps_input=[[0, 0, 0]])},
        {**RESULT, "report": bad_probes.report(notes=["x" * 500])},
        {**RESULT, "report": bad_probes.report(surprise=1)},
        {**RESULT, "report": bad_probes.report(effects={"reverb": {"state": "on"}})},
        {**RESULT, "report": bad_probes.report(effects={"aec": {"state": "maybe"}})},
        {**RESULT, "report": bad_probes.report(battery_percent=True)},
        {**RESULT, "report": bad_probes.report(xruns_input=-1)},
        {**RESULT, "report": bad_probes.report(), "format": "int24"},
        {**RESULT, "report": bad_probes.report(), "frames": 3200.0},
        {"type": "refused", "code": "no_idea", "text": "?"},
        {"type": "refused", "code": "rate_differs", "text": "?"},
        {"type": "refused", "code": "busy", "text": "?", "granted_rate_hz": 16000},
        {"type": "progress", "stage": "dancing", "fraction": 0.5},
        {"type": "progress", "stage": "playing", "fraction": 1.5},
        {"type": "loaded", "stimulus_id": "x", "rate_hz": 8000, "crc32": 0},
        {"type": "load", "stimulus_id": "x", "rate_hz": 8000, "frames": 1, "crc32": 0},
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(message):
    with pytest.raises(ProbeProtocolError):
        trial_with(bad_probes.answers_with(message))


def test_the_scaffold_itself_is_accepted():
    capture = trial_with(bad_probes.after_run(bad_probes.good))
    assert capture.audio.rate_hz == 8000
    np.testing.assert_array_equal(
        capture.audio.samples[:, 0] * 32768, np.arange(3200, dtype=np.float32) % 100
    )


def test_a_probe_that_does_not_read_is_given_up():
    long_train = make_train(1, rate_hz=48_000, chirps=8)
    with pytest.raises(DeviceTimeout, match="does not take any more data"):
        trial_with(
            bad_probes.never_reads,
            long_train,
            replace(REQUEST, rate_hz=48_000),
            IMPATIENT["trial"],
        )


@pytest.mark.parametrize(
    "script",
    [
        bad_probes.huge_header,
        bad_probes.huge_payload,
        bad_probes.after_run(bad_probes.too_many_frames),
        bad_probes.after_run(bad_probes.endless_progress),
    ],
)
def test_announcements_take_no_memory(script):
    tracemalloc.start()
    try:
        with pytest.raises(ProbeProtocolError):
            trial_with(script)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_after_a_broken_answer_the_connection_is_closed():
    with bad_probes.playing(bad_probes.after_run(bad_probes.wrong_checksum)) as stream:
        client = ProbeClient(stream, "dev")
        client.handshake()
        with pytest.raises(ProbeProtocolError):
            client.run(REQUEST, [Play(SPEC)], ignore)
        with pytest.raises(DeviceLost):
            client.facts()
        client.close()
