"""Which trials a suite makes, how long they take, and what they play."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_records as make

from profiler.analysis import ANALYSES
from profiler.catalogue import (
    SUITES,
    TESTS,
    PlannedTrial,
    TrialOptions,
    expand,
    planned_audio_s,
    planned_trials,
)
from profiler.catalogue.latency.l1 import offered_apis
from profiler.model import DeviceRef, Platform, StimulusSpec, TrialRequest
from profiler.stimulus import check_spec

APIS = make.facts(raw={"apis": "aaudio,java,opensles"})


def smoke(**changes: object) -> TrialOptions:
    return replace(TrialOptions(seed=7, tests=SUITES["smoke"], short=True), **changes)  # type: ignore[arg-type]


def quick(**changes: object) -> TrialOptions:
    return replace(TrialOptions(seed=7, tests=SUITES["quick"], brief=True), **changes)  # type: ignore[arg-type]


def of(trials: tuple[PlannedTrial, ...], test_id: str) -> list[PlannedTrial]:
    return [t for t in trials if t.test_id == test_id]


EVERYTHING = frozenset(
    {"codec", "fresh_process", *(f"action:{a}" for a in ("screen_off", "screen_on", "route"))}
    | {f"action:{a}" for a in ("lock", "home", "front", "volume_up", "volume_down")}
)
PARTNER = DeviceRef(Platform.VIRTUAL, "neighbour")


def taken_s(trials: tuple[PlannedTrial, ...]) -> float:
    """Sound and rests, and what opening and fetching a trial costs (0.4 s, measured)."""
    return planned_audio_s(trials) + sum(t.setup.rest_s + 0.4 for t in trials)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_smoke_stays_within_its_90_seconds(rate_hz: int) -> None:
    facts = replace(APIS, native_rate_hz=rate_hz)
    trials = planned_trials(facts, smoke())
    assert taken_s(trials) <= 85.0
    assert len(of(trials, "L1")) == 6


@pytest.mark.parametrize("partner", [None, PARTNER])
def test_quick_and_standard_stay_within_13_and_25_minutes(partner: DeviceRef | None) -> None:
    can = {"partner": partner, "abilities": EVERYTHING}
    facts = replace(APIS, raw={"apis": "aaudio,java", "routes": "speaker,earpiece"})
    assert taken_s(planned_trials(facts, quick(**can))) <= 780.0
    standard = TrialOptions(seed=7, tests=SUITES["standard"], **can)  # type: ignore[arg-type]
    assert taken_s(planned_trials(facts, standard)) <= 1500.0


FULL = TrialOptions(
    seed=3, tests=SUITES["full"], thorough=True, partner=PARTNER, operator=True,
    abilities=EVERYTHING,
)  # fmt: skip


@pytest.mark.parametrize("options", [smoke(), quick(), FULL])
def test_every_trial_is_playable_numbered_and_recorded_to_its_end(options: TrialOptions) -> None:
    trials = planned_trials(APIS, options)
    for test_id in options.tests:
        indices = [t.index for t in of(trials, test_id)]
        assert indices == list(range(len(indices)))
    for trial in trials:
        if trial.setup.codec is not None:
            continue
        assert trial.setup.analysis in ANALYSES
        parts = [(trial.request, trial.stimulus, trial.setup.at_s)]
        if trial.setup.partner is not None:
            partner = trial.setup.partner
            parts.append((partner.request, partner.stimulus, partner.at_s))
        for request, stimulus, at_s in parts:
            last_s = max(at_s, default=0.0) + (stimulus.duration_s if stimulus and at_s else 0.0)
            assert request.duration_s >= last_s
            assert request.duration_s <= 900
            if isinstance(stimulus, StimulusSpec):
                check_spec(stimulus)


def test_l5_makes_no_recording_of_its_own() -> None:
    trials = planned_trials(APIS, quick(tests=("L4", "L5")))
    assert of(trials, "L5") == []
    (long,) = of(trials, "L4")
    assert 55.0 < long.stimulus.duration_s < 65.0
    assert expand(["L5"]) == ("L4", "L5")


def test_smoke_and_full_trains() -> None:
    (short, *_), (full, *_) = planned_trials(APIS, smoke()), planned_trials(APIS, quick())
    assert (len(short.stimulus.starts_s), short.stimulus.chirp_s) == (6, 0.35)
    assert (len(full.stimulus.starts_s), full.stimulus.chirp_s) == (8, 0.5)
    assert full.request.warmup_s >= 1.0


def test_each_seed_has_its_own_gaps_in_every_test() -> None:
    ours, neighbours = planned_trials(APIS, smoke(seed=1)), planned_trials(APIS, smoke(seed=2))
    for mine, other in zip(ours, neighbours, strict=True):
        assert mine.stimulus.stimulus_id != other.stimulus.stimulus_id
    assert ours == planned_trials(APIS, smoke(seed=1))


def test_l3_varies_one_thing_at_a_time_and_does_not_repeat_l1() -> None:
    trials = planned_trials(APIS, quick())
    plain = replace(of(trials, "L1")[0].request, duration_s=0.0)
    for trial in of(trials, "L3"):
        request = replace(trial.request, duration_s=0.0)
        changed = [n for n in TrialRequest.__slots__ if getattr(request, n) != getattr(plain, n)]
        assert len(changed) == 1, changed
    assert len({t.request for t in of(trials, "L3")}) == len(of(trials, "L3"))


def test_l3_alone_opens_the_plain_variant_itself() -> None:
    options = TrialOptions(seed=1, tests=("L3",), short=True)
    assert planned_trials(APIS, options)[0].request.api == "default"
    assert planned_trials(APIS, options)[0].request.rate_hz == 48_000


def test_l3_tries_frames_on_a_sound_interface_and_bursts_on_a_phone() -> None:
    host = planned_trials(replace(APIS, platform=Platform.HOST), smoke())
    assert any(t.request.buffer_frames for t in host)
    assert not any(t.request.buffer_bursts for t in host)
    assert any(t.request.buffer_bursts for t in planned_trials(APIS, smoke()))


def test_apis_are_the_plans_or_the_probes_and_never_unchecked_text() -> None:
    assert offered_apis(APIS) == ("java", "opensles")
    hostile = make.facts(raw={"apis": "a, ;rm -rf,B,java\n," + "x" * 40})
    assert offered_apis(hostile) == ("java",)
    wanted = planned_trials(APIS, smoke(apis=("opensles",)))
    assert {t.request.api for t in wanted} == {"default", "opensles"}


def test_rates_follow_the_plan_then_the_device_then_48_khz() -> None:
    native = replace(APIS, native_rate_hz=44_100)
    assert of(planned_trials(native, smoke()), "L1")[0].request.rate_hz == 44_100
    lying = replace(APIS, native_rate_hz=3)
    assert of(planned_trials(lying, smoke()), "L1")[0].request.rate_hz == 48_000
    chosen = planned_trials(native, smoke(rates_hz=(16_000, 24_000)))
    assert of(chosen, "L1")[0].request.rate_hz == 16_000
    assert [t.request.rate_hz for t in of(chosen, "D1")] == [16_000, 24_000]


def test_d1_sweeps_the_fields_rates_and_the_devices_own() -> None:
    native = replace(APIS, native_rate_hz=96_000)
    rates = [t.request.rate_hz for t in of(planned_trials(native, smoke()), "D1")]
    assert rates == [8000, 16_000, 24_000, 44_100, 48_000, 96_000]


def test_l1_repeats_at_every_volume_and_the_first_is_the_others() -> None:
    trials = planned_trials(APIS, smoke(volumes=(0.5, 1.0), repeats=6))
    assert [t.request.volume for t in of(trials, "L1")] == [0.5] * 6 + [1.0] * 6
    assert {t.request.volume for t in of(trials, "L3") + of(trials, "D1")} == {0.5}


def test_the_plans_path_reaches_every_trial() -> None:
    base = TrialRequest(audio_mode="communication", route="earpiece")
    for trial in planned_trials(APIS, quick(base=base, tests=("L1", "L3", "L4", "D1", "G1"))):
        assert (trial.request.audio_mode, trial.request.route) == ("communication", "earpiece")


def test_the_catalogue_names_itself() -> None:
    for test_id, test in TESTS.items():
        assert test.test_id == test_id
        assert test.title
        assert set(test.sources) <= set(TESTS)
    for tests in SUITES.values():
        assert expand(tests) == tests
