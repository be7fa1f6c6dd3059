"""Text for people: what devices and files say is shown, never obeyed."""

from __future__ import annotations

import re
import unicodedata

from profiler.model import DeviceRef, ModelKey

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and the other strings: titles, links
    r"|\x1b[ -/]*[0-~]"  # two-character sequences
)
MAX_CHARS = 400
"""A device's property may be longer than a screen."""


def clean(text: object, max_chars: int = MAX_CHARS) -> str:
    """``text`` on one line, without terminal escapes, control and direction characters.

    Text that is too long is cut in the middle, so that both ends can be read.
    """
    shown = _ESCAPES.sub("", str(text).encode("utf-8", "replace").decode("utf-8"))
    # Cc: controls, Cf: direction overrides and zero-width characters, Cs/Co: not text.
    kept = "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") else " " for c in shown
    )
    line = " ".join(kept.split())
    if len(line) > max_chars:
        half = (max_chars - 1) // 2
        line = f"{line[:half]}…{line[-half:]}"
    return line


def number(value: float | None, digits: int = 2) -> str:
    """``value`` with ``digits`` decimals, a dash when there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def latency(value_ms: float | None, uncertainty_us: float | None) -> str:
    """``42.123 ± 0.004`` (ms), with as many decimals as the uncertainty supports."""
    if value_ms is None:
        return "–"
    if uncertainty_us is None:
        return f"{value_ms:.2f}"
    digits = 2 if uncertainty_us >= 50 else 3 if uncertainty_us >= 5 else 4
    return f"{value_ms:.{digits}f} ± {max(uncertainty_us / 1000, 10.0**-digits):.{digits}f}"


def interval(ci: tuple[float, float] | None) -> str:
    """``41.9 … 42.3``, a dash when there is none."""
    return "–" if ci is None else f"{ci[0]:.2f} … {ci[1]:.2f}"


def plural(count: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def model_text(key: ModelKey, max_chars: int = 200) -> str:
    """Manufacturer, model, SoC and build, as far as they are known."""
    parts = (clean(part) for part in key.known_parts)
    return clean(" / ".join(part for part in parts if part) or "unknown model", max_chars)


def said_of(device: DeviceRef, text: str) -> str:
    """``text`` about a device on one line, the device named once: errors begin with its serial."""
    begin = (f"{device.serial}: ", f"{device}: ")
    rest = next((text.removeprefix(b) for b in begin if text.startswith(b)), text)
    return f"{clean(device, 60)}: {clean(rest)}"
