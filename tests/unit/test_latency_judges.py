"""L1 per path, L3's timestamps, L6, L7 and L8: trials in, verdicts out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import TESTS, Skip, TrialOptions, judge
from profiler.catalogue.latency import l1, l6
from profiler.catalogue.latency.stamps import claimed
from profiler.catalogue.trains import class_train, start_train
from profiler.model import (
    CaptureQuality,
    PitchFindings,
    Platform,
    Reason,
    SoundFindings,
    TestResult,
    TimestampPair,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

RUN = "run-1"
FACTS = make.facts(raw={"apis": "aaudio,java,opensles"})
QUALITY = CaptureQuality(4.4, -6.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


def refused(index: int, **changes: Any) -> TrialRecord:
    return make.trial(
        f"x{index}", index=index, verdict=Verdict.NOT_MEASURABLE,
        reasons=(str(Reason.REQUEST_REFUSED),), report=None, estimate=None, **changes,
    )  # fmt: skip


# --- L1 ------------------------------------------------------------------------------------------


def test_l1_opens_other_paths_only_beyond_the_quick_suite() -> None:
    for budget in ({"short": True, "brief": True}, {"brief": True}):
        trials = l1.trials(FACTS, TrialOptions(seed=1, **budget))  # type: ignore[arg-type]
        assert {str(t.request.path) for t in trials} == {"default/media/default/speaker"}
    trials = l1.trials(FACTS, TrialOptions(seed=1, thorough=True))
    paths = [str(t.request.path) for t in trials]
    assert [t.index for t in trials] == list(range(len(trials)))
    assert paths[0] == "default/media/default/speaker"
    for path in (
        "default/communication/voice_communication/speaker",
        "java/media/default/speaker",
        "opensles/media/default/speaker",
    ):
        assert paths.count(path) == 5
    standard = [str(t.request.path) for t in l1.trials(FACTS, TrialOptions(seed=1))]
    assert standard.count("java/media/default/speaker") == 3
    host = l1.trials(replace(FACTS, platform=Platform.HOST, raw={}), TrialOptions(seed=1))
    assert len({t.request.path for t in host}) == 1


def opens(path: TrialRequest, first: int, *latencies_ms: float | None) -> list[TrialRecord]:
    return [
        make.trial(f"{first + i}", index=first + i, latency_ms=ms, request=path)
        for i, ms in enumerate(latencies_ms)
    ]


def test_l1_is_decided_by_the_plain_path_and_lists_the_others() -> None:
    plain = TrialRequest()
    calls = TrialRequest(audio_mode="communication", input_preset="voice_communication")
    records = [
        *opens(plain, 0, 40.0, 40.1, 40.2, 40.3, 40.4),
        *opens(calls, 5, 180.0, 181.0, 182.0, 183.0, 184.0),
        *opens(replace(plain, api="java"), 10, *[None] * 5),
    ]
    result = judge("L1", RUN, records)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "rtl_ms") == 40.2
    path = "default/communication/voice_communication/speaker"
    assert number(result, f"rtl_ms[path={path}]") == 182.0
    assert number(result, f"rtl_mad_ms[path={path}]") == 1.0
    assert f"{path}: round trip 182.00 ms" in result.text
    assert "java/media/default/speaker: no round trip measured" in result.text
    alone = judge("L1", RUN, records[5:])
    assert alone.verdict is Verdict.FAIL
    assert number(alone, "rtl_ms") == 182.0


# --- L3: timestamps ------------------------------------------------------------------------------


def stamps(
    latency_ms: float, *, jitter_ms: float = 0.0, ppm: float = 0.0, rate: int = 48_000
) -> dict[str, tuple[TimestampPair, ...]]:
    """A stream whose frames leave 60 % of the latency later and came in 40 % earlier."""
    out, into = [], []
    for i in range(16):
        frame = 12_000 * i
        wiggle = jitter_ms * (1 if i % 2 else -1)
        played_ms = 1000 * frame / rate * (1 + ppm * 1e-6) + 0.6 * latency_ms + wiggle
        out.append(TimestampPair(frame, round(1e6 * (5000 + played_ms))))
        came_ms = 1000 * frame / rate - 0.4 * latency_ms
        into.append(TimestampPair(frame, round(1e6 * (5000 + came_ms))))
    return {"timestamps_output": tuple(out), "timestamps_input": tuple(into)}


def test_timestamps_give_the_round_trip_they_claim() -> None:
    said = claimed(make.report(**stamps(61.5)))
    assert said.round_trip_ms == pytest.approx(61.5, abs=1e-3)
    assert (said.faults, said.sigma_ms) == ((), pytest.approx(0.0, abs=1e-3))
    drifting = claimed(make.report(**stamps(61.5, ppm=200)))
    assert drifting.round_trip_ms == pytest.approx(61.5, abs=0.5)
    jittering = claimed(make.report(**stamps(61.5, jitter_ms=4)))
    assert jittering.faults == ("output jitter",)
    assert jittering.round_trip_ms is not None


def test_timestamps_that_are_none_are_named() -> None:
    good = stamps(50.0)
    stuck = tuple(TimestampPair(0, s.time_ns) for s in good["timestamps_output"])
    unknown = tuple(TimestampPair(-1, 0) for _ in good["timestamps_input"])
    twice = tuple(TimestampPair(2 * s.frame, s.time_ns) for s in good["timestamps_input"])
    for changes, fault in (
        ({"timestamps_output": stuck}, "output are stuck"),
        ({"timestamps_input": unknown}, "input are missing"),
        ({"timestamps_input": twice}, "input run at another rate"),
        ({"timestamps_input": good["timestamps_input"][:2]}, "input are few"),
    ):
        said = claimed(make.report(**{**good, **changes}))
        assert said.round_trip_ms is None
        assert fault in said.faults
    assert claimed(make.report(timestamps_output=(), timestamps_input=())).faults == ()
    same_time = tuple(TimestampPair(s.frame, 7) for s in good["timestamps_output"])
    assert claimed(make.report(**{**good, "timestamps_output": same_time})).round_trip_ms is None


def l3(latency_ms: float, **report: Any) -> TestResult:
    records = [
        make.trial(f"t{i}", index=i, latency_ms=latency_ms, report=make.report(**report))
        for i in range(5)
    ]
    return judge("L3", RUN, records)


def test_l3_trusts_timestamps_only_when_they_say_what_was_measured() -> None:
    nothing = {"reported_output_latency_ms": None, "reported_input_latency_ms": None}
    right = l3(61.0, **nothing, **stamps(61.5))
    assert (right.verdict, number(right, "timestamps_trusted")) == (Verdict.PASS, 1.0)
    name = "timestamps_minus_measured_ms[aaudio 48000 Hz]"
    assert number(right, name) == pytest.approx(0.5, abs=1e-3)
    early = l3(123.0, **nothing, **stamps(61.5))
    assert (early.verdict, early.reasons) == (Verdict.FAIL, ("timestamps_untrusted",))
    assert number(early, "timestamps_trusted") == 0.0
    jitter = l3(61.5, **nothing, **stamps(61.5, jitter_ms=4))
    assert (jitter.verdict, jitter.reasons) == (Verdict.MARGINAL, ("timestamps_untrusted",))
    assert "output jitter" in jitter.text


def test_l3_reported_latency_and_timestamps_count_both() -> None:
    both = l3(30.0, **stamps(80.0))
    assert both.verdict is Verdict.FAIL
    assert number(both, "reported_minus_measured_ms[aaudio 48000 Hz]") == 0.0
    silent = l3(30.0, reported_output_latency_ms=None)
    assert (silent.verdict, silent.reasons) == (Verdict.NOT_MEASURABLE, ("no_timestamps",))


# --- L6 ------------------------------------------------------------------------------------------

TRAIN = start_train(3, 48_000)


def start(
    index: int, *, lost_ms: float = 0.0, zeros_ms: float = 0.0, latency_ms: float = 60.0
) -> TrialRecord:
    """A start that hears nothing of what was played in its first ``lost_ms``."""
    heard = [s for s in TRAIN.starts_s if 1000 * s >= lost_ms]
    measured = make.estimate(
        latency_ms,
        per_chirp_ms=(latency_ms,) * len(heard),
        per_chirp_time_s=tuple(heard),
        quality=replace(QUALITY, leading_zero_ms=zeros_ms),
    )
    startup = {"open": 50.0, "start": 51.0, "first_input": 55.0}
    if zeros_ms:
        startup["first_nonzero"] = 50.0 + zeros_ms
    return make.trial(
        f"s{index}", test_id="L6", index=index, stimulus=TRAIN, estimate=measured,
        report=make.report(startup_ms=startup), setup=TrialSetup(note=f"start {index + 1}"),
    )  # fmt: skip


def test_l6_plans_five_rested_starts_and_a_fresh_first_one() -> None:
    trials = TESTS["L6"].trials(FACTS, TrialOptions(seed=1))
    assert not isinstance(trials, Skip)
    assert [t.setup.rest_s for t in trials] == [10.0] * 5
    assert {t.request.warmup_s for t in trials} == {0.0}
    fresh = TESTS["L6"].trials(FACTS, TrialOptions(seed=1, abilities=frozenset({"fresh_process"})))
    assert not isinstance(fresh, Skip)
    assert [t.setup.fresh_process for t in fresh] == [True] + [False] * 4
    assert [t.setup.rest_s for t in fresh] == [0.0] + [10.0] * 4
    assert sum(t.audio_s for t in fresh) <= 25


def test_l6_a_fast_start_passes() -> None:
    result = judge("L6", RUN, [start(i) for i in range(5)])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "cold_start_ms[start=first]") == pytest.approx(55 + 60)
    assert number(result, "input_lost_ms[start=later]") == 0.0
    assert number(result, "starts[start=later]") == 4


def test_l6_later_starts_may_be_the_slow_ones() -> None:
    records = [start(0), *(start(i, lost_ms=800) for i in range(1, 5))]
    result = judge("L6", RUN, records)
    assert result.verdict is Verdict.FAIL
    assert set(result.reasons) == {"cold_start_slow", "input_lost_at_start"}
    later = number(result, "input_lost_ms[start=later]")
    assert 800 <= later <= 900
    assert number(result, "input_lost_ms[start=first]") == 0.0


def test_l6_zeros_tell_exactly_when_the_microphone_woke_up() -> None:
    result = judge("L6", RUN, [start(i, lost_ms=340, zeros_ms=400) for i in range(5)])
    assert number(result, "input_lost_ms[start=first]") == pytest.approx(340)
    assert number(result, "cold_start_ms[start=first]") == pytest.approx(450)
    assert result.verdict is Verdict.MARGINAL


def test_l6_bounds_between_two_chirps_are_honest() -> None:
    spacing = TRAIN.starts_s[2] - TRAIN.starts_s[1]
    assert 0.07 < spacing < 0.11
    edge = judge("L6", RUN, [start(i, lost_ms=460) for i in range(5)])
    assert edge.verdict is Verdict.MARGINAL  # 460 ms lost may be 300 or 500


def test_l6_chirps_found_in_the_wrong_place_do_not_count() -> None:
    record = start(0, lost_ms=400)
    assert record.estimate is not None
    early = replace(
        record.estimate,
        per_chirp_ms=(150.0, *record.estimate.per_chirp_ms),
        per_chirp_time_s=(0.02, *record.estimate.per_chirp_time_s),
    )
    wrong = judge("L6", RUN, [replace(record, estimate=early)])
    assert number(wrong, "input_lost_ms[start=first]") >= 400


def test_l6_a_start_that_is_never_heard_is_no_pass() -> None:
    deaf = make.trial("x", test_id="L6", index=4, latency_ms=None, stimulus=TRAIN)
    result = judge("L6", RUN, [*(start(i) for i in range(4)), deaf])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("no_stimulus",))
    assert judge("L6", RUN, [deaf]).verdict is Verdict.NOT_MEASURABLE
    assert judge("L6", RUN, []).verdict is Verdict.SKIPPED
    assert l6.STARTS == 5


# --- L7 ------------------------------------------------------------------------------------------


def at_rate(
    index: int, rate: int, latency_ms: float | None, *, pitch: float | None = 1.0, zeros: float = 0
) -> TrialRecord:
    quality = replace(QUALITY, zero_run_ms=zeros, zero_fraction=1.0 if zeros > 3000 else 0.0)
    findings = PitchFindings(Verdict.PASS, (), quality, pitch, 1e-9, "1")
    return make.trial(
        f"r{rate}", test_id="L7", index=index, latency_ms=latency_ms, findings=findings,
        estimate=make.estimate(latency_ms, quality=quality),
        stimulus=class_train(1, rate), request=TrialRequest(rate_hz=rate),
        setup=TrialSetup(analysis="pitch", note="native rate" if rate == 48_000 else ""),
    )  # fmt: skip


def native(*latencies_ms: float) -> list[TrialRecord]:
    return [
        make.trial(f"n{i}", index=i, latency_ms=ms, request=TrialRequest(rate_hz=48_000))
        for i, ms in enumerate(latencies_ms)
    ]


def test_l7_plans_one_open_per_rate_and_marks_the_native_one() -> None:
    trials = TESTS["L7"].trials(FACTS, TrialOptions(seed=1, brief=True))
    assert not isinstance(trials, Skip)
    assert [t.request.rate_hz for t in trials] == [8000, 16_000, 24_000, 44_100, 48_000]
    assert [t.setup.note for t in trials] == ["", "", "", "", "native rate"]
    assert sum(t.audio_s for t in trials) <= 25


def test_l7_adds_up_what_a_converter_costs() -> None:
    records = [at_rate(0, 16_000, 262.0), at_rate(1, 48_000, 60.0)]
    result = judge("L7", RUN, [*native(60.0, 60.5, 59.5, 60.1, 60.2), *records])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("rate_adds_delay",))
    assert number(result, "added_ms[rate=16000]") == pytest.approx(202.0, abs=0.2)
    assert "16000 Hz: +20" in result.text
    fine = judge("L7", RUN, [at_rate(0, 16_000, 62.0), at_rate(1, 48_000, 60.0)])
    assert (fine.verdict, fine.reasons) == (Verdict.PASS, ())
    assert "no rate of 2 costs" in fine.text


def test_l7_opens_that_differ_by_whole_buffers_prove_nothing() -> None:
    records = [at_rate(0, 16_000, 69.0), at_rate(1, 48_000, 60.0)]
    result = judge("L7", RUN, [*native(60.0, 64.0, 60.0, 60.0, 60.0), *records])
    assert result.verdict is Verdict.MARGINAL  # 9 ms more, but opens differ by 4


def test_l7_wrong_pitch_and_dead_rates_fail() -> None:
    wrong = judge("L7", RUN, [at_rate(0, 44_100, None, pitch=0.91875), at_rate(1, 48_000, 60.0)])
    assert wrong.verdict is Verdict.FAIL
    assert "pitch_error" in wrong.reasons
    assert number(wrong, "pitch_error_percent[rate=44100]") == pytest.approx(8.125)
    dead = judge("L7", RUN, [at_rate(0, 8000, None, pitch=None, zeros=3350)])
    assert dead.verdict is Verdict.FAIL
    assert "zero_run" in dead.reasons
    lost = judge("L7", RUN, [at_rate(0, 8000, None, pitch=None), at_rate(1, 48_000, 60.0)])
    assert (lost.verdict, lost.reasons) == (Verdict.MARGINAL, ("no_stimulus",))


def test_l7_refused_rates_are_notes() -> None:
    result = judge(
        "L7", RUN, [at_rate(0, 48_000, 60.0), refused(1, test_id="L7", request=TrialRequest())]
    )
    assert (result.verdict, result.reasons) == (Verdict.PASS, ("request_refused",))
    assert "no capture at 48000 Hz" in result.text
    alone = judge("L7", RUN, [refused(0, test_id="L7")])
    assert alone.verdict is Verdict.NOT_MEASURABLE


# --- L8 ------------------------------------------------------------------------------------------


def preset(index: int, name: str, latency_ms: float | None, *, zeros: float = 0) -> TrialRecord:
    dead = zeros > 3000
    quality = replace(QUALITY, zero_run_ms=zeros, zero_fraction=1.0 if dead else 0.0)
    reasons = ("silent_capture",) if dead else () if latency_ms else ("no_stimulus",)
    sound = SoundFindings(
        Verdict.PASS, (), quality, (630.0, 1000.0), (-20.0, -22.0), (40.0, 40.0), 120.0, 15_000.0,
        -70.0, (), None, 0.2, 60.0, "1",
    )  # fmt: skip
    return make.trial(
        f"p{name}", test_id="L8", index=index, latency_ms=latency_ms,
        estimate=make.estimate(latency_ms, quality=quality, reasons=reasons),
        findings=None if dead else sound, reasons=reasons,
        request=TrialRequest(input_preset=name),
    )  # fmt: skip


def test_l8_needs_presets() -> None:
    skip = TESTS["L8"].trials(replace(FACTS, platform=Platform.HOST), TrialOptions(seed=1))
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NOT_ON_THIS_PROBE
    trials = TESTS["L8"].trials(FACTS, TrialOptions(seed=1))
    assert not isinstance(trials, Skip)
    assert len({t.request.input_preset for t in trials}) == 6


def test_l8_is_information_and_a_dead_preset_fails() -> None:
    good = [preset(0, "generic", 60.0), preset(1, "voice_recognition", 85.0)]
    result = judge("L8", RUN, good)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "rtl_ms[preset=voice_recognition]") == 85.0
    assert number(result, "gain_db[preset=generic]") == -21.0
    assert "60.0 ms (generic) to 85.0 ms (voice_recognition)" in result.text
    dead = judge("L8", RUN, [*good, preset(2, "unprocessed", None, zeros=6000)])
    assert (dead.verdict, dead.reasons) == (Verdict.FAIL, ("silent_capture",))
    assert "digital silence with unprocessed" in dead.text
    unclear = judge("L8", RUN, [*good, preset(2, "unprocessed", None)])
    assert (unclear.verdict, unclear.reasons) == (Verdict.MARGINAL, ("no_stimulus",))
    asked = TrialRequest(input_preset="voice_performance")
    refusing = judge("L8", RUN, [*good, refused(2, test_id="L8", request=asked)])
    assert (refusing.verdict, refusing.reasons) == (Verdict.PASS, ("request_refused",))
    assert judge("L8", RUN, [preset(0, "generic", None)]).verdict is Verdict.NOT_MEASURABLE
