"""What a virtual phone's probe reports beside its samples, with the truth known."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import numpy as np
import pytest
from adbd_phones import fleet_toml

from device_probes.server import TrialRefused
from device_probes.virtual import Clock
from device_probes.virtual.coding import median_ms
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.report import longest_zero_run
from profiler.errors import PlanError, ProbeRefused
from profiler.model import CodecRequest, TrialRequest

REQUEST = CodecRequest(frames=2000)


def driver(clock=None, **more):
    fleet = fleet_from_toml(fleet_toml("A1", **more), "test fleet")
    (found,) = fleet.drivers(clock or Clock(math.inf))
    return found


def quiet(*_):
    return None


@pytest.mark.parametrize(
    ("samples", "longest"),
    [
        ([[0, 0, 0]], 1),
        ([[1], [0], [0], [2], [0]], 2),
        ([[0], [0], [0]], 3),
        ([[1], [2]], 0),
        ([[0, 1], [0, 0], [0, 0], [1, 0]], 2),
        (np.zeros((0, 1)), 0),
    ],
)
def test_the_longest_run_of_zeros(samples, longest):
    assert longest_zero_run(np.array(samples, np.int16)) == longest


def test_startup_and_zero_runs_are_those_of_the_recording():
    late = (
        "[phone.glitches]\nmute_start_ms = 300\n[phone.streams]\nrates_hz = [48000, 24000]\n"
        "silent_rates_hz = [24000]\n[phone.noise]\nwhite_dbfs = -40\n"
    )
    phone = driver(android=late)
    phone.connect()
    request = TrialRequest(warmup_s=0.0, duration_s=1.0)
    report = phone.run(request, [], quiet).report
    assert report.longest_zero_run_frames == pytest.approx(0.3 * 48_000, abs=4)
    started = report.startup_ms
    assert started["open"] < started["start"] < started["first_output"]
    assert started["first_nonzero"] == pytest.approx(50 + 300, abs=0.1)
    warm = phone.run(replace(request, warmup_s=0.5), [], quiet).report
    assert warm.startup_ms["first_nonzero"] == pytest.approx(50 + 500 + 300, abs=0.1)
    silent = phone.run(replace(request, rate_hz=24_000), [], quiet).report
    assert silent.longest_zero_run_frames == 24_000
    assert "first_nonzero" not in silent.startup_ms
    assert silent.observed["api"] == "aaudio"
    phone.close()


def test_coding_costs_what_the_fleet_file_says():
    phone = driver(android="opus_encode_ms = 0.6\nopus_decode_ms = 0.2")
    phone.connect()
    client = phone._client
    cost = client.codec_cost(REQUEST)
    assert cost.encode_ms.p50 == pytest.approx(0.6, rel=0.03)
    assert cost.decode_ms.p50 == pytest.approx(0.2, rel=0.03)
    for stats in (cost.encode_ms, cost.decode_ms):
        assert stats.p50 <= stats.p95 <= stats.p99 <= stats.max
    assert (cost.frames, cost.bytes) == (2000, 60 * 2000)
    assert cost.encoder == "c2.android.opus.encoder"
    harder = replace(REQUEST, complexity=10, channels=2, frame_ms=40.0)
    assert median_ms(phone.phone.spec, harder) == pytest.approx((0.6 * 6, 0.2 * 4))
    assert client.codec_cost(harder).encode_ms.p50 == pytest.approx(3.6, rel=0.03)
    with pytest.raises(ProbeRefused) as caught:
        client.codec_cost(replace(REQUEST, codec="lyra"))
    assert caught.value.code == "unsupported"
    phone.close()


def test_a_phone_without_an_encoder_decodes_only_and_coding_is_paced_and_cancelled():
    phone = driver(Clock(), android="opus_encoders = []\nopus_decode_ms = 0.3").phone
    cancelled = threading.Event()
    with pytest.raises(TrialRefused) as caught:
        phone.codec_cost(REQUEST, lambda *_: cancelled.set(), cancelled)
    assert caught.value.refused.code.value == "cancelled"
    cost = phone.codec_cost(CodecRequest(frames=3), quiet, threading.Event())
    assert (cost.encoder, cost.encode_ms) == ("", None)
    assert cost.decode_ms.p50 > 0
    none = driver(android="opus_encoders = []\nopus_decoders = []").phone
    with pytest.raises(TrialRefused, match="no coder for opus"):
        none.codec_cost(REQUEST, quiet, threading.Event())


def test_the_link_follows_the_system_and_can_be_chosen():
    assert driver().phone.spec.link == "adb"
    assert driver(head='link = "direct"').phone.spec.link == "direct"
    text = fleet_toml("A1").replace('os_name = "Android"', 'os_name = "oOS"')
    assert fleet_from_toml(text, "f").spec.phone[0].link == "direct"
    with pytest.raises(PlanError, match="'adb', 'usbmux' or 'direct'"):
        driver(head='link = "usb"')


@pytest.mark.parametrize(
    ("android", "key"),
    [
        ("bored_platform = 'x'", "phone[0].android.bored_platform"),
        ("abis = ['mips']", "phone[0].android.abis[0]"),
        ("security_patch = '2024'", "phone[0].android.security_patch"),
        ("[phone.android.at_start]\ninstall_refused = 'no'",
         "phone[0].android.at_start.install_refused"),
        ("[phone.android.battery]\npercent = 101", "phone[0].android.battery.percent"),
        ("[[phone.android.effects]]\nkind = 'aec'\nuuid = 'x'\nimplementor = 'y'",
         "phone[0].android.effects[0].uuid"),
    ],
)  # fmt: skip
def test_a_wrong_android_section_is_refused_by_key(android, key):
    with pytest.raises(PlanError) as caught:
        driver(android=android)
    assert caught.value.key == key
    assert caught.value.allowed
