"""Compare: two to six models or OS builds beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import links, look, source, text
from dashboard.pages import nothing
from dashboard.views import compare as view
from dashboard.views import compare_choice as choice
from dashboard.views import compare_features as features
from dashboard.views.names import labels
from dashboard.views.paths import usual_path
from db.overview import ModelRow, known_paths, model_rows, path_rows
from db.points import latency_points
from profiler.model import Difference, SessionRow
from profiler.summary import MARGIN_MS

_COLORS = {
    Difference.WORSE: "red", Difference.BETTER: "green", Difference.SAME: "blue",
    Difference.UNCLEAR: "orange",
}  # fmt: skip
LATENCY_TESTS = ("L1",)
"""Whose sessions are a model's latency, as in ``chirpbench compare``."""
MAX_SESSIONS = 20_000
"""Of one side, all tests together; the newest."""
_CHOICE = "compare_models"
_BASE = "compare_base"
_BOX = {
    Difference.WORSE: (st.error, ":material/trending_up:"),
    Difference.BETTER: (st.success, ":material/trending_down:"),
    Difference.SAME: (st.info, ":material/drag_handle:"),
    Difference.UNCLEAR: (st.warning, ":material/help:"),
}


def page() -> None:
    """The page."""
    rows = source.read(model_rows)
    nothing.failed(rows)
    if len(rows) < 2:
        _nothing(len(rows))
        return
    chosen = _chosen(rows)
    if len(chosen) < 2:
        left = [f"Only {text.md(labels(rows)[_token(row)], 120)} is left. " for row in chosen]
        st.info(
            f"{''.join(left)}Choose two models or more: a model against another, or OS builds of "
            "one model.",
            icon=":material/compare_arrows:",
        )
        return
    sides = view.sides_of(chosen, rows)
    sessions = {side: _sessions(side) for side in sides}
    pairs = view.pairs_of(sides, sessions)
    _verdict(view.sentences(sides, pairs))
    _latency(sides, sessions)
    _pairs(pairs)
    _features(sides, chosen)


def _verdict(sentences: Sequence[view.Sentence]) -> None:
    """A box each; more than two are lines of one box, so that the charts stay in sight."""
    if len(sentences) <= 2:
        for said in sentences:
            box, icon = _BOX[said.difference]
            box(_markdown(said), icon=icon)
        return
    with st.container(border=True):
        st.markdown(
            "\n\n".join(
                f":{_COLORS[said.difference]}[{_BOX[said.difference][1]}] {_markdown(said)}"
                for said in sentences
            )
        )


def _markdown(said: view.Sentence) -> str:
    lines = [text.md(said.line, 900), *(f"- {text.md(path, 400)}" for path in said.paths)]
    if said.caution:
        lines.append(f"- *{text.md(said.caution, 400)}*")
    return "\n".join(lines)


def warm() -> None:
    """What the first visitor would wait for."""
    from scipy import stats  # noqa: PLC0415 - half a second that the first comparison needs

    stats.mannwhitneyu([0.0, 1.0], [2.0, 3.0])
    source.read(model_rows)


def _nothing(count: int) -> None:
    st.info(
        f"**A comparison needs two models; {count or 'none'} is stored** in "
        f"{text.md(source.store_name(), 200)}.\n\nMeasure another phone, or this one after its "
        f"next OS update, with {source.code('chirpbench run')}; without a phone "
        f"{source.code('chirpbench run --virtual --suite quick --speed 8')} measures ten simulated "
        "ones.",
        icon=":material/compare_arrows:",
    )


def _chosen(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """What the reader picked, the baseline first; the address names the same."""
    by_token = {_token(row): row for row in rows}
    names = labels(rows)
    asked = links.read().many("m")
    if _CHOICE not in st.session_state or (asked and asked != st.session_state.get("compare_url")):
        found = choice.from_address(asked, by_token) or _proposal(rows)
        st.session_state[_CHOICE] = found
        st.session_state.pop(_BASE, None)
        every = links.read().values.get("m", ())
        said = choice.lost_words(every, by_token, names)
        st.session_state["compare_said"] = said, found
    said, of = st.session_state.get("compare_said", ([], []))
    if st.session_state[_CHOICE] == of:  # until the reader chooses
        for line in said:
            st.warning(text.md(line, 400), icon=":material/search_off:")
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    picked = left.multiselect(
        f"Models or OS builds, two to {view.MAX_SIDES} (“Select all” takes the first "
        f"{view.MAX_SIDES} of the list)",
        list(by_token),
        format_func=lambda token: names[token],
        max_selections=view.MAX_SIDES,
        key=_CHOICE,
        placeholder="type a part of a name, SoC or build",
    )
    if len(picked) > 1:
        if st.session_state.get(_BASE) not in picked:
            st.session_state.pop(_BASE, None)
        base = right.selectbox(
            "Baseline", picked, format_func=lambda token: names[token], key=_BASE,
            help="Every other one is compared with it.",
        )  # fmt: skip
        picked = [base, *(token for token in picked if token != base)]
    links.write(m=picked)
    st.session_state["compare_url"] = tuple(token[: links.MAX_CHARS] for token in picked)
    return [by_token[token] for token in picked]


def _token(row: ModelRow) -> str:
    return links.token(row.key, virtual=row.is_virtual)


def _proposal(rows: Sequence[ModelRow]) -> list[str]:
    known = source.read(known_paths)
    found = source.read(path_rows, path=usual_path(known)) if known else ()
    measured = {(row.key, row.is_virtual) for row in found if row.median_ms is not None}
    return choice.proposal(rows, measured)


def _sessions(side: view.Side) -> list[SessionRow]:
    key = side.key
    # Not restricted to the test in the query: without statistics SQLite would then go through all
    # trials of the test, 180 ms instead of 5 on a store of 20,000 runs.
    points, _ = source.read(
        latency_points, manufacturer=key.manufacturer, model=key.model, soc=key.soc,
        os_build=key.os_build, limit=MAX_SESSIONS,
    )  # fmt: skip
    points = [p for p in points if p.test_id in LATENCY_TESTS]
    return view.sessions_of(points, side)


def _latency(sides: Sequence[view.Side], sessions: view.Sessions) -> None:
    st.subheader("Round trip by path", anchor=False)
    chart = view.latency_chart(sides, sessions)
    if chart is None:
        st.warning(
            "None of them has a measured session: their recordings were refused. The Evidence "
            "page shows why, and what each reason asks for.",
            icon=":material/mic_off:",
        )
        return
    st.altair_chart(chart)
    st.caption(
        "◆ median, bar = its 95 % interval (from six sessions on), dots = single sessions (one "
        "stream open each). Fewer sessions have no interval: the table says how many there are."
    )
    with st.expander("As a table"):
        frame = view.latency_frame(sides, sessions)
        st.dataframe(
            frame, hide_index=True, placeholder="–", column_order=view.LATENCY_SHOWN,
            column_config=_numbers(frame.columns),
        )  # fmt: skip


def _pairs(pairs: Sequence[view.Pair]) -> None:
    st.subheader("Against the baseline", anchor=False)
    chart = view.shift_chart(pairs)
    if chart is None:
        st.info("No path has measured sessions on both sides.", icon=":material/help:")
        return
    st.altair_chart(chart)
    st.caption(
        f"● shift (Hodges-Lehmann), bar = its 95 % interval, grey band = differences of less than "
        f"{MARGIN_MS:g} ms, which do not count. Slower or faster: the whole interval is on one "
        "side of 0 and the shift is at least the margin. The same: the whole interval lies in the "
        "band. Else unclear. The interval speaks of the devices that were measured, not of every "
        "unit of a model."
    )
    frame = view.shift_frame(pairs)
    st.dataframe(
        frame, hide_index=True, placeholder="–", column_order=view.SHIFT_SHOWN,
        column_config=_numbers(frame.columns),
    )  # fmt: skip


def _features(sides: Sequence[view.Side], chosen: Sequence[ModelRow]) -> None:
    st.subheader("Echo, barge-in, buffer, capture", anchor=False)
    said: Mapping[view.Side, Mapping[str, features.Said]] = {
        side: row.headlines for side, row in zip(sides, chosen, strict=True)
    }
    rows = features.feature_rows(sides, said)
    if not rows:
        st.info(
            "None of them was measured beyond its latency: "
            f"{source.code('chirpbench run --suite quick')} also looks at echo, barge-in, buffers "
            "and capture.",
            icon=":material/hearing:",
        )
        return
    # A table of text wraps: six models fit a window of 1280 pixels, and no word is cut.
    frame = features.features_frame(sides, rows).map(lambda cell: text.md(cell, 400))
    st.table(frame.rename(columns=text.md), hide_index=True, border="horizontal")
    signs = ", ".join(f"{look.VERDICT_SIGNS[v]} {w}" for v, w in look.VERDICT_WORDS.items())
    st.caption(
        f"≠ another verdict than the baseline's, or a number further from it than two runs of one "
        f"model may be apart. Newest result of each test; echo numbers are those of the loudest "
        f"volume, the signs beside them the verdict of the worst volume. {signs}."
    )
    details = features.details_frame(sides, rows)
    if len(details):
        with st.expander(
            f"What the tests say where they differ ({text.plural(len(details), 'line')})"
        ):
            st.dataframe(details, hide_index=True, placeholder="–")


_TITLES = {
    "side": ("model", None), "path": ("path", None),
    "median_ms": ("median, ms", "%.2f"), "baseline_ms": ("baseline's median, ms", "%.2f"),
    "low_ms": ("95 % from, ms", "%.2f"), "high_ms": ("95 % to, ms", "%.2f"),
    "p95_ms": ("95th percentile, ms", "%.2f"), "between_sd_ms": ("sd between sessions, ms", "%.2f"),
    "shift_ms": ("shift, ms", "%+.2f"), "delta": ("Cliff's delta", "%+.2f"),
    "interval": ("95 %, ms", None), "effect": ("effect", None), "p": ("p (Mann-Whitney)", None),
}  # fmt: skip


def _numbers(columns: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in columns:
        title, shape = _TITLES.get(name, (name, None))
        made[name] = (
            st.column_config.NumberColumn(title, format=shape)
            if shape
            else st.column_config.Column(title)
        )
    return made
