"""Descriptions of what is played; :mod:`profiler.stimulus` turns them into samples.

Each has a ``kind`` that names it in files and in the store, and a ``stimulus_id`` that is the
content address of the description. Times are in seconds on the stimulus timeline, independent of
any sample rate. ``amplitude`` is the peak, 1.0 = full scale.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal


class _Described:
    """What every description can do."""

    __slots__ = ()
    kind: str

    @property
    def stimulus_id(self) -> str:
        """Content address of the description."""
        fields = asdict(self)  # type: ignore[call-overload]
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class StimulusSpec(_Described):
    """A train of identical exponential sine sweeps with irregular gaps."""

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
    kind: Literal["chirp_train"] = "chirp_train"
    version: int = 1

    @property
    def end_s(self) -> float:
        """End of the last chirp."""
        return self.starts_s[-1] + self.chirp_s


@dataclass(frozen=True, slots=True)
class ToneSpec(_Described):
    """A steady sine between two short fades: glitches break its phase."""

    rate_hz: int
    freq_hz: float
    amplitude: float
    duration_s: float
    fade_s: float = 0.01
    kind: Literal["tone"] = "tone"
    version: int = 1


@dataclass(frozen=True, slots=True)
class NoiseSpec(_Described):
    """Stretches of noise from one seeded generator.

    The noise is drawn at 48 kHz by a generator written down in :mod:`profiler.stimulus`, so that
    the same description is the same sound at every rate and with every library version.
    """

    seed: int
    rate_hz: int
    colour: str
    """``white``, ``pink`` (-3 dB an octave) or ``voice``: the long-term spectrum and the
    syllable rhythm of speech."""
    spans_s: tuple[tuple[float, float], ...]
    """(start, end) of each stretch; silence elsewhere."""
    levels_db: tuple[float, ...]
    """Level of each stretch against ``amplitude``, 0 or below."""
    amplitude: float
    """Peak of a stretch at 0 dB."""
    duration_s: float
    kind: Literal["noise"] = "noise"
    version: int = 1


@dataclass(frozen=True, slots=True)
class SpeechSpec(_Described):
    """Sentences of the packaged speech material, one after another."""

    rate_hz: int
    sentences: tuple[tuple[str, float], ...]
    """(name of a sentence, its start in s). The material's own hash is in each name."""
    amplitude: float
    """Peak of the loudest sentence; all sentences have the same active level."""
    duration_s: float
    kind: Literal["speech"] = "speech"
    version: int = 1


Stimulus = StimulusSpec | ToneSpec | NoiseSpec | SpeechSpec
