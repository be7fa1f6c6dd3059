"""Whatever a phone calls itself, every format gives the same text and the same values back."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import export_items as make
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import source_literals
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.export import TARGETS, Item, export_all
from profiler.export.names import file_stem, is_safe
from profiler.export.render import comment, compact_json, kotlin_string, swift_string
from profiler.model import Exported, ModelKey

NAMES = make.names()
FEW = settings(max_examples=40, deadline=None)
"""An example is up to three models with a dozen settings laid over fifty."""


@st.composite
def items(draw: st.DrawFn, *, ios: bool = False) -> list[Item]:
    keys = st.tuples(NAMES, NAMES, NAMES, NAMES)
    found = draw(st.lists(keys, min_size=1, max_size=3, unique=True))
    return make.ordered(
        [
            make.item(
                make.facts(model, maker, soc=soc, os_build=build, ios=ios, marketing_name=model),
                draw(make.values()),
            )
            for maker, model, soc, build in found
        ]
    )


def text_of(made: Exported, ending: str) -> str:
    return next(f.content for f in made.files if f.name.endswith(ending)).decode("utf-8")


def models_of(made: Exported, name: str = "models") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text_of(made, ".json"))[name]
    return found


def identity(item: Item) -> tuple[str, str, str, str]:
    key = item.advice.facts.key
    return key.manufacturer, key.model, key.soc, key.os_build


@FEW
@given(items())
def test_profile(found: list[Item]) -> None:
    profiles = models_of(TARGETS["profile"].export(found), "profiles")
    for item, profile in zip(found, profiles, strict=True):
        target = profile["target"]
        fields = ("manufacturer", "model", "soc", "os_build")
        assert tuple(target[f] for f in fields) == identity(item)
        assert target["marketing_name"] == item.advice.facts.marketing_name
        assert {name: s["value"] for name, s in profile["settings"].items()} == {
            s.name: s.value for s in item.advice.settings
        }


@FEW
@given(items())
def test_webrtc(found: list[Item]) -> None:
    for item, row in zip(found, models_of(TARGETS["webrtc"].export(found)), strict=True):
        assert tuple(row["target"].values()) == identity(item)
        line = dict(part.split("=") for part in row["sdp"]["fmtp"].split(";"))
        value = item.advice.value
        for name, setting in (
            ("ptime", "opus_frame_ms"),
            ("maxaveragebitrate", "opus_bitrate_bps"),
            ("useinbandfec", "opus_fec"),
            ("usedtx", "opus_dtx"),
        ):
            wanted = value(setting)
            assert line.get(name) == (None if wanted is None else str(int(wanted)))


@FEW
@given(items())
def test_csv(found: list[Item]) -> None:
    text = text_of(TARGETS["csv"].export(found), ".csv")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    expected = [(item, s) for item in found for s in item.advice.settings]
    for row, (item, setting) in zip(rows, expected, strict=True):
        fields = ("manufacturer", "model", "soc", "os_build")
        assert tuple(row[f] for f in fields) == identity(item)
        assert (row["setting"], row["route"]) == (setting.name, setting.route)
        assert row["reason"] == setting.reason
        if setting.value is None:
            assert row["value"] == ""
        elif isinstance(setting.value, bool):
            assert row["value"] == str(setting.value).lower()
        elif isinstance(setting.value, str):
            assert row["value"] == setting.value
        else:
            assert float(row["value"]) == setting.value


@FEW
@given(items())
def test_parquet(found: list[Item]) -> None:
    made = TARGETS["parquet"].export(found)
    content = pa.BufferReader(made.files[0].content)
    rows = pq.ParquetFile(content, pre_buffer=False).read(use_threads=False).to_pylist()
    expected = [(item, s) for item in found for s in item.advice.settings]
    for row, (item, setting) in zip(rows, expected, strict=True):
        fields = ("manufacturer", "model", "soc", "os_build")
        assert tuple(row[f] for f in fields) == identity(item)
        value = setting.value
        if isinstance(value, bool):
            assert row["value_bool"] is value
        elif isinstance(value, int | float):
            assert row["value_number"] == value
        else:
            assert row["value"] == value


@FEW
@given(items())
def test_kotlin_and_json_of_android(found: list[Item]) -> None:
    made = TARGETS["android"].export(found)
    rows = models_of(made)
    written = source_literals.calls(text_of(made, ".kt"), "Profile", "kotlin")
    assert len(written) == len(rows)
    known = {identity(item)[:3] for item in found}
    for call, row in zip(written, rows, strict=True):
        target = tuple(row["target"].values())
        assert target in known
        java, oboe = row["javaAudioDeviceModule"], row["oboe"]
        assert call.values == (
            *target, row["useOboe"], row["audioManagerMode"],
            *(java[name] for name in (
                "audioSource", "usage", "inputSampleRate", "outputSampleRate",
                "useHardwareAcousticEchoCanceler", "useHardwareNoiseSuppressor",
                "useStereoInput", "useLowLatency")),
            *row["mediaConstraints"].values(),
            *(oboe[name] for name in (
                "audioApi", "sharingMode", "performanceMode", "inputChannelCount",
                "bufferSizeInBursts", "bufferSizeInFrames", "sampleRateConversionQuality")),
        )  # fmt: skip


@FEW
@given(items(ios=True))
def test_swift_and_json_of_apple(found: list[Item]) -> None:
    made = TARGETS["apple"].export(found)
    rows = models_of(made)
    written = source_literals.calls(text_of(made, ".swift"), "ChirpbenchProfile", "swift")
    assert {row["machine"] for row in rows} == {identity(item)[1] for item in found}
    assert [dict(zip(c.labels, c.values, strict=True)) for c in written] == [
        {label: row[label] for label in written[0].labels} for row in rows
    ]


@FEW
@given(items())
def test_signal(found: list[Item]) -> None:
    from profiler.export.signal_rules import Environment, evaluate

    made = TARGETS["signal"].export(found)
    models = json.loads(made.files[1].content)["models"]
    assert {m["model"] for m in models} == {identity(item)[1] for item in found}
    for model in models:
        result = evaluate(made.files[0].content.decode(), Environment(model["model"]))
        assert result.as_json() == model["expected"]


@given(NAMES)
def test_literals_are_printable_ascii_and_come_back(text: str) -> None:
    for language, render in (("kotlin", kotlin_string), ("swift", swift_string)):
        call = source_literals.calls(f"  F({render(text)}),", "F", language)
        assert call[0].values == (text,)
    assert json.loads(compact_json([text])) == [text]
    shown = comment(text)
    assert all(" " <= c <= "~" for c in shown)
    assert "*/" not in shown
    assert "--" not in shown


@given(st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES), max_size=4, unique=True))
def test_file_names_are_safe_and_distinct(keys: list[tuple[str, str, str, str]]) -> None:
    stems = [file_stem(ModelKey(*key)) for key in keys]
    assert all(is_safe(f"profile/{stem}.json") for stem in stems)
    assert len({stem.lower() for stem in stems}) == len(keys)


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/../b", "..", ".hidden", "a//b", "a b", "a\\b", "a/", "ä", "a\n", "x" * 201],
)
def test_unsafe_file_names(name: str) -> None:
    assert not is_safe(name)


@FEW
@given(items())
def test_every_target_takes_any_name(found: list[Item]) -> None:
    for made in export_all(found, list(TARGETS)):
        assert made.files
        assert all(is_safe(file.name) for file in made.files)
        for file in made.files:
            if file.name.endswith(".json"):
                json.loads(file.content)
