"""Rules for values that hold on one route only (R1, B1, B2, B3)."""

from __future__ import annotations

from collections.abc import Iterator

from profiler.model import ROUTES, Quantity, UseCase
from profiler.recommend.agent import HEADSETS
from profiler.recommend.case import Case, Choice, only, up_to, upper, whole
from profiler.recommend.duplex import software
from profiler.recommend.limits import AEC3_HINT_MAX_MS
from profiler.recommend.rule import Rule

_BLUETOOTH = ("bluetooth_sco", "bluetooth_le")
_STEP_MS = 10.0


def route_ms(case: Case, route: str) -> Quantity | None:
    """Round trip on a route: B1 and B3 measure headsets, R1 what a change leads to."""
    name = f"[route={route}]"
    found = only(
        (
            case.quantity("B1", f"rtl_ms{name}"),
            case.quantity("B3", f"rtl_ms{name}"),
            case.quantity("R1", f"latency_ms{name}"),
        )
    )
    return next((q for q in found if isinstance(q, Quantity)), None)


def _delay(case: Case) -> Iterator[Choice]:
    if not software(case):
        return
    for route in ROUTES:
        found = route_ms(case, route)
        if route == "speaker" or found is None:
            continue
        value = whole("aec_delay_hint_ms", min(max(found.value, 0.0), AEC3_HINT_MAX_MS))
        why = f"the way there and back takes {found.value:.0f} ms on this route"
        yield Choice("aec_delay_hint_ms", value, why, (found,), route=route)


def _rate(case: Case) -> Iterator[Choice]:
    for route in _BLUETOOTH:
        name = f"bt_rate_hz[route={route}]"
        found = only((case.quantity("B1", name), case.quantity("B3", name)))
        rates = [q for q in found if isinstance(q, Quantity)]
        if rates:
            value = whole("capture_rate_hz", rates[0].value)
            why = f"the headset's microphone runs at {value} Hz"
            yield Choice("capture_rate_hz", value, why, (rates[0],), route=route)


def _warm_up(case: Case) -> Iterator[Choice]:
    silence = case.quantity("B2", "silence_s")
    if silence is not None:
        value = whole("preroll_ms", up_to(_STEP_MS, 1000.0 * max(upper(silence), 0.0)))
        why = f"its microphone is silent for the first {silence.value:.1f} s"
        yield Choice("preroll_ms", value, why, (silence,), route="bluetooth_sco")


def _open(case: Case) -> Iterator[Choice]:
    if case.use is UseCase.VOICE_AGENT:
        for route in HEADSETS:
            why = "a headset's loudspeaker is in the ear: barge-in needs no canceller"
            yield Choice("full_duplex", True, why, route=route)


def _clock(case: Case) -> Iterator[Choice]:
    if case.value("drift_compensation") is False:
        for route in ("usb", *_BLUETOOTH):
            yield Choice(
                "drift_compensation", True, "a headset has a clock of its own", route=route,
                would_tell=("L5",), telling="on this route would tell", again=True,
            )  # fmt: skip


RULES = (
    Rule(
        "routes.delay", ("aec_delay_hint_ms",),
        "software canceller, and R1, B1 or B3 measured a route", "its round trip, at most 500 ms",
        ("R1", "B1", "B3"), ("F10",), _delay,
    ),
    Rule(
        "routes.rate", ("capture_rate_hz",),
        "B1 or B3 measured a headset", "the rate its microphone runs at",
        ("B1", "B3"), ("mumble-iphoneos#125",), _rate,
    ),
    Rule(
        "routes.warm_up", ("preroll_ms",),
        "B2 measured a cold headset", "as long as it is silent",
        ("B2",), ("EnviousWispr#1434",), _warm_up,
    ),
    Rule(
        "routes.open", ("full_duplex",),
        "voice agent", "full duplex on headsets", (), ("proposal",), _open,
    ),
    Rule(
        "routes.clock", ("drift_compensation",),
        "none is needed on the phone itself", "on for USB and Bluetooth",
        (), ("L5",), _clock,
    ),
)  # fmt: skip
"""In order."""
