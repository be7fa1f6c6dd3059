"""One device's run, in a thread of its own: reach it, make the trials, judge, finish."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from db import queries
from device_probes.driver import Driver
from profiler import __version__
from profiler.bench import events
from profiler.bench.context import CANCELLED, Bench, RunEnd
from profiler.bench.faults import fault_of
from profiler.bench.gates import gate_crossed
from profiler.bench.ledger import Ledger
from profiler.bench.link import DeviceLink
from profiler.bench.resume import is_complete
from profiler.bench.trials import TrialMaker, paused
from profiler.catalogue import TrialOptions, planned_audio_s, planned_trials, skipped_tests
from profiler.errors import StoreError
from profiler.model import DeviceFacts, Reason, RunRecord, RunStatus, TestResult, Verdict

MAX_MESSAGE_CHARS = 1000
EMULATOR_TEXT = "an emulator's microphone says nothing about a phone"


class DeviceWorker:
    """Runs the plan on one device. :meth:`run` never raises for what a device does."""

    def __init__(self, bench: Bench, driver: Driver, earlier: RunRecord | None) -> None:
        self.driver = driver
        self._bench = bench
        self._ref = driver.ref
        self._store = bench.store
        self._earlier = earlier
        self.link = self._link = DeviceLink(bench, driver)
        self._run: RunRecord | None = None
        self._ledger: Ledger | None = None

    def run(self) -> events.DeviceOutcome:
        """The whole run. Whatever happens, the run has an end.

        The driver is closed unless another device may need this one as a partner.
        """
        if self._earlier is not None and is_complete(self._store, self._earlier):
            self._bench.partners.done(self._link)
            return self._already_done(self._earlier)
        end: RunEnd | None = None
        try:
            end = self._work()
        except StoreError as exc:
            end = RunEnd(RunStatus.ERROR, Reason.STORE_FAILED, str(exc))
        except Exception as exc:  # noqa: BLE001 - a fault of ours on one device spares the others
            self._log("debug", traceback.format_exc())
            text = f"internal error: {type(exc).__name__}: {exc}"
            end = RunEnd(RunStatus.ERROR, Reason.INTERNAL_ERROR, text)
        finally:
            if end is not None:
                self._link.unfit = self._link.unfit or end.text
            self._bench.partners.done(self._link)
        return self._finish(end)

    def _work(self) -> RunEnd | None:
        error = self._link.reach()
        if error is not None and not self._bench.stop.requested:
            fault = fault_of(error)
            status = fault.ends_run or RunStatus.ERROR
            return self._unreached(RunEnd(status, fault.reason, str(error)))
        if self._link.facts is None:
            return self._unreached(CANCELLED)
        ledger = self._open(self._link.facts)
        if self._link.facts.is_emulator:
            self._link.unfit = EMULATOR_TEXT
            self._put_results(ledger.refuse_all(Reason.EMULATOR, EMULATOR_TEXT))
            return None
        self._put_results(ledger.newly_complete())
        if ledger.todo:
            hot = gate_crossed(self._link.health(), self._bench.plan.gates.at_start)
            if hot is not None:
                return paused(hot)
        maker = TrialMaker(self._bench, self._link, ledger)
        for planned in ledger.todo:
            end = CANCELLED if self._bench.stop.requested else maker.make(planned)
            if end is not None:
                return end
            self._put_results(ledger.newly_complete())
        return None

    # -- beginning ------------------------------------------------------------------------------

    def _unreached(self, end: RunEnd) -> RunEnd:
        """A device that never answered still gets a run, so that its loss is on record."""
        self._store.upsert_device(self._ref)
        self._begin(self._earlier)
        return end

    def _open(self, facts: DeviceFacts) -> Ledger:
        self._store.upsert_device(self._ref, facts)
        earlier = self._earlier
        if earlier is not None:
            before = queries.facts_of(self._store, earlier.run_uuid)
            if before is None or before.model_key != facts.model_key:
                # Its trials would count for another model (an OS update in between).
                earlier = None
        run = self._begin(earlier)
        plan = self._bench.plan
        options = self._options()
        ledger = Ledger(
            run.run_uuid,
            plan.tests,
            planned_trials(facts, options),
            skipped_tests(facts, options),
        )
        if earlier is not None:
            ledger.take(queries.trials_of(self._store, run.run_uuid))
        self._ledger = ledger
        self._link.may_ask = any(p.setup.partner is not None for p in ledger.todo)
        self._bench.observe(
            events.DeviceStarted(
                device=self._ref,
                facts=facts,
                run_uuid=run.run_uuid,
                zone=plan.zone(self._ref),
                trials_total=len(ledger.planned),
                trials_stored=ledger.stored,
                audio_s=planned_audio_s(ledger.todo),
            )
        )
        return ledger

    def _options(self) -> TrialOptions:
        """The plan's options with what is known only now: who can help, what the driver can."""
        return replace(
            self._bench.plan.options(self._ref),
            partner=self._bench.partners.best(self._link),
            abilities=self._link.abilities,
        )

    def _begin(self, earlier: RunRecord | None) -> RunRecord:
        if earlier is not None:
            self._run = self._store.finish_run(earlier.run_uuid, RunStatus.RUNNING)
            return self._run
        run = RunRecord(
            run_uuid=str(uuid.uuid4()),
            bench_uuid=self._bench.bench_uuid,
            device_uid=self._ref.uid,
            suite=self._bench.plan.suite,
            plan_sha256=self._bench.plan.sha256,
            status=RunStatus.RUNNING,
            reason="",
            started_at=datetime.now(UTC),
            ended_at=None,
            tool_version=__version__,
        )
        self._store.begin_run(run)
        self._run = run
        return run

    # -- the end --------------------------------------------------------------------------------

    def _finish(self, end: RunEnd | None) -> events.DeviceOutcome:
        run, ledger = self._run, self._ledger
        status = end.status if end else RunStatus.OK
        reason = str(end.reason) if end else ""
        problem = end.text if end else ""
        try:
            if end is not None and ledger is not None and status is not RunStatus.CANCELLED:
                self._put_results(ledger.cut_short(end.reason, reason))
            if run is not None:
                run = self._store.finish_run(
                    run.run_uuid, status, reason, message=problem[:MAX_MESSAGE_CHARS]
                )
        except StoreError as exc:
            run = replace(run, status=RunStatus.ERROR, reason=reason) if run else None
            if str(exc) not in problem:
                problem = f"{problem}; its end could not be stored: {exc}".removeprefix("; ")
        if problem:
            self._log("warning" if status is RunStatus.CANCELLED else "error", problem)
        return self._done(
            events.DeviceOutcome(
                device=self._ref,
                facts=self._link.facts,
                run=run,
                results=ledger.results if ledger else (),
                trials_total=len(ledger.planned) if ledger else 0,
                trials_stored=ledger.stored if ledger else 0,
                problem=problem,
            )
        )

    def _already_done(self, run: RunRecord) -> events.DeviceOutcome:
        where = queries.Filter(run_uuid=run.run_uuid)
        trials = queries.trials(self._store, where)
        settled = {(t.test_id, t.index) for t in trials if t.verdict is not Verdict.ERROR}
        results = {r.test_id: r for r in queries.results(self._store, where)}
        return self._done(
            events.DeviceOutcome(
                device=self._ref,
                facts=queries.facts_of(self._store, run.run_uuid),
                run=run,
                results=tuple(results[t] for t in self._bench.plan.tests if t in results),
                trials_total=len({(t.test_id, t.index) for t in trials}),
                trials_stored=len(settled),
            )
        )

    def _done(self, outcome: events.DeviceOutcome) -> events.DeviceOutcome:
        self._bench.observe(events.DeviceDone(outcome))
        return outcome

    def _put_results(self, results: Sequence[TestResult]) -> None:
        for result in results:
            self._store.add_test_result(result)
            self._bench.observe(events.TestDone(self._ref, result))

    def _log(self, level: str, text: str) -> None:
        self._bench.observe(events.Log(level, text, self._ref))
