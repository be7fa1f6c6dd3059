"""The one home of models' names for people: the same model is called the same on every page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from dashboard import links, text
from dashboard.links import Listed
from dashboard.views.marks import short
from profiler.model import ModelKey

MARK = " ◇"
"""After the name of a simulated phone, as on every page."""
LIST_CHARS = 40
CHARS, SOC_CHARS, CODE_CHARS, BUILD_CHARS = 34, 20, 16, 34
_LONG_CHARS = 40, 24, 24, 44
_Part = Callable[[Listed], str]


def short_names(
    rows: Sequence[Listed], *, builds: bool, chars: int = CHARS, among: Sequence[Listed] = ()
) -> list[str]:
    """``Galaxy S21``; where two would be called alike the SoC, then the model code and, with
    ``builds``, the OS build follow. Safe in tables and charts; simulated phones are marked.

    Alike are also those of ``among`` (all that are stored): what is shown on one page is not
    called otherwise than on the next. Their builds are no difference to tell.
    """
    called = {_called(row).casefold() for row in rows}
    every = [*rows, *(row for row in among if _called(row).casefold() in called)]
    made = [_name(row, chars) for row in every]
    for part in (_soc, _code):
        made = _apart(every, made, part)
    made = made[: len(rows)]
    if builds:
        made = _apart(rows, made, _build)
    return [f"{name}{MARK * row.is_virtual}" for name, row in zip(made, rows, strict=True)]


def _apart(rows: Sequence[Listed], made: Sequence[str], part: _Part) -> list[str]:
    """The names with ``part`` behind those that are alike and differ in it."""
    groups: dict[tuple[str, bool], set[str]] = {}
    for name, row in zip(made, rows, strict=True):
        groups.setdefault((name.casefold(), row.is_virtual), set()).add(part(row))
    return [
        f"{name} · {part(row)}" if len(groups[name.casefold(), row.is_virtual]) > 1 else name
        for name, row in zip(made, rows, strict=True)
    ]


Which = tuple[ModelKey, bool]
"""A model key, and whether it is simulated."""


def names_of(wanted: Collection[Which], rows: Sequence[Listed]) -> dict[Which, str]:
    """Names for some of the stored models, ``rows``, with the SoC where any stored one is called
    alike: two lines of a list may be of one of twins."""
    found = [row for row in rows if (row.key, row.is_virtual) in wanted]
    called = {_called(row).casefold() for row in found}
    near = [row for row in rows if _called(row).casefold() in called]
    names = short_names(near, builds=False, chars=LIST_CHARS)
    return {(row.key, row.is_virtual): name for row, name in zip(near, names, strict=True)}


def _called(row: Listed) -> str:
    return row.marketing_name or f"{row.key.manufacturer} {row.key.model}"


def _name(row: Listed, chars: int) -> str:
    return short(_called(row), chars)


def _soc(row: Listed) -> str:
    return short(row.key.soc, SOC_CHARS) or "SoC unknown"


def _code(row: Listed) -> str:
    return short(f"{row.key.manufacturer} {row.key.model}", 2 * CODE_CHARS)


def _build(row: Listed) -> str:
    return short(row.key.os_build, BUILD_CHARS) or "build unknown"


_labelled: tuple[Sequence[Listed], dict[str, str]] = ((), {})
"""The rows of the last call with their labels: the pages ask again at every interaction, and the
cleaning of a few thousand names is a good part of what that costs."""


def labels(rows: Sequence[Listed]) -> dict[str, str]:
    """Names to choose from, by token: model, SoC and build, and the model code where two would
    still be alike."""
    global _labelled  # noqa: PLW0603 - one store a server, whose rows stay the same object
    known, made = _labelled
    if known is rows:
        return made
    names = [_label(row) for row in rows]
    count = Counter(names)
    made = {
        links.token(row.key, virtual=row.is_virtual): f"{name} · {_code(row)}"
        if count[name] > 1
        else name
        for name, row in zip(names, rows, strict=True)
    }
    _labelled = (rows, made)
    return made


def _label(row: Listed) -> str:
    key = row.key
    name, soc, _, build = _LONG_CHARS
    called = text.plain(row.marketing_name or f"{key.manufacturer} {key.model}", name)
    parts = (
        called + MARK * row.is_virtual, text.plain(key.soc, soc), text.plain(key.os_build, build),
    )  # fmt: skip
    return " · ".join(p for p in parts if p)
