"""Text from the store, ready to be shown: a phone's name is untrusted and only ever text."""

from __future__ import annotations

import html as _html
import re
import unicodedata

CHARS = 80
"""A name in a table or a legend; longer ones are cut in the middle."""
MAX_MARKS = 4
"""Combining marks after one letter: real scripts need three, towers of them cover other lines."""

_ISOLATE, _POP = "\u2068", "\u2069"
_JOINERS = "\u200c\u200d"
"""Of category Cf, but Persian and families of emoji are written with them."""
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_GLUE = "\u2060"
_LIVE = re.compile(r"(\\:(?=\S)|\\@|www(?=\\\.)|\\[-<>~=](?=\\[-<>~=]))", re.IGNORECASE)
"""Where Streamlit makes an icon, an emoji, a link or an arrow of text that is escaped already."""


def plain(text: object, chars: int = CHARS) -> str:
    """``text`` on one line for tables, charts, selections and file dialogs.

    Control and direction characters are away, towers of marks are cut, and what reads from right
    to left is isolated so that it does not turn its neighbours round. Longer text than ``chars``
    is cut in the middle: both ends of a build's name tell it apart.
    """
    line = " ".join(_kept(str(text)).split())
    if len(line) > chars:
        tail = (chars - 1) // 2
        line = f"{line[: chars - 1 - tail]}…{line[len(line) - tail :]}"
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in line):
        line = f"{_ISOLATE}{line}{_POP}"
    return line


_PATHS = re.compile(r" \(docs/[a-z0-9-]+\.md(?: [0-9.]+)?\)")


def no_paths(words: str) -> str:
    """Our own words without `` (docs/….md)``: on a page that is no link and leads nowhere."""
    return _PATHS.sub("", words)


def md(text: object, chars: int = CHARS) -> str:
    """:func:`plain` for Streamlit's Markdown: nothing in it is markup, an icon or a link."""
    return _LIVE.sub(rf"\1{_GLUE}", _PUNCTUATION.sub(r"\\\1", plain(text, chars)))


def code(line: str) -> str:
    """One line of code for Streamlit's Markdown, to be read and copied as it is."""
    kept = " ".join(_kept(line).split())
    longest = max((len(run) for run in re.findall("`+", kept)), default=0)
    fence = "`" * (longest + 1)
    space = " " if kept[:1] == "`" or kept[-1:] == "`" else ""
    return f"{fence}{space}{kept}{space}{fence}"


def html(text: object, chars: int = CHARS) -> str:
    """:func:`plain` for HTML, attributes in quotes included."""
    return _html.escape(plain(text, chars), quote=True)


def file_name(text: object, suffix: str, chars: int = 60) -> str:
    """A name for a download: letters, digits, ``.``, ``_`` and ``-`` only, never empty."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", _kept(str(text))).strip(".-_")
    return f"{kept[:chars].rstrip('.-_') or 'chirpbench'}{suffix}"


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 phone``, ``2,000 phones``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def _kept(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for c in text:
        category = unicodedata.category(c)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MAX_MARKS:
            continue
        # Cc: controls, Cf: direction and zero-width characters, Cs/Co/Cn: not text, Zl/Zp: lines
        bad = category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and c not in _JOINERS
        kept.append(" " if bad else c)
    return "".join(kept)
