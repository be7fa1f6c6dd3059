"""Rules for a page in a browser: what it asks its AudioContext for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from profiler.model import Quantity, Verdict
from profiler.recommend.case import Case, Choice, faster, numbered, only, upper, whole
from profiler.recommend.rule import Rule

HINTS = {"low_latency": "interactive", "none": "balanced", "power_saving": "playback"}
"""``latencyHint`` by performance mode."""
USUAL = "low_latency"


def _hint(case: Case) -> Iterator[Choice]:
    """The AudioContext's own hint unless another is faster for sure."""
    if case.family != "web":
        return
    compared = _compared_ms(case)
    if USUAL not in compared or len(compared) < 2:
        yield Choice(
            "performance_mode", USUAL, "latencyHint interactive, the AudioContext's own",
            would_tell=("L3",), telling="would compare the others",
            got="was made and got no other",
        )  # fmt: skip
        return
    best = min(compared, key=lambda mode: upper(compared[mode]))
    if best != USUAL and not faster(compared[best], compared[USUAL]):
        best = USUAL
    words = ", ".join(f"{HINTS[mode]} {q.value:.0f} ms" for mode, q in compared.items())
    why = f"latencyHint {HINTS[best]}: {words}"
    yield Choice("performance_mode", best, why, tuple(compared.values()))


def _compared_ms(case: Case) -> dict[str, Quantity]:
    """Round trip with each hint; the plain opens have the usual one."""
    plain = case.quantity("L1", "rtl_ms") or case.quantity("L3", "rtl_ms")
    found = {} if plain is None else {USUAL: plain}
    for mode in HINTS:
        q = case.quantity("L3", f"rtl_ms[performance={mode}]")
        if q is not None:
            found.setdefault(mode, q)
    return found


def _frames(case: Case) -> Iterator[Choice]:
    """The smallest size that G1 found clean; more where a load (G2) or rest (G3) needs it."""
    if case.family != "web":
        return
    test, safe = case.test("G1"), case.quantity("G1", "safe_frames")
    if test is not None and test.verdict is Verdict.FAIL:
        case.caution(
            "no_safe_buffer",
            f"the sound breaks at every buffer size in this browser: {test.text}; keep work off "
            "the page's main thread, use latencyHint playback, and measure again with G2",
        )
        yield Choice("performance_mode", "power_saving", "it breaks at every size tried", (test,))
        return
    if safe is None:
        return
    needed = only((safe, *(case.quantity(*name) for name in _LOADED)))
    sizes = [q for q in needed if isinstance(q, Quantity)]
    most = max(sizes, key=upper)
    frames = whole("buffer_frames", math.ceil(upper(most)))
    rate_hz = case.value("output_rate_hz")
    as_s = f" = latencyHint {frames / rate_hz:.3f} s" if isinstance(rate_hz, int) else ""
    why = f"{frames} frames{as_s} do not glitch"
    glitching = [
        n for n, q in numbered(case.variants("G1", "glitches_per_min"), "frames").items()
        if q.worst > 0
    ]  # fmt: skip
    if glitching:
        why += f", {max(glitching):.0f} do"
    yield Choice("buffer_frames", frames, why, only((most, test)))


_LOADED = (("G2", "safe_frames[state=loaded]"), ("G3", "safe_frames[state=idle]"))

RULES = (
    Rule(
        "browser.hint", ("performance_mode",),
        "a browser", "latencyHint interactive unless another is faster by more than both errors",
        ("L1", "L3"), ("Web Audio API latencyHint",), _hint, ("streams.stack",),
    ),
    Rule(
        "browser.buffer", ("buffer_frames", "performance_mode"),
        "a browser, and G1 counted glitches",
        "the smallest clean size as a latencyHint in seconds; playback where every size glitches",
        ("G1", "G2", "G3"), ("F1",), _frames, ("buffer.frames", "browser.hint"),
    ),
)  # fmt: skip
"""In order."""
