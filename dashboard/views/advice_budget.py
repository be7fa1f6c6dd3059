"""Delay budgets as stacked bars against goals, and as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import look, text
from dashboard.views.advice import budget_words
from profiler.budget import GOALS, MOUTH_TO_EAR, TURN, GoalRow, Pipeline
from profiler.budget.showing import (
    OTHER_PART_COLOR,
    PART_COLORS,
    goal_scope,
    part_name,
)
from profiler.model import Budget, Feasibility, PartSource

SOURCE_WORDS: Final[Mapping[PartSource, str]] = {
    PartSource.MEASURED: "measured on the device",
    PartSource.INHERITED: "measured on a relative",
    PartSource.COMPUTED: "computed from the settings",
    PartSource.NETWORK: "from the network scenario",
    PartSource.PUBLISHED: "published figure",
    PartSource.ASSUMED: "assumed",
}
FEASIBLE_WORDS: Final[Mapping[Feasibility, str]] = {
    Feasibility.POSSIBLE: "keeps",
    Feasibility.UNCERTAIN: "may keep",
    Feasibility.IMPOSSIBLE: "misses",
}
GOAL_WORDS: Final[Mapping[str, str]] = {
    MOUTH_TO_EAR: "mouth to ear",
    TURN: "a voice agent's answer",
}
"""Whose goals are drawn: 150 and 400 ms, 232 and 320 ms. The terminal's leave the network out, so
no bar of a whole way can be held against them: they stand in the table."""
MAX_AXIS_MS: Final = 1600.0
"""Longer bars are cut there and say so: goals end at 400 ms."""
MIN_LABEL_SHARE: Final = 0.04
NAME_CHARS: Final = 42
ROW_PX: Final = 46


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What the bars need: wrapped names in order, and where the axis ends."""

    bars: pd.DataFrame
    totals: pd.DataFrame
    goals: pd.DataFrame
    """A row a budget and each goal that it is held against."""
    names: tuple[str, ...]
    axis_ms: float
    turns: bool
    """Whether a voice agent's answers are among them."""


def budget_view(
    budgets: Sequence[Budget], pipelines: Mapping[str, Pipeline], *, whole: bool = False
) -> BudgetView:
    """Bars of at most :data:`MAX_AXIS_MS` unless they are wanted ``whole``; a longer one ends at
    the axis and says so."""
    longest = max((b.high_ms for b in budgets), default=0.0)
    axis_ms = max(longest * 1.06 + 20.0, 340.0)
    axis_ms = axis_ms if whole else min(axis_ms, MAX_AXIS_MS)
    bars: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    names: list[str] = []
    for budget in budgets:
        name = _unique(_wrapped(budget_words(budget, pipelines)), names)
        names.append(name)
        bars += _bars(name, budget, axis_ms)
        totals.append(
            {
                "budget": name, "total": budget.total_ms,
                "low": min(budget.low_ms, axis_ms), "high": min(budget.high_ms, axis_ms),
                "label": f"{budget.total_ms:.0f} ms",
                "span": f"{budget.low_ms:.0f} to {budget.high_ms:.0f}",
                "goes on": "»" if budget.high_ms > axis_ms else "", "at": axis_ms,
            }
        )  # fmt: skip
        goals += [_goal(name, g) for g in drawn_goals([budget]) if g.limit_ms < axis_ms]
    return BudgetView(
        pd.DataFrame(bars), pd.DataFrame(totals), pd.DataFrame(goals, columns=[*_GOAL]),
        tuple(names), axis_ms, any(b.kind == TURN for b in budgets),
    )  # fmt: skip


def _bars(name: str, budget: Budget, axis_ms: float) -> list[dict[str, Any]]:
    """Its parts end to end, cut where the axis ends."""
    bars, left = [], 0.0
    for part in budget.parts:
        begin, end = min(left, axis_ms), min(left + part.ms, axis_ms)
        bars.append(
            {
                "budget": name, "part": part_name(part.name), "from": begin, "to": end,
                "middle": (begin + end) / 2, "ms": part.ms, "low": part.low_ms,
                "high": part.high_ms,
                "label": f"{part.ms:.0f}" if end - begin >= MIN_LABEL_SHARE * axis_ms else "",
                "source": SOURCE_WORDS[part.source], "text": text.plain(part.text, 300),
            }
        )  # fmt: skip
        left += part.ms
    return bars


_GOAL: Final = ("budget", "ms", "label", "what", "why")


def _goal(name: str, goal: GoalRow) -> dict[str, Any]:
    return {
        "budget": name, "ms": goal.limit_ms, "label": f"{goal.limit_ms:.0f}",
        "what": f"{goal.limit_ms:.0f} ms, {GOAL_WORDS[goal.scope]}", "why": goal.origin,
    }  # fmt: skip


def drawn_goals(budgets: Sequence[Budget]) -> list[GoalRow]:
    """The goals that these budgets as a whole are held against, by their limit: a call has none of
    a voice agent's."""
    names = {g.name for b in budgets for g in b.goals}
    return [g for g in GOALS if g.name in names and g.scope in GOAL_WORDS]


def goal_words(budgets: Sequence[Budget]) -> str:
    """``mouth to ear 150 ms (ITU-T G.114 …), 400 ms (…); a voice agent's answer 232 ms (…)``."""
    drawn = drawn_goals(budgets)
    said = {
        words: ", ".join(f"{g.limit_ms:.0f} ms ({g.origin})" for g in drawn if g.scope == scope)
        for scope, words in GOAL_WORDS.items()
    }
    return "; ".join(f"{words} {goals}" for words, goals in said.items() if goals)


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, NAME_CHARS, max_lines=2, placeholder=" …"))


def _unique(name: str, used: Sequence[str]) -> str:
    return name if name not in used else f"{name} ({len(used) + 1})"


def budget_chart(view: BudgetView) -> alt.LayerChart | None:
    """Stacked parts, the 95 % interval of each whole above its bar, its own goals across it."""
    if view.bars.empty:
        return None
    x = alt.Scale(domain=[0, view.axis_ms], nice=False)
    labels = alt.Axis(labelExpr="split(datum.label, '\\n')", labelLimit=300, ticks=False,
                      domain=False, labelFontSize=12)  # fmt: skip
    y = alt.Y("budget:N", sort=list(view.names), title=None, axis=labels)
    parts = list(dict.fromkeys(view.bars["part"]))
    colors = {part_name(name): color for name, color in PART_COLORS.items()}
    scale = alt.Scale(domain=parts, range=[colors.get(p, OTHER_PART_COLOR) for p in parts])
    tips = [alt.Tooltip("part:N"), alt.Tooltip("ms:Q", format=".1f"),
            alt.Tooltip("low:Q", title="95 % from", format=".1f"),
            alt.Tooltip("high:Q", title="to", format=".1f"),
            alt.Tooltip("source:N"), alt.Tooltip("text:N", title="")]  # fmt: skip
    title = "ms from mouth to ear"
    if view.turns:
        title += ", or from the end of a person's words to the first of the answer"
    legend = alt.Legend(columns=8, symbolStrokeWidth=0)
    base = alt.Chart(view.bars)
    bars = base.mark_bar(height=22, stroke="white", strokeWidth=0.6).encode(
        alt.X("from:Q", scale=x, title=title), alt.X2("to:Q"), y,
        alt.Color("part:N", scale=scale, title=None, sort=parts, legend=legend),
        tooltip=tips,
    )  # fmt: skip
    inside = base.mark_text(color="white", fontSize=11, fontWeight="bold").encode(
        alt.X("middle:Q", scale=x), y, alt.Text("label:N")
    )
    layers: list[Any] = [bars, *_goal_lines(view, x, y), inside]
    chart = alt.layer(*layers, *_intervals(view, x, y))
    height = ROW_PX * len(view.names) + 110
    return look.finish(chart.properties(height=height))  # type: ignore[no-any-return]


def _intervals(view: BudgetView, x: alt.Scale, y: alt.Y) -> list[Any]:
    """The whole with its 95 % interval: a line with two ends above the bar, numbers beside it."""
    base = alt.Chart(view.totals)
    above: dict[str, Any] = {"color": look.MUTED, "yOffset": -16}
    ends = [
        base.mark_tick(thickness=2, height=9, **above).encode(alt.X(f"{end}:Q", scale=x), y)
        for end in ("low", "high")
    ]
    line = base.mark_rule(strokeWidth=2, **above).encode(
        alt.X("low:Q", scale=x), alt.X2("high:Q"), y
    )
    said = base.mark_text(align="left", dx=8, dy=-5, color=look.MAIN, fontWeight="bold").encode(
        x=alt.value("width"), y=y, text="label:N"
    )
    span = base.mark_text(align="left", dx=8, dy=8, color=look.MUTED, fontSize=10).encode(
        x=alt.value("width"), y=y, text="span:N"
    )
    long = view.totals["total"] > view.axis_ms
    cuts = [  # on the bar, or where only the interval goes so far
        alt.Chart(view.totals[which])
        .mark_text(align="right", dx=-3, color=color, fontSize=15)
        .encode(alt.X("at:Q", scale=x), y, text="goes on:N")
        for which, color in ((long, "white"), (~long, look.MUTED))
    ]
    return [line, *ends, said, span, *cuts]


def _goal_lines(view: BudgetView, x: alt.Scale, y: alt.Y) -> list[Any]:
    """Each goal across the bars that are held against it, and its number above the plot."""
    if view.goals.empty:
        return []
    tips = [alt.Tooltip("what:N", title="goal"), alt.Tooltip("why:N", title="")]
    line = (
        alt.Chart(view.goals)
        .mark_tick(color=look.LIMIT, thickness=2, size=ROW_PX - 8)
        .encode(alt.X("ms:Q", scale=x), y, tooltip=tips)
    )
    above = alt.Chart(view.goals.drop_duplicates("label"))
    said = above.mark_text(color=look.LIMIT, dy=-7, baseline="bottom", fontWeight="bold").encode(
        alt.X("ms:Q", scale=x), y=alt.value(0), text="label:N", tooltip=tips
    )
    return [line, said]


def goals_lines(budgets: Sequence[Budget], pipelines: Mapping[str, Pipeline]) -> pd.DataFrame:
    """A row a budget, as Markdown for a table whose lines wrap: its goals by what becomes of
    them, the limits with the part that is to blame."""
    return pd.DataFrame(
        [
            {
                "budget": text.md(budget_words(b, pipelines), 120),
                "total": f"{b.total_ms:.0f}\u00a0ms",
                "95 %": f"{b.low_ms:.0f}\u00a0…\u00a0{b.high_ms:.0f}\u00a0ms",
                **{word: _limits(b, f) for f, word in FEASIBLE_WORDS.items()},
            }
            for b in budgets
        ],
        columns=["budget", "total", "95 %", *FEASIBLE_WORDS.values()],
    )


def _limits(budget: Budget, feasibility: Feasibility) -> str:
    found = sorted(
        (g for g in budget.goals if g.feasibility is feasibility), key=lambda g: g.limit_ms
    )
    limits = ", ".join(f"{goal_scope(g)}{g.limit_ms:.0f}" for g in found)
    blamed = dict.fromkeys(part_name(g.blame) for g in found if g.blame)
    why = f" {text.md('(' + ', '.join(blamed) + ')', 120)}" if blamed else ""
    return f"{limits} ms{why}" if found else "–"


def goals_frame(budgets: Sequence[Budget], pipelines: Mapping[str, Pipeline]) -> pd.DataFrame:
    """A row a budget and goal: kept, maybe, or missed and by what."""
    return pd.DataFrame(
        [
            {"budget": budget_words(b, pipelines), "goal_ms": g.limit_ms,
             "is it kept?": FEASIBLE_WORDS[g.feasibility], "blame": part_name(g.blame),
             "why": text.plain(g.text, 400)}
            for b in budgets
            for g in b.goals
        ],
        columns=["budget", "goal_ms", "is it kept?", "blame", "why"],
    )  # fmt: skip


def parts_frame(budgets: Sequence[Budget], pipelines: Mapping[str, Pipeline]) -> pd.DataFrame:
    """A row a part, for the table and its download."""
    return pd.DataFrame(
        [
            {"budget": budget_words(b, pipelines), "part": part_name(p.name), "ms": p.ms,
             "low_ms": p.low_ms, "high_ms": p.high_ms, "source": SOURCE_WORDS[p.source],
             "text": text.plain(p.text, 300)}
            for b in budgets
            for p in b.parts
        ],
        columns=["budget", "part", "ms", "low_ms", "high_ms", "source", "text"],
    )  # fmt: skip
