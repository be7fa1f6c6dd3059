"""Devices that fail, each in its own way, and the others that go on."""

from __future__ import annotations

from pathlib import Path

import bench_fleets as fleets
import pytest

from db import queries
from db.store import Store
from device_probes.driver import Driver
from profiler.bench import BenchOutcome, DeviceOutcome, Log, TrialDone, TrialStarted, run_bench
from profiler.model import RunStatus, Verdict


def status(device: DeviceOutcome) -> tuple[RunStatus, str]:
    assert device.run is not None
    return device.run.status, device.run.reason


def trials(store: Store, device: DeviceOutcome) -> list[tuple[int, Verdict, tuple[str, ...]]]:
    assert device.run is not None
    return [(t.index, t.verdict, t.reasons) for t in queries.trials_of(store, device.run.run_uuid)]


def beside_a_good_one(
    tmp_path: Path, driver: Driver, **changes: object
) -> tuple[BenchOutcome, fleets.Watcher]:
    """Run L1 on ``driver`` and on a phone without faults, which must be fine whatever happens."""
    watcher = fleets.Watcher()
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(
            fleets.plan("L1", **changes), [driver, *fleets.phones("good")], store, observe=watcher
        )
        good = outcome.devices[1]
        assert status(good) == (RunStatus.OK, "")
        assert good.trials_stored == 5
        assert good.results[0].verdict is Verdict.PASS
    return outcome, watcher


def test_a_phone_unplugged_once_is_tried_again(tmp_path: Path) -> None:
    (flaky,) = fleets.phones("bad", more="[phone.faults]\nunplugged_on_trials = [2]")
    outcome, watcher = beside_a_good_one(tmp_path, flaky)
    assert status(outcome.devices[0]) == (RunStatus.OK, "")
    attempts = [e.attempt for e in watcher.of(TrialStarted) if e.device.serial == "bad"]
    assert attempts == [1, 1, 1, 2, 1, 1]
    (warning,) = watcher.of(Log)
    assert warning.level == "warning"
    assert "trying again" in warning.text


def test_a_lost_phone_is_recorded_as_lost_and_resumed_later(tmp_path: Path) -> None:
    (gone,) = fleets.phones("bad", more="[phone.faults]\nunplugged_on_trials = [3, 4, 5]")
    outcome, watcher = beside_a_good_one(tmp_path, gone)
    bad = outcome.devices[0]
    assert status(bad) == (RunStatus.DEVICE_LOST, "device_lost")
    assert "bad" in bad.problem
    assert (bad.trials_stored, bad.trials_total) == (3, 5)
    (result,) = bad.results
    assert result.verdict is Verdict.ERROR
    assert result.reasons[0] == "device_lost"
    assert result.text.startswith("3 of 5 trials, then device_lost; round trip ")
    with fleets.open_store(tmp_path) as store:
        before = trials(store, bad)
        assert before[3] == (3, Verdict.ERROR, ("device_lost",))
        again = run_bench(
            fleets.plan("L1"), [gone], store, resume=outcome.bench_uuid, observe=watcher
        )
        assert status(again.devices[0]) == (RunStatus.OK, "")
        assert trials(store, bad)[:4] == before
        assert again.devices[0].results[0].verdict is Verdict.PASS
        assert len(again.devices[0].results[0].trial_uuids) == 5
    assert len(watcher.committed) == len(set(watcher.committed))


@pytest.mark.parametrize(
    ("open_s", "who"), [(0.2, "driver"), (30.0, "watchdog")], ids=["driver", "watchdog"]
)
def test_a_phone_that_hangs_is_given_up(tmp_path: Path, open_s: float, who: str) -> None:
    """Either by the driver's own deadline or, when that is too long, by the runner."""
    more = "[phone.faults]\nstuck_on_trials = [0, 1]"
    stuck, good = *fleets.phones("bad", more=more, open_s=open_s), *fleets.phones("good")
    plan = fleets.plan("D1", rates_hz=(48_000,), timeouts=fleets.PRESSED)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(plan, [stuck, good], store)
        bad = outcome.devices[0]
        assert status(bad) == (RunStatus.DEVICE_LOST, "device_timeout")
        assert trials(store, bad) == [(0, Verdict.ERROR, ("device_timeout",))]
        assert status(outcome.devices[1]) == (RunStatus.OK, "")
    assert ("the trial did not end within 2 s" in bad.problem) == (who == "watchdog")


def test_garbage_from_the_first_byte(tmp_path: Path) -> None:
    garbage = fleets.Garbage("bad")
    outcome, _ = beside_a_good_one(tmp_path, garbage)
    bad = outcome.devices[0]
    assert status(bad) == (RunStatus.ERROR, "probe_protocol")
    assert bad.facts is None
    assert bad.trials_total == 0
    assert garbage.connections == 1, "garbage is not retried"


def test_garbage_instead_of_trials_ends_after_three(tmp_path: Path) -> None:
    (honest,) = fleets.phones("bad")
    garbage = fleets.Garbage("bad", honest)
    outcome, watcher = beside_a_good_one(tmp_path, garbage)
    bad = outcome.devices[0]
    assert status(bad) == (RunStatus.ERROR, "probe_protocol")
    with fleets.open_store(tmp_path) as store:
        assert trials(store, bad) == [(i, Verdict.ERROR, ("probe_protocol",)) for i in range(3)]
    assert garbage.connections == 3, "each trial has a fresh connection"
    done = [e.trial.message for e in watcher.of(TrialDone) if e.device.serial == "bad"]
    assert all("bad: " in message for message in done)


def test_a_bug_of_ours_is_that_devices_internal_error(tmp_path: Path) -> None:
    (inner,) = fleets.phones("bad")
    outcome, watcher = beside_a_good_one(tmp_path, fleets.Buggy(inner))
    bad = outcome.devices[0]
    assert status(bad) == (RunStatus.ERROR, "internal_error")
    assert bad.problem == "internal error: ZeroDivisionError: a bug of ours"
    assert bad.results[0].reasons == ("internal_error",)
    (trace,) = [e.text for e in watcher.of(Log) if e.level == "debug"]
    assert "Traceback" in trace


def test_refused_rates_are_verdicts_and_the_run_goes_on(tmp_path: Path) -> None:
    more = '[phone.streams]\nrates_hz = [48000]\nother_rates = "refuse"'
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L1", "D1"), fleets.phones("A", more=more), store)
        (device,) = outcome.devices
        assert status(device) == (RunStatus.OK, "")
        refused = [t for t in queries.trials(store) if t.test_id == "D1" and t.report is None]
    assert [t.request.rate_hz for t in refused] == [8000, 16_000, 24_000, 44_100]
    assert {(t.verdict, t.reasons) for t in refused} == {
        (Verdict.NOT_MEASURABLE, ("rate_refused",))
    }
    assert "refused" in refused[0].message
    d1 = device.results[1]
    assert (d1.verdict, d1.reasons) == (Verdict.PASS, ("rate_refused",))


def test_a_silent_rate_fails_d1(tmp_path: Path) -> None:
    more = "[phone.streams]\nrates_hz = [48000, 24000]\nsilent_rates_hz = [24000]"
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("D1"), fleets.phones("A", more=more), store)
    (d1,) = outcome.devices[0].results
    assert (d1.verdict, d1.reasons[0]) == (Verdict.FAIL, "silent_capture")
    assert "digital silence at 24000 Hz" in d1.text


def test_an_emulator_is_not_measured(tmp_path: Path) -> None:
    (inner,) = fleets.phones("A")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L1", "D1"), [fleets.Emulator(inner)], store)
        assert queries.trials(store) == []
    assert status(outcome.devices[0]) == (RunStatus.OK, "")
    assert {(r.verdict, r.reasons) for r in outcome.devices[0].results} == {
        (Verdict.NOT_MEASURABLE, ("emulator",))
    }


@pytest.mark.parametrize(
    ("changes", "reason", "text"),
    [
        ({"battery_percent": 9.0}, "battery_low", "battery at 9 %, below 15 %"),
        ({"battery_temperature_c": 46.5}, "device_hot", "46.5 °C, above 45 °C"),
        ({"thermal_status": "severe"}, "device_hot", "thermal status severe"),
    ],
)
def test_a_gate_pauses_the_run_and_keeps_the_trial(
    tmp_path: Path, changes: dict[str, object], reason: str, text: str
) -> None:
    (inner,) = fleets.phones("A")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L1"), [fleets.Reports(inner, **changes)], store)
        device = outcome.devices[0]
        assert status(device) == (RunStatus.CANCELLED, reason)
        assert text in device.problem
        assert device.trials_stored == 1
        recovered = run_bench(fleets.plan("L1"), [inner], store, resume="")
        assert status(recovered.devices[0]) == (RunStatus.OK, "")
        assert len(queries.trials(store)) == 5


def test_another_phone_behind_the_same_serial_is_noticed(tmp_path: Path) -> None:
    (inner,) = fleets.phones("A", more="[phone.faults]\nunplugged_on_trials = [1]")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L1"), [fleets.Swapped(inner)], store)
        assert status(outcome.devices[0]) == (RunStatus.DEVICE_LOST, "device_lost")
        assert "another device answers" in outcome.devices[0].problem


def test_evidence_that_cannot_be_saved_ends_the_run_with_nothing_half(tmp_path: Path) -> None:
    with fleets.open_store(tmp_path) as store:
        store.evidence.root.rmdir() if store.evidence.root.is_dir() else None
        store.evidence.root.write_text("not a folder")
        outcome = run_bench(fleets.plan("L1"), fleets.phones("A"), store)
        device = outcome.devices[0]
        assert status(device) == (RunStatus.ERROR, "evidence_lost")
        (lost,) = queries.trials(store)
        assert (lost.verdict, lost.reasons) == (Verdict.ERROR, ("evidence_lost",))
        assert lost.recording is None
        assert lost.estimate is None, "no evidence, no number"
        assert lost.message
        store.evidence.root.unlink()
        again = run_bench(fleets.plan("L1"), fleets.phones("A"), store, resume="")
        assert status(again.devices[0]) == (RunStatus.OK, "")
        assert again.devices[0].results[0].verdict is Verdict.PASS
        assert len(queries.trials(store, queries.Filter(latest_attempts=True))) == 5


def test_a_store_that_goes_away_is_an_outcome(tmp_path: Path) -> None:
    store = fleets.open_store(tmp_path)

    def pull_the_plug(event: object) -> None:
        if isinstance(event, TrialDone) and event.position == 2:
            for file in tmp_path.glob("bench.db*"):
                if file.is_file():
                    file.write_bytes(b"not a database any more, " * 400)

    outcome = run_bench(fleets.plan("L1"), fleets.phones("A"), store, observe=pull_the_plug)
    store.close()
    device = outcome.devices[0]
    assert status(device) == (RunStatus.ERROR, "store_failed")
    assert "bench.db" in device.problem
