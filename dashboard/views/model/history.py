"""Latency over OS builds and runs, and where it changed: two plain rules with a test behind each.

Between builds: :func:`profiler.summary.compare` of the opens of two consecutive builds (where one
has changes of its own, of the parts that meet); a change
is ``better`` or ``worse`` (the 95 % interval of the shift excludes 0, and the shift is at least
its margin). Within a build: Pettitt's test (A. N. Pettitt 1979, "A non-parametric approach to the
change-point problem", Applied Statistics 28) on the medians of its runs, each device against its
own middle; p from permutations of the ranks, because the published approximation is for long
series. Runs, not opens, are counted there: opens of one run share a day, a temperature and a
place on the bench, and would prove anything. What the test finds is a change only when ``compare``
of the opens on both sides agrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np

from dashboard.views.sessions import sessions
from db.points import LatencyPoint
from profiler.intervals import median_interval
from profiler.model import Comparison, Difference
from profiler.summary import MARGIN_MS, compare

ENOUGH_RUNS = 8
"""With seven even a perfect step has p > 0.05: 2·3!·4!/7! for each of its two best places."""
SIGNIFICANT = 0.05
PERMUTATIONS = 9_999
"""p is known to ±0.004 at 0.05 (95 %)."""
MAX_RUNS = 400
"""The newest of a build: more would make the permutations slow and say nothing new."""
MAX_CHANGES = 8
"""Within one build; a series with more is no sequence of steps."""


@dataclass(frozen=True, slots=True)
class RunPoint:
    """The opens of one run on one path."""

    run_uuid: str
    device_uid: str
    os_build: str
    at: datetime
    """Of its first open."""
    opens: int
    rejected: int
    median_ms: float | None
    low_ms: float | None
    """95 % interval of the median; of fewer than six opens their range."""
    high_ms: float | None
    is_interval: bool


@dataclass(frozen=True, slots=True)
class BuildSpan:
    """One OS build, or a part of it between two changes: when it was measured, and its median."""

    os_build: str
    first_at: datetime
    last_at: datetime
    runs: int
    opens: int
    median_ms: float | None
    ci95_ms: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the latency that the rules call one."""

    at: datetime
    """Of the first run after it."""
    shift_ms: float
    """After minus before: positive = slower."""
    ci95_ms: tuple[float, float]
    p_value: float | None
    """Mann-Whitney between builds, Pettitt within one."""
    between_builds: bool
    before: str
    """Build before it."""
    after: str
    runs_before: int
    runs_after: int
    same_devices: bool
    """A device was measured on both sides: what changed is not only the unit."""

    @property
    def slower(self) -> bool:
        """Whether it got worse."""
        return self.shift_ms > 0


@dataclass(frozen=True, slots=True)
class History:
    """Everything the picture over time shows."""

    points: tuple[LatencyPoint, ...]
    runs: tuple[RunPoint, ...]
    builds: tuple[BuildSpan, ...]
    """Oldest first; a build with a change in it is several."""
    changes: tuple[Change, ...]


def history(points: Iterable[LatencyPoint]) -> History:
    """Of the opens of one model on one path and rate, of one kind (real or virtual)."""
    ordered = sorted(points, key=lambda p: (p.started_at, p.trial_uuid))
    by_build: defaultdict[str, list[LatencyPoint]] = defaultdict(list)
    for point in ordered:
        by_build[point.key.os_build].append(point)
    builds = sorted(by_build.values(), key=lambda group: group[0].started_at)
    changes: list[Change] = []
    spans: list[list[LatencyPoint]] = []
    for group in builds:
        found, parts = within(group)
        if spans and (change := _between(spans[-1], parts[0])):
            changes.append(change)
        changes += found
        spans += parts
    return History(
        tuple(ordered),
        tuple(run for group in builds for run in runs_of(group)),
        tuple(map(_span, spans)),
        tuple(sorted(changes, key=lambda c: c.at)),
    )


def runs_of(points: Sequence[LatencyPoint]) -> list[RunPoint]:
    """Run by run, oldest first."""
    by_run: defaultdict[str, list[LatencyPoint]] = defaultdict(list)
    for point in points:
        by_run[point.run_uuid].append(point)
    return [_run(group) for group in by_run.values()]


def _run(group: Sequence[LatencyPoint]) -> RunPoint:
    values = sorted(p.latency_ms for p in group if p.latency_ms is not None)
    interval = median_interval(values)
    low, high = interval or ((values[0], values[-1]) if values else (None, None))
    first = group[0]
    return RunPoint(
        first.run_uuid, first.device_uid, first.key.os_build, first.started_at, len(group),
        len(group) - len(values), float(np.median(values)) if values else None, low, high,
        interval is not None,
    )  # fmt: skip


def _span(group: Sequence[LatencyPoint]) -> BuildSpan:
    values = [p.latency_ms for p in group if p.latency_ms is not None]
    return BuildSpan(
        group[0].key.os_build, group[0].started_at, group[-1].started_at,
        len({p.run_uuid for p in group}), len(values),
        float(np.median(values)) if values else None, median_interval(values),
    )  # fmt: skip


# --- changes ------------------------------------------------------------------------------------


def _between(old: Sequence[LatencyPoint], new: Sequence[LatencyPoint]) -> Change | None:
    return _change(old, new, compare(sessions(new), sessions(old)), None, between=True)


def within(group: Sequence[LatencyPoint]) -> tuple[list[Change], list[list[LatencyPoint]]]:
    """Changes between the runs of one build, and the stretches between them, oldest first.

    The likeliest step cuts first, then both parts are looked at again; the size of each step is
    that between the stretches that meet there in the end.
    """
    steps: dict[str, float] = {}
    done: list[list[LatencyPoint]] = []
    parts = [list(group)]
    while parts:
        part = parts.pop()
        cut = _cut(part) if len(steps) < MAX_CHANGES else None
        if cut is None or not _differ(cut[0], cut[1]):
            done.append(part)
            continue
        old, new, p_value = cut
        steps[new[0].trial_uuid] = p_value
        parts += [old, new]
    done.sort(key=lambda part: (part[0].started_at, part[0].trial_uuid))
    found: list[Change] = []
    stretches = done[:1]
    for part in done[1:]:
        said = compare(sessions(part), sessions(stretches[-1]))
        step = steps.get(part[0].trial_uuid)
        change = _change(stretches[-1], part, said, step, between=False)
        if change is None:  # what looked like a step beside a larger one is none alone
            stretches[-1] = [*stretches[-1], *part]
        else:
            found.append(change)
            stretches.append(part)
    return found, stretches


def _differ(old: Sequence[LatencyPoint], new: Sequence[LatencyPoint]) -> bool:
    said = compare(sessions(new), sessions(old))
    return said.difference in (Difference.BETTER, Difference.WORSE)


def _cut(
    part: Sequence[LatencyPoint],
) -> tuple[list[LatencyPoint], list[LatencyPoint], float] | None:
    """The two sides of the likeliest step, and p; ``None`` when there is none to believe."""
    measured = [run for run in runs_of(part) if run.median_ms is not None][-MAX_RUNS:]
    if len(measured) < ENOUGH_RUNS:
        return None
    place, p_value = pettitt(_levelled(measured))
    if p_value >= SIGNIFICANT:
        return None
    first = {run.run_uuid for run in measured[:place]}
    old = [p for p in part if p.run_uuid in first]
    return old, [p for p in part if p.run_uuid not in first], p_value


def _levelled(runs: Sequence[RunPoint]) -> list[float]:
    """Each device against its own middle, so that a second unit is no step of the first."""
    by_device: defaultdict[str, list[float]] = defaultdict(list)
    for run in runs:
        by_device[run.device_uid].append(run.median_ms or 0.0)
    middles = {uid: float(np.median(values)) for uid, values in by_device.items()}
    return [(run.median_ms or 0.0) - middles[run.device_uid] for run in runs]


def pettitt(values: Sequence[float]) -> tuple[int, float]:
    """(how many values lie before the likeliest change, p of no change at all).

    K = max |U_t| with U_t = 2·ΣR_i - t·(n + 1) over the first t ranks; ties share their rank. p is
    the share of permutations of these ranks with a K at least as large (Monte Carlo with a fixed
    seed: the same series has the same p).
    """
    from scipy.stats import rankdata  # noqa: PLC0415 - half a second that a short history need not wait

    ranks = np.asarray(rankdata(values), dtype=np.float64)
    statistic = _walk(ranks[None, :])[0]
    place = int(np.argmax(np.abs(statistic))) + 1
    reached = float(np.max(np.abs(statistic)))
    null = _null(tuple(np.sort(ranks)))
    above = int(np.count_nonzero(null >= reached - 1e-9))
    return place, (above + 1) / (PERMUTATIONS + 1)


def _walk(
    ranks: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    count = ranks.shape[1]
    steps = np.arange(1, count) * (count + 1)
    return np.asarray(2.0 * np.cumsum(ranks, axis=1)[:, :-1] - steps, dtype=np.float64)


@lru_cache(maxsize=64)
def _null(ranks: tuple[float, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    dice = np.random.default_rng(1979)
    shuffled = dice.permuted(np.tile(np.asarray(ranks), (PERMUTATIONS, 1)), axis=1)
    return np.asarray(np.abs(_walk(shuffled)).max(axis=1), dtype=np.float64)


def _change(
    old: Sequence[LatencyPoint],
    new: Sequence[LatencyPoint],
    found: Comparison,
    p_value: float | None,
    *,
    between: bool,
) -> Change | None:
    certain = found.difference in (Difference.BETTER, Difference.WORSE)
    if not certain or found.shift_ms is None or found.ci95_ms is None:
        return None
    devices = [{p.device_uid for p in side if p.latency_ms is not None} for side in (old, new)]
    return Change(
        at=new[0].started_at,
        shift_ms=found.shift_ms,
        ci95_ms=found.ci95_ms,
        p_value=found.p_value if between else p_value,
        between_builds=between,
        before=old[0].key.os_build,
        after=new[0].key.os_build,
        runs_before=len({p.run_uuid for p in old}),
        runs_after=len({p.run_uuid for p in new}),
        same_devices=bool(devices[0] & devices[1]),
    )


RULE = (
    "**Change points.** Between two OS builds: the opens of both (the parts that meet, where a "
    "build changed within itself) are compared as on the *Compare* "
    f"page (Hodges-Lehmann shift; its 95 % interval excludes 0, at least {MARGIN_MS:g} ms). Within "
    f"a build with {ENOUGH_RUNS} runs or more: Pettitt's rank test on the runs' medians, each "
    f"device against its own middle, p < {SIGNIFICANT:g} by {PERMUTATIONS:,} permutations, and the "
    "same comparison of the opens before and after. Runs that are few, or on other devices, say "
    "less: then the unit or the day may have changed, not the build."
)
