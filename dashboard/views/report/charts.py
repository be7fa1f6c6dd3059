"""Charts as pictures inside a page: drawn without a browser, shown where no script runs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import altair as alt
import vl_convert

from dashboard.views.marks import Picture

WIDTH = 600
"""Pixels of a whole line of A4 at the report's size, without names of axes."""
THIRD = 150
EDGE = {"left": 24, "right": 24, "top": 5, "bottom": 5}
"""Room for a font that is wider than the one the picture was laid out with."""
_VERSION = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]


def image(drawn: Picture | None, *, width: int = WIDTH, height: int | None = None) -> str:
    """A ``data:`` address of the chart's SVG; empty when there is no chart.

    An image, not markup: whatever text is in it stays text, and scripts never run there.
    """
    if drawn is None:
        return ""
    spec: dict[str, Any] = {**drawn.spec, "width": width, "padding": EDGE}
    if height is not None and not isinstance(spec["height"], Mapping):
        spec["height"] = height
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=_VERSION)
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
