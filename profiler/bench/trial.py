"""One attempt at one trial: sound in turn, evidence first, then the analysis."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from db.store import Store
from device_probes.driver import Capture, Driver, Play, Progress
from profiler import __version__
from profiler.analysis import Reading, read_take, take_of
from profiler.bench.stop import Stop
from profiler.bench.zones import Zones
from profiler.catalogue import PlannedTrial
from profiler.errors import DeviceError, DeviceTimeout, EvidenceError
from profiler.model import Reason, TrialRecord, Verdict

OnStage = Callable[[str, float], None]


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


def drive(
    driver: Driver,
    planned: PlannedTrial,
    *,
    zones: Zones,
    zone: str,
    stop: Stop,
    margin_s: float,
    on_stage: OnStage,
) -> tuple[datetime, Capture] | None:
    """Run the trial when the zone is free; ``None`` when the bench is stopped instead.

    The time is when the turn came: waiting for it is no part of the trial.

    The zone is given back as soon as the probe stops playing, so that fetching, storing and
    analysing overlap with the next device's sound. Raises
    :class:`~profiler.errors.DeviceError`; :class:`~profiler.errors.DeviceTimeout` also when the
    driver had to be told to give up.
    """
    on_stage("waiting", 0.0)
    with zones.turn(zone, stop) as turn:
        if turn is None:
            return None

        def on_progress(progress: Progress) -> None:
            if progress.stage == "fetching":
                turn.release()
            on_stage(progress.stage, progress.fraction)

        began = datetime.now(UTC)
        with _watchdog(driver, planned.audio_s + margin_s):
            capture = driver.run(planned.request, plays_of(planned), on_progress)
        return began, capture


def plays_of(planned: PlannedTrial) -> tuple[Play, ...]:
    """The device's own schedule."""
    if planned.stimulus is None:
        return ()
    return tuple(Play(planned.stimulus, at_s) for at_s in planned.setup.at_s)


@contextmanager
def _watchdog(driver: Driver, limit_s: float) -> Iterator[None]:
    """Cancel a trial that outlives its limit, whatever the driver's own deadlines are."""
    expired = threading.Event()

    def give_up() -> None:
        expired.set()
        with suppress(DeviceError):
            driver.cancel()

    timer = threading.Timer(limit_s, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except DeviceError as exc:
        if expired.is_set():
            raise DeviceTimeout(
                f"the trial did not end within {limit_s:.0f} s",
                device=str(driver.ref),
                hint="look at the device, then run with --resume",
            ) from exc
        raise
    finally:
        timer.cancel()
        timer.join()


def measured_record(store: Store, record: TrialRecord, capture: Capture) -> TrialRecord:
    """Save the evidence, then analyse it.

    Without evidence there is no number: when the recording cannot be saved the trial is an
    ``error`` with the reason ``evidence_lost``. Zeros that the system fed to the probe say
    nothing about the device's microphone: such a recording is kept and not analysed.
    """
    took_s = (datetime.now(UTC) - record.started_at).total_seconds()
    record = replace(record, report=capture.report, duration_s=took_s)
    try:
        recording = store.evidence.save(capture.audio)
    except EvidenceError as exc:
        return failed_record(record, Verdict.ERROR, Reason.EVIDENCE_LOST, str(exc))
    record = replace(record, recording=recording)
    if capture.report.input_silenced:
        text = (
            f"{capture.report.observed.get('recording_clients', 'no')} other recording clients; "
            "close other apps that record, and look at the microphone switch"
        )
        return failed_record(record, Verdict.NOT_MEASURABLE, Reason.MIC_SILENCED, text)
    return with_reading(record, read_take(take_of(record, capture.audio)))


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
