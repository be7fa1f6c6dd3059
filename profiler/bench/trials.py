"""The trials of one device, each committed as soon as it is made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from profiler.bench import events
from profiler.bench.context import CANCELLED, Bench, RunEnd
from profiler.bench.driving import PartnerFailed
from profiler.bench.faults import fault_of, refuses_rate
from profiler.bench.gates import gate_crossed, health_of
from profiler.bench.ledger import Ledger
from profiler.bench.link import DeviceLink
from profiler.bench.sounding import run_trial
from profiler.bench.trial import blank_record, failed_record, measured_record
from profiler.catalogue import PlannedTrial
from profiler.errors import DeviceError
from profiler.model import Reason, RunStatus, TrialRecord, Verdict

MAX_ERRORS_IN_A_ROW = 3
"""A probe that answers garbage this often is not asked for the rest of the suite."""
PARTNER_RETRIES = 1
"""Further attempts after a partner failed, with another one if there is one."""


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
        run_uuid = self._ledger.run_uuid
        attempt = self._bench.store.next_attempt(run_uuid, *planned.key)
        left, partners_left, failed = self._bench.plan.timeouts.retries, PARTNER_RETRIES, ""
        while True:
            record = blank_record(run_uuid, planned, attempt)
            self._announce(planned, attempt)
            try:
                made = run_trial(
                    self._bench, self._link, planned, partial(self._stage, planned), failed=failed
                )
            except PartnerFailed as exc:
                if self._bench.stop.requested:
                    return CANCELLED
                if not partners_left or not exc.uid:
                    self._without_partner(record, exc)
                    return None
                partners_left, failed = partners_left - 1, exc.uid
                self._link.pause(exc)
            except DeviceError as exc:
                if self._bench.stop.requested:
                    return CANCELLED
                if not self._link.may_retry(fault_of(exc), left):
                    return self._failed(planned, record, exc)
                left -= 1
                self._link.pause(exc)
            else:
                if made is None:
                    return CANCELLED
                self._stage(planned, "analysing", 1.0)
                record = replace(record, started_at=made.began)
                return self._measured(measured_record(self._bench.store, record, made))
            attempt += 1

    def _without_partner(self, record: TrialRecord, error: PartnerFailed) -> None:
        """The device under test is fine, and its run goes on."""
        verdict, reason = Verdict.NOT_MEASURABLE, Reason.PARTNER_LOST
        self._commit(failed_record(record, verdict, reason, str(error)))

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
        reason = self._refused_rate(planned, fault.reason, error)
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

    def _refused_rate(self, planned: PlannedTrial, reason: Reason, error: DeviceError) -> Reason:
        """A rate that the test varied and the refusal names is the rate that was refused."""
        facts, rate_hz = self._link.facts, planned.request.rate_hz
        if reason is not Reason.REQUEST_REFUSED or facts is None:
            return reason
        plain_hz = self._bench.plan.options(self._link.ref).rate_hz(facts)
        varied = rate_hz != plain_hz
        return Reason.RATE_REFUSED if varied and refuses_rate(error, rate_hz) else reason

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
