"""Round trip by path, and its two spreads, which are never mixed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
from scipy.special import chdtri

from dashboard import look, text
from dashboard.views.marks import Picture, Rows, inline, picture, upright, x_px
from dashboard.views.paths import path_words
from db.overview import PathRow
from db.path_numbers import numbers_of_path
from db.points import LatencyPoint
from profiler.intervals import line_scatter
from profiler.model import AudioPath, ModelKey, SessionRow, Verdict

ROW_PX = 34
RESOLVED_MS = 1e-4
"""A scatter below a tenth of a microsecond is arithmetic (simulated phones have it), not sound."""
BETWEEN, WITHIN = "between opens", "within an open"


def path_rows_of(points: Iterable[LatencyPoint]) -> list[PathRow]:
    """The rows :func:`db.overview.path_rows` has for these opens, without reading other models'.

    One a path and rate, most opens first.
    """
    groups: defaultdict[tuple[ModelKey, bool, AudioPath, int, str], list[LatencyPoint]]
    groups = defaultdict(list)
    for p in points:
        groups[p.key, p.is_virtual, p.path, p.rate_hz, p.test_id].append(p)
    rows = [_path_row(group) for group in groups.values()]
    return sorted(rows, key=lambda r: (-r.sessions, str(r.path), r.rate_hz))


def _path_row(group: Sequence[LatencyPoint]) -> PathRow:
    first = group[0]
    numbers = numbers_of_path(
        [(p.device_uid, p.run_uuid, p.verdict.value, p.latency_ms, p.uncertainty_us, p.started_at)
         for p in group]
    )  # fmt: skip
    low, high = numbers.pop("ci95_low_ms"), numbers.pop("ci95_high_ms")
    return PathRow(
        key=first.key,
        is_virtual=first.is_virtual,
        path=first.path,
        rate_hz=first.rate_hz,
        ci95_ms=None if low is None else (low, high),
        verdict=Verdict(numbers.pop("verdict")),
        test_id=first.test_id,
        **numbers,
    )


def path_label(row: PathRow, rows: Sequence[PathRow]) -> str:
    """The path; with its rate where the path has several."""
    several = len({r.rate_hz for r in rows if r.path == row.path}) > 1
    return path_words(row.path) + (f", {look.rate(row.rate_hz)}" if several else "")


def by_path(
    rows: Sequence[PathRow],
    points: Iterable[LatencyPoint],
    limits: dict[Verdict, float],
    *,
    paper: bool = False,
) -> Picture | None:
    """Distribution of the opens of each path; ``None`` when none gave a latency."""
    shown = [r for r in rows if r.median_ms is not None]
    if not shown:
        return None
    order = sorted(shown, key=lambda r: r.median_ms or 0.0)
    names = [path_label(r, shown) for r in order]
    data = inline(_path(r, name) for r, name in zip(order, names, strict=True))
    label = {(r.path, r.rate_hz): name for r, name in zip(order, names, strict=True)}
    raw = [
        {"path": label[p.path, p.rate_hz], "ms": p.latency_ms}
        for p in points
        if p.latency_ms is not None and (p.path, p.rate_hz) in label
    ]
    layers = [*upright(limits), *_distributions(data, alt.Y("path:N", sort=names, title=None))]
    return picture(layers, height=Rows(len(order), ROW_PX), paper=paper, opens=raw)


def _distributions(data: alt.Data, y: alt.Y) -> list[alt.Chart]:
    x = alt.X("low:Q", title="round trip, ms", scale=alt.Scale(zero=True, nice=True))
    base = alt.Chart(data)
    tooltip = [
        alt.Tooltip("path:N"), alt.Tooltip("median:Q", title="median, ms", format=".2f"),
        alt.Tooltip("interval:N", title="95 % of it"), alt.Tooltip("range:N", title="5 to 95 %"),
        alt.Tooltip("opens:N"), alt.Tooltip("sigma:Q", title="1σ of one open, ms", format=".4f"),
    ]  # fmt: skip
    return [
        base.mark_rule(color=look.MAIN, strokeWidth=2).encode(x=x, x2=alt.X2("high:Q"), y=y),
        base.mark_bar(color=look.MAIN, opacity=0.35, height=15).encode(
            x=alt.X("p25:Q"), x2=alt.X2("p75:Q"), y=y, tooltip=tooltip
        ),
        base.mark_bar(color=look.MAIN, height=7, opacity=0.9).encode(
            x=alt.X("ci_low:Q"), x2=alt.X2("ci_high:Q"), y=y, tooltip=tooltip
        ),
        base.mark_tick(color=look.MAIN, thickness=3, size=24).encode(
            x=alt.X("median:Q"), y=y, tooltip=tooltip
        ),
        alt.Chart(alt.NamedData("opens"))
        .mark_circle(size=12, opacity=0.5, color=look.MUTED, yOffset=13)
        .encode(x=alt.X("ms:Q"), y=y),
        # Right of the plot: beside a bar it would cross the lines of the limits.
        base.mark_text(align="left", dx=8, dy=-1, color=look.MUTED, fontSize=11).encode(
            x=x_px("width"), y=y, text=alt.Text("words:N")
        ),
    ]


def _path(row: PathRow, name: str) -> dict[str, Any]:
    median = row.median_ms or 0.0
    low, high = row.ci95_ms or (None, None)
    interval = look.interval(low, high) if row.ci95_ms else "too few opens"
    return {
        "path": name, "low": row.p05_ms, "high": row.p95_ms, "p25": row.p25_ms,
        "p75": row.p75_ms, "median": median, "ci_low": low, "ci_high": high,
        "interval": interval, "range": look.interval(row.p05_ms, row.p95_ms),
        "opens": f"{row.sessions - row.rejected} of {row.sessions}",
        "sigma": (row.uncertainty_us or 0.0) / 1000.0,
        "words": f"{look.ms(median)}, {text.plural(row.sessions - row.rejected, 'open')}",
    }  # fmt: skip


# --- the two spreads ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """A standard deviation with its 95 % interval."""

    path: str
    which: str
    sd_ms: float
    low_ms: float
    high_ms: float
    freedom: int
    hidden: bool = False
    """It is below what the method resolves: ``high_ms`` is what it cannot exceed."""


def spreads(sessions: Iterable[SessionRow]) -> list[Spread]:
    """Both spreads of each path.

    Between: pooled over devices about each device's own mean, the method's variance taken off, as
    :mod:`profiler.summary` does. Within: chirps about their open's own line. The intervals are
    those of a normal sample (chi-square); opens are not normal, whole buffers come and go, so that
    the one between opens is an approximation.
    """
    groups: defaultdict[str, list[SessionRow]] = defaultdict(list)
    for row in sessions:
        if row.latency_ms is not None:
            groups[path_words(row.path)].append(row)
    found: list[Spread] = []
    for path, rows in groups.items():
        for spread in (_between(path, rows), _within(path, rows)):
            if spread is not None:
                found.append(spread)
    return found


def _between(path: str, rows: Sequence[SessionRow]) -> Spread | None:
    by_device: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        by_device[row.device_uid].append(row.latency_ms or 0.0)
    freedom = sum(len(v) - 1 for v in by_device.values())
    if freedom < 1:
        return None
    squares = sum(float(np.sum((np.array(v) - np.mean(v)) ** 2)) for v in by_device.values())
    own = [(r.uncertainty_us / 1000.0) ** 2 for r in rows if r.uncertainty_us is not None]
    method = float(np.mean(own)) if own else 0.0
    low, high = (max(0.0, squares / float(chdtri(freedom, p)) - method) for p in (0.025, 0.975))
    left = squares / freedom - method
    if left <= 0:
        # Only the upper end says something: what is there is smaller than the method's own error.
        top = math.sqrt(max(high, method))
        return Spread(path, BETWEEN, 0.0, 0.0, top, freedom, hidden=True)
    return Spread(path, BETWEEN, math.sqrt(left), math.sqrt(low), math.sqrt(high), freedom)


def _within(path: str, rows: Sequence[SessionRow]) -> Spread | None:
    squares, freedom = 0.0, 0
    for row in rows:
        jumps_s = [jump.time_s for jump in row.jumps]
        part, free = line_scatter(row.per_chirp_ms, row.per_chirp_time_s, jumps_s)
        squares, freedom = squares + part, freedom + free
    if not freedom or squares <= 0:
        return None
    low, high = (math.sqrt(squares / float(chdtri(freedom, p))) for p in (0.025, 0.975))
    if high < RESOLVED_MS:
        return Spread(path, WITHIN, 0.0, 0.0, RESOLVED_MS, freedom, hidden=True)
    return Spread(path, WITHIN, math.sqrt(squares / freedom), low, high, freedom)


def spread_chart(found: Sequence[Spread], *, paper: bool = False) -> Picture | None:
    """Both spreads of each path on one logarithmic axis, an arrow where only a bound is known."""
    if not found:
        return None
    known = inline(_spread_row(s) for s in found if not s.hidden)
    hidden = inline(_spread_row(s) for s in found if s.hidden)
    y: dict[str, Any] = {
        "y": alt.Y("path:N", title=None),
        "yOffset": alt.YOffset("which:N", sort=[BETWEEN, WITHIN]),
    }
    scale = alt.Scale(type="log", nice=True)
    color = alt.Color(
        "which:N",
        scale=alt.Scale(domain=[BETWEEN, WITHIN], range=[look.SERIES[0], look.SERIES[3]]),
        legend=alt.Legend(orient="top", title=None, direction="vertical"),
    )
    tooltip = [
        alt.Tooltip("path:N"), alt.Tooltip("which:N", title="spread"),
        alt.Tooltip("words:N", title="standard deviation"),
        alt.Tooltip("freedom:Q", title="degrees of freedom"),
    ]  # fmt: skip
    axis = alt.Axis(format="~g", values=[10.0**e for e in range(-5, 4)], labelOverlap=True)
    x = alt.X("sd:Q", scale=scale, axis=axis, title="standard deviation, ms (log)")
    layers = [
        alt.Chart(known).mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), color=color, **y
        ),
        alt.Chart(known).mark_point(filled=True, size=70, opacity=1).encode(
            x=x, color=color, tooltip=tooltip, **y
        ),
        alt.Chart(hidden).mark_text(text="◀ at most", align="left", fontSize=12).encode(
            x=x, color=color, tooltip=tooltip, **y
        ),
    ]  # fmt: skip
    paths = len({s.path for s in found})
    return picture(layers, height=Rows(paths, 15, parts=2, around=136), paper=paper)


def _spread_row(s: Spread) -> dict[str, Any]:
    known = f"{s.sd_ms:.3g} ms, 95 % {s.low_ms:.3g} … {s.high_ms:.3g} ms"
    return {
        "path": s.path, "which": s.which, "sd": s.high_ms if s.hidden else s.sd_ms,
        "low": max(s.low_ms, 1e-6), "high": s.high_ms, "freedom": s.freedom,
        "words": f"below {look.number(s.high_ms, 4)} ms" if s.hidden else known,
    }  # fmt: skip
