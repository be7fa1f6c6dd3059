"""Tests that nothing on the bench can make yet: each says what it would need."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue.judging import nothing_measured, own
from profiler.catalogue.kinds import CatalogueTest, Page, Skip, TrialOptions
from profiler.model import DeviceFacts, Reason, TestResult, TrialRecord


def needing(test_id: str, title: str, reason: Reason, text: str, page: Page) -> CatalogueTest:
    """A test that is always skipped, for ``reason`` and in the words of ``text``."""

    def trials(_facts: DeviceFacts, _options: TrialOptions) -> Skip:
        return Skip(reason, text)

    def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
        mine = own(records, test_id)
        return nothing_measured(mine, text).result(run_uuid, test_id, mine)

    return CatalogueTest(test_id, title, trials, judge, page)
