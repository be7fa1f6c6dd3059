"""A bench of virtual phones from plan to store."""

from __future__ import annotations

import itertools
from pathlib import Path

import bench_fleets as fleets
import pytest

from db import queries
from device_probes.virtual import Clock
from profiler.bench import (
    DeviceDone,
    DeviceStarted,
    TestDone,
    TrialDone,
    TrialProgress,
    TrialStarted,
    run_bench,
)
from profiler.catalogue import SUITES
from profiler.errors import InputError
from profiler.model import RunStatus, Verdict


def test_every_trial_is_stored_with_evidence_and_is_right(tmp_path: Path) -> None:
    drivers = fleets.phones("A", "B")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan(*SUITES["smoke"]), drivers, store)
        assert [d.device.serial for d in outcome.devices] == ["A", "B"]
        assert not outcome.cancelled
        for device, driver in zip(outcome.devices, drivers, strict=True):
            assert device.run is not None
            assert device.run.status is RunStatus.OK
            assert device.problem == ""
            assert device.trials_stored == device.trials_total
            trials = queries.trials_of(store, device.run.run_uuid)
            assert len(trials) == device.trials_total
            for trial in trials:
                assert trial.recording is not None
                audio = store.evidence.load(trial.recording)
                assert audio.frames == trial.recording.frames
            truths = {t.trial: t for t in driver.phone.truths}
            opens = [t for t in trials if t.test_id == "L1"]
            assert len(opens) == 5
            for nth, trial in enumerate(opens):
                assert trial.estimate is not None
                assert trial.estimate.round_trip_latency_ms == pytest.approx(
                    truths[nth].latency_ms, abs=1.0
                )
            assert [r.test_id for r in device.results] == list(SUITES["smoke"])
            stored = queries.results(store, queries.Filter(run_uuid=device.run.run_uuid))
            assert sorted(stored, key=lambda r: r.test_id) == sorted(
                device.results, key=lambda r: r.test_id
            )
        assert outcome.devices[0].results[0].verdict is Verdict.PASS


def test_events_tell_the_whole_story_in_order(tmp_path: Path) -> None:
    watcher = fleets.Watcher()
    with fleets.open_store(tmp_path) as store:
        run_bench(fleets.plan("L1"), fleets.phones("A"), store, observe=watcher)
    kinds = [type(e) for e in watcher.events if not isinstance(e, TrialProgress)]
    assert kinds == [DeviceStarted, *[TrialStarted, TrialDone] * 5, TestDone, DeviceDone]
    assert [e.position for e in watcher.of(TrialDone)] == [1, 2, 3, 4, 5]
    first = [e.stage for e in watcher.of(TrialProgress) if e.index == 0]
    assert list(dict.fromkeys(first)) == [
        "waiting", "opening", "warming", "playing", "fetching", "analysing",
    ]  # fmt: skip
    assert all(0 <= e.fraction <= 1 for e in watcher.of(TrialProgress))


def sounding_intervals(watcher: fleets.Watcher) -> list[tuple[int, int, str]]:
    """(first, last, device): events between which a trial's streams were open, by position."""
    spans: dict[tuple[str, str, int], list[int]] = {}
    for at, event in enumerate(watcher.events):
        if isinstance(event, TrialProgress) and event.stage in ("opening", "warming", "playing"):
            key = (event.device.serial, event.test_id, event.index)
            spans.setdefault(key, []).append(at)
    return sorted((min(at), max(at), key[0]) for key, at in spans.items())


def overlaps(watcher: fleets.Watcher) -> int:
    spans = sounding_intervals(watcher)
    return sum(later[0] < span[1] for i, span in enumerate(spans) for later in spans[i + 1 : i + 4])


def test_phones_of_one_zone_never_sound_together(tmp_path: Path) -> None:
    watcher = fleets.Watcher()
    drivers = fleets.phones("A", "B", "C", clock=Clock(60.0))
    with fleets.open_store(tmp_path) as store:
        run_bench(fleets.plan("L1", repeats=3), drivers, store, observe=watcher)
        trials = sorted(queries.trials(store), key=lambda t: t.started_at)
    assert len(sounding_intervals(watcher)) == 9
    assert overlaps(watcher) == 0
    # Waiting for the zone is no part of a trial: at 60 times real time 4.4 s are 73 ms.
    for one, later in itertools.pairwise(trials):
        assert (later.started_at - one.started_at).total_seconds() >= 0.07


def test_the_zone_is_fair(tmp_path: Path) -> None:
    watcher = fleets.Watcher()
    drivers = fleets.phones("A", "B", "C", clock=Clock(60.0))
    with fleets.open_store(tmp_path) as store:
        run_bench(fleets.plan("L1", repeats=3), drivers, store, observe=watcher)
    order = [serial for _, _, serial in sounding_intervals(watcher)]
    for start in (0, 3):
        assert len(set(order[start : start + 3])) == 3, order


def test_phones_of_separate_zones_sound_together(tmp_path: Path) -> None:
    watcher = fleets.Watcher()
    drivers = fleets.phones("A", "B", "C", clock=Clock(20.0))
    with fleets.open_store(tmp_path) as store:
        plan = fleets.plan("L1", repeats=3, separate_zones=True)
        run_bench(plan, drivers, store, observe=watcher)
    assert overlaps(watcher) > 0


def test_each_phone_plays_its_own_train(tmp_path: Path) -> None:
    with fleets.open_store(tmp_path) as store:
        run_bench(fleets.plan("L1", repeats=2), fleets.phones("A", "B"), store)
        patterns = {(t.run_uuid, t.stimulus) for t in queries.trials(store)}
    assert len(patterns) == len({stimulus for _, stimulus in patterns}) == 2


def test_no_devices_is_an_empty_outcome(tmp_path: Path) -> None:
    with fleets.open_store(tmp_path) as store:
        assert run_bench(fleets.plan(), [], store).devices == ()


def test_a_device_given_twice_is_refused(tmp_path: Path) -> None:
    twice = [*fleets.phones("A"), *fleets.phones("A")]
    with fleets.open_store(tmp_path) as store, pytest.raises(InputError, match="given twice"):
        run_bench(fleets.plan(), twice, store)


def test_l5_rests_on_l4s_recording(tmp_path: Path) -> None:
    drivers = fleets.phones("A", more="[phone.clock]\ndrift_ppm = 37.5")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L4", "L5"), drivers, store)
        l4, l5 = outcome.devices[0].results
        assert len(queries.trials(store)) == 1
    assert l5.trial_uuids == l4.trial_uuids
    (skew,) = l5.measurements
    assert skew.value == pytest.approx(37.5, abs=0.5)
    assert (l4.verdict, l5.verdict) == (Verdict.PASS, Verdict.PASS)
