"""Values as text of other languages. Everything a phone says of itself is escaped to ASCII."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

JsonValue = (
    None | bool | int | float | str | list["JsonValue"] | tuple["JsonValue", ...]
    | Mapping[str, "JsonValue"]
)  # fmt: skip

_KOTLIN = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SWIFT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_bytes(value: JsonValue) -> bytes:
    """JSON of a fixed form: order kept, a line an entry, finite numbers, ASCII only."""
    return (json.dumps(value, allow_nan=False, indent=1) + "\n").encode("ascii")


def json_rows(head: Mapping[str, JsonValue], key: str, rows: Iterable[JsonValue]) -> bytes:
    """A JSON object whose last member ``key`` is a list with one line an entry: fast to write for
    thousands of models, and a line by line difference shows which of them changed."""
    begin = "".join(
        f"{json.dumps(k)}: {json.dumps(v, allow_nan=False)},\n" for k, v in head.items()
    )
    lines = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
    return f"{{\n{begin}{json.dumps(key)}: [\n{lines}\n]\n}}\n".encode("ascii")


def compact_json(value: JsonValue) -> str:
    """JSON on one line, without spaces, for a string inside another file."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def kotlin_string(text: str) -> str:
    """A Kotlin string literal. ``$`` would begin a template."""
    return f'"{"".join(_KOTLIN.get(c) or _kotlin_char(c) for c in text)}"'


def swift_string(text: str) -> str:
    """A Swift string literal."""
    return f'"{"".join(_SWIFT.get(c) or _swift_char(c) for c in text)}"'


def comment(text: str) -> str:
    """``text`` for a one-line comment of any language: printable ASCII, no comment ends."""
    shown = "".join(c if " " <= c <= "~" else f"{{U+{ord(c):04X}}}" for c in text)
    return shown.replace("*/", "* /").replace("--", "- -")


def _kotlin_char(char: str) -> str:
    if " " <= char <= "~":
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _swift_char(char: str) -> str:
    return char if " " <= char <= "~" else f"\\u{{{ord(char):x}}}"
