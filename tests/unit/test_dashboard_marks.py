"""Charts that Vega draws without complaint: no empty layers, no steps that it would have to fit."""

from __future__ import annotations

import altair as alt
import pytest
from dashboard_charts import checked

from dashboard.views.marks import Rows, inline, picture


def dots(rows: list[dict[str, float]]) -> alt.Chart:
    return alt.Chart(inline(rows)).mark_point().encode(x="x:Q", y="y:N")


def test_a_layer_without_a_row_is_left_out() -> None:
    """Its scale would have no end: Vega warns of an infinite extent in the browser's console."""
    named = alt.Chart(alt.NamedData("none")).mark_point().encode(x="x:Q")
    full = alt.Chart(alt.NamedData("some")).mark_point().encode(x="x:Q")
    made = picture(
        [dots([]), dots([{"x": 1.0}]), named, full], height=100, none=[], some=[{"x": 2.0}]
    )
    assert len(checked(made)["layer"]) == 2


@pytest.mark.parametrize(("rows", "parts"), [(1, 1), (7, 1), (3, 2)])
def test_rows_have_their_height_on_screen_and_are_steps_on_paper(rows: int, parts: int) -> None:
    """Streamlit fits a chart into its box; Vega cannot fit a height that follows from steps."""
    height = Rows(rows, 34, parts=parts)
    on_screen = checked(picture([dots([{"x": 1.0}])], height=height))["height"]
    assert on_screen >= rows * parts * 34 + height.around
    on_paper = checked(picture([dots([{"x": 1.0}])], height=height, paper=True))["height"]
    assert on_paper == {"step": 34}
