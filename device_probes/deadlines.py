"""How long a probe may take for each of its answers."""

from __future__ import annotations

from dataclasses import dataclass

CODEC_SLOWEST = 3.0
"""A coder this many times slower than real time is not waited for."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds a probe may take. Tests shorten them."""

    hello_s: float = 5.0
    facts_s: float = 5.0
    load_s: float = 10.0
    """Beside the time the samples need at ``bytes_per_s``."""
    open_s: float = 15.0
    """Opening the streams and ending the trial, beside warm-up and duration."""
    cancel_s: float = 3.0
    act_s: float = 3.0
    """Sending an act; it has no answer to wait for."""
    bytes_per_s: float = 1e6
    """Slowest transport worth using; USB 2 gives 20 times as much."""
