"""L8: the level of each preset, against paths whose levels are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import store_records as make
from catalogue_runs import number

from device_probes.virtual.acoustics import Timing, capture
from device_probes.virtual.spec import Acoustics
from profiler.analysis import read_take, take_of
from profiler.catalogue import TESTS, PlannedTrial, Skip, TrialOptions, judge
from profiler.catalogue.inputs import inputs_of
from profiler.model import StimulusSpec, TestResult, TrialRecord
from profiler.stimulus import F_HI_HZ, F_LO_HZ, render
from profiler.wav import Audio

PRESETS = inputs_of(make.facts()).preset_words
TOLERANCE_DB = 0.1
"""What two presets' difference may be off by (docs/sound.md); third-octave levels err by 0.07."""
NOISE_DBFS = -80.0
LEVELS_DBFS = dict(zip(PRESETS, (-26.0, -20.0, -32.0, -44.0, -50.0, -26.5), strict=True))
"""RMS of a sine of full scale times 0.9 as each preset captures it."""


def planned() -> tuple[PlannedTrial, ...]:
    trials = TESTS["L8"].trials(make.facts(), TrialOptions(seed=5))
    assert not isinstance(trials, Skip)
    return trials


def heard(trial: PlannedTrial, acoustics: Acoustics) -> TrialRecord:
    """The trial as it is stored, with a quiet room's noise."""
    spec, rate = trial.stimulus, trial.request.rate_hz
    assert isinstance(spec, StimulusSpec)
    frames = round(trial.request.duration_s * rate)
    sound = capture(
        render(spec, rate), rate, frames, rate, acoustics=acoustics, timing=Timing(0.06, 2e-5),
        room_seed=3,
    )  # fmt: skip
    rng = np.random.default_rng(trial.index)
    sound = sound + 10 ** (NOISE_DBFS / 20) * rng.standard_normal(frames)
    blank = make.trial(
        f"p{trial.index}", test_id="L8", index=trial.index, request=trial.request,
        stimulus=spec, setup=trial.setup, estimate=None,
    )  # fmt: skip
    audio = Audio(np.clip(sound, -1, 1).astype(np.float32)[:, None], rate)
    read = read_take(take_of(blank, audio))
    return replace(
        blank, estimate=read.estimate, findings=read.findings, verdict=read.verdict,
        reasons=read.reasons,
    )  # fmt: skip


@pytest.fixture(scope="module")
def result() -> TestResult:
    records = [
        heard(p, Acoustics(level_dbfs=LEVELS_DBFS[p.request.input_preset], reflections=()))
        for p in planned()
    ]
    return judge("L8", "run-1", records)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_presets_level_is_the_paths(result: TestResult, preset: str) -> None:
    gain_db = number(result, f"gain_db[preset={preset}]")
    full_dbfs = 20 * math.log10(0.9 / math.sqrt(2))
    assert gain_db == pytest.approx(LEVELS_DBFS[preset] - full_dbfs, abs=TOLERANCE_DB)
    apart = gain_db - number(result, "gain_db[preset=generic]")
    truth = LEVELS_DBFS[preset] - LEVELS_DBFS["generic"]
    assert apart == pytest.approx(truth, abs=TOLERANCE_DB)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_noise_of_a_preset_is_not_its_level(result: TestResult, preset: str) -> None:
    assert number(result, f"noise_dbfs[preset={preset}]") == pytest.approx(NOISE_DBFS, abs=0.5)


def test_a_narrow_preset_is_as_loud_as_it_is_within_its_band() -> None:
    """The simulator's level is that of the whole capture: what it does not lose to the rest of the
    sweep's octaves is louder by their share."""
    band_hz = (300.0, 3400.0)
    wide, narrow = (
        heard(p, Acoustics(reflections=(), capture_band_hz=band))
        for p, band in zip(planned(), (None, band_hz), strict=False)
    )
    result = judge("L8", "run-1", [wide, narrow])
    wide_db, narrow_db = (number(result, f"gain_db[preset={p}]") for p in PRESETS[:2])
    truth_db = 10 * math.log10(math.log(F_HI_HZ / F_LO_HZ) / math.log(band_hz[1] / band_hz[0]))
    assert narrow_db - wide_db == pytest.approx(truth_db, abs=0.2)
    assert number(result, f"edge_hi_hz[preset={PRESETS[1]}]") < 5000
