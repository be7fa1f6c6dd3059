"""The Java sources keep to the limits that the Python sources keep to."""

from __future__ import annotations

import re
from pathlib import Path

import android_java
import pytest

MAX_FILE_LINES, MAX_METHOD_LINES, MAX_COLUMNS = 400, 40, 100
SOURCES = sorted([*android_java.MAIN.rglob("*.java"), *android_java.TESTS.rglob("*.java")])
_METHOD = re.compile(
    r"^( {4}| {8})(?:[\w<>\[\].?]+,? )*\w+\([^;{}()]*\)[^;{}=()]*\{$", re.MULTILINE
)
_TYPE = re.compile(r"^(?:public )?(?:abstract |final )*(?:class|interface|enum) ", re.MULTILINE)


def method_lengths(text: str) -> dict[str, int]:
    """Beginning of a method (or of a block within one) -> its lines up to the closing brace."""
    found = {}
    for match in _METHOD.finditer(text):
        end = text.find(f"\n{match[1]}}}", match.start())
        found[match.group().strip().splitlines()[-1]] = text.count("\n", match.start(), end) + 2
    return found


def test_there_are_sources() -> None:
    assert len(SOURCES) > 60


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_sizes(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = text.splitlines()
    assert len(lines) <= MAX_FILE_LINES
    assert [n for n, line in enumerate(lines, 1) if len(line) > MAX_COLUMNS] == []
    assert {k: n for k, n in method_lengths(text).items() if n > MAX_METHOD_LINES} == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_type_says_what_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    declared = _TYPE.search(text)
    assert declared, path
    before = re.sub(r"\n@[^\n]*", "", text[: declared.start()].rstrip())
    assert before.endswith("*/"), f"{path.name}: no javadoc"
