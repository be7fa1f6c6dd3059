"""What each target says of settings it takes, and of those it cannot take."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import export_items as make
import jsonschema
import known_models
import pytest

from profiler.errors import InputError
from profiler.export import TARGETS, Item, export_all, forbidden, item_of, wanted_targets
from profiler.export.missing import unsupported
from profiler.export.origin import is_verified
from profiler.export.profile_schema import profile_schema
from profiler.model import (
    SETTINGS,
    Budget,
    BudgetPart,
    Caution,
    Exported,
    Feasibility,
    Goal,
    Outcome,
    PartSource,
    UseCase,
)

MINE = ("profile", "webrtc", "signal", "android", "apple", "csv", "parquet")


def of(name: str, *items: Item) -> Exported:
    return TARGETS[name].export(make.ordered(items))


def rows(made: Exported, key: str = "models") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(made.files[0].content)[key]
    return found


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_setting_is_expressed_or_unsupported_with_a_reason(name: str) -> None:
    made = of(name, make.item(), make.item(make.facts("iPhone14,7", "Apple", ios=True)))
    assert made.target == name
    plain = [u.setting for u in made.unsupported if u.setting in SETTINGS]
    assert len(plain) == len(set(plain))
    assert all(u.why for u in made.unsupported)
    assert all(u.setting.partition("=")[0].partition("@")[0] in SETTINGS for u in made.unsupported)
    assert plain or name in ("profile", "firebase", "csv", "parquet")


@pytest.mark.parametrize("name", list(TARGETS))
def test_equal_items_give_equal_bytes_in_any_order(name: str) -> None:
    items = [make.item(make.facts(m)) for m in ("B", "A", "C")]
    once = export_all(items, [name])
    again = export_all(items[::-1], [name])
    assert once == again


def test_an_unsupported_reason_for_no_setting_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no such settings"):
        unsupported(["opus"], {}, otherwise="x")
    with pytest.raises(ValueError, match="expressed and unsupported"):
        unsupported(["aec"], {"aec": "x"}, otherwise="x")


def test_profile_keeps_its_schema_with_everything_in_it() -> None:
    part = BudgetPart("network", 40.0, 30.0, 50.0, PartSource.NETWORK, "one way")
    goal = Goal("GPT-4o", 232.0, Feasibility.IMPOSSIBLE, "network", "too far")
    budget = Budget("turn", "gpt-4o", (part,), 40.0, 30.0, 50.0, (goal,), "impossible")
    item = make.item(
        values={"aec@bluetooth_sco": "hardware", "max_safe_volume@earpiece": 1.0},
        budgets=(budget,),
        verifications=[Outcome.BETTER, Outcome.NOT_VERIFIED, Outcome.SAME],
    )
    made = of("profile", item, make.item(make.facts("iPhone14,7", "Apple", ios=True)))
    found = json.loads(made.files[0].content)
    jsonschema.Draft202012Validator.check_schema(profile_schema())
    jsonschema.Draft202012Validator(profile_schema()).validate(found)
    assert json.loads(made.files[1].content) == profile_schema()
    profile = next(p for p in found["profiles"] if p["target"]["platform"] == "android")
    assert list(profile["settings"]) == list(SETTINGS)
    assert profile["routes"]["bluetooth_sco"]["aec"]["value"] == "hardware"
    assert profile["provenance"]["expires_at"] == "2027-03-13T10:30:00Z"
    assert [v["outcome"] for v in profile["verified"]] == ["better", "same"]
    assert profile["budgets"][0]["goals"][0]["blame"] == "network"


@pytest.mark.parametrize("use", [UseCase.VOICE_AGENT, UseCase.CALL])
def test_a_phone_without_a_safe_volume_is_never_shipped_mute(use: UseCase) -> None:
    """No target sets a volume; those that hold reasons say why, and what to do instead."""
    never = {("A9", "full_duplex"): 0.0, ("A9", "max_safe_volume"): 0.0}
    advised = known_models.advice(known_models.knowledge(never), use)
    item = replace(make.item(), advice=advised)
    profile = json.loads(of("profile", item).files[0].content)["profiles"][0]["settings"]
    volume = profile["max_safe_volume"]
    assert (volume["value"], volume["rule"]) == (None, "duplex.barge_in")
    assert "the volume is left alone" in volume["reason"]
    assert profile["full_duplex"]["value"] is (use is not UseCase.VOICE_AGENT)
    line = csv_line(of("csv", item), "max_safe_volume")
    assert line["value"] == ""
    for made in export_all([item], [n for n in TARGETS if n not in ("profile", "csv", "parquet")]):
        for file in made.files:
            assert b"max_safe_volume" not in file.content, file.name


def csv_line(made: Exported, setting: str) -> dict[str, str]:
    text = next(f for f in made.files if f.name.endswith(".csv")).content.decode("utf-8-sig")
    return next(row for row in csv.DictReader(io.StringIO(text)) if row["setting"] == setting)


def test_schema_refuses_wrong_values() -> None:
    found = json.loads(of("profile", make.item()).files[0].content)
    checker = jsonschema.Draft202012Validator(profile_schema())
    settings = found["profiles"][0]["settings"]
    for name, wrong in (
        ("opus_frame_ms", 20.5), ("opus_frame_ms", 5), ("aec", "maybe"), ("red", 1),
        ("max_safe_volume", 1.5), ("api", 3),
    ):  # fmt: skip
        right = settings[name]["value"]
        settings[name]["value"] = wrong
        assert not checker.is_valid(found), (name, wrong)
        settings[name]["value"] = right
    assert checker.is_valid(found)
    settings["colour"] = settings["red"]
    assert not checker.is_valid(found)


@pytest.mark.parametrize(
    ("outcomes", "verified"),
    [
        ([], False),
        ([Outcome.BETTER], True),
        ([Outcome.SAME], True),
        ([Outcome.NOT_VERIFIED], False),
        ([Outcome.WORSE], False),
        ([Outcome.BETTER, Outcome.WORSE], False),
        ([Outcome.WORSE, Outcome.BETTER], False),
    ],
)
def test_worse_is_never_verified(outcomes: list[Outcome], verified: bool) -> None:
    item = make.item(verifications=outcomes)
    assert is_verified(item) is verified
    profile = rows(of("profile", item), "profiles")[0]
    assert profile["provenance"]["verified"] is verified
    assert bool(profile["verified"]) is verified


def test_another_advice_is_not_verified() -> None:
    proved = make.item(verifications=[Outcome.BETTER])
    other = make.item(values={"opus_frame_ms": 60})
    now = make.MEASURED_AT
    item = item_of(
        other.advice, other.advice_sha256, proved.verifications, expires_days=180, now=now
    )
    assert item.verifications == ()
    assert not is_verified(Item(other.advice, other.advice_sha256, None, proved.verifications))


def test_marks_need_permission() -> None:
    now = make.MEASURED_AT + timedelta(days=181)
    plain = make.item()
    virtual = make.item(make.facts("V", is_virtual=True))
    relatives = make.item(make.facts("R"), cautions=(Caution("only_virtual", "x"),))
    rom = make.item(make.facts("C", is_custom_rom=True, is_emulator=True))
    old = item_of(plain.advice, plain.advice_sha256, (), expires_days=180, now=now)
    found = forbidden([plain, virtual, relatives, rom, old], ["emulator"])
    assert [(item.advice.facts.key.model, marks) for item, marks in found] == [
        ("V", ["virtual"]),
        ("R", ["virtual"]),
        ("C", ["custom_rom"]),
        ("SM-A125F", ["stale"]),
    ]
    assert forbidden([virtual, rom, old], ["virtual", "emulator", "custom_rom", "stale"]) == []
    assert rows(of("profile", old), "profiles")[0]["provenance"]["marks"] == ["stale"]


def test_marks_stand_above_each_model_in_code() -> None:
    text = of("android", make.item(make.facts("V", is_virtual=True))).files[1].content.decode()
    assert "HOLDS VALUES OF VIRTUAL PHONES" in text
    assert "not verified; VIRTUAL" in text


def test_a_stale_export_has_no_age_in_it() -> None:
    advice = make.item(cautions=(Caution("stale", "213 days old"),)).advice
    later = make.MEASURED_AT + timedelta(days=213)
    item = item_of(advice, "a" * 64, (), expires_days=180, now=later)
    assert item.is_stale
    assert item.advice.cautions[0].text == "the newest result is of 2026-09-14"


def test_webrtc_session() -> None:
    values = {
        "jitter_buffer_min_ms": 40, "jitter_buffer_target_ms": 150, "jitter_buffer_max_ms": 900,
        "red": True, "aec": "off", "ns": None, "opus_channels": 2, "opus_cbr": True,
    }  # fmt: skip
    made = of("webrtc", make.item(values=values))
    row = rows(made)[0]
    assert row["sdp"]["fmtp"] == (
        "minptime=10;ptime=20;maxaveragebitrate=24000;maxplaybackrate=48000;stereo=1;"
        "sprop-stereo=1;useinbandfec=1;usedtx=0;cbr=1"
    )
    assert row["receiver"]["jitterBufferTarget"] == 150
    assert row["configuration"] == {"audioJitterBufferMaxPackets": 60}
    assert row["codecPreferences"] == ["audio/red", "audio/opus"]
    assert row["fieldTrials"] == {"WebRTC-Audio-Red-For-Opus": "Enabled-1"}
    assert row["aec3Config"] == {"aec3": {"delay": {"num_filters": 6}}}
    assert row["getUserMedia"]["audio"] == {
        "echoCancellation": False, "autoGainControl": True, "sampleRate": {"ideal": 48_000},
        "channelCount": {"ideal": 1},
    }  # fmt: skip
    assert "agc=software" in {u.setting for u in made.unsupported}


def test_webrtc_leaves_unsaid_what_is_left_to_the_stack() -> None:
    row = rows(of("webrtc", make.item(values=dict.fromkeys(SETTINGS, None))))[0]
    assert row["sdp"] == {"fmtp": "minptime=10", "ptime": None}
    assert row["getUserMedia"] == {"audio": {}}
    assert (row["receiver"], row["configuration"]) == ({"jitterBufferTarget": None}, {})
    assert (row["codecPreferences"], row["aec3Config"]) == (None, None)


def test_a_short_jitter_buffer_is_said_to_be_longer() -> None:
    made = of("webrtc", make.item(values={"jitter_buffer_max_ms": 100}))
    assert rows(made)[0]["configuration"] == {"audioJitterBufferMaxPackets": 20}
    assert "jitter_buffer_max_ms=100" in {u.setting for u in made.unsupported}


def test_android_builders() -> None:
    row = rows(of("android", make.item()))[0]
    assert row["useOboe"] is True
    assert row["oboe"] == {
        "audioApi": 2, "sharingMode": 0, "performanceMode": 12, "usage": 2, "inputPreset": 7,
        "inputSampleRate": 48_000, "outputSampleRate": 48_000, "inputChannelCount": 1,
        "bufferSizeInBursts": 2, "bufferSizeInFrames": 384, "sampleRateConversionQuality": 3,
    }  # fmt: skip
    assert row["javaAudioDeviceModule"]["useHardwareAcousticEchoCanceler"] is False
    assert row["mediaConstraints"]["googEchoCancellation"] is True
    off = rows(of("android", make.item(values={"aec": "off", "ns": "hardware", "api": "java"})))[0]
    assert off["useOboe"] is False
    assert off["javaAudioDeviceModule"]["useHardwareAcousticEchoCanceler"] is False
    assert off["javaAudioDeviceModule"]["useHardwareNoiseSuppressor"] is True
    assert off["mediaConstraints"]["googEchoCancellation"] is False


def test_android_leaves_out_iphones_and_apple_the_others() -> None:
    items = (
        make.item(),
        make.item(make.facts("iPhone14,7", "Apple", ios=True), {"aec": "hardware"}),
    )
    assert [r["target"]["model"] for r in rows(of("android", *items))] == ["SM-A125F"]
    found = rows(of("apple", *items))
    assert [r["machine"] for r in found] == ["iPhone14,7"]
    assert found[0]["preferredIOBufferDuration"] == 0.008
    assert found[0]["isVoiceProcessingEnabled"] is True
    assert found[0]["mode"] == "AVAudioSessionModeVoiceChat"


def test_routes_are_unsupported_where_there_is_one_value() -> None:
    made = of("android", make.item(values={"aec@bluetooth_sco": "hardware"}))
    assert "aec@bluetooth_sco" in {u.setting for u in made.unsupported}
    assert not rows(made)[0]["javaAudioDeviceModule"]["useHardwareAcousticEchoCanceler"]


def test_kotlin_parts_stay_below_the_limit_of_a_method() -> None:
    items = [make.item(make.facts(f"M{n:04d}")) for n in range(250)]
    text = of("android", *items).files[1].content.decode()
    assert "part0() + part1() + part2() }" in text
    assert max(part.count("Profile(") for part in text.split("private fun")) <= 101


def test_nothing_to_export_still_loads() -> None:
    for name in MINE:
        made = TARGETS[name].export([])
        assert made.files


def test_formats() -> None:
    names, missing = wanted_targets("all")
    assert (set(names), missing) == (set(TARGETS) - {"agora"}, [])
    assert wanted_targets("csv, profile,csv")[0] == ["profile", "csv"]
    with pytest.raises(InputError, match=r"unknown format 'signall'.*did you mean signal\?.*agora"):
        wanted_targets("profile,signall")
    with pytest.raises(InputError, match="no format is named"):
        wanted_targets(" , ")
    with pytest.raises(InputError, match="unknown format 'x'"):
        export_all([make.item()], ["x"])


def test_items_of_several_purposes_are_a_mistake() -> None:
    items = [make.item(), make.item(make.facts("B"), use=UseCase.CALL)]
    with pytest.raises(ValueError, match="several uses"):
        export_all(items, ["csv"])
