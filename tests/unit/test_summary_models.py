"""The summary of a model against distributions whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import store_records as make
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from profiler.intervals import median_interval
from profiler.model import AudioPath, Jump, ModelSummary, SessionRow, Verdict
from profiler.summary import MIN_SESSIONS_FOR_CI, summarise
from profiler.summary.spread import between_session_sd, within_session_sd

TIMES_S = tuple(0.2 + 0.8 * i for i in range(8))


def many(latencies: list[float | None], **changes: object) -> list[SessionRow]:
    return [make.session(v, trial_uuid=f"t{i}", **changes) for i, v in enumerate(latencies)]


def only(rows: list[SessionRow]) -> ModelSummary:
    (summary,) = summarise(rows)
    return summary


def test_counts_and_centre() -> None:
    rows = many([40.0, 42.0, 41.0, 90.0, None])
    rows[1] = replace(rows[1], device_uid="virtual:v2", run_uuid="run-2")
    rows[2] = replace(rows[2], run_uuid="run-3", started_at=make.after(50), marketing_name="New")
    summary = only(rows)
    assert (summary.devices, summary.runs, summary.sessions, summary.rejected) == (2, 3, 5, 1)
    assert summary.median_ms == 41.5
    assert summary.mad_ms == 1.0
    assert summary.p95_ms == 90.0
    assert summary.ci95_ms is None
    assert summary.uncertainty_us == 5.0
    assert summary.verdict is Verdict.NOT_MEASURABLE
    assert summary.reasons == ("no_stimulus",)
    assert summary.marketing_name == "New"
    assert summary.last_at == make.after(50)
    assert summary.is_virtual


def test_nothing_measured_gives_no_number() -> None:
    summary = only(many([None, None]))
    assert (summary.sessions, summary.rejected) == (2, 2)
    for name in ("median_ms", "mad_ms", "p95_ms", "ci95_ms", "uncertainty_us"):
        assert getattr(summary, name) is None
    assert summary.between_session_sd_ms is None
    assert summary.within_session_sd_ms is None
    assert summarise([]) == []


def test_a_rejected_session_changes_no_number() -> None:
    latencies: list[float | None] = [40.0, 41.0, 42.0, 43.0, 44.0, 45.0]
    without = only(many(latencies))
    # even when a careless writer left numbers in the rejected row
    bad = replace(
        make.session(None), uncertainty_us=9e9, per_chirp_ms=(1.0,) * 8, per_chirp_time_s=TIMES_S
    )
    mixed = only([*many(latencies), bad])
    unlike = {"sessions", "rejected", "verdict", "reasons"}
    for name in set(ModelSummary.__slots__) - unlike:
        assert getattr(mixed, name) == getattr(without, name), name


def test_groups_and_their_order() -> None:
    usb = AudioPath("usb", "media", "aaudio", "default")
    rows = [
        make.session(40.0, model_key=make.facts("B").model_key),
        make.session(40.0, is_virtual=False),
        make.session(40.0, path=usb),
        make.session(40.0, rate_hz=16_000),
        make.session(40.0),
        make.session(41.0),
    ]
    keys = [(s.model_key.model, s.path.route, s.rate_hz, s.is_virtual) for s in summarise(rows)]
    assert keys == [
        ("A1", "speaker", 16_000, True),
        ("A1", "speaker", 48_000, False),
        ("A1", "speaker", 48_000, True),
        ("A1", "usb", 48_000, True),
        ("B", "speaker", 48_000, True),
    ]


def test_reasons_most_frequent_first() -> None:
    rows = many([40.0] * 4)
    rows = [
        replace(r, reasons=("dropouts", "clipped") if i else ("jump",)) for i, r in enumerate(rows)
    ]
    assert only(rows).reasons == ("clipped", "dropouts", "jump")


@pytest.mark.parametrize(("n", "ranks"), [(6, (1, 6)), (8, (1, 8)), (9, (2, 8)), (20, (6, 15))])
def test_interval_ranks_are_those_of_the_tables(n: int, ranks: tuple[int, int]) -> None:
    """Conover, Practical Nonparametric Statistics (3rd ed.), table A3 for p = 1/2."""
    shuffled = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    assert median_interval(shuffled) == ranks


def test_no_interval_from_too_few() -> None:
    assert median_interval(np.arange(MIN_SESSIONS_FOR_CI - 1.0)) is None
    assert median_interval([]) is None


@given(st.integers(6, 3000))
@settings(max_examples=60, deadline=None)
def test_the_interval_covers_and_is_the_shortest_that_does(n: int) -> None:
    interval = median_interval(np.arange(1.0, n + 1))
    assert interval is not None
    k = int(interval[0])
    assert interval[1] == n + 1 - k
    assert 1 - 2 * stats.binom.cdf(k - 1, n, 0.5) >= 0.95
    assert k == n // 2 or 1 - 2 * stats.binom.cdf(k, n, 0.5) < 0.95


def test_the_interval_covers_the_true_median_of_a_skewed_distribution() -> None:
    rng = np.random.default_rng(1)
    truth, hits, trials = math.log(2.0), 0, 1000
    for _ in range(trials):
        low, high = median_interval(rng.exponential(size=15)) or (1.0, 0.0)
        hits += low <= truth <= high
    assert hits / trials > 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_between_session_sd_is_the_devices_own_without_the_method() -> None:
    rng = np.random.default_rng(2)
    rows = []
    for device, level in enumerate((30.0, 60.0, 200.0)):
        truth = level + rng.normal(0.0, 3.0, 400)
        measured = truth + rng.normal(0.0, 4.0, 400)
        rows += [make.session(v, device_uid=f"d{device}", uncertainty_us=4000.0) for v in measured]
    assert between_session_sd(rows) == pytest.approx(3.0, rel=0.1)


def test_between_session_sd_below_the_method_is_zero_and_of_one_is_none() -> None:
    assert between_session_sd(many([40.0, 40.001], uncertainty_us=5000.0)) == 0.0
    assert between_session_sd(many([40.0])) is None
    singles = [make.session(40.0, device_uid="a"), make.session(50.0, device_uid="b")]
    assert between_session_sd(singles) is None


def chirps(rng: np.random.Generator, sd_ms: float, *, drift_ppm: float, jump: bool) -> SessionRow:
    played = np.array(TIMES_S)
    latency = 40.0 + played * drift_ppm * 1e-3 + rng.normal(0.0, sd_ms, 8)
    jumps: tuple[Jump, ...] = ()
    if jump:  # from 3.03 s of the recording on; the chirp played at 3.0 s is heard at 3.04 s
        jumps = (Jump(3.03, 20.0),)
        latency = latency + np.where(played + latency / 1000.0 >= 3.03, 20.0, 0.0)
    return make.session(40.0, per_chirp_ms=tuple(latency), per_chirp_time_s=TIMES_S, jumps=jumps)


@pytest.mark.parametrize("jump", [False, True])
@pytest.mark.parametrize("drift_ppm", [0.0, 150.0])
def test_within_session_sd_without_drift_and_jumps(drift_ppm: float, jump: bool) -> None:
    rng = np.random.default_rng(3)
    rows = [chirps(rng, 0.02, drift_ppm=drift_ppm, jump=jump) for _ in range(300)]
    assert within_session_sd(rows) == pytest.approx(0.02, rel=0.06)


def test_within_and_between_are_kept_apart() -> None:
    rng = np.random.default_rng(4)
    rows = []
    for i in range(200):
        row = chirps(rng, 0.5, drift_ppm=0.0, jump=False)
        rows.append(replace(row, trial_uuid=f"t{i}", latency_ms=40.0 + rng.normal(0.0, 5.0)))
    summary = only(rows)
    assert summary.within_session_sd_ms == pytest.approx(0.5, rel=0.1)
    assert summary.between_session_sd_ms == pytest.approx(5.0, rel=0.2)


@pytest.mark.parametrize(
    "changes",
    [
        {"per_chirp_ms": (), "per_chirp_time_s": ()},
        {"per_chirp_ms": (1.0, 2.0), "per_chirp_time_s": (0.0, 1.0)},
        {"per_chirp_ms": (1.0,) * 8, "per_chirp_time_s": (0.0,)},
        {"per_chirp_ms": (math.nan,) * 8, "per_chirp_time_s": TIMES_S},
    ],
)
def test_sessions_without_chirps_to_spare_do_not_count(changes: dict[str, object]) -> None:
    assert within_session_sd([make.session(40.0, **changes)]) is None


@given(st.lists(st.none() | st.floats(0.1, 2000.0), max_size=40))
@settings(max_examples=80, deadline=None)
def test_numbers_are_consistent_whatever_comes(latencies: list[float | None]) -> None:
    for summary in summarise(many(latencies)):
        used = [v for v in latencies if v is not None]
        assert summary.sessions - summary.rejected == len(used)
        if used:
            assert summary.median_ms is not None
            assert min(used) <= summary.median_ms <= max(used)
            assert summary.p95_ms is not None
            assert summary.p95_ms <= max(used) + 1e-9
        if summary.ci95_ms:
            assert summary.ci95_ms[0] <= (summary.median_ms or 0.0) <= summary.ci95_ms[1]
