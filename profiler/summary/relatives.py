"""Whose results may answer for a model: shelves of results, and the circles around a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from profiler.model import KnownResult, ModelFacts, ModelKey, Platform, SupportLevel
from profiler.summary.families import soc_family
from profiler.summary.words import browser_of


@dataclass(frozen=True, slots=True)
class Kind:
    """What is never mixed: a simulation, an emulator or a custom ROM says nothing of the others,
    and neither does a browser or a sound interface of an app's own path."""

    is_virtual: bool
    is_emulator: bool
    is_custom_rom: bool
    stack: str = ""
    """Whose streams were measured: empty = those of a phone's apps, ``host`` = a sound interface's,
    ``web NAME`` = those of the pages of one browser."""


def kind_of(facts: ModelFacts) -> Kind:
    """The kind of a model."""
    return Kind(facts.is_virtual, facts.is_emulator, facts.is_custom_rom, _stack(facts))


def _stack(facts: ModelFacts) -> str:
    if facts.platform is Platform.WEB:
        return f"web {browser_of(facts)}"
    return Platform.HOST.value if facts.platform is Platform.HOST else ""


@dataclass(slots=True)
class Shelf:
    """All results of one model key of one kind."""

    facts: ModelFacts
    """The newest."""
    tests: dict[str, list[KnownResult]] = field(default_factory=dict)
    """By test, newest first."""

    @property
    def model(self) -> tuple[str, str, str]:
        """The model without its OS build."""
        return self.facts.key.manufacturer, self.facts.key.model, self.facts.key.soc


@dataclass(slots=True)
class Circle:
    """The shelves of one level around a model."""

    level: SupportLevel
    shelves: tuple[Shelf, ...]
    name: Hashable
    """Equal circles have equal names, so that what they say need not be worked out again."""
    by_test: dict[str, tuple[Shelf, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found: defaultdict[str, list[Shelf]] = defaultdict(list)
        for shelf in self.shelves:
            for test_id in shelf.tests:
                found[test_id].append(shelf)
        self.by_test = {test_id: tuple(those) for test_id, those in found.items()}


class Relatives:
    """Every stored result, sorted by whom it may speak for."""

    def __init__(self, results: Iterable[KnownResult]) -> None:
        self._shelves: dict[tuple[Kind, ModelKey], Shelf] = {}
        for known in sorted(results, key=lambda r: r.recorded_at, reverse=True):
            of = kind_of(known.facts), known.facts.key
            shelf = self._shelves.get(of)
            if shelf is None:
                shelf = self._shelves[of] = Shelf(known.facts)
            shelf.tests.setdefault(known.result.test_id, []).append(known)
        self._groups: defaultdict[Hashable, list[Shelf]] = defaultdict(list)
        self._same_model: defaultdict[tuple[str, str], list[Shelf]] = defaultdict(list)
        for (kind, key), shelf in self._shelves.items():
            self._same_model[key.manufacturer, key.model].append(shelf)
            for name in group_names(shelf.facts, kind):
                self._groups[name].append(shelf)
        self._circles: dict[Hashable, Circle] = {}

    def shelf(self, facts: ModelFacts) -> Shelf | None:
        """The model's own results."""
        return self._shelves.get((kind_of(facts), facts.key))

    def models(self) -> list[ModelFacts]:
        """One a model key: real before emulated before virtual, stock before custom ROM."""
        return sorted(self.by_age(), key=lambda facts: str(facts.key))

    def by_age(self) -> list[ModelFacts]:
        """The same, the one measured last at the end."""
        best: dict[ModelKey, ModelFacts] = {}
        for (kind, key), shelf in self._shelves.items():
            if key not in best or _rank(kind) < _rank(kind_of(best[key])):
                best[key] = shelf.facts
        return [*best.values()][::-1]  # shelves are made from the newest result on

    def same_model(self, manufacturer: str, model: str) -> list[Shelf]:
        """Shelves of every kind and build with this name."""
        return self._same_model.get((manufacturer, model), [])

    def circles(self, facts: ModelFacts) -> tuple[Circle, ...]:
        """The circles that may answer, nearest first, all of one kind.

        The model's own kind answers. For a real phone, when no real phone of any level is known,
        virtual ones do, then emulators: the knowledge carries a caution. A custom ROM and the
        maker's own build never answer for each other, nor do a browser and the phone's apps.
        """
        for kind in fallbacks(kind_of(facts)):
            found = tuple(self._around(facts, kind))
            if found:
                return found
        return ()

    def of_own_kind(self, facts: ModelFacts) -> tuple[Circle, ...]:
        """The circles of the model's own kind alone, nearest first."""
        return tuple(self._around(facts, kind_of(facts)))

    def _around(self, facts: ModelFacts, kind: Kind) -> Iterator[Circle]:
        own = self._shelves.get((kind, facts.key))
        if own is not None:
            yield self._circle(SupportLevel.SAME_BUILD, (own,), (kind, facts.key))
        names = group_names(facts, kind)
        for name in names:
            level = name[0]
            near = tuple(self._groups.get(name, ()))
            if level is SupportLevel.SAME_MODEL:
                near = tuple(s for s in near if s is not own and _soc_fits(facts.key, s.facts.key))
                circle_name: Hashable = (*name, facts.key)
            else:
                circle_name = name
            if near:
                yield self._circle(level, near, circle_name)

    def _circle(self, level: SupportLevel, shelves: tuple[Shelf, ...], name: Hashable) -> Circle:
        full_name = (level, name)
        circle = self._circles.get(full_name)
        if circle is None:
            circle = self._circles[full_name] = Circle(level, shelves, full_name)
        return circle


def group_names(facts: ModelFacts, kind: Kind) -> list[tuple[SupportLevel, Hashable]]:
    """The groups a model belongs to, nearest first.

    What a page hears depends on the browser, its build and the computer's sound server more than on
    a chip: another model's browser answers for none.
    """
    key, system = facts.key, facts.os_name.casefold()
    found: list[tuple[SupportLevel, Hashable]] = [
        (SupportLevel.SAME_MODEL, (kind, key.manufacturer, key.model))
    ]
    if kind.stack:
        return found
    family = soc_family(key.soc, facts.board)
    if family:
        found.append((SupportLevel.SAME_SOC, (kind, system, family)))
    age = system_age(facts)
    if key.manufacturer and age:
        found.append((SupportLevel.SAME_MAKER, (kind, system, key.manufacturer.casefold(), age)))
    return found


def system_age(facts: ModelFacts) -> str:
    """Android's API level; elsewhere the OS version up to the first dot. Empty = not known."""
    if facts.api_level is not None:
        return str(facts.api_level)
    return facts.os_version.partition(".")[0].strip()


def _soc_fits(asked: ModelKey, other: ModelKey) -> bool:
    """The same SoC, or one that is not known: twins of one model with another SoC are others."""
    return asked.soc == other.soc or not asked.soc or not other.soc


def fallbacks(kind: Kind) -> tuple[Kind, ...]:
    """The kinds that may answer for one, in this order: the first of which any is known."""
    if kind.is_virtual or kind.is_emulator:
        return (kind,)
    custom = kind.is_custom_rom
    return kind, Kind(True, False, custom, kind.stack), Kind(False, True, custom, kind.stack)


def one_a_key(known: Iterable[ModelFacts]) -> list[ModelFacts]:
    """One a model key, sorted by it, as :meth:`Relatives.models` chooses of results; ``known`` has
    the model that was measured last at the end, and of equal ranks the last wins."""
    best: dict[ModelKey, ModelFacts] = {}
    for facts in known:
        there = best.get(facts.key)
        if there is None or _rank(kind_of(facts)) <= _rank(kind_of(there)):
            best[facts.key] = facts
    return sorted(best.values(), key=lambda facts: str(facts.key))


def _rank(kind: Kind) -> tuple[bool, bool, bool]:
    return kind.is_virtual, kind.is_emulator, kind.is_custom_rom
