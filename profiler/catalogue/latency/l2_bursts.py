"""Judging L2 on one device alone: what of its own bursts survived its canceller.

The ``burst`` analysis believes only what survives whole, alike and loud. Here it must also make
sense beside the sessions with the effects off: processing adds a delay and takes none away. One
session that does not makes all of them doubtful, and the answer is then to add a partner.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, listed, measured, nothing_measured, unique
from profiler.catalogue.latency.l2_effects import (
    ADD_PARTNER,
    EFFECTS_OFF,
    EFFECTS_ON,
    difference_words,
    effect_reasons,
    not_granted,
    with_note,
)
from profiler.model import Measurement, Reason, StimulusSpec, TrialRecord, Verdict

TEST_ID = "L2"
MIN_SURVIVORS = 2
"""Sessions that must agree: one lucky peak is none (proposal)."""
EARLIER_MS = 3.0
"""How much earlier than every session with the effects off one may be: another start of the
streams, not another path (proposal)."""
LATER_MS = 120.0
"""More than this no voice processing adds (proposal; WebRTC's adds 14 ms, measured)."""


def rule(records: Sequence[TrialRecord]) -> Ruling:
    """The latency with the effects on, if the bursts survived them."""
    on_records, off_records = with_note(records, EFFECTS_ON), with_note(records, EFFECTS_OFF)
    on, off = _values_ms(on_records), _values_ms(off_records)
    numbers = _off_numbers(off, off_records)
    if not on_records or any(r.verdict is Verdict.ERROR for r in records):
        return nothing_measured(records, "not every session was made")
    if len(on) < MIN_SURVIVORS:
        return _refused(on_records, f"the bursts survived in {len(on)} sessions", numbers)
    if not off:
        return _refused(off_records, "with the effects off there is nothing to compare", numbers)
    strange = [v for v in on if not min(off) - EARLIER_MS <= v <= max(off) + LATER_MS]
    if strange:
        return _refused(on_records, f"{strange[0]:.1f} ms does not fit to the effects off", numbers)
    return _survived(records, on_records, on, off)


def _values_ms(records: Sequence[TrialRecord]) -> list[float]:
    return [
        float(e.round_trip_latency_ms)
        for _, e in measured(records)
        if e.round_trip_latency_ms is not None
    ]


def _noise_ms(records: Sequence[TrialRecord]) -> float:
    return statistics.median(e.uncertainty_us or 0.0 for _, e in measured(records)) / 1000


def _off_numbers(off: Sequence[float], records: Sequence[TrialRecord]) -> tuple[Measurement, ...]:
    count = Measurement("sessions_off", len(off), "1")
    if not off:
        return (count,)
    sigma_ms = limits.median_sigma(off, _noise_ms(records))
    return Measurement("rtl_off_ms", statistics.median(off), "ms", sigma_ms), count


def _refused(records: Sequence[TrialRecord], what: str, numbers: tuple[Measurement, ...]) -> Ruling:
    reasons = unique((Reason.AEC_SUPPRESSED, *(w for r in records for w in r.reasons)))
    text = f"{what} ({listed(reasons)}); {ADD_PARTNER}"
    return Ruling(Verdict.NOT_MEASURABLE, reasons, text, numbers)


def _survived(
    records: Sequence[TrialRecord],
    on_records: Sequence[TrialRecord],
    on: Sequence[float],
    off: Sequence[float],
) -> Ruling:
    noise_ms = _noise_ms(on_records)
    sigma_ms = limits.median_sigma(on, noise_ms)
    off_sigma_ms = limits.median_sigma(off, noise_ms)
    added_ms = statistics.median(on) - statistics.median(off)
    added_sigma_ms = math.hypot(sigma_ms, off_sigma_ms)
    numbers = (
        Measurement("rtl_ms", statistics.median(on), "ms", sigma_ms),
        Measurement("rtl_mad_ms", limits.mad(on), "ms"),
        Measurement("processing_delay_ms", added_ms, "ms", added_sigma_ms),
        Measurement("sessions_on", len(on), "1"),
        *_off_numbers(off, with_note(records, EFFECTS_OFF)),
    )
    differs = not_granted(records)
    text = (
        f"round trip {statistics.median(on):.2f} ms with the effects on"
        f"{difference_words(added_ms, added_sigma_ms)}; {_stimulus(on_records)} survived in "
        f"{len(on)} of {len(on_records)} sessions"
    )
    text += f"; {', '.join(differs)}" if differs else ""
    notes = unique((*effect_reasons(records), *(w for r in records for w in r.reasons)))
    if len(on) < limits.MIN_REPEATS:
        return Ruling(Verdict.MARGINAL, unique((Reason.FEW_REPEATS, *notes)), text, numbers)
    middle = limits.median_bounds(on)
    reach_ms = limits.Z95 * noise_ms
    bounds = limits.Bounded(middle.value, middle.low - reach_ms, middle.high + reach_ms)
    verdict, why = limits.grade(TEST_ID, "rtl_ms", bounds)
    return Ruling(verdict, unique((*why, *notes)), text, numbers)


def _stimulus(records: Sequence[TrialRecord]) -> str:
    """What it was that survived."""
    spec = records[0].stimulus
    return f"sweeps of {1000 * spec.chirp_s:.0f} ms" if isinstance(spec, StimulusSpec) else "bursts"
