"""Few rules that give every profiled model exactly its settings.

Model names form a tree of common beginnings. A wildcard entry gives a value to a whole branch, an
exact entry to one model, and a later entry overrides an earlier one: the smallest set of entries is
the one of routing tables with longest-prefix match (Draves, King, Venkatachary, Zill: Constructing
Optimal IP Routing Tables, 1999), by dynamic programming. Proven afterwards by evaluation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from profiler.export.signal_rules import Rule, SignalSettings, case_key

MIN_PREFIX = 4
"""Shortest beginning a wildcard may stand for: shorter ones catch whole makers. Proposal."""
DEFAULT = SignalSettings()


@dataclass(slots=True)
class _Node:
    """A beginning that branches or ends a name."""

    prefix: str
    own: SignalSettings | None = None
    """Settings of the model of exactly this name."""
    is_exact_safe: bool = True
    children: list[_Node] = field(default_factory=list)
    values: tuple[SignalSettings, ...] = ()
    """Every value that occurs below, most frequent first."""
    cost_inside: dict[SignalSettings | None, float] = field(default_factory=dict)
    """By the value in force; ``None`` = any value that does not occur below."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a rule: a wildcard or an exact name with the settings it brings."""

    text: str
    value: SignalSettings
    outer: SignalSettings
    """In force without it."""
    depth: int
    """Number of entries around it."""
    parent: Entry | None = None


def minimal_rules(wanted: Mapping[str, SignalSettings], *, custom: bool) -> tuple[Rule, ...]:
    """Rules for models of stock systems (``custom`` false) or of custom ROMs.

    ``wanted`` maps every profiled model to its settings, also those with the defaults.
    """
    if not wanted:
        return ()
    root = _tree(wanted)
    entries: list[Entry] = []
    _solve(root)
    _collect(root, DEFAULT, None, entries)
    return _rules(entries, custom)


def _tree(wanted: Mapping[str, SignalSettings]) -> _Node:
    spellings = Counter(case_key(name) for name in wanted)
    names = sorted(wanted)
    root = _Node("")
    stack = [root]
    for i, name in enumerate(names):
        # Nodes exist where two neighbours part and where a name ends.
        shared = _shared(names[i - 1], name) if i else 0
        while len(stack[-1].prefix) > shared:
            last = stack.pop()
            if len(stack[-1].prefix) < shared:
                branch = _Node(name[:shared], children=[last])
                stack[-1].children[-1] = branch
                stack.append(branch)
        node = stack[-1]
        if len(node.prefix) < len(name):
            node = _Node(name)
            stack[-1].children.append(node)
            stack.append(node)
        node.own = wanted[name]
        # "X*" would be read as a wildcard; an exact entry also names other spellings.
        node.is_exact_safe = not name.endswith("*") and spellings[case_key(name)] == 1
    return root


def _shared(one: str, other: str) -> int:
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length


def _solve(root: _Node) -> None:
    """Cost of each branch by the value in force around it, leaves first."""
    order, todo = [], [root]
    while todo:
        node = todo.pop()
        order.append(node)
        todo += node.children
    for node in reversed(order):
        found = Counter(v for child in node.children for v in child.values)
        if node.own is not None:
            found[node.own] += 1
        node.values = tuple(sorted(found, key=lambda v: (-found[v], repr(v))))
        for value in (None, DEFAULT, *node.values):
            node.cost_inside[value] = _inside(node, value)


def _inside(node: _Node, value: SignalSettings | None) -> float:
    """Entries needed inside a branch when ``value`` is in force at its beginning."""
    cost = 0.0
    if node.own is not None and node.own != value:
        cost = 1.0 if node.is_exact_safe else math.inf
    return cost + sum(min(_stay(child, value), 1.0 + _best(child)[1]) for child in node.children)


def _stay(node: _Node, outer: SignalSettings | None) -> float:
    return node.cost_inside.get(outer, node.cost_inside[None])


def _best(node: _Node) -> tuple[SignalSettings, float]:
    """The value a wildcard here would have, and the entries inside it."""
    if not _may_be_wildcard(node):
        return DEFAULT, math.inf
    best = min((DEFAULT, *node.values), key=lambda v: node.cost_inside[v])
    return best, node.cost_inside[best]


def _may_be_wildcard(node: _Node) -> bool:
    return len(node.prefix) >= MIN_PREFIX or not node.is_exact_safe


def _collect(
    root: _Node, outer: SignalSettings, parent: Entry | None, entries: list[Entry]
) -> None:
    todo = [(root, outer, parent)]
    while todo:
        node, value, around = todo.pop()
        best, inside = _best(node)
        if 1.0 + inside < _stay(node, value):
            around = _entry(f"{node.prefix}*", best, value, around)
            entries.append(around)
            value = best
        if node.own is not None and node.own != value:
            entries.append(_entry(node.prefix, node.own, value, around))
        todo += [(child, value, around) for child in reversed(node.children)]


def _entry(text: str, value: SignalSettings, outer: SignalSettings, parent: Entry | None) -> Entry:
    return Entry(text, value, outer, 0 if parent is None else parent.depth + 1, parent)


def _rules(entries: list[Entry], custom: bool) -> tuple[Rule, ...]:
    """Entries of one depth and value share a rule; an exception that only undoes its wildcard is
    an exclusion of it."""
    groups: dict[tuple[int, SignalSettings], tuple[list[str], list[str], set[str]]] = {}
    undoing = _undoing(entries)
    for entry in entries:
        if id(entry) in undoing and entry.parent is not None:
            groups[entry.parent.depth, entry.parent.value][1].append(entry.text)
            continue
        group = groups.setdefault((entry.depth, entry.value), ([], [], set()))
        group[0].append(entry.text)
        new, old = entry.value.as_json(), entry.outer.as_json()
        group[2].update(key for key in new if new[key] != old[key])
    return tuple(
        Rule(
            settings={key: v for key, v in value.as_json().items() if key in keys},
            include=tuple(sorted(include)),
            exclude=tuple(sorted(exclude)),
            custom=custom,
        )
        for (_, value), (include, exclude, keys) in sorted(
            groups.items(), key=lambda g: (g[0][0], repr(g[0][1]))
        )
    )


def _undoing(entries: list[Entry]) -> set[int]:
    parents = {id(entry.parent) for entry in entries}
    return {
        id(entry)
        for entry in entries
        if entry.parent is not None
        and entry.value == entry.parent.outer
        and id(entry) not in parents
    }
