"""One page of the dashboard, run by Streamlit itself on a real store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard import source


def run_page(name: str, store: Path, **params: str | Sequence[str]) -> AppTest:
    """The page ``dashboard.pages.NAME`` with these parameters in its address."""
    source.use(str(store))
    at = AppTest.from_string(
        f"from dashboard.pages import {name}\n{name}.page()\n", default_timeout=120
    )
    for param, value in params.items():
        at.query_params[param] = value if isinstance(value, str) else list(value)
    at.run()
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    """All that is said outside tables, without Markdown's escapes."""
    elements: list[Any] = [
        *at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success, *at.subheader,
    ]  # fmt: skip
    return "\n".join(str(e.value) for e in elements).replace("\\", "").replace("\u2060", "")
