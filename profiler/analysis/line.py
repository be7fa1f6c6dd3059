"""One clock slope and one latency per stretch between timeline edits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEP_S = 0.0004
"""Neighbouring chirps further apart than this belong to different stretches (method.md 3.4)."""
STEP_SIGMAS = 6.0
SIGMA_FLOOR_S = 1e-10
"""Rounding of the arithmetic; a noise-free recording must not make outliers of picoseconds."""
OUTLIER_FLOOR_S = 1e-9

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """latency_k = intercept[group_k] + slope * played_k."""

    slope: float
    """Relative clock error, 1e6 = ppm."""
    slope_sigma: float
    groups: I64
    """Group of each chirp, numbered from 0 in time; -1 = outlier."""
    intercepts_s: F64
    residuals_s: F64
    scatter_s: float
    """Robust 1 sigma of one chirp's residual."""
    intercept_sigmas_s: F64
    """1 sigma of each intercept at t = 0, the slope's share included."""


def fit_line(played_s: F64, latency_s: F64, sigma_s: F64) -> Line:
    """Split into groups and fit; all arrays of shape (chirps,), times in seconds."""
    sigma_s = np.maximum(sigma_s, SIGMA_FLOOR_S)
    groups = split_groups(latency_s, sigma_s, played_s)
    used = groups >= 0
    slope = _theil_sen(played_s, latency_s, groups)
    weights = np.where(used, 1 / np.square(sigma_s), 0.0)
    for _ in range(4):
        intercepts = _intercepts(played_s, latency_s, groups, weights, slope)
        residuals = latency_s - slope * played_s - np.where(used, intercepts[groups], 0.0)
        scatter = _robust_scatter(residuals[used], sigma_s[used])
        good = used & (
            np.abs(residuals) < np.maximum(4 * np.maximum(scatter, sigma_s), OUTLIER_FLOOR_S)
        )
        weights = np.where(good, 1 / np.square(np.maximum(sigma_s, 0.3 * scatter)), 0.0)
        slope, slope_sigma = _weighted_slope(played_s, latency_s, groups, weights, slope)
    freedom = max(1, int(good.sum()) - intercepts.size - 1)
    chi2 = float(np.sum(weights * residuals**2)) / freedom
    inflate = max(1.0, chi2) ** 0.5
    intercepts = _intercepts(played_s, latency_s, groups, weights, slope)
    sigmas = _intercept_sigmas(played_s, groups, weights, slope_sigma, intercepts.size)
    return Line(
        slope=slope,
        slope_sigma=slope_sigma * inflate,
        groups=np.where(used & ~good, -1, groups),
        intercepts_s=intercepts,
        residuals_s=residuals,
        scatter_s=scatter,
        intercept_sigmas_s=sigmas * inflate,
    )


def split_groups(latency_s: F64, sigma_s: F64, played_s: F64) -> I64:
    """Consecutive chirps of equal latency share a number; a lone outlier between equals gets -1."""
    n = latency_s.size
    groups = np.full(n, -1, np.int64)
    members: list[list[int]] = []
    for k in range(n):
        for g in reversed(range(max(0, len(members) - 2), len(members))):
            last = members[g][-1]
            # Up to 400 ppm of clock error between the two must not look like a step.
            step = STEP_S + 4e-4 * max(0.0, played_s[k] - played_s[last] - 1.0)
            step = max(step, STEP_SIGMAS * float(np.hypot(sigma_s[k], sigma_s[last])))
            if abs(latency_s[k] - latency_s[last]) < step:
                # Returning to an earlier group is allowed only past lone outliers.
                if all(len(m) == 1 for m in members[g + 1 :]):
                    for lone in members[g + 1 :]:
                        groups[lone[0]] = -1
                    del members[g + 1 :]
                    members[g].append(k)
                    groups[k] = g
                break
        if groups[k] < 0:
            members.append([k])
            groups[k] = len(members) - 1
    return groups


def _theil_sen(x: F64, y: F64, groups: I64) -> float:
    i, j = np.triu_indices(x.size, 1)
    same = (groups[i] == groups[j]) & (groups[i] >= 0)
    i, j = i[same], j[same]
    if i.size == 0:
        return 0.0
    slopes = (y[j] - y[i]) / (x[j] - x[i])
    order = np.argsort(slopes)
    weight = np.cumsum((x[j] - x[i])[order])
    return float(slopes[order][np.searchsorted(weight, weight[-1] / 2)])


def _intercepts(x: F64, y: F64, groups: I64, weights: F64, slope: float) -> F64:
    count = int(groups.max(initial=-1)) + 1
    out = np.zeros(max(1, count))
    for g in range(count):
        mine = groups == g
        w = weights[mine]
        flat = y[mine] - slope * x[mine]
        out[g] = np.average(flat, weights=w) if w.sum() > 0 else np.median(flat)
    return out


def _weighted_slope(
    x: F64, y: F64, groups: I64, weights: F64, fallback: float
) -> tuple[float, float]:
    num = den = 0.0
    for g in range(int(groups.max(initial=-1)) + 1):
        mine = (groups == g) & (weights > 0)
        if mine.sum() < 2:
            continue
        w = weights[mine]
        dx = x[mine] - np.average(x[mine], weights=w)
        num += float(np.sum(w * dx * y[mine]))
        den += float(np.sum(w * dx * dx))
    if den <= 0:
        return fallback, 1e-3
    return num / den, den**-0.5


def _intercept_sigmas(x: F64, groups: I64, weights: F64, slope_sigma: float, count: int) -> F64:
    out = np.full(count, 1e-3)
    for g in range(count):
        w = weights[groups == g]
        if w.sum() > 0:
            centre = float(np.average(x[groups == g], weights=w))
            out[g] = (1 / w.sum() + (centre * slope_sigma) ** 2) ** 0.5
    return out


def _robust_scatter(residuals: F64, sigma_s: F64) -> float:
    if residuals.size < 3:
        return float(np.median(sigma_s)) if sigma_s.size else 0.0
    return 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))
