"""Runs that ended without a measurement: why, in the words of docs/reasons.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from dashboard import text
from profiler.model import RunRecord, RunStatus
from profiler.summary.reason_words import in_words

MAX_RUNS: Final = 1000
"""The newest that are looked at."""
MAX_REASONS: Final = 8


def markdown(runs: Iterable[RunRecord], code: Callable[[str], str]) -> str:
    """How many runs ended, a bullet a reason, and where to look; empty when none has ended.

    Only for a store that holds no measurement: each of its runs then ended without one. ``code``
    makes Markdown of a command: :func:`dashboard.source.code`.
    """
    ended = [run for run in runs if run.status is not RunStatus.RUNNING]
    if not ended:
        return ""
    said: dict[str, str] = {}
    for run in ended:
        if run.message:
            said[run.reason] = run.message
    count = Counter(run.reason for run in ended)
    lines = [
        _line(reason, runs_of, said.get(reason, ""))
        for reason, runs_of in count.most_common(MAX_REASONS)
    ]
    if len(count) > MAX_REASONS:
        lines.append(f"- and {text.plural(len(count) - MAX_REASONS, 'other reason')}")
    return (
        f"**{text.plural(len(ended), 'run')} ended without a measurement:**\n\n"
        + "\n".join(lines)
        + "\n\nMend what is named, then measure again. *Live bench* shows how each device's run "
        f"ended; {code('chirpbench results')} lists the runs."
    )


def _line(reason: str, count: int, message: str) -> str:
    named = text.md(reason, 40) if reason else "no reason given"
    words = text.no_paths(in_words(reason)) or message
    meant = f": {text.md(words, 400)}" if words else ""
    return f"- **{named}** ({text.plural(count, 'run')}){meant}"
