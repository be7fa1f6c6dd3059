"""Text as C string literals."""

from __future__ import annotations

_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\?')


def c_string(text: str) -> str:
    """A C string literal of the UTF-8 bytes of ``text``.

    Octal escapes have at most three digits, so that a digit behind one stays a digit; ``?`` would
    begin a trigraph. Raises :class:`ValueError` for a NUL: a C string ends there.
    """
    data = text.encode("utf-8", "surrogatepass")
    if 0 in data:
        raise ValueError("a C string cannot hold a NUL")
    return '"' + "".join(chr(b) if b in _PLAIN else f"\\{b:03o}" for b in data) + '"'
