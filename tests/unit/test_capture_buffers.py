"""G1, G2, G3: glitches per buffer size in, the smallest safe size out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make
from catalogue_runs import number
from hypothesis import given
from hypothesis import strategies as st
from tone_records import found, lost, played

from profiler.catalogue import TESTS, PlannedTrial, TrialOptions, judge
from profiler.catalogue.capture import sizes
from profiler.model import Glitch, Platform, TestResult, TrialRecord, Verdict

RUN = "run-1"


def sweep(*glitches: int | None, seconds: float = 9.0) -> list[TrialRecord]:
    """G1 at 1, 2, 3 … bursts; ``None``: nothing could be counted."""
    return [
        played("G1", i, lost() if n is None else found(n, seconds), bursts=i + 1)
        for i, n in enumerate(glitches)
    ]


def g1(*glitches: int | None, seconds: float = 9.0) -> TestResult:
    return judge("G1", RUN, sweep(*glitches, seconds=seconds))


# --- G1 ------------------------------------------------------------------------------------------


def test_the_smallest_clean_size_is_safe() -> None:
    result = g1(12, 6, 0, 0, 0, 0, 0, 0)
    assert number(result, "safe_bursts") == 3
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("few_minutes",))
    assert number(result, "glitches_per_min_ub95") == pytest.approx(3.0 / 0.15, rel=0.01)
    assert number(result, "glitches_per_min[bursts=2]") == pytest.approx(40.0)
    assert number(result, "clean_min") == pytest.approx(0.15)
    assert "3 bursts or more do not glitch" in result.text


def test_a_size_is_not_safe_when_a_larger_one_glitches() -> None:
    assert number(g1(9, 0, 4, 0, 0, 0), "safe_bursts") == 4


def test_one_glitch_below_is_too_little_to_believe_the_next_size() -> None:
    assert number(g1(12, 1, 0, 0, 0, 0), "safe_bursts") == 4
    assert number(g1(12, 2, 0, 0, 0, 0), "safe_bursts") == 3
    unsure = g1(12, 8, 6, 5, 4, 1, 1, 0)
    assert number(unsure, "safe_bursts") == 8
    assert "few_minutes" in unsure.reasons


def test_a_phone_that_never_glitches() -> None:
    assert number(g1(0, 0, 0, 0), "safe_bursts") == 1


def test_six_clean_minutes_pass() -> None:
    result = judge("G1", RUN, [played("G1", 0, found(0, 365.0), bursts=3)])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "glitches_per_min_ub95") < 0.5


def test_no_size_is_safe() -> None:
    result = g1(20, 10, 9, 5, 4, 6, 3, 1)
    assert result.verdict is Verdict.FAIL
    assert result.reasons[:2] == ("no_safe_buffer", "glitches")
    assert not [m for m in result.measurements if m.name == "safe_bursts"]


def test_a_size_without_a_tone_is_not_clean() -> None:
    result = g1(6, None, 0, 0)
    assert number(result, "safe_bursts") == 3
    assert "low_snr" in result.reasons
    assert "1 of 4 opens not counted" in result.text
    nothing = g1(None, None)
    assert nothing.verdict is Verdict.NOT_MEASURABLE
    assert nothing.measurements == ()


def test_a_tone_that_went_away_counts_as_a_glitch() -> None:
    gone = found(0, verdict=Verdict.MARGINAL, reasons=("tone_lost",))
    records = [*sweep(12, 6, 0), played("G1", 3, gone, bursts=4), *sweep(0, 0, 0, 0, 0, 0)[4:]]
    result = judge("G1", RUN, records)
    assert number(result, "safe_bursts") > 4


def test_noises_are_no_glitches() -> None:
    door = replace(found(0), glitches=(Glitch(3.0, 40.0, "noise", 0.0),))
    assert number(judge("G1", RUN, [played("G1", 0, door, bursts=1)]), "safe_bursts") == 1


def test_a_size_that_was_not_granted_counts_as_the_one_that_was() -> None:
    records = [
        played("G1", i, found(n), bursts=i + 1, granted=max(i + 1, 4))
        for i, n in enumerate((0, 0, 0, 0, 0, 0))
    ]
    result = judge("G1", RUN, records)
    assert number(result, "safe_bursts") == 4
    assert number(result, "sizes_refused") == 3
    assert "granted_differs" in result.reasons
    assert number(result, "watched_min[bursts=4]") == pytest.approx(0.6)


def test_a_buffer_between_two_sizes_is_rounded_up() -> None:
    record = played("G1", 0, found(0), bursts=2)
    assert record.report is not None
    odd = replace(record.report, output=replace(record.report.output, buffer_frames=400))
    size = sizes.granted_size(replace(record, report=odd))
    assert size == sizes.Size(3, "bursts")


def test_a_lost_device_is_an_error_with_what_was_found() -> None:
    broken = played("G1", 2, None, bursts=3, report=None)
    result = judge("G1", RUN, [*sweep(6, 0), broken])
    assert result.verdict is Verdict.ERROR
    assert number(result, "safe_bursts") == 2


def test_xruns_stand_beside_and_decide_nothing() -> None:
    records = [played("G1", i, found(0), bursts=i + 1, xruns=7) for i in range(3)]
    result = judge("G1", RUN, records)
    assert number(result, "safe_bursts") == 1
    assert number(result, "xruns[bursts=1]") == 7


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_never_a_size_that_glitched_nor_one_below(glitches: list[int]) -> None:
    result = g1(*glitches)
    safe = [m.value for m in result.measurements if m.name == "safe_bursts"]
    last_bad = max((i + 1 for i, n in enumerate(glitches) if n), default=0)
    if last_bad == len(glitches):
        assert (safe, result.verdict) == ([], Verdict.FAIL)
    else:
        assert last_bad < safe[0] <= len(glitches)


def test_g1_opens_a_stream_for_each_size() -> None:
    planned = TESTS["G1"].trials(make.facts(), TrialOptions(seed=1, tests=("G1",), brief=True))
    assert isinstance(planned, tuple)
    assert [t.request.buffer_bursts for t in planned] == list(range(1, 9))
    assert sum(t.audio_s for t in planned) == pytest.approx(80.0)
    host = make.facts(platform=Platform.HOST)
    frames = TESTS["G1"].trials(host, TrialOptions(seed=1, tests=("G1",), brief=True))
    assert isinstance(frames, tuple)
    assert [t.request.buffer_frames for t in frames] == list(sizes.FRAMES)


def test_a_plan_that_names_sizes_wants_them_proven() -> None:
    options = TrialOptions(seed=1, tests=("G1",), buffer_bursts=(3,))
    (one,) = _planned("G1", options)
    assert one.request.buffer_bursts == 3
    assert one.audio_s > 100


# --- G2 ------------------------------------------------------------------------------------------


def loaded(*glitches: int) -> list[TrialRecord]:
    return [
        played("G2", i, found(n), bursts=i + 1, state="all cores") for i, n in enumerate(glitches)
    ]


def test_load_that_needs_more_is_said() -> None:
    result = judge("G2", RUN, [*sweep(6, 0, 0, 0), *loaded(20, 12, 6, 0)])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("glitches", "few_minutes"))
    assert number(result, "safe_bursts[state=loaded]") == 4
    assert "2 bursts are too few" in result.text


def test_load_that_changes_nothing() -> None:
    result = judge("G2", RUN, [*sweep(6, 0, 0, 0), *loaded(6, 0, 0, 0)])
    assert result.reasons == ("few_minutes",)
    assert number(result, "safe_bursts[state=loaded]") == 2
    nothing = judge("G2", RUN, loaded(9, 9, 9))
    assert (nothing.verdict, nothing.reasons) == (Verdict.FAIL, ("no_safe_buffer", "glitches"))


def test_minutes_of_all_loads_are_put_together() -> None:
    records = [played("G2", i, found(0, 60.0), bursts=2, state=f"load {i}") for i in range(4)]
    result = judge("G2", RUN, records)
    assert result.verdict is Verdict.PASS
    assert number(result, "glitches_per_min_ub95[state=loaded]") == pytest.approx(0.75, abs=0.01)


def test_g2_loads_every_core() -> None:
    planned = _planned("G2", TrialOptions(seed=1, tests=("G2",)))
    loads = {(t.request.cpu_load, t.request.cpu_threads) for t in planned}
    assert {(0.1, 1), (0.5, 1), (0.9, 1), (0.9, 8)} == loads
    few = _planned("G2", TrialOptions(seed=1, tests=("G2",)), raw={"cpu_cores": "4"})
    assert max(t.request.cpu_threads for t in few) == 4
    odd = _planned("G2", TrialOptions(seed=1, tests=("G2",)), raw={"cpu_cores": "9999999"})
    assert max(t.request.cpu_threads for t in odd) == 8


# --- G3 ------------------------------------------------------------------------------------------

USUAL, LATE = ((4.0, 90), (6.0, 10)), ((4.0, 20), (24.0, 80))


def test_idle_and_clean_for_three_minutes_passes() -> None:
    result = judge("G3", RUN, [played("G3", 0, found(0, 181.0), bursts=2, state="idle")])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert "screen off was not tried" in result.text
    short = judge("G3", RUN, [played("G3", 0, found(0, 60.0), bursts=2, state="idle")])
    assert (short.verdict, short.reasons) == (Verdict.MARGINAL, ("few_minutes",))


def test_idle_may_need_more_than_a_touched_phone() -> None:
    idle = [
        played("G3", 0, found(30, 60.0), bursts=2, state="idle"),
        played("G3", 1, found(0, 181.0), bursts=4, state="idle"),
    ]
    result = judge("G3", RUN, [*sweep(6, 0, 0, 0), *idle])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("glitches",))
    assert number(result, "safe_bursts[state=idle]") == 4
    assert "only just after a touch" in result.text
    assert judge("G3", RUN, idle[:1]).verdict is Verdict.FAIL


def test_late_callbacks_against_a_fresh_stream() -> None:
    fresh = played("G1", 0, found(0), bursts=2, histogram=USUAL)
    idle = played("G3", 0, found(0, 181.0), bursts=2, state="idle", histogram=LATE)
    result = judge("G3", RUN, [fresh, idle])
    assert number(result, "callback_ratio") == pytest.approx(6.0)
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("callbacks_late",))
    same = replace(idle, report=replace(idle.report, callback_histogram_ms=USUAL))
    assert judge("G3", RUN, [fresh, same]).verdict is Verdict.PASS
    odd = replace(idle, report=replace(idle.report, callback_histogram_ms=((-1.0, -5), (0.0, 0))))
    assert judge("G3", RUN, [fresh, odd]).verdict is Verdict.PASS


def test_the_screen_going_off() -> None:
    idle = played("G3", 0, found(0, 181.0), bursts=4, state="idle")
    dark = played("G3", 1, found(8, 27.0), bursts=4, state="screen off")
    result = judge("G3", RUN, [idle, dark])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("glitches",))
    assert "8 glitches with the screen off" in result.text
    quiet = judge("G3", RUN, [idle, replace(dark, findings=found(0, 27.0))])
    assert quiet.verdict is Verdict.PASS


def test_g3_turns_the_screen_off_only_where_the_driver_can() -> None:
    plain = TrialOptions(seed=1, tests=("G1", "G3"), brief=True)
    assert not any(t.setup.actions for t in _planned("G3", plain))
    able = replace(plain, abilities=frozenset({"action:screen_off", "action:screen_on"}))
    dark = _planned("G3", able)[-1]
    assert [a.action for a in dark.setup.actions] == ["screen_off", "screen_on"]
    assert dark.request.background == "continue"
    assert sum(t.audio_s for t in _planned("G3", able)) <= 180


@pytest.mark.parametrize("test_id", ["G1", "G2", "G3"])
def test_judging_again_and_in_any_order(test_id: str) -> None:
    records = [*sweep(6, 0, 0), *loaded(6, 0, 0)]
    records.append(played("G3", 0, found(0, 60.0), bursts=4, state="idle"))
    assert judge(test_id, RUN, records) == judge(test_id, RUN, list(reversed(records)))


def _planned(test_id: str, options: TrialOptions, **facts: object) -> tuple[PlannedTrial, ...]:
    planned = TESTS[test_id].trials(make.facts(**facts), options)
    assert isinstance(planned, tuple)
    return planned
