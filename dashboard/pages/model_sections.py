"""The sections of the Model page, each of which says what to run when it has nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard import source, text
from dashboard.frame import guarded
from dashboard.views.fleet.drawn import LEGEND
from dashboard.views.fleet.table import latency_limits
from dashboard.views.marks import Picture
from dashboard.views.model import (
    buffer,
    echo,
    granted,
    history,
    history_chart,
    latency,
    needs,
    response,
    verdicts,
)
from dashboard.views.model.data import ModelData
from dashboard.views.model.refused import SWEEP, refused_words
from db import queries
from db.filters import Filter
from db.overview import PathRow
from profiler.model import TrialRecord

MAX_TRIALS = 60
"""Rows of the table of trials; the newest."""
ROW_PX = 36


def _chart(chart: Picture | None, key: str, words: str) -> None:
    if chart is not None:
        st.vega_lite_chart(dict(chart.spec), key=f"model_{key}", alt=words)


def _missing(data: ModelData, what: str, *test_ids: str) -> None:
    row = data.row
    found = needs.need(what, test_ids, data.results, row.key, row.platform, virtual=row.is_virtual)
    found = replace(found, command=source.command(found.command))
    st.info(found.markdown, icon=":material/science:")


def latency_section(data: ModelData) -> None:
    """Round trip by path, and its spreads."""
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        st.subheader("Round trip by path")
        made = latency.by_path(data.paths, data.own_points, latency_limits())
        if made is None:
            _missing(data, "The round trip", "L1")
        else:
            _chart(made, "paths", "Distribution of the round trip on each path")
            st.caption(f"Drawn: {LEGEND}; dots: single opens.")
    with right:
        st.subheader("Its two spreads, kept apart")
        made = latency.spread_chart(latency.spreads(data.sessions))
        if made is None:
            run = source.code("chirpbench run")
            st.info(f"Two opens of one path are needed: {run} makes six of each.")
        else:
            _chart(made, "spreads", "Spread between and within opens, by path")
            st.caption(
                "Dot: standard deviation; line: its 95 % interval (chi-square). From one open to "
                "the next is what a user meets; within one is what the method adds."
            )


@st.fragment
@guarded
def history_section(data: ModelData) -> None:
    """Over builds and time, with change points."""
    st.subheader("Over OS builds and time")
    paths = data.history_paths
    if not paths:
        _missing(data, "The round trip", "L1")
        return
    path = paths[0]
    if len(paths) > 1:
        path = st.selectbox(
            "Path of the history", paths, key="model_history_path", label_visibility="collapsed",
            format_func=lambda r: latency.path_label(r, paths),
        )  # fmt: skip
    found = history.history(_on(path, data))
    if len(found.runs) < 2:
        st.info(
            "One run has no history yet. Measure the model again after its next OS update, or "
            f"on another day, with {source.code('chirpbench run')}: this chart then shows both "
            "and marks what changed.",
            icon=":material/timeline:",
        )
        return
    _chart(history_chart.chart(found), "history", "Round trip of every open over time")
    _changes(found, data)


def _on(path: PathRow, data: ModelData) -> Any:
    return [p for p in data.points if p.path == path.path and p.rate_hz == path.rate_hz]


def _changes(found: history.History, data: ModelData) -> None:
    for change in found.changes:
        color = "red" if change.slower else "green"
        st.markdown(
            f":{color}[{'▲' if change.slower else '▼'} **{change.at:%Y-%m-%d}**] "
            f"{text.md(history_chart.words(change), 400)}"
        )
    if not found.changes:
        st.markdown(
            f"No change is proven in {text.plural(len(found.runs), 'run')} of "
            f"{text.plural(len({b.os_build for b in found.builds}), 'build')}."
        )
    older = data.points_total - len(data.points)
    left_out = f"Left out: the oldest {text.plural(older, 'open')}. " if older > 0 else ""
    st.caption(
        f"{left_out}Small dots: opens; large: a run's median with its 95 % interval (of fewer than "
        "six opens their range); band: a build's median with its 95 % interval. "
        f"{history.RULE}"
    )


def echo_section(data: ModelData) -> None:
    """Echo, margin and convergence by volume."""
    st.subheader("Echo by volume")
    key = data.row.key
    removed = echo.removed_chart(echo.removed(data.results, key))
    margin = echo.margin_chart(echo.margins(data.results, key))
    settling = echo.settling_chart(echo.settling(data.results, key))
    shown = (
        (removed, "removed", "What the echo canceller removes", "A1"),
        (margin, "margin", "The margin to a false turn", "A9"),
        (settling, "settling", "The time to converge", "A4"),
    )
    for place, (made, name, what, test_id) in zip(st.columns(3, gap="medium"), shown, strict=True):
        with place:
            if made is None:
                _missing(data, what, test_id)
            else:
                _chart(made, f"echo_{name}", f"{what} at each volume")
    if any(made is not None for made, *_ in shown):
        st.caption(
            "Point: the value; line to the tick: the 95 % bound. ▲ on a bar: "
            "only this bound is known, what is left lies below the noise. Faint: earlier results. "
            "Margin: how far the loudest echo stays below what counts as a turn. "
            f"{echo.WHAT_A2_ASKS} {echo.WHICH_VOLUME}"
        )


def buffer_section(data: ModelData) -> None:
    """Glitches by buffer size."""
    st.subheader("Buffer against glitches")
    found = buffer.sizes(data.results, data.row.key)
    made = buffer.chart(found, buffer.safe_sizes(data.results, data.row.key))
    refused = refused_words(trials_of(data, SWEEP))
    if refused:
        st.markdown(f":material/block: **Sizes not granted** (newest {SWEEP}): {refused}.")
    if made is None:
        _missing(data, "The buffer curve", "G1")
        return
    _chart(made, "buffer", "Glitches a minute at each buffer size")
    st.caption(
        "Line: exact Poisson bounds of the rate, 95 % to each side, as the verdict takes them; all "
        "results of this build added up. Grey cross: xruns a minute as the system counts them."
    )


def response_section(data: ModelData) -> None:
    """Frequency response."""
    st.subheader("Frequency response")
    made = response.chart(data.responses)
    if made is None:
        _missing(data, "The frequency response", response.TEST_ID)
        return
    _chart(made, "response", "Gain of loudspeaker and microphone over frequency")
    st.caption(
        "Loudspeaker and microphone together, third-octave bands. Shaded around a curve: what "
        f"noise could move it at most. Grey bands and ▼: less than {response.MIN_SNR_DB:g} dB "
        "above the noise, an upper bound only. Dashed: 10 dB down."
    )


@st.fragment
@guarded
def granted_section(data: ModelData) -> None:
    """Trial by trial: asked, granted, measured."""
    st.subheader("Requested, granted, measured")
    key = data.row.key
    made = {r.result.test_id for r in data.results if r.facts.key == key and r.result.trial_uuids}
    tests = sorted(made, key=lambda t: (t != "L3", t != "L1", t))
    if not tests:
        _missing(data, "What was granted", "L3")
        return
    left, right = st.columns([1, 3], vertical_alignment="center")
    test_id = left.selectbox(
        "Trials of", tests, key="model_granted_test", label_visibility="collapsed",
        format_func=lambda t: f"Trials of {text.plain(t, 8)}",
    )  # fmt: skip
    trials = trials_of(data, test_id)
    if not trials:
        right.markdown("It has no trials of its own: it reads those of another test.")
        return
    found = granted.lines(trials)
    differing = sum(line.differs for line in found)
    newest = f", the newest {MAX_TRIALS}" if len(found) == MAX_TRIALS else ""
    right.markdown(
        f"{differing} of {text.plural(len(found), 'trial')}{newest}: not granted as asked"
    )
    table = granted.table(found)
    same = granted.same(table, found)
    table = table.drop(columns=list(same))
    st.dataframe(
        granted.styled(table, found), key="model_granted", hide_index=True,
        height=min(ROW_PX * (len(found) + 1) + 2, 430),
        column_config={
            granted.RECORD: st.column_config.LinkColumn(display_text="evidence"),
            "What": st.column_config.TextColumn(width="medium"),
        },
    )  # fmt: skip
    st.caption(
        f"{_alike(same)}asked → granted where they differ. “Recording”: what the recording is "
        "worth, not the phone. “Differs by”: what the system claims less what was measured."
    )


def _alike(same: Mapping[str, str]) -> str:
    said = "; ".join(f"{name}: {value}" for name, value in same.items())
    return f"In all of them alike – {text.md(said, 400)}. " if said else ""


def trials_of(data: ModelData, test_id: str) -> list[TrialRecord]:
    """The newest trials that a test of this build has of its own."""
    where = Filter(
        model_key=data.row.key, is_virtual=data.row.is_virtual, latest_attempts=True,
        test_ids=(test_id,), limit=MAX_TRIALS,
    )  # fmt: skip
    return source.read(queries.trials, where)


def verdicts_section(data: ModelData, now: datetime) -> None:
    """Every test of this build."""
    st.subheader("What every test said")
    table = verdicts.table(data.results, data.row.key, now)
    if table.empty:
        _missing(data, "A verdict", "L1")
        return
    st.dataframe(
        verdicts.styled(table), key="model_verdicts", hide_index=True,
        height=min(ROW_PX * (len(table) + 1) + 2, 620),
        column_config={
            "What was found": st.column_config.TextColumn(width=620),
            verdicts.EVIDENCE: st.column_config.LinkColumn(display_text="evidence"),
            "Results": st.column_config.TextColumn(
                help="how many there are, and how they ended, newest first"
            ),
        },
    )  # fmt: skip
