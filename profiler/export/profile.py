"""Chirpbench's own profile: everything a recommendation holds, with where each value is from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files

from profiler import __version__
from profiler.export.origin import origin, proofs, timestamp
from profiler.export.profile_schema import SCHEMA_ID, SCHEMA_VERSION
from profiler.export.render import JsonValue, json_rows
from profiler.export.target import Item
from profiler.model import (
    Budget,
    BudgetPart,
    Exported,
    ExportFile,
    ModelFacts,
    Setting,
    Verification,
)

NAME = "profile"
TITLE = "own profile: every setting with its reason, evidence and confidence (JSON)"
OPT_IN = False
LOADED_BY = 'val profiles = JSONObject(assets.open("profiles.json").reader().readText())'
PROFILES_FILE = "profile/profiles.json"
SCHEMA_FILE = "profile/profile-1.schema.json"


def export(items: Sequence[Item]) -> Exported:
    """All models in one file, with the schema it keeps. Pure."""
    head: dict[str, JsonValue] = {
        "$schema": SCHEMA_ID,
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "use": items[0].advice.use.value if items else None,
        "network": items[0].advice.network if items else None,
    }
    return Exported(
        target=NAME,
        files=(
            ExportFile(PROFILES_FILE, json_rows(head, "profiles", map(_profile, items))),
            ExportFile(SCHEMA_FILE, schema_file()),
        ),
        unsupported=(),
        notes=(),
    )


def schema_file() -> bytes:
    """The published JSON Schema, as the package ships it."""
    return (files("profiler.export") / "data" / "profile-1.json").read_bytes()


def _profile(item: Item) -> JsonValue:
    advice = item.advice
    routes: dict[str, JsonValue] = {
        route: _block(s for s in advice.settings if s.route == route)
        for route in sorted({s.route for s in advice.settings if s.route})
    }
    evidence = dict.fromkeys(uuid for s in advice.settings for uuid in s.trial_uuids)
    return {
        "target": _target(advice.facts),
        "settings": _block(s for s in advice.settings if not s.route),
        "routes": routes,
        "budgets": [_budget(b) for b in advice.budgets],
        "cautions": [{"code": c.code, "text": c.text} for c in advice.cautions],
        "provenance": origin(item),
        "evidence_trials": list(evidence),
        "verified": [_proof(v) for v in proofs(item)],
    }


def _target(facts: ModelFacts) -> JsonValue:
    return {
        "manufacturer": facts.key.manufacturer,
        "model": facts.key.model,
        "marketing_name": facts.marketing_name,
        "soc": facts.key.soc,
        "board": facts.board,
        "os_build": facts.key.os_build,
        "platform": facts.platform.value,
        "os_name": facts.os_name,
        "os_version": facts.os_version,
        "api_level": facts.api_level,
    }


def _block(settings: Iterable[Setting]) -> dict[str, JsonValue]:
    return {s.name: _setting(s) for s in settings}


def _setting(setting: Setting) -> JsonValue:
    return {
        "value": setting.value,
        "default": setting.default,
        "confidence": setting.confidence.value,
        "level": setting.level.value,
        "rule": setting.rule,
        "reason": setting.reason,
        "test_ids": list(setting.test_ids),
        "results": setting.results,
        "ci95": None if setting.ci95 is None else list(setting.ci95),
    }


def _budget(budget: Budget) -> JsonValue:
    return {
        "kind": budget.kind,
        "pipeline": budget.pipeline,
        **_interval(budget.total_ms, budget.low_ms, budget.high_ms, "total_ms"),
        "text": budget.text,
        "parts": [_part(part) for part in budget.parts],
        "goals": [
            {"name": g.name, "limit_ms": g.limit_ms, "feasibility": g.feasibility.value,
             "blame": g.blame}
            for g in budget.goals
        ],
    }  # fmt: skip


def _part(part: BudgetPart) -> JsonValue:
    numbers = _interval(part.ms, part.low_ms, part.high_ms, "ms")
    return {"name": part.name, **numbers, "source": part.source.value}


def _interval(ms: float, low_ms: float, high_ms: float, name: str) -> dict[str, JsonValue]:
    return {name: round(ms, 2), "low_ms": round(low_ms, 2), "high_ms": round(high_ms, 2)}


def _proof(verification: Verification) -> JsonValue:
    return {
        "verification_uuid": verification.verification_uuid,
        "network": verification.network,
        "outcome": verification.outcome.value,
        "sessions": verification.sessions,
        "text": verification.text,
        "stack": dict(sorted(verification.stack.items())),
        "verified_at": timestamp(verification.verified_at),
        "is_virtual": verification.is_virtual,
    }
