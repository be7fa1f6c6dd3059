"""Nothing is believed that was not seen: loss, jitter, packet length, bit rate, copies, pauses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from profiler.model import NetworkPhase, NetworkScenario
from profiler.verify.proofs import OPUS_TYPE, RED_TYPE, Seen, proofs
from profiler.verify.stack import StackSettings

SEEN = Seen(
    network_lost=60,
    network_sent=600,
    receiver_lost=60,
    receiver_jitter_ms=6,
    frame_steps={960: 599},
    types={OPUS_TYPE: 600},
    bitrate_kbps=31.5,
    fec_packets=300,
    target_ms=60,
)


def net(**phase: float) -> NetworkScenario:
    return NetworkScenario("n", "n", (NetworkPhase(**phase),), "test")


LOSSY = net(loss_percent=10, jitter_ms=5)


def states(settings: StackSettings, scenario: NetworkScenario, *seen: Seen) -> dict:
    return {p.name: p.ok for p in proofs(seen or (SEEN, SEEN), settings, scenario)}


def test_a_session_as_asked_proves_all_of_it():
    found = states(StackSettings(frame_ms=20, bitrate_bps=32_000, fec=True, dtx=False), LOSSY)
    assert found == {
        "loss": True, "jitter": True, "frame": True, "bitrate": True, "fec": True, "red": None,
        "dtx": True, "jitter_buffer": None,
    }  # fmt: skip


def test_no_session_proves_nothing():
    found = proofs([], StackSettings(), LOSSY)
    assert [p.ok for p in found] == [False]


@pytest.mark.parametrize(
    ("change", "settings", "name"),
    [
        ({"receiver_lost": 0}, {}, "loss"),
        ({"receiver_lost": 0, "network_lost": 0}, {}, "loss"),
        ({"receiver_lost": 20}, {}, "loss"),
        ({"receiver_jitter_ms": 0}, {}, "jitter"),
        ({}, {"frame_ms": 60}, "frame"),
        ({"frame_steps": {}}, {}, "frame"),
        ({"bitrate_kbps": 60}, {"bitrate_bps": 32_000}, "bitrate"),
        ({"bitrate_kbps": 10}, {"bitrate_bps": 32_000}, "bitrate"),
        ({"fec_packets": 0}, {"fec": True}, "fec"),
        ({}, {"fec": False}, "fec"),
        ({}, {"red": True}, "red"),
        ({"types": {RED_TYPE: 600}}, {"red": False}, "red"),
        ({}, {"dtx": True}, "dtx"),
        ({"frame_steps": {960: 500, 19_200: 9}}, {"dtx": False}, "dtx"),
        ({}, {"floor_ms": 120}, "jitter_buffer"),
    ],
)
def test_what_is_not_in_force_is_missing(change: dict, settings: dict, name: str):
    seen = replace(SEEN, **change)
    assert states(StackSettings(**settings), LOSSY, seen, seen)[name] is False


@pytest.mark.parametrize(
    ("change", "settings", "name"),
    [
        ({"bitrate_kbps": 63}, {"bitrate_bps": 32_000, "red": True}, "bitrate"),
        ({"bitrate_kbps": 8}, {"bitrate_bps": 32_000, "dtx": True}, "bitrate"),
        ({"types": {RED_TYPE: 600}}, {"red": True}, "red"),
        ({"frame_steps": {960: 500, 19_200: 9}}, {"dtx": True}, "dtx"),
        ({"target_ms": 130}, {"floor_ms": 120}, "jitter_buffer"),
        ({"frame_steps": {2880: 199}}, {"frame_ms": 60}, "frame"),
        ({"fec_packets": 0}, {"fec": False}, "fec"),
    ],
)
def test_what_is_in_force_is_proven(change: dict, settings: dict, name: str):
    seen = replace(SEEN, **change)
    assert states(StackSettings(**settings), LOSSY, seen, seen)[name] is True


def test_a_clean_network_asks_for_no_loss():
    seen = replace(SEEN, network_lost=0, receiver_lost=0, fec_packets=0)
    found = states(StackSettings(fec=True), net(delay_ms=20), seen)
    assert (found["loss"], found["jitter"], found["fec"]) == (None, None, None)


def test_a_full_queue_is_a_loss_that_must_be_seen():
    seen = replace(SEEN, network_lost=40, receiver_lost=0)
    assert states(StackSettings(), net(rate_kbps=40), seen)["loss"] is False


def test_a_packet_length_the_stack_does_not_make_is_said():
    found = {p.name: p for p in proofs([SEEN], StackSettings(frame_ms=100), LOSSY)}
    assert "libwebrtc makes 10, 20, 40, 60, 120" in found["frame"].text
