"""What each SIP stack, service and pipeline is told for given settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from export_items import facts, item, ordered
from hypothesis import given
from hypothesis import strategies as st

from profiler.export import agora, baresip, linphone, livekit, openai_realtime, pipecat, pjsua2
from profiler.export.c_text import c_string
from profiler.export.linphone import express as linphone_values
from profiler.export.linphone_rows import Flag, Row, rows_of
from profiler.model import UseCase


def gaps(target: Any, **values: Any) -> set[str]:
    return {u.setting for u in target.export([item(values=values)]).unsupported if "=" in u.setting}


def row(**values: Any) -> Row:
    (found,), _, _ = rows_of([item(facts(board="mt6765"), values)])
    return found


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"aec": "hardware", "api": "aaudio"}, 1 + 8 + 256),
        ({"aec": "software", "api": "aaudio"}, 2 + 256),
        ({"aec": "software", "api": "java"}, 2 + 256 + 4096),
        ({"aec": "software", "api": "opensles", "input_preset": "generic"}, 2 + 4 + 4096),
        ({"aec": "off", "api": None, "input_preset": "camcorder"}, 2 + 512),
        ({"aec": None, "api": None, "performance_mode": "none"}, 16 + 32),
    ],
)
def test_linphone_rows_have_the_flags_of_the_settings(values: dict[str, Any], flags: int) -> None:
    assert row(**values).flags == flags, Flag(row(**values).flags)


def test_a_linphone_row_has_the_delay_of_its_own_canceller_only() -> None:
    assert row(aec="software", aec_delay_hint_ms=280).delay_ms == 240
    assert row(aec="software", aec_delay_hint_ms=100).delay_ms == 80
    assert row(aec="hardware", aec_delay_hint_ms=280).delay_ms == 0
    unknown = row(aec="software", aec_delay_hint_ms=None)
    assert unknown.delay_ms == 250  # Linphone's own
    _, _, notes = rows_of([unknown.item])
    assert any("250 ms" in note for note in notes)


def test_one_linphone_row_for_models_that_linphone_cannot_tell_apart() -> None:
    old, new = facts("M", os_build="1"), facts("M", "SAMSUNG", os_build="2")
    rows, _, notes = rows_of(ordered([item(old, runs=1), item(new, runs=9)]))
    assert [r.item.advice.runs for r in rows] == [9]
    assert len(notes) == 1


def test_a_name_that_c_cannot_hold_has_no_row_and_a_note() -> None:
    rows, _, notes = rows_of([item(facts("nul\0char"))])
    assert rows == []
    assert "NUL" in notes[0]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_c_strings_decode_to_the_text(text: str) -> None:
    literal = c_string(text)
    assert literal.isascii()
    assert literal.isprintable()
    data, rest = bytearray(), literal[1:-1]
    while rest:
        assert rest[0] not in '"?'
        if rest[0] == "\\":
            data.append(int(rest[1:4], 8))
            rest = rest[4:]
        else:
            data.append(ord(rest[0]))
            rest = rest[1:]
    assert data.decode("utf-8") == text


def test_linphonerc_of_a_software_canceller_and_a_fixed_buffer() -> None:
    values, missing = linphone_values(
        item(values={"jitter_buffer_target_ms": 80, "opus_frame_ms": 40, "opus_dtx": True})
    )
    assert values["sound"] == {
        "echocancellation": 1, "ec_delay": 96, "ec_tail_len": 64, "agc": 1,
    }  # fmt: skip
    assert values["rtp"] == {
        "audio_jitt_comp": 80, "audio_adaptive_jitt_comp_enabled": 0, "upload_ptime": 40,
        "download_ptime": 40,
    }  # fmt: skip
    assert "useinbandfec=1;usedtx=1" in values["audio_codec_0"]["recv_fmtp"]  # type: ignore
    assert missing == ()


def test_linphone_never_runs_its_canceller_beside_the_hardware() -> None:
    values, _ = linphone_values(item(values={"aec": "hardware"}))
    assert values["sound"]["ec_delay"] == 0  # type: ignore  # more would force it


@pytest.mark.parametrize(
    ("values", "frames", "kind", "ms"),
    [
        ({"jitter_buffer_min_ms": 40, "jitter_buffer_max_ms": 300}, "2-15", "adaptive", "40-300"),
        ({"jitter_buffer_min_ms": 0, "jitter_buffer_max_ms": 200}, "5-10", "adaptive", "100-200"),
        ({"jitter_buffer_min_ms": 0, "jitter_buffer_max_ms": 60}, "3-3", "adaptive", "60-60"),
        ({"jitter_buffer_min_ms": 0, "jitter_buffer_max_ms": 0}, "1-1", "adaptive", "20-20"),
        ({"jitter_buffer_min_ms": 50, "jitter_buffer_max_ms": None}, "3-10", "adaptive", "50-200"),
        ({"jitter_buffer_target_ms": 90, "jitter_buffer_max_ms": 60}, "5-5", "fixed", "90-90"),
    ],
)
def test_baresip_counts_frames_in_1_and_milliseconds_in_4(
    values: dict[str, Any], frames: str, kind: str, ms: str
) -> None:
    made, _ = baresip.express(item(values=values))
    assert made["jitter_buffer_delay"] == frames
    assert made["audio_jitter_buffer_type"] == kind
    assert made["audio_jitter_buffer_ms"] == ms


def test_a_baresip_file_holds_the_keys_of_its_version_only() -> None:
    made = baresip.export([item()])
    texts = {f.name[-1]: f.content.decode() for f in made.files if "/config-" in f.name}
    assert "\njitter_buffer_delay" in texts["1"]
    assert "audio_jitter_buffer" not in texts["1"]
    assert "\naudio_jitter_buffer_ms" in texts["4"]
    assert "\njitter_buffer_delay" not in texts["4"]
    for text in texts.values():
        lines = [x for x in text.splitlines() if x and not x.startswith("#")]
        assert all(len(line.split()) == 2 for line in lines)


def test_a_floor_of_nothing_is_not_taken_for_one() -> None:
    for target in (baresip, linphone):
        assert "jitter_buffer_min_ms=0" in gaps(target, jitter_buffer_min_ms=0)
        assert "jitter_buffer_min_ms=0" not in gaps(target, jitter_buffer_min_ms=40)


def test_baresip_has_no_word_for_lowdelay() -> None:
    assert gaps(baresip, opus_application="lowdelay") == {"opus_application=lowdelay"}
    assert gaps(baresip, opus_application="audio") == set()


@pytest.mark.parametrize(
    ("values", "options", "tail"),
    [
        ({"aec": "software", "ns": "software", "agc": "software"}, 64 + 128 + 256, 64),
        ({"aec": "software", "ns": "hardware", "agc": "off"}, 64, 64),
        ({"aec": "hardware", "ns": "hardware", "agc": "hardware"}, 0, 64),
        ({"aec": "off", "ns": "off", "agc": "off"}, 0, 0),
    ],
)
def test_pjsua2_echo_options(values: dict[str, Any], options: int, tail: int) -> None:
    made, _ = pjsua2.express(item(values=values))
    media: Any = made["MediaConfig"]
    assert (media["ecOptions"], media["ecTailLen"]) == (options, tail)


def test_pjsua2_latency_and_jitter_buffer_in_milliseconds() -> None:
    made, _ = pjsua2.express(item(values={"buffer_frames": 385, "output_rate_hz": 48_000}))
    media: Any = made["MediaConfig"]
    assert media["sndPlayLatency"] == 9  # 8.02 ms, never less than the buffer
    assert (media["jbMinPre"], media["jbMaxPre"], media["jbMax"]) == (40, 240, 300)
    assert "jbInit" not in media
    fixed: Any = pjsua2.express(item(values={"jitter_buffer_target_ms": 80}))[0]["MediaConfig"]
    assert (fixed["jbInit"], fixed["jbMinPre"], fixed["jbMaxPre"]) == (80, 80, 80)


def test_pjsua2_suppresses_noise_in_its_own_canceller_only() -> None:
    assert gaps(pjsua2, aec="hardware") == {"ns=software", "agc=software"}
    assert gaps(pjsua2, aec="both", src_quality="none") == {"aec=both", "src_quality=none"}


def test_openai_session_and_its_routes() -> None:
    made, _ = openai_realtime.express(
        item(values={"noise_reduction@wired": "near_field", "noise_reduction@usb": "off"})
    )
    session: Any = made["session"]
    assert session == {
        "type": "realtime",
        "audio": {
            "input": {
                "noise_reduction": {"type": "far_field"},
                "turn_detection": {
                    "type": "server_vad", "threshold": 0.6, "prefix_padding_ms": 300,
                    "silence_duration_ms": 200, "interrupt_response": True,
                },
            }
        },
    }  # fmt: skip
    routes: Any = made["routes"]
    assert sorted(routes) == ["usb", "wired"]
    assert routes["wired"]["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
    assert routes["usb"]["audio"]["input"]["noise_reduction"] is None
    assert routes["usb"]["audio"]["input"]["turn_detection"]["threshold"] == 0.6


def test_pipecat_is_never_less_sure_than_on_its_own() -> None:
    low: Any = pipecat.express(item(values={"vad_threshold": 0.3}))[0]
    high: Any = pipecat.express(item(values={"vad_threshold": 0.85}))[0]
    assert low["VADParams"] == {"confidence": 0.7, "stop_secs": 0.2}
    assert high["VADParams"]["confidence"] == 0.85
    assert low["TransportParams"]["audio_in_sample_rate"] == 48_000


def test_livekit_options_of_android_and_of_iphones() -> None:
    phone: Any = livekit.express(item(values={"aec": "hardware", "ns": "off"}))[0]
    assert phone["js"]["capture"]["echoCancellation"] is True
    assert phone["js"]["capture"]["noiseSuppression"] is False
    assert phone["android"]["publish"]["audioBitrate"] == 24_000
    assert phone["android"]["module"]["useHardwareAcousticEchoCanceler"] is True
    assert phone["android"]["module"]["useHardwareNoiseSuppressor"] is False
    assert phone["android"]["module"]["audioSource"] == 7
    assert "swift" not in phone
    iphone: Any = livekit.express(item(facts("iPhone14,2", "Apple", ios=True)))[0]
    assert iphone["swift"]["publish"] == {
        "maxBitrate": 24_000, "dtx": False, "red": False, "forceStereo": False,
    }  # fmt: skip
    assert iphone["swift"]["session"]["mode"] == "voiceChat"
    assert "android" not in iphone


@pytest.mark.parametrize(
    ("use", "profile", "scenario"),
    [(UseCase.VOICE_AGENT, 1, 10), (UseCase.CALL, 1, 8), (UseCase.MUSIC, 5, 3)],
)
def test_agora_is_marked_and_on_request_only(use: UseCase, profile: int, scenario: int) -> None:
    assert agora.OPT_IN
    made = agora.export([item(values={"opus_channels": 2}, use=use)])
    data = json.loads(made.files[0].content)
    assert "UNVERIFIED" in data["unverified"]
    (values,) = data["profiles"].values()
    assert (values["audio_profile"], values["audio_scenario"]) == (profile, scenario)
    parameters = [json.loads(text) for text in values["parameters"]]
    assert {"che.audio.oboe.enable": True} in parameters
    assert {"che.audio.opensl": False} in parameters
    assert all(len(p) == 1 for p in parameters)


def test_agora_has_no_parameter_for_an_iphones_unit() -> None:
    values = {"api": "coreaudio_voice_processing"}
    made = agora.export([item(facts("iPhone14,7", "Apple", ios=True), values=values)])
    (found,) = json.loads(made.files[0].content)["profiles"].values()
    named = {name for text in found["parameters"] for name in json.loads(text)}
    assert "che.audio.enable.aec" in named
    assert not [name for name in named if "opensl" in name or "oboe" in name]
    assert "api=coreaudio_voice_processing" in [u.setting for u in made.unsupported]
