"""The evaluator of Signal's rules against the expectations Signal publishes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from profiler.export.signal_rules import (
    Environment,
    SignalSettings,
    any_matches,
    evaluate,
    parse_rules,
)

SOFTWARE = {"softwareAec": True, "softwareNs": True}
REF = json.dumps(
    [
        {
            "target": {"include": ["FP4"]},
            "settings": {"oboe": True, "inVoiceComm": False},
            "final": True,
        },
        {
            "target": {
                "custom": False,
                "include": [
                    "Redmi Note 5", "FP2", "M1901F7*", "ASUS_I006D", "motorola one power", "FP3",
                    "S22 FLIP", "Mi Note 10", "SM-S215DL", "T810S", "CPH2067",
                ],
            },
            "settings": SOFTWARE,
        },
        {
            "target": {
                "custom": True,
                "include": [
                    "ONEPLUS A5010", "POCO F1", "SM-A320FL", "ONEPLUS A3003", "ONEPLUS A5000",
                    "SM-G900F", "SM-G800F",
                ],
            },
            "settings": SOFTWARE,
        },
        {
            "target": {"custom": True, "exclude": ["Pixel 3", "SM-G973F"]},
            "settings": {"oboe": True},
        },
    ]
)  # fmt: skip
FLIP = {"settings": {"oboe": True, **SOFTWARE, "inLowLatency": False, "inVoiceComm": False}}
LINEAGE = {"product": "lorem,lineageos=1.0.0,ipsum"}
DEFAULT = SignalSettings()
NOISY = SignalSettings(software_aec=True, software_ns=True)

CASES: list[tuple[str, str, dict[str, object], SignalSettings]] = [
    ("blank", "", {}, DEFAULT),
    ("spaces", " \n", {}, DEFAULT),
    ("bad", "bad", {}, DEFAULT),
    ("unlisted", REF, {}, DEFAULT),
    ("FP4", REF, {"model": "FP4"}, SignalSettings(oboe=True, in_voice_comm=False)),
    ("FP4 with a custom ROM", REF, {"model": "FP4", **LINEAGE},
     SignalSettings(oboe=True, in_voice_comm=False)),
    ("block list", REF, {"model": "Redmi Note 5"}, NOISY),
    ("block list, other case", REF, {"model": "REDMI note 5"}, NOISY),
    ("wildcard", REF, {"model": "M1901F7A"}, NOISY),
    ("wildcards know case", REF, {"model": "m1901F7A"}, DEFAULT),
    ("block list, last but one", REF, {"model": "T810S"}, NOISY),
    ("custom block list", REF, {"model": "ONEPLUS A5000", **LINEAGE}, replace(NOISY, oboe=True)),
    ("block list of custom ROMs, stock", REF, {"model": "ONEPLUS A5000"}, DEFAULT),
    ("stock block list, custom ROM", REF, {"model": "T810S", **LINEAGE},
     SignalSettings(oboe=True)),
    ("custom", REF, {"product": "calyxos2.0"}, SignalSettings(oboe=True)),
    ("custom by host", REF, {"host": "build.LineageOS.org"}, SignalSettings(oboe=True)),
    ("custom excluded", REF, {"model": "Pixel 3", "display": "special calyxos,2.0"}, DEFAULT),
    ("custom excluded, product", REF, {"model": "SM-G973F", **LINEAGE}, DEFAULT),
    ("nothing on board", REF,
     {"has_platform_aec": False, "has_platform_ns": False, "has_low_latency": False},
     replace(NOISY, in_low_latency=False)),
    ("API 28", REF, {"api_level": 28}, NOISY),
    ("API 28, custom ROM", REF, {"api_level": 28, **LINEAGE}, SignalSettings(oboe=True)),
    ("flip all", json.dumps([FLIP]), {}, SignalSettings(True, True, True, False, False)),
    ("bail early", json.dumps([{"final": True}, FLIP]), {}, DEFAULT),
    ("exclude wildcard",
     json.dumps([{"target": {"custom": True, "exclude": ["ABC*"]}, "settings": {"oboe": True}}]),
     {"model": "ABCDEFG", "display": "lineage"}, DEFAULT),
    ("unknown keys",
     json.dumps([{"unknownRule": {"unknown": True}, "target": {"unknown": True},
                  "settings": {"unknown": True}}]), {}, DEFAULT),
    ("wrong type", json.dumps([{"final": {"unknown": True}}, FLIP]), {}, DEFAULT),
    ("later overrides earlier",
     json.dumps([FLIP, {"settings": {"oboe": False}}]), {},
     SignalSettings(False, True, True, False, False)),
    ("empty entry", json.dumps([{"target": {"include": [""]}, **FLIP}]), {}, DEFAULT),
    ("a lone star", json.dumps([{"target": {"include": ["*"]}, "settings": {"oboe": True}}]), {},
     SignalSettings(oboe=True)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "environment", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_published_expectations(
    config: str, environment: dict[str, object], expected: SignalSettings
) -> None:
    values = {"model": "robolectric", **environment}
    assert evaluate(config, Environment(**values)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        "null",
        "[null]",
        "[[]]",
        '[{"final": "true"}]',
        '[{"final": 1}]',
        '[{"target": []}]',
        '[{"target": null}]',
        '[{"target": {"include": "A"}}]',
        '[{"target": {"include": [1]}}]',
        '[{"target": {"include": [null]}}]',
        '[{"target": {"custom": "no"}}]',
        '[{"settings": {"oboe": 1}}]',
        '[{"settings": {"oboe": "true"}}]',
        "[" * 100_000,
    ],
)
def test_one_wrong_type_discards_the_whole_list(config: str) -> None:
    assert parse_rules(config) is None
    if config.startswith("[{"):
        assert evaluate(f"[{json.dumps(FLIP)}, {config[1:]}", Environment("any")) == DEFAULT


def test_null_is_allowed_where_the_app_declares_it() -> None:
    rules = parse_rules('[{"target": {"custom": null}, "settings": {"oboe": null}}]')
    assert rules is not None
    assert (rules[0].custom, dict(rules[0].settings)) == (None, {})


@pytest.mark.parametrize(
    ("entry", "model", "matches"),
    [
        ("abc", "ABC", True),
        ("abc*", "ABCD", False),
        ("ABC*", "ABC", True),
        ("A**", "A*x", True),
        ("A**", "Ax", False),
        ("ß", "SS", False),
        ("straße", "STRAßE", True),
        ("İ", "i", False),
        ("É", "é", True),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_entries(entry: str, model: str, matches: bool) -> None:
    assert any_matches((entry,), model) is matches


def test_a_published_rule_has_no_null_and_no_empty_part() -> None:
    rules = parse_rules(REF)
    assert rules is not None
    assert [rule.as_json() for rule in rules] == json.loads(REF)
