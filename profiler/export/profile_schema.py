"""The JSON Schema of the own profile, made from the list of settings.

``tools/export_docs.py`` writes it to ``docs/schema/`` and to the package's data.
"""

from __future__ import annotations

from typing import Any

from profiler.model import (
    ROUTES,
    SETTINGS,
    Confidence,
    Feasibility,
    PartSource,
    Platform,
    SettingKind,
    SupportLevel,
    UseCase,
)

SCHEMA_VERSION = 1
SCHEMA_ID = "urn:chirpbench:profile:1"
_TYPES = {"bool": "boolean", "int": "integer", "float": "number", "str": "string"}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}
_MOMENT = {"type": ["string", "null"], "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$"}


def profile_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of ``profiles.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "chirpbench audio profiles",
        "description": "Audio settings per phone model, with where each value is from. Units are "
        "in the names; a value of null leaves the setting to the system.",
        **_object(
            {
                "$schema": {"const": SCHEMA_ID},
                "schema_version": {"const": SCHEMA_VERSION},
                "tool_version": _TEXT,
                "use": {"enum": [*(use.value for use in UseCase), None]},
                "network": {"type": ["string", "null"]},
                "profiles": {"type": "array", "items": {"$ref": "#/$defs/profile"}},
            }
        ),
        "$defs": {
            "profile": _profile(),
            "block": {
                "type": "object",
                "properties": {name: _setting(kind) for name, kind in SETTINGS.items()},
                "additionalProperties": False,
            },
            "budget": _budget(),
            "provenance": _provenance(),
            "proof": _proof(),
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _enum(words: Any) -> dict[str, Any]:
    return {"enum": [word.value for word in words]}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _profile() -> dict[str, Any]:
    block = {"$ref": "#/$defs/block"}
    names = ("manufacturer", "model", "marketing_name", "soc", "board", "os_build")
    return _object(
        {
            "target": _object(
                {
                    **dict.fromkeys(names, _TEXT),
                    "platform": _enum(Platform),
                    "os_name": _TEXT,
                    "os_version": _TEXT,
                    "api_level": {"type": ["integer", "null"]},
                }
            ),
            "settings": block,
            "routes": {
                "type": "object",
                "properties": dict.fromkeys(ROUTES, block),
                "additionalProperties": False,
            },
            "budgets": _list({"$ref": "#/$defs/budget"}),
            "cautions": _list(_object({"code": _TEXT, "text": _TEXT})),
            "provenance": {"$ref": "#/$defs/provenance"},
            "evidence_trials": _list(_TEXT),
            "verified": _list({"$ref": "#/$defs/proof"}),
        }
    )


def _value(kind: SettingKind) -> dict[str, Any]:
    if kind.type == "str":
        return {"enum": [*kind.allowed, None]}
    value: dict[str, Any] = {"type": [_TYPES[kind.type], "null"]}
    for word, limit in (("minimum", kind.low), ("maximum", kind.high)):
        if limit is not None:
            value[word] = int(limit) if kind.type == "int" else limit
    return value


def _setting(kind: SettingKind) -> dict[str, Any]:
    value = _value(kind)
    return {
        "description": kind.text,
        **_object(
            {
                "value": value,
                "default": value,
                "confidence": _enum(Confidence),
                "level": _enum(SupportLevel),
                "rule": _TEXT,
                "reason": _TEXT,
                "test_ids": _list(_TEXT),
                "results": _COUNT,
                "ci95": {
                    "type": ["array", "null"], "items": _NUMBER, "minItems": 2, "maxItems": 2,
                },
            }
        ),
    }  # fmt: skip


def _budget() -> dict[str, Any]:
    numbers = dict.fromkeys(("low_ms", "high_ms"), _NUMBER)
    return _object(
        {
            "kind": _TEXT,
            "pipeline": _TEXT,
            "total_ms": _NUMBER,
            **numbers,
            "text": _TEXT,
            "parts": _list(
                _object({"name": _TEXT, "ms": _NUMBER, **numbers, "source": _enum(PartSource)})
            ),
            "goals": _list(
                _object(
                    {
                        "name": _TEXT,
                        "limit_ms": _NUMBER,
                        "feasibility": _enum(Feasibility),
                        "blame": _TEXT,
                    }
                )
            ),
        }
    )


def _provenance() -> dict[str, Any]:
    return _object(
        {
            "level": _enum(SupportLevel),
            "inherited": {"type": "boolean"},
            "confidence": _enum(Confidence),
            "devices": _COUNT,
            "runs": _COUNT,
            "oldest_at": _MOMENT,
            "newest_at": _MOMENT,
            "expires_at": _MOMENT,
            "os_builds": _list(_TEXT),
            "tool_versions": _list(_TEXT),
            "probe_versions": _list(_TEXT),
            "marks": _list({"enum": ["virtual", "emulator", "custom_rom", "stale"]}),
            "verified": {"type": "boolean"},
            "advice_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        }
    )


def _proof() -> dict[str, Any]:
    return _object(
        {
            "verification_uuid": _TEXT,
            "network": _TEXT,
            "outcome": {"enum": ["better", "same"]},
            "sessions": _COUNT,
            "text": _TEXT,
            "stack": {"type": "object", "additionalProperties": _TEXT},
            "verified_at": _MOMENT,
            "is_virtual": {"type": "boolean"},
        }
    )
