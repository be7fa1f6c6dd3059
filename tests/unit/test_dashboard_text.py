"""Untrusted text on pages: shown, never obeyed."""

from __future__ import annotations

import html
import re
import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard import text
from dashboard.views.html_table import html_table

HOSTILE = (
    "<script>window.hacked=1</script>", '<img src=x onerror="window.hacked=1">', "**bold**",
    ":material/delete:", ":red[warning]", ":smile:", "$x^2$", "[link](javascript:alert(1))",
    "`code`", "# heading", "1. list", "- list", "a\nb", "a\x00b", "| a | b |", "www.evil.example",
    "https://evil.example", "me@evil.example", "a -> b", "\u202egnp.exe", "&lt;b&gt;", "~~gone~~",
)  # fmt: skip


def seen(markdown: str) -> str:
    """The text a CommonMark reader shows; fails when there is any element but a paragraph."""
    kept: list[str] = []
    for token in MarkdownIt("commonmark", {"html": True}).parse(markdown):
        assert token.type in ("paragraph_open", "inline", "paragraph_close"), token
        for child in token.children or ():
            assert child.type in ("text", "text_special"), child
            kept.append(child.content)
    return "".join(kept)


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_the_characters_themselves(name: str) -> None:
    assert seen(text.md(name)).replace("\u2060", "") == text.plain(name)


@given(st.text(max_size=60))
def test_no_text_is_markup_in_markdown(name: str) -> None:
    assert seen(text.md(name)).replace("\u2060", "") == text.plain(name).replace("\u2060", "")


def test_cells_of_a_table_are_text() -> None:
    made = html_table(pd.DataFrame({"<b>name": list(HOSTILE), "ms": [1.5] * len(HOSTILE)}))
    cells = re.findall(r"<td>([^<>]*)</td><td>1\.5</td>", made)
    assert [html.unescape(cell) for cell in cells] == [text.plain(name) for name in HOSTILE]
    assert "<th>&lt;b&gt;name</th>" in made


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        (":material/delete:", ":material"), (":smile:", ":smile"), ("https://a.example", "://"),
        ("me@evil.example", "@evil"), ("www.evil.example", "www."), ("a->b", "->"),
    ],
)  # fmt: skip
def test_what_streamlit_would_replace_in_plain_text_is_taken_apart(name: str, broken: str) -> None:
    """Icons, emoji, links and arrows are made after escapes are gone."""
    assert broken in name
    assert broken not in seen(text.md(name))


@given(st.text())
def test_plain_is_one_short_line_without_controls(name: str) -> None:
    shown = text.plain(name)
    assert len(shown) <= text.CHARS + 2  # the two isolates
    assert "\n" not in shown
    inner = shown.strip("\u2068\u2069")
    for c in inner:
        assert unicodedata.category(c) not in ("Cc", "Cs", "Co", "Zl", "Zp")
    assert not set(inner) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u200e\u200f")


def test_long_names_keep_both_ends() -> None:
    name = f"begin{'x' * 500}end"
    assert text.plain(name, 20).startswith("begin")
    assert text.plain(name, 20).endswith("end")
    assert len(text.plain(name, 20)) == 20


def test_right_to_left_is_isolated_and_nothing_else() -> None:
    assert text.plain("שלום") == "\u2068שלום\u2069"
    assert text.plain("小米 14") == "小米 14"


def test_towers_of_marks_are_cut() -> None:
    assert text.plain("e" + "\u0301" * 50) == "e" + "\u0301" * text.MAX_MARKS


def test_families_of_emoji_stay_together() -> None:
    assert text.plain("👩\u200d💻") == "👩\u200d💻"


@given(st.text())
def test_html_has_no_live_character(name: str) -> None:
    made = text.html(name)
    assert not set(made) & set("<>\"'")
    assert html.unescape(made) == text.plain(name)


@given(st.text())
def test_file_names_are_harmless(name: str) -> None:
    made = text.file_name(name, ".csv")
    assert made.endswith(".csv")
    assert len(made) > len(".csv")
    assert not made.startswith((".", "-"))
    assert "/" not in made
    assert "\\" not in made
    assert made.isascii()


@pytest.mark.parametrize(
    "line", ["chirpbench run", "run --db '/a `b`/c.db'", "``", "a <b> *c* :material/home:", "x`"]
)
def test_code_is_shown_and_copied_as_it_is(line: str) -> None:
    (block,) = [t for t in MarkdownIt().parse(f"type {text.code(line)} now") if t.children]
    (code,) = [t.content for t in block.children or () if t.type == "code_inline"]
    assert code == line


def test_plural() -> None:
    assert text.plural(1, "phone") == "1 phone"
    assert text.plural(2000, "entry", "entries") == "2,000 entries"
