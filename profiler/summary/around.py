"""Only as much of a store as one model's knowledge needs, to the same knowledge as all of it.

A test answers from the nearest level that measured it, so farther relatives need to be read only
for tests that no nearer one answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from profiler.model import KnownResult, ModelFacts, ModelKey, SupportLevel
from profiler.summary.known import KnowledgeBase
from profiler.summary.relatives import fallbacks, group_names, kind_of

Reader = Callable[[frozenset[ModelKey], tuple[str, ...]], Iterable[KnownResult]]
"""Reads every result of these models but those of these tests; results of other models may come
along and are left out."""


def base_around(facts: ModelFacts, known: Collection[ModelFacts], read: Reader) -> KnowledgeBase:
    """What the store knows of ``facts``, as :meth:`KnowledgeBase.knowledge` of the whole store.

    ``known`` are the facts of every device that has results. ``read`` is asked at most three
    times: for the model's own name, for its SoC's family, for its maker.
    """
    own = _same_name(facts, known)
    results = _of(own, read(own, ())) if own else []
    base = KnowledgeBase(results)
    seen = own
    for level in (SupportLevel.SAME_SOC, SupportLevel.SAME_MAKER):
        near = _of_level(facts, known, level) - seen
        if near:
            answered = tuple(sorted(base.answered(facts, before=level)))
            results += _of(near, read(near, answered))
            base = KnowledgeBase(results)
            seen |= near
    return base


def _of(keys: frozenset[ModelKey], results: Iterable[KnownResult]) -> list[KnownResult]:
    """Only these models: one that is read at two levels would count twice."""
    return [known for known in results if known.facts.key in keys]


def _same_name(facts: ModelFacts, known: Iterable[ModelFacts]) -> frozenset[ModelKey]:
    """Every SoC, build and kind of the model: custom ROMs that are left out are counted, too."""
    name = facts.key.manufacturer, facts.key.model
    return frozenset(f.key for f in known if (f.key.manufacturer, f.key.model) == name)


def _of_level(
    facts: ModelFacts, known: Iterable[ModelFacts], level: SupportLevel
) -> frozenset[ModelKey]:
    """Relatives of one level, of every kind that might have to answer."""
    wanted = {
        name
        for kind in fallbacks(kind_of(facts))
        for name in group_names(facts, kind)
        if name[0] is level
    }
    if not wanted:
        return frozenset()
    return frozenset(
        other.key for other in known if not wanted.isdisjoint(group_names(other, kind_of(other)))
    )
