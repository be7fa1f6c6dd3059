"""Exchanges of virtual phones that hear each other: who helps, what is stored, what goes wrong."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bench_fleets as fleets
import pytest

from db import queries
from db.store import Store
from device_probes.driver import Capture, OnProgress, Play
from device_probes.virtual import Clock, VirtualDriver
from profiler.bench import (
    BenchEvent,
    DeviceOutcome,
    PartnerProgress,
    Stop,
    TrialDone,
    TrialProgress,
    TrialStarted,
    run_bench,
)
from profiler.bench.reanalyse import reanalyse
from profiler.errors import DeviceLost, InputError, ProbeRefused
from profiler.model import (
    DeviceFacts,
    ExchangeFindings,
    Reason,
    RunStatus,
    TrialRecord,
    TrialRequest,
    Verdict,
)
from profiler.plan import PartnerPlan

FAST = Clock(40.0)
"""For what does not depend on the number."""
ONLY_P = PartnerPlan("virtual", "P")


def exchanges(store: Store, device: DeviceOutcome) -> list[TrialRecord]:
    assert device.run is not None
    return queries.trials_of(store, device.run.run_uuid)


def status(device: DeviceOutcome) -> RunStatus:
    assert device.run is not None
    return device.run.status


class Counted(fleets._Wrapped):
    """Counts how often it is reached and given back."""

    def __init__(self, inner: VirtualDriver) -> None:
        super().__init__(inner)
        self.connected = self.closed = self.cancelled = 0

    def connect(self) -> DeviceFacts:
        self.connected += 1
        return super().connect()

    def cancel(self) -> None:
        self.cancelled += 1
        super().cancel()

    def close(self) -> None:
        self.closed += 1
        super().close()


class Helpless(fleets._Wrapped):
    """Does its own trials, and fails whenever it helps (its part is 48 kHz, media, effects off)."""

    def __init__(self, inner: VirtualDriver, error: Exception, times: int = 1000) -> None:
        super().__init__(inner)
        self.error, self.left = error, times

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        if request.audio_mode == "media" and self.left:
            self.left -= 1
            raise self.error
        return self.inner.run(request, plays, on_progress)


def lost() -> Exception:
    return DeviceLost("went away", device="P")


def test_two_phones_help_each_other_and_both_recordings_are_kept(tmp_path: Path) -> None:
    watcher = fleets.Watcher()
    drivers = fleets.neighbours("A", "B")
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L2", repeats=1), drivers, store, observe=watcher)
        for device, other, driver in zip(
            outcome.devices, reversed(outcome.devices), drivers, strict=True
        ):
            assert status(device) is RunStatus.OK
            trials = exchanges(store, device)
            assert [t.setup.note for t in trials] == ["effects off", "effects on"]
            truths = [t for t in driver.phone.truths if t.request.audio_mode == "communication"]
            for trial, truth in zip(trials, truths, strict=True):
                assert isinstance(trial.findings, ExchangeFindings)
                assert trial.partner is not None
                assert trial.partner.device_uid == other.device.uid
                assert trial.recording is not None
                for recording in (trial.recording, trial.partner.recording):
                    assert store.evidence.load(recording).frames == recording.frames
                own_ms = trial.findings.own_round_trip_ms
                if own_ms is not None:
                    assert own_ms == pytest.approx(truth.latency_ms, abs=0.1)
            (result,) = device.results
            numbers = {m.name: m.value for m in result.measurements}
            assert numbers["rtl_ms"] == pytest.approx(truths[1].latency_ms, abs=0.1)
            delay_ms = truths[1].latency_ms - truths[0].latency_ms
            assert numbers["processing_delay_ms"] == pytest.approx(delay_ms, abs=0.1)
            assert result.reasons[0] == "few_repeats"
        again = reanalyse(store, workers=1)
        assert (again.trials, again.changed, again.problems) == (4, 0, ())
    helped = {(e.device.serial, e.helps.serial) for e in watcher.of(PartnerProgress)}
    assert helped == {("A", "B"), ("B", "A")}
    stages = [e.stage for e in watcher.of(PartnerProgress) if e.helps.serial == "A"]
    assert stages[-1] == "done"
    assert "playing" in stages


def test_a_named_partner_helps_all_and_is_not_measured(tmp_path: Path) -> None:
    *phones, helper = fleets.neighbours("A", "B", "P", clock=FAST)
    counted = Counted(helper)
    plan = fleets.plan("L2", repeats=1, partner=ONLY_P)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(plan, [*phones, counted], store)
        assert [d.device.serial for d in outcome.devices] == ["A", "B"]
        used = {t.partner.device_uid for t in queries.trials(store) if t.partner}
        assert used == {"virtual:P"}
        assert len(queries.trials(store)) == 4
    assert counted.connected == 1
    assert counted.closed == 1, "given back at the end of the bench"


def test_without_anybody_in_its_zone_a_phone_stays_alone(tmp_path: Path) -> None:
    plan = fleets.plan("A3", separate_zones=True)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(plan, fleets.neighbours("A", "B", clock=FAST), store)
        assert queries.trials(store) == []
    for device in outcome.devices:
        assert status(device) is RunStatus.OK
        (result,) = device.results
        assert (result.verdict, result.reasons) == (Verdict.SKIPPED, ("needs_partner",))


@pytest.mark.parametrize("trial", [0, 1])
def test_a_partner_unplugged_in_the_middle_is_tried_again(tmp_path: Path, trial: int) -> None:
    faults = {"P": f"[phone.faults]\nunplugged_on_trials = [{trial}]"}
    watcher = fleets.Watcher()
    plan = fleets.plan("L2", repeats=1, partner=ONLY_P)
    with fleets.open_store(tmp_path) as store:
        drivers = fleets.neighbours("A", "P", only=faults, clock=FAST)
        outcome = run_bench(plan, drivers, store, observe=watcher)
        trials = exchanges(store, outcome.devices[0])
    assert status(outcome.devices[0]) is RunStatus.OK
    assert all(t.partner is not None for t in trials)
    attempts = [(e.index, e.attempt) for e in watcher.of(TrialStarted)]
    assert attempts == [(0, 1), (0, 2), (1, 1)] if trial == 0 else [(0, 1), (1, 1), (1, 2)]


@pytest.mark.parametrize(
    "error",
    [lost(), ProbeRefused("no", device="P", code="rate_refused"), ZeroDivisionError("a bug")],
    ids=["lost", "refused", "bug"],
)
def test_a_partner_that_cannot_help_is_no_fault_of_the_phone(
    tmp_path: Path, error: Exception
) -> None:
    phone, helper = fleets.neighbours("A", "P", clock=FAST)
    plan = fleets.plan("L2", "D1", repeats=1, partner=ONLY_P, rates_hz=(48_000,))
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(plan, [phone, Helpless(helper, error)], store)
        (device,) = outcome.devices
        assert status(device) is RunStatus.OK
        trials = exchanges(store, device)
        made = [(t.test_id, t.attempt, t.verdict, t.reasons) for t in trials]
        assert made[:2] == [("L2", 2, Verdict.NOT_MEASURABLE, ("partner_lost",))] * 2
        assert "the partner failed" in trials[0].message
        assert device.results[0].verdict is Verdict.NOT_MEASURABLE
        assert device.results[1].verdict is Verdict.PASS, "its other tests go on"


def test_an_exchange_that_lost_its_partner_is_made_when_the_bench_is_resumed(
    tmp_path: Path,
) -> None:
    """The phone's run ended well, so nothing else of it is made again."""
    plan = fleets.plan("L2", "D1", repeats=1, partner=ONLY_P, rates_hz=(48_000,))
    with fleets.open_store(tmp_path) as store:
        phone, helper = fleets.neighbours("A", "P", clock=FAST)
        first = run_bench(plan, [phone, Helpless(helper, lost())], store)
        assert status(first.devices[0]) is RunStatus.OK
        before = {t.trial_uuid: t for t in exchanges(store, first.devices[0])}
        assert sum(t.reasons == ("partner_lost",) for t in before.values()) == 2
        watcher = fleets.Watcher()
        again = run_bench(
            plan, fleets.neighbours("A", "P", clock=FAST), store, resume="", observe=watcher
        )
        assert again.bench_uuid == first.bench_uuid
        (device,) = again.devices
        assert status(device) is RunStatus.OK
        started = [(e.test_id, e.index, e.attempt) for e in watcher.of(TrialStarted)]
        assert started == [("L2", 0, 3), ("L2", 1, 3)]
        new = [t for t in exchanges(store, device) if t.trial_uuid not in before]
        assert all(isinstance(t.findings, ExchangeFindings) for t in new)
        assert all(t.partner is not None for t in new)
        assert device.results[0].verdict is not Verdict.NOT_MEASURABLE
        assert set(device.results[0].trial_uuids) == {t.trial_uuid for t in new}
        (stored,) = [r for r in queries.results(store) if r.test_id == "L2"]
        assert stored == device.results[0]
        with pytest.raises(InputError, match="no unfinished run"):
            run_bench(plan, fleets.neighbours("A", "P", clock=FAST), store, resume="")


def test_a_partner_that_fails_a_resumed_bench_again_ends_it_as_before(tmp_path: Path) -> None:
    plan = fleets.plan("A3", partner=ONLY_P)
    with fleets.open_store(tmp_path) as store:
        phone, helper = fleets.neighbours("A", "P", clock=FAST)
        first = run_bench(plan, [phone, Helpless(helper, lost())], store)
        phone, helper = fleets.neighbours("A", "P", clock=FAST)
        again = run_bench(plan, [phone, Helpless(helper, lost())], store, resume=first.bench_uuid)
        (device,) = again.devices
        assert status(device) is RunStatus.OK
        assert device.results[0].reasons == ("partner_lost",)
        alone = run_bench(plan, fleets.neighbours("A", clock=FAST), store, resume=first.bench_uuid)
        (device,) = alone.devices
        assert status(device) is RunStatus.OK
        assert device.results[0].reasons == ("partner_lost",), "what was tried stays on record"


def test_another_partner_takes_over_and_stays(tmp_path: Path) -> None:
    phone, *others = fleets.neighbours("A", "B", "C", clock=FAST)
    helpless = Helpless(others[0], lost(), times=1)
    plan = fleets.plan("L2", repeats=1)
    with fleets.open_store(tmp_path) as store:
        run_bench(plan, [phone, helpless, others[1]], store)
        mine = [t for t in queries.trials(store) if t.partner is not None]
        runs = {r.run_uuid: r.device_uid for r in queries.runs(store)}
    assert len(mine) == 6
    for uid in ("virtual:A", "virtual:B", "virtual:C"):
        used = [t.partner.device_uid for t in mine if runs[t.run_uuid] == uid and t.partner]
        assert uid not in used
        assert len(set(used)) == 1, "one partner for all of a phone's exchanges"


def test_an_emulator_is_no_partner(tmp_path: Path) -> None:
    phone, other = fleets.neighbours("A", "B", clock=FAST)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L2", repeats=1), [phone, fleets.Emulator(other)], store)
        assert all(t.partner is None for t in queries.trials(store))
    assert [status(d) for d in outcome.devices] == [RunStatus.OK] * 2


def test_a_phone_lost_for_good_is_asked_no_more(tmp_path: Path) -> None:
    """B fails its own run; A's exchanges then find nobody, and A goes on."""
    always = list(range(50))  # as a partner it loses some before its own run begins
    faults = {"B": f"[phone.faults]\nunplugged_on_trials = {always}"}
    drivers = fleets.neighbours("A", "B", only=faults, clock=FAST)
    timeouts = replace(fleets.HASTY, retries=0)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L2", repeats=2, timeouts=timeouts), drivers, store)
    assert status(outcome.devices[0]) is RunStatus.OK
    assert status(outcome.devices[1]) is RunStatus.DEVICE_LOST


def test_a_phone_that_had_finished_helps_a_resumed_bench(tmp_path: Path) -> None:
    first, late = fleets.neighbours("B", "A", clock=FAST)
    with fleets.open_store(tmp_path) as store:
        done = run_bench(fleets.plan("A3"), [first], store)
        counted = Counted(first)
        again = run_bench(fleets.plan("A3"), [counted, late], store, resume=done.bench_uuid)
        assert [status(d) for d in again.devices] == [RunStatus.OK] * 2
        trials = exchanges(store, again.devices[1])
        assert {t.partner.device_uid for t in trials if t.partner} == {"virtual:B"}
        assert len(trials) == 2
    assert counted.connected == 1
    assert counted.closed == 1


def test_four_phones_of_one_zone_all_want_exchanges(tmp_path: Path) -> None:
    watcher = fleets.Watcher()
    drivers = fleets.neighbours("A", "B", "C", "D", clock=Clock(60.0))
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(fleets.plan("L2", repeats=1), drivers, store, observe=watcher)
        trials = queries.trials(store)
    assert [status(d) for d in outcome.devices] == [RunStatus.OK] * 4
    assert len(trials) == 8
    assert all(t.partner is not None for t in trials)
    assert no_two_exchanges_sound_together(watcher)


def no_two_exchanges_sound_together(watcher: fleets.Watcher) -> bool:
    """Between an exchange's first sound and its last no third phone makes any."""
    spans: dict[tuple[str, str, int], list[int]] = {}
    for at, event in enumerate(watcher.events):
        if isinstance(event, TrialProgress) and event.stage in ("warming", "playing"):
            spans.setdefault((event.device.serial, event.test_id, event.index), []).append(at)
    ordered = sorted((min(at), max(at)) for at in spans.values())
    return all(one[1] < later[0] for one, later in itertools.pairwise(ordered))


class StopWhenHelping(fleets.Watcher):
    """Stops the bench when a partner reaches a stage."""

    def __init__(self, stop: Stop, stage: str) -> None:
        super().__init__()
        self._stop, self._stage = stop, stage

    def __call__(self, event: BenchEvent) -> None:
        super().__call__(event)
        if isinstance(event, PartnerProgress) and event.stage == self._stage:
            self._stop.request()


@pytest.mark.parametrize("stage", ["warming", "playing", "fetching"])
def test_a_stop_cancels_both_and_a_resume_completes(tmp_path: Path, stage: str) -> None:
    stop = Stop()
    plan = fleets.plan("L2", repeats=1, partner=ONLY_P)
    with fleets.open_store(tmp_path) as store:
        drivers = fleets.neighbours("A", "P", clock=Clock(4.0) if stage != "fetching" else FAST)
        cut = run_bench(plan, drivers, store, observe=StopWhenHelping(stop, stage), stop=stop)
        assert cut.cancelled
        assert status(cut.devices[0]) is RunStatus.CANCELLED
        kept = {t.trial_uuid for t in queries.trials(store)}
        assert len(kept) <= 1
        done = run_bench(plan, fleets.neighbours("A", "P", clock=FAST), store, resume="")
        assert status(done.devices[0]) is RunStatus.OK
        trials = queries.trials(store)
        assert kept <= {t.trial_uuid for t in trials}
        assert len(trials) == 2
        assert all(t.partner is not None for t in trials)


def test_a_hot_partner_helps_no_more(tmp_path: Path) -> None:
    phone, helper = fleets.neighbours("A", "P", clock=FAST)
    plan = fleets.plan("L2", repeats=1, partner=ONLY_P)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(
            plan, [phone, fleets.Reports(helper, battery_temperature_c=50.0)], store
        )
        first, second = exchanges(store, outcome.devices[0])
    assert first.partner is not None
    assert second.reasons == (str(Reason.PARTNER_LOST),)
    assert status(outcome.devices[0]) is RunStatus.OK


def test_a_partner_whose_microphone_was_silenced_gives_no_number(tmp_path: Path) -> None:
    phone, helper = fleets.neighbours("A", "P", clock=FAST)
    plan = fleets.plan("L2", repeats=1, partner=ONLY_P)
    with fleets.open_store(tmp_path) as store:
        outcome = run_bench(plan, [phone, fleets.Reports(helper, input_silenced=True)], store)
        for trial in exchanges(store, outcome.devices[0]):
            assert (trial.verdict, trial.reasons) == (
                Verdict.NOT_MEASURABLE, ("partner_lost",),
            )  # fmt: skip
            assert trial.partner is not None
            assert trial.findings is None


def test_a_resumed_run_keeps_the_takes_for_which_there_is_no_partner_any_more(
    tmp_path: Path,
) -> None:
    plan = fleets.plan("A3")
    stop = Stop()
    with fleets.open_store(tmp_path) as store:
        drivers = fleets.neighbours("A", "B", clock=FAST)
        watcher = StopWhenDone(stop, "A")
        cut = run_bench(plan, drivers, store, observe=watcher, stop=stop)
        assert cut.cancelled
        done = run_bench(plan, fleets.neighbours("A", clock=FAST), store, resume=cut.bench_uuid)
        (device,) = done.devices
        assert status(device) is RunStatus.OK
        (kept,) = exchanges(store, device)
        assert kept.partner is not None
        (result,) = device.results
        assert result.verdict is Verdict.NOT_MEASURABLE
        assert result.trial_uuids == (kept.trial_uuid,)


class StopWhenDone(fleets.Watcher):
    """Stops the bench when a device's first trial is committed."""

    def __init__(self, stop: Stop, serial: str) -> None:
        super().__init__()
        self._stop, self._serial = stop, serial

    def __call__(self, event: BenchEvent) -> None:
        super().__call__(event)
        if isinstance(event, TrialDone) and event.device.serial == self._serial:
            self._stop.request()
