"""Advice, its export: files for real stacks, refused as ``chirpbench export`` refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from dashboard import advising, source, text
from dashboard.frame import guarded
from dashboard.views import advice_export as view
from dashboard.views.export_names import download_name
from db.measured_models import known_models
from profiler.export import TARGETS, Item
from profiler.export.names import file_stem
from profiler.model import Exported, ModelFacts, UseCase, Verification
from profiler.recommend import advice_sha256

KEPT = 8


@guarded
def show(
    facts: ModelFacts,
    use: UseCase,
    network: str,
    now: datetime,
    proofs: Sequence[Verification],
) -> None:
    """Tick boxes for what is refused, then a button for every target."""
    advice = source.read(advising.bare_advice, facts, use, network, now)
    item = view.item_for(advice, advice_sha256(advice), proofs, now)
    ticked = _permitted(item)
    if not view.is_allowed(item, ticked):
        st.caption("Nothing is exported until the boxes above are ticked.")
        return
    exported = _made(view.Order(item, source.read(known_models), tuple(view.targets())))
    _buttons(item, exported)
    _what_is_lost(item, exported)


def _permitted(item: Item) -> list[str]:
    """The marks that the reader allows."""
    needed = view.permissions(item)
    if needed:
        flags = ", ".join(dict.fromkeys(f"`{p.flag}`" for p in needed))
        st.warning(
            f"`chirpbench export` refuses this model without {flags}. Tick to say the same here:",
            icon=":material/block:",
        )
    name = item.advice_sha256[:16]
    return [
        p.mark
        for p in needed
        if st.checkbox(f"Export all the same: {p.consequence}", key=f"export_{p.mark}_{name}")
    ]


@st.cache_resource(
    max_entries=KEPT, show_spinner="Making the files …", hash_funcs={view.Order: view.identity}
)
def _made(order: view.Order) -> list[Exported]:
    """Answers are shared and never changed."""
    return view.export(order)


def _buttons(item: Item, exported: Sequence[Exported]) -> None:
    usual = [made for made in exported if not TARGETS[made.target].OPT_IN]
    whole = view.everything(item, usual)
    st.download_button(
        f"Everything as one zip ({text.plural(whole.files, 'file')}, with manifest)",
        whole.content, whole.file_name, whole.mime, icon=":material/folder_zip:", type="primary",
        on_click="ignore", key="export_all",
    )  # fmt: skip
    st.caption(
        "The same bytes as `chirpbench export MODEL` writes into a folder; `chirpbench "
        "verify-export` loads each file with the program it is for."
    )
    found, stem = view.downloads(item, exported), file_stem(item.advice.facts.key)
    for begin in range(0, len(found), 3):
        for place, one in zip(st.columns(3), found[begin : begin + 3], strict=False):
            with place:
                st.download_button(
                    one.target, one.content, download_name(stem, one.target, one.file_name),
                    one.mime, on_click="ignore",
                    key=f"export_{one.target}", icon=":material/download:", width="stretch",
                )  # fmt: skip
                opt_in = " (opt-in: not in the zip)" if TARGETS[one.target].OPT_IN else ""
                st.caption(f"{text.md(one.title, 120)}{opt_in}")
    empty = [made.target for made in exported if not made.files]
    if empty:
        st.caption(f"Nothing of this model fits: {', '.join(empty)}.")


def _what_is_lost(item: Item, exported: Sequence[Exported]) -> None:
    frame = view.unsupported_frame(item.advice, exported)
    with st.expander(view.lost_words(item.advice, frame)):
        st.dataframe(frame, hide_index=True, placeholder="–")
    lines = view.notes(exported)
    if lines:
        with st.expander(f"Notes of the targets ({len(lines)})"):
            st.markdown("\n".join(f"- {text.md(line, 360)}" for line in lines))
