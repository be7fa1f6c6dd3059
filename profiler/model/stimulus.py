"""The description of a stimulus; :mod:`profiler.stimulus` turns it into samples."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class StimulusSpec:
    """A train of identical exponential sine sweeps with irregular gaps.

    Times are in seconds on the stimulus timeline, independent of any sample rate.
    """

    seed: int
    """Chose the gap pattern; kept so that people can name a train."""
    rate_hz: int
    """Rate the train was made for; limits the upper band edge."""
    starts_s: tuple[float, ...]
    """Start of each chirp. The pattern itself is stored, so a change of RNG cannot orphan it."""
    chirp_s: float
    f_lo_hz: float
    f_hi_hz: float
    fade_s: float
    amplitude: float
    duration_s: float
    """Whole length including lead-in and tail."""
    kind: str = "chirp_train"
    version: int = 1

    @property
    def stimulus_id(self) -> str:
        """Content address of the description."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def end_s(self) -> float:
        """End of the last chirp."""
        return self.starts_s[-1] + self.chirp_s
