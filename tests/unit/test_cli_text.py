"""What devices and files say is shown on one line, harmless."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from profiler.cli.tables import table
from profiler.cli.text import MAX_CHARS, clean, interval, latency, model_text, number, plural
from profiler.model import ModelKey, Verdict


@given(st.text(alphabet=st.characters(), max_size=600))
def test_clean_text_is_one_bounded_printable_line(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= MAX_CHARS
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert clean(shown) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Pixel 7", "Pixel 7"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;own the title\x07Pixel", "Pixel"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("two\nlines\r\n\tand\x00more", "two lines and more"),
        ("a\u202eb\u2066c", "a b c"),
        ("bad\udcffbyte", "bad?byte"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("小米 13 Ultra", "小米 13 Ultra"),
    ],
)
def test_clean_examples(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (ModelKey("Apple", "iPhone14,5", "", ""), "Apple iPhone14,5"),
        (ModelKey("Apple", "iPhone14,5", "A15", ""), "Apple iPhone14,5 / A15"),
        (ModelKey("Apple", "iPhone14,5", "\u200b", "21A1"), "Apple iPhone14,5 / 21A1"),
        (ModelKey("", "", "", ""), "unknown model"),
    ],
)
def test_what_is_not_known_of_a_model_leaves_no_slashes(key: ModelKey, shown: str) -> None:
    assert model_text(key) == shown


def test_long_text_keeps_both_ends() -> None:
    shown = clean("a" * 500 + "END", 21)
    assert len(shown) == 21
    assert shown.startswith("aaa")
    assert shown.endswith("END")


@pytest.mark.parametrize(
    ("value_ms", "sigma_us", "shown"),
    [
        (None, None, "–"),
        (42.12345678, 0.4, "42.1235 ± 0.0004"),
        (42.12345678, 0.0, "42.1235 ± 0.0001"),
        (42.12345678, 12.0, "42.123 ± 0.012"),
        (42.12345678, 700.0, "42.12 ± 0.70"),
        (42.12345678, None, "42.12"),
    ],
)
def test_latency_shows_the_digits_it_supports(
    value_ms: float | None, sigma_us: float | None, shown: str
) -> None:
    assert latency(value_ms, sigma_us) == shown


def test_small_formats() -> None:
    assert number(None) == "–"
    assert number(1.234, 1) == "1.2"
    assert interval(None) == "–"
    assert interval((1.0, 2.5)) == "1.00 … 2.50"
    assert plural(1, "file") == "1 file"
    assert plural(2, "file") == "2 files"


def test_table_cells_are_never_markup_or_escapes() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, markup=True)
    rows = [("[red]evil[/red]", "\x1b[2J:smile:", Verdict.FAIL)]
    console.print(table("[b]title[/b]", ("name", ">value", "verdict"), rows))
    shown = out.getvalue()
    assert "[red]evil[/red]" in shown
    assert "[b]title[/b]" in shown
    assert ":smile:" in shown
    assert "fail" in shown
    assert "\x1b" not in shown
