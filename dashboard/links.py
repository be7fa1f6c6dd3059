"""Selections in the address: every page can be copied from the browser's bar and opened again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException

from profiler.model import ModelKey

PAGES = {
    "fleet": "Fleet",
    "model": "Model",
    "compare": "Compare",
    "evidence": "Evidence",
    "advice": "Advice",
    "live": "Live bench",
    "help": "Help",
}
"""Title by module in dashboard.pages, which is the address too. The first is the start page."""
MAX_CHARS = 2000
"""A longer value in an address was not made by a page."""
MAX_VALUES = 12
"""Of one name."""


class Listed(Protocol):
    """A row of a list of models, e.g. ``db.overview.ModelRow``."""

    @property
    def key(self) -> ModelKey:
        """What names it exactly."""
        ...

    @property
    def marketing_name(self) -> str:
        """What people call it; empty = nothing else."""
        ...

    @property
    def is_virtual(self) -> bool:
        """Whether it is simulated."""
        ...


Row = TypeVar("Row", bound=Listed)


@dataclass(frozen=True, slots=True)
class Selection:
    """What the address names; anybody may have written it."""

    values: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """The last value of ``name``, empty when there is none."""
        return self.values.get(name, ("",))[-1]

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of ``name``, each once."""
        return tuple(dict.fromkeys(v for v in self.values.get(name, ()) if v))


def read() -> Selection:
    """The selection of the open page."""
    params = st.query_params
    return Selection(
        {name: tuple(v[:MAX_CHARS] for v in params.get_all(name)[:MAX_VALUES]) for name in params}
    )


def write(**values: str | Sequence[str] | None) -> None:
    """Put these into the address, ``None`` and empty ones out of it; others stay.

    Nothing happens when they are there already: a changed address costs a message. It is no step
    of the browser's history (:mod:`dashboard.history`): the way back leads to the former page.
    """
    params = st.query_params
    known = {name: params.get_all(name) for name in params}
    wanted = dict(known)
    for name, value in values.items():
        kept = [v for v in ([value] if isinstance(value, str) else value or ()) if v]
        wanted.pop(name, None)
        if kept:
            wanted[name] = kept
    if wanted == known:
        return
    try:
        params.from_dict(wanted)  # one message, whatever changed
    except StreamlitAPIException:  # one that stays is bound to a widget, which alone may write it
        for name in values:
            if name not in wanted and name in known:
                del params[name]
        params.update({n: wanted[n] for n in values if n in wanted and wanted[n] != known.get(n)})


def replaced(name: str, known: Collection[str], shown: str) -> str:
    """What the address asked for under ``name`` and no page knows, so that ``shown`` is shown
    instead; empty when there is no such thing. Call it before :func:`write`.

    It is remembered, because the address soon says ``shown``, until something else is chosen.
    """
    asked = read().one(name)
    lost = _remembered(name, (asked,) if asked and asked not in known else (), (shown,))
    return lost[0] if lost else ""


def dropped(name: str, known: Collection[str], shown: Collection[str]) -> tuple[str, ...]:
    """:func:`replaced` for what may be given several times: those values of ``name`` that no page
    knows, remembered until something else than ``shown`` is chosen."""
    lost = tuple(value for value in read().many(name) if value not in known)
    return _remembered(name, lost, tuple(shown))


def _remembered(name: str, lost: tuple[str, ...], shown: tuple[str, ...]) -> tuple[str, ...]:
    at = f"replaced_{name}"
    if lost:
        st.session_state[at] = (lost, shown)
    said, instead = st.session_state.get(at, ((), ()))
    if instead != shown:
        st.session_state.pop(at, None)
        return ()
    return tuple(said)


def model(key: ModelKey, *, virtual: bool = False) -> dict[str, str]:
    """The parameters that name one model exactly."""
    named = {"maker": key.manufacturer, "model": key.model, "soc": key.soc, "build": key.os_build}
    return {**named, "virtual": "1"} if virtual else named


def link_to(page: str, **params: str | Sequence[str]) -> str:
    """The address of a page, relative to the dashboard's root."""
    if page not in PAGES:
        raise ValueError(f"{page!r} is not a page")
    kept = {name: value for name, value in params.items() if value}
    query = urlencode(kept, doseq=True)
    return f"/{'' if page == 'fleet' else page}{'?' + query if query else ''}"


def token(key: ModelKey, *, virtual: bool = False) -> str:
    """One value that names a model exactly, for repeated parameters (``?m=…&m=…``)."""
    parts = (key.manufacturer, key.model, key.soc, key.os_build, "v" if virtual else "")
    return "~".join(p.replace("%", "%25").replace("~", "%7E") for p in parts)


def from_token(text: str) -> tuple[ModelKey, bool] | None:
    """What :func:`token` was made of; ``None`` when it was not made by it."""
    parts = [p.replace("%7E", "~").replace("%25", "%") for p in text.split("~")]
    if len(parts) != 5 or parts[4] not in ("", "v"):
        return None
    return ModelKey(*parts[:4]), parts[4] == "v"


def find_models(selection: Selection, rows: Iterable[Row]) -> list[Row]:
    """The rows that the address names, best first; all of them when it names none.

    With maker, SoC or build given they must be equal; ``?model=NAME`` alone takes the whole model
    code or marketing name, else a part of name, SoC or build. ``?virtual=1`` leaves virtual ones.
    """
    found = list(rows)
    for name, part in (("maker", "manufacturer"), ("soc", "soc"), ("build", "os_build")):
        wanted = selection.one(name)
        if wanted or (selection.one("maker") and name in selection.values):
            found = [row for row in found if getattr(row.key, part)[:MAX_CHARS] == wanted]
    if "virtual" in selection.values:
        found = [row for row in found if row.is_virtual == (selection.one("virtual") == "1")]
    elif selection.one("maker"):
        found.sort(key=lambda row: row.is_virtual)  # a real phone before the virtual of its name
    name = selection.one("model").strip().casefold()
    if not name:
        return found
    whole = [row for row in found if name in _names(row)]
    if whole:
        return whole
    return [row for row in found if any(name in text for text in (*_names(row), *_parts(row)))]


def asked_model(selection: Selection) -> str:
    """The model that the address names, as a person would; empty when it names none."""
    name = " ".join(filter(None, (selection.one("maker"), selection.one("model"))))
    build = selection.one("build")
    parts = (name, selection.one("soc"), f"build {build}" if build else "")
    return ", ".join(filter(None, parts)) if name else ""


def _names(row: Listed) -> tuple[str, ...]:
    key = row.key
    full = f"{key.manufacturer} {key.model}"
    return tuple(t[:MAX_CHARS].casefold() for t in (key.model, row.marketing_name, full))


def _parts(row: Listed) -> tuple[str, ...]:
    return tuple(t.casefold() for t in (row.key.soc, row.key.os_build))
