"""Charts of one recording of chirps: waveform, spectrogram, correlation, latency of each chirp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboard import look, text
from dashboard.views.evidence_correlation import FLOOR_DB, Correlation, Heard
from dashboard.views.evidence_findings import GLITCH_COLORS
from dashboard.views.evidence_signal import SPECTRUM_RANGE_DB, Envelope, Run, Spectrogram
from dashboard.views.marks import Picture, inline, picture
from profiler.model import Dropout, Estimate

RUN_COLORS: Final = {"clipped": look.LIMIT, "zeros": "#c07f14"}
HEIGHT: Final = 240
TIME: Final = "time on the recording, s"
TICKS: Final = 14
"""Over the page's width: more are read as noise."""
MAX_MARKS: Final = 200
SIGMAS_95: Final = 1.96
OTHER_COLOR: Final = "#9566c9"


def waveform(
    wave: Envelope, runs: Sequence[Run], duration_s: float, dropouts: Sequence[Dropout] = ()
) -> Picture:
    """Smallest and largest sample of each column; clipped stretches, zeros and dropouts marked."""
    x = _time(duration_s)
    base = alt.Chart(alt.NamedData("wave")).mark_area(color=look.MAIN, opacity=0.9, line=False)
    shape = base.encode(
        alt.X("t:Q", title=TIME, scale=x),
        alt.Y("low:Q", title="amplitude (1 = full scale)"),
        alt.Y2("high:Q"),
    )
    marks = [{"from": r.begin_s, "to": r.end_s, "what": r.kind} for r in runs]
    marks += [
        {"from": d.time_s, "to": d.time_s + d.duration_ms / 1000, "what": text.plain(d.kind, 20)}
        for d in dropouts[:MAX_MARKS]
    ]
    layers: list[Any] = [shape]
    if marks:
        layers.insert(0, _marks(marks, duration_s))
    rows = _rows(t=wave.time_s, low=wave.low, high=wave.high)
    return picture(layers, height=HEIGHT, wave=rows)


def _marks(marks: list[dict[str, Any]], duration_s: float) -> Any:
    """Stretches over the whole height; a short one is drawn wide enough to be seen."""
    frame = pd.DataFrame(marks)
    frame["shown"] = frame["to"].clip(lower=frame["from"] + 0.0025 * duration_s)
    frame["ms"] = (frame["to"] - frame["from"]) * 1000
    others = [k for k in dict.fromkeys(frame["what"]) if k not in RUN_COLORS]
    names = [*RUN_COLORS, *others]
    colors = [*RUN_COLORS.values(), *(GLITCH_COLORS.get(k, OTHER_COLOR) for k in others)]
    return (
        alt.Chart(frame)
        .mark_rect(opacity=0.45)
        .encode(
            alt.X("from:Q", title=TIME, scale=_time(duration_s)),
            alt.X2("shown:Q"),
            alt.Color("what:N", scale=alt.Scale(domain=names, range=colors), title=None),
            tooltip=[alt.Tooltip("what:N"), alt.Tooltip("from:Q", title="at, s", format=".3f"),
                     alt.Tooltip("ms:Q", title="ms", format=".1f")],
        )
    )  # fmt: skip


def spectrogram_chart(made: Spectrogram) -> Picture:
    """The picture under axes in seconds and hertz."""
    frame = inline(
        [{"url": made.png, "t0": 0.0, "t1": made.duration_s, "lo": made.low_hz, "hi": made.high_hz}]
    )
    x = alt.X("t0:Q", title=TIME, scale=_time(made.duration_s))
    scale = alt.Scale(type="log", domain=[made.low_hz, made.high_hz], nice=False)
    ticks = [v for v in (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000) if v <= made.high_hz]
    axis = alt.Axis(values=ticks, format="~s", grid=False)
    y = alt.Y("lo:Q", title="frequency, Hz", scale=scale, axis=axis)
    # The frame is what gives the axes their domains; the picture is stretched over all of it.
    frame_mark = alt.Chart(frame).mark_rect(opacity=0).encode(x, alt.X2("t1:Q"), y, alt.Y2("hi:Q"))
    image = (
        alt.Chart(frame)
        .mark_image(width=alt.expr("width"), height=alt.expr("height"), aspect=False, align="left",
                    baseline="top")
        .encode(url="url:N", x=alt.value(0), y=alt.value(0))
    )  # fmt: skip
    return picture([image, frame_mark], height=HEIGHT + 40)


def spectrogram_words(made: Spectrogram) -> str:
    """What the colours say."""
    low = made.top_dbfs - SPECTRUM_RANGE_DB
    return (
        f"Bright = loud: {look.number(made.top_dbfs, 0)} dBFS a band at the brightest, "
        f"{look.number(low, 0)} dBFS or less is black."
    )


def correlation_chart(found: Correlation, estimate: Estimate | None) -> Picture:
    """Envelope of the matched filter with the stored arrival and its 95 % interval."""
    low, high = float(found.lag_ms[0]), float(found.lag_ms[-1])
    scale = alt.Scale(domain=[low, high], nice=False)
    x = alt.X("lag:Q", title="lag = round trip, ms", scale=scale, axis=alt.Axis(tickCount=TICKS))
    y = alt.Y("level:Q", title="envelope, dB re maximum", scale=alt.Scale(domain=[FLOOR_DB, 3]))
    curve = alt.Chart(alt.NamedData("curve"))
    line = curve.mark_line(color=look.MAIN, strokeWidth=1.4).encode(x, y)
    layers: list[Any] = [line]
    at_ms, half, name = _arrival(estimate)
    if at_ms is not None and low <= at_ms <= high:
        mark = inline([{"lag": at_ms, "from": at_ms - half, "to": at_ms + half, "what": name}])
        color = alt.Color("what:N", title=None, scale=alt.Scale(domain=[name], range=["#cf6a2c"]))
        tip = [alt.Tooltip("what:N"), alt.Tooltip("lag:Q", title="ms", format=".3f")]
        over = alt.Chart(mark)
        layers = [
            over.mark_rect(opacity=0.35).encode(
                alt.X("from:Q", title="lag = round trip, ms", scale=scale), alt.X2("to:Q"), color
            ),
            line,
            over.mark_rule(strokeWidth=2).encode(x, color, tooltip=tip),
        ]
    rows = _rows(lag=found.lag_ms, level=found.level_db)
    return picture(layers, height=HEIGHT + 40, curve=rows)


def _arrival(estimate: Estimate | None) -> tuple[float | None, float, str]:
    """Where it is, half of its 95 % interval, and both in words: what is drawn is what is said."""
    if estimate is None:
        return None, 0.0, ""
    if estimate.valid and estimate.round_trip_latency_ms is not None:
        ms, sigma_us = estimate.round_trip_latency_ms, estimate.uncertainty_us or 0.0
        digits = 2 if sigma_us >= 50 else 3 if sigma_us >= 5 else 4
        half = SIGMAS_95 * sigma_us / 1000.0
        drawn = f", 95 % {look.interval(ms - half, ms + half, digits)}" if half else ""
        return ms, half, f"stored arrival: {look.ms(ms, digits)}{drawn}"
    candidate = estimate.candidate_latency_ms
    if candidate is None:
        return None, 0.0, ""
    return candidate, 0.0, f"refused candidate: {look.ms(candidate, 2)}, no result"


def per_chirp(estimate: Estimate) -> Picture | None:
    """Latency of every chirp over time with the fitted drift, jumps and dropouts; ``None``
    without chirps."""
    count = min(len(estimate.per_chirp_ms), len(estimate.per_chirp_time_s))
    if not count:
        return None
    frame = pd.DataFrame(
        {"t": estimate.per_chirp_time_s[:count], "ms": estimate.per_chirp_ms[:count]}
    )
    x = alt.X("t:Q", title="played at, s", axis=alt.Axis(tickCount=TICKS))
    y = alt.Y("ms:Q", title="round trip of the chirp, ms", scale=alt.Scale(zero=False))
    tips = [alt.Tooltip("t:Q", title="played at, s", format=".2f"),
            alt.Tooltip("ms:Q", title="ms", format=".4f")]  # fmt: skip
    dots = (
        alt.Chart(frame).mark_circle(size=55, color=look.MAIN, opacity=1).encode(x, y, tooltip=tips)
    )
    layers: list[Any] = [*_events(estimate), *_line(estimate, frame), dots]
    return picture(layers, height=HEIGHT)


def _line(estimate: Estimate, frame: pd.DataFrame) -> list[Any]:
    """The stored line: latency at 0 plus drift, a step at each jump, with its 95 % band."""
    at_0, drift = estimate.round_trip_latency_ms, estimate.drift_ppm
    if at_0 is None or drift is None:
        return []
    half = 1.96 * (estimate.uncertainty_us or 0.0) / 1000.0
    end_s = float(frame["t"].max())
    # A jump is on the recording's timeline, a chirp on the stimulus': the latency is between them.
    jumps = [(j.time_s - at_0 / 1000.0, j.delta_ms) for j in estimate.jumps[:MAX_MARKS]]
    corners = [0.0, end_s, *(t for t, _ in jumps), *(t - 1e-6 for t, _ in jumps)]
    times = np.array(sorted(c for c in corners if 0.0 <= c <= end_s))
    first_ms = _first_stretch(at_0, drift, jumps, frame)
    ms = _stepped(times, first_ms, drift, jumps)
    rows = pd.DataFrame({"t": times, "ms": ms, "low": ms - half, "high": ms + half})
    base = alt.Chart(rows)
    x, y = alt.X("t:Q", title="played at, s"), alt.Scale(zero=False)
    return [
        base.mark_area(color="#cf6a2c", opacity=0.2).encode(
            x, alt.Y("low:Q", title="round trip of the chirp, ms", scale=y), alt.Y2("high:Q")
        ),
        base.mark_line(color="#cf6a2c", strokeDash=[5, 4]).encode(
            x, alt.Y("ms:Q", title="round trip of the chirp, ms", scale=y)
        ),
    ]


def _stepped(
    times: np.ndarray, first_ms: float, drift_ppm: float, jumps: Sequence[tuple[float, float]]
) -> np.ndarray:
    """Latency over time: a line with a step at each jump."""
    steps = sum((delta * (times >= at) for at, delta in jumps), np.zeros(times.size))
    return np.asarray(first_ms + times * drift_ppm / 1000.0 + steps)


def _first_stretch(
    at_0: float, drift: float, jumps: Sequence[tuple[float, float]], frame: pd.DataFrame
) -> float:
    """Latency of the first stretch. The stored one is that of the first stretch that is long
    enough (docs/method.md 1): of all stretches it is the one that makes the chirps fit."""
    sums = np.concatenate([[0.0], np.cumsum([delta for _, delta in jumps])])
    times, heard = frame["t"].to_numpy(dtype=float), frame["ms"].to_numpy(dtype=float)
    off = [
        float(np.median(np.abs(heard - _stepped(times, at_0 - done, drift, jumps))))
        for done in sums
    ]
    return at_0 - float(sums[int(np.argmin(off))])


def _events(estimate: Estimate) -> list[Any]:
    """Upright lines where frames were lost or put in."""
    at = estimate.round_trip_latency_ms or 0.0
    rows = [
        {"t": j.time_s - at / 1000.0, "what": "jump", "size": f"{j.delta_ms:+.3f} ms"}
        for j in estimate.jumps[:MAX_MARKS]
    ]
    rows += [
        {"t": d.time_s - at / 1000.0, "what": text.plain(d.kind, 20),
         "size": f"{d.duration_ms:.1f} ms"}
        for d in estimate.dropouts[:MAX_MARKS]
    ]  # fmt: skip
    if not rows:
        return []
    names = list(dict.fromkeys(str(row["what"]) for row in rows))
    palette = ["#8a7a2e" if n == "jump" else GLITCH_COLORS.get(n, OTHER_COLOR) for n in names]
    color = alt.Color("what:N", title=None, scale=alt.Scale(domain=names, range=palette))
    tips = [alt.Tooltip("what:N"), alt.Tooltip("size:N"), alt.Tooltip("t:Q", format=".3f")]
    rule = alt.Chart(pd.DataFrame(rows)).mark_rule(strokeWidth=2, opacity=0.8)
    return [rule.encode(alt.X("t:Q", title="played at, s"), color, tooltip=tips)]


def heard_chart(own: Heard, plays_s: Sequence[float], name: str) -> Picture:
    """Where along the recording chirps of one device's train are, and when they were played."""
    rows = _rows(t=own.time_s, level=own.level_db)
    end_s = float(own.time_s[-1]) if own.time_s.size else 1.0
    x = alt.X("t:Q", title=TIME, scale=_time(end_s))
    line = (
        alt.Chart(alt.NamedData("heard"))
        .mark_line(color=look.MAIN, strokeWidth=1)
        .encode(
            x,
            alt.Y("level:Q", title="match with a chirp, dB", scale=alt.Scale(domain=[FLOOR_DB, 3])),
        )
    )
    shown = [s for s in plays_s if 0.0 <= s <= end_s][:MAX_MARKS]
    if not shown:
        return picture([line], height=HEIGHT, heard=rows)
    marks = inline({"t": at_s, "what": name} for at_s in shown)
    color = alt.Color("what:N", title=None, scale=alt.Scale(domain=[name], range=["#cf6a2c"]))
    rules = alt.Chart(marks).mark_rule(strokeDash=[3, 3]).encode(x, color)
    return picture([rules, line], height=HEIGHT, heard=rows)


def _rows(**columns: npt.NDArray[Any]) -> list[dict[str, float]]:
    """Rows of a chart: four decimals are less than a pixel, and half the text to send."""
    values = [column.astype(float).round(4).tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _time(duration_s: float) -> alt.Scale:
    return alt.Scale(domain=[0, max(duration_s, 1e-3)], nice=False)
