"""What a trial may be beside sound: a fresh process, a question about coding, timed actions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import bench_fleets as fleets
import pytest
import store_records as make

from db import queries
from db.store import Store
from device_probes.driver import Driver
from device_probes.virtual import Clock, VirtualDriver
from profiler.bench.context import Bench
from profiler.bench.events import nobody
from profiler.bench.ledger import Ledger
from profiler.bench.link import DeviceLink
from profiler.bench.partners import Partners
from profiler.bench.reanalyse import reanalyse
from profiler.bench.stop import Stop
from profiler.bench.trials import TrialMaker
from profiler.bench.zones import Zones
from profiler.catalogue import PlannedTrial
from profiler.catalogue.trains import class_train
from profiler.errors import DeviceLost
from profiler.model import (
    CodecCost,
    CodecFindings,
    CodecRequest,
    CostStats,
    DeviceFacts,
    TimedAction,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

RUN_UUID = str(uuid.UUID(int=1))
TRAIN = class_train(1, 48_000)
REQUEST = TrialRequest(warmup_s=0.5, duration_s=TRAIN.duration_s + 0.5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with fleets.open_store(tmp_path) as opened:
        yield opened


def made(store: Store, driver: Driver, *setups: TrialSetup) -> list[TrialRecord]:
    """The trials of a run with these set-ups, as they are stored."""
    bench = Bench("bench-1", fleets.plan(), store, Zones(), Partners(), Stop(), nobody)
    store.upsert_device(driver.ref)
    store.begin_run(make.run(RUN_UUID, device_uid=driver.ref.uid))
    link = DeviceLink(bench, driver)
    assert link.reach() is None
    planned = [PlannedTrial("L1", i, REQUEST, TRAIN, setup) for i, setup in enumerate(setups)]
    maker = TrialMaker(bench, link, Ledger(RUN_UUID, ("L1",), planned))
    try:
        for one in planned:
            assert maker.make(one) is None
    finally:
        link.close()
    return queries.trials_of(store, RUN_UUID)


# --- a fresh process -----------------------------------------------------------------------------


class NewProcesses(fleets._Wrapped):
    """Counts connections and restarts."""

    def __init__(self, inner: VirtualDriver) -> None:
        super().__init__(inner)
        self.happened: list[str] = []

    def connect(self) -> DeviceFacts:
        self.happened.append("connect")
        return super().connect()

    def close(self) -> None:
        self.happened.append("close")
        super().close()


class Restarts(NewProcesses):
    """Knows how to start its probe anew; ``fails`` times it does not come back."""

    fails = 0

    def restart(self) -> None:
        self.happened.append("restart")
        if self.fails:
            self.fails -= 1
            raise DeviceLost("it does not start", device="A")


FRESH = TrialSetup(fresh_process=True)


def test_a_fresh_process_is_started_by_who_can_and_else_by_a_new_connection(store: Store) -> None:
    driver = NewProcesses(fleets.phones("A")[0])
    trials = made(store, driver, FRESH, TrialSetup(), FRESH)
    assert driver.happened == ["connect", "close", "connect", "close", "connect", "close"]
    assert [t.verdict for t in trials] == [Verdict.PASS] * 3


def test_a_restart_that_fails_is_tried_again_on_a_new_connection(store: Store) -> None:
    driver = Restarts(fleets.phones("A")[0])
    driver.fails = 1
    (trial,) = made(store, driver, FRESH)
    assert driver.happened == ["connect", "restart", "close", "connect", "restart", "close"]
    assert (trial.attempt, trial.verdict) == (2, Verdict.PASS)


def test_a_virtual_phone_forgets_its_sessions_in_a_new_process(store: Store) -> None:
    (driver,) = fleets.phones("A")
    trials = made(store, driver, TrialSetup(), FRESH)
    assert [t.verdict for t in trials] == [Verdict.PASS] * 2


# --- coding --------------------------------------------------------------------------------------


CODEC = TrialSetup(analysis="codec", codec=CodecRequest(frames=25, paced=False))


def test_the_cost_of_coding_is_asked_without_a_recording(store: Store) -> None:
    (trial,) = made(store, fleets.phones("A")[0], CODEC)
    assert trial.recording is None
    assert isinstance(trial.findings, CodecFindings)
    assert trial.findings.cost.frames == 25
    assert trial.verdict is trial.findings.verdict
    again = reanalyse(store, workers=1)
    assert (again.trials, again.problems) == (0, ())


class Codes(fleets._Wrapped):
    """Has a coder for some directions only."""

    def __init__(self, inner: VirtualDriver, *, encodes: bool, decodes: bool) -> None:
        super().__init__(inner)
        stats = CostStats(1.0, 2.0, 3.0, 4.0)
        self.cost = CodecCost(
            "e", "d", 25, 100, stats if encodes else None, stats if decodes else None
        )

    def codec_cost(self, request: CodecRequest) -> CodecCost:
        return self.cost


@pytest.mark.parametrize(
    ("encodes", "decodes", "verdict"),
    [
        (True, True, Verdict.PASS),
        (False, True, Verdict.MARGINAL),
        (False, False, Verdict.NOT_MEASURABLE),
    ],
)
def test_a_coder_that_is_missing_is_a_reason(
    store: Store, encodes: bool, decodes: bool, verdict: Verdict
) -> None:
    (trial,) = made(store, Codes(fleets.phones("A")[0], encodes=encodes, decodes=decodes), CODEC)
    assert trial.verdict is verdict
    assert trial.reasons == (() if verdict is Verdict.PASS else ("needs_coder",))


def test_a_probe_that_codes_nothing_refuses(store: Store) -> None:
    (trial,) = made(store, fleets._Wrapped(fleets.phones("A")[0]), CODEC)
    assert (trial.verdict, trial.reasons) == (Verdict.NOT_MEASURABLE, ("request_refused",))


# --- actions -------------------------------------------------------------------------------------


class Acted(fleets._Wrapped):
    """Can do two things to its phone, one of which does not work."""

    actions = frozenset({"touch", "screen_off"})

    def __init__(self, inner: VirtualDriver) -> None:
        super().__init__(inner)
        self.pace = inner.pace
        self.done: list[str] = []

    def act(self, action: TimedAction) -> str:
        self.done.append(action.action)
        if action.action == "screen_off":
            raise DeviceLost("no screen", device="A")
        return "seen"


def acts(*actions: TimedAction) -> TrialSetup:
    return TrialSetup(actions=actions)


def test_actions_are_done_in_their_turn_while_the_trial_plays(store: Store) -> None:
    driver = Acted(fleets.phones("A", clock=Clock(10.0))[0])
    late, early = TimedAction(1.2, "touch", "b"), TimedAction(0.4, "touch", "a")
    (trial,) = made(store, driver, acts(late, early))
    assert trial.verdict is Verdict.PASS
    assert [(a.value, a.asked_s, a.ok, a.text) for a in trial.actions] == [
        ("b", 1.2, True, "seen"), ("a", 0.4, True, "seen"),
    ]  # fmt: skip
    second, first = (a.done_s for a in trial.actions)
    assert first is not None
    assert second is not None
    assert 0.4 <= first < second
    assert second >= 1.2


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (TimedAction(0.3, "screen_off"), "no screen"),
        (TimedAction(0.3, "unheard_of"), "cannot do it"),
        (TimedAction(90.0, "touch"), "ended before"),
    ],
)
def test_an_action_that_fails_makes_the_recording_say_nothing(
    store: Store, action: TimedAction, text: str
) -> None:
    driver = Acted(fleets.phones("A", clock=Clock(10.0))[0])
    (trial,) = made(store, driver, acts(TimedAction(0.1, "touch"), action))
    assert (trial.verdict, trial.reasons) == (Verdict.NOT_MEASURABLE, ("action_failed",))
    assert text in trial.message
    assert [a.ok for a in trial.actions] == [True, False]
    assert trial.actions[1].done_s is None
    assert trial.recording is not None, "the evidence is kept"
    assert trial.estimate is None
    assert reanalyse(store, workers=1).trials == 0


def test_a_virtual_phone_is_acted_upon(store: Store) -> None:
    (driver,) = fleets.phones("A", clock=Clock(10.0))
    (trial,) = made(store, driver, acts(TimedAction(0.5, "screen_off")))
    (outcome,) = trial.actions
    assert outcome.ok, outcome.text


def test_abilities_are_what_the_driver_says(store: Store) -> None:
    bench = Bench("bench-1", fleets.plan(), store, Zones(), Partners(), Stop(), nobody)
    plain = DeviceLink(bench, fleets._Wrapped(fleets.phones("A")[0]))
    assert plain.abilities == frozenset()
    acted = DeviceLink(bench, Acted(fleets.phones("B")[0]))
    assert acted.abilities == {"action:touch", "action:screen_off"}
    virtual = DeviceLink(bench, fleets.phones("C")[0])
    assert {"codec", "fresh_process", "action:route"} <= virtual.abilities
