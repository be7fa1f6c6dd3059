"""Settings to what libwebrtc is asked for, and packets to what they are."""

from __future__ import annotations

import pytest

from profiler.model import SETTINGS
from profiler.verify import stack_settings
from profiler.verify.proxy import packet_kind
from profiler.verify.stack import (
    NOT_TAKEN,
    StackSettings,
    asking,
    not_taken,
    without_bandwidth_estimation,
    without_candidates,
)

SDP = "\r\n".join(
    [
        "v=0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0",
        "a=candidate:1 1 udp 2122063615 127.0.0.1 55944 typ host",
        "a=end-of-candidates",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:9 G722/8000",
        "",
    ]
)


def test_the_default_asks_for_what_libwebrtc_offers():
    assert StackSettings().fmtp == "minptime=10;useinbandfec=1"


def test_settings_become_parameters_of_opus():
    values = {
        "opus_frame_ms": 60, "opus_bitrate_bps": 16_000, "opus_channels": 2, "opus_fec": False,
        "opus_dtx": True, "opus_cbr": False, "opus_max_playback_hz": 16_000, "red": True,
        "jitter_buffer_min_ms": 40, "jitter_buffer_target_ms": 90, "opus_complexity": 3,
    }  # fmt: skip
    asked = stack_settings(values)
    assert asked.floor_ms == 90
    parts = dict(part.split("=") for part in asked.fmtp.split(";"))
    assert parts == {
        "minptime": "10", "useinbandfec": "0", "ptime": "60", "maxaveragebitrate": "16000",
        "maxplaybackrate": "16000", "usedtx": "1", "cbr": "0", "stereo": "1", "sprop-stereo": "1",
    }  # fmt: skip
    assert asked.frame_samples == 2880


def test_what_is_left_to_the_system_asks_for_nothing():
    assert stack_settings(dict.fromkeys(SETTINGS)) == StackSettings()
    assert stack_settings({}) == StackSettings()


def test_settings_that_no_session_can_take_are_named():
    values = {"opus_complexity": 3, "jitter_buffer_max_ms": 200, "dred_ms": None, "opus_fec": True}
    lines = not_taken(values)
    assert [line.split(" ")[0] for line in lines] == ["opus_complexity", "jitter_buffer_max_ms"]
    assert set(NOT_TAKEN) <= set(SETTINGS)


def test_an_answer_asks_with_its_own_payload_type():
    answer = asking(SDP, StackSettings(frame_ms=40, bitrate_bps=24_000))
    assert "a=fmtp:111 minptime=10;useinbandfec=1;ptime=40;maxaveragebitrate=24000\r\n" in answer
    assert "a=fmtp:63 111/111\r\n" in answer
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0\r\n" in answer
    assert "a=ptime:40\r\n" in answer


def test_redundancy_comes_first_when_asked_for():
    assert "SAVPF 63 111 9 0\r\n" in asking(SDP, StackSettings(red=True))


def test_a_description_without_opus_stays_as_it_is():
    text = SDP.replace("opus", "speex")
    assert asking(text, StackSettings(frame_ms=60)) == text


def test_addresses_and_bandwidth_estimation_are_taken_out():
    bare = without_bandwidth_estimation(without_candidates(SDP))
    assert "candidate" not in bare
    assert "transport" not in bare
    assert "abs-send-time" not in bare
    assert "sdes:mid" in bare
    assert bare.endswith("\r\n")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bytes([0x80, 111]) + bytes(60), "media"),
        (bytes([0x90, 0xEF]) + bytes(60), "media"),  # marker bit and extension
        (bytes([0x80, 63]) + bytes(60), "media"),
        (bytes([0x81, 200]) + bytes(40), "report"),
        (bytes([0x81, 205]) + bytes(40), "report"),
        (bytes([0, 1]) + bytes(60), "setup"),  # STUN
        (bytes([22, 254]) + bytes(60), "setup"),  # DTLS
        (b"", "setup"),
        (b"\x80", "setup"),
    ],
)
def test_packets_are_told_apart(data: bytes, kind: str):
    assert packet_kind(data) == kind
