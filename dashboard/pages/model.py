"""Model: everything measured on one model and OS build, and how sure it is."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from dashboard import links, look, source, text
from dashboard.pages import asked, nothing
from dashboard.pages import model_sections as sections
from dashboard.pages.goto import target
from dashboard.views import cautions as told
from dashboard.views.fleet.rows import family_of
from dashboard.views.fleet.table import latency_limits
from dashboard.views.model import choose, latency
from dashboard.views.model.data import CAUTIONS_OF, ModelData, load
from dashboard.views.report import file_name, report
from db import overview
from db.filters import Filter
from db.overview import ModelRow
from db.verifications import verifications

LATENCY, ECHO, BUFFER, GRANTED, TESTS = "latency", "echo", "buffer", "granted", "tests"
PARTS = {
    LATENCY: "Latency", ECHO: "Echo", BUFFER: "Buffer and response",
    GRANTED: "Requested and granted", TESTS: "Every test",
}  # fmt: skip
"""Address parameter ``part`` to its name."""
REPORT_TRIALS = ("L3", "D1", "G1")
"""Tests whose trials ask for what a system may refuse."""


def page() -> None:
    """The page."""
    rows = source.read(overview.model_rows)
    nothing.failed(rows)
    if not rows:
        st.info(
            f"**No model is stored yet.** Measure one with {source.code('chirpbench run')}, or try "
            f"{source.code('chirpbench run --virtual --suite quick --speed 8')} without a phone.",
            icon=":material/smartphone:",
        )
        return
    chosen = _chosen(rows)
    if chosen is None:
        return
    row, builds = chosen
    data = load(source.read, row, builds, _now())
    _head(data)
    _figures(data)
    _cautions(data)
    _part(data)


def warm() -> None:
    """Read what the page opens with, and draw it once: the first picture loads Vega's schema."""
    rows = source.read(overview.model_rows)
    if rows:
        first = choose.newest(rows)
        data = load(source.read, first, choose.families(rows)[family_of(first)], _now())
        latency.by_path(data.paths, data.own_points, latency_limits())


def _now() -> datetime:
    return datetime.now(UTC)


def _part(data: ModelData) -> None:
    """One part at a time: all of them at once would be seven charts to wait for."""
    wanted = links.read().one("part")
    chosen = st.segmented_control(
        "Part", list(PARTS), key="model_part", format_func=PARTS.__getitem__,
        default=wanted if wanted in PARTS else LATENCY, label_visibility="collapsed",
    )  # fmt: skip
    part = chosen or LATENCY
    asked.instead("part", list(PARTS), part, PARTS[part])
    links.write(part=part if part != LATENCY else None)
    if part == ECHO:
        sections.echo_section(data)
    elif part == BUFFER:
        left, right = st.columns(2, gap="large")
        with left:
            sections.buffer_section(data)
        with right:
            sections.response_section(data)
    elif part == GRANTED:
        sections.granted_section(data)
    elif part == TESTS:
        sections.verdicts_section(data, _now())
    else:
        sections.latency_section(data)
        sections.history_section(data)


# --- which model --------------------------------------------------------------------------------


def _chosen(rows: list[ModelRow]) -> tuple[ModelRow, list[ModelRow]] | None:
    """The build that the address or the reader names, and all builds of its model; ``None`` while
    the address names one that is not stored and the reader has not chosen."""
    families = choose.families(rows)
    first = choose.newest(rows) if st.session_state.get(_FAMILY) else _first(rows)
    keys = list(families)
    left, right = st.columns([1.2, 1])
    family = left.selectbox(
        "Model", keys, index=keys.index(family_of(first)) if first else None, key=_FAMILY,
        placeholder="choose a model",
        format_func=lambda f: choose.label(families[f][0]),
    )  # fmt: skip
    if family is None:
        return None
    builds = families[family]
    start = next((i for i, b in enumerate(builds) if first and b.key == first.key), 0)
    row = right.selectbox(
        "OS build", builds, index=start, key=f"model_build_{keys.index(family)}",
        format_func=choose.build_label,
    )  # fmt: skip
    named: dict[str, str | None] = {"virtual": None}
    named.update(links.model(row.key, virtual=row.is_virtual))
    links.write(**named)
    return row, builds


_FAMILY = "model_family"


def _first(rows: list[ModelRow]) -> ModelRow | None:
    """What the page opens with: what the address names, else what was measured last; ``None``,
    with a line, when the address names what is not stored: another model would pass for it."""
    address = links.read()
    name = text.md(address.one("model"))
    if not links.asked_model(address):
        return choose.newest(rows)
    fits = links.find_models(address, rows)
    if not fits:
        asked.no_model(address)
        return None
    found = list(choose.families(fits).values())
    if len(found) > 1 and not address.one("maker"):
        names = "; ".join(text.md(choose.label(builds[0])) for builds in found[:6])
        st.info(f"{len(found)} models fit “{name}”: {names}. The one measured last is shown.")
    if address.one("build"):
        return fits[0]
    return choose.newest(fits)


# --- head ---------------------------------------------------------------------------------------


def _head(data: ModelData) -> None:
    row = data.row
    left, right = st.columns([1.35, 1], vertical_alignment="center")
    simulated = " · ◇ **simulated**" if row.is_virtual else ""
    emulator = " · **emulator**" if row.is_emulator else ""
    left.markdown(
        f"{text.plural(row.devices, 'device')}, {text.plural(row.runs, 'run')}, "
        f"{text.plural(row.trials, 'trial')} of this build; "
        f"{text.plural(len(data.builds), 'build')} of the model; "
        f"newest {look.ago(row.last_at, _now())}{simulated}{emulator}"
    )
    named = links.model(row.key, virtual=row.is_virtual)
    token = links.token(row.key, virtual=row.is_virtual)
    places = (
        ("advice", "Advice", ":material/tune:", named),
        ("compare", "Compare", ":material/compare_arrows:", {"m": token}),
        ("evidence", "Evidence", ":material/graphic_eq:", named),
    )
    row_of = right.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center"
    )
    for page, word, icon, params in places:
        row_of.page_link(
            target(page), label=f":primary[{word}]", icon=icon, query_params=params,
            width="content",
        )  # fmt: skip
    row_of.download_button(
        "Report",
        data=lambda: _report(data),
        file_name=file_name(row), mime="text/html", on_click="ignore", key="model_report",
        icon=":material/print:",
        help="One HTML file with every chart and number of this build; print it to PDF",
    )  # fmt: skip


def _report(data: ModelData) -> bytes:
    """Made when it is asked for: its charts take a second or two."""
    trials = [t for test_id in REPORT_TRIALS for t in sections.trials_of(data, test_id)]
    where = Filter(model_key=data.row.key, is_virtual=data.row.is_virtual)
    return report(data, trials, _now(), source.read(verifications, where)).encode()


def _figures(data: ModelData) -> None:
    plain = data.plain_path
    for place, (name, answer) in zip(st.columns(5), data.answers.items(), strict=True):
        word = "never made" if answer.verdict is None else look.verdict_words(answer.verdict)
        value, more = answer.text or "–", ""
        if name == "Round trip" and plain is not None:
            value = look.ms(plain.median_ms)
            more = f", 95 % {look.interval(*plain.ci95_ms)}" if plain.ci95_ms else ", few opens"
        elif said := data.beside(name, answer):
            more = f", {said}"
        color = look.VERDICT_COLORS[answer.verdict] if answer.verdict else look.MUTED
        with place.container(border=True, height="stretch"):
            st.metric(name, value)
            st.html(
                f'<div style="font-size:0.85rem"><span style="color:{color}">{answer.test_id} '
                f"{text.html(word)}</span>{text.html(more, 240)}</div>"
            )


def _cautions(data: ModelData) -> None:
    if not data.cautions:
        return
    lines = told.markdown(data.cautions, source.code)
    st.warning(f"{CAUTIONS_OF}\n{lines}", icon=":material/warning:")
