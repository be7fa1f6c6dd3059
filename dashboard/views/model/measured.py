"""Numbers of tests by variant, from stored results: ``erle_db[volume=0.75]`` and its like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from profiler.model import KnownResult, ModelKey, Verdict

_NAME = re.compile(r"(?P<base>[a-z0-9_]+)\[(?P<variant>[^\[\]]*)\]\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """One number of one result."""

    base: str
    variant: dict[str, str]
    """``volume`` → ``0.75``; empty for a plain name."""
    value: float
    sigma: float | None
    run_uuid: str
    recorded_at: datetime
    age: int
    """0 = of the newest result of the test."""


def own_results(results: Iterable[KnownResult], key: ModelKey, test_id: str) -> list[KnownResult]:
    """Results of one test on one build, the newest first."""
    mine = [r for r in results if r.facts.key == key and r.result.test_id == test_id]
    return sorted(mine, key=lambda r: r.recorded_at, reverse=True)


def numbers(results: Sequence[KnownResult], *bases: str) -> Iterator[Found]:
    """The numbers with these names, of every result, the newest first."""
    for age, known in enumerate(results):
        for measurement in known.result.measurements:
            base, variant = split(measurement.name)
            if base in bases:
                yield Found(
                    base, variant, measurement.value, measurement.sigma, known.run_uuid,
                    known.recorded_at, age,
                )  # fmt: skip


def split(name: str) -> tuple[str, dict[str, str]]:
    """``a[b=1,c=2]`` → ``("a", {"b": "1", "c": "2"})``."""
    found = _NAME.match(name)
    if found is None:
        return name, {}
    pairs = (part.partition("=") for part in found["variant"].split(","))
    return found["base"], {left: right for left, _, right in pairs}


def newest_verdict(results: Sequence[KnownResult]) -> Verdict | None:
    """Of the newest result."""
    return results[0].result.verdict if results else None


def volume_words(label: str) -> str:
    """``75 %``, ``as found``."""
    try:
        return f"{100 * float(label):.0f} %"
    except ValueError:
        return "as found"


def volume_order(label: str) -> float:
    """Quiet to loud, the volume as found first."""
    try:
        return float(label)
    except ValueError:
        return -1.0
