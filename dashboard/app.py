"""What is around every page: navigation, title, the frame that catches errors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboard import source
from dashboard.frame import guarded
from dashboard.links import PAGES

_TEMPORARY = (
    "Demo: simulated phones in a store that goes away with this dashboard. What you measure with "
    "`chirpbench run` goes into a store of your own."
)
_LOGO = str(Path(__file__).with_name("logo.svg"))


def main() -> None:
    """Show the page that the address names."""
    # No icons: the client would make the tab's picture of them, and ask Google's servers for it.
    pages = [
        st.Page(_page(name), title=title, url_path=name, default=name == "fleet")
        for name, title in PAGES.items()
    ]
    chosen = st.navigation(pages, position="top")
    st.set_page_config(page_title=f"{chosen.title} · chirpbench", page_icon=_LOGO, layout="wide")
    st.logo(_LOGO, size="large")
    if source.is_temporary():
        st.caption(_TEMPORARY)
    chosen.run()


def _page(name: str) -> Callable[[], None]:
    @guarded
    def show() -> None:
        # Imported when it is opened: the charts of one page do not slow the others.
        importlib.import_module(f"dashboard.pages.{name}").page()

    show.__name__ = name  # Streamlit tells pages apart by it
    return show


if __name__ == "__main__":
    main()
