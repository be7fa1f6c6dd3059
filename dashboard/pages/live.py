"""Live bench: what a running bench does at this moment, and how former ones ended."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard import links, source, text
from dashboard.frame import guarded
from dashboard.pages import asked
from dashboard.views import live, live_devices
from dashboard.views.names import names_of
from db import points, queries
from db.filters import Filter
from db.overview import model_rows
from db.progress import progress
from profiler.catalogue import TESTS

RUNNING_EVERY_S = 2.0
IDLE_EVERY_S = 10.0
"""Without a bench only one cheap question is asked: has one begun?"""
NEWEST_TRIALS = 12
_FOLLOW = ""


def page() -> None:
    """The page. Only its fragment runs again by itself."""
    running = _is_running(_benches())
    every_s = RUNNING_EVERY_S if running else IDLE_EVERY_S
    st.fragment(guarded(_live), run_every=every_s)(running)


def _benches() -> list[live.Bench]:
    return live.benches(source.fresh(progress), datetime.now(UTC))


def _is_running(benches: list[live.Bench]) -> bool:
    return any(bench.state is live.BenchState.RUNNING for bench in benches)


def _live(was_running: bool) -> None:
    benches = _benches()
    if _is_running(benches) != was_running:
        st.rerun()  # of the whole page: it asks again at another pace
    if not benches:
        _nothing()
        return
    chosen = _choice(benches)
    running = [b for b in benches if b.state is live.BenchState.RUNNING]
    for bench in [chosen] if chosen else running or benches[:1]:
        _bench(bench)


def _nothing() -> None:
    name = text.md(source.store_name(), 200)
    st.info(
        f"**No bench has run on {name} yet.** Start one in another terminal, in the folder where "
        "this dashboard was started, and watch it here:\n\n"
        f"- phones on USB: {source.code('chirpbench run')}\n"
        "- without a phone: "
        f"{source.code('chirpbench run --virtual --suite quick --speed 8')}\n\n"
        "The page sees it by itself.",
        icon=":material/sensors:",
    )


def _choice(benches: list[live.Bench]) -> live.Bench | None:
    """The bench to show; ``None`` follows whatever runs."""
    known = {b.bench_uuid: b for b in benches}
    wanted, follow = _wanted(benches), live_devices.follow_words(benches)
    if len(benches) == 1:
        _unknown(benches, "", follow)
        return None
    names = [_FOLLOW, *known]
    picked = st.selectbox(
        "Bench",
        names,
        index=names.index(wanted) if wanted in known else 0,
        format_func=lambda n: live.choice_words(known[n]) if n in known else follow,
        key="live_bench",
        width=520,
    )
    _unknown(benches, picked, live.choice_words(known[picked]) if picked in known else follow)
    links.write(bench=picked, run=None)
    return known.get(picked or _FOLLOW)


def _wanted(benches: list[live.Bench]) -> str:
    """The bench that the address names, itself or by one of its runs."""
    address = links.read()
    return address.one("bench") or live_devices.bench_of_run(benches, address.one("run"))


def _unknown(benches: list[live.Bench], shown: str, words: str) -> None:
    """A line for a bench or a run of the address that nothing is known of."""
    asked.instead("bench", [b.bench_uuid for b in benches], shown, words, listed=False)
    asked.instead("run", live_devices.run_uuids(benches), shown, words, listed=False)


def _bench(bench: live.Bench) -> None:
    now = datetime.now(UTC)
    st.markdown(live.headline(bench, now))
    if bench.state is live.BenchState.STALE:
        st.warning(live.stale_text(bench, now), icon=":material/hourglass_disabled:")
    elif bench.state is live.BenchState.RUNNING:
        st.progress(bench.fraction)
    where = Filter(bench_uuid=bench.bench_uuid)
    results = source.read(queries.results, where)
    trials = source.read(points.trial_lines, where, limit=NEWEST_TRIALS)
    if results:
        st.html(live.tally(results))
    names = _names(bench)
    bench = live_devices.named(bench, names)
    virtual = {line.device_uid for line in trials if line.is_virtual}
    st.html(live.device_table(bench, virtual, now, results))
    if results:
        st.subheader("Tests")
        st.html(live.matrix(bench, results, {name: test.title for name, test in TESTS.items()}))
        st.caption(live.MATRIX_WORDS)
    if trials:
        st.subheader("Newest trials")
        _trials(bench, live.trial_rows(trials, now, names))
        st.caption(live.TRIALS_WORDS)


def _names(bench: live.Bench) -> dict[str, str]:
    """What the models of the bench are called on every page, by run; where a device has not said
    what it is, nothing."""
    runs = dict.fromkeys(line.run_uuid for line in bench.lines if line.run_uuid)
    facts = {run: source.read(queries.facts_of, run) for run in runs}
    models = {run: (f.model_key, f.is_virtual) for run, f in facts.items() if f is not None}
    which = source.store_name(), frozenset(models.values())
    kept = st.session_state.get("live_names")
    if kept is None or kept[0] != which:  # a large store is not read through at every refresh
        kept = st.session_state["live_names"] = which, names_of(which[1], source.read(model_rows))
    return {run: kept[1][model] for run, model in models.items() if model in kept[1]}


def _trials(bench: live.Bench, rows: list[dict[str, object]]) -> None:
    st.dataframe(
        pd.DataFrame(rows),
        key=f"live_trials_{bench.bench_uuid}",
        hide_index=True,
        height=35 * (len(rows) + 1) + 3,
        placeholder="–",
        column_config={
            "Round trip (ms)": st.column_config.NumberColumn(format="%.2f"),
            "Recording": st.column_config.TextColumn(width=165),
            "Reasons": st.column_config.TextColumn(width="large"),
            "Evidence": st.column_config.LinkColumn(display_text="open", width="small"),
        },
    )
