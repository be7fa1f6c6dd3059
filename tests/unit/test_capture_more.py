"""D2, G4 and G5: trials in, verdicts out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import Skip, TrialOptions, judge, planned_audio_s
from profiler.catalogue.capture import d2, g4, g5
from profiler.model import (
    CaptureQuality,
    ChannelTone,
    CodecCost,
    CodecFindings,
    CodecRequest,
    CostStats,
    Glitch,
    GlitchFindings,
    GrantedStream,
    Platform,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

RUN = "run-1"
FACTS = make.facts()
OPTIONS = TrialOptions(seed=1)
QUALITY = CaptureQuality(4.0, -6.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


def numbers(result: TestResult, begin: str) -> list[float]:
    return [m.value for m in result.measurements if m.name.startswith(begin)]


def counted(
    glitches: int = 0, seconds: float = 52.0, *reasons: Reason, **changes: Any
) -> GlitchFindings:
    lost = seconds == 0
    values: dict[str, Any] = {
        "verdict": Verdict.NOT_MEASURABLE if lost else Verdict.PASS,
        "reasons": tuple(str(r) for r in reasons),
        "quality": QUALITY,
        "glitches": tuple(Glitch(1.0 + i, 2.0, "hole", 0.0) for i in range(glitches)),
        "analysed_s": seconds,
        "tone_dbfs": None if lost else -20.0,
        "tone_snr_db": None if lost else 50.0,
        "pitch_ratio": None if lost else 1.0,
        "phase_jitter_rad": None if lost else 1e-3,
        "channels": (),
        "analysis_version": "1",
    }
    return GlitchFindings(**{**values, **changes})


# --- D2 ------------------------------------------------------------------------------------------

LIVE = ChannelTone(-20.0, -20.0, 0.0, None)
WEAK = ChannelTone(-26.0, -26.0, 0.0, None)
SAME = ChannelTone(-20.0, -20.0, 0.0, 0)
DEAD = ChannelTone(-200.0, -200.0, 1.0, None)


def opened(
    asked: int, *held: ChannelTone, index: int = 0, pitch: float | None = 1.0, **changes: Any
) -> TrialRecord:
    """An open with ``asked`` input channels that delivered ``held``."""
    off = pitch is not None and abs(pitch - 1) > 1e-3
    why = (Reason.SILENT_CAPTURE,) if pitch is None else (Reason.PITCH_ERROR,) if off else ()
    found = counted(0, 0.0 if pitch is None else 3.0, *why, pitch_ratio=pitch, channels=held)
    values: dict[str, Any] = {
        "test_id": "D2", "index": index, "request": TrialRequest(input_channels=asked),
        "setup": TrialSetup(analysis="glitches", note=f"{asked} channels"), "findings": found,
        "estimate": None, "verdict": found.verdict, "reasons": found.reasons,
    }  # fmt: skip
    return make.trial(f"t{index}", **{**values, **changes})


def refused(asked: int, index: int, verdict: Verdict = Verdict.NOT_MEASURABLE) -> TrialRecord:
    why = Reason.REQUEST_REFUSED if verdict is Verdict.NOT_MEASURABLE else Reason.DEVICE_LOST
    return opened(
        asked, index=index, findings=None, report=None, verdict=verdict, reasons=(str(why),)
    )


def test_d2_opens_one_and_two_channels_plainly_and_as_a_call() -> None:
    trials = d2.trials(FACTS, OPTIONS)
    opens = {(t.request.input_channels, t.request.input_preset) for t in trials}
    assert opens == {(n, p) for n in (1, 2) for p in ("default", "voice_communication")}
    assert [t.index for t in trials] == [0, 1, 2, 3]
    host = d2.trials(replace(FACTS, platform=Platform.HOST), OPTIONS)
    assert [t.request.input_channels for t in host] == [1, 2]


@pytest.mark.parametrize("ratio", [0.5, 0.50002])
def test_d2_two_channels_in_a_mono_stream_fail(ratio: float) -> None:
    two = opened(2, LIVE, WEAK, index=1)
    result = judge("D2", RUN, [opened(1, LIVE, pitch=ratio), two])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("channels_wrong",))
    assert sorted(numbers(result, "pitch_ratio[")) == [ratio, 1.0]


def test_d2_another_pitch_is_no_matter_of_channels() -> None:
    result = judge("D2", RUN, [opened(1, LIVE, pitch=44_100 / 48_000), opened(2, LIVE, SAME)])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("pitch_error",))


@pytest.mark.parametrize(
    ("second", "verdict", "reasons", "text"),
    [
        (SAME, Verdict.PASS, (), "the same signal in both"),
        (WEAK, Verdict.PASS, (), "-6.0 dB"),
        (DEAD, Verdict.MARGINAL, ("channels_wrong",), "channel 2 of 2 is dead"),
    ],
)
def test_d2_describes_the_second_channel(
    second: ChannelTone, verdict: Verdict, reasons: tuple[str, ...], text: str
) -> None:
    result = judge("D2", RUN, [opened(1, LIVE), opened(2, LIVE, second, index=1)])
    assert (result.verdict, result.reasons) == (verdict, reasons)
    assert text in result.text


def test_d2_a_dead_first_channel_is_found_though_the_tone_is_not() -> None:
    result = judge("D2", RUN, [opened(1, LIVE), opened(2, DEAD, LIVE, index=1, pitch=None)])
    assert (result.verdict, "channels_wrong" in result.reasons) == (Verdict.MARGINAL, True)


def test_d2_what_was_not_granted_is_a_note() -> None:
    result = judge("D2", RUN, [opened(1, LIVE), opened(2, LIVE, index=1)])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ("granted_differs",))
    result = judge("D2", RUN, [opened(1, LIVE), refused(2, 1)])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ("request_refused",))


def test_d2_without_a_capture_there_is_no_verdict_about_channels() -> None:
    assert judge("D2", RUN, []).verdict is Verdict.SKIPPED
    assert judge("D2", RUN, [refused(1, 0), refused(2, 1)]).verdict is Verdict.NOT_MEASURABLE
    lost = judge("D2", RUN, [opened(1, LIVE), refused(2, 1, Verdict.ERROR)])
    assert (lost.verdict, "device_lost" in lost.reasons) == (Verdict.ERROR, True)
    deaf = opened(1, LIVE, findings=counted(0, 0.0, Reason.TONE_LOST, channels=(LIVE,)))
    assert judge("D2", RUN, [deaf]).verdict is Verdict.NOT_MEASURABLE


# --- G4 ------------------------------------------------------------------------------------------


def soak(
    counts: list[int],
    latencies: list[float | None] | None = None,
    statuses: list[str] | None = None,
    **changes: Any,
) -> list[TrialRecord]:
    """Rounds of a tone with so many glitches each, and of a train."""
    records = []
    trials = g4.trials(FACTS, OPTIONS)
    for i, (tone, train) in enumerate(zip(trials[::2], trials[1::2], strict=True)):
        if i == len(counts):
            break
        status = statuses[i] if statuses else "none"
        stream = GrantedStream(48_000, 1, frames_per_burst=96, buffer_frames=384)
        heat: dict[str, Any] = {"thermal_status": status, "battery_temperature_c": 28.0 + i}
        said = make.report(output=stream, **heat)
        found = counted(counts[i], **changes) if counts[i] >= 0 else counted(0, 0.0)
        shared: dict[str, Any] = {"test_id": "G4", "report": said}
        records.append(
            make.trial(
                f"a{i}", index=tone.index, request=tone.request, setup=tone.setup, estimate=None,
                findings=found, verdict=found.verdict, reasons=found.reasons, **shared,
            )
        )  # fmt: skip
        records.append(
            make.trial(
                f"b{i}", index=train.index, request=train.request, setup=train.setup,
                latency_ms=latencies[i] if latencies else 40.0, **shared,
            )
        )  # fmt: skip
    return records


def test_g4_soaks_for_a_quarter_of_an_hour_within_every_limit_of_a_trial() -> None:
    trials = g4.trials(FACTS, OPTIONS)
    assert 14 * 60 <= planned_audio_s(trials) <= 20 * 60
    assert [t.index for t in trials] == list(range(len(trials)))
    assert {t.setup.analysis for t in trials} == {"glitches", "latency"}
    for rate in (8000, 192_000):
        for trial in g4.trials(FACTS, replace(OPTIONS, rates_hz=(rate,))):
            request = trial.request
            assert request.cpu_load > 0
            assert request.duration_s <= 900
            assert request.duration_s * request.rate_hz * 4 * request.input_channels < 128 * 2**20


def test_g4_a_cool_phone_passes_with_a_bound() -> None:
    result = judge("G4", RUN, soak([0] * 15))
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    # Five rounds of 52 s: the rule of three.
    assert number(result, "glitches_per_min_ub95[soak=last]") == pytest.approx(
        -math.log(0.05) / (5 * 52 / 60), rel=1e-6
    )


def test_g4_glitches_that_come_with_the_heat_fail() -> None:
    statuses = ["none"] * 5 + ["light"] * 5 + ["moderate"] * 5
    result = judge("G4", RUN, soak([0] * 5 + [0] * 5 + [20] * 5, statuses=statuses))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("heats_up",))
    assert number(result, "glitches_per_min[soak=last]") == pytest.approx(20 / 52 * 60)
    assert number(result, "degrade_at_thermal") == 2
    assert number(result, "thermal_status_max") == 2
    assert "moderate" in result.text


def test_g4_as_many_glitches_as_before_are_not_of_the_heat() -> None:
    result = judge("G4", RUN, soak([20] * 15))
    assert result.verdict is not Verdict.FAIL
    result = judge("G4", RUN, soak([20] * 5 + [5] * 5 + [0] * 5))
    assert result.verdict is Verdict.PASS


def test_g4_a_latency_that_steps_fails_and_one_that_scatters_does_not() -> None:
    stepped: list[float | None] = [40.0 + 0.1 * (i % 3) for i in range(15)]
    stepped[10:] = [70.0 + 0.1 * (i % 3) for i in range(5)]
    result = judge("G4", RUN, soak([0] * 15, stepped))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("heats_up",))
    assert number(result, "latency_step_ms") == pytest.approx(30.0, abs=0.2)
    scattered: list[float | None] = [40.0 + 20.0 * (i % 2) for i in range(15)]
    assert judge("G4", RUN, soak([0] * 15, scattered)).verdict is not Verdict.FAIL
    unheard = judge("G4", RUN, soak([0] * 15, [None] * 15))
    assert numbers(unheard, "latency_step_ms") == []


def test_g4_without_a_tone_there_is_no_rate() -> None:
    assert judge("G4", RUN, []).verdict is Verdict.SKIPPED
    result = judge("G4", RUN, soak([-1] * 15))
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert numbers(result, "glitches_per_min") == []


def test_g4_rounds_without_a_tone_count_as_nothing() -> None:
    result = judge("G4", RUN, soak([0, -1, 0] * 5))
    assert result.verdict is Verdict.PASS
    # Ten rounds are left, a third of them is three.
    assert number(result, "glitches_per_min_ub95[soak=last]") == pytest.approx(
        -math.log(0.05) / (3 * 52 / 60), rel=1e-6
    )


# --- G5 ------------------------------------------------------------------------------------------


def stats(median: float) -> CostStats:
    return CostStats(median, 1.25 * median, 1.5 * median, 3 * median)


def codings(
    encode: dict[int, float], decode: float | None = 0.3, tight: float | None = 0.5
) -> list[TrialRecord]:
    """Paced trials by complexity and median, and the unpaced one."""
    asked = [(CodecRequest(complexity=c), stats(ms)) for c, ms in encode.items()]
    if tight is not None:
        asked.append((CodecRequest(complexity=10, paced=False), stats(tight)))
    return [coding(i, one, cost, decode) for i, (one, cost) in enumerate(asked)]


def coding(
    index: int, asked: CodecRequest, encode: CostStats | None, decode: float | None = 0.3
) -> TrialRecord:
    parts = (encode, None if decode is None else stats(decode))
    cost = CodecCost("enc", "dec", asked.frames, 15_000, *parts)
    return make.trial(
        f"c{index}", test_id="G5", index=index, estimate=None, stimulus=None, report=None,
        setup=TrialSetup(analysis="codec", at_s=(), codec=asked, note=g5.label(asked)),
        findings=CodecFindings(Verdict.PASS, (), cost), verdict=Verdict.PASS, reasons=(),
    )  # fmt: skip


def test_g5_asks_at_the_pace_of_a_call_and_needs_a_coder() -> None:
    skip = g5.trials(FACTS, OPTIONS)
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NEEDS_CODER
    trials = g5.trials(FACTS, replace(OPTIONS, abilities=frozenset({"codec"})))
    assert not isinstance(trials, Skip)
    asked = [t.setup.codec for t in trials]
    paced = [c.complexity for c in asked if c is not None and c.paced]
    assert paced == [0, 5, 10]
    assert sum(c is not None and not c.paced for c in asked) == 1
    assert all(t.stimulus is None for t in trials)


@pytest.mark.parametrize(
    ("encode", "complexity", "verdict"),
    [
        ({0: 0.5, 5: 1.0, 10: 1.5}, 10, Verdict.PASS),
        ({0: 0.5, 5: 1.0, 10: 1.7}, 5, Verdict.PASS),  # p95 2.1 ms of 20
        ({0: 0.5, 5: 1.7, 10: 2.0}, 0, Verdict.PASS),
        ({0: 2.5, 5: 3.0, 10: 4.0}, None, Verdict.MARGINAL),
        ({0: 16.0, 5: 20.0, 10: 30.0}, None, Verdict.FAIL),
    ],
)
def test_g5_the_largest_complexity_that_fits(
    encode: dict[int, float], complexity: int | None, verdict: Verdict
) -> None:
    result = judge("G5", RUN, codings(encode))
    assert result.verdict is verdict
    assert numbers(result, "opus_complexity") == ([] if complexity is None else [complexity])
    assert ("codec_slow" in result.reasons) == (complexity is None)
    for c, ms in encode.items():
        at = f"[complexity={c},pace=call]"
        assert number(result, f"encode_p50_ms{at}") == ms
        assert number(result, f"encode_p95_ms{at}") == 1.25 * ms
        assert number(result, f"encode_p99_ms{at}") == 1.5 * ms


def test_g5_a_tight_loop_proves_nothing() -> None:
    result = judge("G5", RUN, codings({0: 3.0, 5: 4.0, 10: 5.0}, tight=0.5))
    assert numbers(result, "opus_complexity") == []
    only = judge("G5", RUN, codings({}, tight=0.5))
    assert only.verdict is Verdict.NOT_MEASURABLE


def test_g5_a_slow_decoder_does_not_pass() -> None:
    result = judge("G5", RUN, codings({0: 0.5, 5: 1.0, 10: 1.5}, decode=12.0))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("codec_slow",))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_g5_figures_that_make_no_sense_are_none(bad: float) -> None:
    nonsense = coding(0, CodecRequest(complexity=0), CostStats(bad, bad, bad, bad))
    result = judge("G5", RUN, [nonsense])
    assert result.verdict is Verdict.NOT_MEASURABLE
    assert all(math.isfinite(m.value) for m in result.measurements)
    falling = coding(0, CodecRequest(complexity=0), CostStats(2.0, 1.0, 0.5, 0.1))
    assert judge("G5", RUN, [falling]).verdict is Verdict.NOT_MEASURABLE


def test_g5_without_an_encoder_there_is_no_number() -> None:
    assert judge("G5", RUN, []).verdict is Verdict.SKIPPED
    result = judge("G5", RUN, [coding(0, CodecRequest(complexity=0), None)])
    assert result.verdict is Verdict.NOT_MEASURABLE


def test_g5_a_trial_that_was_made_twice_is_no_trouble() -> None:
    asked = CodecRequest(complexity=5)
    result = judge("G5", RUN, [coding(0, asked, stats(1.0)), coding(1, asked, stats(1.1))])
    assert numbers(result, "opus_complexity") == [5]
