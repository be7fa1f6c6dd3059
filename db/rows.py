"""Dataclasses to table rows and back; no queries, no transactions."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from db.codec import Json, decode, dump_json, encode
from db.schema import (
    KEY_CHARS,
    DeviceTable,
    EvidenceTable,
    FactsTable,
    MeasurementTable,
    ReasonTable,
    RunTable,
    StimulusTable,
    TestTable,
    TrialTable,
)
from profiler.errors import StoreError
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Measurement,
    Recording,
    RunRecord,
    SessionRow,
    Stimulus,
    TestResult,
    TrialRecord,
)

_UNSAFE = re.compile("[\0\ud800-\udfff]")
_HASH_CHARS = 16
_MAX_INT32 = 2**31 - 1


def key_text(text: str) -> str:
    """The text as a column holds it: no NUL, no lone surrogate, at most ``KEY_CHARS``.

    Ordinary text is unchanged. Other text keeps its readable part and ends in a hash of the
    whole, so that two different texts stay different.
    """
    if len(text) <= KEY_CHARS and not _UNSAFE.search(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARS]
    return f"{_UNSAFE.sub('�', text[: KEY_CHARS - 20])}…#{digest}"


def is_shortened(column: str) -> bool:
    """Whether :func:`key_text` may have changed the text of this column."""
    return column[-_HASH_CHARS - 2 : -_HASH_CHARS] == "…#"


def finite_or_none(value: float | None) -> float | None:
    """A float column holds finite numbers only: SQLite turns NaN into NULL by itself."""
    return value if value is not None and math.isfinite(value) else None


def _int_or_none(value: int | None) -> int | None:
    return value if value is not None and abs(value) <= _MAX_INT32 else None


# -- devices ------------------------------------------------------------------------------------


def device_row(ref: DeviceRef, *, now: datetime) -> DeviceTable:
    """A new device."""
    return DeviceTable(
        uid=key_text(ref.uid),
        platform=ref.platform.value,
        serial=key_text(ref.serial),
        first_seen=now,
        last_seen=now,
        ref=encode(ref),
    )


def device_from_row(row: DeviceTable) -> DeviceRef:
    """The device's reference."""
    return decode(DeviceRef, row.ref, where=f"device {row.uid}")


def facts_row(facts: DeviceFacts, *, now: datetime) -> FactsTable:
    """One answer of a device, named by the hash of what it says."""
    timeless = encode(replace(facts, collected_at=None))
    timeless["raw"] = sorted(timeless["raw"].items())
    return FactsTable(
        sha256=hashlib.sha256(dump_json(timeless).encode()).hexdigest(),
        manufacturer=key_text(facts.manufacturer),
        model=key_text(facts.model),
        soc=key_text(facts.soc),
        os_build=key_text(facts.os_build),
        marketing_name=key_text(facts.marketing_name),
        os_name=key_text(facts.os_name),
        os_version=key_text(facts.os_version),
        is_virtual=facts.is_virtual,
        is_emulator=facts.is_emulator,
        first_seen=now,
        facts=encode(facts),
    )


def facts_from_row(row: FactsTable) -> DeviceFacts:
    """The facts as they were first read."""
    return decode(DeviceFacts, row.facts, where=f"facts {row.sha256[:12]}")


# -- runs ---------------------------------------------------------------------------------------


def run_columns(run: RunRecord) -> dict[str, Any]:
    """Every column of ``runs`` that comes from the record."""
    return {
        "run_uuid": key_text(run.run_uuid),
        "bench_uuid": key_text(run.bench_uuid),
        "suite": key_text(run.suite),
        "plan_sha256": key_text(run.plan_sha256),
        "status": run.status.value,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "tool_version": key_text(run.tool_version),
        "record": encode(run),
    }


def run_from_row(row: RunTable) -> RunRecord:
    """The run's record."""
    return decode(RunRecord, row.record, where=f"run {row.run_uuid}")


# -- stimuli and evidence -----------------------------------------------------------------------


def stimulus_row(spec: Stimulus) -> StimulusTable:
    """A stimulus under its content address."""
    return StimulusTable(
        stimulus_id=key_text(spec.stimulus_id),
        seed=key_text(str(getattr(spec, "seed", ""))),
        rate_hz=spec.rate_hz,
        spec=encode(spec),
    )


def evidence_row(recording: Recording, *, now: datetime) -> EvidenceTable:
    """A recording in the evidence folder."""
    return EvidenceTable(created_at=now, **encode(recording))


def recording_from_row(row: EvidenceTable) -> Recording:
    """The recording's description."""
    return Recording(
        sha256=row.sha256,
        file_name=row.file_name,
        rate_hz=row.rate_hz,
        channels=row.channels,
        frames=row.frames,
        sample_format=row.sample_format,
        size_bytes=row.size_bytes,
    )


# -- trials -------------------------------------------------------------------------------------


def trial_columns(trial: TrialRecord) -> dict[str, Any]:
    """Every column of ``trials`` that comes from the record itself."""
    whole = encode(trial)
    requested = whole.pop("request")
    granted = whole.pop("report")
    measured = whole.pop("estimate")
    found = whole.pop("findings")
    del whole["stimulus"], whole["recording"]  # in tables of their own
    report, path = trial.report, trial.request.path
    return {
        "trial_uuid": key_text(trial.trial_uuid),
        "test_id": key_text(trial.test_id),
        "position": trial.index,
        "attempt": trial.attempt,
        "route": key_text(path.route),
        "audio_mode": key_text(path.audio_mode),
        "api": key_text(path.api),
        "input_preset": key_text(path.input_preset),
        "rate_hz": trial.request.rate_hz,
        "granted_input_rate_hz": _int_or_none(report.input.rate_hz) if report else None,
        "granted_output_rate_hz": _int_or_none(report.output.rate_hz) if report else None,
        "started_at": trial.started_at,
        "duration_s": trial.duration_s,
        "requested": requested,
        "granted": granted,
        **_analysis_columns(trial, whole, measured, found),
    }


def analysis_columns(trial: TrialRecord) -> dict[str, Any]:
    """The columns of ``trials`` that a new analysis changes."""
    whole = encode(trial)
    measured = whole.pop("estimate")
    found = whole.pop("findings")
    for name in ("request", "report", "stimulus", "recording"):
        del whole[name]
    return _analysis_columns(trial, whole, measured, found)


def _analysis_columns(
    trial: TrialRecord, record: Json, measured: Json, found: Json
) -> dict[str, Any]:
    estimate = trial.estimate
    valid = estimate is not None and estimate.valid
    return {
        "verdict": trial.verdict.value,
        "latency_ms": finite_or_none(estimate.round_trip_latency_ms)
        if estimate and valid
        else None,
        "uncertainty_us": finite_or_none(estimate.uncertainty_us) if estimate and valid else None,
        "confidence": finite_or_none(estimate.confidence) if estimate else None,
        "drift_ppm": finite_or_none(estimate.drift_ppm) if estimate and valid else None,
        "snr_db": finite_or_none(estimate.snr_db) if estimate else None,
        "tool_version": key_text(trial.tool_version),
        "record": record,
        "measured": measured,
        "findings": found,
    }


def trial_from_row(
    row: TrialTable, spec: Json | None, recording: EvidenceTable | None
) -> TrialRecord:
    """Put a trial together again. Raises :class:`StoreError` when a part is damaged."""
    parts = {
        "request": row.requested,
        "report": row.granted,
        "estimate": row.measured,
        "findings": row.findings,
        "stimulus": spec,
        "recording": encode(recording_from_row(recording)) if recording else None,
    }
    return _trial(row.record, parts, where=f"trial {row.trial_uuid}")


def _trial(record: Json, parts: dict[str, Json], *, where: str) -> TrialRecord:
    if not isinstance(record, dict):
        raise StoreError(f"{where}: its record is damaged", hint="restore the store from a copy")
    return decode(TrialRecord, {**record, **parts}, where=where)


def session_from_parts(
    record: Json, requested: Json, measured: Json, device_uid: str, facts: DeviceFacts
) -> SessionRow:
    """One stream open, without what the summary does not look at."""
    unread = {"report": None, "stimulus": None, "recording": None, "findings": None}
    parts = {"request": requested, "estimate": measured, **unread}
    trial = _trial(record, parts, where=f"a trial of {device_uid}")
    estimate = trial.estimate
    valid = estimate is not None and estimate.valid
    return SessionRow(
        trial_uuid=trial.trial_uuid,
        run_uuid=trial.run_uuid,
        device_uid=device_uid,
        test_id=trial.test_id,
        model_key=facts.model_key,
        marketing_name=facts.marketing_name,
        path=trial.request.path,
        rate_hz=trial.request.rate_hz,
        verdict=trial.verdict,
        reasons=trial.reasons,
        latency_ms=finite_or_none(estimate.round_trip_latency_ms) if estimate and valid else None,
        uncertainty_us=finite_or_none(estimate.uncertainty_us) if estimate and valid else None,
        per_chirp_ms=estimate.per_chirp_ms if estimate and valid else (),
        per_chirp_time_s=estimate.per_chirp_time_s if estimate and valid else (),
        jumps=estimate.jumps if estimate and valid else (),
        is_virtual=facts.is_virtual,
        started_at=trial.started_at,
    )


# -- test results -------------------------------------------------------------------------------


def test_columns(result: TestResult, *, now: datetime) -> dict[str, Any]:
    """Every column of ``test_results`` that comes from the record."""
    return {
        "test_id": key_text(result.test_id),
        "verdict": result.verdict.value,
        "recorded_at": now,
        "record": encode(result),
    }


def test_from_row(row: TestTable) -> TestResult:
    """The test's result."""
    return decode(TestResult, row.record, where=f"test result {row.test_id}, row {row.id}")


# -- children -----------------------------------------------------------------------------------


def measurement_rows(measurements: Iterable[Measurement]) -> list[MeasurementTable]:
    """The finite numbers; one that is not finite stays in its record only."""
    return [
        MeasurementTable(
            name=key_text(m.name),
            value=float(m.value),
            unit=key_text(m.unit),
            sigma=finite_or_none(m.sigma),
        )
        for m in measurements
        if math.isfinite(m.value)
    ]


def measurement_from_row(row: MeasurementTable) -> Measurement:
    """One stored number."""
    return Measurement(row.name, row.value, row.unit, row.sigma)


def reason_rows(reasons: Iterable[str]) -> list[ReasonTable]:
    """One row per distinct reason."""
    return [ReasonTable(reason=reason) for reason in dict.fromkeys(map(key_text, reasons))]


def utc_now() -> datetime:
    """The present time, timezone-aware."""
    return datetime.now(UTC)
