"""D1 and D2: which configurations are silent, and what the channels hold."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import store_records as make
from catalogue_runs import number
from hypothesis import given
from hypothesis import strategies as st
from tone_records import found, lost, played

from profiler.analysis.glitches import find_glitches
from profiler.analysis.quality import capture_quality
from profiler.catalogue import TESTS, TrialOptions, judge
from profiler.catalogue.inputs import inputs_of
from profiler.model import (
    CaptureQuality,
    ChannelTone,
    Platform,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import render, tone
from profiler.wav import Audio, mono_audio

RUN = "run-1"
QUALITY = CaptureQuality(1.2, -6.0, -20.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0, 0.2)
SILENT: dict[str, Any] = {
    "zero_run_ms": 1200.0, "leading_zero_ms": 1200.0, "inner_zero_run_ms": 0.0,
    "zero_fraction": 1.0,
}  # fmt: skip


def captured(index: int, note: str = "rate=48000", **quality: Any) -> TrialRecord:
    return make.trial(
        f"d{index}",
        test_id="D1",
        index=index,
        request=TrialRequest(),
        setup=TrialSetup(note=note),
        estimate=make.estimate(None, quality=replace(QUALITY, **quality)),
        verdict=Verdict.NOT_MEASURABLE,
    )


# --- D1 ------------------------------------------------------------------------------------------


def test_every_silent_configuration_is_named() -> None:
    notes = ("rate=16000", "preset=camcorder", "rate=24000,preset=voice_communication")
    records = [captured(i, note, **SILENT) for i, note in enumerate(notes)]
    result = judge("D1", RUN, [*records, captured(9, "channels=2")])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("silent_capture",))
    assert "preset camcorder" in result.text
    assert "preset voice_communication" in result.text
    assert number(result, "zero_run_ms[preset=camcorder]") == 1200.0
    assert number(result, "zero_run_ms[channels=2]") == 0.2
    assert number(result, "configurations_silent") == 3
    assert number(result, "configurations_fine") == 1


def test_zeros_before_the_first_sound_are_the_start_of_the_input() -> None:
    started = captured(0, zero_run_ms=90.0, leading_zero_ms=90.0)
    result = judge("D1", RUN, [started])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    holed = captured(0, zero_run_ms=90.0, leading_zero_ms=90.0, inner_zero_run_ms=60.0)
    assert judge("D1", RUN, [holed]).reasons == ("zero_run",)
    late = captured(0, zero_run_ms=700.0, leading_zero_ms=700.0)
    result = judge("D1", RUN, [late])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("late_start",))
    old = captured(0, zero_run_ms=90.0, leading_zero_ms=90.0, inner_zero_run_ms=None)
    assert judge("D1", RUN, [old]).verdict is Verdict.PASS


def test_a_recording_that_holds_inf_does_not_pass() -> None:
    result = judge("D1", RUN, [captured(0, non_finite=3), captured(1)])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("non_finite",))
    assert "NaN or Inf" in result.text


def test_the_inner_run_is_measured() -> None:
    x = [0.0] * 480 + [0.1] * 480 + [0.0] * 240 + [0.1] * 480 + [0.0] * 100
    quality = capture_quality(mono_audio(_array(x), 48_000))
    assert (quality.leading_zero_ms, quality.zero_run_ms) == (10.0, 10.0)
    assert quality.inner_zero_run_ms == 5.0
    nothing = capture_quality(mono_audio(_array([0.0] * 480), 48_000))
    assert (nothing.zero_run_ms, nothing.inner_zero_run_ms) == (10.0, 0.0)


def test_d1_changes_one_thing_or_a_pair_known_from_the_field() -> None:
    facts = make.facts(raw={"apis": "aaudio,java"})
    planned = TESTS["D1"].trials(facts, TrialOptions(seed=1, tests=("D1",)))
    assert isinstance(planned, tuple)
    plain = replace(planned[0].request, rate_hz=48_000, duration_s=0.0)
    pairs = [set(p) for p in inputs_of(facts).pairs]
    seen = set()
    for trial in planned:
        request = replace(trial.request, duration_s=0.0)
        changed = {n for n in TrialRequest.__slots__ if getattr(request, n) != getattr(plain, n)}
        assert len(changed) <= 1 or changed in pairs
        seen |= changed
    assert seen >= {
        "rate_hz", "input_preset", "input_channels", "sharing", "performance_mode", "api",
    }  # fmt: skip
    notes = [t.setup.note for t in planned]
    assert len(set(notes)) == len(notes)
    brief = TESTS["D1"].trials(facts, TrialOptions(seed=1, tests=("D1",), brief=True))
    assert isinstance(brief, tuple)
    assert sum(t.audio_s for t in brief) <= 32
    host = TESTS["D1"].trials(make.facts(platform=Platform.HOST), TrialOptions(1, ("D1",)))
    assert isinstance(host, tuple)
    assert {t.request.input_preset for t in host} == {"default"}


@given(
    st.lists(
        st.builds(
            lambda run, lead, inner, fraction, bad: {
                "zero_run_ms": run, "leading_zero_ms": lead, "inner_zero_run_ms": inner,
                "zero_fraction": fraction, "non_finite": bad,
            },
            st.floats(0, 2000), st.floats(0, 2000), st.none() | st.floats(0, 2000),
            st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_quality_gives_a_verdict(qualities: list[dict[str, Any]]) -> None:
    result = judge("D1", RUN, [captured(i, f"x={i}", **q) for i, q in enumerate(qualities)])
    bad = [q for q in qualities if q["zero_fraction"] == 1.0 or q["non_finite"]]
    assert (result.verdict is Verdict.FAIL) or not bad


# --- D2 ------------------------------------------------------------------------------------------

MIC = ChannelTone(-20.0, -20.0, 0.0, None)


def heard(
    index: int, channels: tuple[ChannelTone, ...], *, asked: int | None = None, **changes: Any
) -> TrialRecord:
    return played(
        "D2", index, found(channels=channels, **changes), bursts=None,
        state=f"{asked or len(channels)} channels",
        request=TrialRequest(input_channels=asked or len(channels)),
        setup=TrialSetup(analysis="glitches", note=f"{asked or len(channels)} channels"),
    )  # fmt: skip


def test_two_microphones() -> None:
    second = ChannelTone(-23.0, -23.1, 0.0, None)
    result = judge("D2", RUN, [heard(0, (MIC,)), heard(1, (MIC, second))])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "channel_difference_db[channels=2,preset=default]") == pytest.approx(-3.1)
    assert number(result, "pitch_ratio[channels=1,preset=default]") == 1.0


def test_one_microphone_twice_is_a_note() -> None:
    result = judge("D2", RUN, [heard(0, (MIC, replace(MIC, same_as=0)))])
    assert result.verdict is Verdict.PASS
    assert "the same signal in both" in result.text
    assert number(result, "channels_same[channels=2,preset=default]") == 1


@pytest.mark.parametrize(
    ("held", "ratio", "reason", "said"),
    [((MIC,), 0.5, "channels_wrong", "two channels in one"),
     ((MIC, MIC), 2.0, "channels_wrong", "one channel in two"),
     ((MIC,), 2.0, "pitch_error", "pitch times 2"),
     ((MIC, MIC), 0.5, "pitch_error", "pitch times 0.5"),
     ((MIC,), 1.088, "pitch_error", "pitch times 1.088")],
)  # fmt: skip
def test_a_wrong_pitch_fails(
    held: tuple[ChannelTone, ...], ratio: float, reason: str, said: str
) -> None:
    record = heard(0, held, pitch_ratio=ratio, reasons=("pitch_error",))
    result = judge("D2", RUN, [record])
    assert (result.verdict, result.reasons) == (Verdict.FAIL, (reason,))
    assert said in result.text


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_a_pitch_that_both_opens_share_is_the_rate(ratio: float) -> None:
    """24 kHz called 48: nothing is wrong with the channels."""
    wrong: dict[str, Any] = {"reasons": ("pitch_error",)}
    both = [
        heard(0, (MIC,), pitch_ratio=ratio, **wrong),
        heard(1, (MIC, MIC), pitch_ratio=ratio * 1.0001, **wrong),
    ]
    result = judge("D2", RUN, both)
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("pitch_error",))


def test_a_mono_stream_twice_or_of_another_preset_says_nothing_about_the_rate() -> None:
    wrong: dict[str, Any] = {"pitch_ratio": 0.5, "reasons": ("pitch_error",)}
    as_mono = [heard(0, (MIC,), **wrong), heard(1, (MIC,), asked=2, **wrong)]
    assert judge("D2", RUN, as_mono).reasons == ("channels_wrong",)
    call = heard(1, (MIC, MIC), **wrong)
    call = replace(call, request=replace(call.request, input_preset="voice_communication"))
    assert "channels_wrong" in judge("D2", RUN, [heard(0, (MIC,), **wrong), call]).reasons


@pytest.mark.parametrize(
    ("below_db", "verdict"), [(20.0, Verdict.PASS), (39.9, Verdict.PASS), (40.1, Verdict.MARGINAL)]
)
@pytest.mark.parametrize("weak_first", [False, True])
def test_a_channel_far_below_the_other_is_dead(
    below_db: float, verdict: Verdict, weak_first: bool
) -> None:
    weak = ChannelTone(-30.0, -20.0 - below_db, 0.0, None)  # its noise is loud, its tone is not
    channels = (weak, MIC) if weak_first else (MIC, weak)
    result = judge("D2", RUN, [heard(0, channels)])
    assert result.verdict is verdict
    assert (result.reasons == ("channels_wrong",)) == (verdict is Verdict.MARGINAL)
    assert (f"channel {2 - weak_first} of 2 is dead" in result.text) == bool(result.reasons)


@pytest.mark.parametrize("dead", [0, 1])
def test_a_converters_noise_in_a_recording_is_a_dead_channel(dead: int) -> None:
    """From the samples on: no sample is exactly 0, and nothing is there."""
    rng = np.random.default_rng(4)
    spec = tone(48_000, 3.0)
    sound = 0.2 * render(spec, 48_000)
    sides = [sound, 0.7 * sound]
    sides[dead] = np.zeros_like(sound)
    samples = np.stack(sides, axis=1) + 3e-5 * rng.standard_normal((sound.size, 2))
    found = find_glitches(Audio(samples.astype(np.float32), 48_000), spec)
    record = replace(heard(0, (MIC, MIC)), findings=found)
    result = judge("D2", RUN, [record])
    assert (result.verdict, "channels_wrong" in result.reasons) == (Verdict.MARGINAL, True)
    assert f"channel {dead + 1} of 2 is dead" in result.text


def test_measurements_are_named_by_keys_and_values() -> None:
    records = [heard(0, (MIC,)), heard(1, (MIC, replace(MIC, same_as=0))),
               heard(2, (MIC, ChannelTone(-23.0, -23.0, 0.0, None)))]  # fmt: skip
    names = [m.name for m in judge("D2", RUN, records).measurements]
    assert all(re.fullmatch(r"\w+\[\w+=\w+(,\w+=\w+)*\]", name) for name in names), names
    assert "channel_dbfs[channels=2,preset=default,channel=2]" in names


def test_a_dead_channel() -> None:
    dead = ChannelTone(-200.0, -200.0, 1.0, None)
    result = judge("D2", RUN, [heard(0, (MIC, dead))])
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, ("channels_wrong",))
    assert "channel 2 of 2 is dead" in result.text
    both = replace(lost("silent_capture"), channels=(dead, dead))
    silent = replace(heard(0, (dead, dead)), findings=both)
    assert judge("D2", RUN, [silent]).verdict is Verdict.FAIL


def test_fewer_channels_granted_and_nothing_heard() -> None:
    result = judge("D2", RUN, [heard(0, (MIC,), asked=2)])
    assert (result.verdict, result.reasons) == (Verdict.PASS, ("granted_differs",))
    unheard = replace(heard(0, (MIC,)), findings=lost("tone_lost"))
    assert judge("D2", RUN, [unheard]).verdict is Verdict.NOT_MEASURABLE
    assert judge("D2", RUN, []).verdict is Verdict.SKIPPED


def _array(values: list[float]) -> Any:
    return np.asarray(values)
