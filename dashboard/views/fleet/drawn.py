"""The latency distribution of one row as a small picture for a table's cell."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping

from dashboard.look import MAIN, MUTED, VERDICT_COLORS
from dashboard.views.fleet.scale import Scale
from db.overview import PathRow
from profiler.model import Verdict

WIDTH, HEIGHT = 144, 30
"""Pixels; a cell shows them one to one at a row height of :data:`ROW_HEIGHT`."""
ROW_HEIGHT = 36
MARGIN = 4
LEGEND = (
    "thin line 5 to 95 % of the opens, pale box the middle half, dark bar in it the 95 % interval "
    "of the median, tick the median"
)


def picture(path: PathRow | None, scale: Scale, limits: Mapping[Verdict, float], color: str) -> str:
    """A ``data:`` address of an SVG; empty when nothing was measured.

    ``limits`` are drawn as dashed lines in the colour of the verdict that begins beyond them.
    Numbers only go into it, never a text of the store.
    """
    if path is None or path.median_ms is None:
        return ""
    marks = [
        _lines(scale, scale.ticks_ms, MUTED, 'stroke-opacity=".28"'),
        *(
            _lines(scale, [limit], VERDICT_COLORS[v], 'stroke-dasharray="3 3"')
            for v, limit in limits.items()
            if scale.low_ms < limit < scale.high_ms
        ),
        *_distribution(path, scale, color or MAIN),
    ]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(marks)}</svg>'
    )
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def _distribution(path: PathRow, scale: Scale, color: str) -> list[str]:
    middle = HEIGHT / 2
    found = []
    for low, high, tall, opacity in (
        (path.p05_ms, path.p95_ms, 2, 0.9),
        (path.p25_ms, path.p75_ms, 12, 0.35),
        (*(path.ci95_ms or (None, None)), 6, 0.9),
    ):
        if low is None or high is None:
            continue
        left, right = _x(scale, low), _x(scale, high)
        found.append(
            f'<rect x="{left:.1f}" y="{middle - tall / 2:g}" width="{max(right - left, 0.8):.1f}" '
            f'height="{tall}" fill="{color}" fill-opacity="{opacity}"/>'
        )
    at = _x(scale, path.median_ms or 0.0)
    found.append(
        f'<rect x="{at - 1.25:.2f}" y="{middle - 10:g}" width="2.5" height="20" fill="{color}"/>'
    )
    return found


def _lines(scale: Scale, at_ms: Iterable[float], color: str, more: str) -> str:
    down = "".join(f"M{_x(scale, ms):.1f} 0V{HEIGHT}" for ms in at_ms)
    return f'<path d="{down}" stroke="{color}" {more}/>'


def _x(scale: Scale, ms: float) -> float:
    inside = min(max(scale.place(ms), 0.0), 1.0)
    return MARGIN + inside * (WIDTH - 2 * MARGIN)
