"""Names that devices gave themselves, fit for a line of text."""

from __future__ import annotations

import re

from profiler.model import ModelFacts

MAX_CHARS = 60
_BROWSER = re.compile(r"\(([^()]{1,40})\)\s*\Z")


def one_line(text: str) -> str:
    """``text`` without control, direction and other unprintable characters, cut at its end."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_CHARS else f"{line[: MAX_CHARS - 1]}…"


def browser_of(facts: ModelFacts) -> str:
    """The browser a web model was measured in: the words in brackets at the end of its name."""
    found = _BROWSER.search(facts.key.model)
    return found[1] if found else ""


def phone_name(facts: ModelFacts) -> str:
    """Manufacturer and model."""
    return one_line(f"{facts.key.manufacturer} {facts.key.model}")
