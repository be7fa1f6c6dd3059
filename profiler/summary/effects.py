"""Effect sizes in words."""

from __future__ import annotations

CLIFF = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"), (1.01, "large"))
"""Upper bounds of \\|Cliff's delta\\| (Romano, Kromrey, Coraggio & Skowronek 2006)."""


def cliff_words(delta: float | None) -> str:
    """``large``, and which of the two is slower more often; empty when there is no delta.

    ``delta`` is -1..+1 as :attr:`profiler.model.Comparison.effect`: positive = A is slower.
    """
    if delta is None:
        return ""
    size = next(word for limit, word in CLIFF if abs(delta) < limit)
    if size == "negligible":
        return size
    share = round(50.0 * (1.0 + abs(delta)))
    return f"{size}: {'slower' if delta > 0 else 'faster'} in {share} % of pairs of sessions"
