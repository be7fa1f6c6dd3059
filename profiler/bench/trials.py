"""The trials of one device, each committed as soon as it is made."""

from __future__ import annotations

from dataclasses import replace

from profiler.bench import events
from profiler.bench.context import CANCELLED, Bench, RunEnd
from profiler.bench.faults import fault_of
from profiler.bench.gates import gate_crossed, health_of
from profiler.bench.ledger import Ledger
from profiler.bench.link import DeviceLink
from profiler.bench.trial import blank_record, failed_record, measured_record
from profiler.catalogue import PlannedTrial
from profiler.errors import DeviceError
from profiler.model import Reason, RunStatus, TrialRecord, Verdict

MAX_ERRORS_IN_A_ROW = 3
"""A probe that answers garbage this often is not asked for the rest of the suite."""


def paused(crossed: tuple[Reason, str] | None) -> RunEnd | None:
    """The end of a run at a gate: it goes on later."""
    if crossed is None:
        return None
    reason, text = crossed
    return RunEnd(RunStatus.CANCELLED, reason, f"{text}; let it recover, then run with --resume")


class TrialMaker:
    """Makes trials on one device. Used from one thread."""

    def __init__(self, bench: Bench, link: DeviceLink, ledger: Ledger) -> None:
        self._bench = bench
        self._link = link
        self._ledger = ledger
        self._positions = {p.key: i + 1 for i, p in enumerate(ledger.planned)}
        self._errors_in_a_row = 0

    def make(self, planned: PlannedTrial) -> RunEnd | None:
        """Make one trial, again after a loss; the end of the run when the device cannot go on.

        Raises :class:`~profiler.errors.StoreError` when the trial cannot be committed.
        """
        run_uuid, retries = self._ledger.run_uuid, self._bench.plan.timeouts.retries
        first = self._bench.store.next_attempt(run_uuid, *planned.key)
        for left in reversed(range(retries + 1)):
            record = blank_record(run_uuid, planned, first + retries - left)
            self._announce(planned, record.attempt)
            try:
                made = self._link.run(planned, lambda s, f: self._stage(planned, s, f))
            except DeviceError as exc:
                if self._bench.stop.requested:
                    return CANCELLED
                if self._link.may_retry(fault_of(exc), left):
                    self._link.pause(exc)
                    continue
                return self._failed(planned, record, exc)
            if made is None:
                return CANCELLED
            began, capture = made
            record = replace(record, started_at=began)
            self._stage(planned, "analysing", 1.0)
            return self._measured(measured_record(self._bench.store, record, capture))
        return None

    def _measured(self, record: TrialRecord) -> RunEnd | None:
        self._errors_in_a_row = 0
        self._commit(record)
        if record.verdict is Verdict.ERROR:
            return RunEnd(RunStatus.ERROR, Reason.EVIDENCE_LOST, record.message)
        if record.report is None:
            return None
        return paused(gate_crossed(health_of(record.report), self._bench.plan.gates))

    def _failed(
        self, planned: PlannedTrial, record: TrialRecord, error: DeviceError
    ) -> RunEnd | None:
        fault = fault_of(error)
        reason = self._refused_rate(planned, fault.reason)
        self._commit(failed_record(record, fault.verdict, reason, str(error)))
        if fault.ends_run is not None:
            return RunEnd(fault.ends_run, reason, str(error))
        if fault.verdict is not Verdict.ERROR:
            self._errors_in_a_row = 0
            return None
        self._errors_in_a_row += 1
        if self._errors_in_a_row < MAX_ERRORS_IN_A_ROW:
            return None
        text = f"{MAX_ERRORS_IN_A_ROW} errors in a row: {error}"
        return RunEnd(RunStatus.ERROR, reason, text)

    def _refused_rate(self, planned: PlannedTrial, reason: Reason) -> Reason:
        """Tests vary one thing at a time: when it is the rate, it is the rate that was refused."""
        facts = self._link.facts
        if reason is not Reason.REQUEST_REFUSED or facts is None:
            return reason
        plain_hz = self._bench.plan.options(self._link.ref).rate_hz(facts)
        return reason if planned.request.rate_hz == plain_hz else Reason.RATE_REFUSED

    def _commit(self, record: TrialRecord) -> None:
        self._bench.store.add_trial(record)
        self._ledger.add(record)
        position = self._positions[record.test_id, record.index]
        self._bench.observe(
            events.TrialDone(self._link.ref, record, position, len(self._positions))
        )

    def _announce(self, planned: PlannedTrial, attempt: int) -> None:
        position = self._positions[planned.key]
        self._bench.observe(
            events.TrialStarted(
                self._link.ref, *planned.key, attempt, position, len(self._positions)
            )
        )

    def _stage(self, planned: PlannedTrial, stage: str, fraction: float) -> None:
        self._bench.observe(events.TrialProgress(self._link.ref, *planned.key, stage, fraction))
