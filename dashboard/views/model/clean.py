"""How long a buffer played without a glitch, what that proves, and whether the long soak agrees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dashboard import look
from dashboard.views.fleet import answers
from dashboard.views.fleet.answers import Answer
from dashboard.views.model.measured import numbers, own_results
from db.overview import Headline
from profiler.catalogue.table import LIMITS
from profiler.model import KnownResult, ModelKey, Verdict, worst

SWEEP, SOAK = "G1", "G3"
SOAK_WORDS = f"{SOAK} (left untouched)"


@dataclass(frozen=True, slots=True)
class Clean:
    """What the sweep's size rests on."""

    answer: Answer
    """G1's; never better than what its bound allows, nor than G3's."""
    proof: str
    """``no glitch in 9 s: fewer than 20 a minute (95 %)``; empty when nobody said how long."""
    soak: str
    """What the long soak said: ``G3 (left untouched) was not made``."""

    @property
    def words(self) -> str:
        """All of it on one line."""
        return "; ".join(part for part in (self.proof, self.soak) if part)


def clean(
    lines: Mapping[str, Headline],
    results: Iterable[KnownResult],
    key: ModelKey,
) -> Clean:
    """The newest G1 of a build with the newest G3 beside it."""
    said = answers.buffer(lines)
    if said.rank is None and said.text:
        said = replace(said, text="none of those tried")  # it has glitches at every size
    soak = own_results(results, key, SOAK)[:1]
    verdicts = [v for v in (said.verdict, bounded(lines.get(SWEEP))) if v is not None]
    if said.text and soak and soak[0].result.verdict in answers.GRADED:
        verdicts.append(soak[0].result.verdict)
    verdict = worst(verdicts) if said.verdict in answers.GRADED else said.verdict
    proof = proof_of(lines.get(SWEEP))
    return Clean(replace(said, verdict=verdict), proof, _soak(soak) if said.text else "")


def proof_of(line: Headline | None) -> str:
    """The seconds without a glitch and the rate that they leave possible."""
    watched_min, bound = _watched(line)
    if watched_min is None:
        return ""
    proven = "" if bound is None else f": fewer than {bound:.2g} a minute (95 %)"
    return f"no glitch in {seconds(watched_min)}{proven}"


def seconds(minutes: float) -> str:
    """``9 s``, ``6 min``."""
    return f"{60 * minutes:.0f} s" if minutes < 2 else f"{minutes:.0f} min"


def bounded(line: Headline | None) -> Verdict | None:
    """Marginal where the bound of a size without a glitch is above the pass limit."""
    watched_min, bound = _watched(line)
    if watched_min is None or bound is None:
        return None
    passes = bound <= LIMITS[SWEEP, "glitches_per_min"].pass_limit
    return Verdict.PASS if passes else Verdict.MARGINAL


def _watched(line: Headline | None) -> tuple[float | None, float | None]:
    """Minutes without a glitch at the size that is named, and their upper bound."""
    if line is None or not {"safe_bursts", "safe_frames"} & set(line.numbers):
        return None, None
    return line.numbers.get("clean_min"), line.numbers.get("glitches_per_min_ub95")


def _soak(newest: list[KnownResult]) -> str:
    """The long soak in a few words, with its own size where it found one."""
    if not newest:
        return f"{SOAK_WORDS} was not made"
    verdict = newest[0].result.verdict
    if verdict not in answers.GRADED:
        return f"{SOAK_WORDS}: {look.VERDICT_WORDS[verdict]}"
    for found in numbers(newest, "safe_bursts", "safe_frames"):
        size = f"{found.value:.0f} {found.base.removeprefix('safe_')}"
        return f"{SOAK_WORDS} {look.VERDICT_WORDS[verdict]} at {size}"
    return f"{SOAK_WORDS}: {look.VERDICT_WORDS[verdict]}"
