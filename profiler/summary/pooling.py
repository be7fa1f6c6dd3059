"""Several results of one test as one: quantities with their intervals, and one verdict."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from profiler.intervals import median_ranks
from profiler.model import (
    KnownResult,
    Quantity,
    SupportLevel,
    TestKnowledge,
    Verdict,
    worst,
)
from profiler.summary.margins import (
    LEVEL_FACTOR,
    OTHER_VERSION_FACTOR,
    cautious_flag,
    floor_sigma,
    within_range,
)
from profiler.summary.relatives import Shelf, system_age

MEASURED = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)
"""Verdicts that say something of the device."""
EFFORT_UNITS = ("1", "min")
"""Units of opens, variants and minutes, which a test also counts when it could not measure."""
MAX_TRIALS = 20
"""Evidence kept of a quantity."""
FLAG_MODELS = 3
"""So many models must agree before a flag holds for a relative of them (proposal)."""
_Z95 = 1.959964
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """What the results of one level say in one test."""

    quantities: tuple[Quantity, ...]
    test: TestKnowledge
    used: tuple[KnownResult, ...]
    """The results that gave the numbers or the verdict, newest first."""

    @property
    def answers(self) -> bool:
        """Whether farther relatives need not be asked: measured, or with numbers that say more
        than how long and how often was tried."""
        return self.test.verdict in MEASURED or any(
            q.unit not in EFFORT_UNITS for q in self.quantities
        )


@dataclass(frozen=True, slots=True)
class _Basis:
    """What quantities from the same results have in common."""

    results: int
    devices: int
    runs: int
    trial_uuids: tuple[str, ...]
    oldest_at: datetime
    newest_at: datetime


def pool(
    shelves: Sequence[Shelf], test_id: str, level: SupportLevel, asked_age: str = ""
) -> Pooled:
    """Every result of ``test_id`` on these shelves, each run of a device once.

    ``asked_age`` is the :func:`~profiler.summary.relatives.system_age` of the model that is asked
    for: builds of one model with another differ more. A result that ended in an error gives
    numbers only where no other does.
    """
    found = [r for shelf in shelves for r in shelf.tests[test_id]]
    if len(shelves) > 1:
        found.sort(key=lambda r: r.recorded_at, reverse=True)
    sound = [r for r in found if r.result.verdict not in (Verdict.ERROR, Verdict.SKIPPED)]
    used = sound or found
    factor = LEVEL_FACTOR.get(level, 0.0)
    if level is SupportLevel.SAME_MODEL and any(
        system_age(shelf.facts) != asked_age for shelf in shelves
    ):
        factor = OTHER_VERSION_FACTOR
    numbers = _quantities(used, test_id, level, factor)
    return Pooled(numbers, _test(found, test_id, level), tuple(used))


def _test(found: Sequence[KnownResult], test_id: str, level: SupportLevel) -> TestKnowledge:
    newest = found[0]
    verdict, reasons = newest.result.verdict, newest.result.reasons
    counts: Mapping[Verdict, int] = {verdict: 1}
    if len(found) > 1:
        counts = Counter(r.result.verdict for r in found)
        said = {v: n for v, n in counts.items() if v in MEASURED} or counts
        verdict = worst(v for v, n in said.items() if n == max(said.values()))
        often = Counter(reason for r in found for reason in r.result.reasons)
        reasons = tuple(sorted(often, key=lambda r: (-often[r], r)))
    return TestKnowledge(
        test_id=test_id,
        level=level,
        verdict=verdict,
        counts={v.value: n for v, n in counts.items()},
        reasons=reasons,
        text=newest.result.text,
        trial_uuids=_trials(found),
        newest_at=newest.recorded_at,
    )


def _trials(found: Sequence[KnownResult]) -> tuple[str, ...]:
    uuids: list[str] = []
    for known in found:
        uuids += known.result.trial_uuids[::-1]
        if len(uuids) >= MAX_TRIALS:
            break
    return tuple(uuids[:MAX_TRIALS])


@dataclass(slots=True)
class _Sample:
    """One quantity over the results that have it."""

    name: str
    unit: str
    values: list[float]
    sigmas: list[float]
    """Where a result gives one."""
    where: list[int]
    """Which results."""


def _samples(found: Sequence[KnownResult]) -> Iterable[_Sample]:
    by_name: dict[str, _Sample] = {}
    for index, known in enumerate(found):
        for number in known.result.measurements:
            if not math.isfinite(number.value):
                continue
            sample = by_name.get(number.name)
            if sample is None:
                sample = by_name[number.name] = _Sample(number.name, number.unit, [], [], [])
            sample.values.append(number.value)
            sample.where.append(index)
            if number.sigma is not None and math.isfinite(number.sigma):
                sample.sigmas.append(number.sigma)
    return by_name.values()


def _quantities(
    found: Sequence[KnownResult], test_id: str, level: SupportLevel, factor: float
) -> tuple[Quantity, ...]:
    if len(found) == 1 and level is SupportLevel.SAME_BUILD:
        return _single(found[0], test_id)
    bases: dict[tuple[int, ...], _Basis] = {}
    made = []
    for sample in _samples(found):
        where = tuple(sample.where)
        basis = bases.get(where)
        if basis is None:
            basis = bases[where] = _basis([found[index] for index in where])
        if level is SupportLevel.SAME_BUILD:
            value, low, high = _own(sample)
        else:
            value, low, high = _inherited(sample, [_owner(found[i], level) for i in where], factor)
        made.append(
            Quantity(
                sample.name, test_id, sample.unit, value, low, high,
                max(sample.values), min(sample.values),
                basis.results, basis.devices, basis.runs, level, basis.trial_uuids,
                basis.oldest_at, basis.newest_at,
            )
        )  # fmt: skip
    return tuple(made)


def _single(known: KnownResult, test_id: str) -> tuple[Quantity, ...]:
    """Of one run: the most frequent case, and the one a bulk export waits for."""
    uuids, at, level = _trials([known]), known.recorded_at, SupportLevel.SAME_BUILD
    made = []
    for number in known.result.measurements:
        name, unit, value, sigma = number.name, number.unit, number.value, number.sigma
        if not math.isfinite(value):
            continue
        low = high = value
        if sigma is not None and math.isfinite(sigma):
            half = _Z95 * sigma
            low, high = within_range(name, unit, (value, value), (value - half, value + half))
        made.append(
            Quantity(
                name, test_id, unit, value, low, high, value, value,
                1, 1, 1, level, uuids, at, at,
            )
        )  # fmt: skip
    return tuple(made)


def _basis(found: Sequence[KnownResult]) -> _Basis:
    return _Basis(
        len(found),
        len({r.device_uid for r in found}),
        len({r.run_uuid for r in found}),
        _trials(found),
        found[-1].recorded_at,
        found[0].recorded_at,
    )


def _owner(known: KnownResult, level: SupportLevel) -> Hashable:
    """What differs between relatives of a level: builds of a model, or models."""
    key = known.facts.key
    if level is SupportLevel.SAME_MODEL:
        return key.os_build
    return key.manufacturer, key.model, key.soc


def _inherited(
    sample: _Sample, owners: Sequence[Hashable], factor: float
) -> tuple[float, float, float]:
    """Median of the relatives' medians, and where a relative of them lies with 95 %."""
    by_owner: dict[Hashable, list[float]] = {}
    for value, owner in zip(sample.values, owners, strict=True):
        by_owner.setdefault(owner, []).append(value)
    medians = [_median(sample.name, sorted(values)) for values in by_owner.values()]
    value = _median(sample.name, sorted(medians))
    least, most = min(sample.values), max(sample.values)
    if cautious_flag(sample.name) is not None:
        agree = least == most and len(medians) >= FLAG_MODELS
        return (value, least, most) if agree else (value, min(least, 0.0), max(most, 1.0))
    between = statistics.stdev(medians) if len(medians) > 1 else 0.0
    between = max(between, floor_sigma(sample.name, sample.unit, value, factor))
    half = _Z95 * math.hypot(between * math.sqrt(1.0 + 1.0 / len(medians)), _sigma(sample))
    return value, *within_range(
        sample.name, sample.unit, (least, most), (value - half, value + half)
    )


def _own(sample: _Sample) -> tuple[float, float, float]:
    """Of the model's own results: order statistics from six on, else their range and their σ."""
    ordered = sorted(sample.values)
    value = _median(sample.name, ordered)
    rank = _rank(len(ordered))
    if rank:
        return value, ordered[rank - 1], ordered[-rank]
    half = _Z95 * _sigma(sample)
    if not half:
        return value, ordered[0], ordered[-1]
    return value, *within_range(
        sample.name, sample.unit, (ordered[0], ordered[-1]), (value - half, value + half)
    )


@lru_cache(maxsize=1024)
def _rank(count: int) -> int:
    return median_ranks(count) or 0


def _sigma(sample: _Sample) -> float:
    """Typical 1σ of one result; 0 when the test gives none."""
    return statistics.median(sample.sigmas) if sample.sigmas else 0.0


def _median(name: str, ordered: Sequence[float]) -> float:
    """The middle; of a flag's two middles the cautious one, of other quantities their mean."""
    upper = len(ordered) // 2
    lower = (len(ordered) - 1) // 2
    flag = cautious_flag(name)
    if flag is not None:
        return ordered[upper] if flag else ordered[lower]
    return ordered[upper] if upper == lower else 0.5 * (ordered[lower] + ordered[upper])
