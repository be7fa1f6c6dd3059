"""Sentences of the packaged speech material, placed on a timeline.

The material (``material/``, made by ``tools/speech``) is 16 kHz mono FLAC with an index. A
sentence's name ends in the hash of its samples: a description that names it pins the sound.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from scipy import signal

from profiler.errors import StimulusError
from profiler.model import SpeechSpec

MATERIAL = Path(__file__).parent / "material"
MATERIAL_RATE_HZ = 16_000
GRID_S = 0.01
"""Sentences start on this grid, which is a whole number of frames at every usual rate."""
MAX_SPEECH_S = 900.0

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One row of the index."""

    name: str
    sha256: str
    """Of the samples as little-endian 16-bit PCM, so that no FLAC encoder changes it."""
    language: str
    voice: str
    text: str
    duration_s: float


@cache
def sentences() -> dict[str, Sentence]:
    """The material by name, in the order of the index."""
    return {
        name: Sentence(
            name, row["sha256"], row["language"], row["voice"], row["text"], row["duration_s"]
        )
        for name, row in _index()["sentences"].items()
    }


@cache
def _languages() -> tuple[str, ...]:
    """Every language of the material."""
    return tuple(dict.fromkeys(s.language for s in sentences().values()))


def speech(
    rate_hz: int,
    seed: int,
    duration_s: float,
    *,
    languages: Sequence[str] = (),
    gap_s: tuple[float, float] = (0.3, 0.7),
    lead_s: float = 0.3,
    amplitude: float = 0.8,
) -> SpeechSpec:
    """Describe sentences in a random order, as many as fit into ``duration_s``.

    The first starts at ``lead_s``; pauses lie within ``gap_s``. No sentence comes again before
    every other has been said. Raises :class:`StimulusError` for a language that is not there or
    a length that holds no sentence.
    """
    known = [s for s in sentences().values() if not languages or s.language in languages]
    unknown = set(languages) - {s.language for s in known}
    if unknown or not (math.isfinite(duration_s) and 0 < duration_s <= MAX_SPEECH_S):
        raise StimulusError(
            f"{duration_s} s of speech in {', '.join(languages) or 'every language'}",
            hint=f"use at most {MAX_SPEECH_S:.0f} s and {', '.join(_languages())}",
        )
    if not (0 < amplitude <= 1 and 0 <= gap_s[0] <= gap_s[1] and lead_s >= 0):
        raise StimulusError("wrong level or gaps", hint="use a peak of at most 1 and gaps from 0 s")
    placed = _placed(known, random.Random(f"speech {seed}"), lead_s, duration_s, gap_s)
    if not placed:
        raise StimulusError(f"{duration_s} s hold no sentence", hint="use at least 5 s")
    return SpeechSpec(rate_hz, tuple(placed), amplitude, duration_s)


def _placed(
    known: Sequence[Sentence],
    draw: random.Random,
    begin_s: float,
    end_s: float,
    gap_s: tuple[float, float],
) -> list[tuple[str, float]]:
    """Sentences and their starts; the description keeps them, whatever a later draw would be."""
    placed: list[tuple[str, float]] = []
    at = _on_grid(begin_s)
    queue: list[Sentence] = []
    while True:
        if not queue:
            queue = list(known)
            draw.shuffle(queue)
        fitting = [s for s in queue if at + s.duration_s <= end_s]
        if not fitting:
            return placed
        queue.remove(fitting[0])
        placed.append((fitting[0].name, at))
        at = _on_grid(at + fitting[0].duration_s + draw.uniform(*gap_s))


def render_speech(spec: SpeechSpec, rate_hz: int) -> Float32:
    """Samples at ``rate_hz``, float32, shape (frames,); where sentences overlap they add up.

    Raises :class:`StimulusError` for a sentence that is not in this version's material.
    """
    out = np.zeros(round(spec.duration_s * rate_hz), np.float32)
    for name, at_s in spec.sentences:
        first = round(at_s * rate_hz)
        if first < 0:
            raise StimulusError(f"sentence {name} before the start", hint="look at the trial")
        piece = _sentence(name, rate_hz)[: max(0, out.size - first)]
        out[first : first + piece.size] += piece
    out *= np.float32(spec.amplitude / _index()["peak"])
    return np.clip(out, -1.0, 1.0, out=out)


def spoken_spans_s(spec: SpeechSpec) -> tuple[tuple[float, float], ...]:
    """(start, end) of each sentence in seconds. Raises :class:`StimulusError` as above."""
    return tuple((at_s, at_s + _known(name).duration_s) for name, at_s in spec.sentences)


@lru_cache(maxsize=128)
def _sentence(name: str, rate_hz: int) -> Float32:
    samples = _samples(name)
    if rate_hz != MATERIAL_RATE_HZ:
        g = math.gcd(rate_hz, MATERIAL_RATE_HZ)
        samples = signal.resample_poly(samples, rate_hz // g, MATERIAL_RATE_HZ // g)
    kept: Float32 = samples.astype(np.float32)
    kept.setflags(write=False)
    return kept


@lru_cache(maxsize=64)
def _samples(name: str) -> Float32:
    row = _known(name)
    try:
        pcm, rate = soundfile.read(MATERIAL / f"{name}.flac", dtype="int16")
    except (soundfile.SoundFileError, OSError) as exc:
        raise StimulusError(
            f"speech sentence {name} cannot be read", hint="install chirpbench again"
        ) from exc
    digest = hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()
    if digest != row.sha256 or rate != MATERIAL_RATE_HZ:
        raise StimulusError(
            f"speech sentence {name} is not the one its name says", hint="install chirpbench again"
        )
    samples: Float32 = pcm.astype(np.float32) / np.float32(32768)
    return samples


def _known(name: str) -> Sentence:
    found = sentences().get(name)
    if found is None:
        raise StimulusError(
            f"this version's speech material has no sentence {name!r}",
            hint="use the version of chirpbench that made the trial",
        )
    return found


@cache
def _index() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MATERIAL / "index.json").read_text(encoding="utf-8"))
    return loaded


def _on_grid(at_s: float) -> float:
    return round(math.ceil(at_s / GRID_S - 1e-9) * GRID_S, 6)
