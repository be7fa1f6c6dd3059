"""Which trains were heard alone, and which lie on the other device's or in its hang-over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from profiler.analysis.exchange.hearing import Bools, Hearing
from profiler.stimulus import HANG_OVER_S, REVERB_S

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where both devices' trains are in both recordings: ``ab`` = A's trains heard by B."""

    aa: Hearing
    ab: Hearing
    bb: Hearing
    ba: Hearing
    duration_a_s: float
    duration_b_s: float

    @property
    def round_trip_s(self) -> float:
        """Coarse round trip of A: the exchange's formula with the lags alone."""
        return self.ba.lag_s + self.ab.lag_s - self.bb.lag_s

    def crossing(self) -> Iterator[tuple[str, Hearing]]:
        """The two voices that went from one device to the other."""
        yield "ab", self.ab
        yield "ba", self.ba


def clean_masks(places: Places) -> dict[str, Bools]:
    """For each voice, which of its trains are undisturbed; shape (trains,) each."""
    a_span = places.ab.voice.train.end_s + REVERB_S
    b_span = places.bb.voice.train.end_s + REVERB_S
    a_in_b, b_in_b, b_in_a = places.ab.at_s, places.bb.at_s, places.ba.at_s
    a_played = np.asarray(places.aa.voice.at_s)
    # A's own sound is over when its echo is; the canceller then still works for a while.
    late_s = float(np.clip(places.round_trip_s, 0.0, 2.5))
    a_in_a = a_played + late_s
    return {
        "ab": ~_meet(a_in_b, a_span, b_in_b, b_span),
        "bb": ~_meet(b_in_b, b_span, a_in_b, a_span),
        "ba": ~_meet(b_in_a, b_span, a_played, a_span - REVERB_S + late_s + HANG_OVER_S),
        "aa": ~_meet(a_in_a, a_span, b_in_a, b_span),
    }


def _meet(at_s: F64, span_s: float, others_s: F64, length_s: float) -> Bools:
    """Whether [at, at + span] touches any of [other, other + length]; shape of ``at_s``."""
    begin, other = at_s[:, None], others_s[None, :]
    return np.asarray(((other < begin + span_s) & (begin < other + length_s)).any(axis=1))
