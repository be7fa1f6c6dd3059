"""``openai`` (Apache-2.0): its own types of a Realtime session, made from OpenAI's published
interface, take every fragment. The service is not asked."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_index, typed
from profiler.model import ConsumerCheck

TARGET = "openai_realtime"
FILE = "openai_realtime/sessions.json"
INSTALL = "pip install 'chirpbench[consumers]'"
RANGES = {
    "threshold": (0.0, 1.0), "prefix_padding_ms": (0, 60_000), "silence_duration_ms": (0, 60_000),
}  # fmt: skip
"""The types hold no ranges: of the documentation, in ms proposals."""


def check(folder: Path) -> list[ConsumerCheck]:
    """Validate every fragment; a name the types do not know is wrong."""
    if importlib.util.find_spec("openai") is None:
        return [unavailable(TARGET, "openai", INSTALL)]
    import pydantic  # noqa: PLC0415 - comes with the extra, too
    from openai.types.realtime import RealtimeSessionCreateRequest  # noqa: PLC0415 - an extra

    compared = Comparison(TARGET, f"openai {metadata.version('openai')}, Realtime session types")
    try:
        profiles = read_index(folder, FILE).profiles
        fragments = dict(_fragments(profiles))
        for name, fragment in fragments.items():
            session = RealtimeSessionCreateRequest.model_validate(fragment, strict=True)
            _compare(compared, name, fragment, session)
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    except pydantic.ValidationError as exc:
        return [rejected(TARGET, compared.consumer, " ".join(str(exc).split())[:300])]
    return [compared.result(
        f"{len(fragments)} fragments validated, every name known; the service is not asked"
    )]  # fmt: skip


def _fragments(profiles: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, values in profiles.items():
        yield name, typed(values.get("session"), dict, f"{FILE}: {name}: session")
        for route, fragment in typed(values.get("routes"), dict, f"{FILE}: {name}: routes").items():
            yield f"{name} {route}", typed(fragment, dict, f"{FILE}: {name}: {route}")


def _compare(compared: Comparison, where: str, given: Any, made: Any) -> None:
    """Every name of ``given`` is a field of the type, with the value it was given."""
    known = type(made).model_fields if hasattr(type(made), "model_fields") else {}
    for key, value in given.items():
        place = f"{where}.{key}"
        compared.true(f"{place}: the session has no such field", key in known)
        if key not in known:
            continue
        if isinstance(value, dict):
            _compare(compared, place, value, getattr(made, key))
            continue
        compared.same(place, value, getattr(made, key))
        if key in RANGES and isinstance(value, int | float):
            low, high = RANGES[key]
            compared.true(f"{place} is {value}, not {low} to {high}", low <= value <= high)
