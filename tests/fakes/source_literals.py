"""String literals of Kotlin and Swift read back, written without the code that writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHORT = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "'": "'", "b": "\b", "0": "\0"}


@dataclass(frozen=True)
class Call:
    """``Name(argument, ...)``: labels (Swift) and values in order."""

    labels: tuple[str, ...]
    values: tuple[str | float | bool | None, ...]


def calls(source: str, name: str, language: str) -> list[Call]:
    """Every call of ``name`` outside comments whose first argument is a literal."""
    found = []
    for line in source.split("\n"):
        text = line.strip()
        if text.startswith(f"{name}(") and text.endswith("),"):
            found.append(_call(text[len(name) + 1 : -2], language))
    return found


def _call(text: str, language: str) -> Call:
    labels, values, at = [], [], 0
    while at < len(text):
        label = re.match(r"\s*(?:(\w+):\s*)?", text[at:])
        assert label is not None
        at += label.end()
        labels.append(label.group(1) or "")
        if text[at] == '"':
            value, at = _string(text, at + 1, language)
            values.append(value)
        else:
            word = re.match(r"[^,]+", text[at:])
            assert word is not None
            at += word.end()
            values.append(_word(word.group()))
        assert text[at : at + 1] in ("", ",")
        at += 1
    return Call(tuple(labels), tuple(values))


def _word(word: str) -> float | bool | None:
    known = {"null": None, "nil": None, "true": True, "false": False}
    return known[word] if word in known else float(word)


def _string(text: str, at: int, language: str) -> tuple[str, int]:
    units: list[str] = []
    while text[at] != '"':
        char = text[at]
        assert " " <= char <= "~", "only printable ASCII is written"
        assert language != "kotlin" or char != "$", "a template would begin"
        if char != "\\":
            units.append(char)
            at += 1
            continue
        kind = text[at + 1]
        if kind == "u" and language == "kotlin":
            units.append(chr(int(text[at + 2 : at + 6], 16)))
            at += 6
        elif kind == "u":
            end = text.index("}", at)
            assert text[at + 2] == "{"
            units.append(chr(int(text[at + 3 : end], 16)))
            at = end + 1
        elif kind == "$" and language == "kotlin":
            units.append("$")
            at += 2
        else:
            units.append(_SHORT[kind])
            at += 2
    joined = "".join(units)
    # Kotlin writes UTF-16 units.
    return joined.encode("utf-16-be", "surrogatepass").decode("utf-16-be"), at + 1
