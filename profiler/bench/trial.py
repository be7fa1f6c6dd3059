"""A trial as it is stored: evidence first, then the analysis."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from db.store import Store
from profiler import __version__
from profiler.analysis import Reading, read_take, take_of
from profiler.bench.link import Made
from profiler.catalogue import PlannedTrial
from profiler.errors import EvidenceError
from profiler.model import (
    CodecCost,
    CodecFindings,
    PartnerOutcome,
    Reason,
    Recording,
    TrialRecord,
    Verdict,
)


def trial_uuid(run_uuid: str, planned: PlannedTrial, attempt: int) -> str:
    """The same attempt always has the same UUID, so that storing it twice changes nothing."""
    name = f"{planned.test_id}/{planned.index}/{attempt}"
    return str(uuid.uuid5(uuid.UUID(run_uuid), name))


def blank_record(run_uuid: str, planned: PlannedTrial, attempt: int) -> TrialRecord:
    """A trial of which nothing is known yet but what was asked."""
    return TrialRecord(
        trial_uuid=trial_uuid(run_uuid, planned, attempt),
        run_uuid=run_uuid,
        test_id=planned.test_id,
        index=planned.index,
        request=planned.request,
        stimulus=planned.stimulus,
        setup=planned.setup,
        report=None,
        recording=None,
        estimate=None,
        verdict=Verdict.SKIPPED,
        reasons=(),
        message="",
        attempt=attempt,
        started_at=datetime.now(UTC),
        duration_s=0.0,
        tool_version=__version__,
    )


def measured_record(store: Store, record: TrialRecord, made: Made) -> TrialRecord:
    """Save the evidence, then analyse it.

    Without evidence there is no number: when a recording cannot be saved the trial is an
    ``error`` with the reason ``evidence_lost``. A recording that is not to be read
    (:func:`unread`) is kept and not analysed.
    """
    took_s = (datetime.now(UTC) - record.started_at).total_seconds()
    record = replace(record, duration_s=took_s, actions=made.actions)
    if made.codec is not None:
        return with_cost(record, made.codec)
    capture, partner = made.capture, made.partner
    assert capture is not None
    record = replace(record, report=capture.report)
    heard: Recording | None = None
    try:
        recording = store.evidence.save(capture.audio)
        if partner is not None:
            heard = store.evidence.save(partner.capture.audio)
    except EvidenceError as exc:
        return failed_record(record, Verdict.ERROR, Reason.EVIDENCE_LOST, str(exc))
    record = replace(record, recording=recording)
    if partner is not None and heard is not None:
        outcome = PartnerOutcome(partner.device_uid, partner.capture.report, heard)
        record = replace(record, partner=outcome)
    why = unread(record)
    if why is not None:
        return failed_record(record, Verdict.NOT_MEASURABLE, *why)
    partner_audio = partner.capture.audio if partner is not None else None
    return with_reading(record, read_take(take_of(record, capture.audio, partner_audio)))


def unread(record: TrialRecord) -> tuple[Reason, str] | None:
    """Why the recordings of a trial are not analysed, also not later.

    Zeros that the system fed to a probe say nothing about a microphone, and a recording during
    which something did not happen says nothing about what it would have done.
    """
    report, partner = record.report, record.partner
    expected = record.request.background == "continue"  # what the system then does is the question
    if report is not None and report.input_silenced and not expected:
        text = (
            f"{report.observed.get('recording_clients', 'no')} other recording clients; "
            "close other apps that record, and look at the microphone switch"
        )
        return Reason.MIC_SILENCED, text
    if partner is not None and partner.report.input_silenced:
        return Reason.PARTNER_LOST, f"the system silenced the microphone of {partner.device_uid}"
    failed = [a for a in record.actions if not a.ok]
    if failed:
        said = "; ".join(f"{a.action} at {a.asked_s:g} s: {a.text}" for a in failed)
        return Reason.ACTION_FAILED, said
    return None


def with_cost(record: TrialRecord, cost: CodecCost) -> TrialRecord:
    """The trial with what coding costs on the device."""
    known = [part for part in (cost.encode_ms, cost.decode_ms) if part is not None]
    verdict = (Verdict.NOT_MEASURABLE, Verdict.MARGINAL, Verdict.PASS)[len(known)]
    reasons = () if verdict is Verdict.PASS else (str(Reason.NEEDS_CODER),)
    findings = CodecFindings(verdict, reasons, cost)
    return replace(record, findings=findings, verdict=verdict, reasons=reasons)


def with_reading(record: TrialRecord, reading: Reading) -> TrialRecord:
    """The trial with what its recording says."""
    return replace(
        record,
        estimate=reading.estimate,
        findings=reading.findings,
        verdict=reading.verdict,
        reasons=reading.reasons,
    )


def failed_record(
    record: TrialRecord, verdict: Verdict, reason: Reason, message: str
) -> TrialRecord:
    """The trial without a measurement."""
    took_s = (datetime.now(UTC) - record.started_at).total_seconds()
    return replace(
        record, verdict=verdict, reasons=(str(reason),), message=message[:500], duration_s=took_s
    )
