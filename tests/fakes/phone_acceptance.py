"""What the acceptance tests of real phones (tests/device) have in common, whatever the system."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from device_probes.driver import Capture, Driver, Play, Progress
from profiler.analysis import analyze
from profiler.errors import ProbeRefused
from profiler.model import DeviceFacts, Estimate, TrialRequest
from profiler.stimulus import make_train

TRAIN = make_train(7, chirps=6, chirp_s=0.35, lead_in_s=0.1)
PLAIN = TrialRequest(warmup_s=1.0, duration_s=TRAIN.duration_s + 1.2)
MAY_BE_VIRTUAL = os.environ.get("CHIRPBENCH_DEVICE_MAY_BE_VIRTUAL") == "1"
"""Set by the test of these tests, which has no phone."""
_NOT_HERE = ("unsupported", "open_failed", "rate_differs")
"""Refusals that say that a phone has no such path."""


def ignore(_: Progress) -> None:
    pass


def say(line: str) -> None:
    print(f"\n  | {line}", end="")


def trial(phone: Driver, **changes: object) -> Capture:
    request = replace(PLAIN, **changes)  # type: ignore[arg-type]
    return phone.run(request, (Play(TRAIN),), ignore)


def measured(capture: Capture) -> Estimate:
    return analyze(capture.audio, TRAIN)


def tried(phone: Driver, name: str, **changes: object) -> Capture | None:
    """A trial of a path that a phone may not have; ``None``: it said why, in words and a code."""
    try:
        capture = trial(phone, **changes)
    except ProbeRefused as exc:
        say(f"{name}: {exc.code}")
        if exc.code not in _NOT_HERE or not exc.message:
            raise
        return None
    not_silent_in_secret(capture)
    return capture


def not_silent_in_secret(capture: Capture) -> None:
    """A recording is never all zeros unless the report says so."""
    report = capture.report
    assert capture.audio.samples.any() or report.input_silenced, "all zeros, and nobody said so"
    assert report.longest_zero_run_frames is not None


def told(name: str, capture: Capture, more: str) -> None:
    """A line of the table: what was measured, what was granted, how it started."""
    estimate = measured(capture)
    latency = estimate.round_trip_latency_ms
    shown = "–" if latency is None else f"{latency:.2f} ms"
    start = ", ".join(f"{k} {v:.0f}" for k, v in capture.report.startup_ms.items())
    say(f"{name}: {shown} {estimate.verdict.value} {more}; ms: {start}")


def latencies_ms(phone: Driver, opens: int) -> Sequence[float]:
    """The latency of as many opens, each of which has to be valid."""
    found = [measured(trial(phone)) for _ in range(opens)]
    values = [e.round_trip_latency_ms for e in found if e.round_trip_latency_ms is not None]
    assert len(values) == opens, [e.reasons for e in found]
    spread = max(values) - min(values)
    say(f"{opens} opens: median {statistics.median(values):.2f} ms, spread {spread:.2f} ms")
    return values


def agree(values_ms: Sequence[float], facts: DeviceFacts) -> float:
    """Opens of one phone lie within three bursts; returns a burst in ms."""
    burst_ms = 1000 * (facts.frames_per_burst or 480) / (facts.native_rate_hz or 48_000)
    spread = max(values_ms) - min(values_ms)
    assert spread <= 3 * burst_ms + 0.5, (
        f"{spread:.2f} ms between latencies of opens that should agree"
    )
    return burst_ms


def first_trial_after_contact(phone: Driver) -> None:
    """How long from a second contact to the first trial."""
    phone.close()
    began = time.monotonic()
    phone.connect()
    opened: list[float] = []

    def note(_: Progress) -> None:
        if not opened:
            opened.append(time.monotonic())

    phone.run(replace(PLAIN, duration_s=0.5), (), note)
    say(f"first contact to first trial {opened[0] - began:.2f} s (goal 2 s)")


def cancelled_in_mid_trial(phone: Driver, **changes: object) -> None:
    """A cancel from another thread ends a long trial soon, and is called that."""
    timer = threading.Timer(1.2, phone.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(ProbeRefused) as caught:
        trial(phone, **{"duration_s": 20.0, **changes})
    timer.join()
    assert caught.value.code == "cancelled"
    assert time.monotonic() - began < 6.0
