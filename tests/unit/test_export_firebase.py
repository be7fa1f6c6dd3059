"""The Remote Config template: rules for all, numbers by condition, within Firebase's limits."""

from __future__ import annotations

import json
from typing import Any

from export_items import HOSTILE, VALUES, facts, item, names, ordered
from firebase_remote_config import RemoteConfigTemplate
from firebase_remote_config.conditions.parser import ConditionParser
from hypothesis import given

from profiler.export import firebase
from profiler.export.signal_rules import Environment, evaluate


def template(items: list[Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(firebase.export(items).files[0].content)
    return made


def models_of(expression: str) -> list[str]:
    (condition,) = ConditionParser().parse(expression).conditions
    assert condition.element.key == "device_model"
    found: list[str] = condition.values
    return found


@given(name=names())
def test_any_name_is_in_a_condition_or_said_to_be_in_none(name: str) -> None:
    made = firebase.export([item(facts(name))])
    data = json.loads(made.files[0].content)
    RemoteConfigTemplate.model_validate(data)
    if firebase.is_quotable(name):
        assert [models_of(c["expression"]) for c in data["conditions"]] == [[name]]
        assert made.unsupported == ()
    else:
        assert data["conditions"] == []
        assert [u.setting for u in made.unsupported] == ["model"]
    assert made == firebase.export([item(facts(name))])


def test_the_rules_are_those_of_the_signal_target() -> None:
    items = ordered([item(facts(name), {"aec": "software"}) for name in ("SM-1", "SM-2")])
    parameter = template(items)["parameters"][firebase.RULES]
    assert parameter["valueType"] == "JSON"
    assert evaluate(parameter["defaultValue"]["value"], Environment("SM-1")).software_aec


def test_every_model_gets_its_own_values_and_an_unknown_one_the_apps() -> None:
    items = ordered(
        [item(facts(n), {"opus_bitrate_bps": 16_000 + len(n)}) for n in HOSTILE if n.strip()]
    )
    data = template(items)
    parameter = data["parameters"][firebase.SETTINGS_PARAMETER]
    assert parameter["defaultValue"] == {"useInAppDefault": True}
    got = {
        model: json.loads(parameter["conditionalValues"][condition["name"]]["value"])
        for condition in data["conditions"]
        for model in models_of(condition["expression"])
    }
    wanted = [n for n in HOSTILE if n.strip() and firebase.is_quotable(n)]
    assert sorted(got) == sorted(wanted)
    for model, values in got.items():
        assert values["opus_bitrate_bps"] == 16_000 + len(model)
        assert "dred_ms" not in values  # left to the system


def test_equal_models_share_conditions_of_a_hundred() -> None:
    items = ordered([item(facts(f"M{n:03}")) for n in range(250)])
    data = template(items)
    assert [len(models_of(c["expression"])) for c in data["conditions"]] == [100, 100, 50]
    assert len({c["name"] for c in data["conditions"]}) == 3


def test_more_models_than_firebase_takes_are_named_and_keep_the_rules() -> None:
    items = ordered(
        [item(facts(f"M{n:04}"), {"keep_warm_s": n}) for n in range(700)]
        + [item(facts(f"T{n}"), {"keep_warm_s": 3_600}) for n in range(3)]
    )
    made = firebase.export(items)
    data = json.loads(made.files[0].content)
    assert len(data["conditions"]) <= 500
    values = data["parameters"][firebase.SETTINGS_PARAMETER]["conditionalValues"]
    assert sum(len(v["value"]) for v in values.values()) < 1_000_000
    assert ["T0", "T1", "T2"] in [models_of(c["expression"]) for c in data["conditions"]]
    (gap,) = made.unsupported
    assert "no room" in gap.why
    assert "more" in gap.why


def test_routes_keep_their_values() -> None:
    data = template([item(values={**VALUES, "aec@bluetooth_sco": "hardware"})])
    (value,) = data["parameters"][firebase.SETTINGS_PARAMETER]["conditionalValues"].values()
    assert json.loads(value["value"])["aec@bluetooth_sco"] == "hardware"
