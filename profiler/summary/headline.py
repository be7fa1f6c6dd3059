"""One plain line per phone: what an app team should do with it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from profiler.model import Platform, TestResult, Verdict

MEASURED = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)


def headline(results: Iterable[TestResult], platform: Platform = Platform.ANDROID) -> str:
    """The line for the results of one run; empty when nothing in it can be advised on.

    It repeats what the tests' measurements say and adds nothing: barge-in (A9), buffer (G1),
    capture configurations that are silent (D1), the echo canceller (A2), delay in a call (L2).
    """
    by_test = {r.test_id: r for r in results}
    parts = (
        _barge_in(by_test.get("A9")),
        _use(by_test),
        _canceller(by_test.get("A2"), "browser's" if platform is Platform.WEB else "platform")
        or _echo(by_test.get("A1")),
        _delay(by_test),
        _silent(by_test.get("D1")),
    )
    return "; ".join(part for part in parts if part)


def number(result: TestResult | None, name: str) -> float | None:
    """A measurement of a result by its name; ``None`` when there is none."""
    if result is None:
        return None
    return next((m.value for m in result.measurements if m.name == name), None)


def _barge_in(result: TestResult | None) -> str:
    if result is None or result.verdict is Verdict.SKIPPED:
        return ""
    full = number(result, "full_duplex")
    if full is None:
        return f"barge-in not known ({', '.join(result.reasons) or result.verdict.value})"
    if not full:
        return "barge-in is not safe: half duplex"
    volume = number(result, "max_safe_volume")
    if volume is None:
        return "barge-in safe at the volume as found"
    return f"barge-in safe up to {100 * volume:.0f} % volume"


def _use(by_test: dict[str, TestResult]) -> str:
    sweep = by_test.get("G1")
    bursts, frames = (number(sweep, f"safe_{unit}") for unit in ("bursts", "frames"))
    if bursts is not None:
        return f"use {bursts:.0f} burst{'' if bursts == 1 else 's'} of buffer{_watched(sweep)}"
    if frames is not None:
        return f"use {frames:.0f} frames of buffer{_watched(sweep)}"
    if sweep is not None and sweep.verdict is Verdict.FAIL:
        return "no buffer that was tried is free of glitches"
    return ""


def _watched(sweep: TestResult | None) -> str:
    """How long it was seen to be clean, where that proves little."""
    clean_min = number(sweep, "clean_min")
    if sweep is None or sweep.verdict is Verdict.PASS or clean_min is None:
        return ""
    return f" (no glitch in {60 * clean_min:.0f} s)"


def _canceller(result: TestResult | None, whose: str) -> str:
    """At the loudest volume, where it is needed most; named when there were several, because the
    verdict beside it is that of the worst."""
    if result is None or result.verdict not in MEASURED:
        return ""
    removes, at_least = _loudest(result, "effective_db", "effective_low_db")
    if removes is None and at_least is None:
        return ""
    how_much = f"{removes:.0f} dB" if removes is not None else f"at least {at_least:.0f} dB"
    how_much += _at_volume(result)
    if not _loudest(result, "reported_on")[0]:
        return f"{whose} AEC is off and removes {how_much}"
    claims = "claims to be on but " if result.verdict is Verdict.FAIL else ""
    return f"{whose} AEC {claims}removes {how_much}"


def _echo(result: TestResult | None) -> str:
    """What A1 found, when nobody asked whether the system's claim is true."""
    if result is None or result.verdict not in MEASURED:
        return ""
    removed, at_least = _loudest(result, "erle_db", "erle_low_db")
    where = _at_volume(result)
    if removed is not None:
        return f"{max(removed, 0.0):.0f} dB of echo removed{where}"
    if at_least is None:
        return ""
    return f"at least {max(at_least, 0.0):.0f} dB of echo removed{where}"


def _at_volume(result: TestResult) -> str:
    """`` at 100 % volume`` for a test of several volumes, whose loudest the number is of."""
    found = [m.name.partition("[volume=")[2].rstrip("]") for m in result.measurements]
    volumes = list(dict.fromkeys(v for v in found if v))
    if len(volumes) < 2 or not re.fullmatch(r"[01](\.\d{1,4})?", volumes[-1]):
        return ""
    return f" at {100 * float(volumes[-1]):.0f} % volume"


def _loudest(result: TestResult, *names: str) -> tuple[float | None, ...]:
    """These numbers at the last volume that any of them was measured at: tests go from quiet to
    loud. ``None`` = not at that one, however loud the last one was that gave it."""
    found = [(m.name.partition("["), m.value) for m in result.measurements]
    at = [rest for (name, _, rest), _ in found if name in names and rest.startswith("volume=")]
    last = {name: value for (name, _, rest), value in found if at and rest == at[-1]}
    return tuple(last.get(name) for name in names)


def _delay(by_test: dict[str, TestResult]) -> str:
    call, media = number(by_test.get("L2"), "rtl_ms"), number(by_test.get("L1"), "rtl_ms")
    if call is not None:
        return f"round trip {call:.0f} ms in a call"
    return "" if media is None else f"round trip {media:.0f} ms (media)"


def _silent(result: TestResult | None) -> str:
    if result is None or result.verdict is not Verdict.FAIL:
        return ""
    return result.text.partition(";")[0]
