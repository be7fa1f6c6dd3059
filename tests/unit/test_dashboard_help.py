"""Help explains everything there is, and is found by its words."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from dashboard import look
from dashboard.links import PAGES
from dashboard.views import help as view
from dashboard.views.figures import FIGURES
from profiler.catalogue import LIMITS, TESTS
from profiler.model import Reason, Verdict


def titles(group: str) -> list[str]:
    return [entry.title for entry in view.of_group(group)]


def test_every_page_has_its_figures() -> None:
    assert [*FIGURES, "Help"] == list(PAGES.values())


def test_every_reason_is_explained() -> None:
    assert set(titles("Reasons")) == {reason.value for reason in Reason}


def test_every_verdict_is_explained_in_its_colour() -> None:
    bodies = "".join(entry.body for entry in view.of_group("Verdicts"))
    for verdict in Verdict:
        assert look.VERDICT_COLORS[verdict] in bodies
        assert look.VERDICT_WORDS[verdict] in bodies


def test_every_test_has_its_question_and_its_limits() -> None:
    entries = view.of_group("Tests")
    assert [entry.title.split()[0] for entry in entries] == list(TESTS)
    whole = "".join(entry.body for entry in entries)
    for limit in LIMITS.values():
        assert f"<code>{limit.quantity}</code>" in whole


def test_limits_read_the_right_way_round() -> None:
    (latency,) = view.search("L1 round-trip latency, warm")
    assert "<td>≤ 50 ms</td><td>&gt; 120 ms</td>" in latency.body


@pytest.mark.parametrize(
    ("words", "first"),
    [("silent_capture", "silent_capture"), ("A9", "A9 "), ("SAFE buffer", "Safe buffer")],
)
def test_search_finds_titles_first(words: str, first: str) -> None:
    assert any(name.startswith(first) for name in view.names(view.search(words)[0]))


def test_search_needs_every_word_and_finds_nothing_for_nonsense() -> None:
    assert view.search("buffer glitch")
    assert view.search("buffer zzz") == []
    assert len(view.search("")) == len(view.entries())


class Balanced(HTMLParser):
    """Fails on an element that is closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("group", view.GROUPS)
def test_pages_are_whole_html(group: str) -> None:
    reader = Balanced()
    reader.feed(view.page_html(view.of_group(group)))
    reader.feed(view.page_html(view.of_group(group), with_groups=True))
    assert reader.open == []


def test_our_texts_are_escaped_too() -> None:
    assert view.inline("a < b & `c<d`") == "a &lt; b &amp; <code>c&lt;d</code>"
    assert view.inline("2*3*4, *so <i>*, *so*") == "2*3*4, *so &lt;i&gt;*, <em>so</em>"
