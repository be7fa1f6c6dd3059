"""The latency over time: every open, every run's median, builds as bands, changes as marks."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final

import altair as alt

from dashboard import look, text
from dashboard.views.marks import Picture, inline, picture, short, y_px
from dashboard.views.model.history import BuildSpan, Change, History
from profiler.model import Verdict

HEIGHT = 340
SLOWER, FASTER = look.VERDICT_COLORS[Verdict.FAIL], look.VERDICT_COLORS[Verdict.PASS]
MAX_BUILD_CHARS = 34
DAY_S = 86_400
MAX_TICKS = 8
"""Of the axis of time."""


def chart(history: History, *, paper: bool = False) -> Picture | None:
    """``None`` when no open gave a latency."""
    opens = [p for p in history.points if p.latency_ms is not None]
    if not opens:
        return None
    points = [
        {
            "at": p.started_at.isoformat(), "ms": p.latency_ms,
            "build": short(p.key.os_build, MAX_BUILD_CHARS), "device": short(p.device_uid, 30),
            "sigma": (p.uncertainty_us or 0.0) / 1000,
        }
        for p in opens
    ]  # fmt: skip
    y = alt.Y("ms:Q", title="round trip, ms", scale=alt.Scale(zero=False, padding=12))
    x = _time(opens[0].started_at, opens[-1].started_at)
    base = alt.Chart(alt.NamedData("opens"))
    dots = base.mark_circle(size=22, opacity=0.45, color=look.MAIN).encode(
        x=x, y=y,
        tooltip=[
            alt.Tooltip("at:T", title="opened", format="%Y-%m-%d %H:%M:%S"),
            alt.Tooltip("ms:Q", title="round trip, ms", format=".3f"),
            alt.Tooltip("sigma:Q", title="1σ of it, ms", format=".4f"),
            alt.Tooltip("device:N"), alt.Tooltip("build:N"),
        ],
    )  # fmt: skip
    layers = [*_bands(history.builds), dots, *_runs(history), *_changes(history.changes)]
    return picture(layers, height=HEIGHT, paper=paper, opens=points)


_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * n for n in (1, 2, 3, 6, 12)),
    *(DAY_S * n for n in (1, 2, 7, 14)),
)
"""Steps of the axis below a month; above they are whole months."""
_STEPS_MONTHS: Final = (1, 3, 6, 12, 24, 60, 120, 600)


def ticks(first: datetime, last: datetime) -> tuple[list[datetime], str]:
    """At most :data:`MAX_TICKS` round times, and a format that tells each from the next.

    Vega's own ticks of a short axis are closer than a format of fixed words.
    """
    span_s = (last - first).total_seconds()
    step_s = next((s for s in _STEPS_S if span_s / s < MAX_TICKS), None)
    if step_s is None:
        return _months(first, last)
    begin = datetime(first.year, first.month, first.day, tzinfo=first.tzinfo)
    place = math.ceil((first - begin).total_seconds() / step_s)
    found = []
    while (at := begin + timedelta(seconds=place * step_s)) <= last:
        found.append(at)
        place += 1
    if step_s >= DAY_S:
        return found, "%Y-%m-%d"
    clock = "%H:%M" if step_s >= 60 else "%H:%M:%S"
    return found, clock if first.date() == last.date() else f"%m-%d {clock}"


def _months(first: datetime, last: datetime) -> tuple[list[datetime], str]:
    """First days of months."""
    since, until = (12 * at.year + at.month - 1 for at in (first, last))
    fits = (n for n in _STEPS_MONTHS if (until - since) / n < MAX_TICKS)
    step = next(fits, _STEPS_MONTHS[-1])
    months = range(-(-since // step) * step, until + 1, step)
    days = [datetime(month // 12, month % 12 + 1, 1, tzinfo=first.tzinfo) for month in months]
    return [day for day in days if day >= first], "%Y-%m"


def _moment(at: datetime) -> alt.DateTime:
    """As Vega-Lite takes it: the browser leaves plain numbers out."""
    return alt.DateTime(
        year=at.year, month=at.month, date=at.day, hours=at.hour, minutes=at.minute,
        seconds=at.second, utc=True,
    )  # fmt: skip


def _time(first: datetime, last: datetime) -> alt.X:
    """The axis; a day that all share stands in its title."""
    places, words = ticks(first, last)
    axis = alt.Axis(
        format=words, labelOverlap=True,
        values=[_moment(at) for at in places],
    )  # fmt: skip
    title = f"time (UTC), {first:%Y-%m-%d}" if first.date() == last.date() else "time (UTC)"
    return alt.X("at:T", title=title, scale=alt.Scale(type="utc", padding=14), axis=axis)


def _spans(builds: tuple[BuildSpan, ...]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for build in builds:
        if build.median_ms is None:
            continue
        low, high = build.ci95_ms or (build.median_ms, build.median_ms)
        rows.append({
            "first": build.first_at.isoformat(), "last": build.last_at.isoformat(),
            "median": build.median_ms, "low": low, "high": high,
            "build": short(build.os_build, MAX_BUILD_CHARS),
            "first_of": build.os_build not in seen, "runs": build.runs, "opens": build.opens,
            "interval": look.interval(*build.ci95_ms) if build.ci95_ms else "too few opens",
        })  # fmt: skip
        seen.add(build.os_build)
    return rows


def _bands(builds: tuple[BuildSpan, ...]) -> list[alt.Chart]:
    """Each build's median with its 95 % interval over its time, and its name."""
    rows = _spans(builds)
    names = [row for row in rows if row["first_of"]]
    tooltip = [
        alt.Tooltip("build:N"), alt.Tooltip("median:Q", title="median, ms", format=".2f"),
        alt.Tooltip("interval:N", title="95 % of it"), alt.Tooltip("runs:Q"),
        alt.Tooltip("opens:Q"),
    ]  # fmt: skip
    base = alt.Chart(inline(rows))
    band = base.mark_rect(color=look.MAIN, opacity=0.22).encode(
        x=alt.X("first:T"),
        x2=alt.X2("last:T"),
        y=alt.Y("low:Q"),
        y2=alt.Y2("high:Q"),
        tooltip=tooltip,
    )
    line = base.mark_rule(color=look.MAIN, strokeWidth=2).encode(
        x=alt.X("first:T"), x2=alt.X2("last:T"), y=alt.Y("median:Q"), tooltip=tooltip
    )
    start = (
        alt.Chart(inline(names))
        .mark_rule(color=look.MUTED, strokeDash=[2, 3], opacity=0.7)
        .encode(x=alt.X("first:T"))
    )
    # The newest keep their names; of many builds names would cover each other.
    named = alt.Chart(inline(names if len(names) <= 6 else names[-1:]))
    name = named.mark_text(
        align="left", baseline="top", dx=4, color=look.MUTED, fontSize=11, angle=0
    ).encode(x=alt.X("first:T"), y=y_px(-2), text=alt.Text("build:N"))
    return [start, band, line, name] if len(rows) > 1 else [band, line]


def _runs(history: History) -> list[alt.Chart]:
    runs = [r for r in history.runs if r.median_ms is not None]
    if len(runs) < 2:
        return []
    data = inline(
        {
            "at": r.at.isoformat(), "median": r.median_ms, "low": r.low_ms, "high": r.high_ms,
            "kind": "95 % interval" if r.is_interval else "range of few",
            "opens": f"{r.opens - r.rejected} of {r.opens}", "device": short(r.device_uid, 30),
        }
        for r in runs
    )  # fmt: skip
    base = alt.Chart(data)
    span = base.mark_rule(color=look.MAIN, opacity=0.8).encode(
        x=alt.X("at:T"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q")
    )
    middle = base.mark_point(
        filled=True, size=44, color=look.MAIN, stroke="white", strokeWidth=0.8, opacity=1
    ).encode(
        x=alt.X("at:T"), y=alt.Y("median:Q"),
        tooltip=[
            alt.Tooltip("at:T", title="run of", format="%Y-%m-%d %H:%M"),
            alt.Tooltip("median:Q", title="median, ms", format=".2f"),
            alt.Tooltip("low:Q", format=".2f"), alt.Tooltip("high:Q", format=".2f"),
            alt.Tooltip("kind:N", title="low to high"), alt.Tooltip("opens:N"),
            alt.Tooltip("device:N"),
        ],
    )  # fmt: skip
    return [span, middle]


def _changes(changes: tuple[Change, ...]) -> list[alt.Chart]:
    if not changes:
        return []
    data = inline(
        {
            "at": c.at.isoformat(), "what": shift_words(c), "more": words(c),
            "color": SLOWER if c.slower else FASTER,
        }
        for c in changes
    )  # fmt: skip
    base = alt.Chart(data)
    color = alt.Color("color:N", scale=None, legend=None)
    rule = base.mark_rule(strokeWidth=2, strokeDash=[6, 3]).encode(
        x=alt.X("at:T"), color=color, tooltip=alt.Tooltip("more:N", title="change")
    )
    label = base.mark_text(
        align="right", baseline="bottom", dx=-5, dy=-4, fontWeight="bold", fontSize=12
    ).encode(x=alt.X("at:T"), y=y_px("height"), text=alt.Text("what:N"), color=color)
    return [rule, label]


def shift_words(change: Change) -> str:
    """``▲ +12.3 ms``."""
    sign = "▲" if change.slower else "▼"
    return f"{sign} {_signed(change.shift_ms)} ms"


def words(change: Change) -> str:
    """One plain line with size, interval, rule and what weakens it."""
    low, high = change.ci95_ms
    what = "slower" if change.slower else "faster"
    said = (
        f"{what} by {look.number(abs(change.shift_ms), 1)} ms "
        f"(95 % {_signed(low)} … {_signed(high)} ms)"
    )
    p_value = "" if change.p_value is None else f", p {_p(change.p_value)}"
    if change.between_builds:
        before, after = (short(b, MAX_BUILD_CHARS) for b in (change.before, change.after))
        said += f" from build {before} to {after}{p_value}"
    else:
        said += f" within build {short(change.after, MAX_BUILD_CHARS)}, Pettitt{p_value}"
    said += f"; {text.plural(change.runs_before, 'run')} before, {change.runs_after:,} after"
    few = min(change.runs_before, change.runs_after) == 1
    if not change.same_devices:
        said += "; other devices before and after: it may be the unit"
    elif few:
        said += "; one run alone may be the day's"
    return said


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _signed(value: float) -> str:
    text = look.number(value, 1)
    return text if text.startswith("−") else f"+{text}"
