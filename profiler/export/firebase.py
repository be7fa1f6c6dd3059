"""``firebase``: a Remote Config template. The rule list of Signal's form is one parameter; the
numbers are another one, chosen by a custom signal that the app sets.

Names: Firebase Remote Config REST v1. Remote Config has no condition on the device's model.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiler import __version__
from profiler.export import signal
from profiler.export.choice import one_per
from profiler.export.profiles import Profile, group
from profiler.export.render import JsonValue, comment, compact_json, json_bytes
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported

NAME = "firebase"
TITLE = "Firebase Remote Config template"
OPT_IN = False
LOADED_BY = (
    'remoteConfig.setCustomSignals(customSignals { put("device_model", Build.MODEL) }); '
    'remoteConfig.getString("chirpbench_settings")'
)

TEMPLATE = f"{NAME}/template.json"
RULES = "chirpbench_audio_rules"
SETTINGS_PARAMETER = "chirpbench_settings"
SIGNAL = "device_model"
"""Custom signal: ``Build.MODEL`` on Android, ``utsname.machine`` on iOS."""
MAX_CONDITIONS = 500
"""Of a template (Firebase, parameters and conditions)."""
MAX_MODELS = 100
"""Of one condition. Proposal: no limit is published for the list in an expression."""
MAX_VALUE_CHARS = 900_000
"""Of the settings together: Firebase takes 1 000 000 of all values, and the rules are some."""
COLORS = ("BLUE", "BROWN", "CYAN", "DEEP_ORANGE", "GREEN", "INDIGO", "LIME", "ORANGE", "PINK",
          "PURPLE", "TEAL")  # fmt: skip
NOT_QUOTED = "no condition can quote ', backslash, control characters or nothing"
FULL = (
    f"no room: Firebase takes {MAX_CONDITIONS} conditions and 1 000 000 characters of values; "
    "these models get the rules"
)
MAX_NAMED = 5
"""Models in a line."""
NOT_QUOTABLE = frozenset("'\n\r\\")
"""What a text inside ``'…'`` of an expression cannot hold."""


def export(items: Sequence[Item]) -> Exported:
    """The template: merge it into the project's own before it is published."""
    kept, notes = one_per(items, lambda facts: facts.key.model)
    named = [item for item in kept if is_quotable(item.advice.facts.key.model)]
    odd = [item for item in kept if not is_quotable(item.advice.facts.key.model)]
    profiles, _gaps = group(named, express)
    conditions, values, left = _conditions(profiles)
    gaps = [*_left_out(odd, NOT_QUOTED), *_left_out(left, FULL)]
    template: dict[str, JsonValue] = {
        "conditions": conditions,
        "parameters": {
            RULES: {
                "defaultValue": {"value": _rules(items)},
                "description": "Android: which audio module and effects, rules in order",
                "valueType": "JSON",
            },
            SETTINGS_PARAMETER: {
                "defaultValue": {"useInAppDefault": True},
                "conditionalValues": values,
                "description": f"settings by model, made by chirpbench {__version__}",
                "valueType": "JSON",
            },
        },
    }
    return Exported(
        NAME,
        (ExportFile(TEMPLATE, json_bytes(template)),),
        tuple(gaps),  # every setting keeps its own name, those of a route, too
        tuple(notes),
    )


def is_quotable(model: str) -> bool:
    """Whether a condition can name this model."""
    return bool(model) and not NOT_QUOTABLE & set(model) and model.isprintable()


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's settings under our own names; ``name@route`` for those of a route."""
    return {s.key: s.value for s in item.advice.settings if s.value is not None}, ()


def expression(models: Sequence[str]) -> str:
    """True on a device whose app said that it is one of these."""
    quoted = ", ".join(f"'{model}'" for model in models)
    return f"app.customSignal['{SIGNAL}'].exactlyMatches([{quoted}])"


def _conditions(
    profiles: Sequence[Profile],
) -> tuple[list[JsonValue], dict[str, JsonValue], list[Item]]:
    """Conditions, their values, and the items for which there is no room: the profiles of most
    models come first."""
    made: list[tuple[str, str, str]] = []
    chars, left = 0, list[Item]()
    for profile in sorted(profiles, key=lambda p: (-len(p.items), p.name)):
        models = sorted({item.advice.facts.key.model for item in profile.items})
        parts = [models[i : i + MAX_MODELS] for i in range(0, len(models), MAX_MODELS)]
        value = compact_json(profile.values)
        added = len(parts) * len(value)
        if len(made) + len(parts) > MAX_CONDITIONS or chars + added > MAX_VALUE_CHARS:
            left += profile.items
            continue
        chars += added
        made += [
            (f"chirpbench {profile.name} {number}", expression(part), value)
            for number, part in enumerate(parts, 1)
        ]
    conditions: list[JsonValue] = [
        {"name": name, "expression": text, "tagColor": COLORS[n % len(COLORS)]}
        for n, (name, text, _) in enumerate(sorted(made))
    ]
    return conditions, {name: {"value": value} for name, _, value in sorted(made)}, left


def _rules(items: Sequence[Item]) -> str:
    made = signal.export(items)
    found = next(file for file in made.files if file.name == signal.RULES_FILE)
    return found.content.decode("ascii").strip()


def _left_out(items: Sequence[Item], why: str) -> list[Unsupported]:
    if not items:
        return []
    names = ", ".join(comment(item.advice.facts.key.model)[:40] for item in items[:MAX_NAMED])
    more = f" and {len(items) - MAX_NAMED} more" if len(items) > MAX_NAMED else ""
    return [Unsupported("model", f"{why}: {names}{more}")]
