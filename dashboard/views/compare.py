"""Models or OS builds beside each other: rows in, charts, tables and sentences out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pandas as pd

from dashboard import look, text
from dashboard.links import Listed
from dashboard.views.names import short_names
from dashboard.views.paths import path_short
from dashboard.views.sessions import sessions
from db.points import LatencyPoint
from profiler.model import AudioPath, Comparison, Difference, ModelKey, ModelSummary, SessionRow
from profiler.summary import MARGIN_MS, summarise
from profiler.summary.effects import cliff_words
from profiler.summary.pairing import PathComparison, compare_by_path

MAX_SIDES: Final = len(look.SERIES)
LETTERS: Final = "ABCDEF"
MAX_POINTS: Final = 150
"""Sessions drawn of one side on one path: more lie on each other."""
ROW_PX: Final = 26
FRAME_PX: Final = 116
"""Legend, axis and its title: a chart's height is that of the whole."""
DIFFERENCE_WORDS: Final[Mapping[Difference, str]] = {
    Difference.BETTER: "▼ faster",
    Difference.WORSE: "▲ slower",
    Difference.SAME: "= the same",
    Difference.UNCLEAR: "? unclear",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One model or OS build of the comparison."""

    letter: str
    """``A`` is the baseline."""
    name: str
    """With its letter: unique, one line, safe in tables and charts."""
    key: ModelKey
    is_virtual: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """One side against the baseline, on one path."""

    side: Side
    found: PathComparison
    """Of the side against the baseline: positive = the side is slower."""

    @property
    def result(self) -> Comparison:
        """The shift and its verdict."""
        return self.found.result

    @property
    def where(self) -> str:
        """``speaker, media · 48 kHz``; both rates where they differ."""
        mine, theirs = self.found.rate_a_hz, self.found.rate_b_hz
        if mine == theirs:
            return path_name(self.found.path, mine)
        return f"{path_short(self.found.path)} · {mine / 1000:g} against {look.rate(theirs)}"


Sessions = Mapping[Side, Sequence[SessionRow]]


def sides_of(rows: Sequence[Listed], every: Sequence[Listed] = ()) -> tuple[Side, ...]:
    """Names that tell them apart: the SoC where twins are among ``every`` stored model, the build
    where builds are beside each other."""
    names = short_names(rows, builds=True, among=every)
    return tuple(
        Side(letter, f"{letter}  {name}", row.key, row.is_virtual)
        for letter, name, row in zip(LETTERS, names, rows, strict=False)
    )


def sessions_of(points: Sequence[LatencyPoint], side: Side) -> list[SessionRow]:
    """The sessions of one side as :mod:`profiler.summary` takes them; what it would say of single
    chirps is left out."""
    return sessions(p for p in points if p.is_virtual == side.is_virtual and p.key == side.key)


def path_name(path: AudioPath, rate_hz: int) -> str:
    """``speaker, communication, aaudio, voice_communication · 48 kHz``."""
    return f"{path_short(path)} · {look.rate(rate_hz)}"


def pairs_of(sides: Sequence[Side], sessions: Sessions) -> list[Pair]:
    """Every side against the first on each path that both were measured on: the very comparisons
    of ``chirpbench compare SIDE BASELINE``."""
    base = sides[0]
    return [
        Pair(side, found)
        for side in sides[1:]
        for found in compare_by_path(
            sessions[side], sessions[base], name_a=str(side.key), name_b=str(base.key)
        )
    ]


# -- the verdict in a sentence ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sentence:
    """What became of one side's latency, in plain words."""

    difference: Difference
    line: str
    """All of it when there is one path."""
    paths: tuple[str, ...] = ()
    """A line each, when there are several."""
    caution: str = ""


def sentences(sides: Sequence[Side], pairs: Sequence[Pair]) -> list[Sentence]:
    """One a side: what became of its latency against the baseline."""
    by_side: defaultdict[Side, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_side[pair.side].append(pair)
    return [_sentence(sides[0], side, by_side[side]) for side in sides[1:]]


_GRAVEST = (Difference.WORSE, Difference.UNCLEAR, Difference.BETTER, Difference.SAME)


def _sentence(base: Side, side: Side, pairs: Sequence[Pair]) -> Sentence:
    if not pairs:
        return Sentence(
            Difference.UNCLEAR,
            f"{side.name}: no path in common with {base.name}; measure both with the same plan",
        )
    said = {p.result.difference for p in pairs}
    worst = next(d for d in _GRAVEST if d in said)
    if worst is Difference.UNCLEAR and Difference.BETTER in said:
        worst = Difference.BETTER
    word = _overall(worst, is_build=_is_build_of(side, base), mixed=len(said) > 1)
    start = f"{side.name} {word} {base.name}"
    caution = next((p.found.caution for p in pairs if p.found.caution), "")
    if len(pairs) == 1:
        return Sentence(worst, f"{start}: {_of_path(pairs[0])}", caution=caution)
    clear = [p for p in pairs if p.result.ci95_ms is not None]
    rest = [p for p in pairs if p.result.ci95_ms is None]
    lines = [f"{p.where}: {_of_path(p)}" for p in clear]
    if len(rest) > 1 and clear:
        lines.append(f"too few sessions for an interval on {', '.join(p.where for p in rest)}")
    else:
        lines += [f"{p.where}: {_of_path(p)}" for p in rest]
    return Sentence(worst, start, tuple(lines), caution)


def _is_build_of(side: Side, base: Side) -> bool:
    a, b = side.key, base.key
    return (a.manufacturer, a.model, a.soc) == (b.manufacturer, b.model, b.soc)


def _overall(difference: Difference, *, is_build: bool, mixed: bool) -> str:
    somewhere = " on some paths" if mixed else ""
    return {
        Difference.WORSE: f"is a regression{somewhere} against"
        if is_build
        else f"is slower{somewhere} than",
        Difference.BETTER: f"is faster{somewhere} than",
        Difference.SAME: "is as fast as",
        Difference.UNCLEAR: "cannot be told from",
    }[difference]


def _of_path(pair: Pair) -> str:
    c = pair.result
    if c.shift_ms is None:
        who = "the baseline" if c.sessions_a else "it"
        who = who if c.sessions_a or c.sessions_b else "either"
        return f"no session of {who} was measured, see Evidence for the reasons"
    signed = f"{look.number(abs(c.shift_ms))} ms {'slower' if c.shift_ms > 0 else 'faster'}"
    if c.ci95_ms is None:
        return (
            f"{signed} by what there is, but {c.sessions_a} against {c.sessions_b} sessions are "
            "too few for an interval (four a side are enough)"
        )
    low, high = c.ci95_ms
    effect = f"; effect {words}" if (words := cliff_words(c.effect)) else ""
    return f"{signed}, 95 % {_signed(low)} to {_signed(high)} ms{effect}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + look.number(value)


# -- charts -------------------------------------------------------------------------------------


def latency_frame(sides: Sequence[Side], sessions: Sessions) -> pd.DataFrame:
    """One row a side, path and rate; columns as the chart and the table name them."""
    names = _lines(sides, sessions)
    rows = [
        {**_latency_row(side, s), "line": names[s.path, s.rate_hz]}
        for side in sides
        for s in summarise(sessions[side])
    ]
    return pd.DataFrame(rows, columns=[*_LATENCY])


_LATENCY: Final = (
    "path", "side", "median_ms", "low_ms", "high_ms", "p95_ms", "between_sd_ms", "sessions",
    "rejected", "devices", "note", "line",
)  # fmt: skip
LATENCY_SHOWN: Final = _LATENCY[:-1]
"""The line is the chart's: it holds every side's rate."""


def _latency_row(side: Side, s: ModelSummary) -> dict[str, Any]:
    low, high = s.ci95_ms or (None, None)
    used = s.sessions - s.rejected
    note = "" if s.ci95_ms else f"{text.plural(used, 'session')}: too few for an interval"
    return {
        "path": path_name(s.path, s.rate_hz), "side": side.name, "median_ms": s.median_ms,
        "low_ms": low, "high_ms": high, "p95_ms": s.p95_ms,
        "between_sd_ms": s.between_session_sd_ms, "sessions": used, "rejected": s.rejected,
        "devices": s.devices, "note": note,
    }  # fmt: skip


def _lines(sides: Sequence[Side], sessions: Sessions) -> dict[tuple[AudioPath, int], str]:
    """Names of the chart's lines: one a path, with the rates there, as long as no side has two
    rates of it; else one a rate."""
    rates: defaultdict[AudioPath, set[int]] = defaultdict(set)
    several: set[AudioPath] = set()
    for side in sides:
        own: defaultdict[AudioPath, set[int]] = defaultdict(set)
        for row in sessions[side]:
            own[row.path].add(row.rate_hz)
        for path, found in own.items():
            rates[path] |= found
            if len(found) > 1:
                several.add(path)
    return {
        (path, rate): path_name(path, rate)
        if path in several
        else f"{path_short(path)} · {' / '.join(f'{r / 1000:g}' for r in sorted(found))} kHz"
        for path, found in rates.items()
        for rate in found
    }


def points_frame(sides: Sequence[Side], sessions: Sessions) -> pd.DataFrame:
    """Single sessions, at most :data:`MAX_POINTS` a side and line, evenly taken."""
    rows = []
    names = _lines(sides, sessions)
    for side in sides:
        groups: defaultdict[str, list[float]] = defaultdict(list)
        for one in sessions[side]:
            if one.latency_ms is not None:
                groups[names[one.path, one.rate_hz]].append(one.latency_ms)
        for name, measured in groups.items():
            step = max(1, -(-len(measured) // MAX_POINTS))
            rows += [(name, side.name, ms) for ms in measured[::step]]
    return pd.DataFrame(rows, columns=["line", "side", "latency_ms"])


def latency_chart(sides: Sequence[Side], sessions: Sessions) -> alt.LayerChart | None:
    """Median with its 95 % interval and every session, all paths on one axis; ``None`` when
    nothing was measured."""
    frame = latency_frame(sides, sessions).dropna(subset=["median_ms"])
    if frame.empty:
        return None
    names = [side.name for side in sides]
    color = alt.Color(
        "side:N", scale=look.series_scale(names), sort=names, legend=alt.Legend(symbolOpacity=1)
    )
    y = alt.Y("line:N", title=None, axis=alt.Axis(labelLimit=330, ticks=False, domain=False))
    offset = alt.YOffset("side:N", sort=names, scale=alt.Scale(paddingOuter=0.25))
    x_title = "round trip, app to app, in ms"
    x = alt.X("latency_ms:Q", title=x_title, scale=alt.Scale(zero=False, nice=True))
    points = alt.Chart(points_frame(sides, sessions)).mark_circle(size=26, opacity=0.35)
    ticks = points.encode(x, y, offset, color)
    base = alt.Chart(frame).encode(y, offset, color)
    bars = base.mark_rule(strokeWidth=5, opacity=0.7, strokeCap="round").encode(
        alt.X("low_ms:Q", title=x_title), alt.X2("high_ms:Q")
    )
    tips = [
        alt.Tooltip("side:N", title="model"), alt.Tooltip("path:N"),
        alt.Tooltip("median_ms:Q", title="median, ms", format=",.2f"),
        alt.Tooltip("low_ms:Q", title="95 % from, ms", format=",.2f"),
        alt.Tooltip("high_ms:Q", title="95 % to, ms", format=",.2f"),
        alt.Tooltip("sessions:Q"), alt.Tooltip("rejected:Q"), alt.Tooltip("note:N", title=""),
    ]  # fmt: skip
    middle = base.mark_point(size=90, filled=True, opacity=1, shape="diamond").encode(
        alt.X("median_ms:Q", title=x_title), tooltip=tips
    )
    rows = frame["line"].nunique() * (len(sides) + 0.6)
    chart = (ticks + bars + middle).properties(height=FRAME_PX + int(rows * ROW_PX))
    return look.finish(chart)  # type: ignore[no-any-return]


def shift_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """One row a comparison."""
    rows = []
    for pair in pairs:
        c = pair.result
        low, high = c.ci95_ms or (None, None)
        rows.append(
            {
                "side": pair.side.name,
                "path": pair.where,
                "verdict": DIFFERENCE_WORDS[c.difference],
                "shift_ms": c.shift_ms,
                "low_ms": low,
                "high_ms": high,
                "interval": look.interval(low, high, 2, unit=""),
                "delta": c.effect,
                "effect": cliff_words(c.effect).partition(":")[0],
                "p": look.p_value(c.p_value),
                "sessions": f"{c.sessions_a} against {c.sessions_b}",
                "devices": f"{c.devices_a} against {c.devices_b}",
                "median_ms": c.median_a_ms,
                "baseline_ms": c.median_b_ms,
            }
        )
    return pd.DataFrame(rows, columns=[*_SHIFT])


_SHIFT: Final = (
    "side", "path", "verdict", "shift_ms", "interval", "delta", "effect", "p", "sessions",
    "devices", "median_ms", "baseline_ms", "low_ms", "high_ms",
)  # fmt: skip
SHIFT_SHOWN: Final = _SHIFT[:-4]
"""The medians and the ends of the interval are in the chart and in the sentence."""


def shift_chart(pairs: Sequence[Pair]) -> alt.LayerChart | None:
    """Shift against the baseline with its interval and the margin within which nothing counts."""
    frame = shift_frame(pairs).dropna(subset=["shift_ms"])
    if frame.empty:
        return None
    words = [DIFFERENCE_WORDS[d] for d in Difference]
    scale = alt.Scale(domain=words, range=[look.DIFFERENCE_COLORS[d] for d in Difference])
    frame["row"] = frame["side"] + ",  " + frame["path"]
    y = alt.Y("row:N", sort=list(frame["row"]), title=None, axis=alt.Axis(labelLimit=430))
    color = alt.Color("verdict:N", scale=scale, legend=alt.Legend(symbolOpacity=1))
    title = "shift against the baseline in ms  (← faster · slower →)"
    margin = (
        alt.Chart(pd.DataFrame([{"from": -MARGIN_MS, "to": MARGIN_MS}]))
        .mark_rect(color=look.MUTED, opacity=0.22)
        .encode(alt.X("from:Q", title=title), alt.X2("to:Q"))
    )
    zero = alt.Chart(pd.DataFrame([{"x": 0.0}])).mark_rule(color=look.MUTED).encode(x="x:Q")
    base = alt.Chart(frame).encode(y, color)
    interval = base.mark_rule(strokeWidth=4, opacity=0.7, strokeCap="round").encode(
        alt.X("low_ms:Q", title=title), alt.X2("high_ms:Q")
    )
    tips = [alt.Tooltip("side:N", title="model"), alt.Tooltip("path:N"),
            alt.Tooltip("verdict:N"), alt.Tooltip("shift_ms:Q", format="+,.2f"),
            alt.Tooltip("effect:N", title="effect"), alt.Tooltip("sessions:N")]  # fmt: skip
    dot = base.mark_point(size=90, filled=True, opacity=1).encode(
        alt.X("shift_ms:Q", title=title), tooltip=tips
    )
    chart = (margin + zero + interval + dot).properties(height=FRAME_PX + ROW_PX * len(frame))
    return look.finish(chart)  # type: ignore[no-any-return]
