"""All models on one latency axis: who is where, who stands out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from dashboard import look
from dashboard.views.fleet.peers import Fence, Group, group_of
from dashboard.views.fleet.rows import Family, FleetRow
from dashboard.views.fleet.scale import Scale
from dashboard.views.fleet.table import median_words, opens_words
from dashboard.views.marks import Picture, inline, picture, upright
from profiler.model import Platform, Verdict

SLOTS = 180
"""Dots fit beside each other; those of one slot are stacked."""
USUAL, OUT, OTHER = "usual", "stands out", "filtered away"
PICK = "picked"
"""Name of the selection: a click on a dot."""
_COLORS = {USUAL: look.MAIN, OUT: look.STANDS_OUT, OTHER: look.MUTED}
_MARKS = {OTHER: (20, 0.3), USUAL: (26, 0.95), OUT: (64, 0.95)}
"""Area in square pixels and opacity, in the order in which they are drawn."""
DOT_PX, LEAST_REACH = 4.5, 3
RADIUS_PX, WIDE_PX = 2.9, 1_800
"""A dot's radius, and the widest axis: an interval that lies within its dot is not drawn."""
MANY = 300
"""Dots above which they are painted instead of being elements of the page."""
AROUND_PX = 95
"""Axis and the limits' words."""
LEGEND_PX = 40


def group_name(group: Group) -> str:
    """``android``, ``android, simulated``."""
    platform, virtual = group
    if platform is Platform.VIRTUAL:
        return "simulated"
    return f"{platform.value}, simulated" if virtual else platform.value


@dataclass(frozen=True, slots=True)
class Dot:
    """One measured model of the strip."""

    row: int
    """Its index in the rows."""
    group: str
    state: str
    median_ms: float
    interval_ms: tuple[float, float] | None
    stack: int
    """Dots from the middle of its lane."""
    words: str
    """What the mouse reads."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One group's share of the strip, in dots from the top."""

    name: str
    middle: float
    reach: int
    """Dots above and below the middle."""


def dots(
    rows: Sequence[FleetRow], shown: Collection[Family], out: Collection[Family], scale: Scale
) -> list[Dot]:
    """One dot a measured model; those of one slot are stacked around the middle: 0, 1, -1, 2 …"""
    stacks: defaultdict[tuple[Group, int], int] = defaultdict(int)
    found: list[Dot] = []
    # What is shown lies nearest to the middle.
    for index in sorted(range(len(rows)), key=lambda i: rows[i].family not in shown):
        row, one = rows[index], rows[index].latency
        if one is None or one.median_ms is None or one.median_ms <= 0:
            continue
        slot = group_of(row), round(scale.place(one.median_ms) * SLOTS)
        height, stacks[slot] = stacks[slot], stacks[slot] + 1
        state = OTHER if row.family not in shown else OUT if row.family in out else USUAL
        found.append(
            Dot(
                index, group_name(slot[0]), state, one.median_ms, one.ci95_ms,
                -(height // 2) if height % 2 == 0 else height // 2 + 1,
                f"{row.shown}: {median_words(row)} ms, opens: {opens_words(row)}",
            )
        )  # fmt: skip
    return found


def lanes(data: Sequence[Dot]) -> list[Lane]:
    """As tall as their fullest slot needs, in alphabetic order."""
    reaches: defaultdict[str, int] = defaultdict(lambda: LEAST_REACH)
    for dot in data:
        reaches[dot.group] = max(reaches[dot.group], abs(dot.stack))
    found: list[Lane] = []
    top = 0.0
    for name, reach in sorted(reaches.items()):
        found.append(Lane(name, top + reach + 1, reach))
        top += 2 * reach + 2
    return found


def strip(
    data: Sequence[Dot],
    scale: Scale,
    limits: Mapping[Verdict, float],
    fences: Mapping[Group, Fence],
) -> Picture:
    """Dots by platform with the 95 % interval of each median, limits and fences.

    Every channel that a dot has of its own is an expression the browser evaluates for each of
    thousands: colour, size and opacity belong to the layer of a state, and the words are ready.
    """
    every = lanes(data)
    depth = sum(2 * lane.reach + 2 for lane in every)
    x_scale = alt.Scale(type="log", domain=[scale.low_ms, scale.high_ms], nice=False, clamp=True)
    axis = alt.Axis(values=list(scale.ticks_ms), format="~g", grid=True, gridOpacity=0.35)
    x = alt.X("x:Q", scale=x_scale, axis=axis, title="median round trip, ms (log)")
    y = _y(every, depth)
    states = [state for state in _MARKS if any(dot.state == state for dot in data)]
    tables = _tables(data, every, scale)
    models = _models(states, tables.keys(), x, y, x_scale)
    inside = {v: ms for v, ms in limits.items() if scale.low_ms < ms < scale.high_ms}
    layers = (*upright(inside, x_scale), *_fences(fences, every, scale, x_scale, y), *models)
    around = AROUND_PX + (LEGEND_PX if states != [USUAL] else 0)
    made = picture(layers, height=depth * DOT_PX + around, **tables)
    if len(data) <= MANY:
        return made
    # Thousands of elements of SVG cost the page more than the whole rest of the chart.
    return Picture({**made.spec, "usermeta": {"embedOptions": {"renderer": "canvas"}}})


_SPANS = " spans"


def _tables(data: Sequence[Dot], every: Sequence[Lane], scale: Scale) -> dict[str, Any]:
    """Rows by state: ``x``, ``y``, ``row``, ``t``; and of what is wider than its dot the interval.
    Numbers have the digits that a pixel shows."""
    middle = {lane.name: lane.middle for lane in every}
    seen = math.exp(RADIUS_PX / WIDE_PX * math.log(scale.high_ms / scale.low_ms))
    tables: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for dot in data:
        x, y = _digits(dot.median_ms), middle[dot.group] + dot.stack
        tables[dot.state].append({"x": x, "y": y, "row": dot.row, "t": dot.words})
        low, high = dot.interval_ms or (dot.median_ms, dot.median_ms)
        if high > dot.median_ms * seen or low * seen < dot.median_ms:
            tables[f"{dot.state}{_SPANS}"].append({"x": _digits(low), "to": _digits(high), "y": y})
    return dict(tables)


def _digits(ms: float) -> float:
    return float(f"{ms:.4g}")


def _models(
    states: Sequence[str], tables: Collection[str], x: alt.X, y: alt.Y, x_scale: alt.Scale
) -> list[alt.Chart]:
    """A dot each, over the 95 % interval of its median; a click picks it."""
    layers: list[alt.Chart] = []
    # ``aria`` and ``invalid`` would each be one more expression a dot; the page describes the
    # chart, and a dot without a place is not among them.
    plain: dict[str, Any] = {"aria": False, "invalid": None}
    for state in states:
        (size, opacity), color = _MARKS[state], _COLORS[state]
        if f"{state}{_SPANS}" in tables:
            spans = alt.Chart(alt.NamedData(f"{state}{_SPANS}")).mark_rule(
                strokeWidth=1, opacity=0.5 * opacity, color=color, **plain
            )
            layers.append(spans.encode(x=alt.X("x:Q", scale=x_scale), x2=alt.X2("to:Q"), y=y))
        points = alt.Chart(alt.NamedData(state)).mark_circle(
            cursor="pointer", size=size, opacity=opacity, color=color, **plain
        )
        layers.append(points.encode(x=x, y=y, tooltip=alt.Tooltip("t:N")))
    if layers:
        pick = alt.selection_point(name=PICK, fields=["row"], on="click", empty=False)
        layers[-1] = layers[-1].add_params(pick)
    return [*_legend(states), *layers]


def _legend(states: Sequence[str]) -> list[alt.Chart]:
    """What the colours mean, where there is more than the usual one: marks of no size."""
    if states == [USUAL]:
        return []
    order = [s for s in (USUAL, OUT, OTHER) if s in states]
    scale = alt.Scale(domain=order, range=[_COLORS[s] for s in order])
    legend = alt.Legend(orient="top", title=None, symbolOpacity=1, symbolSize=60)
    base = alt.Chart(inline([{"state": s} for s in order])).mark_circle(size=0, aria=False)
    return [base.encode(color=alt.Color("state:N", scale=scale, legend=legend))]


def _y(every: Sequence[Lane], depth: float) -> alt.Y:
    """Lanes from top to bottom with their names; the names are of our own platforms."""
    names = " : ".join(f"datum.value == {lane.middle:g} ? '{lane.name}'" for lane in every)
    axis = alt.Axis(
        values=[lane.middle for lane in every], labelExpr=f"{names} : ''", grid=False, ticks=False,
        domain=False,
    )  # fmt: skip
    scale = alt.Scale(domain=[0, depth], reverse=True, nice=False, zero=False)
    return alt.Y("y:Q", scale=scale, axis=axis, title=None)


def _fences(
    fences: Mapping[Group, Fence],
    every: Sequence[Lane],
    scale: Scale,
    x_scale: alt.Scale,
    y: alt.Y,
) -> list[alt.Chart]:
    """A line across its lane at each fence: what lies outside stands out."""
    lane = {one.name: one for one in every}
    rows = [
        {
            "at": at,
            "y": lane[name].middle - lane[name].reach,
            "to": lane[name].middle + lane[name].reach,
            "what": f"Tukey's fence of {fence.peers} peers: {at:.0f} ms",
        }
        for group, fence in fences.items()
        for at in (fence.low_ms, fence.high_ms)
        if (name := group_name(group)) in lane and scale.low_ms < at < scale.high_ms
    ]
    if not rows:
        return []
    base = alt.Chart(inline(rows))
    return [
        base.mark_rule(strokeWidth=2, color=look.STANDS_OUT, opacity=0.8).encode(
            x=alt.X("at:Q", scale=x_scale), y=y, y2=alt.Y2("to:Q"), tooltip=alt.Tooltip("what:N")
        )
    ]
