"""A catalogue test on one virtual phone, as the bench makes it, without store and threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from device_probes.client import ProbeClient
from device_probes.virtual import Clock
from device_probes.virtual.driver import VirtualDriver, fleet_from_toml
from profiler.analysis import read_take, take_of
from profiler.catalogue import TESTS, PlannedTrial, Skip, TrialOptions, judge
from profiler.errors import ProbeRefused
from profiler.model import (
    DeviceFacts,
    PartnerOutcome,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
)

__all__ = ["HEAD", "ProbeClient", "made", "number", "phone", "run_test"]

HEAD = """
version = 1
seed = {seed}
[[phone]]
serial = "S1"
manufacturer = "M"
model = "X"
marketing_name = "M X"
soc = "S"
os_name = "VirtualOS"
os_version = "1"
os_build = "b"
{head}
[phone.latency]
{latency}
"""


@contextmanager
def phone(
    more: str = "", *, head: str = "", latency: str = "", seed: int = 7
) -> Iterator[tuple[VirtualDriver, DeviceFacts]]:
    """One phone of TOML tables, its clock never waits."""
    delay = latency or "api_ms = { aaudio = 62.5 }\nspread = 'none'"
    text = HEAD.format(seed=seed, head=head, latency=delay) + more
    (driver,) = fleet_from_toml(text, "test.toml").drivers(Clock(float("inf")))
    try:
        yield driver, driver.connect()
    finally:
        driver.close()


def made(
    driver: VirtualDriver, planned: PlannedTrial, *, partner: PartnerOutcome | None = None
) -> TrialRecord:
    """One trial as it would be stored; a refusal becomes a record with its reason."""
    from profiler.bench.driving import plays_of

    blank = TrialRecord(
        trial_uuid=f"{planned.test_id}-{planned.index}",
        run_uuid="run-1",
        test_id=planned.test_id,
        index=planned.index,
        request=planned.request,
        stimulus=planned.stimulus,
        report=None,
        recording=None,
        estimate=None,
        verdict=Verdict.SKIPPED,
        reasons=(),
        message="",
        attempt=1,
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        duration_s=0.0,
        tool_version="0",
        setup=planned.setup,
        partner=partner,
    )
    try:
        capture = driver.run(planned.request, plays_of(planned), lambda _: None)
    except ProbeRefused as exc:
        why = (str(Reason.REQUEST_REFUSED),)
        return replace(blank, verdict=Verdict.NOT_MEASURABLE, reasons=why, message=str(exc))
    reading = read_take(take_of(blank, capture.audio))
    return replace(
        blank,
        report=capture.report,
        estimate=reading.estimate,
        findings=reading.findings,
        verdict=reading.verdict,
        reasons=reading.reasons,
    )


def run_test(
    driver: VirtualDriver,
    facts: DeviceFacts,
    test_id: str,
    options: TrialOptions | None = None,
    *,
    others: Sequence[TrialRecord] = (),
) -> tuple[TestResult, list[TrialRecord]]:
    """Make every trial of a test on a phone and judge it."""
    used = options or TrialOptions(seed=11, tests=(test_id,))
    planned = TESTS[test_id].trials(facts, used)
    assert not isinstance(planned, Skip), planned
    records = [made(driver, p) for p in planned]
    return judge(test_id, "run-1", [*others, *records]), records


def number(result: TestResult, name: str) -> float:
    """The one measurement of that name."""
    values = [m.value for m in result.measurements if m.name == name]
    assert len(values) == 1, (name, [m.name for m in result.measurements])
    assert np.isfinite(values[0])
    return values[0]
