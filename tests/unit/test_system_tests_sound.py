"""What an action did to the sound, read from recordings of virtual phones whose truth is known."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import numpy as np
import pytest

from device_probes.server import LoadedPlay
from device_probes.virtual import Clock
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.truth import TrialTruth
from profiler.analysis import ANALYSES, Take, read_take
from profiler.analysis.acted import measure_actions
from profiler.catalogue.system.acts import TAIL_S, action_train
from profiler.errors import InputError
from profiler.model import (
    ActionFindings,
    EffectState,
    Reason,
    StimulusSpec,
    TimedAction,
    ToneSpec,
    TrialRequest,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import render
from profiler.wav import Audio

PHONE = """
version = 1
seed = {seed}
[[phone]]
serial = "A"
manufacturer = "Acme"
model = "A 1"
marketing_name = "One"
soc = "S"
os_name = "x"
os_version = "1"
os_build = "b"
link = "direct"
[phone.streams]
routes = ["speaker", "earpiece"]
[phone.latency]
api_ms = {{ java = 90.0 }}
spread = "none"
[phone.clock]
drift_ppm = {drift}
[phone.acoustics]
rt60_s = {rt60}
[phone.noise]
white_dbfs = {noise}
[phone.routes.earpiece]
delay_ms = {delay}
gap_s = {gap}
level_db = {level}
[phone.routes.speaker]
gap_s = {back}
"""
PLAIN = {"seed": 1, "drift": 20.0, "rt60": 0.3, "noise": -80.0, "delay": 40.0, "gap": 0.7,
         "level": -12.0, "back": 0.3}  # fmt: skip
AWAY, BACK = TimedAction(5.0, "route", "earpiece"), TimedAction(13.0, "route", "speaker")
DURATION_S = 21.0
RATE_HZ = 48_000


def recorded(
    *actions: tuple[float, str, str],
    seed: int = 1,
    duration_s: float = DURATION_S,
    **changes: float,
) -> tuple[Audio, StimulusSpec, TrialTruth]:
    """A trial in which ``actions`` happen at exact times of the recording."""
    toml = PHONE.format(**{**PLAIN, "seed": seed, **changes})
    (phone,) = fleet_from_toml(toml, "test").phones(Clock(math.inf))
    train = action_train(seed, RATE_HZ, duration_s - TAIL_S)
    played = LoadedPlay(train.stimulus_id, render(train, RATE_HZ), RATE_HZ, 0)
    todo = list(actions)

    def emit(stage: str, _: float) -> None:
        if stage == "playing":
            while todo:
                at_s, action, value = todo.pop()
                phone.act(action, value, at_s)

    request = TrialRequest(
        audio_mode="communication", agc=EffectState.OFF, ns=EffectState.OFF, warmup_s=0.5,
        duration_s=duration_s,
    )  # fmt: skip
    report, samples = phone.run(request, [played], emit, threading.Event())
    audio = samples.astype(np.float32) / np.float32(32768)
    assert report.input.rate_hz == RATE_HZ
    return Audio(audio, RATE_HZ), train, phone.truths[-1]


def there_and_back(**changes: float) -> tuple[ActionFindings, TrialTruth]:
    audio, train, truth = recorded(
        (5.0, "route", "earpiece"), (13.0, "route", "speaker"), **changes
    )  # type: ignore[arg-type]
    return measure_actions(audio, train, (AWAY, BACK)), truth


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 101},
        {"seed": 102, "gap": 0.0, "back": 0.0},
        {"seed": 103, "gap": 2.4, "back": 1.2, "delay": 300.0},
        {"seed": 104, "delay": 0.0, "level": 0.0, "gap": 1.05},
        {"seed": 105, "level": -30.0, "noise": -66.0, "drift": -140.0},
        {"seed": 106, "delay": 7.0, "rt60": 0.9, "back": 0.05},
    ],
    ids=str,
)
def test_a_route_change_is_read_as_it_was(changes: dict[str, float]) -> None:
    """Truth: silence at the microphone from the change on, another delay, another level.

    Latency to 0.2 ms (the room's direct path), level to 1 dB; the true gap lies in the bounds.
    """
    found, truth = there_and_back(**changes)
    assert found.verdict is Verdict.PASS, found.reasons
    for segment, path in zip(found.segments, truth.paths, strict=True):
        drifted = truth.drift_ppm * 1e-3 * segment.begin_s
        assert segment.latency_ms == pytest.approx(path.latency_ms + drifted, abs=0.2)
        assert segment.uncertainty_us is not None
    before, away, back = (s.gain_db for s in found.segments)
    assert before is not None and away is not None and back is not None  # noqa: PT018
    assert away - before == pytest.approx(truth.paths[1].level_db, abs=1.0)
    assert back == pytest.approx(before, abs=1.0)
    for gap, path in zip(found.gaps, truth.paths[1:], strict=True):
        true_s = path.sound_s - path.begin_s
        assert gap.gap_low_s is not None and gap.gap_high_s is not None  # noqa: PT018
        # What was under way on a longer path is lost at a change to a shorter one, and the other
        # way about the silence is longer by the difference: both belong to the change.
        reach_s = abs(truth.paths[1].latency_ms - truth.paths[0].latency_ms) / 1000 + 0.005
        assert gap.gap_low_s <= true_s + reach_s
        assert gap.gap_high_s >= true_s - 0.005
        assert gap.gap_high_s - gap.gap_low_s <= 0.3 + reach_s


def test_a_phone_that_nothing_happens_to_has_no_gap() -> None:
    audio, train, _ = recorded(seed=107)
    found = measure_actions(audio, train, (AWAY,))
    assert found.verdict is Verdict.PASS
    (gap,) = found.gaps
    assert gap.gap_low_s == 0.0
    assert gap.gap_high_s is not None
    assert gap.gap_high_s < 0.25
    assert (gap.zero_run_ms, gap.zero_from_s) == (0.0, None)
    first, second = found.segments
    assert first.gain_db == pytest.approx(second.gain_db, abs=0.3)


def test_zeros_after_a_lock_are_found_with_their_beginning() -> None:
    audio, train, _ = recorded((12.0, "mute", ""), seed=108)
    found = measure_actions(audio, train, (TimedAction(5.0, "lock"),))
    (gap,) = found.gaps
    assert gap.zero_run_ms == pytest.approx(1000 * (DURATION_S - 12.0), abs=1.0)
    assert gap.zero_from_s == pytest.approx(12.0, abs=0.001)
    assert found.verdict is Verdict.MARGINAL, "the train is not heard at the end"
    assert gap.gap_high_s is None
    assert gap.gap_low_s == pytest.approx(DURATION_S - 12.0, abs=0.2)


def test_a_louder_volume_is_read_in_decibels() -> None:
    audio, train, _ = recorded((6.0, "level", "-7.5"), seed=109)
    found = measure_actions(audio, train, (TimedAction(6.0, "volume_down", "2"),))
    first, second = found.segments
    assert first.gain_db is not None and second.gain_db is not None  # noqa: PT018
    assert second.gain_db - first.gain_db == pytest.approx(-7.5, abs=0.3)


def test_a_route_that_is_not_heard_is_no_number() -> None:
    found, _ = there_and_back(seed=110, level=-90.0)
    assert found.verdict is Verdict.MARGINAL
    assert found.segments[1].latency_ms is None
    assert found.gaps[0].gap_high_s is None
    assert found.segments[2].latency_ms is not None
    assert found.gaps[1].resumed_s == pytest.approx(13.3, abs=0.15)


# --- what a probe may send ------------------------------------------------------------------------

TRAIN = action_train(1, RATE_HZ, 20.0)
NOISE = np.random.default_rng(5).normal(0, 0.05, (RATE_HZ * 20, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "reason"),
    [
        (np.zeros((0, 1), np.float32), RATE_HZ, Reason.TOO_SHORT),
        (np.zeros((100, 1), np.float32), RATE_HZ, Reason.TOO_SHORT),
        (np.zeros((RATE_HZ * 20, 1), np.float32), RATE_HZ, Reason.SILENT_CAPTURE),
        (np.full((RATE_HZ * 20, 1), np.nan, np.float32), RATE_HZ, Reason.NON_FINITE),
        (np.full((RATE_HZ * 20, 2), np.inf, np.float32), RATE_HZ, Reason.NON_FINITE),
        (np.ones((RATE_HZ * 20, 1), np.float32), RATE_HZ, None),
        (NOISE, RATE_HZ, None),
        (1e30 * NOISE, RATE_HZ, None),
        (NOISE[: 8000 * 20], 8000, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "actions",
    [(), (AWAY, BACK), (BACK, AWAY, AWAY), (TimedAction(-3.0, "lock"), TimedAction(900.0, "lock"))],
    ids=len,
)
def test_nothing_is_made_of_a_poor_recording(
    samples: np.ndarray, rate_hz: int, reason: Reason | None, actions: tuple[TimedAction, ...]
) -> None:
    found = measure_actions(Audio(samples, rate_hz), TRAIN, actions)
    assert found.verdict is Verdict.NOT_MEASURABLE
    assert all(s.latency_ms is None for s in found.segments)
    assert len(found.segments) == len(actions) + 1
    assert len(found.gaps) == len(actions)
    assert found.reasons
    if reason is not None:
        assert str(reason) in found.reasons


def test_the_door_knows_it_and_refuses_another_stimulus() -> None:
    assert "actions" in ANALYSES
    tone = ToneSpec(RATE_HZ, 857.0, 0.5, 2.0)
    take = Take(Audio(NOISE, RATE_HZ), tone, TrialSetup(analysis="actions", actions=(AWAY,)))
    with pytest.raises(InputError, match="chirp train"):
        read_take(take)
    reading = read_take(replace(take, stimulus=TRAIN))
    assert reading.estimate is None
    assert isinstance(reading.findings, ActionFindings)
