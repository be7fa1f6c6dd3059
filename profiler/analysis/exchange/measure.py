"""One exchange, end to end: two recordings and the schedule in, findings out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.analysis.arrival import PLAIN, Pick
from profiler.analysis.exchange import judge
from profiler.analysis.exchange.clean import Places, clean_masks
from profiler.analysis.exchange.echo import SelfEcho, self_echo
from profiler.analysis.exchange.hearing import F32, Hearing, Voice, listen
from profiler.analysis.exchange.solve import Solution, chain_of, exchanges_s, solve
from profiler.analysis.measure import Measured, condition, measure_found
from profiler.analysis.quality import capture_quality, is_silent
from profiler.model import CaptureQuality, ExchangeFindings, Geometry, Reason, Verdict
from profiler.stimulus import ExchangeSchedule
from profiler.wav import Audio

EXCHANGE_VERSION = "2"
"""Changes whenever the same recordings may give another number."""
UNKNOWN_PLACE = Geometry()
PROCESSED = Pick(far_db=-11.0, near_db=-5.0, near_s=0.00025)
"""Voice processing is a filter of no phase: what it does to the comb of a reflection is a ghost as
long *before* the direct sound (-15 dB for a reflection of 0.64, measured), and its band filters
ring before it (-7 to -15 dB within 0.2 ms, AEC3 at 48 kHz). A direct path weaker than that is not
looked for in A's recording."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Both recordings, and all four voices in them as far as they could be measured."""

    places: Places
    ab: Measured | None
    """A's trains in B's recording."""
    bb: Measured | None
    ba: Measured | None
    aa: Measured | None
    clashing: int


def measure_exchange(
    audio_a: Audio,
    audio_b: Audio,
    schedule: ExchangeSchedule,
    geometry: Geometry = UNKNOWN_PLACE,
) -> ExchangeFindings:
    """Output plus input latency of A at t = 0 of A's timeline.

    Frame 0 of each recording is frame 0 of that device's own timeline; the first channel is used.
    Recording rates may differ from the schedule's. Whatever is wrong with the recordings is a
    verdict with reasons; nothing is raised for it.
    """
    quality = capture_quality(audio_a), capture_quality(audio_b)
    unusable = _unusable(quality)
    if unusable:
        return _refused(quality, unusable)
    a, b = (condition(np.ascontiguousarray(x.samples[:, 0]), x.rate_hz) for x in (audio_a, audio_b))
    if not (np.abs(a).max() > 0 and np.abs(b).max() > 0):
        return _refused(quality, [Reason.SILENT_CAPTURE])
    rates = audio_a.rate_hz, audio_b.rate_hz
    places = _listen(a, b, rates, schedule)
    refused = judge.unheard(places)
    if refused:
        return _refused(quality, refused)
    heard = _measure(a, b, rates, places)
    if heard.ab is None or heard.bb is None or heard.ba is None:
        return _refused(quality, [Reason.FEW_EXCHANGES], heard=heard)
    solution = solve(chain_of(heard.ab), chain_of(heard.bb), chain_of(heard.ba), geometry)
    echo = self_echo(a, rates[0], places, heard.ba, solution)
    each = exchanges_s(heard.ab, heard.bb, heard.ba, (places.aa.voice, places.bb.voice), solution)
    return _judged(quality, heard, solution, echo, each)


def _unusable(quality: tuple[CaptureQuality, CaptureQuality]) -> list[Reason]:
    out = []
    if any(q.non_finite for q in quality):
        out.append(Reason.NON_FINITE)
    elif any(is_silent(q) for q in quality):
        out.append(Reason.SILENT_CAPTURE)
    elif any(q.duration_s < judge.SHORTEST_S for q in quality):
        out.append(Reason.TOO_SHORT)
    elif any(q.clipped_fraction > judge.CLIPPED_REFUSED for q in quality):
        out.append(Reason.CLIPPED)
    return out


def _listen(a: F32, b: F32, rates: tuple[int, int], schedule: ExchangeSchedule) -> Places:
    voice_a = Voice(schedule.train_a, schedule.at_a_s)
    voice_b = Voice(schedule.train_b, schedule.at_b_s)
    return Places(
        aa=listen(a, rates[0], voice_a),
        ab=listen(b, rates[1], voice_a),
        bb=listen(b, rates[1], voice_b),
        ba=listen(a, rates[0], voice_b),
        duration_a_s=a.size / rates[0],
        duration_b_s=b.size / rates[1],
    )


def _measure(a: F32, b: F32, rates: tuple[int, int], places: Places) -> Heard:
    masks = clean_masks(places)

    def measured(
        x: F32, rate: int, hearing: Hearing, name: str, pick: Pick = PLAIN
    ) -> Measured | None:
        return measure_found(x, hearing.voice.whole, rate, hearing.found(masks[name]), pick)

    clashing = sum(int((~masks[n] & h.heard).sum()) for n, h in places.crossing())
    return Heard(
        places=places,
        ab=measured(b, rates[1], places.ab, "ab"),
        bb=measured(b, rates[1], places.bb, "bb"),
        ba=measured(a, rates[0], places.ba, "ba", PROCESSED),
        aa=measured(a, rates[0], places.aa, "aa") if judge.own_is_heard(places.aa) else None,
        clashing=clashing,
    )


def _judged(
    quality: tuple[CaptureQuality, CaptureQuality],
    heard: Heard,
    solution: Solution,
    echo: SelfEcho,
    each: np.ndarray,
) -> ExchangeFindings:
    ab, bb, ba = heard.ab, heard.bb, heard.ba
    if ab is None or bb is None or ba is None:
        raise ValueError("all three voices are needed")
    chains = judge.Chains(ab, bb, ba, heard.aa)
    evidence = judge.evidence(heard.places, chains, each)
    refused = judge.refusals(heard.places, chains, evidence, solution, echo)
    if refused:
        return _refused(quality, refused, heard=heard, echo=echo, solution=solution)
    concerns = judge.concerns(chains, quality)
    spread = each - float(np.median(each))
    return ExchangeFindings(
        verdict=Verdict.MARGINAL if concerns else Verdict.PASS,
        reasons=tuple(r.value for r in (*concerns, *judge.notes(chains))),
        quality=quality[0],
        partner_quality=quality[1],
        round_trip_latency_ms=1000 * max(0.0, solution.latency_s),
        uncertainty_us=1e6 * solution.sigma_s,
        confidence=evidence.confidence,
        skew_ppm=1e6 * solution.skew,
        own_drift_ppm=1e6 * solution.own_drift,
        trains_a=evidence.trains[0],
        trains_b=evidence.trains[2],
        trains_clashing=heard.clashing,
        self_echo_db=echo.level_db,
        self_echo_bound_db=echo.bound_db,
        own_round_trip_ms=judge.own_round_trip_ms(heard.aa, heard.places.aa, echo),
        per_exchange_ms=tuple(float(1000 * (solution.latency_s + x)) for x in spread),
        analysis_version=EXCHANGE_VERSION,
    )


def _refused(
    quality: tuple[CaptureQuality, CaptureQuality],
    reasons: list[Reason],
    *,
    heard: Heard | None = None,
    echo: SelfEcho | None = None,
    solution: Solution | None = None,
) -> ExchangeFindings:
    trains = _trains(heard) if heard else (0, 0)
    skew = solution.skew * 1e6 if solution else math.nan
    return ExchangeFindings(
        verdict=Verdict.NOT_MEASURABLE,
        reasons=tuple(r.value for r in reasons),
        quality=quality[0],
        partner_quality=quality[1],
        round_trip_latency_ms=None,
        uncertainty_us=None,
        confidence=0.0,
        skew_ppm=skew if math.isfinite(skew) else None,
        own_drift_ppm=None,
        trains_a=trains[0],
        trains_b=trains[1],
        trains_clashing=heard.clashing if heard else 0,
        self_echo_db=echo.level_db if echo else None,
        self_echo_bound_db=echo.bound_db if echo else None,
        own_round_trip_ms=None,
        per_exchange_ms=(),
        analysis_version=EXCHANGE_VERSION,
    )


def _trains(heard: Heard) -> tuple[int, int]:
    places = heard.places
    return judge.trains_used(heard.ab, places.ab), judge.trains_used(heard.ba, places.ba)
