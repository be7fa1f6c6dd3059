"""Judging L2's exchanges: calibrate with the effects off, correct with the effects on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, nothing_measured, unique
from profiler.catalogue.latency.l2_effects import (
    EFFECTS_OFF,
    EFFECTS_ON,
    difference_words,
    effect_reasons,
    not_granted,
    with_note,
)
from profiler.model import (
    ExchangeFindings,
    Measurement,
    Reason,
    TrialRecord,
    Verdict,
    worst,
)

TEST_ID = "L2"
SOUND_M_S = 343.0
FARTHEST_M = 2.0
"""A partner further away is no partner (proposal); bounds what an unknown distance adds."""
OWN_PATH_M = 0.2
"""1 sigma of what the two devices' own paths, loudspeaker to microphone, differ by (proposal)."""


@dataclass(frozen=True, slots=True)
class Session:
    """One exchange that gave a number."""

    partner: str
    """Who helped: the geometry is that of the pair."""
    exchange_ms: float
    """Without what the distances take away."""
    sigma_ms: float
    own_ms: float | None
    """The device's own measurement in the same recording."""
    echo_db: float | None
    distance_m: float


@dataclass(frozen=True, slots=True)
class Offset:
    """``own = exchange + value``: what the distances of one pair take from the exchange."""

    value_ms: float
    sigma_ms: float


@dataclass(frozen=True, slots=True)
class Pair:
    """The device with the partner it had most of its sessions with."""

    on: tuple[Session, ...]
    off: tuple[Session, ...]
    offset: Offset | None

    def values_ms(self, sessions: Sequence[Session]) -> list[float]:
        """Round trips, corrected where that is possible."""
        add_ms = self.offset.value_ms if self.offset else 0.0
        return [s.exchange_ms + add_ms for s in sessions]


def sessions(records: Sequence[TrialRecord]) -> list[Session]:
    """Those of ``records`` with a number."""
    found = []
    for record in records:
        said = record.findings
        if not isinstance(said, ExchangeFindings) or said.round_trip_latency_ms is None:
            continue
        if said.verdict not in (Verdict.PASS, Verdict.MARGINAL) or record.partner is None:
            continue
        found.append(
            Session(
                record.partner.device_uid,
                float(said.round_trip_latency_ms),
                float(said.uncertainty_us or 0.0) / 1000,
                None if said.own_round_trip_ms is None else float(said.own_round_trip_ms),
                said.self_echo_db,
                record.setup.geometry.distance_m,
            )
        )
    return found


def offset_of(off: Sequence[Session], on: Sequence[Session]) -> Offset | None:
    """From the sessions in which nothing cancelled the device's own sound, else by a known D.

    ``None``: the distance is not known either.
    """
    gaps = [s.own_ms - s.exchange_ms for s in off if s.own_ms is not None]
    if gaps:
        noise_ms = statistics.median(s.sigma_ms for s in off if s.own_ms is not None)
        return Offset(statistics.median(gaps), limits.median_sigma(gaps, noise_ms))
    if on and all(s.distance_m > 0 for s in on):
        return Offset(0.0, 1000 * OWN_PATH_M / SOUND_M_S)
    return None


def pair_of(off: Sequence[Session], on: Sequence[Session]) -> Pair:
    """The sessions with one partner: another one stands elsewhere."""
    pairs = []
    for partner in dict.fromkeys(s.partner for s in on):
        mine = tuple(s for s in on if s.partner == partner)
        theirs = tuple(s for s in off if s.partner == partner)
        pairs.append(Pair(mine, theirs, offset_of(theirs, mine)))
    return max(pairs, key=lambda p: (p.offset is not None, len(p.on), len(p.off)))


def rule(records: Sequence[TrialRecord]) -> Ruling:
    """Latency with the effects on, and what they add."""
    on_records = with_note(records, EFFECTS_ON)
    on, off = sessions(on_records), sessions(with_note(records, EFFECTS_OFF))
    if not on:
        # Sessions with the effects off answer another question.
        return nothing_measured(on_records or records, "no exchange with the effects on")
    pair = pair_of(off, on)
    verdict, reasons = _graded(pair)
    others = len(records) - len(pair.on) - len(pair.off)
    text = _text(pair) + (f"; {others} sessions without a number" if others else "")
    differs = not_granted(records)
    text += f"; {', '.join(differs)}" if differs else ""
    notes = (reason for r in records for reason in r.reasons)
    return Ruling(
        verdict, unique((*reasons, *effect_reasons(records), *notes)), text, _numbers(pair)
    )


def _sigma_ms(sessions_: Sequence[Session], values_ms: Sequence[float]) -> float:
    """Of the median: the spread between sessions and the method's own error."""
    return limits.median_sigma(values_ms, statistics.median(s.sigma_ms for s in sessions_))


def _graded(pair: Pair) -> tuple[Verdict, tuple[Reason, ...]]:
    values = pair.values_ms(pair.on)
    reasons: list[Reason] = []
    if pair.offset is None:
        reasons.append(Reason.GEOMETRY_UNKNOWN)
    if len(values) < limits.MIN_REPEATS:
        return Verdict.MARGINAL, (Reason.FEW_REPEATS, *reasons)
    middle = limits.median_bounds(values)
    noise_ms = statistics.median(s.sigma_ms for s in pair.on)
    reach_ms = limits.Z95 * math.hypot(noise_ms, pair.offset.sigma_ms if pair.offset else 0.0)
    unknown_ms = 0.0 if pair.offset else 2000 * FARTHEST_M / SOUND_M_S
    bounds = limits.Bounded(
        middle.value, middle.low - reach_ms - unknown_ms, middle.high + reach_ms
    )
    verdict, why = limits.grade(TEST_ID, "rtl_ms", bounds)
    if pair.offset is None:
        verdict = worst((verdict, Verdict.MARGINAL))
    return verdict, (*why, *reasons)


def _text(pair: Pair) -> str:
    on = pair.values_ms(pair.on)
    head = f"round trip {statistics.median(on):.2f} ms with the effects on"
    if pair.offset is None:
        head += f" (up to {2000 * FARTHEST_M / SOUND_M_S:.0f} ms less: the distance is not known)"
    if pair.off:
        delay = added(pair)
        head += difference_words(delay.value, delay.sigma or 0.0)
    return f"{head}; {len(pair.on)} exchanges on, {len(pair.off)} off, with {pair.on[0].partner}"


def added(pair: Pair) -> Measurement:
    """The delay of the processing itself; distances do not enter it."""
    on, off = pair.values_ms(pair.on), pair.values_ms(pair.off)
    sigma_ms = math.hypot(_sigma_ms(pair.on, on), _sigma_ms(pair.off, off))
    difference_ms = statistics.median(on) - statistics.median(off)
    return Measurement("processing_delay_ms", difference_ms, "ms", sigma_ms)


def _numbers(pair: Pair) -> tuple[Measurement, ...]:
    on, offset = pair.values_ms(pair.on), pair.offset
    name = "rtl_ms" if offset else "rtl_uncalibrated_ms"
    extra_ms = offset.sigma_ms if offset else 0.0
    sigma_ms = math.hypot(_sigma_ms(pair.on, on), extra_ms)
    found = [
        Measurement(name, statistics.median(on), "ms", sigma_ms),
        Measurement("rtl_mad_ms", limits.mad(on), "ms"),
    ]
    if pair.off:
        off = pair.values_ms(pair.off)
        sigma_ms = math.hypot(_sigma_ms(pair.off, off), extra_ms)
        name = "rtl_off_ms" if offset else "rtl_off_uncalibrated_ms"
        found += [Measurement(name, statistics.median(off), "ms", sigma_ms), added(pair)]
    if offset:
        found.append(Measurement("geometry_ms", offset.value_ms, "ms", offset.sigma_ms))
    for side, those in (("on", pair.on), ("off", pair.off)):
        found.append(Measurement(f"sessions_{side}", len(those), "1"))
        echoes = [s.echo_db for s in those if s.echo_db is not None]
        if echoes:
            found.append(Measurement(f"self_echo_{side}_db", statistics.median(echoes), "dB"))
    return tuple(found)
