"""One recording of every impairment of the corpus; ``make bench`` measures many."""

from __future__ import annotations

import corpus
import pytest
from score import Row, score_events

from profiler.analysis import analyze
from profiler.model import Verdict

SEED = 41
DEFINITION_US = {
    # How exact "latency" is where nothing else is said (docs/method.md section 1).
    "device eq": 10.0, "device eq + room": 10.0, "cheap phone": 10.0,
    "telephone band": 20.0, "50-7000 Hz": 5.0, "capture 8 kHz": 20.0, "stimulus 16 kHz": 5.0,
    "bluetooth 0.6-1.5 s": 5.0, "telephone band + eq": 150.0,
    "asrc wander": 50.0,  # half of the largest wander
}  # fmt: skip
WIDEBAND_US = 2.0
FALSE_EVENTS = {
    # Interference as loud as the chirps may cancel one for 3 ms; a gate really swallows sound.
    "neighbour train": 1, "speech": 1, "loud speech": 1, "babble": 1, "music": 1, "images": 1,
    "noise gate": 8,
}  # fmt: skip


def row_of(condition: str) -> Row:
    case = corpus.signal_case(condition, SEED)
    estimate = analyze(case.audio, case.spec)
    return Row(condition, SEED, estimate, case.truth, None, 0.0, case.audio.duration_s)


@pytest.mark.parametrize("condition", corpus.CONDITIONS)
def test_impaired_recordings_are_measured(condition: str) -> None:
    row = row_of(condition)
    estimate, truth = row.estimate, row.truth
    assert truth is not None
    assert estimate.valid, estimate.reasons
    assert estimate.verdict in (Verdict.PASS, Verdict.MARGINAL)
    assert estimate.uncertainty_us is not None
    assert row.error_us < 1000
    allowed_us = max(3 * estimate.uncertainty_us, DEFINITION_US.get(condition, WIDEBAND_US))
    assert row.error_us <= allowed_us, (row.error_us, estimate.uncertainty_us)
    assert estimate.confidence > 0.9
    assert estimate.drift_ppm is not None
    assert estimate.drift_sigma_ppm is not None
    if truth.exact_drift:
        assert abs(estimate.drift_ppm - truth.drift_ppm) <= max(5 * estimate.drift_sigma_ppm, 0.02)
    if not truth.eq:  # resonances turn the phase: a device's sign is no more than a label
        assert estimate.polarity == truth.polarity
    events = score_events(row)
    said = (estimate.dropouts, estimate.jumps)
    assert events.reports - events.right <= FALSE_EVENTS.get(condition, 0), said
    assert events.found == events.truths, said


@pytest.mark.parametrize("seed", [SEED, SEED + 1, SEED + 2])
@pytest.mark.parametrize("kind", corpus.EMPTY)
def test_recordings_without_the_stimulus_give_no_number(kind: str, seed: int) -> None:
    case = corpus.empty_case(kind, seed)
    estimate = analyze(case.audio, case.spec)
    assert not estimate.valid
    assert estimate.verdict is Verdict.NOT_MEASURABLE
    assert estimate.round_trip_latency_ms is None
    assert estimate.reasons
    assert estimate.confidence < 0.5


def test_another_seeds_train_is_refused_and_its_own_accepted() -> None:
    # The same recording, asked for two trains: only the gap pattern differs.
    case = corpus.signal_case("room", SEED)
    other = corpus.signal_case("room", SEED + 1).spec
    assert analyze(case.audio, case.spec).valid
    assert not analyze(case.audio, other).valid
