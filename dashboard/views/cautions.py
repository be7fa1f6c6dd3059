"""Cautions as a page tells them: with the whole command, and with what their reasons mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from dashboard import text
from profiler.model import Caution
from profiler.summary.cautions import SEE_REASONS
from profiler.summary.reason_words import in_words

_COMMAND: Final = re.compile(r"'(chirpbench run(?: --probe web)?)'")
"""Only the commands that cautions have: a phone's name may hold any other."""
_CODES: Final = re.compile(r"\(([a-z0-9_]+(?:, [a-z0-9_]+)*)\)")
_INSTEAD: Final = "change what the reasons name, then measure again"
MAX_CHARS: Final = 500


def reasons_in(said: str) -> list[tuple[str, str]]:
    """The reasons that ``A4 (echo_left, no_stimulus)`` names, each once, with what it means."""
    codes = dict.fromkeys(code for found in _CODES.findall(said) for code in found.split(", "))
    return [(code, text.no_paths(words)) for code in codes if (words := in_words(code))]


def markdown(cautions: Iterable[Caution], code: Callable[[str], str]) -> str:
    """A bullet each. ``code`` makes Markdown of a command: :func:`dashboard.source.code`."""
    lines = []
    for caution in cautions:
        lines.append(f"- **{text.md(_title(caution), 40)}**: {_linked(_told(caution), code)}")
        lines += [f"    - `{name}`: {text.md(words, 400)}" for name, words in _meant(caution)]
    return "\n".join(lines)


def plain(caution: Caution) -> str:
    """The same on paper, where no command can be copied from."""
    meant = "; ".join(f"{name}: {words}" for name, words in _meant(caution))
    return text.plain(_told(caution), 600) + (f" ({text.plain(meant, 1200)})" if meant else "")


def _title(caution: Caution) -> str:
    return caution.code.replace("_", " ")


def _told(caution: Caution) -> str:
    return caution.text.replace(SEE_REASONS, _INSTEAD)


def _meant(caution: Caution) -> list[tuple[str, str]]:
    """Only where the text speaks of reasons: a phone may be called ``X (clipped)``."""
    return reasons_in(caution.text) if SEE_REASONS in caution.text else []


def _linked(said: str, code: Callable[[str], str]) -> str:
    parts = _COMMAND.split(text.plain(said, MAX_CHARS))
    return "".join(code(p) if i % 2 else _part(p) for i, p in enumerate(parts))


def _part(words: str) -> str:
    """As Markdown, with the spaces at its ends, which :func:`dashboard.text.md` takes away."""
    left = " " if words[:1] == " " else ""
    right = " " if words[1:] and words[-1:] == " " else ""
    return f"{left}{text.md(words, MAX_CHARS)}{right}"
