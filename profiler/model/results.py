"""Stored results: trials, tests, runs and the summary of a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from profiler.model.device import ModelKey
from profiler.model.estimate import Estimate, Jump
from profiler.model.findings import ExchangeFindings, Findings
from profiler.model.stimulus import Stimulus
from profiler.model.trial import (
    ActionOutcome,
    AudioPath,
    PartnerOutcome,
    ProbeReport,
    Recording,
    TrialRequest,
    TrialSetup,
)
from profiler.model.verdict import Verdict


class RunStatus(StrEnum):
    """State of one device's run of one suite."""

    RUNNING = "running"
    OK = "ok"
    DEVICE_LOST = "device_lost"
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number with its unit; ``sigma`` is 1σ in the same unit."""

    name: str
    value: float
    unit: str
    sigma: float | None = None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial as stored: requested, granted (in ``report``), measured.

    What was measured is an ``estimate`` of the latency, ``findings`` of another analysis, or both.
    """

    trial_uuid: str
    run_uuid: str
    test_id: str
    index: int
    """Position among the trials of its test."""
    request: TrialRequest
    stimulus: Stimulus | None
    report: ProbeReport | None
    recording: Recording | None
    estimate: Estimate | None
    verdict: Verdict
    reasons: tuple[str, ...]
    message: str
    """One line for people when the verdict is ``error`` or ``skipped``."""
    attempt: int
    started_at: datetime
    duration_s: float
    tool_version: str
    setup: TrialSetup = TrialSetup()  # noqa: RUF009 - frozen
    findings: Findings | None = None
    partner: PartnerOutcome | None = None
    actions: tuple[ActionOutcome, ...] = ()
    """What became of ``setup.actions``, in the order in which they were asked for."""

    @property
    def latency(self) -> tuple[float, float | None] | None:
        """Round trip in ms with its 1σ in µs: of a valid estimate, else of an exchange; ``None`` =
        it was not measured."""
        estimate, found = self.estimate, self.findings
        if estimate is not None and estimate.valid and estimate.round_trip_latency_ms is not None:
            return estimate.round_trip_latency_ms, estimate.uncertainty_us
        if isinstance(found, ExchangeFindings) and found.round_trip_latency_ms is not None:
            return found.round_trip_latency_ms, found.uncertainty_us
        return None


@dataclass(frozen=True, slots=True)
class TestResult:
    """One catalogue test on one device."""

    __test__ = False  # not a pytest class

    run_uuid: str
    test_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    text: str
    """One plain line: what was found."""
    measurements: tuple[Measurement, ...]
    trial_uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One suite on one device."""

    run_uuid: str
    bench_uuid: str
    """Shared by the devices of one invocation."""
    device_uid: str
    suite: str
    plan_sha256: str
    status: RunStatus
    reason: str
    started_at: datetime
    ended_at: datetime | None
    tool_version: str
    message: str = ""
    """Why it ended early and what to do next, for people."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """Round-trip latency of one model key on one path.

    A *session* is one stream open. The spread between sessions is what a user meets; the
    scatter within one is what the method adds. They are never mixed.
    """

    model_key: ModelKey
    marketing_name: str
    path: AudioPath
    rate_hz: int
    devices: int
    runs: int
    sessions: int
    rejected: int
    median_ms: float | None
    mad_ms: float | None
    p95_ms: float | None
    ci95_ms: tuple[float, float] | None
    """95 % confidence interval of the median (order statistics)."""
    between_session_sd_ms: float | None
    within_session_sd_ms: float | None
    uncertainty_us: float | None
    """Median 1σ of a single session's estimate."""
    verdict: Verdict
    reasons: tuple[str, ...]
    is_virtual: bool
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One stream open as the summary needs it: a trial that was analysed, and its model.

    The latency and what belongs to it are ``None`` or empty for a rejected session.
    """

    trial_uuid: str
    run_uuid: str
    device_uid: str
    test_id: str
    model_key: ModelKey
    marketing_name: str
    path: AudioPath
    rate_hz: int
    verdict: Verdict
    reasons: tuple[str, ...]
    latency_ms: float | None
    uncertainty_us: float | None
    per_chirp_ms: tuple[float, ...]
    per_chirp_time_s: tuple[float, ...]
    jumps: tuple[Jump, ...]
    is_virtual: bool
    started_at: datetime


class Difference(StrEnum):
    """How model A compares with model B; lower latency is better."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Round-trip latency of A against B. Differences are A minus B: negative = A is faster."""

    a: str
    b: str
    sessions_a: int
    sessions_b: int
    devices_a: int
    devices_b: int
    median_a_ms: float | None
    median_b_ms: float | None
    median_difference_ms: float | None
    """Difference of the two medians."""
    shift_ms: float | None
    """Hodges-Lehmann estimate: median of all differences of a session of A and one of B."""
    ci95_ms: tuple[float, float] | None
    """95 % confidence interval of the shift (inversion of the Mann-Whitney test)."""
    p_value: float | None
    """Mann-Whitney, two-sided."""
    effect: float | None
    """Cliff's delta, -1..+1: how much more often A is slower than B than the reverse."""
    margin_ms: float
    """Smallest difference that counts."""
    difference: Difference
    text: str
    """One plain line: what was found and by which rule."""
    is_virtual: bool
