"""What the catalogue makes of a browser: its own path, what it has and what it has not."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import store_records as make

from profiler.catalogue import (
    SUITES,
    TESTS,
    PlannedTrial,
    Skip,
    TrialOptions,
    judge,
    planned_audio_s,
    planned_trials,
    skipped_tests,
)
from profiler.catalogue.capture import d1
from profiler.catalogue.paths import WEB_API
from profiler.model import (
    ActionFindings,
    ActionGap,
    ActionSegment,
    DeviceFacts,
    DeviceRef,
    EffectReport,
    EffectState,
    GrantedStream,
    Platform,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

BROWSER = make.facts(
    "Linux x86_64 (Chromium)", platform=Platform.WEB, manufacturer="", soc="x86_64",
    os_name="Linux", os_version="6.1", os_build="Chromium 156.0.8078.79", is_virtual=False,
    native_rate_hz=44_100, raw={"apis": "web_audio"},
)  # fmt: skip
CAN = frozenset({"fresh_process", "action:home", "action:front"})
PARTNER = DeviceRef(Platform.HOST, "interface")
WEB_TRIAL = TrialRequest(api=WEB_API, duration_s=7.0)


def plan(test_id: str, facts: DeviceFacts = BROWSER, **changes: Any) -> tuple[PlannedTrial, ...]:
    options = replace(TrialOptions(seed=5, tests=(test_id,), abilities=CAN), **changes)
    trials = TESTS[test_id].trials(facts, options)
    assert not isinstance(trials, Skip), trials
    return trials


def skip(test_id: str, **changes: Any) -> Skip:
    options = replace(TrialOptions(seed=5, tests=(test_id,), abilities=CAN), **changes)
    found = TESTS[test_id].trials(BROWSER, options)
    assert isinstance(found, Skip)
    return found


def numbers(result: TestResult) -> dict[str, float]:
    return {m.name: m.value for m in result.measurements}


# --- plans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", sorted(SUITES))
@pytest.mark.parametrize("partner", [None, PARTNER])
def test_every_trial_takes_the_browsers_own_path(suite: str, partner: DeviceRef | None) -> None:
    options = TrialOptions(
        seed=5, tests=SUITES[suite], short=suite == "smoke", brief=suite == "quick",
        thorough=suite == "full", abilities=CAN, partner=partner,
    )  # fmt: skip
    trials = [t for t in planned_trials(BROWSER, options) if t.setup.codec is None]
    assert {t.test_id for t in trials} >= {"L1", "L3", "A1", "D1"}
    for trial in trials:
        asked = trial.request
        assert asked.api == WEB_API
        nothing_of_a_phone = ("media", "default", "default", "default", "default", None, None)
        assert nothing_of_a_phone == (
            asked.audio_mode, asked.input_preset, asked.usage, asked.sharing, asked.audio_session,
            asked.buffer_bursts, asked.volume,
        )  # fmt: skip


def test_an_api_that_the_plan_names_stays() -> None:
    (first, *_) = plan("L1", base=TrialRequest(api="other"))
    assert first.request.api == "other"
    (first, *_) = plan("L1", make.facts())
    assert first.request.api == "default"


def test_what_a_browser_has_not_is_said() -> None:
    options = TrialOptions(seed=5, tests=SUITES["full"], thorough=True, abilities=CAN)
    found = {test_id: s.reason for test_id, s in skipped_tests(BROWSER, options).items()}
    assert found == {
        "L8": Reason.NOT_ON_THIS_PROBE,
        "A3": Reason.NEEDS_PARTNER,
        "A5": Reason.NEEDS_OPERATOR,
        "A6": Reason.NOT_ON_THIS_PROBE,
        "G5": Reason.NEEDS_CODER,
        "V1": Reason.NEEDS_PARTNER,
        "V2": Reason.NOT_ON_THIS_PROBE,
        "V4": Reason.NOT_ON_THIS_PROBE,
        "R1": Reason.NOT_ON_THIS_PROBE,
        "R2": Reason.NEEDS_CALL,
        "R3": Reason.NEEDS_SECOND_APP,
        "R4": Reason.NOT_ON_THIS_PROBE,
        "K2": Reason.NEEDS_SECOND_APP,
        "B1": Reason.NEEDS_HEADSET,
        "B2": Reason.NEEDS_HEADSET,
        "B3": Reason.NEEDS_HEADSET,
    }
    assert "volume" in skip("V4").text
    assert "browser" in skip("V2").text
    assert skip("K1", abilities=frozenset()).reason is Reason.NOT_ON_THIS_PROBE


def test_quick_takes_no_longer_than_on_a_phone() -> None:
    options = TrialOptions(seed=5, tests=SUITES["quick"], brief=True, abilities=CAN)
    trials = planned_trials(BROWSER, options)
    assert planned_audio_s(trials) + sum(t.setup.rest_s + 1.5 for t in trials) <= 780.0


def test_l1_opens_one_path_again_and_again() -> None:
    trials = plan("L1", thorough=True, repeats=12)
    assert {t.request for t in trials} == {trials[0].request}
    assert len(trials) == 12
    assert trials[0].request.rate_hz == 44_100, "the browser's own rate"


def test_l2_asks_the_browser_for_its_effects() -> None:
    trials = plan("L2", repeats=3)
    assert [t.request.aec for t in trials] == [EffectState.OFF, EffectState.ON] * 3
    for trial in trials:
        assert trial.request.aec is trial.request.ns is trial.request.agc
        assert trial.setup.analysis == "burst"


def test_l3_compares_rates_sizes_in_frames_and_hints() -> None:
    asked = [t.request for t in plan("L3", tests=("L1", "L3"))]
    hints = [r.performance_mode for r in asked if r.performance_mode != "default"]
    assert hints == ["none"] * 3 + ["power_saving"] * 3, "its opens differ more than its hints"
    assert sorted(r.buffer_frames for r in asked if r.buffer_frames is not None) == [128, 512, 2048]
    assert sum(r.rate_hz != 44_100 for r in asked) == 4
    brief = [t.request for t in plan("L3", tests=("L1", "L3"), brief=True)]
    assert [r.performance_mode for r in brief].count("none") == 1
    slow = TrialRequest(performance_mode="power_saving")
    modes = {t.request.performance_mode for t in plan("L3", base=slow)}
    assert modes == {"power_saving", "low_latency", "none"}


def test_the_canceller_is_measured_at_the_volume_as_found() -> None:
    on, off = plan("A1")
    assert (on.request.aec, off.request.aec) == (EffectState.ON, EffectState.OFF)
    assert (on.request.volume, on.setup.note) == (None, "aec on")
    assert [t.request.volume for t in plan("A8")] == [None]
    assert {t.request.ns for t in plan("A8")} == {EffectState.ON}
    gains = [t.request.volume for t in plan("A1", volumes=(0.5, 1.0))]
    assert gains == [0.5, 0.5, 1.0, 1.0], "what the plan names is a page's own gain"


def test_a7_has_no_mode_to_toggle() -> None:
    first, between, after = plan("A7")
    assert first.setup.fresh_process
    assert not after.setup.fresh_process
    states = [t.request.aec for t in (first, between, after)]
    assert states == [EffectState.ON, EffectState.OFF, EffectState.ON]
    assert skip("A7", abilities=frozenset()).reason is Reason.NOT_ON_THIS_PROBE


def test_d1_tries_every_rate_and_effect() -> None:
    trials = plan("D1")
    names = [t.setup.note for t in trials]
    assert names == [
        "rate=8000", "rate=16000", "rate=24000", "rate=44100", "rate=48000", "channels=2",
        "effects=on", "aec=on", "ns=on", "agc=on",
        "rate=16000,effects=on", "rate=44100,effects=on",
    ]  # fmt: skip
    by_name = dict(zip(names, (t.request for t in trials), strict=True))
    both = by_name["rate=16000,effects=on"]
    assert (both.rate_hz, both.aec, both.ns, both.agc) == (16_000, *[EffectState.ON] * 3)
    assert by_name["ns=on"].aec is EffectState.OFF
    assert [t.setup.note for t in plan("D1", brief=True)][-1] == "effects=on"
    assert len(plan("D1", rates_hz=(48_000,))) == 1
    plain = replace(WEB_TRIAL, rate_hz=8000)
    assert d1.requested(plain, {"rate_hz": 16_000, "aec": "on"}).aec is EffectState.ON


def test_buffers_are_asked_for_in_frames() -> None:
    sizes = [t.request.buffer_frames for t in plan("G1")]
    assert sizes == [64, 128, 256, 512, 1024, 2048]
    assert [t.request.buffer_frames for t in plan("G1", buffer_frames=(480, 4096))] == [480, 4096]
    loads = {(t.request.cpu_load, t.request.buffer_frames) for t in plan("G2")}
    assert {(0.5, 1024), (0.5, 2048), (0.9, 64)} <= loads
    (idle,) = plan("G3", tests=("G1", "G3"))
    assert idle.request.buffer_frames == 2048


def test_voices_go_through_the_one_path_with_the_effects_it_has() -> None:
    (band,) = plan("V5")
    off, on = plan("V6")
    assert (off.request.ns, on.request.ns) == (EffectState.OFF, EffectState.ON)
    assert {off.request.aec, on.request.aec, band.request.ns} == {EffectState.OFF}
    (follows,) = plan("V3")
    assert follows.request.agc is EffectState.ON
    plain, effects = plan("V1", partner=PARTNER)
    assert (plain.setup.note, effects.setup.note) == ("media", "effects")
    assert (plain.request.agc, effects.request.agc) == (EffectState.OFF, EffectState.ON)
    takes = plan("A3", partner=PARTNER)
    assert {t.request.aec for t in takes} == {EffectState.ON}


def test_k1_leaves_the_page_where_nothing_can_be_locked() -> None:
    (only,) = plan("K1")
    assert [a.action for a in only.setup.actions] == ["home"]
    assert only.request.background == "continue"
    (locked,) = plan("K1", abilities=CAN | {"action:lock"})
    assert [a.action for a in locked.setup.actions] == ["lock"]


# --- verdicts ------------------------------------------------------------------------------------


def opens(*latencies_ms: float, scatter_ms: float = 0.01, **report: Any) -> list[TrialRecord]:
    """Opens of L1 in a browser, each with a clock of its own and a known scatter of its chirps."""
    rng = np.random.default_rng(3)
    times = np.array(make.estimate().per_chirp_time_s)
    found = []
    for i, ms in enumerate(latencies_ms):
        noise = rng.normal(0, scatter_ms, len(times))
        # Orthogonal to the line: what is left is the scatter exactly.
        basis = np.linalg.qr(np.column_stack([np.ones_like(times), times]))[0]
        noise -= basis @ (basis.T @ noise)
        noise *= scatter_ms * np.sqrt((len(times) - 2) / np.sum(noise**2))
        estimate = make.estimate(ms, per_chirp_ms=tuple(ms + 0.3 * times + noise))
        found.append(
            make.trial(
                f"t{i}", index=i, request=WEB_TRIAL, estimate=estimate, report=make.report(**report)
            )
        )
    return found


def test_l1_keeps_the_scatter_within_an_open_apart_from_that_between_opens() -> None:
    result = judge("L1", "run-1", opens(97.0, 108.0, 119.0, 101.0, 110.0))
    found = numbers(result)
    assert found["within_sd_ms"] == pytest.approx(0.01, rel=1e-6)
    assert found["rtl_mad_ms"] == 7.0
    assert "sd 0.0100 ms within one" in result.text
    assert found["reported_output_ms"] == 20.0
    assert found["reported_input_ms"] == 10.0
    assert "the system reports 20.0 ms of output and 10.0 ms of input" in result.text


def test_l1_says_nothing_of_what_is_not_reported() -> None:
    silent = {"reported_output_latency_ms": None, "reported_input_latency_ms": None}
    result = judge("L1", "run-1", opens(97.0, 98.0, 99.0, 97.5, 98.5, **silent))
    assert not [name for name in numbers(result) if name.startswith("reported")]
    assert "reports" not in result.text
    few = [
        replace(r, estimate=replace(r.estimate, per_chirp_ms=(97.0,), per_chirp_time_s=(0.2,)))
        for r in opens(97.0, 98.0, 99.0, 97.5, 98.5)
        if r.estimate is not None
    ]
    assert "within_sd_ms" not in numbers(judge("L1", "run-1", few))


def test_l1_takes_the_median_over_the_opens() -> None:
    mixed = [
        replace(r, index=i)
        for i, sd in enumerate((0.01, 0.02, 0.9))
        for r in opens(97.0, scatter_ms=sd)
    ]
    assert numbers(judge("L1", "run-1", mixed))["within_sd_ms"] == pytest.approx(0.02, rel=1e-6)


def test_l3_stores_one_direction_without_calling_it_a_round_trip() -> None:
    records = opens(97.0, 98.0, 99.0, 97.5, 98.5, reported_input_latency_ms=None)
    result = judge("L3", "run-1", records)
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert "one direction" in result.text
    assert numbers(result)["reported_output_ms"] == 20.0
    assert "reported_input_ms" not in numbers(result)


def test_l3_compares_the_sum_with_what_is_measured() -> None:
    records = opens(97.0, 98.0, 99.0, 97.5, 98.5)
    slow = replace(WEB_TRIAL, performance_mode="power_saving")
    records += [
        replace(r, test_id="L3", request=slow, report=make.report(reported_output_latency_ms=80.0))
        for r in opens(150.0, 160.0, 170.0)
    ]
    result = judge("L3", "run-1", records)
    found = numbers(result)
    assert result.verdict is Verdict.FAIL, "30 ms reported, 98 ms measured"
    assert found["rtl_ms"] == 98.0
    assert found["rtl_ms[performance=power_saving]"] == 160.0
    assert found["reported_output_ms[performance=power_saving]"] == 80.0
    assert statistics.median(v for n, v in found.items() if n.startswith("reported_minus")) < -60


def test_a_browsers_device_labels_are_no_granted_routes() -> None:
    stream = GrantedStream(rate_hz=48_000, channels=1, route="Built-in Audio")
    result = judge("L3", "run-1", opens(97.0, 98.0, 99.0, output=stream, input=stream))
    assert numbers(result)["grants_that_differ"] == 0
    assert str(Reason.GRANTED_DIFFERS) not in result.reasons


def test_l2_needs_survivors_that_agree_and_fit() -> None:
    """A canceller that leaves single peaks never makes a number (AUDIO_LOOPS 6: 39 to 109 ms)."""

    def session(i: int, ms: float | None, state: EffectState) -> TrialRecord:
        note = "effects on" if state is EffectState.ON else "effects off"
        request = replace(WEB_TRIAL, aec=state, ns=state, agc=state)
        setup = TrialSetup(analysis="burst", note=note)
        said = {name: EffectReport(state) for name in ("aec", "ns", "agc")}
        return make.trial(
            f"s{i}", index=i, test_id="L2", request=request, setup=setup, latency_ms=ms,
            report=make.report(effects=said),
        )  # fmt: skip

    off = [session(2 * i, ms, EffectState.OFF) for i, ms in enumerate((97.0, 104.0, 110.0))]

    def on(*ms: float | None) -> TestResult:
        mine = [session(2 * i + 1, v, EffectState.ON) for i, v in enumerate(ms)]
        return judge("L2", "run-1", [*off, *mine])

    for lucky in ((None, None, None), (None, 39.0, None), (39.0, 101.0, 109.0)):
        result = on(*lucky)
        assert result.verdict is Verdict.NOT_MEASURABLE
        assert str(Reason.AEC_SUPPRESSED) in result.reasons
        assert "rtl_ms" not in numbers(result)
        assert numbers(result)["rtl_off_ms"] == 104.0
    assert numbers(on(102.0, 111.0, 106.0))["rtl_ms"] == 106.0


def left_page(zero_run_ms: float, zero_from_s: float | None) -> TrialRecord:
    gap = ActionGap(10.0, "home", "", 0.0, 0.1, 10.2, zero_run_ms, zero_from_s)
    segment = ActionSegment(0.0, 10.0, 97.0, 5.0, -6.0, ())
    quality = make.estimate().quality
    findings = ActionFindings(
        Verdict.PASS, (), quality, (segment, replace(segment, begin_s=10.0)), (gap,), "1"
    )
    setup = TrialSetup(
        analysis="actions", actions=(TimedAction(10.0, "home"),), note="the page is left"
    )
    report = make.report(observed={"left_front_ms": "10012.3"})
    return make.trial(
        "k", test_id="K1", request=WEB_TRIAL, setup=setup, report=report, estimate=None,
        findings=findings, verdict=Verdict.PASS, reasons=(),
    )  # fmt: skip


def test_k1_speaks_of_a_page_that_was_left() -> None:
    result = judge("K1", "run-1", [left_page(0.0, None)])
    assert result.verdict is Verdict.PASS
    assert "goes on for 80 s after the page was left" in result.text
    assert numbers(result)["left_front_s"] == pytest.approx(10.0123)
    silent = judge("K1", "run-1", [left_page(70_000.0, 15.0)])
    assert silent.verdict is Verdict.FAIL
    assert "after the leaving" in silent.text
    assert "foreground service" not in silent.text
