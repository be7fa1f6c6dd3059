"""The numbers of a trial that can be searched and plotted without opening its JSON."""

from __future__ import annotations

from profiler.model import Estimate, Measurement, ProbeReport, TrialRecord


def numbers_of(trial: TrialRecord) -> tuple[Measurement, ...]:
    """Measured and reported numbers. An estimate that is not valid gives none."""
    numbers: list[Measurement] = []
    if trial.estimate is not None and trial.estimate.valid:
        numbers += _measured(trial.estimate)
    if trial.report is not None:
        numbers += _reported(trial.report)
    return tuple(numbers)


def _measured(estimate: Estimate) -> list[Measurement]:
    sigma_us, sigma_ppm = estimate.uncertainty_us, estimate.drift_sigma_ppm
    sigma_ms = None if sigma_us is None else sigma_us / 1000.0
    found = (
        ("round_trip_latency", estimate.round_trip_latency_ms, "ms", sigma_ms),
        ("drift", estimate.drift_ppm, "ppm", sigma_ppm),
        ("snr", estimate.snr_db, "dB", None),
        ("wander", estimate.wander_us, "us", None),
        ("dropouts", float(len(estimate.dropouts)), "count", None),
        ("jumps", float(len(estimate.jumps)), "count", None),
    )
    return [Measurement(n, v, unit, sigma) for n, v, unit, sigma in found if v is not None]


def _reported(report: ProbeReport) -> list[Measurement]:
    found = (
        ("reported_latency", report.reported_latency_ms, "ms"),
        ("reported_output_latency", report.reported_output_latency_ms, "ms"),
        ("reported_input_latency", report.reported_input_latency_ms, "ms"),
        ("xruns_output", report.xruns_output, "count"),
        ("xruns_input", report.xruns_input, "count"),
    )
    return [Measurement(n, float(v), unit) for n, v, unit in found if v is not None]
