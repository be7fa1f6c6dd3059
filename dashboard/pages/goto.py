"""From one page to another without loading the application again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st


def target(name: str) -> st.Page:
    """The page with this address. Streamlit knows pages by their address, so a new object of the
    same address is the same page."""

    def show() -> None:
        """Never called: the navigation's own page of this address is."""

    show.__name__ = name
    return st.Page(show, url_path=name)


def open_page(name: str, params: Mapping[str, str | Sequence[str]]) -> None:
    """Show another page with these parameters in its address."""
    st.switch_page(target(name), query_params=dict(params))
