"""The state of one device's run: what is planned, what is stored, what is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from profiler.bench.resume import lost_partner
from profiler.catalogue import TESTS, PlannedTrial, Skip, judge
from profiler.model import Reason, TestResult, TrialRecord, Verdict

CUT_SHORT = " trials, then "
"""Marks the text of a test whose device failed before it was complete."""


class Ledger:
    """Trials of one run by (test, index). Used from one thread."""

    def __init__(
        self,
        run_uuid: str,
        tests: Sequence[str],
        planned: Sequence[PlannedTrial],
        skipped: Mapping[str, Skip] = MappingProxyType({}),
    ) -> None:
        self.run_uuid = run_uuid
        self.planned = tuple(planned)
        self._tests = tuple(tests)
        self._skipped = dict(skipped)
        self._records: dict[tuple[str, int], TrialRecord] = {}
        self._judged: dict[str, TestResult] = {}

    def take(self, records: Iterable[TrialRecord]) -> None:
        """Take the stored trials of an earlier attempt at this run over.

        An ``error`` is no outcome: the trials a device failed at are tried again, and so are those
        at which its partner failed. Trials that are not planned any more (another partner, another
        ability) count for their test.
        """
        planned = {p.key for p in self.planned}
        for record in sorted(records, key=lambda r: r.attempt):
            key = record.test_id, record.index
            again = record.verdict is Verdict.ERROR or (key in planned and lost_partner(record))
            if record.test_id in self._tests and not again:
                self._records[key] = record

    def add(self, record: TrialRecord) -> None:
        """Note a trial that has just been stored."""
        self._records[record.test_id, record.index] = record

    @property
    def todo(self) -> tuple[PlannedTrial, ...]:
        """Trials without a stored outcome, in order."""
        return tuple(p for p in self.planned if not self._settled(p))

    @property
    def stored(self) -> int:
        """How many of the planned trials have an outcome in the store."""
        return len(self.planned) - len(self.todo)

    @property
    def results(self) -> tuple[TestResult, ...]:
        """Judgements so far, in catalogue order."""
        return tuple(self._judged[t] for t in self._tests if t in self._judged)

    def newly_complete(self) -> tuple[TestResult, ...]:
        """Judge the tests whose trials are all there and that were not judged yet."""
        found = []
        for test_id in self._tests:
            if test_id not in self._judged and not self._missing(test_id):
                self._judged[test_id] = self._judge(test_id)
                found.append(self._judged[test_id])
        return tuple(found)

    def _judge(self, test_id: str) -> TestResult:
        skip, records = self._skipped.get(test_id), self._of(test_id)
        if skip is None or any(r.test_id == test_id for r in records):
            return judge(test_id, self.run_uuid, records)
        why = (str(skip.reason),)
        return TestResult(self.run_uuid, test_id, Verdict.SKIPPED, why, skip.text, (), ())

    def cut_short(self, reason: Reason, text: str) -> tuple[TestResult, ...]:
        """Results of the tests a failed device leaves incomplete: what there is, as an error."""
        found = []
        for test_id in self._tests:
            if test_id in self._judged:
                continue
            records = self._of(test_id)
            partial = judge(test_id, self.run_uuid, records)
            # Counted without the recordings a test merely borrows.
            own = [p for p in self.planned if p.test_id in (test_id, *TESTS[test_id].needs)]
            total, done = len(own), sum(self._settled(p) for p in own)
            said = f"{done} of {total}{CUT_SHORT}{text}"
            self._judged[test_id] = as_cut_short(partial, reason, said)
            found.append(self._judged[test_id])
        return tuple(found)

    def refuse_all(self, reason: Reason, text: str) -> tuple[TestResult, ...]:
        """Results of a device no test is made on."""
        for test_id in self._tests:
            self._judged[test_id] = TestResult(
                self.run_uuid, test_id, Verdict.NOT_MEASURABLE, (str(reason),), text, (), ()
            )
        return self.results

    def _settled(self, planned: PlannedTrial) -> bool:
        record = self._records.get(planned.key)
        return record is not None and record.verdict is not Verdict.ERROR

    def _missing(self, test_id: str) -> list[PlannedTrial]:
        sources = TESTS[test_id].sources
        return [p for p in self.planned if p.test_id in sources and p.key not in self._records]

    def _of(self, test_id: str) -> list[TrialRecord]:
        sources = TESTS[test_id].sources
        return [r for r in self._records.values() if r.test_id in sources]


def as_cut_short(partial: TestResult, reason: str, said: str) -> TestResult:
    """The result of a test whose device failed half-way: an error that keeps its numbers."""
    return replace(
        partial,
        verdict=Verdict.ERROR,
        reasons=tuple(dict.fromkeys((str(reason), *partial.reasons))),
        text=f"{said}; {partial.text}" if partial.trial_uuids else said,
    )
