"""What the store knows of each model, every part from the nearest relative that has it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from profiler.model import (
    Knowledge,
    KnownResult,
    ModelFacts,
    ModelKey,
    Quantity,
    SupportLevel,
    TestKnowledge,
    Verdict,
)
from profiler.summary import finding
from profiler.summary.asking import Described, named
from profiler.summary.cautions import Standing, cautions
from profiler.summary.pooling import Pooled, pool
from profiler.summary.relatives import Circle, Relatives, kind_of, system_age


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known in one test, and by whom."""

    quantities: tuple[Quantity, ...]
    test: TestKnowledge
    used: tuple[KnownResult, ...]


class KnowledgeBase:
    """Every stored result, ready to answer for any model, stored or not."""

    def __init__(self, results: Iterable[KnownResult]) -> None:
        self._relatives = Relatives(results)
        self._models = tuple(self._relatives.models())
        self._pooled: dict[Hashable, Pooled] = {}

    def models(self) -> tuple[ModelFacts, ...]:
        """One a stored model key, sorted by it; a real phone wins over a virtual of the key."""
        return self._models

    def find(self, text: str) -> ModelFacts:
        """The stored model that ``text`` names: a whole name, else a part of name, SoC or build.

        Of several OS builds of one model the one measured last. Raises
        :class:`~profiler.errors.InputError` that names the nearest models when none fits, and
        the candidates when several do.
        """
        return finding.find(text, self._relatives.by_age())

    def named(self, manufacturer: str, model: str) -> tuple[ModelFacts, ...]:
        """Stored models with this model code, ignoring case, newest first; ``manufacturer`` may
        be empty."""
        return named(self._relatives.by_age(), Described(model, manufacturer))

    def knowledge(self, facts: ModelFacts, now: datetime) -> Knowledge:
        """All that is known of a model; ``now`` decides what is stale.

        A test answers from the nearest level that measured it. Variants which that level did
        not try come from another OS build of the same model, never from another model.
        """
        circles = self._relatives.circles(facts)
        tests = dict.fromkeys(test_id for circle in circles for test_id in circle.by_test)
        answers = [
            found for test_id in sorted(tests) if (found := self._answer(test_id, circles, facts))
        ]
        return self._put_together(facts, answers, self._missed(circles, facts), now)

    def answered(self, facts: ModelFacts, *, before: SupportLevel) -> frozenset[str]:
        """The tests that a level nearer than ``before`` answers, by results of the model's own
        kind: relatives of that level and farther ones are not asked for them."""
        nearer = _ORDER[: _ORDER.index(before)]
        circles = [c for c in self._relatives.of_own_kind(facts) if c.level in nearer]
        tests = {test_id for circle in circles for test_id in circle.by_test}
        return frozenset(
            test_id
            for test_id in tests
            if any(
                (pooled := self._pool(circle, test_id, facts)) is not None and pooled.answers
                for circle in circles
            )
        )

    def _answer(self, test_id: str, circles: Sequence[Circle], facts: ModelFacts) -> _Answer | None:
        found: _Answer | None = None
        fallback: _Answer | None = None
        for circle in circles:
            if found is not None and circle.level is not SupportLevel.SAME_MODEL:
                break
            pooled = self._pool(circle, test_id, facts)
            if pooled is None:
                continue
            own = circle.level is SupportLevel.SAME_BUILD
            answer = _Answer(pooled.quantities, pooled.test, pooled.used)
            fallback = fallback or answer
            if pooled.answers and found is not None:
                found = _with_untried(found, pooled)
            elif pooled.answers:
                found = answer
                if not own:
                    break
        return found or fallback

    def _pool(self, circle: Circle, test_id: str, facts: ModelFacts) -> Pooled | None:
        shelves = circle.by_test.get(test_id, ())
        name: Hashable = (circle.name, test_id)
        if circle.level is SupportLevel.SAME_MODEL:
            name = (circle.name, test_id, system_age(facts))
        if circle.level not in (SupportLevel.SAME_BUILD, SupportLevel.SAME_MODEL):
            key = facts.key
            own = (key.manufacturer, key.model, key.soc)
            others = tuple(shelf for shelf in shelves if shelf.model != own)
            if len(others) != len(shelves):
                shelves, name = others, (circle.name, test_id, own)
        if not shelves:
            return None
        pooled = self._pooled.get(name)
        if pooled is None:
            pooled = self._pooled[name] = pool(shelves, test_id, circle.level, system_age(facts))
        return pooled

    def _put_together(
        self,
        facts: ModelFacts,
        answers: Sequence[_Answer],
        missed: Sequence[TestKnowledge],
        now: datetime,
    ) -> Knowledge:
        tests = tuple(a.test for a in answers)
        used = list({id(r): r for a in answers for r in a.used}.values())
        used.sort(key=lambda r: r.recorded_at, reverse=True)
        quantities = tuple(q for a in answers for q in a.quantities)
        level = _nearest(quantities, tests)
        own = [r for r in used if r.facts.key == facts.key]
        standing = Standing(facts, level, tests, own, used, missed, self._left_out(facts))
        return Knowledge(
            facts=facts,
            level=level,
            sources=_sources(facts, answers),
            devices=len({r.device_uid for r in used}),
            runs=len({r.run_uuid for r in used}),
            quantities=quantities,
            tests=tests,
            cautions=cautions(standing, now),
            oldest_at=used[-1].recorded_at if used else None,
            newest_at=used[0].recorded_at if used else None,
            tool_versions=_distinct(r.tool_version for r in used),
            probe_versions=_distinct(r.probe_version for r in used),
            os_builds=_distinct(r.facts.key.os_build for r in used),
        )

    def _missed(self, circles: Sequence[Circle], facts: ModelFacts) -> list[TestKnowledge]:
        """Tests that were tried on this very build and gave no answer; skipped ones were not."""
        return [
            pooled.test
            for circle in circles[:1]
            if circle.level is SupportLevel.SAME_BUILD
            for test_id in sorted(circle.by_test)
            if (pooled := self._pool(circle, test_id, facts)) is not None
            and pooled.test.verdict in (Verdict.NOT_MEASURABLE, Verdict.ERROR)
            and not pooled.answers
        ]

    def _left_out(self, facts: ModelFacts) -> int:
        """Results of the same model that a custom ROM, or the maker's build, keeps apart."""
        kind = kind_of(facts)
        other = replace(kind, is_custom_rom=not kind.is_custom_rom)
        return sum(
            len(found)
            for shelf in self._relatives.same_model(facts.key.manufacturer, facts.key.model)
            if kind_of(shelf.facts) == other
            for found in shelf.tests.values()
        )


def _with_untried(found: _Answer, farther: Pooled) -> _Answer:
    """Add variants that the nearer level did not try; a variant is never mixed of two levels."""
    tried = {_variant(q.name) for q in found.quantities} | {""}
    more = tuple(q for q in farther.quantities if _variant(q.name) not in tried)
    if not more:
        return found
    return replace(
        found,
        quantities=(*found.quantities, *more),
        used=(*found.used, *farther.used),
    )


def _variant(name: str) -> str:
    return name.partition("[")[2]


_ORDER = tuple(SupportLevel)


def _nearest(quantities: Sequence[Quantity], tests: Sequence[TestKnowledge]) -> SupportLevel:
    """Of the nearest relative that gave any number; without numbers, any verdict."""
    levels = {q.level for q in quantities} or {t.level for t in tests}
    return min(levels, key=_ORDER.index, default=SupportLevel.DEFAULT)


def _sources(facts: ModelFacts, answers: Sequence[_Answer]) -> tuple[ModelKey, ...]:
    """Whose results are used, nearest first."""
    nearest: dict[ModelKey, int] = {}
    for answer in answers:
        level = _ORDER.index(answer.test.level)
        for key in {known.facts.key for known in answer.used}:
            # An answer of this build may hold another build's variants.
            rank = level if key == facts.key else max(level, 1)
            nearest[key] = min(rank, nearest.get(key, rank))
    return tuple(sorted(nearest, key=lambda key: (nearest[key], str(key))))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text once, as it comes; without the empty one."""
    return tuple(dict.fromkeys(text for text in texts if text))
