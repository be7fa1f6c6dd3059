"""What the Bluetooth tests share: which headsets there are, opens on them, what was granted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue.judging import measured
from profiler.catalogue.kinds import PlannedTrial, Skip, TrialOptions, numbered
from profiler.catalogue.system.acts import HEADSETS, call_request, offered_routes
from profiler.catalogue.trains import latency_train
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    StimulusSpec,
    TrialRecord,
    TrialRequest,
    TrialSetup,
)

TAIL_S = 1.6
"""Room for a Bluetooth latency."""
OPENS = 3


def connected(facts: DeviceFacts) -> tuple[str, ...]:
    """Routes of connected headsets."""
    return tuple(route for route in HEADSETS if route in offered_routes(facts))


def skip_without(facts: DeviceFacts, routes: Sequence[str]) -> Skip | None:
    """Why a test on these routes is not made, if so."""
    lacking = [route for route in routes if route not in connected(facts)]
    if not lacking:
        return None
    offered = ", ".join(offered_routes(facts)) or "none that the probe names"
    return Skip(
        Reason.NEEDS_HEADSET,
        f"needs a connected Bluetooth headset ({' and '.join(lacking)}), its earpiece lying on its "
        f"microphone; there are: {offered}",
    )


def opens(
    test_id: str,
    facts: DeviceFacts,
    options: TrialOptions,
    routes: Sequence[str],
    *,
    cold: StimulusSpec | None = None,
    count: int = OPENS,
) -> tuple[PlannedTrial, ...]:
    """``count`` opens on each route; with ``cold`` as the train of cold starts."""
    base = call_request(facts, options)
    train = cold or latency_train(options.seed, base.rate_hz, short=False)
    pairs: list[tuple[TrialRequest, StimulusSpec]] = []
    notes: list[TrialSetup] = []
    for route in routes:
        request = replace(base, route=route, warmup_s=0.0 if cold else base.warmup_s)
        pairs += [(request, train)] * count
        notes += [TrialSetup(note=f"on {route}")] * count
    return numbered(test_id, pairs, tail_s=TAIL_S, setup=notes)


def on(records: Sequence[TrialRecord], route: str) -> list[TrialRecord]:
    """The records of one route."""
    return [r for r in records if r.request.route == route]


def median_ms(records: Sequence[TrialRecord]) -> float | None:
    """Median latency of what was measured; ``None`` without any."""
    values = [e.round_trip_latency_ms for _, e in measured(records)]
    known = [v for v in values if v is not None]
    return statistics.median(known) if known else None


def band_hz(records: Sequence[TrialRecord]) -> tuple[float, float] | None:
    """Band that carried the train, the median of its edges."""
    bands = [e.band_hz for _, e in measured(records) if e.band_hz is not None]
    if not bands:
        return None
    return statistics.median(b[0] for b in bands), statistics.median(b[1] for b in bands)


def device_rate_hz(records: Sequence[TrialRecord]) -> int | None:
    """Rate at which the headset's microphone really runs, as the system says."""
    for record in records:
        if record.report is None:
            continue
        for key in ("device_input_rate_hz", "hardware_input_rate_hz"):
            said = record.report.observed.get(key, "")
            if said.isdecimal() and len(said) < 7:
                return int(said)
    return None


def described(records: Sequence[TrialRecord], route: str) -> tuple[list[Measurement], str]:
    """Latency, rate and band on one route: as measurements and as words."""
    mine = on(records, route)
    latency, band, rate = median_ms(mine), band_hz(mine), device_rate_hz(mine)
    numbers: list[Measurement] = []
    words = []
    if latency is not None:
        numbers.append(Measurement(f"rtl_ms[route={route}]", latency, "ms"))
        words.append(f"{latency:.0f} ms")
    if rate is not None:
        numbers.append(Measurement(f"bt_rate_hz[route={route}]", rate, "Hz"))
        words.append(f"at {rate} Hz")
    if band is not None:
        numbers.append(Measurement(f"band_hi_hz[route={route}]", band[1], "Hz"))
        words.append(f"up to {band[1]:.0f} Hz")
    return numbers, f"{route} {' '.join(words)}" if words else f"{route} not measured"
