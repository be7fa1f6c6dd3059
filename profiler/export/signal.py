"""Signal's remote config of audio settings by device: rules for ``Build.MODEL``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from profiler.export.choice import android, one_per
from profiler.export.minimise import minimal_rules
from profiler.export.missing import left_out, route_limited, unsupported
from profiler.export.origin import origin
from profiler.export.render import JsonValue, compact_json, json_rows
from profiler.export.signal_rules import (
    Environment,
    Rule,
    SignalSettings,
    chosen,
    parse_rules,
)
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, ModelFacts, SettingValue

NAME = "signal"
TITLE = "Signal's AudioDeviceConfig rules, as few as give every profiled model its settings"
OPT_IN = False
LOADED_BY = (
    "AudioDeviceConfig.refresh()  // RemoteConfig.callingAudioDeviceConfig is the file's text"
)
RULES_FILE = "signal/audio_device_config.json"
MODELS_FILE = "signal/models.json"
EXPRESSED = ("api", "aec", "ns", "performance_mode", "input_preset")
KNOWN_MODELS = (
    "Pixel", "Pixel XL", "Pixel 3", "Moto G5", "Moto G (5S) Plus", "Moto G4", "MotoG3", "TA-1053",
    "Mi A1", "Mi A2", "E5823", "D6503", "FP2", "FP3", "FP4", "MI 5", "MI 4LTE", "Redmi Note 3",
    "Redmi Note 4", "Redmi Note 5", "M1901F7A", "ASUS_I006D", "motorola one power", "S22 FLIP",
    "Mi Note 10", "SM-S215DL", "T810S", "CPH2067", "ONEPLUS A3003", "ONEPLUS A5000",
    "ONEPLUS A5010", "POCO F1", "SM-A320FL", "SM-G900F", "SM-G800F", "SM-G930F", "SM-G973F",
    "Nexus 5", "Nexus 6", "Nexus 6P", "Nexus 9", "Nexus 10", "g3_kt_kr", "Xperia SP", "ONE A2005",
    "ONE E1003", "One",
)  # fmt: skip
"""Names that public device lists hold (Signal, Nextcloud, old libwebrtc): a wildcard may catch
them although nobody measured them."""

_LEFT_OUT: dict[tuple[str, SettingValue], str] = {
    ("api", "opensles"): "Oboe chooses OpenSL ES itself; exported as the Java module",
    ("aec", "both"): "one canceller only; exported as the hardware's",
    ("aec", "off"): "the echo canceller cannot be switched off",
    ("ns", "both"): "one suppressor only; exported as the hardware's",
    ("ns", "off"): "noise suppression cannot be switched off",
    ("performance_mode", "power_saving"): "low latency or not; exported as not",
}
_UNSUPPORTED = unsupported(
    EXPRESSED,
    {"agc": "Signal has no switch for it"},
    otherwise="Signal's rules hold five switches and no numbers",
)


def export(items: Sequence[Item]) -> Exported:
    """Rules and, beside them, what each model gets by them. Pure."""
    kept, notes = one_per(android(items), _who)
    wanted = {_who(item.advice.facts): settings_of(item) for item in kept}
    rules = rules_for(wanted)
    models: list[JsonValue] = [
        {
            "model": item.advice.facts.key.model,
            "manufacturer": item.advice.facts.key.manufacturer,
            "custom_rom": item.advice.facts.is_custom_rom,
            "expected": dict(settings_of(item).as_json()),
            "origin": origin(item),
        }
        for item in kept
    ]
    config = compact_json([rule.as_json() for rule in rules])
    return Exported(
        target=NAME,
        files=(
            ExportFile(RULES_FILE, config.encode("ascii") + b"\n"),
            ExportFile(MODELS_FILE, json_rows({"rules": RULES_FILE}, "models", models)),
        ),
        unsupported=(*_UNSUPPORTED, *left_out(kept, _LEFT_OUT), *route_limited(kept, EXPRESSED)),
        notes=(*_size(rules, wanted), *notes),
    )


def settings_of(item: Item) -> SignalSettings:
    """The advice in Signal's five switches; what it leaves to the system stays at the default."""
    advice = item.advice
    performance, preset = advice.value("performance_mode"), advice.value("input_preset")
    software_aec = advice.value("aec") == "software"
    return SignalSettings(
        oboe=advice.value("api") == "aaudio",
        software_aec=software_aec,
        # Signal's own lists never ask for one without the other.
        software_ns=software_aec or advice.value("ns") == "software",
        in_low_latency=performance in ("low_latency", None),
        in_voice_comm=preset in ("voice_communication", None),
    )


def rules_for(wanted: Mapping[tuple[str, bool], SignalSettings]) -> tuple[Rule, ...]:
    """The fewest rules for (model, whether it is a custom ROM), proven for every one of them.

    Raises :class:`RuntimeError` when the proof fails: a mistake in the minimisation.
    """
    stock = {model: value for (model, custom), value in wanted.items() if not custom}
    custom = {model: value for (model, custom), value in wanted.items() if custom}
    rules = minimal_rules(stock, custom=False) + minimal_rules(custom, custom=True)
    # The app's overrides come after the rules and are the same for equal results of the rules, so
    # equality here is equality in every environment.
    wrong = [who for who, value in wanted.items() if chosen(rules, environment_of(*who)) != value]
    if wrong:
        raise RuntimeError(f"rules give another result than wanted for {wrong[:3]}")
    return rules


def environment_of(model: str, is_custom_rom: bool) -> Environment:
    """A device of this model that has everything."""
    return Environment(model, product="lineage" if is_custom_rom else "")


def catches(exported: Exported, others: Sequence[ModelFacts]) -> list[str]:
    """Names nobody measured that a wildcard gives other settings than the defaults.

    Of ``others`` and of :data:`KNOWN_MODELS`, each on a stock system and on a custom ROM.
    """
    rules = parse_rules(_content(exported, RULES_FILE)) or ()
    profiled = {
        (entry["model"], entry["custom_rom"])
        for entry in json.loads(_content(exported, MODELS_FILE))["models"]
    }
    names = {*KNOWN_MODELS, *(facts.key.model for facts in others), *(m for m, _ in profiled)}
    return [
        f"{name} (custom ROM)" if custom else name
        for custom in (False, True)
        for name in sorted(names)
        if (name, custom) not in profiled
        and chosen(rules, environment_of(name, custom)) != SignalSettings()
    ]


def _content(exported: Exported, name: str) -> str:
    return next(file.content for file in exported.files if file.name == name).decode("utf-8")


def _who(facts: ModelFacts) -> tuple[str, bool]:
    return facts.key.model, facts.is_custom_rom


def _size(rules: Sequence[Rule], wanted: Mapping[tuple[str, bool], SignalSettings]) -> list[str]:
    naive = sum(value != SignalSettings() for value in wanted.values())
    entries = [text for rule in rules for text in (*rule.include, *rule.exclude)]
    wildcards = [text for text in entries if text.endswith("*")]
    return [
        f"{len(rules)} rules with {len(entries)} names, {len(wildcards)} of them wildcards, "
        f"instead of {naive} rules of a name each; {len(wanted)} models evaluated"
    ]
