"""Rules for starting, keeping and restarting the streams, and for clocks (L3, L5, L6, R1)."""

from __future__ import annotations

from collections.abc import Iterator

from profiler.model import Quantity, UseCase, Verdict
from profiler.recommend.case import Case, Choice, lower, only, up_to, upper, whole
from profiler.recommend.limits import (
    COLD_START_MS,
    KEEP_WARM_S,
    PPM_PER_MS_PER_MIN,
    PREROLL_MS,
    SKEW_PPM,
)
from profiler.recommend.rule import Rule

_STEP_MS = 10.0


def _slowest(case: Case, name: str) -> Quantity | None:
    found = case.variants("L6", name).values()
    return max(found, key=upper, default=None)


def _warm(case: Case) -> Iterator[Choice]:
    start = _slowest(case, "cold_start_ms")
    if case.use is not UseCase.VOICE_AGENT:
        yield Choice("keep_warm_s", 0, "the streams are open as long as the other end listens")
    elif start is None:
        why = "not measured: a cold start may cost the first word of every turn"
        yield Choice("keep_warm_s", KEEP_WARM_S, why, would_tell=("L6",))
    elif upper(start) > COLD_START_MS:
        why = f"a cold start takes {start.value:.0f} ms: keep the streams open between turns"
        yield Choice("keep_warm_s", KEEP_WARM_S, why, only((start, case.test("L6"))))
    else:
        why = f"a cold start takes only {start.value:.0f} ms"
        yield Choice("keep_warm_s", 0, why, only((start, case.test("L6"))))


def _preroll(case: Case) -> Iterator[Choice]:
    lost = _slowest(case, "input_lost_ms")
    if lost is None:
        why = "not measured: what speech services keep by default"
        yield Choice("preroll_ms", PREROLL_MS, why, would_tell=("L6",))
        return
    value = whole("preroll_ms", up_to(_STEP_MS, max(upper(lost), 0.0)))
    why = f"the first {lost.value:.0f} ms after a start are lost"
    yield Choice("preroll_ms", value, why, only((lost, case.test("L6"))))


def _route_change(case: Case) -> Iterator[Choice]:
    test = case.test("R1")
    if case.value("api") == "aaudio":
        why = "an AAudio stream ends with its device"
        yield Choice("restart_engine_on_route_change", True, why)
    elif test is None:
        why = "not measured; streams that stay on the old route are mute"
        yield Choice("restart_engine_on_route_change", True, why, would_tell=("R1",))
    else:
        bad = test.verdict is not Verdict.PASS
        yield Choice("restart_engine_on_route_change", bad, test.text, (test,))


def _timestamps(case: Case) -> Iterator[Choice]:
    trusted, test = case.quantity("L3", "timestamps_trusted"), case.test("L3")
    if trusted is None:
        why = "not measured, and they lie on many models"
        got = "was made and got none"
        yield Choice("trust_timestamps", False, why, would_tell=("L3",), got=got)
        return
    good = trusted.least > 0
    why = "they agree with the measured latency" if good else "they differ from what is measured"
    yield Choice("trust_timestamps", good, why, only((trusted, test)))


def _clocks(case: Case) -> Iterator[Choice]:
    skew, slope = case.quantity("L5", "skew_ppm"), case.quantity("L4", "slope_ms_per_min")
    if skew is not None:
        ppm, proof = _largest(skew), skew
    elif slope is not None:
        ppm, proof = _largest(slope) * PPM_PER_MS_PER_MIN, slope
    else:
        why = "not measured; without it a drifting pair of clocks breaks cancellers"
        yield Choice("drift_compensation", True, why, would_tell=("L5",))
        return
    bad = ppm >= SKEW_PPM
    why = f"input and output clocks differ by {ppm:.0f} ppm"
    yield Choice("drift_compensation", bad, why, (proof,))


def _largest(q: Quantity) -> float:
    """Largest size of a number that may have either sign."""
    return max(abs(upper(q)), abs(lower(q)))


RULES = (
    Rule(
        "session.warm", ("keep_warm_s",),
        "always", "30 s for an assistant whose cold start takes over 200 ms or was not measured",
        ("L6",), ("CDD 5.6", "EnviousWispr#1434", "speech_to_text#511"), _warm,
    ),
    Rule(
        "session.preroll", ("preroll_ms",),
        "always", "what L6 lost at a start; 300 ms unmeasured",
        ("L6",), ("speech_to_text#511", "OpenAI Realtime"), _preroll,
    ),
    Rule(
        "session.route_change", ("restart_engine_on_route_change",),
        "always", "on AAudio, where R1 lost the sound, or unmeasured",
        ("R1",), ("client-sdk-swift#886",), _route_change,
    ),
    Rule(
        "session.timestamps", ("trust_timestamps",),
        "always", "only where L3 found them true",
        ("L3",), ("oboe#1430", "oboe#1563"), _timestamps,
    ),
    Rule(
        "session.clocks", ("drift_compensation",),
        "always", "from 50 ppm between the clocks (L5, else L4's slope), or unmeasured",
        ("L5", "L4"), ("3GPP TS 26.131",), _clocks,
    ),
)  # fmt: skip
"""In order."""
