"""A page's chart, held to Vega-Lite's schema: pages build theirs without the check."""

from __future__ import annotations

from typing import Any

import altair as alt

from dashboard.views.marks import Picture


def checked(made: Picture | None) -> dict[str, Any]:
    """The chart as Vega-Lite; fails when it is none or not valid."""
    assert made is not None
    spec = dict(made.spec)
    alt.LayerChart.from_dict(spec)
    return spec
