"""Evidence: one trial, from its recording to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import links, look, source, text
from dashboard.frame import guarded
from dashboard.pages import asked, evidence_recording, nothing
from dashboard.views import evidence_words as words
from dashboard.views.html_table import html_table
from dashboard.views.names import MARK, Which, labels, names_of
from db import queries
from db.filters import Filter
from db.overview import ModelRow, model_rows
from db.points import TrialLine, trial_lines
from profiler.model import Reason, TrialRecord, Verdict

if TYPE_CHECKING:
    import pandas as pd

MAX_LINES = 200
TESTS = (
    "L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8",
    "A9", "D1", "D2", "G1", "G2", "G3", "G4", "G5", "V1", "V2", "V3", "V4", "V5", "V6", "B1", "B2",
    "B3", "K1", "K2", "R1", "R2", "R3", "R4", "W1",
)  # fmt: skip
"""Of the catalogue (a test holds it complete)."""
_BOXES: Mapping[Verdict, Callable[[str], object]] = {
    Verdict.MARGINAL: st.warning,
    Verdict.FAIL: st.warning,
    Verdict.NOT_MEASURABLE: st.info,
    Verdict.ERROR: st.error,
    Verdict.SKIPPED: st.info,
}
"""Of what a trial's verdict says of its recording. A valid one has no colour: a green box would
praise the phone."""


def page() -> None:
    """The page."""
    rows = source.read(model_rows)
    nothing.failed(rows)
    wanted = links.read().one("trial")
    found = _trial(wanted) if wanted else None
    lost = found is None and _is_lost(rows, wanted)
    lines = _choice(rows, wanted, lost=lost)
    if lost:
        return  # another trial would pass for the one that was asked for
    if found is None and lines:
        found = _trial(lines[0].trial_uuid)
    if found is None:
        if not rows:
            _nothing()
        return
    links.write(trial=found.trial_uuid)
    _head(found, rows)
    _recording(found)
    _states(found)
    _past(found)


def _is_lost(rows: Sequence[ModelRow], wanted: str) -> bool:
    """Whether the address names a trial or a model that is not stored; a line then says so."""
    if wanted:
        st.warning(
            f"No trial {text.md(wanted, 60)} is in this store; choose one below.",
            icon=":material/search_off:",
        )
        return bool(rows)
    address = links.read()
    if rows and links.asked_model(address) and not links.find_models(address, rows):
        asked.no_model(address)
        return True
    return False


def warm() -> None:
    """Read what the page opens with."""
    source.read(model_rows)
    source.read(trial_lines, Filter(), limit=1)


def _trial(uuid: str) -> TrialRecord | None:
    found = source.read(queries.trials, Filter(trial_uuid=uuid))
    return found[-1] if found else None


def _nothing() -> None:
    st.info(
        f"**No trial is stored yet** in {text.md(source.store_name(), 200)}. Every trial that "
        f"{source.code('chirpbench run')} makes is shown here with its recording; without a phone "
        f"try {source.code('chirpbench run --virtual --suite quick --speed 8')}.",
        icon=":material/graphic_eq:",
    )


# -- which trial --------------------------------------------------------------------------------


def _choice(rows: Sequence[ModelRow], wanted: str, *, lost: bool) -> list[TrialLine]:
    """Filters and the newest trials that fit, once they are wanted; a click on a row shows it."""
    for name in _FILTERS:  # Streamlit forgets what belongs to a widget that is folded away
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]
    box = st.expander(
        "Choose another trial", expanded=lost, icon=":material/list:", key="evidence_open",
        on_change="rerun",
    )  # fmt: skip
    if not box.open:
        row = _asked_model(rows)
        return source.read(trial_lines, _of(row) if row else Filter(), limit=1)
    with box:
        where = _filter(rows)
        lines = source.read(trial_lines, where, limit=MAX_LINES)
        if not lines:
            st.info(
                "No trial fits these filters: take one away."
                if rows
                else "No trial is stored yet.",
                icon=":material/filter_alt_off:",
            )
            return []
        named = names_of({(line.key, line.is_virtual) for line in lines if line.key}, rows)
        chosen = _picked(lines, named, f"evidence_rows_{hash(where)}")
    if chosen and chosen != st.session_state.get("evidence_shown"):
        st.session_state["evidence_shown"] = chosen
        if chosen != wanted:
            links.write(trial=chosen)
            st.rerun()
    return lines


_FILTERS = ("evidence_test", "evidence_verdict", "evidence_reason")


def _picked(lines: Sequence[TrialLine], names: Mapping[Which, str], key: str) -> str:
    """The list; the trial whose row is ticked, or nothing."""
    event: Any = st.dataframe(
        words.trials_frame(lines, names),
        hide_index=True,
        height=min(35 * len(lines) + 38, 319),
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        column_config={
            "round trip, ms": st.column_config.NumberColumn(format="%.3f"),
            "started": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
        },
    )
    more = ", the newest that fit; filter to see others" if len(lines) == MAX_LINES else ""
    st.caption(f"{text.plural(len(lines), 'trial')}{more}. Tick a row to see it below.")
    rows = event["selection"]["rows"]
    return lines[rows[0]].trial_uuid if rows and rows[0] < len(lines) else ""


def _asked_model(rows: Sequence[ModelRow]) -> ModelRow | None:
    address = links.read()
    named = links.find_models(address, rows) if address.one("model") else []
    return named[0] if named else None


def _of(row: ModelRow) -> Filter:
    return Filter(model_key=row.key, is_virtual=row.is_virtual)


def _filter(rows: Sequence[ModelRow]) -> Filter:
    names = labels(rows)
    by_token = {links.token(row.key, virtual=row.is_virtual): row for row in rows}
    named = _asked_model(rows)
    first = links.token(named.key, virtual=named.is_virtual) if named else ""
    tokens = ["", *by_token]
    a, b, c, d = st.columns([3, 1, 1.3, 1.7])
    token = a.selectbox(
        "Model", tokens, index=tokens.index(first), key="evidence_model",
        format_func=lambda t: names[t] if t else "every model",
    )  # fmt: skip
    test = b.selectbox("Test", ["", *TESTS], key="evidence_test", format_func=_any)
    verdict = c.selectbox(
        "Recording", ["", *look.TRIAL_VERDICTS], key="evidence_verdict",
        format_func=lambda v: look.trial_words(Verdict(v)) if v else "any",
    )  # fmt: skip
    reason = d.selectbox("Reason", ["", *Reason], key="evidence_reason", format_func=_any)
    row = by_token.get(token)
    if row is not None:
        links.write(**{"virtual": None, **links.model(row.key, virtual=row.is_virtual)})
    return replace(
        _of(row) if row else Filter(),
        test_ids=(test,) if test else (),
        verdict=Verdict(verdict) if verdict else None,
        reason=str(reason) if reason else None,
    )


def _any(word: str) -> str:
    return str(word) or "any"


# -- the trial ----------------------------------------------------------------------------------


def _head(trial: TrialRecord, rows: Sequence[ModelRow]) -> None:
    facts = source.read(queries.facts_of, trial.run_uuid)
    name = "a device that never said what it is"
    if facts is not None:
        which = facts.model_key, facts.is_virtual
        plain = facts.marketing_name or f"{facts.manufacturer} {facts.model}"
        name = names_of({which}, rows).get(which, plain).removesuffix(MARK)
    virtual = " ◇ simulated, no real phone" if facts is not None and facts.is_virtual else ""
    analysis = words.ANALYSIS_WORDS.get(trial.setup.analysis, trial.setup.analysis)
    st.subheader(
        f"{text.md(trial.test_id, 12)} #{trial.index + 1} on {text.md(name, 60)}", anchor=False
    )
    note = f" · {text.md(trial.setup.note, 120)}" if trial.setup.note else ""
    attempt = f" · attempt {trial.attempt}" if trial.attempt > 1 else ""
    st.caption(
        f"{text.md(analysis, 60)}{note}{attempt} · {look.when(trial.started_at)} · trial "
        f"{text.md(trial.trial_uuid, 60)}{virtual}"
    )
    message = f"\n\n{text.md(trial.message, 600)}" if trial.message else ""
    why = "".join(
        f"\n- **{text.md(r.code, 40)}** – {text.md(r.words or 'not known to this version', 400)}"
        for r in words.reasons(trial)
    )
    said = f"**{words.worth(trial)}**: {text.md(words.headline(trial), 200)}{message}{why}"
    if box := _BOXES.get(trial.verdict):
        box(said)
    else:
        st.container(border=True).markdown(said)
    where = Filter(run_uuid=trial.run_uuid, test_ids=(trial.test_id,))
    st.html(f"<div>{words.of_the_phone(trial, source.read(queries.results, where))}</div>")


@guarded
def _recording(trial: TrialRecord) -> None:
    evidence_recording.show(trial)


def _states(trial: TrialRecord) -> None:
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        st.subheader("Requested, granted, reported, measured", anchor=False)
        _table(words.states_frame(trial))
        if trial.report is None:
            st.caption("The probe gave no report: nothing is known of what was granted.")
        else:
            with st.expander("What else the probe said"):
                _table(words.observed_frame(trial.report))
    with right:
        if trial.estimate is not None:
            st.subheader("The estimate", anchor=False)
            _table(words.numbers_frame(trial.estimate))
        _partner(trial)


def _table(frame: pd.DataFrame) -> None:
    st.html(html_table(frame))


def _partner(trial: TrialRecord) -> None:
    part, outcome = trial.setup.partner, trial.partner
    if part is None and outcome is None:
        return
    st.subheader("Partner of the exchange", anchor=False)
    if outcome is None:
        st.info("The partner did not do its part, or its recording was lost.")
        return
    distance = trial.setup.geometry.distance_m
    shown = f"{distance:g} m away" if distance else "distance not known: it stays in the latency"
    out, into = outcome.report.output, outcome.report.input
    st.markdown(
        f"**{text.md(outcome.device_uid, 80)}**, {shown}; granted {look.rate(out.rate_hz)} out, "
        f"{look.rate(into.rate_hz)} in; its own recording can be chosen above."
    )


def _past(trial: TrialRecord) -> None:
    past = source.read(queries.superseded_estimates, trial.trial_uuid)
    if past:
        st.subheader("Former analyses", anchor=False)
        _table(words.superseded_frame(past, trial))
        st.caption("A later version of the analysis read the same recording again.")
    st.download_button(
        "The trial as JSON",
        lambda: words.trial_json(trial),
        text.file_name(f"trial-{trial.test_id}-{trial.trial_uuid}", ".json", 80),
        "application/json",
        icon=":material/data_object:",
        on_click="ignore",
        key="evidence_json",
    )
