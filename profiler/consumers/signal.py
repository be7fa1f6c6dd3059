"""Signal's rules, read once more from their description and evaluated for every profiled model.

No code is shared with the exporter: two readings of one description must agree. The app itself
is AGPL-3.0 and runs on phones only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected
from profiler.consumers.files import parse_json, read_json, read_text, typed
from profiler.model import ConsumerCheck

TARGET = "signal"
RULES = "signal/audio_device_config.json"
MODELS = "signal/models.json"
CONSUMER = "AudioDeviceConfig rules, second reading"
DEFAULTS = {"oboe": False, "softwareAec": False, "softwareNs": False, "inLowLatency": True,
            "inVoiceComm": True}  # fmt: skip
STRANGER = "chirpbench: a model that nobody measured"


def check(folder: Path) -> list[ConsumerCheck]:
    """Every profiled model gets its own settings, a stranger the defaults."""
    compared = Comparison(TARGET, CONSUMER)
    try:
        rules = read_rules(parse_json(read_text(folder, RULES), RULES))
        data = typed(read_json(folder, MODELS), dict, MODELS)
        models = typed(data.get("models"), list, f"{MODELS}: models")
        for number, row in enumerate(models, 1):
            _compare(compared, rules, row, f"{MODELS}: model {number}")
    except Unreadable as exc:
        return [rejected(TARGET, CONSUMER, str(exc))]
    for custom in (False, True):
        compared.same(
            f"{STRANGER} (custom ROM: {custom})", DEFAULTS, decide(rules, STRANGER, custom)
        )
    return [compared.result(
        f"{len(models)} models evaluated against {len(rules)} rules, and a stranger"
    )]  # fmt: skip


def _compare(compared: Comparison, rules: list[Mapping[str, Any]], row: Any, what: str) -> None:
    model = typed(typed(row, dict, what).get("model"), str, f"{what}: model")
    custom = typed(row.get("custom_rom"), bool, f"{what}: custom_rom")
    expected = typed(row.get("expected"), dict, f"{what}: expected")
    for name, value in decide(rules, model, custom).items():
        compared.same(f"{model!r}: {name}", expected.get(name), value)


def read_rules(value: Any) -> list[Mapping[str, Any]]:
    """The rules, every type in them as the app demands: one wrong type discards the whole list.

    Raises :class:`Unreadable`.
    """
    rules = typed(value, list, RULES)
    for number, rule in enumerate(rules, 1):
        what = f"{RULES}: rule {number}"
        typed(rule, dict, what)
        target = typed(rule.get("target", {}), dict, f"{what}: target")
        settings = typed(rule.get("settings", {}), dict, f"{what}: settings")
        typed(rule.get("final", False), bool, f"{what}: final")
        typed(target.get("custom", False), bool, f"{what}: custom")
        for side in ("include", "exclude"):
            for entry in typed(target.get(side, []), list, f"{what}: {side}"):
                typed(entry, str, f"{what}: {side}")
        for name, setting in settings.items():
            if name in DEFAULTS:
                typed(setting, bool, f"{what}: {name}")
    return list(rules)


def decide(rules: list[Mapping[str, Any]], model: str, custom: bool) -> dict[str, bool]:
    """The settings of a model by the rules alone."""
    decided = dict(DEFAULTS)
    for rule in rules:
        target = rule.get("target", {})
        if "custom" in target and target["custom"] is not custom:
            continue
        included, excluded = target.get("include", []), target.get("exclude", [])
        if included and not any(named(entry, model) for entry in included):
            continue
        if any(named(entry, model) for entry in excluded):
            continue
        decided |= {k: v for k, v in rule.get("settings", {}).items() if k in DEFAULTS}
        if rule.get("final", False):
            break
    return decided


def named(entry: str, model: str) -> bool:
    """Whether an entry names a model: ``X*`` by its beginning, anything else ignoring case."""
    if entry[-1:] == "*":
        return model[: len(entry) - 1] == entry[:-1]
    return len(entry) == len(model) and all(map(_alike, entry, model))


def _alike(one: str, other: str) -> bool:
    # Java's equalsIgnoreCase: one character at a time, upper case first, then lower case.
    return (
        one == other
        or _single(one.upper(), one) == _single(other.upper(), other)
        or _single(_single(one.upper(), one).lower(), one)
        == _single(_single(other.upper(), other).lower(), other)
    )


def _single(folded: str, char: str) -> str:
    return folded if len(folded) == 1 else char
