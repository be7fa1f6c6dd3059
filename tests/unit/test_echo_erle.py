"""ERLE and convergence as pure functions of two findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from echo_records import findings

from profiler.catalogue.echo.erle import convergence, erle
from profiler.model import Reason

OFF = findings(-30.0)


def test_erle_is_the_difference_of_levels_with_bounds() -> None:
    found = erle(OFF, findings(-55.0))
    assert found is not None
    assert found.value_db == pytest.approx(25.0)
    assert found.low_db == pytest.approx(23.9)
    assert found.high_db == pytest.approx(26.1)
    assert found.reasons == ()
    assert found.text == "25.0 dB"


def test_below_the_noise_it_is_at_least_so_much() -> None:
    found = erle(OFF, findings(None, noise_dbfs=-70.0))
    assert found is not None
    assert found.value_db is None
    assert found.high_db is None
    assert found.low_db == pytest.approx(-30.3 + 72.5)
    assert found.reasons == (Reason.BELOW_NOISE,)
    assert found.text == "at least 42.2 dB"


def test_without_an_echo_there_is_nothing_to_remove() -> None:
    assert erle(findings(None), findings(-60.0)) is None


def test_a_canceller_that_makes_it_worse_has_a_negative_erle() -> None:
    found = erle(OFF, findings(-28.0))
    assert found is not None
    assert found.value_db == pytest.approx(-2.0)


def test_a_gain_control_shows_in_the_pauses() -> None:
    found = erle(OFF, findings(-40.0, noise_dbfs=-58.0))
    assert found is not None
    assert found.raised_db == pytest.approx(12.0)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 8.0])
def test_convergence_is_the_time_until_the_attenuation_stays(seconds: float) -> None:
    found = convergence(OFF, findings(-60.0, converge_s=seconds))
    assert found is not None
    assert found.seconds == pytest.approx(seconds, abs=0.3)
    assert found.final_db == pytest.approx(30.0, abs=0.1)
    assert not found.bounded


def test_what_sinks_into_the_noise_has_settled_as_far_as_anyone_can_hear() -> None:
    found = convergence(OFF, findings(None, converge_s=3.0))
    assert found is not None
    assert found.seconds == pytest.approx(3.0, abs=0.3)
    assert found.bounded


def test_soft_moments_of_the_far_end_are_no_convergence() -> None:
    on = findings(-60.0)
    soft = {i for i in range(80, 95) if OFF.far_active[i]}
    quieter = tuple(
        e - 20 if e is not None and i in soft else e for i, e in enumerate(OFF.echo_dbfs)
    )
    also = tuple(e - 20 if e is not None and i in soft else e for i, e in enumerate(on.echo_dbfs))
    found = convergence(replace(OFF, echo_dbfs=quieter), replace(on, echo_dbfs=also))
    assert found is not None
    assert found.seconds == 0.0


def test_a_lapse_long_after_is_no_convergence() -> None:
    on = findings(-60.0, converge_s=2.0)
    for blocks, seconds in ((range(155, 158), 2.0), (range(152, 164), 16.1)):
        lapse = tuple(
            -33.0 if e is not None and i in blocks else e for i, e in enumerate(on.echo_dbfs)
        )
        found = convergence(OFF, replace(on, echo_dbfs=lapse))
        assert found is not None
        assert found.seconds == pytest.approx(seconds, abs=0.4)


def test_after_a_change_it_counts_from_there() -> None:
    on = findings(-60.0)
    leak = tuple(
        -35.0 if e is not None and 150 <= i < 180 else e for i, e in enumerate(on.echo_dbfs)
    )
    found = convergence(OFF, replace(on, echo_dbfs=leak), begin_s=15.0)
    assert found is not None
    assert found.seconds == pytest.approx(2.9, abs=0.5)


def test_too_little_speech_is_no_convergence() -> None:
    short = replace(OFF, far_active=OFF.far_active[:15], echo_dbfs=OFF.echo_dbfs[:15])
    assert convergence(short, findings(-60.0)) is None
    assert convergence(OFF, findings(-60.0), begin_s=1e6) is None


def test_echoes_that_come_at_other_times_are_aligned() -> None:
    on = findings(-60.0, converge_s=2.0, delay_ms=480.0)
    shifted = (None,) * 4 + on.echo_dbfs[:-4]
    active = (False,) * 4 + on.far_active[:-4]
    found = convergence(OFF, replace(on, echo_dbfs=shifted, far_active=active))
    assert found is not None
    assert found.seconds == pytest.approx(2.0, abs=0.3)
