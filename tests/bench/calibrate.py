"""Fit the confidence: which features tell a right latency from a wrong one?

Prints the coefficients for ``profiler/analysis/decide.py``. Uses tuning seeds only.
Run: ``python tests/bench/calibrate.py``
"""

from __future__ import annotations

from multiprocessing import get_context

import corpus
import numpy as np
import sounds
from scipy import optimize

from profiler.analysis import decide
from profiler.analysis.measure import condition, measure

LEVELS_DB = (-14, -16, -18, -20, -21, -22, -23, -24, -25, -26, -28, -30)


def noisy(snr_db: float, seed: int) -> corpus.Case:
    """A recording at a level where the answer begins to fail."""
    name = f"fade {snr_db}"
    sound = (sounds.white, sounds.pink, sounds.babble)[seed % 3]
    corpus.CONDITIONS[name] = lambda rng, spec: corpus.Recipe(
        corpus.random_channel(rng, **corpus._room(rng)), noise=[(sound, float(snr_db))]
    )
    return corpus.signal_case(name, seed)


def features(job: tuple[float | str, int]) -> tuple[tuple[float, ...], bool] | None:
    """Inputs of the logistic and whether the latency is right."""
    what, seed = job
    case = corpus.empty_case(what, seed) if isinstance(what, str) else noisy(what, seed)
    samples = condition(case.audio.samples[:, 0].copy(), case.audio.rate_hz)
    _, m = measure(samples, case.spec, case.audio.rate_hz)
    if m is None:
        return None
    latency_ms = 1000 * decide.latency_s(m)
    right = case.truth is not None and abs(latency_ms - case.truth.latency_ms) < 1
    return decide.evidence_of(m).features(), right


def main() -> None:
    """Collect, fit with a little ridge (the classes nearly separate), print a reliability table."""
    jobs: list[tuple[float | str, int]] = [(db, s) for db in LEVELS_DB for s in range(45)]
    jobs += [(kind, s) for kind in corpus.EMPTY for s in range(60)]
    with get_context("spawn").Pool(2) as pool:
        rows = [r for r in pool.imap_unordered(features, jobs, chunksize=8) if r is not None]
    x = np.array([r[0] for r in rows])
    y = np.array([r[1] for r in rows], dtype=float)

    def loss(w: np.ndarray) -> float:
        z = x @ w
        return float(np.sum(np.logaddexp(0, z) - y * z) + 0.5 * np.sum(w[1:] ** 2))

    # More evidence never lowers the confidence: no weight but the offset may be negative.
    limits = [(None, None)] + [(0.0, None)] * (x.shape[1] - 1)
    w = optimize.minimize(loss, np.zeros(x.shape[1]), bounds=limits).x
    p = 1 / (1 + np.exp(-x @ w))
    print(f"{len(rows)} recordings, {int(y.sum())} right")
    print("WEIGHTS =", tuple(round(float(v), 3) for v in w))
    for lo, hi in ((0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = (p >= lo) & (p < hi)
        if inside.any():
            print(f"  said {lo:.2f}-{hi:.2f}: {inside.sum():4d}, right {y[inside].mean():.3f}")


if __name__ == "__main__":
    main()
