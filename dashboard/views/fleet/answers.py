"""What the deciding tests said of a model, each in a few words: for a row and for a figure.

A number stands beside its verdict and never without one; ``at least`` stays ``at least``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard import look
from db.overview import Headline
from profiler.model import Verdict, worst

GRADED = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)
"""Verdicts that a number stands behind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question's test said. ``verdict`` is ``None`` when it was never asked."""

    test_id: str
    verdict: Verdict | None
    text: str
    """Empty when there is nothing to say beside the verdict."""
    rank: float | None = None
    """For sorting: the number itself."""
    recorded_at: datetime | None = None


def echo(headlines: Mapping[str, Headline]) -> Answer:
    """What is removed of the phone's own voice at the loudest volume, by A1; A2 where only it is.

    A canceller that claims to be on and does nothing (A2 failed) makes the answer a failure.
    """
    a1, a2 = headlines.get("A1"), headlines.get("A2")
    found = a1 or a2
    if found is None:
        return Answer("A1", None, "")
    test_id = "A1" if a1 else "A2"
    what = "erle" if a1 else "effective"
    value, at_least = found.numbers.get(f"{what}_db"), found.numbers.get(f"{what}_low_db")
    graded = [h.verdict for h in (a1, a2) if h is not None and h.verdict in GRADED]
    verdict = worst(graded) if graded else found.verdict
    if value is not None:
        text, rank = f"{look.number(value, 0)} dB", value
    elif at_least is not None:
        text, rank = f"≥ {look.number(at_least, 0)} dB", at_least
    else:
        text, rank = "", None
    return Answer(test_id, verdict, text, rank, found.recorded_at)


def barge_in(headlines: Mapping[str, Headline]) -> Answer:
    """Up to which volume the microphone may stay open while the assistant speaks (A9)."""
    found = headlines.get("A9")
    if found is None:
        return Answer("A9", None, "")
    full, volume = found.numbers.get("full_duplex"), found.numbers.get("max_safe_volume")
    if full is None:
        text, rank = "", None
    elif not full:
        text, rank = "half duplex", 0.0
    elif volume is None:
        text, rank = "as found", 1.0
    else:
        text, rank = f"to {100 * volume:.0f} %", volume
    return Answer("A9", found.verdict, text, rank, found.recorded_at)


def buffer(headlines: Mapping[str, Headline]) -> Answer:
    """The smallest output buffer without a glitch (G1)."""
    found = headlines.get("G1")
    if found is None:
        return Answer("G1", None, "")
    for unit in ("bursts", "frames"):
        size = found.numbers.get(f"safe_{unit}")
        if size is not None:
            word = unit if size != 1 else unit[:-1]
            return Answer("G1", found.verdict, f"{size:.0f} {word}", size, found.recorded_at)
    text = "no safe size" if found.verdict is Verdict.FAIL else ""
    return Answer("G1", found.verdict, text, None, found.recorded_at)


def silent(headlines: Mapping[str, Headline]) -> Answer:
    """How many capture configurations delivered nothing (D1)."""
    found = headlines.get("D1")
    if found is None:
        return Answer("D1", None, "")
    count = found.numbers.get("configurations_silent")
    text = "" if count is None else f"{count:.0f} silent" if count else "none"
    return Answer("D1", found.verdict, text, count, found.recorded_at)


def latency_verdict(headlines: Mapping[str, Headline]) -> Answer:
    """The verdict on the round trip: L1's."""
    found = headlines.get("L1")
    if found is None:
        return Answer("L1", None, "")
    value = found.numbers.get("rtl_ms")
    return Answer("L1", found.verdict, "", value, found.recorded_at)
