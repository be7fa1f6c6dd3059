"""Targets that write profiles and an index: hostile names come back as they went in, equal items
give equal bytes, and nothing that a target cannot say is lost in silence."""

from __future__ import annotations

import configparser
import json
from types import ModuleType

import lxml.etree
import pytest
from export_items import HOSTILE, VALUES, facts, item, names, ordered, values
from hypothesis import given
from hypothesis import strategies as st

from profiler.export import (
    Item,
    agora,
    baresip,
    linphone,
    livekit,
    openai_realtime,
    pipecat,
    pjsua2,
)
from profiler.export.names import is_safe
from profiler.export.profiles import Words
from profiler.model import SETTINGS, Exported, Platform

INDEXES = {
    agora: "agora/parameters.json",
    baresip: "baresip/index.json",
    linphone: "linphone/index.json",
    livekit: "livekit/options.json",
    openai_realtime: "openai_realtime/sessions.json",
    pipecat: "pipecat/params.json",
    pjsua2: "pjsua2/media.json",
}
TARGETS = pytest.mark.parametrize("target", list(INDEXES), ids=lambda t: t.NAME)


def content(made: Exported, name: str) -> bytes:
    return next(file.content for file in made.files if file.name == name)


def hostile_items() -> list[Item]:
    phones = [item(facts(name, board="mt6765")) for name in HOSTILE]
    iphone = facts("iPhone14,2", "Apple", ios=True, board="")
    return ordered([*phones, item(iphone, {"api": "coreaudio_voice_processing"})])


@TARGETS
def test_the_index_holds_every_model_as_the_phone_says_it(target: ModuleType) -> None:
    items = hostile_items()
    index = json.loads(content(target.export(items), INDEXES[target]))
    models = [(row["manufacturer"], row["model"], row["soc"]) for row in index["models"]]
    keys = [i.advice.facts.key for i in items]
    assert models == [(key.manufacturer, key.model, key.soc) for key in keys]
    assert {row["profile"] for row in index["models"]} == set(index["profiles"])
    assert all(row["origin"]["devices"] == 1 for row in index["models"])
    assert (index["use"], index["network"]) == ("voice-agent", "good")


@TARGETS
@given(name=names(), maker=names(), wanted=values())
def test_any_name_and_any_values_come_back(
    target: ModuleType, name: str, maker: str, wanted: dict[str, object]
) -> None:
    made = target.export([item(facts(name, maker), wanted)])
    index = json.loads(content(made, INDEXES[target]))
    row = index["models"][0]
    assert (row["manufacturer"], row["model"]) == (maker, name)
    assert made == target.export([item(facts(name, maker), wanted)])
    for file in made.files:
        assert is_safe(file.name)
        assert file.content.isascii()


@TARGETS
def test_every_setting_is_expressed_or_explained(target: ModuleType) -> None:
    made = target.export([item()])
    explained = {u.setting for u in made.unsupported}
    assert explained >= set(SETTINGS) - set(target.EXPRESSED)
    assert not explained & set(target.EXPRESSED)
    assert all(u.why for u in made.unsupported)


@TARGETS
def test_an_empty_export_is_a_valid_file(target: ModuleType) -> None:
    index = json.loads(content(target.export([]), INDEXES[target]))
    assert (index["models"], index["profiles"]) == ([], {})


@TARGETS
def test_models_with_equal_settings_share_a_profile(target: ModuleType) -> None:
    items = ordered([item(facts(name)) for name in ("A", "B")])
    index = json.loads(content(target.export(items), INDEXES[target]))
    assert len(index["profiles"]) == 1
    assert len(index["models"]) == 2


@TARGETS
def test_a_profile_keeps_its_name_when_other_models_come_and_go(target: ModuleType) -> None:
    alone = json.loads(content(target.export([item(facts("B"))]), INDEXES[target]))
    other = {"opus_bitrate_bps": 64_000, "vad_stop_ms": 900}
    both = ordered([item(facts("A"), other), item(facts("B"))])
    index = json.loads(content(target.export(both), INDEXES[target]))
    assert set(alone["profiles"]) < set(index["profiles"])


@TARGETS
def test_what_is_left_to_the_system_is_not_written(target: ModuleType) -> None:
    made = target.export([item(values=dict.fromkeys(VALUES))])
    (profile,) = json.loads(content(made, INDEXES[target]))["profiles"].values()
    assert "null" not in json.dumps(profile)


@given(name=names(), maker=names())
def test_provisioning_is_xml_with_one_value_a_key(name: str, maker: str) -> None:
    made = linphone.export([item(facts(name, maker))])
    (xml,) = (f.content for f in made.files if f.name.endswith(".xml"))
    root = lxml.etree.fromstring(xml)
    sections = {
        section.get("name"): {e.get("name"): e.text for e in section}
        for section in root.iter("{*}section")
    }
    (ini,) = (f.content for f in made.files if f.name.endswith(".linphonerc"))
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=True)
    parser.read_string(ini.decode("ascii"))
    assert sections == {name: dict(parser[name]) for name in parser.sections()}
    assert sections["sound"]["ec_delay"] == "96"


def test_the_javascript_holds_the_same_data_as_the_json() -> None:
    made = livekit.export(hostile_items())
    script = content(made, "livekit/chirpbench-livekit.mjs").decode("ascii")
    (line,) = (x for x in script.splitlines() if x.startswith("const data = "))
    data = json.loads(line.removeprefix("const data = ").removesuffix(";"))
    assert data == json.loads(content(made, "livekit/options.json"))


@given(st.sampled_from(sorted(SETTINGS)), st.sampled_from(["x", 1.5, True, 3]))
def test_a_value_of_the_wrong_type_is_a_mistake_and_never_written(name: str, value: object) -> None:
    words = Words(item(values={name: value}).advice)
    readers = {"int": words.integer, "bool": words.flag, "str": words.text, "float": words.number}
    kind = SETTINGS[name].type
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }[kind]
    if fits:
        assert readers[kind](name) == value
    else:
        with pytest.raises(ValueError, match=name):
            readers[kind](name)


def test_a_virtual_phone_is_marked_in_the_files_of_its_profile_only() -> None:
    virtual = facts("V", platform=Platform.VIRTUAL, is_virtual=True)
    made = baresip.export(
        ordered([item(virtual, {"opus_bitrate_bps": 16_000}), item(facts("real"))])
    )
    marked = [f.name for f in made.files if b"VIRTUAL" in f.content]
    assert len(marked) == 2  # both versions of one profile
