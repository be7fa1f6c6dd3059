"""What makes the knowledge of a model doubtful, each with a code, the values and the next step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from profiler.model import (
    Caution,
    KnownResult,
    Measurement,
    ModelFacts,
    Platform,
    SupportLevel,
    TestKnowledge,
    Verdict,
)
from profiler.summary.margins import base_name
from profiler.summary.words import one_line, phone_name

RUNS_ENOUGH = 3
"""Fewer runs are few: their spread is not known (proposal)."""
STALE_AFTER = timedelta(days=180)
"""OS updates change audio paths; half a year of them is two or three (proposal)."""
SIGMAS = 3.0
"""Two results disagree beyond so many of their joint σ, and beyond the margin below."""
MAX_NAMED = 4
SEE_REASONS = "docs/reasons.md says what to change, then measure again"
"""On a terminal; a page says what the reasons mean."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Smallest difference between two runs of one model that is a contradiction."""

    amount: float
    share: float = 0.0
    """Of the larger value."""


DECIDING: dict[tuple[str, str], Margin] = {
    ("L1", "rtl_ms"): Margin(10.0, 0.15),
    ("L2", "rtl_ms"): Margin(10.0, 0.15),
    ("L2", "rtl_off_ms"): Margin(10.0, 0.15),
    ("L3", "timestamps_trusted"): Margin(0.5),
    ("A1", "erle_db"): Margin(6.0),
    ("A2", "effective_db"): Margin(6.0),
    ("A2", "reported_on"): Margin(0.5),
    ("A9", "full_duplex"): Margin(0.5),
    ("A9", "max_safe_volume"): Margin(0.3),
    ("G1", "safe_bursts"): Margin(1.5),
    ("G3", "safe_bursts"): Margin(1.5),
    ("L6", "cold_start_ms"): Margin(100.0, 0.5),
}
"""Numbers that decide settings; a start may move the round trip by some ms without being a
contradiction (proposal)."""

_OPPOSED = {Verdict.PASS.value, Verdict.FAIL.value}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the cautions are drawn from."""

    facts: ModelFacts
    """Of the model that was asked for."""
    level: SupportLevel
    tests: Sequence[TestKnowledge]
    own: Sequence[KnownResult]
    """Used results of this very build."""
    used: Sequence[KnownResult]
    missed: Sequence[TestKnowledge]
    """Tests that ended without an answer on this very build."""
    left_out: int
    """Results of the model that a custom ROM, or the maker's build, keeps from counting."""


def cautions(standing: Standing, now: datetime) -> tuple[Caution, ...]:
    """Every caution, the gravest first."""
    if not standing.used:
        return (_never(standing.facts), *_rom(standing))
    return (
        *_only_simulated(standing),
        *_browser(standing.facts),
        *_rom(standing),
        *_inherited(standing),
        *_not_measurable(standing),
        *_contradictory(standing.own),
        *_few(standing),
        *_stale(standing, now),
    )


def _never(facts: ModelFacts) -> Caution:
    return Caution(
        "never_measured",
        f"neither {phone_name(facts)} nor a relative was measured: every setting is a cautious "
        "default; measure one with 'chirpbench run'",
    )


def _only_simulated(standing: Standing) -> Iterable[Caution]:
    sources = [known.facts for known in standing.used]
    if all(facts.is_emulator for facts in sources):
        yield Caution(
            "emulator",
            "all results are of emulators, whose sound is the computer's; measure a real phone",
        )
    elif all(facts.is_virtual for facts in sources):
        yield Caution(
            "only_virtual",
            "all results are of simulated phones: no real device was measured; "
            "measure one with 'chirpbench run'",
        )


def _browser(facts: ModelFacts) -> Iterable[Caution]:
    if facts.platform is Platform.WEB:
        yield Caution(
            "browser",
            "measured through a page in a browser: its mixer, canceller and buffers are in every "
            "number, volumes are a page's own gain, and nothing of it holds for an app of its own",
        )


def _rom(standing: Standing) -> Iterable[Caution]:
    custom = standing.facts.is_custom_rom
    if custom:
        yield Caution(
            "custom_rom",
            "the phone runs a custom ROM; this says nothing of the maker's own build",
        )
    if standing.left_out:
        other = "the maker's build" if custom else "a custom ROM"
        yield Caution(
            "custom_rom_left_out",
            f"{standing.left_out} results of this model with {other} do not count; "
            "measure it with this build",
        )


def _inherited(standing: Standing) -> Iterable[Caution]:
    if standing.level is not SupportLevel.SAME_BUILD:
        models = dict.fromkeys(phone_name(known.facts) for known in standing.used)
        builds = len({known.facts.key.os_build for known in standing.used})
        yield Caution(
            "inherited",
            f"this build was never measured: numbers come from {_few_of(models)} "
            f"({builds} OS build{'s' * (builds != 1)}, {_LEVELS[standing.level]} at nearest); "
            "measure this build with 'chirpbench run'",
        )
        return
    far = [t for t in standing.tests if t.level is not SupportLevel.SAME_BUILD]
    if far:
        tests = (f"{t.test_id} ({_LEVELS[t.level]})" for t in far)
        yield Caution(
            "inherited",
            f"not measured on this build: {_few_of(tests)}; their numbers come from relatives",
            tuple(t.test_id for t in far),
        )


_LEVELS = {
    SupportLevel.SAME_MODEL: "another OS build of the model",
    SupportLevel.SAME_SOC: "another model with a SoC of the family",
    SupportLevel.SAME_MAKER: "another model of the maker",
}


def _not_measurable(standing: Standing) -> Iterable[Caution]:
    if standing.missed:
        tests = (
            one_line(f"{t.test_id} ({', '.join(t.reasons[:2]) or t.verdict})")
            for t in standing.missed
        )
        yield Caution(
            "not_measurable",
            f"tried on this build without a number: {_few_of(tests)}; {SEE_REASONS}",
            tuple(t.test_id for t in standing.missed),
        )


def _few_of(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return ", ".join(found[:MAX_NAMED]) + more


def _few(standing: Standing) -> Iterable[Caution]:
    """Of this build where it was measured: runs of relatives do not make its own more certain."""
    counted = standing.own or standing.used
    runs = len({known.run_uuid for known in counted})
    devices = len({known.device_uid for known in counted})
    if runs < RUNS_ENOUGH:
        yield Caution(
            "too_few_runs",
            f"{runs} run{'s' * (runs != 1)} on {devices} device{'s' * (devices != 1)}: "
            f"the spread between runs is not known; make {RUNS_ENOUGH} or more",
        )


def _stale(standing: Standing, now: datetime) -> Iterable[Caution]:
    newest = max(known.recorded_at for known in standing.used)
    if now - newest > STALE_AFTER:
        yield Caution(
            "stale",
            f"the newest result is of {newest:%Y-%m-%d}, {(now - newest).days} days old "
            f"(more than {STALE_AFTER.days}); measure again",
        )
        return
    old = [t for t in standing.tests if now - t.newest_at > STALE_AFTER]
    if old:
        tests = (f"{t.test_id} ({t.newest_at:%Y-%m-%d})" for t in old)
        yield Caution(
            "partly_stale",
            f"older than {STALE_AFTER.days} days: {_few_of(tests)}; measure these again",
            tuple(t.test_id for t in old),
        )


def _contradictory(own: Sequence[KnownResult]) -> Iterable[Caution]:
    """Runs of one model and build that cannot both be right, a caution a test."""
    by_test: dict[str, list[KnownResult]] = {}
    for known in own:
        by_test.setdefault(known.result.test_id, []).append(known)
    for test_id, found in sorted(by_test.items()):
        if len(found) > 1:
            said = [*_verdicts(found), *_values(test_id, found)]
            if said:
                yield Caution(
                    "contradictory",
                    f"{test_id}: the runs disagree: {_few_of(said)}; measure again, find out why",
                    (test_id,),
                )


def _verdicts(found: Sequence[KnownResult]) -> Iterable[str]:
    verdicts = [known.result.verdict.value for known in found]
    if set(verdicts) >= _OPPOSED:
        counts = ((v, verdicts.count(v)) for v in dict.fromkeys(verdicts))
        yield " and ".join(f"{n} × {v}" for v, n in counts)


def _values(test_id: str, found: Sequence[KnownResult]) -> Iterable[str]:
    by_name: dict[str, list[Measurement]] = {}
    for known in found:
        for number in known.result.measurements:
            if (test_id, base_name(number.name)) in DECIDING and math.isfinite(number.value):
                by_name.setdefault(number.name, []).append(number)
    for name, numbers in by_name.items():
        margin = DECIDING[test_id, base_name(name)]
        if any(_disagree(a, b, margin) for a, b in itertools.combinations(_extremes(numbers), 2)):
            low, *_, high = sorted(n.value for n in numbers)
            yield f"{name} {low:.4g} to {high:.4g} {numbers[0].unit}"


def _extremes(numbers: Sequence[Measurement]) -> tuple[Measurement, Measurement]:
    return min(numbers, key=lambda n: n.value), max(numbers, key=lambda n: n.value)


def _disagree(a: Measurement, b: Measurement, margin: Margin) -> bool:
    apart = abs(a.value - b.value)
    allowed = max(margin.amount, margin.share * max(abs(a.value), abs(b.value)))
    return apart > allowed and apart > SIGMAS * math.hypot(a.sigma or 0.0, b.sigma or 0.0)
