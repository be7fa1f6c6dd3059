"""The loudest moment: where it lies on the grid of blocks moves nothing, and noise little."""

from __future__ import annotations

import numpy as np
import pytest
from echo import _recorded

from profiler.analysis.echo import measure_echo
from profiler.analysis.voice import GATE_DBFS
from profiler.catalogue.table import TURN_DBFS
from profiler.model import EchoFindings
from profiler.stimulus import render, speech
from profiler.wav import mono_audio

RATE_HZ = 16_000
SPEC = speech(RATE_HZ, 4, 16.0, gap_s=(0.6, 0.9))
FAR = render(SPEC, RATE_HZ)


def _burst_at() -> int:
    """The middle of the loudest 0.3 s after settling: an echo speaks there."""
    power = np.convolve(FAR.astype(np.float64) ** 2, np.ones(4800), "same")
    power[: 7 * RATE_HZ] = 0.0
    return int(np.argmax(power[: 15 * RATE_HZ]))


def _heard(shift: int, burst_dbfs: float, noise_dbfs: float) -> EchoFindings:
    """A faint echo, and 0.2 s of it at one level, a little off the grid."""
    x = 1e-4 * FAR.astype(np.float64)
    first = _burst_at() - 1600 + shift
    x[first : first + 3200] = 10 ** (burst_dbfs / 20) * np.random.default_rng(2).choice(
        [-1.0, 1.0], 3200
    )
    x += 10 ** (noise_dbfs / 20) * np.random.default_rng(3).standard_normal(x.size)
    return measure_echo(mono_audio(x.astype(np.float32), RATE_HZ), mono_audio(FAR, RATE_HZ))


@pytest.mark.parametrize("shift", [0, 300, 800, 1300])
def test_a_moment_counts_alike_wherever_it_begins(shift: int) -> None:
    found = _heard(shift, -70.0, -84.0)
    assert found.voice_margin_db == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize("noise_dbfs", [-86.0, -80.0, -76.0])
def test_noise_under_the_moment_is_taken_off(noise_dbfs: float) -> None:
    assert _heard(0, -70.0, noise_dbfs).voice_margin_db == pytest.approx(10.0, abs=0.5)


def test_a_moment_that_no_noise_hides_counts_as_the_detector_took_it() -> None:
    """It is no speech, 28 dB over the noise of the band: less of it counts, but the mean does."""
    assert 11.0 < _heard(0, -70.0, -95.0).voice_margin_db < 18.5  # type: ignore[operator]


def test_the_table_counts_margins_from_the_detectors_gate() -> None:
    assert TURN_DBFS == GATE_DBFS


# --- the bench's truth ----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 1.0, 2.0])
def test_the_truth_is_what_the_recorded_run_let_through(share: float) -> None:
    """Both runs, the recorded one alone, or the other one alone let the echo through."""
    rng = np.random.default_rng(5)
    echo, noise = (0.01 * rng.standard_normal(16_000) for _ in range(2))
    recorded = noise + share * echo
    turned = noise - (2 - share) * echo
    own = _recorded((recorded - turned) / 2, recorded, RATE_HZ)
    assert np.std(own - share * echo) < 0.25 * np.std(echo) * max(share, 1.0)
