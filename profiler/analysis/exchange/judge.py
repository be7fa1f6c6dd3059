"""Is it an exchange at all, how sure are we, and what must the reader know?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis import decide
from profiler.analysis.exchange.clean import Places
from profiler.analysis.exchange.echo import SelfEcho
from profiler.analysis.exchange.hearing import MIN_TRAIN_CHIRPS, Hearing
from profiler.analysis.exchange.solve import Solution
from profiler.analysis.measure import Measured
from profiler.analysis.search import MAX_LATENCY_S
from profiler.model import CaptureQuality, Reason

SHORTEST_S = 3.0
"""A recording that cannot hold two trains of each device."""
CLIPPED_REFUSED = 0.02
"""With so many flat tops (share of all samples, pauses included) no train is itself (proposal)."""
MIN_TRAINS = 2
MIN_CHIRPS = 5
MIN_SCORE = 2.2
"""Sum of the trains' mean log power: two trains of 12 dB over the median each (measured: noise
alone reaches 1.3)."""
MIN_RATIO = 1.4
"""Best lag against the next best: a wrong lag shares one train with the schedule."""
MIN_WHOLE = 0.5
"""Each chirp of the pattern is heard in so many of its trains. Of another plan's trains two of
three chirps can fit, in every train the same two (seen at seed 6045 of the corpus)."""
MIN_COHERENCE = 0.12
"""Median share of a chirp's power that all chirps have in common."""
MIN_SHARE = 0.6
"""Part of the heard trains' chirps that lie on one line."""
AGREE_S = 0.0004
MIN_AGREE = 0.6
"""Part of the exchanges that lie within ``AGREE_S`` of their median."""
EARLIEST_S = -0.0002
OWN_COHERENCE = 0.5
OWN_ECHO_DB = 0.0
"""A's own train this loud and whole was not cancelled: its one-device latency may be read."""
OWN_DISAGREES_S = 0.012
"""One-device and exchange latency differ by the air that is not in the geometry, at most 4 m."""
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """The measured voices; ``ab`` = A's trains heard by B."""

    ab: Measured
    bb: Measured
    ba: Measured
    aa: Measured | None

    def each(self) -> tuple[Measured, Measured, Measured]:
        """Those that the latency is made of."""
        return self.ab, self.bb, self.ba


@dataclass(frozen=True, slots=True)
class Evidence:
    """What accepting an exchange rests on; each the worst of the three voices."""

    trains: tuple[int, int, int]
    chirps: int
    share: float
    """Chirps on the line, of all chirps of the trains that were heard undisturbed."""
    coherence: float
    ratio: float
    agree: float

    def features(self) -> tuple[float, ...]:
        """Inputs of the logistic, bounded so that no one of them decides alone."""
        return (
            1.0,
            min(self.chirps, 12) / 3.0 - 2.0,
            self.share - 0.5,
            min(self.ratio, 3.0) - 1.0,
        )

    @property
    def confidence(self) -> float:
        """Probability that the latency is right within 1 ms.

        Logistic fit on simulated exchanges down to -24 dB, with clashes, and on recordings of
        another plan and of noise, all gates open (73 with a number, proposal). Coherence and
        agreement have gates of their own and added nothing.
        """
        z = sum(w * f for w, f in zip(WEIGHTS, self.features(), strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


WEIGHTS = (1.79, 2.12, 2.18, 0.12)


def unheard(places: Places) -> list[Reason]:
    """Which voice is missing, or is where it cannot be."""
    out = []
    for hearing, reason in (
        (places.ab, Reason.PARTNER_UNHEARD),
        (places.ba, Reason.PARTNER_UNHEARD),
        (places.bb, Reason.NO_STIMULUS),
    ):
        heard = int(hearing.heard.sum())
        if heard == 0 or hearing.score < MIN_SCORE:
            out.append(reason)
        elif heard < MIN_TRAINS:
            out.append(Reason.FEW_EXCHANGES)
        elif hearing.score < MIN_RATIO * hearing.rival or hearing.whole_share < MIN_WHOLE:
            out.append(Reason.AMBIGUOUS_PEAK)
    own = [places.bb] + ([places.aa] if own_is_heard(places.aa) else [])
    # A device hears itself within its own latency; else the files are swapped or cut in front.
    if not out and any(not EARLIEST_S - 0.002 <= h.lag_s <= MAX_LATENCY_S for h in own):
        out.append(Reason.AMBIGUOUS_PEAK)
    return list(dict.fromkeys(out))


def own_is_heard(aa: Hearing) -> bool:
    """Whether A's own trains stand out of A's recording."""
    enough = int(aa.heard.sum()) > len(aa.voice.at_s) / 2
    return enough and aa.score >= MIN_SCORE and aa.score >= MIN_RATIO * aa.rival


def trains_used(m: Measured | None, hearing: Hearing) -> int:
    """Trains with at least two chirps (all, of a train of one) on the line."""
    if m is None:
        return 0
    train = hearing.voice.train_of(m.played_s[m.line.groups == m.main_group])
    least = min(MIN_TRAIN_CHIRPS, len(hearing.voice.train.starts_s))
    return int(np.sum(np.bincount(train, minlength=1) >= least)) if train.size else 0


def evidence(places: Places, chains: Chains, each_s: npt.NDArray[np.float64]) -> Evidence:
    """Collect the features."""
    voices = chains.each()
    on_line = [int(np.sum(m.line.groups == m.main_group)) for m in voices]
    heard = [max(1, sum(m.found.observable)) for m in voices]
    off = np.abs(each_s - np.median(each_s))
    return Evidence(
        trains=(
            trains_used(chains.ab, places.ab),
            trains_used(chains.bb, places.bb),
            trains_used(chains.ba, places.ba),
        ),
        chirps=min(on_line),
        share=min(n / h for n, h in zip(on_line, heard, strict=True)),
        coherence=min(float(np.median(m.aligned.coherence)) for m in voices),
        ratio=min(h.score / max(h.rival, 1e-3) for h in (places.ab, places.bb, places.ba)),
        agree=float(np.mean(off < AGREE_S)),
    )


def refusals(
    places: Places, chains: Chains, evidence: Evidence, solution: Solution, echo: SelfEcho
) -> list[Reason]:
    """Why the exchange gives no number; empty when it does."""
    out = []
    if min(evidence.trains) < MIN_TRAINS or evidence.chirps < MIN_CHIRPS:
        out.append(Reason.FEW_EXCHANGES)
    if any(h.moved for h in (places.ab, places.bb, places.ba)):
        out.append(Reason.TIMELINE_EDITED)
    if evidence.share < MIN_SHARE or evidence.agree < MIN_AGREE:
        out.append(Reason.INCONSISTENT_CHIRPS)
    if evidence.coherence < MIN_COHERENCE:
        out.append(Reason.LOW_COHERENCE)
    slopes = [m.line.slope for m in chains.each()]
    if max(abs(s) for s in (*slopes, solution.skew, solution.own_drift)) > _MAX_DRIFT:
        out.append(Reason.IMPLAUSIBLE_DRIFT)
    if solution.latency_s < EARLIEST_S:
        out.append(Reason.NEGATIVE_LATENCY)
    if (
        solution.latency_s > MAX_LATENCY_S
        or _disagrees(places, chains, solution, echo)
        or _swapped(places, chains)
    ):
        out.append(Reason.AMBIGUOUS_PEAK)
    if not out and evidence.confidence < MIN_CONFIDENCE:
        out.append(Reason.LOW_SNR)
    return out


_MAX_DRIFT = 1e-6 * decide.MAX_DRIFT_PPM


def _disagrees(places: Places, chains: Chains, solution: Solution, echo: SelfEcho) -> bool:
    """Whether A's own train, uncancelled, says another latency: recordings of two sessions."""
    own_ms = own_round_trip_ms(chains.aa, places.aa, echo, anyhow=True)
    return own_ms is not None and abs(own_ms / 1000 - solution.latency_s) > OWN_DISAGREES_S


def _swapped(places: Places, chains: Chains) -> bool:
    """Whether the files may be swapped: each device hears the other better than itself.

    Swapped files would be an exchange, too: of A's output and B's input. Only devices that start
    within a latency of each other can be taken for it; then levels decide. With effects off they
    cannot cross where the devices are further apart than each one's loudspeaker and microphone.
    """
    aa = chains.aa
    if not all(0 <= h.lag_s <= MAX_LATENCY_S for h in (places.ab, places.ba)):
        return False
    if aa is None or float(np.median(aa.aligned.coherence)) < OWN_COHERENCE:
        return False
    return voice_level(aa) < voice_level(chains.ba) and voice_level(chains.bb) < voice_level(
        chains.ab
    )


def voice_level(m: Measured) -> float:
    """Energy of a voice's mean response, weighted as its chirp is."""
    power = m.responses.power
    mean = m.aligned.mean * float(np.median(m.aligned.gains))
    return float(np.sum(np.square(np.abs(mean)) * power) / np.sum(power))


def concerns(chains: Chains, quality: tuple[CaptureQuality, CaptureQuality]) -> list[Reason]:
    """What to know about a number that exists."""
    out = []
    if any(q.clipped_fraction > decide.CLIPPED_FRACTION for q in quality):
        out.append(Reason.CLIPPED)
    sigmas = [8e6 * float(np.median(m.aligned.sigmas_s)) for m in chains.each()]
    if any(
        decide.wander_us(m) > max(5 * decide.WANDER_US, s)
        for m, s in zip(chains.each(), sigmas, strict=True)
    ):
        out.append(Reason.CLOCK_WANDER)
    if any(m.arrival.coarse for m in chains.each()):
        out.append(Reason.COARSE_ARRIVAL)
    return out


def notes(chains: Chains) -> list[Reason]:
    """Peculiarities that inform and do not make a measurement marginal."""
    lo, hi = chains.ba.arrival.band_hz
    return [Reason.NARROW_BAND] if hi - lo < decide.NARROW_HZ else []


def own_round_trip_ms(
    aa: Measured | None, hearing: Hearing, echo: SelfEcho, *, anyhow: bool = False
) -> float | None:
    """A's one-device latency when nothing cancelled A's own train; ``anyhow`` = at any level."""
    if aa is None or float(np.median(aa.aligned.coherence)) < OWN_COHERENCE:
        return None
    on_line = aa.line.groups == aa.main_group
    if trains_used(aa, hearing) < MIN_TRAINS or float(np.mean(on_line)) < decide.ENOUGH_SHARE:
        return None
    if not anyhow and (echo.level_db is None or echo.level_db < OWN_ECHO_DB):
        return None
    return 1000 * decide.latency_s(aa)
