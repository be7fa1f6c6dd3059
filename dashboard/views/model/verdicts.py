"""What every test said of one build, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from dashboard import links, look
from dashboard.text import no_paths, plain
from profiler.catalogue import SUITES
from profiler.model import KnownResult, ModelKey, Verdict

EVIDENCE = "Evidence"
COLUMNS = ("Test", "Verdict", EVIDENCE, "Age", "What was found", "Results", "Reasons")
"""The link at the left, where no width of a window hides it."""
_ORDER = {test: place for place, test in enumerate(SUITES["full"])}


def by_test(results: Iterable[KnownResult]) -> list[tuple[str, list[KnownResult]]]:
    """Results by test in the order of the catalogue, the newest of each first."""
    groups: defaultdict[str, list[KnownResult]] = defaultdict(list)
    for known in results:
        groups[known.result.test_id].append(known)
    for found in groups.values():
        found.sort(key=lambda r: r.recorded_at, reverse=True)
    return sorted(groups.items(), key=lambda item: (_ORDER.get(item[0], len(_ORDER)), item[0]))


def table(results: Iterable[KnownResult], key: ModelKey, now: datetime) -> pd.DataFrame:
    """One row a test of this build: its newest result, and how the earlier ones ended."""
    rows = []
    for test_id, found in by_test(r for r in results if r.facts.key == key):
        newest = found[0]
        trials = newest.result.trial_uuids
        rows.append({
            "Test": plain(test_id, 8),
            "Verdict": look.verdict_words(newest.result.verdict),
            "What was found": plain(no_paths(newest.result.text), 240),
            "Results": _counts(found),
            "Reasons": plain(", ".join(newest.result.reasons[:4]), 90),
            "Age": look.ago(newest.recorded_at, now),
            EVIDENCE: links.link_to("evidence", trial=trials[0]) if trials else "",
        })  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _counts(found: Sequence[KnownResult]) -> str:
    """``5: ●●✖●●`` newest first; a long row is cut."""
    signs = "".join(look.VERDICT_SIGNS[r.result.verdict] for r in found[:8])
    return f"{len(found)}: {signs}{'…' if len(found) > 8 else ''}"


def styled(data: pd.DataFrame) -> Any:
    """Verdicts in their colours."""
    color = {look.verdict_words(v): f"color: {look.VERDICT_COLORS[v]}" for v in Verdict}
    return data.style.map(lambda word: color.get(word, ""), subset=["Verdict"])
