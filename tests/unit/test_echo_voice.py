"""The voice activity detector: silent on noise, awake on speech, gated by level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from profiler.analysis.voice import GATE_DBFS, hear_voice
from profiler.stimulus import render, speech, spoken_spans_s

RATE_HZ = 16_000
SPEC = speech(RATE_HZ, 4, 8.0, gap_s=(0.6, 0.9))
VOICE = render(SPEC, RATE_HZ)


def _noise(kind: str, dbfs: float) -> np.ndarray:
    white = np.random.default_rng(1).standard_normal(VOICE.size)
    if kind == "fan":
        white = signal.lfilter([1], [1, -0.97], white)
        white += 0.3 * white.std() * np.sin(np.arange(white.size) * 2 * np.pi * 120 / RATE_HZ)
    return (white / white.std() * 10 ** (dbfs / 20)).astype(np.float32)


@pytest.mark.parametrize("kind", ["white", "fan"])
@pytest.mark.parametrize("dbfs", [-80.0, -50.0, -30.0])
def test_steady_noise_is_no_speech(kind: str, dbfs: float) -> None:
    heard = hear_voice(_noise(kind, dbfs))
    assert heard.spans == ()
    assert heard.loudest_dbfs is None


def test_speech_is_heard_where_it_is() -> None:
    spans = hear_voice(VOICE * np.float32(0.1) + _noise("white", -70)).spans
    said = spoken_spans_s(SPEC)
    for span in spans:
        assert any(b - 0.1 < span.begin_s and span.end_s < e + 0.2 for b, e in said)
    assert all(any(s.begin_s < e and s.end_s > b for s in spans) for b, e in said)


def test_what_is_quieter_than_the_gate_is_no_turn_but_known() -> None:
    quiet = VOICE * np.float32(10 ** (-60 / 20)) + _noise("white", -100)
    heard = hear_voice(quiet)
    assert heard.spans == ()
    assert heard.loudest_dbfs is not None
    louder = GATE_DBFS - heard.loudest_dbfs
    assert louder > 0
    assert hear_voice(quiet * np.float32(10 ** ((louder + 1) / 20))).spans
    assert not hear_voice(quiet * np.float32(10 ** ((louder - 1) / 20))).spans


def test_only_what_ends_after_the_given_time_counts() -> None:
    loud = VOICE * np.float32(0.3) + _noise("white", -70)
    everything, late = hear_voice(loud).spans, hear_voice(loud, from_s=4.0).spans
    assert len(late) < len(everything)
    assert all(span.end_s > 4.0 for span in late)


@pytest.mark.parametrize("size", [0, 1, 159, 160, 1700])
def test_short_and_silent_input_is_no_speech(size: int) -> None:
    assert hear_voice(np.zeros(size, np.float32)).spans == ()
