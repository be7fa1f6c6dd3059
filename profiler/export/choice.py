"""Which items a target is for, and which one wins where a target cannot tell two apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime

from profiler.export.target import Item
from profiler.model import ModelFacts, Platform, SupportLevel

_LEVELS = tuple(SupportLevel)
_NEVER = datetime.min.replace(tzinfo=UTC)


def is_android(facts: ModelFacts) -> bool:
    """Android, or a virtual phone that says it is; never a browser on it."""
    if facts.platform is Platform.WEB:
        return False
    return facts.platform is Platform.ANDROID or facts.api_level is not None


def is_ios(facts: ModelFacts) -> bool:
    """iOS, or a virtual phone without an Android API level."""
    if facts.platform is Platform.VIRTUAL:
        return facts.api_level is None
    return facts.platform is Platform.IOS


def system(facts: ModelFacts) -> str:
    """``android``, ``ios``, ``web`` or ``host``: whose settings a target can take."""
    if facts.platform is Platform.WEB:
        return "web"
    if is_android(facts):
        return "android"
    return "ios" if is_ios(facts) else "host"


def android(items: Sequence[Item]) -> list[Item]:
    """The items of Android models."""
    return [item for item in items if is_android(item.advice.facts)]


def ios(items: Sequence[Item]) -> list[Item]:
    """The items of iOS models."""
    return [item for item in items if is_ios(item.advice.facts)]


def one_per(
    items: Sequence[Item], key: Callable[[ModelFacts], Hashable]
) -> tuple[list[Item], list[str]]:
    """One item for each ``key``, in the order of the items, and a note for every one left out.

    The best supported one wins: nearest level, then newest result, then most runs.
    """
    best: dict[Hashable, Item] = {}
    for item in items:
        group = key(item.advice.facts)
        if group not in best or _rank(item) > _rank(best[group]):
            best[group] = item
    kept = list(best.values())
    chosen = {id(item) for item in kept}
    notes = [
        f"{item.advice.facts.key} is left out: this target cannot tell it from "
        f"{best[key(item.advice.facts)].advice.facts.key}, which is better supported"
        for item in items
        if id(item) not in chosen
    ]
    return kept, notes


def _rank(item: Item) -> tuple[int, datetime, int]:
    advice = item.advice
    return -_LEVELS.index(advice.level), advice.newest_at or _NEVER, advice.runs
