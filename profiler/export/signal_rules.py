"""Signal's rules of audio settings by device, evaluated exactly as the app does.

A rule is ``{"target": {"include": [...], "exclude": [...], "custom": bool}, "settings": {...},
"final": bool}``, all parts optional. Rules count in order, a later setting overrides an earlier
one, a matching ``final`` rule stops. One wrong type anywhere discards the whole list.
Source: signalapp's ``AudioDeviceConfig`` and its published tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

MIN_OWN_CHOICE_API = 29
"""Below this API level Signal always uses the software effects (not on custom ROMs)."""
_CUSTOM_ROM = re.compile("(lineage|calyxos)", re.IGNORECASE)
_FIELDS = {
    "oboe": "oboe",
    "softwareAec": "software_aec",
    "softwareNs": "software_ns",
    "inLowLatency": "in_low_latency",
    "inVoiceComm": "in_voice_comm",
}
"""Key in a rule to field here; other keys are ignored."""


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """What Signal can choose for a device, with its defaults."""

    oboe: bool = False
    """The Oboe module instead of the Java one."""
    software_aec: bool = False
    software_ns: bool = False
    in_low_latency: bool = True
    in_voice_comm: bool = True

    def as_json(self) -> dict[str, bool]:
        """All five under the names they have in a rule."""
        return {key: getattr(self, field) for key, field in _FIELDS.items()}


@dataclass(frozen=True, slots=True)
class Environment:
    """What the app reads on a device."""

    model: str
    """``Build.MODEL``"""
    product: str = ""
    display: str = ""
    host: str = ""
    api_level: int = 34
    has_platform_aec: bool = True
    has_platform_ns: bool = True
    has_low_latency: bool = True
    """``FEATURE_AUDIO_LOW_LATENCY``"""

    @property
    def is_custom_rom(self) -> bool:
        """Whether Signal takes the system for a custom ROM."""
        return any(_CUSTOM_ROM.search(t) for t in (self.product, self.display, self.host))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a list that was read."""

    settings: Mapping[str, bool]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    custom: bool | None = None
    final: bool = False

    def matches(self, model: str, *, is_custom_rom: bool) -> bool:
        """Whether it is for this device."""
        if self.custom is not None and self.custom != is_custom_rom:
            return False
        if any_matches(self.exclude, model):
            return False
        return not self.include or any_matches(self.include, model)

    def as_json(self) -> dict[str, Any]:
        """As it is published: parts that say nothing are left out, never ``null``."""
        target: dict[str, Any] = {}
        if self.include:
            target["include"] = list(self.include)
        if self.exclude:
            target["exclude"] = list(self.exclude)
        if self.custom is not None:
            target["custom"] = self.custom
        rule: dict[str, Any] = {"target": target} if target else {}
        rule["settings"] = dict(self.settings)
        if self.final:
            rule["final"] = True
        return rule


class _WrongTypeError(Exception):
    """A part of the list has a type the app does not accept."""


def evaluate(config: str, environment: Environment) -> SignalSettings:
    """The settings Signal uses on this device. A list it cannot read counts as none."""
    return in_force(parse_rules(config) or (), environment)


def in_force(rules: Sequence[Rule], environment: Environment) -> SignalSettings:
    """As :func:`evaluate`, with rules that were read already."""
    return override(chosen(rules, environment), environment)


def chosen(rules: Sequence[Rule], environment: Environment) -> SignalSettings:
    """What the rules alone say, before the app's own overrides."""
    found: dict[str, bool] = {}
    is_custom_rom = environment.is_custom_rom
    for rule in rules:
        if rule.matches(environment.model, is_custom_rom=is_custom_rom):
            found.update(rule.settings)
            if rule.final:
                break
    return SignalSettings(**{_FIELDS[key]: value for key, value in found.items()})


def override(settings: SignalSettings, environment: Environment) -> SignalSettings:
    """The app's own last word: what the device lacks cannot be used."""
    old = environment.api_level < MIN_OWN_CHOICE_API and not environment.is_custom_rom
    return replace(
        settings,
        software_aec=settings.software_aec or old or not environment.has_platform_aec,
        software_ns=settings.software_ns or old or not environment.has_platform_ns,
        in_low_latency=settings.in_low_latency and environment.has_low_latency,
    )


def any_matches(entries: tuple[str, ...], model: str) -> bool:
    """Whether an entry of ``include`` or ``exclude`` names the model.

    ``ABC*`` is a prefix and case-sensitive; anything else is equal or not, ignoring case.
    """
    prefixes, names = _sorted_out(entries)
    return model.startswith(prefixes) or case_key(model) in names


@lru_cache(maxsize=1024)
def _sorted_out(entries: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Prefixes and, without case, whole names."""
    prefixes = tuple(entry[:-1] for entry in entries if entry.endswith("*"))
    return prefixes, frozenset(case_key(entry) for entry in entries if not entry.endswith("*"))


def case_key(text: str) -> str:
    """Equal for texts that Java's ``equalsIgnoreCase`` calls equal: character by character, so
    ``ß`` is never ``SS``."""
    return text.lower() if text.isascii() else "".join(map(_fold, text))


def _fold(char: str) -> str:
    upper = char.upper()
    upper = upper if len(upper) == 1 else char
    lower = upper.lower()
    return lower if len(lower) == 1 else upper


def parse_rules(config: str) -> tuple[Rule, ...] | None:
    """The rules of a published list; ``None`` when the app would discard it or there is none."""
    if not config.strip():
        return None
    try:
        found = json.loads(config)
        return tuple(_rule(entry) for entry in _typed(found, list))
    except (ValueError, RecursionError, _WrongTypeError):
        return None


def _rule(entry: object) -> Rule:
    rule = _typed(entry, dict)
    target = _typed(rule.get("target", {}), dict)
    settings = _typed(rule.get("settings", {}), dict)
    # Only what the app declares as nullable may be null.
    custom = target.get("custom")
    return Rule(
        settings={
            key: _typed(settings[key], bool) for key in _FIELDS if settings.get(key) is not None
        },
        include=_texts(target.get("include", [])),
        exclude=_texts(target.get("exclude", [])),
        custom=None if custom is None else _typed(custom, bool),
        final=_typed(rule.get("final", False), bool),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_typed(text, str) for text in _typed(value, list))


def _typed(value: object, kind: type) -> Any:
    if type(value) is not kind:
        raise _WrongTypeError
    return value
