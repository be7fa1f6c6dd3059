"""One summary per model key, path and rate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from profiler.intervals import median_interval
from profiler.model import AudioPath, ModelKey, ModelSummary, SessionRow, worst
from profiler.summary import spread

_Group = tuple[ModelKey, AudioPath, int, bool]


def summarise(sessions: Iterable[SessionRow]) -> list[ModelSummary]:
    """One summary per model key, path and requested rate, sorted by model and path.

    Virtual and real devices are never in one summary.
    """
    groups: defaultdict[_Group, list[SessionRow]] = defaultdict(list)
    for row in sessions:
        groups[row.model_key, row.path, row.rate_hz, row.is_virtual].append(row)
    found = [_summary(group, rows) for group, rows in groups.items()]
    return sorted(found, key=lambda s: (str(s.model_key), str(s.path), s.rate_hz, s.is_virtual))


def _summary(group: _Group, rows: Sequence[SessionRow]) -> ModelSummary:
    model_key, path, rate_hz, is_virtual = group
    used = [row for row in rows if row.latency_ms is not None]
    latency = spread.latencies(used)
    sigmas = [row.uncertainty_us for row in used if row.uncertainty_us is not None]
    newest = max(rows, key=lambda row: row.started_at)
    counts = Counter(reason for row in rows for reason in row.reasons)
    return ModelSummary(
        model_key=model_key,
        marketing_name=newest.marketing_name,
        path=path,
        rate_hz=rate_hz,
        devices=len({row.device_uid for row in rows}),
        runs=len({row.run_uuid for row in rows}),
        sessions=len(rows),
        rejected=len(rows) - len(used),
        median_ms=spread.or_none(np.median, latency),
        mad_ms=spread.or_none(spread.mad, latency),
        p95_ms=spread.or_none(spread.p95, latency),
        ci95_ms=median_interval(latency),
        between_session_sd_ms=spread.between_session_sd(used),
        within_session_sd_ms=spread.within_session_sd(used),
        uncertainty_us=float(np.median(sigmas)) if sigmas else None,
        verdict=worst(row.verdict for row in rows),
        reasons=tuple(sorted(counts, key=lambda reason: (-counts[reason], reason))),
        is_virtual=is_virtual,
        last_at=newest.started_at,
    )
