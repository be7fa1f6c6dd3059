"""Frequency response of loudspeaker and microphone together, noise-limited bands in grey."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import altair as alt

from dashboard import look
from dashboard.text import plain
from dashboard.views.marks import Picture, inline, picture, y2_px, y_px
from profiler.catalogue.table import LIMITS
from profiler.model import SoundFindings, TrialRecord, Verdict

TEST_ID = "V5"
MIN_SNR_DB = 6.0
"""Below this a level says what cannot be exceeded, not what is there (docs/sound.md)."""
MOST_DB = 12.0
"""A band of noise alone has no interval; it is drawn this far."""
HEIGHT = 340


@dataclass(frozen=True, slots=True)
class Response:
    """The newest sweep of one mode."""

    mode: str
    trial_uuid: str
    at: datetime
    findings: SoundFindings


def responses(trials: Iterable[TrialRecord]) -> list[Response]:
    """The newest sweep with a response of each mode."""
    found: dict[str, Response] = {}
    for trial in sorted(trials, key=lambda t: t.started_at):
        findings = trial.findings
        if isinstance(findings, SoundFindings) and findings.bands_hz:
            mode = trial.request.audio_mode
            found[mode] = Response(mode, trial.trial_uuid, trial.started_at, findings)
    return [found[mode] for mode in sorted(found, reverse=True)]


def error_db(snr_db: float) -> tuple[float, float]:
    """(down, up): how far noise of this distance can move a level at most, when it adds in phase:
    20·lg(1 ∓ 10^(-SNR/20))."""
    part = 10 ** (-snr_db / 20)
    down = -20 * math.log10(1 - part) if part < 1 else MOST_DB
    return min(down, MOST_DB), min(20 * math.log10(1 + part), MOST_DB)


def chart(found: Sequence[Response], *, paper: bool = False) -> Picture | None:
    """Third-octave levels of each mode against the median of 500 Hz to 2 kHz."""
    if not found:
        return None
    rows = [row for r in found for row in _rows(r)]
    data = inline(rows)
    modes = [plain(r.mode, 30) for r in found]
    scale = alt.Scale(type="log", domain=[90, 22_000], nice=False)
    axis = alt.Axis(values=[100, 200, 500, 1000, 2000, 5000, 10_000, 20_000], format="~s")
    x = alt.X("hz:Q", scale=scale, axis=axis, title="frequency, Hz (log)")
    color = alt.Color(
        "mode:N",
        scale=look.series_scale(modes),
        legend=alt.Legend(orient="top", title=None, symbolOpacity=1),
    )
    tooltip = _tooltip()
    good = inline(row for row in rows if not row["noisy"])
    noisy = inline(row for row in rows if row["noisy"])
    y = alt.Y("level:Q", title="gain against 500 Hz to 2 kHz, dB")
    layers = [
        *_limited(rows),
        alt.Chart(good).mark_area(opacity=0.25).encode(
            x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=color
        ),
        alt.Chart(data).mark_line(strokeWidth=1, strokeDash=[2, 3], color=look.MUTED).encode(
            x=x, y=y, detail=alt.Detail("mode:N")
        ),
        alt.Chart(good).mark_line(strokeWidth=2.5).encode(
            x=x, y=y, color=color, detail=alt.Detail("part:N")
        ),
        alt.Chart(good).mark_point(filled=True, size=26, opacity=1).encode(
            x=x, y=y, color=color, tooltip=tooltip
        ),
        alt.Chart(noisy).mark_text(text="▼", fontSize=11).encode(
            x=x, y=y, color=alt.ColorValue(look.MUTED), tooltip=tooltip
        ),
        *_edges(found, scale),
    ]  # fmt: skip
    return picture(layers, height=HEIGHT, paper=paper)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("mode:N"), alt.Tooltip("hz:Q", format=",.0f", title="band, Hz"),
        alt.Tooltip("level:Q", format=".1f", title="level, dB"),
        alt.Tooltip("snr:Q", format=".0f", title="above the noise, dB"),
        alt.Tooltip("says:N", title="which is"),
    ]  # fmt: skip


def _rows(response: Response) -> list[dict[str, Any]]:
    f = response.findings
    bands = list(zip(f.bands_hz, f.response_db, f.response_snr_db, strict=True))
    middle = [level for hz, level, _ in bands if 500 <= hz <= 2000]
    zero = sorted(middle)[len(middle) // 2] if middle else 0.0
    rows, part = [], 0
    for hz, level, snr in bands:
        noisy = snr < MIN_SNR_DB
        part += noisy  # a line must not bridge what noise hides
        down, up = error_db(snr)
        rows.append({
            "mode": plain(response.mode, 30), "hz": hz, "level": level - zero, "snr": snr,
            "low": level - zero - down, "high": level - zero + up, "noisy": noisy,
            "part": f"{response.mode} {part}",
            "says": "at most so much: noise" if noisy else f"−{down:.1f} … +{up:.1f} dB by noise",
        })  # fmt: skip
    return rows


def _limited(found: Sequence[dict[str, Any]]) -> list[alt.Chart]:
    """Grey behind the bands that noise limits in any mode."""
    noisy = sorted({row["hz"] for row in found if row["noisy"]})
    if not noisy:
        return []
    half = 10**0.05
    rows = inline({"from": hz / half, "to": hz * half} for hz in noisy)
    return [
        alt.Chart(rows)
        .mark_rect(color=look.MUTED, opacity=0.15, clip=True)
        .encode(x=alt.X("from:Q"), x2=alt.X2("to:Q"), y=y_px(0), y2=y2_px("height"))
    ]


def _edges(found: Sequence[Response], scale: alt.Scale) -> list[alt.Chart]:
    """Where the level has fallen by 10 dB, and what V5 asks of the upper edge."""
    limit = LIMITS[TEST_ID, "edge_hi_hz"]
    rows = [
        {"at": hz, "mode": plain(r.mode, 30)}
        for r in found
        for hz in (r.findings.edge_lo_hz, r.findings.edge_hi_hz)
        if hz is not None
    ]
    layers = []
    if rows:
        layers.append(
            alt.Chart(inline(rows))
            .mark_rule(strokeDash=[6, 3], strokeWidth=1.5)
            .encode(
                x=alt.X("at:Q", scale=scale),
                color=alt.Color("mode:N"),
                tooltip=[
                    alt.Tooltip("at:Q", format=",.0f", title="10 dB down at, Hz"),
                    alt.Tooltip("mode:N"),
                ],
            )
        )
    for verdict, hz in ((Verdict.MARGINAL, limit.pass_limit), (Verdict.FAIL, limit.fail_limit)):
        words = f"{look.VERDICT_WORDS[verdict]}: edge below {hz / 1000:g} kHz"
        one = inline([{"at": hz, "what": words}])
        layers.append(
            alt.Chart(one)
            .mark_text(
                angle=270, align="left", baseline="bottom", dx=4, dy=-2, fontSize=10,
                color=look.VERDICT_COLORS[verdict],
            )
            .encode(x=alt.X("at:Q", scale=scale), y=y_px("height"), text=alt.Text("what:N"))
        )  # fmt: skip
    return layers
