"""Advice: what an app should set on a model, why, and what it costs in time."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import advising, links, look, source, text
from dashboard.pages import advice_export, advice_model, asked
from dashboard.views import advice as view
from dashboard.views import advice_budget as bars
from dashboard.views import advice_proof as proof
from dashboard.views import cautions as told
from db.measured_models import known_models
from profiler.model import Advice, Confidence, Outcome, UseCase, Verification
from profiler.networks import load_networks
from profiler.recommend.saying import conclusion, weakest_words

SETTINGS, BUDGETS, PROOF, EXPORT = "Settings", "Delay budgets", "Proof", "Export"
TABS = (SETTINGS, BUDGETS, PROOF, EXPORT)
"""Also in the address: ``?show=Export``."""
_USES = {
    UseCase.VOICE_AGENT: "voice agent",
    UseCase.CALL: "call",
    UseCase.MUSIC: "music",
}


def page() -> None:
    """The page."""
    asked_tab = links.read().one("show")  # the tabs then write what they know into the address
    facts = advice_model.chosen()
    use, network = _purpose()
    if facts is None:
        return
    now = advising.settled_now()
    advice, sha256 = source.read(advising.advice, facts, use, network, now)
    proofs = source.read(advising.proofs, facts.key, sha256)
    _head(advice)
    if asked_tab and asked_tab not in TABS:
        asked.instead("show", TABS, SETTINGS)
    tabs = st.tabs(list(TABS), key="show", on_change="rerun", bind="query-params")
    drawn: dict[str, Callable[[], None]] = {
        SETTINGS: lambda: _settings(advice),
        BUDGETS: lambda: _budgets(advice),
        PROOF: lambda: _proofs(advice, proofs),
        EXPORT: lambda: advice_export.show(facts, use, network, now, proofs),
    }
    for name, tab in zip(TABS, tabs, strict=True):
        if tab.open:  # what nobody looks at is not made: the files of an export take a moment
            with tab:
                drawn[name]()


def warm() -> None:
    """What the first visitor would wait for: the models, the rules, the budgets' networks."""
    known = source.read(known_models)
    if known:
        now = advising.settled_now()
        network = next(iter(load_networks()))
        source.read(advising.advice, known[-1], UseCase.VOICE_AGENT, network, now)


def _purpose() -> tuple[UseCase, str]:
    """Use case and network, in the address, too."""
    networks = load_networks()
    selection = links.read()
    uses = list(UseCase)
    left, right = st.columns([1, 2])
    first = next((u for u in uses if u.value == selection.one("use")), UseCase.VOICE_AGENT)
    use = left.segmented_control(
        "Use case", uses, default=first, format_func=lambda u: _USES[u], key="advice_use",
        required=True,
    )  # fmt: skip
    names = list(networks)
    name = selection.one("network")
    network = right.selectbox(
        "Network", names, index=names.index(name) if name in names else 0, key="advice_network",
        format_func=_network_words, help="Each has its own delay, jitter and loss",
    )  # fmt: skip
    asked.instead("use", [u.value for u in uses], use.value, _USES[use])
    asked.instead("network", names, network)
    links.write(use=use.value, network=network)
    return use, network


def _network_words(name: str) -> str:
    scenario = load_networks()[name]
    title = "" if scenario.title == name else f" – {text.plain(scenario.title, 60)}"
    return f"{name}{title} ({scenario.rtt_ms:.0f} ms round trip)"


def _head(advice: Advice) -> None:
    virtual = " ◇ **simulated, no real phone**" if advice.is_virtual else ""
    st.markdown(f"{text.md(view.origin_words(advice), 300)}{virtual}")
    box = st.warning if advice.confidence in (Confidence.LOW, Confidence.ASSUMED) else st.info
    weakest = weakest_words(advice)
    why = f"\n\n{text.md(weakest[0].upper() + weakest[1:], 900)}" if weakest else ""
    box(f"**{text.md(conclusion(advice), 900)}**{why}", icon=":material/tune:")
    if advice.cautions:
        with st.expander(
            f"{text.plural(len(advice.cautions), 'caution')}: "
            + text.md(", ".join(_words(c.code) for c in advice.cautions), 160),
            icon=":material/warning:",
        ):
            st.markdown(told.markdown(advice.cautions, source.code))


def _words(code: str) -> str:
    return code.replace("_", " ")


# -- settings -----------------------------------------------------------------------------------


def _settings(advice: Advice) -> None:
    lines = view.changed_lines(advice)
    if lines.empty:
        st.info("Every recommended setting is what the stack does on its own.")
    else:
        st.markdown(f"**{view.change_words(advice)}**")
        st.table(lines, hide_index=True, border="horizontal")
    st.caption(
        "●●● high: this build, three results or more. ●●○ medium: fewer, marginal, or another "
        "build. ●○○ low: a farther relative, results that contradict each other, or indirect "
        "evidence. ○○○ assumed: nothing measured it. Of the whole: what half of the settings reach "
        "that tests decide. Default: what the stack does on its own (Android: libwebrtc, iOS: "
        "RTCAudioSession, a page: Web Audio); what is left to the system is no change. “trial” "
        "opens the newest recording behind a setting."
    )
    frame = view.settings_frame(advice)
    with st.expander(f"{view.count_words(advice)}: intervals and rules, as a table to download"):
        st.dataframe(
            frame, hide_index=True, placeholder="–", height=560,
            column_config={
                "changed": st.column_config.Column("≠", width=30),
                "why": st.column_config.Column(width="large"),
                "results": st.column_config.NumberColumn(format="%d"),
                "interval": st.column_config.Column("95 % of the number"),
                "evidence": st.column_config.LinkColumn(display_text="open"),
            },
        )  # fmt: skip
    trials = view.evidence_frame(advice)
    if len(trials):
        with st.expander(f"Every trial behind these settings ({len(trials)})"):
            st.dataframe(
                trials, hide_index=True, placeholder="–",
                column_config={"open": st.column_config.LinkColumn(display_text="open")},
            )  # fmt: skip


# -- budgets ------------------------------------------------------------------------------------


def _budgets(advice: Advice) -> None:
    pipelines = advising.pipelines()
    whole = st.toggle(
        "Long bars in full", key="advice_long", help=f"Else cut at {bars.MAX_AXIS_MS:.0f} ms"
    )
    chart = bars.budget_chart(bars.budget_view(advice.budgets, pipelines, whole=whole))
    if chart is not None:
        st.altair_chart(chart)
    st.caption(
        "Grey line above a bar: 95 % interval of the whole. Red: the goals of that bar: "
        f"{text.md(bars.goal_words(advice.budgets), 600)}. » goes on beyond the axis. Hover a part "
        "to see where it comes from. “terminal” below: 3GPP’s goals for two phones without the "
        "network between them."
    )
    st.table(bars.goals_lines(advice.budgets, pipelines), hide_index=True, border="horizontal")
    with st.expander("Why each goal is kept or missed, as a table to download"):
        st.dataframe(
            bars.goals_frame(advice.budgets, pipelines), hide_index=True, placeholder="–",
            column_config={"goal_ms": st.column_config.NumberColumn("goal, ms", format="%d"),
                           "why": st.column_config.Column(width="large")},
        )  # fmt: skip
    with st.expander("Every part as a table"):
        numbers = {
            n: st.column_config.NumberColumn(format="%.1f") for n in ("ms", "low_ms", "high_ms")
        }
        st.dataframe(
            bars.parts_frame(advice.budgets, pipelines),
            hide_index=True,
            placeholder="–",
            column_config=numbers,
        )


# -- verification -------------------------------------------------------------------------------

_BOXES = {
    Outcome.BETTER: st.success,
    Outcome.SAME: st.success,
    Outcome.WORSE: st.error,
    Outcome.NOT_VERIFIED: st.warning,
}


def _proofs(advice: Advice, proofs: list[Verification]) -> None:
    found = proof.newest(proofs)
    if found is None:
        _not_verified(advice)
        return
    virtual = " (the phone's own part is simulated)" if found.is_virtual else ""
    _BOXES[found.outcome](
        f"**{proof.OUTCOME_WORDS[found.outcome]}**{virtual}: {text.md(proof.because(found), 600)}"
    )
    st.caption(
        f"{text.plural(found.sessions, 'session')} a side in real Opus, NetEq and AEC3 on network "
        f"{text.md(found.network, 40)}, {look.when(found.verified_at)}; "
        + text.md(", ".join(f"{k} {v}" for k, v in found.stack.items()), 300)
        + (f"; newest of {len(proofs)} of exactly these settings" if len(proofs) > 1 else "")
    )
    chart = proof.difference_chart(found)
    if chart is not None:
        st.altair_chart(chart)
        st.caption(
            "Grey band: differences that do not count. Bar: 95 % interval of the difference. In "
            "brackets in the table: shown, not judged."
        )
    if found.differences:
        metrics = proof.metrics_frame(found)
        st.dataframe(metrics, hide_index=True, placeholder="–", height="content")
        st.caption(proof.DIFFERENCE_WORDS)
    else:
        _again(advice)
    measured = next((m for m in found.recommended.metrics if m.name == proof.WHOLE), None)
    if measured is not None and found.predicted_mouth_to_ear_ms is not None:
        st.markdown(
            f"Mouth to ear was predicted as {look.ms(found.predicted_mouth_to_ear_ms)} and "
            f"measured as {look.ms(measured.median)}."
        )
    with st.expander("Settings in which the sides differed, and what proves them"):
        st.dataframe(proof.settings_frame(found), hide_index=True, placeholder="–")
        for side in (found.recommended, found.default):
            lines = "\n".join(f"- {text.md(line, 300)}" for line in proof.proofs_lines(side))
            st.markdown(f"**{text.md(side.name, 40)}**\n{lines or '- nothing'}")


def _not_verified(advice: Advice) -> None:
    st.info(
        "Exactly these settings were not verified yet: nothing proves that they are better than "
        "the defaults. This takes about a minute on two cores and needs "
        "`pip install 'chirpbench[verify]'`:",
        icon=":material/science:",
    )
    _again(advice)


def _again(advice: Advice) -> None:
    """The command, for a model as the store or the reader names it."""
    line = proof.command(advice.facts, advice.use.value, advice.network, source.store_name())
    st.code(line, language="bash")
