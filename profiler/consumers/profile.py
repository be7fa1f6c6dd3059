"""``jsonschema`` (MIT) holds the profiles against the schema that this version of chirpbench
publishes: the copy in the folder could have been changed with them."""

from __future__ import annotations

import itertools
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import parse_json, read_json, read_text, typed
from profiler.consumers.manifest import settings, who
from profiler.model import ConsumerCheck

TARGET = "profile"
FILE = "profile/profiles.json"
SCHEMA = "profile/profile-1.schema.json"
INSTALL = "pip install 'chirpbench[export]'"
PUBLISHED = "export/data/profile-1.json"
"""In the package."""
MAX_ERRORS = 3


def check(folder: Path) -> list[ConsumerCheck]:
    """Validate, then compare every value with the manifest."""
    try:
        import jsonschema  # noqa: PLC0415 - an extra
    except ImportError:
        return [unavailable(TARGET, "jsonschema", INSTALL)]
    compared = Comparison(TARGET, f"jsonschema {metadata.version('jsonschema')}")
    published = (resources.files("profiler") / PUBLISHED).read_text(encoding="utf-8")
    validator = jsonschema.Draft202012Validator(parse_json(published, PUBLISHED))
    try:
        data = typed(read_json(folder, FILE), dict, FILE)
        for error in itertools.islice(validator.iter_errors(data), MAX_ERRORS):
            compared.true(f"{FILE} {error.json_path}: {error.message[:120]}", False)
        if compared.wrong:
            return [compared.result("")]
        compared.true(f"{SCHEMA} is not the published one", read_text(folder, SCHEMA) == published)
        count = _compare(compared, folder, data)
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    return [compared.result(f"{count} profiles valid, every value as in the manifest")]


def _compare(compared: Comparison, folder: Path, data: Any) -> int:
    known = settings(folder)
    profiles = typed(data.get("profiles"), list, f"{FILE}: profiles")
    compared.same("number of profiles", len(known), len(profiles))
    for number, profile in enumerate(profiles, 1):
        what = f"{FILE}: profile {number}"
        model = who(typed(typed(profile, dict, what).get("target"), dict, what), what)
        got = dict(_values("", profile.get("settings"), what))
        for route, block in typed(profile.get("routes", {}), dict, what).items():
            got |= dict(_values(f"@{route}", block, what))
        for key, value in known.get(model, {}).items():
            compared.same(f"{model[1]!r}: {key}", value, got.get(key))
        compared.same(f"{model[1]!r}: its settings", sorted(known.get(model, {})), sorted(got))
    return len(profiles)


def _values(route: str, block: Any, what: str) -> list[tuple[str, Any]]:
    return [
        (f"{name}{route}", typed(entry, dict, f"{what}: {name}").get("value"))
        for name, entry in typed(block, dict, what).items()
    ]
