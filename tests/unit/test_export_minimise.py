"""Few rules, and every profiled model still gets exactly its settings."""

from __future__ import annotations

import itertools
import json
import random

import export_items as make
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from profiler.export import signal
from profiler.export.minimise import MIN_PREFIX, minimal_rules
from profiler.export.signal_rules import (
    Environment,
    Rule,
    SignalSettings,
    case_key,
    evaluate,
    override,
)
from profiler.model import Exported

ALL = [SignalSettings(*flags) for flags in itertools.product((False, True), repeat=5)]
ENVIRONMENTS = [
    {"api_level": api, "has_platform_aec": aec, "has_platform_ns": ns, "has_low_latency": low}
    for api, aec, ns, low in itertools.product((28, 34), *[(False, True)] * 3)
]
DEFAULT = SignalSettings()
STATES = st.sampled_from([DEFAULT, ALL[-1], SignalSettings(oboe=True), ALL[12]])


def proven(rules: tuple[Rule, ...], wanted: dict[str, SignalSettings], *, custom: bool) -> None:
    """Every model in every environment, through the published text."""
    config = json.dumps([rule.as_json() for rule in rules])
    for model, value in wanted.items():
        for more in ENVIRONMENTS:
            here = Environment(model, display="lineage" if custom else "", **more)  # type: ignore[arg-type]
            assert evaluate(config, here) == override(value, here), model
            other = Environment(model, display="" if custom else "lineage", **more)  # type: ignore[arg-type]
            assert evaluate(config, other) == override(DEFAULT, other), model


def entries(rules: tuple[Rule, ...]) -> list[str]:
    return [text for rule in rules for text in (*rule.include, *rule.exclude)]


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(make.names(), st.sampled_from(ALL), max_size=12), st.booleans())
@example({"abc": ALL[31], "ABC": DEFAULT, "Abc": ALL[1]}, False)
@example({"A*": ALL[31], "A": DEFAULT, "A*B": ALL[1], "A**": DEFAULT}, False)
@example({"": ALL[31], "*": DEFAULT, "**": ALL[3]}, True)
def test_hostile_names_get_exactly_their_settings(
    wanted: dict[str, SignalSettings], custom: bool
) -> None:
    proven(minimal_rules(wanted, custom=custom), wanted, custom=custom)


@settings(deadline=None)
@given(st.dictionaries(st.text("aAb*", max_size=7), STATES, max_size=40))
def test_dense_names_get_exactly_their_settings(wanted: dict[str, SignalSettings]) -> None:
    rules = minimal_rules(wanted, custom=False)
    config = json.dumps([rule.as_json() for rule in rules])
    for model, value in wanted.items():
        assert evaluate(config, Environment(model)) == value
    changed = sum(value != DEFAULT for value in wanted.values())
    if len({case_key(name) for name in wanted}) == len(wanted) and not any(
        name.endswith("*") for name in wanted
    ):
        assert len(entries(rules)) <= changed
    assert all(
        len(text) > MIN_PREFIX or text[:-1] in wanted for text in entries(rules) if text[-1:] == "*"
    )


def test_a_series_becomes_a_wildcard_with_its_exceptions() -> None:
    noisy = SignalSettings(software_aec=True, software_ns=True)
    wanted = {f"SM-A12{c}": noisy for c in "5678"} | {"SM-A129F": DEFAULT, "SM-B1": DEFAULT}
    rules = minimal_rules(wanted, custom=False)
    assert [rule.as_json() for rule in rules] == [
        {
            "target": {"include": ["SM-A12*"], "exclude": ["SM-A129F"], "custom": False},
            "settings": {"softwareAec": True, "softwareNs": True},
        }
    ]


def test_an_exception_sets_only_what_differs() -> None:
    noisy = SignalSettings(software_aec=True, software_ns=True)
    wanted = {f"SM-A12{c}": noisy for c in "5678"} | {"SM-A129": SignalSettings(oboe=True)}
    rules = minimal_rules(wanted, custom=False)
    assert dict(rules[1].settings) == {"oboe": True, "softwareAec": False, "softwareNs": False}
    proven(rules, wanted, custom=False)


def test_short_beginnings_are_never_wildcards() -> None:
    wanted = {f"{a}{b}": ALL[31] for a in "ABCDEFGH" for b in "12345678"}
    rules = minimal_rules(wanted, custom=False)
    assert not [text for text in entries(rules) if text.endswith("*")]


def test_deep_chains_need_no_deep_stack() -> None:
    wanted = {"x" * n: ALL[n % 2 * 31] for n in range(1, 1500)}
    rules = minimal_rules(wanted, custom=False)
    config = json.dumps([rule.as_json() for rule in rules])
    for n in (1, 2, 3, 4, 5, 700, 701, 1499):
        assert evaluate(config, Environment("x" * n)) == wanted["x" * n]


def test_nothing_profiled_makes_no_rule() -> None:
    assert minimal_rules({}, custom=False) == ()
    assert minimal_rules({"A": DEFAULT}, custom=False) == ()


@pytest.mark.parametrize("seed", [100, 101])
def test_a_thousand_models_of_makers_series(seed: int) -> None:
    """Settings follow the series; every fifth phone and every thirtieth region differs."""
    wanted = make.signal_fleet(1000, seed, phone=0.2, region=0.03)
    rules = minimal_rules(wanted, custom=False)
    config = json.dumps([rule.as_json() for rule in rules])
    parsed = {m: evaluate_once(config, m) for m in random.Random(seed).sample(sorted(wanted), 60)}
    assert parsed == {model: wanted[model] for model in parsed}
    signal.rules_for({(model, False): value for model, value in wanted.items()})  # proves all
    naive = sum(value != DEFAULT for value in wanted.values())
    assert len(entries(rules)) <= 0.3 * naive


def evaluate_once(config: str, model: str) -> SignalSettings:
    return evaluate(config, Environment(model))


def exported(*models: tuple[str, dict[str, object]]) -> Exported:
    items = [
        make.item(make.facts(model), values)  # type: ignore[arg-type]
        for model, values in models
    ]
    return signal.export(make.ordered(items))


STOCK: dict[str, object] = {
    "api": "java",
    "aec": "hardware",
    "ns": "hardware",
    "performance_mode": None,
    "input_preset": None,
}


def test_the_target_says_what_each_model_gets() -> None:
    made = exported(
        ("SM-A125F", {}),
        ("SM-A127F", {"aec": "hardware", "ns": "software", "input_preset": "voice_recognition"}),
        ("SM-B1", STOCK),
    )
    models = json.loads(made.files[1].content)["models"]
    assert [m["expected"] for m in models] == [
        SignalSettings(True, True, True).as_json(),
        SignalSettings(True, False, True, True, False).as_json(),
        DEFAULT.as_json(),
    ]
    for model in models:
        found = evaluate(made.files[0].content.decode(), Environment(model["model"]))
        assert found.as_json() == model["expected"]


def test_values_signal_cannot_say_are_listed() -> None:
    made = exported(("SM-1", {"aec": "both", "ns": "off", "performance_mode": "power_saving"}))
    assert {u.setting for u in made.unsupported} >= {
        "aec=both", "ns=off", "performance_mode=power_saving", "opus_fec", "agc",
    }  # fmt: skip


def test_wildcards_that_catch_others_are_listed() -> None:
    made = exported(*((f"SM-G90{c}", {}) for c in "12345"))
    assert "SM-G90*" in made.files[0].content.decode()
    others = [make.facts("SM-G909"), make.facts("SM-X"), make.facts("SM-G901")]
    assert signal.catches(made, others) == ["SM-G900F", "SM-G909"]


def test_custom_roms_have_rules_of_their_own() -> None:
    items = [
        make.item(make.facts("SM-1"), STOCK),  # type: ignore[arg-type]
        make.item(make.facts("SM-1", is_custom_rom=True, os_build="lineage")),
    ]
    config = signal.export(items).files[0].content.decode()
    assert evaluate(config, Environment("SM-1")) == DEFAULT
    assert evaluate(config, Environment("SM-1", host="lineage")).software_aec


def test_of_two_builds_the_better_supported_one_counts() -> None:
    from profiler.model import SupportLevel

    items = [
        make.item(make.facts("SM-1", os_build="a"), STOCK, level=SupportLevel.SAME_MODEL),  # type: ignore[arg-type]
        make.item(make.facts("SM-1", os_build="b")),
    ]
    made = signal.export(items)
    assert evaluate(made.files[0].content.decode(), Environment("SM-1")).oboe
    assert any("SM-1 / mt6765 / a is left out" in note for note in made.notes)
