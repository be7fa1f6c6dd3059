"""Print the accuracy and speed table: ``make bench`` (BENCH_ARGS="--seeds 5 --empty 20" is quick).

Accuracy is measured on seeds that tuning never saw. Speed is CPU time of one thread, or a ratio
of two runs on this machine.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # one thread per analysis, as in the product's worker processes

sys.path.append(str(Path(__file__).parents[1] / "fakes"))  # as pytest finds them

import corpus  # noqa: E402
import dashboard_paint  # noqa: E402
import echo  # noqa: E402
import exchange  # noqa: E402
import exports  # noqa: E402
import glitches  # noqa: E402
import numpy as np  # noqa: E402
import phones  # noqa: E402
import sound  # noqa: E402
import speed  # noqa: E402
import store_reads  # noqa: E402
import suites  # noqa: E402
import verify  # noqa: E402
from score import Row, auc, run_job, score_events  # noqa: E402

NARROW_EQ = "telephone band + eq"
SOUND_SEEDS = range(1000, 1010)
PARTS: dict[str, Callable[[Table], None]] = {
    "exchange": lambda table: put(table, exchange.rows()),
    "echo": echo.measure,
    "glitches": lambda table: put(table, glitches.rows()),
    "sound": lambda table: put(table, sound.rows(SOUND_SEEDS)),
    "exports": lambda table: put(table, exports.rows()),
    "speed": speed.measure,
    "store": store_reads.measure,
    "dashboard": dashboard_paint.measure,
    "phones": phones.measure,
    "suites": suites.measure,
    "verify": verify.measure,
}
"""The parts of the table beside the latency's accuracy, each on seeds that tuning never saw."""


class Table:
    """Rows of (what, reached, target, ok)."""

    def __init__(self) -> None:
        self.failed = 0
        print(f"{'what':66s} {'reached':>22s}   target")

    def row(self, what: str, reached: str, target: str, ok: bool) -> None:
        self.failed += not ok
        print(f"{what:66s} {reached:>22s}   {target:<18s} {'ok' if ok else 'MISSED'}", flush=True)


def put(table: Table, rows: Iterable[tuple[str, str, str, bool]]) -> None:
    for row in rows:
        table.row(*row)


def accuracy(table: Table, rows: Sequence[Row]) -> None:
    signal = [r for r in rows if r.truth is not None]
    valid = [r for r in signal if r.estimate.valid]
    error = np.array([r.error_us for r in valid])
    within = float(np.sum(error < 1000)) / len(signal)
    p95 = float(np.quantile(error, 0.95))
    table.row(
        f"signal ({len(signal)}, {len(corpus.CONDITIONS)} conditions): within 1 ms / p95",
        f"{100 * within:.2f} % / {p95:.2f} us", ">= 99 % / <= 20 us", within >= 0.99 and p95 <= 20,
    )  # fmt: skip
    plain = [r for r in valid if _plain(r)]
    p95 = float(np.quantile([r.error_us for r in plain], 0.95))
    table.row(
        f"wideband, SNR >= 0 dB, no device EQ ({len(plain)}): p95",
        f"{p95:.3f} us",
        "<= 1 us",
        p95 <= 1,
    )
    white = [r for r in valid if r.crb_us is not None]
    by_level = {}
    for name in dict.fromkeys(r.condition for r in white):
        z = [r.error_us / r.crb_us for r in white if r.condition == name]  # type: ignore[operator]
        by_level[name] = float(np.sqrt(np.mean(np.square(z))))
    ratio = max(by_level.values())
    table.row(
        f"white noise down to -15 dB ({len(white)}): RMS over joint CRB, worst level",
        f"{ratio:.2f}x", "<= 2x", ratio <= 2,
    )  # fmt: skip
    print("    per level: " + ", ".join(f"{k[6:]} {v:.2f}x" for k, v in by_level.items()))
    hard = [
        r for r in signal if r.condition in ("weak direct", "desk reflection", "neighbour train")
    ]
    outliers = sum(r.error_us > 1000 for r in hard)
    table.row(
        f"weak direct, desk reflection, neighbour's train ({len(hard)}): outliers",
        str(outliers),
        "0",
        outliers == 0,
    )
    refused = len(signal) - len(valid)
    table.row(
        "false rejects",
        f"{refused} = {100 * refused / len(signal):.2f} %",
        "<= 1 %",
        refused <= 0.01 * len(signal),
    )
    empty = [r for r in rows if r.truth is None]
    accepted = [r for r in empty if r.estimate.valid]
    table.row(
        f"false accepts in {len(empty)} recordings without the stimulus",
        str(len(accepted)),
        "0",
        not accepted,
    )
    for r in [r for r in signal if r.error_us > 1000] + accepted:
        print(f"    look at: {r.condition} seed {r.seed} {r.estimate.reasons}")


def _plain(r: Row) -> bool:
    t = r.truth
    # A wandering clock has no latency at t = 0 more exact than its wander (docs/method.md).
    return bool(
        t and t.wideband and not t.eq and t.exact_drift and t.snr_db is not None and t.snr_db >= 0
    )


def calibration(table: Table, rows: Sequence[Row]) -> None:
    valid = [r for r in rows if r.truth is not None and r.estimate.valid]
    drift = np.array(
        [abs(r.estimate.drift_ppm - r.truth.drift_ppm) for r in valid if r.truth.exact_drift]
    )  # type: ignore[operator,union-attr]
    med, p95 = float(np.median(drift)), float(np.quantile(drift, 0.95))
    table.row(
        "drift error, median / p95",
        f"{med:.4f} / {p95:.3f} ppm",
        "<= 0.01 / 0.5 ppm",
        med <= 0.01 and p95 <= 0.5,
    )
    scores = [score_events(r) for r in valid]
    precision = sum(s.right for s in scores) / max(1, sum(s.reports for s in scores))
    recall = sum(s.found for s in scores) / max(1, sum(s.truths for s in scores))
    table.row(
        f"timeline events ({sum(s.truths for s in scores)} true): precision / recall",
        f"{precision:.3f} / {recall:.3f}", ">= 0.95 / 0.90", precision >= 0.95 and recall >= 0.90,
    )  # fmt: skip
    good = np.array(
        [r.estimate.confidence for r in rows if r.truth is not None and r.error_us < 1000]
    )
    bad = np.array(
        [r.estimate.confidence for r in rows if r.truth is None or not r.error_us < 1000]
    )
    area = auc(good, bad)
    table.row(
        "confidence: AUC right against wrong or no stimulus", f"{area:.4f}", ">= 0.99", area >= 0.99
    )
    judged = [r for r in valid if r.condition != NARROW_EQ]
    ratio = np.array([r.error_us / max(r.estimate.uncertainty_us or 0.0, 1e-9) for r in judged])
    inside = [float(np.mean(ratio < k)) for k in (1, 2, 3)]
    table.row(
        "errors inside 3 reported sigma (1 and 2 sigma beside)",
        f"{100 * inside[2]:.1f} % ({100 * inside[0]:.0f}, {100 * inside[1]:.0f})",
        ">= 97 %", inside[2] >= 0.97,
    )  # fmt: skip


def by_condition(rows: Sequence[Row]) -> None:
    print(
        "\ncondition                 n  error us: median      p95      max  sigma drift ppm refused"
    )
    for name in corpus.CONDITIONS:
        mine = [r for r in rows if r.condition == name and r.truth is not None]
        ok = [r for r in mine if r.estimate.valid]
        if not ok:
            continue
        e = np.array([r.error_us for r in ok])
        s = float(np.median([r.estimate.uncertainty_us or 0.0 for r in ok]))
        d = float(
            np.median(
                [abs((r.estimate.drift_ppm or 0.0) - r.truth.drift_ppm) for r in ok if r.truth]
            )
        )
        print(
            f"{name:22s} {len(mine):4d} {np.median(e):16.3f} {np.quantile(e, 0.95):8.3f}"
            f" {e.max():8.3f} {s:7.2f} {d:10.4f} {len(mine) - len(ok):9d}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="recordings per condition")
    parser.add_argument(
        "--empty", type=int, default=100, help="recordings per kind without stimulus"
    )
    parser.add_argument("--base", type=int, default=corpus.ACCEPT_SEED, help="first seed")
    parts = ("accuracy", *PARTS)
    parser.add_argument("--only", choices=parts, help="a part of the table")
    args = parser.parse_args()
    table = Table()
    if args.only in (None, "accuracy"):
        jobs = [(True, c, args.base + s) for c in corpus.CONDITIONS for s in range(args.seeds)]
        jobs += [(False, k, args.base + s) for k in corpus.EMPTY for s in range(args.empty)]
        with get_context("spawn").Pool(2) as pool:
            rows = list(pool.imap_unordered(run_job, jobs, chunksize=8))
        accuracy(table, rows)
        calibration(table, rows)
    for name, measure in PARTS.items():
        if args.only in (None, name):
            measure(table)
    if args.only in (None, "accuracy"):
        by_condition(rows)
    print(f"\n{'every target reached' if not table.failed else f'{table.failed} targets missed'}")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
