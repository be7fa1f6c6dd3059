"""What the phone itself costs: L_in + L_out on the path that an app would use (F7).

Only the round trip is measured, so capture and playback are one part; in a call it is the sum of
one end's capture and the other end's playback when both ends are such a phone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from profiler.budget.known import Known, family
from profiler.model import (
    BudgetPart,
    ModelFacts,
    PartSource,
    Quantity,
    SettingValue,
    SupportLevel,
)

Values = Mapping[str, SettingValue]
"""Setting name to value; what is absent is left to the system."""

ANDROID_MS = (200.0, 100.0, 500.0)
"""Median and range of Linphone's 51 hand-calibrated phones (devices.c): the guess of last
resort."""
IOS_MS = (188.0, 50.0, 250.0)
"""One iPhone 16 on its speaker (react-native-audio-api#1104); the range is assumed."""
WEB_MS = (150.0, 60.0, 400.0)
"""A browser: Chromium over a sound server's loop measured 79 to 190 ms on a busy computer
(docs/web.md); no phone was measured, so the range is assumed."""
UNMEASURED_API_MS = 110.0
"""What another API may add: 204 against 93 ms between two APIs of one phone (oboe#386)."""
UNMEASURED_CALL_MS = 35.0
"""What a call's path may add where only the media path was measured (assumed)."""
_ASSUMED_MS = {"ios": IOS_MS, "web": WEB_MS}
COMMUNICATION_PATH = "path=speaker/communication/default/voice_communication"


@dataclass(frozen=True, slots=True)
class _Span:
    """A sum of independent values: ends go in quadrature."""

    ms: float = 0.0
    below2: float = 0.0
    above2: float = 0.0
    words: tuple[str, ...] = ()
    inherited: bool = False

    def plus(self, ms: float, below: float, above: float, word: str, inherited: bool) -> _Span:
        return _Span(
            self.ms + ms,
            self.below2 + max(below, 0.0) ** 2,
            self.above2 + max(above, 0.0) ** 2,
            (*self.words, word),
            self.inherited or inherited,
        )


def device_part(known: Known, values: Values) -> BudgetPart:
    """The ``device`` part for these settings, with what it rests on."""
    base = _base(known, values)
    if base is None:
        return _assumed(known.facts)
    span, plain = base
    span = _api(known, values, span, plain)
    span = _mode(known, values, span, plain)
    span = _buffer(known, values, span, plain)
    ms = max(span.ms, 0.0)
    return BudgetPart(
        name="device",
        ms=ms,
        low_ms=max(ms - math.sqrt(span.below2), 0.0),
        high_ms=ms + math.sqrt(span.above2),
        source=PartSource.INHERITED if span.inherited else PartSource.MEASURED,
        text="capture and playback together: " + ", ".join(span.words),
    )


def _assumed(facts: ModelFacts) -> BudgetPart:
    ms, low_ms, high_ms = _ASSUMED_MS.get(family(facts), ANDROID_MS)
    text = "capture and playback together: never measured on this model or a relative, L1 would"
    return BudgetPart("device", ms, low_ms, high_ms, PartSource.ASSUMED, text)


def _inherited(q: Quantity) -> bool:
    return q.level is not SupportLevel.SAME_BUILD


def _base(known: Known, values: Values) -> tuple[_Span, Quantity | None] | None:
    """The measured round trip nearest to the path, and the plain one for differences to it."""
    plain = known.quantity("L1", "rtl_ms")
    compared = known.quantity("L3", "rtl_ms") or plain
    spread = _spread(known, plain)
    page = known.family == "web" and values.get("aec") != "off"
    if values.get("audio_mode") == "communication" or page:
        # A page's software canceller is the browser's, which L2 measured.
        effects = values.get("aec") in ("hardware", "both") or page
        order = (("L2", "rtl_ms"), ("L2", "rtl_off_ms"))
        for test_id, name in (
            *(order if effects else reversed(order)),
            ("L1", f"rtl_ms[{COMMUNICATION_PATH}]"),
            ("L2", "rtl_uncalibrated_ms" if effects else "rtl_off_uncalibrated_ms"),
        ):
            q = known.quantity(test_id, name)
            if q is not None:
                return _start(q, spread, f"{test_id} in a call {q.value:.0f} ms"), compared
    if plain is None:
        return None
    span = _start(plain, spread, f"L1 {plain.value:.0f} ms")
    if page:
        word = "measured without the browser's effects, which may cost more"
        word += known.telling(["L2"])[1]
        span = span.plus(0.0, 0.0, UNMEASURED_CALL_MS, word, False)
    elif values.get("audio_mode") == "communication":
        word = "measured in media mode, a call may cost more" + known.telling(["L2"])[1]
        span = span.plus(0.0, 0.0, UNMEASURED_CALL_MS, word, False)
    return span, compared


def _start(q: Quantity, spread: tuple[float, float], word: str) -> _Span:
    below, above = max(q.value - q.low, spread[0]), max(q.high - q.value, spread[1])
    return _Span().plus(q.value, below, above, word, _inherited(q))


def _spread(known: Known, plain: Quantity | None) -> tuple[float, float]:
    """How far below and above the median an open of the streams comes out."""
    if plain is None:
        return 0.0, 0.0
    least, p95 = (known.quantity("L1", f"rtl_{x}_ms") for x in ("min", "p95"))
    return (
        0.0 if least is None else max(plain.value - least.value, 0.0),
        0.0 if p95 is None else max(p95.value - plain.value, 0.0),
    )


def _difference(
    span: _Span, variant: Quantity, plain: Quantity, word: str, extra_ms: float = 0.0
) -> _Span:
    """Add variant minus plain (+ ``extra_ms``), both measured on the same path."""
    step = variant.value - plain.value + extra_ms
    below = math.hypot(variant.value - variant.low, plain.high - plain.value)
    above = math.hypot(variant.high - variant.value, plain.value - plain.low)
    return span.plus(step, below, above, f"{word} {step:+.0f} ms", _inherited(variant))


def _api(known: Known, values: Values, span: _Span, plain: Quantity | None) -> _Span:
    api = values.get("api")
    if api is None or api == known.probed_api:
        return span
    variant = known.quantity("L3", f"rtl_ms[api={api}]")
    if variant is None or plain is None:
        word = f"measured on the probe's own API, {api} may cost more" + known.telling(["L3"])[1]
        return span.plus(0.0, 0.0, UNMEASURED_API_MS, word, False)
    return _difference(span, variant, plain, f"{api} (L3)")


def _mode(known: Known, values: Values, span: _Span, plain: Quantity | None) -> _Span:
    """A slower performance mode on the API that was measured without it."""
    mode = values.get("performance_mode")
    if mode not in ("none", "power_saving") or values.get("api") != known.probed_api:
        return span
    variant = known.quantity("L3", f"rtl_ms[performance={mode}]")
    if variant is None or plain is None:
        return span
    return _difference(span, variant, plain, f"performance mode {mode} (L3)")


def _buffer(known: Known, values: Values, span: _Span, plain: Quantity | None) -> _Span:
    """The buffer asked for, from the nearest size that L3 measured.

    Only on the API that was measured, and only where the phone grants what is asked (G1).
    """
    if known.family == "web":
        return _frames(known, values, span, plain)
    refused = known.quantity("G1", "sizes_refused")
    frames, rate_hz = known.facts.frames_per_burst, known.facts.native_rate_hz
    fixed = refused is not None and refused.worst > 0
    if plain is None or fixed or not frames or not rate_hz or values.get("api") != known.probed_api:
        return span
    wanted = _bursts(values, frames)
    sizes = {
        int(size): q
        for label, q in known.variants("L3", "rtl_ms").items()
        if (size := label.removeprefix("bursts=")).isdecimal()
    }
    if not sizes or wanted is None:
        return span
    nearest = min(sizes, key=lambda n: (abs(n - wanted), n))
    extra_ms = (wanted - nearest) * 1000.0 * frames / rate_hz
    return _difference(span, sizes[nearest], plain, f"{wanted:.3g} bursts (L3)", extra_ms)


def _frames(known: Known, values: Values, span: _Span, plain: Quantity | None) -> _Span:
    """A browser's buffer, asked for in frames, from the nearest size that L3 measured."""
    wanted, rate_hz = values.get("buffer_frames"), values.get("output_rate_hz")
    sizes = {
        int(size): q
        for label, q in known.variants("L3", "rtl_ms").items()
        if (size := label.removeprefix("frames=")).isdecimal()
    }
    if not sizes or plain is None or not isinstance(wanted, int) or not isinstance(rate_hz, int):
        return span
    nearest = min(sizes, key=lambda n: (abs(n - wanted), n))
    extra_ms = (wanted - nearest) * 1000.0 / rate_hz
    return _difference(span, sizes[nearest], plain, f"{wanted} frames (L3)", extra_ms)


def _bursts(values: Values, frames_per_burst: int) -> float | None:
    bursts, frames = values.get("buffer_bursts"), values.get("buffer_frames")
    if isinstance(bursts, int):
        return float(bursts)
    return frames / frames_per_burst if isinstance(frames, int) else None
