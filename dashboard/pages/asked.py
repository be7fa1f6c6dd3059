"""What an address asks for and no page knows: said in a line, never dropped in silence.

A filter that is left away without a word looks like a fleet that nothing was filtered from.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from dashboard import links, text

KNOWN_CHARS = 300
"""Of the list of what could be asked for; a fleet may have a thousand makers."""


def instead(
    name: str, known: Collection[str], shown: str, words: str = "", *, listed: bool = True
) -> None:
    """A line when the one value of ``name`` is unknown and ``shown`` (in ``words``) stands there
    instead. Call it before the address is written. Not ``listed``: ``known`` says nobody more."""
    if lost := links.replaced(name, known, shown):
        then = f"shown is {text.md(words or shown, 80)}"
        _say(name, (lost,), then, known if listed else ())


def without(name: str, known: Collection[str], shown: Collection[str]) -> None:
    """A line when values of the filter ``name`` are unknown and restrict nothing; ``shown`` are
    the values that it has. Call it before the address is written."""
    if lost := links.dropped(name, known, shown):
        kept = ", ".join(f"“{text.md(value)}”" for value in shown)
        then = f"filtered is by {kept} only" if kept else f"nothing is filtered by {name}"
        _say(name, lost, then, known)


def no_model(address: links.Selection, what: str = "stored") -> None:
    """What stands above the list to choose from when the address names a model that is missing."""
    name = text.md(links.asked_model(address), 160)
    st.warning(f"No {what} model fits “{name}”; choose one here.", icon=":material/search_off:")


def _say(name: str, lost: Collection[str], then: str, known: Collection[str]) -> None:
    words = ", ".join(f"“{text.md(value, 80)}”" for value in lost)
    is_known = "is not known" if len(lost) == 1 else "are not known"
    others = f" Known: {text.md(', '.join(known), KNOWN_CHARS)}." if known else ""
    st.caption(
        f":material/info: The address asks for {name} {words}, which {is_known}; {then}.{others}"
    )
