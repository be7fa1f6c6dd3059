"""Settings as profiles: what several models share is written once, an index says which model has
which profile and where its numbers come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from profiler import __version__
from profiler.export.origin import origin
from profiler.export.render import JsonValue, compact_json
from profiler.export.target import Item
from profiler.model import Advice, ModelFacts, Unsupported

SCHEMA_VERSION = 1
"""Of the index."""

_LISTED = ("profiles", "models")
Values = Mapping[str, JsonValue]
Express = Callable[[Item], tuple[Values, tuple[Unsupported, ...]]]
"""One model's settings in a target's words, and the values it has no word for."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings in a target's words with the models that have exactly them."""

    name: str
    """``p-`` and a digest of the values: equal values, equal name, in every export."""
    values: Values
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Reads settings of an advice by their type.

    Each method raises :class:`ValueError` when the setting holds another type: a mistake in the
    rule table.
    """

    advice: Advice
    route: str = ""
    """Settings of this route, or else everywhere."""

    def integer(self, name: str) -> int | None:
        """A whole number; ``None`` = left to the system."""
        value = self.advice.value(name, self.route)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise ValueError(f"{name} is no whole number: {value!r}")

    def number(self, name: str) -> float | None:
        """A number; ``None`` = left to the system."""
        value = self.advice.value(name, self.route)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise ValueError(f"{name} is no number: {value!r}")

    def flag(self, name: str) -> bool | None:
        """Yes or no; ``None`` = left to the system."""
        value = self.advice.value(name, self.route)
        if value is None or isinstance(value, bool):
            return value
        raise ValueError(f"{name} is neither yes nor no: {value!r}")

    def text(self, name: str) -> str | None:
        """A word; ``None`` = left to the system."""
        value = self.advice.value(name, self.route)
        if value is None or isinstance(value, str):
            return value
        raise ValueError(f"{name} is no word: {value!r}")


def group(
    items: Sequence[Item], express: Express
) -> tuple[tuple[Profile, ...], tuple[Unsupported, ...]]:
    """The profiles of ``items`` sorted by name, and every value that could not be expressed."""
    values: dict[str, Values] = {}
    members: dict[str, list[Item]] = {}
    gaps: dict[Unsupported, None] = {}
    for item in items:
        made, missing = express(item)
        name = f"p-{hashlib.sha256(compact_json(made).encode()).hexdigest()[:12]}"
        values[name] = made
        members.setdefault(name, []).append(item)
        gaps.update(dict.fromkeys(missing))
    profiles = tuple(Profile(n, values[n], tuple(members[n])) for n in sorted(values))
    return profiles, tuple(sorted(gaps, key=lambda gap: (gap.setting, gap.why)))


def model_row(facts: ModelFacts) -> dict[str, JsonValue]:
    """What tells a model from the others."""
    return {
        "manufacturer": facts.key.manufacturer,
        "model": facts.key.model,
        "soc": facts.key.soc,
        "os_build": facts.key.os_build,
    }


def index(
    target: str, items: Sequence[Item], profiles: Sequence[Profile], **more: JsonValue
) -> dict[str, JsonValue]:
    """The index of a target. ``more`` comes before the profiles."""
    advice = items[0].advice if items else None
    of = {id(item): profile.name for profile in profiles for item in profile.items}
    return {
        "format": f"chirpbench.{target}",
        "schema_version": SCHEMA_VERSION,
        "made_by": f"chirpbench {__version__}",
        "use": advice.use.value if advice else None,
        "network": advice.network if advice else None,
        **more,
        "profiles": {profile.name: dict(profile.values) for profile in profiles},
        "models": [
            {
                **model_row(item.advice.facts),
                "profile": of[id(item)],
                "origin": origin(item),
            }
            for item in items
            if id(item) in of
        ],
    }


def index_bytes(index: Mapping[str, JsonValue]) -> bytes:
    """An index as JSON, a line a profile and a line a model: fast for thousands of models, and a
    line by line difference shows which of them changed."""
    lines = [f'"{name}": {_line(value)}' for name, value in index.items() if name not in _LISTED]
    profiles, models = index["profiles"], index["models"]
    assert isinstance(profiles, Mapping)
    assert isinstance(models, list)
    body = ",\n".join(f' "{name}": {_line(values)}' for name, values in profiles.items())
    rows = ",\n".join(f" {_line(row)}" for row in models)
    lines += [f'"profiles": {{\n{body}\n}}', f'"models": [\n{rows}\n]']
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def without_none(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """``values`` without those that are left to the system."""
    return {name: value for name, value in values.items() if value is not None}


def _line(value: JsonValue) -> str:
    return json.dumps(value, allow_nan=False)
