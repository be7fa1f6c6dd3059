"""``firebase-remote-config`` (Apache-2.0): its models take the template, its parser the conditions.

The server itself is not asked: it would publish the template.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

from profiler.consumers import signal
from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import parse_json, read_json, typed
from profiler.consumers.manifest import settings
from profiler.model import ConsumerCheck

TARGET = "firebase"
FILE = "firebase/template.json"
INSTALL = "pip install 'chirpbench[consumers]'"
RULES = "chirpbench_audio_rules"
SETTINGS = "chirpbench_settings"
SIGNAL = "device_model"
MAX_CONDITIONS = 500
"""Of a template (Firebase)."""
MAX_MODELS = 100
"""Of one condition, as the export has them."""
MAX_CHARS = 900_000
"""Of the settings together, as the export has them: Firebase takes 1 000 000 of all values."""


def check(folder: Path) -> list[ConsumerCheck]:
    """Read the template and choose values as the server would."""
    if importlib.util.find_spec("firebase_remote_config") is None:
        return [unavailable(TARGET, "firebase-remote-config", INSTALL)]
    import pydantic  # noqa: PLC0415 - comes with the extra, too
    from firebase_remote_config import RemoteConfigTemplate  # noqa: PLC0415 - an extra

    version = metadata.version("firebase-remote-config")
    compared = Comparison(TARGET, f"firebase-remote-config {version}")
    try:
        data = typed(read_json(folder, FILE), dict, FILE)
        template = RemoteConfigTemplate.model_validate(data)
        _compare(compared, folder, template)
    except (Unreadable, pydantic.ValidationError) as exc:
        return [rejected(TARGET, compared.consumer, " ".join(str(exc).split())[:300])]
    return [compared.result(
        f"template read, {len(template.conditions)} conditions parsed, the value that each model "
        "gets as in the manifest; the server is not asked"
    )]  # fmt: skip


def _compare(compared: Comparison, folder: Path, template: Any) -> None:
    parameters = template.parameters or {}
    for name in (RULES, SETTINGS):
        is_json = name in parameters and parameters[name].valueType.value == "JSON"
        compared.true(f"there is no parameter {name} of type JSON", is_json)
    if compared.wrong:
        return
    rules = parameters[RULES].defaultValue
    text = (rules.value if rules else None) or ""
    compared.checked += len(signal.read_rules(parse_json(text, f"{FILE}: {RULES}")))
    chosen = parameters[SETTINGS].conditionalValues or {}
    named = {condition.name for condition in template.conditions}
    compared.same("conditions with a value", sorted(named), sorted(chosen))
    compared.true("a condition is there twice", len(named) == len(template.conditions))
    compared.true(f"{len(named)} conditions", len(named) <= MAX_CONDITIONS)
    if compared.wrong:
        return
    got = _by_model(template.conditions, chosen)
    known: dict[str, list[dict[str, Any]]] = {}
    for (_, model, _, _), values in settings(folder).items():
        known.setdefault(model, []).append({k: v for k, v in values.items() if v is not None})
    for model, values in got.items():
        # Models that a name cannot tell apart share one; it is that of one of them.
        is_one = values in known.get(model, [])
        compared.true(f"{model!r} gets settings that are no model's of this name", is_one)
    missing = [m for m in known if m not in got and _can_be_quoted(m)]
    chars = sum(len(value.value or "") for value in chosen.values())
    for value, count in Counter(_compact(known[model][0]) for model in missing).items():
        # A template that is full leaves models out, and the export says so.
        parts = math.ceil(count / MAX_MODELS)
        is_full = len(named) + parts > MAX_CONDITIONS or chars + parts * len(value) > MAX_CHARS
        compared.true(f"{missing[0]!r} is in no condition, and there is room", is_full)


def _compact(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _by_model(conditions: Any, chosen: Any) -> dict[str, Any]:
    """Model to its value. The first condition in the list wins."""
    import pyparsing  # noqa: PLC0415 - comes with the extra
    from firebase_remote_config.conditions.parser import ConditionParser  # noqa: PLC0415

    parser, got = ConditionParser(), dict[str, Any]()
    for condition in conditions:
        # Others reach code of the parser that fails in its own ways.
        if not condition.expression.startswith(f"app.customSignal['{SIGNAL}'].exactlyMatches(["):
            raise Unreadable(f"condition {condition.name!r} is {condition.expression[:80]!r}")
        try:
            parts = parser.parse(condition.expression).conditions
        except pyparsing.ParseBaseException as exc:
            raise Unreadable(f"condition {condition.name!r}: {str(exc)[:200]}") from exc
        if len(parts) != 1:
            raise Unreadable(f"condition {condition.name!r} asks for more than {SIGNAL}")
        value = parse_json(chosen[condition.name].value or "", f"{FILE}: {condition.name}")
        for model in parts[0].values:
            got.setdefault(model, value)
    return got


def _can_be_quoted(model: str) -> bool:
    return bool(model) and model.isprintable() and not set(model) & set("'\\")
