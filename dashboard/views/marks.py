"""What charts of models, the fleet and trials share: how layers become a picture, limit lines.

Layers are Altair's, and the tests check them against Vega-Lite's schema. They are put together
here and not by ``alt.layer``, which copies and checks every layer several times: that took half of
the time of a page.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard import look, text
from profiler.catalogue.table import Limit
from profiler.model import Verdict

SIZE = 11


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished chart."""

    spec: Mapping[str, Any]
    """Vega-Lite, with its data."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A height that follows from the number of rows, in pixels."""

    count: int
    px: float
    """Of one row."""
    parts: int = 1
    """Beside each other in a row: ``yOffset``."""
    around: float = 86.0
    """Axis, its title and what stands above the rows."""

    @property
    def whole(self) -> float:
        """Of the chart with all that is around the rows."""
        gap = 1.25 if self.parts > 1 else 1.0  # Vega's padding between groups
        return self.count * self.parts * self.px * gap + self.around


def picture(
    layers: Iterable[alt.Chart],
    *,
    height: float | Rows,
    paper: bool = False,
    **tables: Sequence[Mapping[str, Any]],
) -> Picture:
    """The layers on top of each other. ``height`` in pixels of the whole, on paper of the plot.

    ``tables`` are rows of the layers that name their data (``alt.NamedData``). Layers without a
    row are left out: their scales would have no end.
    """
    parts = []
    datasets: dict[str, Any] = {}
    for layer in layers:
        part = layer.to_dict(validate=False)
        datasets.update(part.pop("datasets", {}))
        for name in ("$schema", "config"):
            part.pop(name, None)
        parts.append(part)
    datasets.update({name: [dict(row) for row in rows] for name, rows in tables.items()})
    return Picture({
        "$schema": alt.SCHEMA_URL, "config": copy.deepcopy(_config(paper)),
        "layer": [part for part in parts if _has_rows(part, datasets)],
        "height": _height(height, paper=paper), "datasets": datasets,
    })  # fmt: skip


def _height(height: float | Rows, *, paper: bool) -> float | dict[str, float]:
    """Streamlit fits both sides of a chart into a box, and Vega cannot fit steps: it complains."""
    if not isinstance(height, Rows):
        return height
    return {"step": height.px} if paper else height.whole


def _has_rows(part: Mapping[str, Any], datasets: Mapping[str, Any]) -> bool:
    data = part.get("data", {})
    return bool(data.get("values", True)) and bool(datasets.get(data.get("name"), True))


@lru_cache(maxsize=2)
def _config(paper: bool) -> dict[str, Any]:
    empty = alt.Chart(inline([])).mark_point()
    found: dict[str, Any] = look.finish(empty, paper=paper).to_dict(validate=False)["config"]
    return found


def inline(rows: Iterable[Mapping[str, Any]]) -> alt.Data:
    """A few rows as they are."""
    return alt.Data(values=[dict(row) for row in rows])  # type: ignore[no-untyped-call]


@lru_cache(maxsize=8192)
def short(words: str, chars: int) -> str:
    """:func:`dashboard.text.plain`: one name stands in many rows."""
    return text.plain(words, chars)


def x_px(value: float | str) -> alt.XValue:
    """A place in the chart in pixels, or ``width``."""
    return alt.XValue(value)  # type: ignore[no-untyped-call]


def y_px(value: float | str) -> alt.YValue:
    """A place in the chart in pixels, or ``height``."""
    return alt.YValue(value)  # type: ignore[no-untyped-call]


def y2_px(value: float | str) -> alt.Y2Value:
    """The other end of what begins at :func:`y_px`."""
    return alt.Y2Value(value)  # type: ignore[no-untyped-call]


# --- limits -------------------------------------------------------------------------------------
# One layer a line with its colour in the mark: a colour scale of the limits would be shared with
# the colours of what is measured.


def limits_of(limit: Limit) -> dict[Verdict, float]:
    """Where a pass ends and where a failure begins."""
    return {Verdict.MARGINAL: limit.pass_limit, Verdict.FAIL: limit.fail_limit}


def across(limit: Limit) -> list[alt.Chart]:
    """Horizontal lines with their words right of the plot, where nothing is drawn: a pass is on
    one side, a failure on the other, and each word stands on its own side of the line. The unit
    is the axis'."""
    more = limit.larger_is_better
    sign = "<" if more else ">"
    layers = []
    for verdict, at in limits_of(limit).items():
        what = f"{look.VERDICT_WORDS[verdict]} {sign} {at:g}"
        above = (verdict is Verdict.MARGINAL) == more
        base = alt.Chart(inline([{"at": at, "what": what}]))
        color = look.VERDICT_COLORS[verdict]
        words = base.mark_text(
            align="left", baseline="bottom" if above else "top", dx=4,
            fontSize=SIZE, color=color,
        )  # fmt: skip
        layers += [
            base.mark_rule(strokeDash=[4, 3], color=color).encode(y=alt.Y("at:Q")),
            words.encode(y=alt.Y("at:Q"), x=x_px("width"), text=alt.Text("what:N")),
        ]
    return layers


def upright(limits: Mapping[Verdict, float], scale: alt.Scale | None = None) -> list[alt.Chart]:
    """Vertical lines of a time in ms, with words at the top: the pass limit's to its left."""
    layers = []
    for verdict, at in limits.items():
        left = verdict is Verdict.MARGINAL
        what = f"pass ≤ {at:g} ms" if left else f"fail > {at:g} ms"
        base = alt.Chart(inline([{"at": at, "what": what}]))
        color = look.VERDICT_COLORS[verdict]
        x = alt.X("at:Q", scale=scale) if scale is not None else alt.X("at:Q")
        words = base.mark_text(
            align="right" if left else "left", baseline="bottom", dx=-3 if left else 3, dy=-2,
            fontSize=SIZE, color=color,
        )  # fmt: skip
        layers += [
            base.mark_rule(strokeDash=[4, 3], color=color).encode(x=x),
            words.encode(x=x, y=y_px(0), text=alt.Text("what:N")),
        ]
    return layers
