"""Whatever goes wrong on a page becomes a plain box with the next step, and a line on stderr."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from dashboard import source, text
from profiler.errors import ChirpbenchError, EvidenceError, SchemaTooNew, StoreError

P = ParamSpec("P")
_LOG = logging.getLogger("chirpbench.dashboard")


def guarded(work: Callable[P, None]) -> Callable[P, None]:
    """``work`` (a page or a fragment) with errors shown instead of raised."""

    @functools.wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        # Streamlit's own stops and reruns are no Exception and pass.
        try:
            work(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - one page must not end the others
            show(exc)

    return call


def show(exc: Exception) -> None:
    """The box, and the log line with the traceback of what was not expected."""
    if isinstance(exc, ChirpbenchError):
        _LOG.warning("%s", text.plain(exc, 600))
    else:
        _LOG.error("a page failed", exc_info=exc)
    title, hint = explain(exc)
    st.error(f"**{text.md(title, 400)}**\n\n{text.md(hint, 400)}", icon=":material/report:")
    if st.button("Try again", key="frame_again"):
        st.rerun()


def on_script_error(exc: Exception) -> bool:
    """For what is raised outside a page, e.g. in a callback; ``True``: it has been shown."""
    show(exc)
    return True


def explain(exc: Exception) -> tuple[str, str]:
    """What happened and what to do next, as plain text."""
    match exc:
        case SchemaTooNew():
            return (
                "The store was upgraded by a newer chirpbench while this dashboard was open",
                f"{exc.message}. Stop the dashboard (Ctrl-C), update it and start it again.",
            )
        case EvidenceError():
            return exc.message, exc.hint or "The numbers stay; only this recording is missing."
        case StoreError():
            return (
                exc.message,
                exc.hint or f"Try again; '{source.command('chirpbench doctor')}' checks it.",
            )
        case ChirpbenchError():
            return exc.message, exc.hint or "Choose something else on this page."
        case MemoryError():
            return "This computer ran out of memory", "Close other pages, or show less at once."
        case _:
            return (
                f"This page failed: {type(exc).__name__}",
                "That is a mistake of the dashboard. The terminal it was started in shows the "
                "details: please report them. The other pages still work.",
            )
