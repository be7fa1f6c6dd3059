"""Help: what every figure, verdict, reason, test and colour means."""

from __future__ import annotations

import streamlit as st

from dashboard import links, text
from dashboard.pages import asked
from dashboard.views import help as view


def page() -> None:
    """The page."""
    selection = links.read()
    words = st.text_input(
        "Find", selection.one("find")[:100], key="help_find", width=520, icon=":material/search:",
        placeholder="a word, a reason, a test: silent_capture, A9, spread …",
    )  # fmt: skip
    links.write(find=words)
    if words.strip():
        _found(words)
        return
    group = selection.one("group")
    chosen = st.segmented_control(
        "Group",
        view.GROUPS,
        default=group if group in view.GROUPS else view.GROUPS[0],
        key="help_group",
        label_visibility="collapsed",
    )
    asked.instead("group", view.GROUPS, chosen or view.GROUPS[0])
    links.write(group=chosen)
    st.html(view.page_html(view.of_group(chosen or view.GROUPS[0])))


def _found(words: str) -> None:
    found = view.search(words)
    if not found:
        st.info(
            f"Nothing is called **{text.md(words, 60)}** here. Try one word, or the beginning of "
            "one; without words everything is shown.",
            icon=":material/search_off:",
        )
        return
    st.caption(text.plural(len(found), "entry", "entries"))
    found.sort(key=lambda entry: view.GROUPS.index(entry.group))
    st.html(view.page_html(found, with_groups=True))
