"""Which models stand beside each other: from the address, or a proposal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from dashboard import links
from dashboard.views.compare import MAX_SIDES
from db.overview import ModelRow
from profiler.model import ModelKey, Platform


def from_address(asked: Sequence[str], by_token: Mapping[str, ModelRow]) -> list[str]:
    """The tokens that ``?m=…&m=…`` names, each once; a plain name takes the first that fits.

    One alone gets the newest other build of its model beside it, where there is one.
    """
    # An address holds no more of a long name than so many characters.
    by_short = {token[: links.MAX_CHARS]: token for token in by_token}
    tokens = {id(row): token for token, row in by_token.items()}
    found: dict[str, None] = {}
    for word in asked:
        if word in by_short:
            found[by_short[word]] = None
            continue
        named = links.find_models(links.Selection({"model": (word,)}), by_token.values())
        if named and len(named) < len(by_token):
            found[tokens[id(named[0])]] = None
    if len(found) == 1:
        found.update(dict.fromkeys(_sibling(by_token[next(iter(found))], by_token)))
    return list(found)[:MAX_SIDES]


def unknown(asked: Sequence[str], by_token: Mapping[str, ModelRow]) -> list[str]:
    """The words of the address that no stored model fits; a token that is out of date among them,
    by the name in it."""
    shown = []
    for word in asked:
        if not from_address([word], by_token):
            named = links.from_token(word)
            shown.append(word if named is None else f"{named[0].manufacturer} {named[0].model}")
    return shown


def lost_words(
    asked: Sequence[str], by_token: Mapping[str, ModelRow], names: Mapping[str, str]
) -> list[str]:
    """Why fewer models are shown than the address has words, a line each; ``asked`` with what it
    says twice. Texts are untrusted still."""
    missing = unknown(list(dict.fromkeys(asked)), by_token)
    lines = []
    if missing:
        lines.append(f"No stored model fits {', '.join(f'“{name}”' for name in missing)}.")
    words: defaultdict[str, list[str]] = defaultdict(list)
    for word in asked:
        for token in _named(word, by_token):
            words[token].append(word if links.from_token(word) is None else names[token])
    for token, alike in words.items():
        if len(alike) > 1:
            said = " and ".join(f"“{word}”" for word in alike)
            lines.append(f"{said} are the same: {names[token]}.")
    return lines


def _named(word: str, by_token: Mapping[str, ModelRow]) -> list[str]:
    """What one word of the address names, without what stands beside it by itself."""
    return from_address([word], by_token)[:1] if word else []


def _family(row: ModelRow) -> tuple[str, str, str, bool]:
    key = row.key
    return key.manufacturer, key.model, key.soc, row.is_virtual


def _sibling(row: ModelRow, by_token: Mapping[str, ModelRow]) -> list[str]:
    builds = [
        (other.last_at, token)
        for token, other in by_token.items()
        if other is not row and _family(other) == _family(row)
    ]
    return [max(builds)[1]] if builds else []


Measured = Collection[tuple[ModelKey, bool]]
"""Models with a latency on one path, real and simulated apart."""


def proposal(rows: Sequence[ModelRow], measured: Measured) -> list[str]:
    """A pair that has something to compare: the two newest builds of the model measured last on
    that path; else the two that were measured most there, of one kind and platform.

    Of nothing measured, the two newest: the page then says what is missing.
    """
    there = [row for row in rows if (row.key, row.is_virtual) in measured]
    families: defaultdict[tuple[str, str, str, bool], list[ModelRow]] = defaultdict(list)
    for row in there:
        families[_family(row)].append(row)
    several = [group for group in families.values() if len(group) > 1]
    if several:
        group = max(several, key=lambda g: max(r.last_at for r in g))
        # The older one is the baseline: an update is what is asked about.
        pair = sorted(group, key=lambda r: r.last_at)[-2:]
    else:
        pair = _most_measured(there) or sorted(rows, key=lambda r: r.last_at)[-2:][::-1]
    return [links.token(row.key, virtual=row.is_virtual) for row in pair]


def _most_measured(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """Two of one kind, real phones before simulated ones; empty when no kind has two."""
    kinds: defaultdict[tuple[bool, Platform], list[ModelRow]] = defaultdict(list)
    for row in rows:
        kinds[row.is_virtual, row.platform].append(row)
    pairs = [
        sorted(kind, key=lambda r: (r.runs, r.last_at), reverse=True)[:2]
        for kind in kinds.values()
        if len(kind) > 1
    ]
    return max(pairs, key=lambda p: (not p[0].is_virtual, p[1].runs), default=[])
