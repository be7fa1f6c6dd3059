"""From four heard trains to A's round trip.

With A's play time n1, B's recording b and A's recording n2, each a straight line of the other:

    B hears A     b  = i_ab + (1 + s_ab) n1
    B hears B     b2 = i_bb + (1 + s_bb) q          q = B's play time
    A hears B     n2 = i_ba + (1 + s_ba) q

What B hears at b meets A's recording at ``n2(b)``; A's sound of n1 = 0 reaches B at b = i_ab, so

    L = i_ba + (1 + s_ba) / (1 + s_bb) (i_ab - i_bb) + d_B/c - 2 D/c

which is the formula of docs/exchange.md with the clocks' relation in it. A's own clocks close the
ring: ``s_ba - s_bb + s_ab`` is A's input against A's output. It is 0 on one codec; that is used
unless the three slopes say otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis import decide
from profiler.analysis.exchange.hearing import Voice
from profiler.analysis.measure import Measured
from profiler.model import Geometry

SOUND_M_S = 343.0
"""Air at 20 C; 10 C more are 6 m/s, 1 us per 0.1 m."""
OWN_CLOCK_SIGMAS = 4.0
OWN_CLOCK_PPM = 3.0
"""A's input and output count as two clocks when their slopes differ by more than both."""
SYSTEMATIC_PPM = 0.3
"""What a canceller's and a suppressor's settling does to the slope of late trains (proposal)."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chain:
    """One device's trains in one recording: heard = at_pivot + (1 + slope) * (played - pivot)."""

    pivot_s: float
    """Mean of the play times: value and slope are independent there."""
    at_pivot_s: float
    slope: float
    value_sigma_s: float
    """Of the direct arrival at the pivot: fit, first arrival, definition and wander."""
    slope_sigma: float

    def turned(self, by: float) -> Chain:
        """The chain with another slope, about its pivot."""
        return Chain(
            self.pivot_s, self.at_pivot_s, self.slope + by, self.value_sigma_s, self.slope_sigma
        )

    @property
    def intercept_s(self) -> float:
        """When what is played at 0 is heard."""
        return self.at_pivot_s - (1 + self.slope) * self.pivot_s


@dataclass(frozen=True, slots=True)
class Solution:
    """A's round trip at t = 0 of A, geometry taken out."""

    latency_s: float
    sigma_s: float
    skew: float
    """A's input clock against B's, positive = A runs fast."""
    own_drift: float
    """A's input against A's output clock, positive = what A hears comes later and later."""
    own_drift_sigma: float
    two_clocks: bool


def chain_of(m: Measured) -> Chain:
    """The line of a measured voice, its direct arrival included."""
    used = m.line.groups == m.main_group
    played = m.played_s[used]
    weights = m.aligned.weights[used]
    pivot = float(np.average(played, weights=weights))
    slope = m.line.slope
    latency = float(m.line.intercepts_s[m.main_group]) + m.arrival.delay_s
    slope_sigma = math.hypot(m.line.slope_sigma, SYSTEMATIC_PPM * 1e-6)
    fit = max(m.line.scatter_s, float(np.median(m.aligned.sigmas_s))) / math.sqrt(played.size)
    value = math.sqrt(fit**2 + m.arrival.sigma_s**2 + decide.definition_sigma_s(m) ** 2)
    return Chain(pivot, latency + (1 + slope) * pivot, slope, value, slope_sigma)


def solve(ab: Chain, bb: Chain, ba: Chain, geometry: Geometry) -> Solution:
    """Close the ring and read it at A's play time 0."""
    own = (1 + ba.slope) / (1 + bb.slope) * (1 + ab.slope) - 1
    variances = np.array([c.slope_sigma**2 for c in (ab, bb, ba)])
    own_sigma = float(math.sqrt(variances.sum()))
    two = abs(own) > max(OWN_CLOCK_SIGMAS * own_sigma, OWN_CLOCK_PPM * 1e-6)
    if not two:
        share = own * variances / variances.sum()
        ab, bb, ba = ab.turned(-share[0]), bb.turned(share[1]), ba.turned(-share[2])
    air = (geometry.partner_distance_m - 2 * geometry.distance_m) / SOUND_M_S
    return Solution(
        latency_s=_round_trip(ab, bb, ba) + air,
        sigma_s=_sigma(ab, bb, ba, tied=not two),
        skew=(1 + ba.slope) / (1 + bb.slope) - 1,
        own_drift=own,
        own_drift_sigma=own_sigma,
        two_clocks=two,
    )


def exchanges_s(
    ab: Measured,
    bb: Measured,
    ba: Measured,
    voices: tuple[Voice, Voice],
    solution: Solution,
) -> F64:
    """The round trip that each of B's trains gives with the nearest of A's, all at t = 0.

    Medians of the chirps of a train, without the lines' rejection of outliers; the geometry is
    not in it: compare with their own median. ``voices``: A's and B's.
    """
    n1, b1 = _trains(ab, voices[0])
    q, n2 = _trains(ba, voices[1])
    q_self, b2 = _trains(bb, voices[1])
    chain = chain_of(bb)
    out = []
    for played, heard in zip(q, n2, strict=True):
        same = np.flatnonzero(np.abs(q_self - played) < 0.3)
        self_heard = b2[same[0]] if same.size else chain.intercept_s + (1 + chain.slope) * played
        near = int(np.argmin(np.abs(b1 - self_heard)))
        span = (1 + solution.skew) * (self_heard - b1[near])
        own = solution.own_drift if solution.two_clocks else 0.0
        out.append(heard - n1[near] * (1 + own) - span)
    return np.asarray(out)


def _trains(m: Measured, voice: Voice) -> tuple[F64, F64]:
    """Mean play time and median arrival of each train's chirps, shape (trains heard,)."""
    train = voice.train_of(m.played_s)
    each = [train == k for k in np.unique(train)]
    played = np.array([m.played_s[k].mean() for k in each])
    return played, played + np.array([np.median(m.latency_s[k]) for k in each])


def _round_trip(ab: Chain, bb: Chain, ba: Chain) -> float:
    ratio = (1 + ba.slope) / (1 + bb.slope)
    return ba.intercept_s + ratio * (ab.intercept_s - bb.intercept_s)


def _sigma(ab: Chain, bb: Chain, ba: Chain, *, tied: bool) -> float:
    """Propagate values and slopes; ``tied`` = the slopes' sum is known to be 0."""
    values = math.sqrt(sum(c.value_sigma_s**2 for c in (ab, bb, ba)))
    # Where on each line the read-out is, from its pivot: n1 = 0, and q of the same moment at B.
    q = (ab.intercept_s - bb.intercept_s) / (1 + bb.slope)
    levers = np.array([-ab.pivot_s, -(q - bb.pivot_s), q - ba.pivot_s])
    signs = np.array([1.0, -1.0, 1.0])
    variances = np.array([c.slope_sigma**2 for c in (ab, bb, ba)])
    cov = np.diag(variances)
    if tied:
        v = variances * signs
        cov = cov - np.outer(v, v) / variances.sum()
    return math.hypot(values, math.sqrt(max(0.0, float(levers @ cov @ levers))))
