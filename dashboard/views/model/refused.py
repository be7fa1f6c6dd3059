"""Buffer sizes that the system did not grant, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboard import text
from profiler.catalogue.capture.sizes import Size, granted_size
from profiler.model import TrialRecord

SWEEP = "G1"


def refused_words(trials: Iterable[TrialRecord]) -> str:
    """``asked for 1, 2 or 3 bursts, opened with 4 bursts``: what the newest sweep did not get.

    Empty when it got every size. Its glitches are counted at what was opened, so that sizes which
    were refused are on no axis.
    """
    sweep = [t for t in trials if t.test_id == SWEEP and t.report is not None]
    if not sweep:
        return ""
    run = max(sweep, key=lambda t: t.started_at).run_uuid
    asked: dict[Size, dict[int, None]] = {}
    for trial in sorted((t for t in sweep if t.run_uuid == run), key=lambda t: t.index):
        opened = granted_size(trial)
        wanted = trial.request.buffer_frames or trial.request.buffer_bursts
        if opened is not None and wanted is not None and wanted != opened.value:
            asked.setdefault(opened, {})[wanted] = None
    return "; ".join(_words(list(wanted), opened) for opened, wanted in asked.items())


def _words(wanted: Sequence[int], opened: Size) -> str:
    one = opened.unit.removesuffix("s")
    first = ", ".join(f"{n:,}" for n in wanted[:-1])
    last = text.plural(wanted[-1], one)
    return (
        f"asked for {f'{first} or {last}' if first else last}, "
        f"opened with {text.plural(opened.value, one)}"
    )
