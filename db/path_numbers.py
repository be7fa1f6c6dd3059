"""The numbers of one path from its sessions: the same as :mod:`profiler.summary` gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from profiler.intervals import between_sd, median_interval, quantiles
from profiler.model import Verdict, worst

_QUANTILES = {"p05_ms": 0.05, "p25_ms": 0.25, "p75_ms": 0.75, "p95_ms": 0.95}


Session = tuple[Hashable, Hashable, str, float | None, float | None, datetime]
"""Device, run, verdict, latency in ms (``None`` = rejected), 1σ in µs, start."""


def numbers_of_path(sessions: Sequence[Session]) -> dict[str, Any]:
    """The columns of ``path_overview`` that the sessions give; there must be one at least.

    A rejected session counts and enters no number.
    """
    devices, runs, verdicts, latencies, sigmas, starts = zip(*sessions, strict=True)
    by_device: defaultdict[Hashable, list[float]] = defaultdict(list)
    for device, latency_ms in zip(devices, latencies, strict=True):
        if latency_ms is not None:
            by_device[device].append(latency_ms)
    latency = np.array([ms for ms in latencies if ms is not None], dtype=float)
    used = len(latency)
    sigmas_us = [
        us for us, ms in zip(sigmas, latencies, strict=True) if us is not None and ms is not None
    ]
    interval = median_interval(latency)
    parts = quantiles(latency, [*_QUANTILES.values()]) if used else [None] * len(_QUANTILES)
    return {
        "devices": len(set(devices)),
        "runs": len(set(runs)),
        "sessions": len(sessions),
        "rejected": len(sessions) - used,
        **dict(zip(_QUANTILES, parts, strict=True)),
        "median_ms": float(np.median(latency)) if used else None,
        "ci95_low_ms": interval[0] if interval else None,
        "ci95_high_ms": interval[1] if interval else None,
        "between_sd_ms": between_sd(by_device.values(), [us / 1000.0 for us in sigmas_us]),
        "uncertainty_us": float(np.median(sigmas_us)) if sigmas_us else None,
        "verdict": _worst(set(verdicts)),
        "last_at": max(starts),
    }


def _worst(verdicts: set[str]) -> str:
    """A verdict that no version wrote is kept as it is: its reader says so."""
    strange = verdicts - {v.value for v in Verdict}
    return min(strange) if strange else worst(map(Verdict, verdicts)).value
