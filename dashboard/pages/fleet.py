"""Fleet: every model on one page, who stands out, and what to look at next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboard import links, look, source, text
from dashboard.pages import asked, nothing
from dashboard.pages.goto import open_page
from dashboard.views.fleet import drawn, peers, select, strip, table
from dashboard.views.fleet.rows import Family, FleetRow, fleet_rows
from dashboard.views.fleet.scale import Scale, scale_of
from dashboard.views.paths import path_full, usual_path
from db import overview
from profiler.model import AudioPath, Platform, Verdict

MODEL_PARAMS = ("maker", "model", "soc", "build", "virtual", "part")
"""Of the Model page: an address that was put together by hand may have them."""
SEARCH_CHARS = 100


def page() -> None:
    """The page."""
    models = source.read(overview.model_rows)
    nothing.failed(models)
    if not models:
        _empty()
        return
    places = st.columns([2.2, 1.3, 0.85, 0.85, 1.2, 1.15], vertical_alignment="center")
    path = _path(places[0])
    rows = fleet_rows(models, source.read(overview.path_rows, path=path) if path else ())
    fences = peers.fences(rows)
    out = peers.standing_out(rows, fences)
    shown = _filtered(places[1:], rows, out)
    # Between filters and chart: the chart's toolbar comes up over what stands above its right end.
    _head(models, out)
    scale = scale_of(rows)
    _strip(rows, shown, out, scale, fences)
    if not shown:
        st.info(
            "No model fits these filters: take one away, or choose another path.",
            icon=":material/filter_alt_off:",
        )
        st.button("Show every model", on_click=_unfiltered, key="fleet_all")
        return
    _table(shown, out, scale)


def warm() -> None:
    """Read what the page opens with."""
    source.read(overview.model_rows)
    known = source.read(overview.known_paths)
    if known:
        source.read(overview.path_rows, path=usual_path(known))


def _empty() -> None:
    st.info(
        f"**No model is stored yet** in {text.md(source.store_name(), 200)}.\n\n"
        f"Connect a phone and measure it with {source.code('chirpbench run')}, or try it without "
        f"one: {source.code('chirpbench run --virtual --suite quick --speed 8')}. This page fills "
        "itself while the bench runs.",
        icon=":material/devices:",
    )


def _head(models: Sequence[overview.ModelRow], out: Mapping[Family, tuple[str, ...]]) -> None:
    names = {(m.key.manufacturer, m.key.model, m.key.soc, m.is_virtual) for m in models}
    runs, builds = sum(m.runs for m in models), len(models)
    newest = max(m.last_at for m in models)
    simulated = sum(family[3] for family in names)
    kinds = Counter(kind for why in out.values() for kind in why)
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    st.markdown(
        f"**{text.plural(len(names), 'model')}**, {text.plural(builds, 'OS build')}, "
        f"{text.plural(runs, 'run')}; newest result {look.ago(newest, _now())}"
        + (f"; ◇ {simulated:,} simulated" if simulated else "")
        + (
            f"; **{text.plural(len(out), 'stands out', 'stand out')}** on this path: {said}"
            if out
            else ""
        )
    )


def _now() -> datetime:
    return datetime.now(UTC)


# --- filters ------------------------------------------------------------------------------------


def _path(place: Any) -> AudioPath | None:
    known = source.read(overview.known_paths)
    if not known:
        return None
    wanted = links.read().one("path")
    first = next((p for p in known if str(p) == wanted), None) or usual_path(known)
    chosen: AudioPath = place.selectbox(
        "Path", known, index=known.index(first), format_func=path_full, key="fleet_path",
        label_visibility="collapsed",
        help="Interface, mode, input preset and route of the round trip below",
    )  # fmt: skip
    asked.instead("path", [str(p) for p in known], str(chosen), path_full(chosen))
    links.write(path=str(chosen) if chosen != usual_path(known) else None)
    return chosen


_FREE: Mapping[str, Any] = {
    "text": "", "makers": [], "socs": [], "systems": [], "platforms": [], "test": "L1",
    "verdicts": [], "kind": None, "out": False,
}  # fmt: skip
"""Every filter by the end of its key, with what restricts nothing."""
_VERDICTS: Mapping[str, Verdict | None] = {**{v.value: v for v in Verdict}, "none": None}


def _unfiltered() -> None:
    for name, free in _FREE.items():
        st.session_state[f"fleet_{name}"] = free


def _begin(offered: Mapping[str, Sequence[str]]) -> None:
    """What the address asks for, until the reader chooses; what is not ``offered`` restricts
    nothing."""
    address = links.read()
    wanted: dict[str, list[Any]] = {
        name: [v for v in address.many(name) if v in offered[name]] for name in offered
    }
    wanted["verdicts"] = [_VERDICTS[v] for v in address.many("verdict") if v in _VERDICTS]
    test, kind = address.one("test"), address.one("kind")
    known = {
        **_FREE, **wanted, "text": address.one("q")[:SEARCH_CHARS],
        "out": address.one("out") == "1",
        "test": test if test in select.TESTS else _FREE["test"],
        "kind": kind if kind in select.KINDS else None,
    }  # fmt: skip
    for name, value in known.items():
        st.session_state.setdefault(f"fleet_{name}", value)


def _filtered(
    places: Sequence[Any], rows: Sequence[FleetRow], out: Mapping[Family, tuple[str, ...]]
) -> list[FleetRow]:
    offered = {name: select.choices(rows, what) for name, what in select.OFFERED.items()}
    _begin(offered)
    words = places[0].text_input(
        "Search", key="fleet_text", placeholder="Search name, SoC …",
        label_visibility="collapsed", max_chars=SEARCH_CHARS,
    )  # fmt: skip
    makers = _many(places[1], "makers", "Maker", offered)
    socs = _many(places[2], "socs", "SoC", offered)
    more = _more(places[3], offered)
    only = places[4].toggle(f"Stand out ({len(out)})", key="fleet_out", help=peers.RULE)
    if said := select.in_words(more):
        st.caption(f"Also filtered by {'; '.join(text.md(part, 300) for part in said)}")
    _unknown(replace(more, makers=makers, socs=socs, only_outliers=only), offered)
    links.write(
        q=words, makers=makers, socs=socs, systems=more.systems, kind=more.kind,
        platforms=[p.value for p in more.platforms], out="1" if only else None,
        test=more.test_id if more.verdicts else None,
        verdict=[v.value if v else "none" for v in more.verdicts],
        **dict.fromkeys(MODEL_PARAMS),
    )  # fmt: skip
    return select.filtered(
        rows,
        replace(
            more, text=words, makers=makers, socs=socs, only_outliers=only, outliers=out.keys()
        ),
    )


def _unknown(where: select.FleetFilter, offered: Mapping[str, Sequence[str]]) -> None:
    """A line for every filter of the address that this store does not have."""
    asked.without("makers", offered["makers"], where.makers)
    asked.without("socs", offered["socs"], where.socs)
    asked.without("systems", offered["systems"], where.systems)
    asked.without("platforms", offered["platforms"], [p.value for p in where.platforms])
    asked.instead("test", list(select.TESTS), where.test_id)
    asked.without("verdict", list(_VERDICTS), [v.value if v else "none" for v in where.verdicts])
    asked.without("kind", select.KINDS, [where.kind] if where.kind else [])
    asked.without("out", ("1",), ["1"] if where.only_outliers else [])


def _more(place: Any, offered: Mapping[str, Sequence[str]]) -> select.FleetFilter:
    """Filters that are rarely wanted; as long as they are closed the browser need not draw them."""
    count = sum(bool(st.session_state[f"fleet_{name}"]) for name in _RARE)
    with place.popover(f"More filters{f' ({count})' if count else ''}", key="fleet_more"):
        systems = _many(st, "systems", "System", offered)
        platforms = _many(st, "platforms", "Platform", offered)
        test_id = st.selectbox(
            "Verdict of", list(select.TESTS), key="fleet_test",
            format_func=lambda t: f"{select.TESTS[t]} ({t})",
        )  # fmt: skip
        verdicts = st.multiselect(
            "Verdicts", list(_VERDICTS.values()), key="fleet_verdicts",
            placeholder="any verdict of it", format_func=select.verdict_name,
            label_visibility="collapsed",
        )  # fmt: skip
        kind = st.segmented_control(
            "Kind", select.KINDS, key="fleet_kind", label_visibility="collapsed",
            format_func=select.kind_name,
        )  # fmt: skip
    return select.FleetFilter(
        systems=systems, platforms=tuple(Platform(p) for p in platforms), kind=kind or "",
        test_id=test_id, verdicts=tuple(verdicts),
    )  # fmt: skip


_RARE = ("systems", "platforms", "verdicts", "kind")
"""Filters behind the button."""


def _many(
    place: Any, name: str, label: str, offered: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    chosen = place.multiselect(
        label, offered[name], key=f"fleet_{name}", placeholder=label, format_func=text.plain,
        label_visibility="collapsed",
    )  # fmt: skip
    return tuple(chosen)


# --- pictures -----------------------------------------------------------------------------------


def _strip(
    rows: Sequence[FleetRow],
    shown: Sequence[FleetRow],
    out: Mapping[Family, tuple[str, ...]],
    scale: Scale,
    fences: Mapping[peers.Group, peers.Fence],
) -> None:
    data = strip.dots(rows, {r.family for r in shown}, out, scale)
    if not data:
        st.info(
            "No model gave a round trip on this path. Choose another path above; why opens were "
            f"rejected is on the *Evidence* page, and {source.code('chirpbench doctor')} looks at "
            "the bench.",
            icon=":material/hearing_disabled:",
        )
        return
    event: Any = st.vega_lite_chart(
        dict(strip.strip(data, scale, table.latency_limits(), fences).spec),
        key="fleet_strip", on_select="rerun", selection_mode=strip.PICK,
        alt="Median round trip of every model on a logarithmic axis, by platform",
    )  # fmt: skip
    picked = event.selection.get(strip.PICK) if event else None
    if picked and 0 <= int(picked[0].get("row", -1)) < len(rows):
        _open(rows[int(picked[0]["row"])])


def _table(shown: Sequence[FleetRow], out: Mapping[Family, tuple[str, ...]], scale: Scale) -> None:
    rows, number = _page_of(shown, out)
    data = table.table(rows, out, scale, _now())
    event: Any = st.dataframe(
        table.styled(data, rows),
        key=f"fleet_table_{number}_{len(shown)}", hide_index=True,
        row_height=drawn.ROW_HEIGHT, height=drawn.ROW_HEIGHT * (len(rows) + 1) + 2,
        on_select="rerun", selection_mode="single-cell",
        column_config=_columns(scale),
    )  # fmt: skip
    left, right = st.columns([3, 1])
    signs = ", ".join(
        look.verdict_words(v) + " (n/m)" * (v is Verdict.NOT_MEASURABLE) for v in Verdict
    )
    left.caption(
        f"Click a row to open the model. {signs}. Drawn: {drawn.LEGEND}. Dashed: "
        f"{_limits_words()}. Short lines in the chart: the fences. {peers.RULE}"
    )
    right.download_button(
        f"Table as CSV ({text.plural(len(shown), 'row')})",
        data=lambda: table.as_csv(shown, out), file_name="chirpbench-fleet.csv",
        mime="text/csv", on_click="ignore", key="fleet_csv", icon=":material/download:",
    )  # fmt: skip
    cells = event.selection.get("cells") if event else None
    if cells and 0 <= cells[0][0] < len(rows):
        _open(rows[cells[0][0]])


def _columns(scale: Scale) -> dict[str, Any]:
    """Widths that show every column and every word in a window of 1280 pixels."""
    config = st.column_config
    ticks = " · ".join(f"{t:g}" for t in scale.ticks_ms)
    columns: dict[str, Any] = {
        "Model": config.TextColumn(width=180),
        table.DRAWN: config.ImageColumn(
            f"{table.DRAWN}, {scale.low_ms:g}–{scale.high_ms:g} ms",
            width=drawn.WIDTH + 16,
            help=f"Logarithmic, lines at {ticks} ms; {drawn.LEGEND}",
        ),
        table.MEDIAN: config.TextColumn(width=110, help="in brackets its 95 % interval"),
        table.PEERS: config.TextColumn(width=64, help=peers.RULE),
        "Echo": config.TextColumn(width=76, help=_HELP["echo"]),
        "Barge-in": config.TextColumn(width=78, help=_HELP["barge_in"]),
        "Buffer": config.TextColumn(width=80, help=_HELP["buffer"]),
        "Silent": config.TextColumn(width=58, help=_HELP["silent"]),
        "Age": config.TextColumn(width=70, help="of the newest result"),
        "Opens": config.TextColumn(width=68, help="stream opens on this path that were measured"),
        "SoC": config.TextColumn(width=88, help="system on a chip"),
        "System": config.TextColumn(help="of the build measured last"),
    }
    return {**columns, **dict.fromkeys(table.ASIDE)}


_HELP = {
    "echo": "How much of the phone's own voice is removed at the loudest volume (A1; A2 when it "
    "claims a canceller that does nothing). ≥: what is left is below the noise. The sign is the "
    "verdict of the worst volume.",
    "barge_in": "Up to which volume the microphone may stay open while the assistant speaks (A9); "
    "none: half duplex",
    "buffer": "Smallest output buffer without a glitch (G1); none: no size was safe",
    "silent": "Capture configurations that delivered nothing but zeros (D1)",
}


def _limits_words() -> str:
    return ", ".join(
        f"{look.VERDICT_WORDS[v]} beyond {ms:g} ms" for v, ms in table.latency_limits().items()
    )


def _page_of(
    shown: Sequence[FleetRow], out: Mapping[Family, tuple[str, ...]]
) -> tuple[list[FleetRow], int]:
    """The rows of the chosen page in the chosen order."""
    places = st.columns([1.7, 0.8, 0.8, 0.9, 1.6], vertical_alignment="center")
    orders, address = [select.STANDS_OUT, *select.ORDERS], links.read()
    by = places[0].selectbox(
        "Sort by", orders, key="fleet_sort", label_visibility="collapsed",
        index=orders.index(address.one("sort")) if address.one("sort") in orders else 0,
        format_func=lambda name: f"Sort by {name}",
    )  # fmt: skip
    falling = places[1].toggle(
        "Falling", value=address.one("falling") == "1", key="fleet_falling",
        disabled=by == select.STANDS_OUT, help="largest first; models without a value come last",
    )  # fmt: skip
    asked.instead("sort", orders, by)
    links.write(
        sort=by if by != select.STANDS_OUT else None,
        falling="1" if falling and by != select.STANDS_OUT else None,
    )
    size = places[2].selectbox(
        "Rows a page", table.PAGE_SIZES, key="fleet_size", label_visibility="collapsed",
        format_func=lambda n: f"{n} rows",
    )  # fmt: skip
    last = table.pages(len(shown), size)
    number = 1
    if last > 1:
        if st.session_state.get("fleet_page", 1) > last:
            st.session_state["fleet_page"] = last
        number = places[3].number_input(
            "Page", 1, last, key="fleet_page", label_visibility="collapsed"
        )
    places[4].markdown(
        f"page {number} of {last}: {text.plural(len(shown), 'model')}" if last > 1
        else text.plural(len(shown), "model")
    )  # fmt: skip
    rows = select.ordered(shown, by, descending=falling, outliers=out.keys())
    return table.one_page(rows, number, size), number


def _open(row: FleetRow) -> None:
    open_page("model", links.model(row.key, virtual=row.newest.is_virtual))
