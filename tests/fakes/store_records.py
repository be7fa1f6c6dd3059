"""Records for tests of the store and of the summary: plausible, and every field may be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from profiler.model import (
    CaptureQuality,
    DeviceFacts,
    DeviceRef,
    Estimate,
    GrantedStream,
    Measurement,
    Platform,
    ProbeReport,
    RunRecord,
    RunStatus,
    SessionRow,
    StimulusSpec,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """A time that many seconds after noon of the test day."""
    return NOON + timedelta(seconds=seconds)


def device(serial: str = "v1") -> DeviceRef:
    return DeviceRef(Platform.VIRTUAL, serial, f"Phone {serial}", "in-process")


def facts(model: str = "A1", **changes: Any) -> DeviceFacts:
    values: dict[str, Any] = {
        "platform": Platform.VIRTUAL,
        "manufacturer": "Acme",
        "model": model,
        "marketing_name": f"Acme {model}",
        "soc": "soc9",
        "os_name": "android",
        "os_version": "14",
        "os_build": "build.1",
        "is_virtual": True,
        "raw": {"ro.product.model": model},
        "collected_at": NOON,
    }
    return DeviceFacts(**{**values, **changes})


def run(run_uuid: str = "run-1", device_uid: str = "virtual:v1", **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "run_uuid": run_uuid,
        "bench_uuid": "bench-1",
        "device_uid": device_uid,
        "suite": "smoke",
        "plan_sha256": "ab" * 32,
        "status": RunStatus.RUNNING,
        "reason": "",
        "started_at": NOON,
        "ended_at": None,
        "tool_version": "0.1.0",
    }
    return RunRecord(**{**values, **changes})


def stimulus(seed: int = 1) -> StimulusSpec:
    return StimulusSpec(
        seed=seed,
        rate_hz=48_000,
        starts_s=tuple(0.2 + 0.8 * i for i in range(8)),
        chirp_s=0.5,
        f_lo_hz=150.0,
        f_hi_hz=16_000.0,
        fade_s=0.008,
        amplitude=0.9,
        duration_s=6.6,
    )


def report(**changes: Any) -> ProbeReport:
    stream = GrantedStream(rate_hz=48_000, channels=1, frames_per_burst=96)
    values: dict[str, Any] = {
        "probe_version": "1",
        "output": stream,
        "input": stream,
        "xruns_output": 0,
        "reported_output_latency_ms": 20.0,
        "reported_input_latency_ms": 10.0,
    }
    return ProbeReport(**{**values, **changes})


def estimate(latency_ms: float | None = 40.0, **changes: Any) -> Estimate:
    valid = latency_ms is not None
    values: dict[str, Any] = {
        "valid": valid,
        "verdict": Verdict.PASS if valid else Verdict.NOT_MEASURABLE,
        "reasons": () if valid else ("no_stimulus",),
        "round_trip_latency_ms": latency_ms,
        "uncertainty_us": 5.0 if valid else None,
        "confidence": 0.99 if valid else 0.0,
        "drift_ppm": 1.5 if valid else None,
        "drift_sigma_ppm": 0.1 if valid else None,
        "snr_db": 30.0,
        "polarity": 1 if valid else None,
        "dropouts": (),
        "jumps": (),
        "band_hz": (150.0, 16_000.0),
        "per_chirp_ms": tuple(latency_ms for _ in range(8)) if latency_ms is not None else (),
        "per_chirp_time_s": tuple(0.2 + 0.8 * i for i in range(8)) if valid else (),
        "wander_us": 3.0,
        "quality": CaptureQuality(6.6, -6.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0),
        "analysis_version": "1",
    }
    return Estimate(**{**values, **changes})


def trial(
    trial_uuid: str = "trial-1",
    *,
    run_uuid: str = "run-1",
    index: int = 0,
    latency_ms: float | None = 40.0,
    **changes: Any,
) -> TrialRecord:
    measured = estimate(latency_ms)
    values: dict[str, Any] = {
        "trial_uuid": trial_uuid,
        "run_uuid": run_uuid,
        "test_id": "L1",
        "index": index,
        "request": TrialRequest(api="aaudio", duration_s=7.0),
        "stimulus": stimulus(),
        "report": report(),
        "recording": None,
        "estimate": measured,
        "verdict": measured.verdict,
        "reasons": measured.reasons,
        "message": "",
        "attempt": 1,
        "started_at": after(10.0 * index),
        "duration_s": 9.0,
        "tool_version": "0.1.0",
    }
    return TrialRecord(**{**values, **changes})


def result(run_uuid: str = "run-1", **changes: Any) -> TestResult:
    values: dict[str, Any] = {
        "run_uuid": run_uuid,
        "test_id": "L1",
        "verdict": Verdict.PASS,
        "reasons": (),
        "text": "round trip 40.0 ms",
        "measurements": (Measurement("round_trip_latency_median", 40.0, "ms", 0.1),),
        "trial_uuids": ("trial-1",),
    }
    return TestResult(**{**values, **changes})


def session(latency_ms: float | None = 40.0, **changes: Any) -> SessionRow:
    one = trial(latency_ms=latency_ms)
    measured = estimate(latency_ms)
    values: dict[str, Any] = {
        "trial_uuid": "trial-1",
        "run_uuid": "run-1",
        "device_uid": "virtual:v1",
        "test_id": "L1",
        "model_key": facts().model_key,
        "marketing_name": "Acme A1",
        "path": one.request.path,
        "rate_hz": 48_000,
        "verdict": one.verdict,
        "reasons": one.reasons,
        "latency_ms": latency_ms,
        "uncertainty_us": measured.uncertainty_us,
        "per_chirp_ms": measured.per_chirp_ms,
        "per_chirp_time_s": measured.per_chirp_time_s,
        "jumps": (),
        "is_virtual": True,
        "started_at": NOON,
    }
    return SessionRow(**{**values, **changes})
