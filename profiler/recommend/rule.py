"""What a rule is, and how a list of rules becomes settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from profiler.catalogue.systems import in_brackets, that_run_on
from profiler.model import SETTINGS, Quantity, Setting
from profiler.recommend import confidence
from profiler.recommend.case import Case, Choice

MAX_TRIALS = 20
"""Evidence named per setting."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the rule table. Rows are tried in order; a later one may replace an earlier one,
    which it then names in ``overrides``."""

    id: str
    sets: tuple[str, ...]
    """Settings it may decide."""
    when: str
    """Its condition, in words."""
    then: str
    """What it chooses, in words."""
    reads: tuple[str, ...]
    """Tests it looks at."""
    sources: tuple[str, ...]
    decide: Callable[[Case], Iterable[Choice]]
    """Yields nothing when the condition does not hold."""
    overrides: tuple[str, ...] = ()
    """Ids of earlier rules whose settings it may replace."""


def apply(rules: Sequence[Rule], case: Case) -> None:
    """Run the rules in order; ``case.settings`` holds what they decided.

    Raises ``ValueError`` for a rule that decides what its row does not say: a mistake of ours.
    """
    for rule in rules:
        for choice in rule.decide(case):
            _check(rule, choice, case)
            # A key keeps its place: settings stay in the order of the table.
            case.settings[choice.key] = _setting(rule, choice, case)


def _check(rule: Rule, choice: Choice, case: Case) -> None:
    if choice.name not in rule.sets:
        raise ValueError(f"rule {rule.id} may not set {choice.name}")
    if not SETTINGS[choice.name].fits(choice.value):
        raise ValueError(f"rule {rule.id}: {choice.name} cannot be {choice.value!r}")
    earlier = case.settings.get(choice.key)
    if earlier is not None and earlier.rule not in (rule.id, *rule.overrides):
        raise ValueError(f"rule {rule.id} replaces {earlier.rule} and does not say so")


def _setting(rule: Rule, choice: Choice, case: Case) -> Setting:
    grade, level = confidence.of(choice, case.knowledge)
    numbers = [e for e in choice.evidence if isinstance(e, Quantity)]
    trials = dict.fromkeys(t for e in choice.evidence for t in e.trial_uuids)
    tests, said = _telling(choice, case)
    return Setting(
        name=choice.name,
        value=choice.value,
        default=case.defaults.get(choice.name),
        reason=choice.reason + (said if choice.telling else ""),
        rule=rule.id,
        confidence=grade,
        level=level,
        route=choice.route,
        test_ids=tuple(dict.fromkeys(e.test_id for e in choice.evidence)),
        trial_uuids=tuple(trials)[:MAX_TRIALS],
        results=min((q.results for q in numbers), default=0),
        ci95=(numbers[0].low, numbers[0].high) if numbers else None,
        would_tell=tests,
    )


def _telling(choice: Choice, case: Case) -> tuple[tuple[str, ...], str]:
    """The tests that would still tell, and the end of the reason that says so."""
    if choice.again:
        tests = that_run_on(choice.would_tell, case.family)
        return tests, in_brackets(tests, choice.telling)
    return case.known.telling(choice.would_tell, choice.telling, choice.got)
