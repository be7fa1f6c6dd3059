"""A link as a QR code in the terminal: the only door to ``segno``.

Two modules share one character cell, so that a link takes some 40 columns and 20 rows.
"""

from __future__ import annotations

from profiler.errors import InputError

try:
    import segno
except ImportError as exc:
    raise InputError(
        "a QR code needs the package segno", hint="pip install 'chirpbench[web]'"
    ) from exc

QUIET_MODULES = 4
"""The empty border that readers need (ISO/IEC 18004)."""
_BLACK_ON_WHITE, _RESET = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


def qr_lines(text: str, *, dark_terminal: bool) -> tuple[str, ...]:
    """The code in half blocks, without colours: a dark terminal gets its light modules drawn.

    Raises :class:`InputError` when ``text`` does not fit into a code.
    """
    try:
        code = segno.make_qr(text, error="L")
    except segno.DataOverflowError as exc:
        raise InputError(f"{len(text)} characters do not fit into a QR code") from exc
    rows = [
        [bool(dark) != dark_terminal for dark in row]
        for row in code.matrix_iter(border=QUIET_MODULES)
    ]
    if len(rows) % 2:
        rows.append([dark_terminal] * len(rows[0]))
    return tuple(
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    )


def qr_ansi(text: str) -> str:
    """The code in black on white, whatever colours the terminal has; lines end in a newline."""
    lines = qr_lines(text, dark_terminal=False)
    return "".join(f"{_BLACK_ON_WHITE}{line}{_RESET}\n" for line in lines)
