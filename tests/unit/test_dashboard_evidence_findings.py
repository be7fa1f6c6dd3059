"""What other analyses stored, drawn: every kind has its picture or its sentence."""

from __future__ import annotations

from typing import Any

import echo_records
import numpy as np
import pytest
from dashboard_charts import checked

from dashboard.views import evidence_findings as found
from dashboard.views import evidence_signal as signal
from profiler.model import (
    ActionFindings,
    ActionGap,
    ActionSegment,
    CaptureQuality,
    CodecCost,
    CodecFindings,
    CostStats,
    ExchangeFindings,
    Findings,
    Glitch,
    GlitchFindings,
    NearEndFindings,
    PitchFindings,
    SoundFindings,
    ToneSpec,
    Verdict,
)
from profiler.wav import mono_audio

RATE = 48_000
QUALITY = CaptureQuality(10.0, -6.0, -20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
PASSED = (Verdict.PASS, (), QUALITY)


def glitches(*found: Glitch, analysed_s: float = 60.0) -> GlitchFindings:
    return GlitchFindings(*PASSED, found, analysed_s, -20.0, 40.0, 1.0, 0.01, (), "1")


def exchange(**changes: Any) -> ExchangeFindings:
    values: dict[str, Any] = {
        "verdict": Verdict.PASS, "reasons": (), "quality": QUALITY, "partner_quality": QUALITY,
        "round_trip_latency_ms": 87.4, "uncertainty_us": 16.0, "confidence": 0.99,
        "skew_ppm": -17.0, "own_drift_ppm": None, "trains_a": 4, "trains_b": 5,
        "trains_clashing": 0, "self_echo_db": -18.8, "self_echo_bound_db": -16.0,
        "own_round_trip_ms": None, "per_exchange_ms": (87.41, 87.39, 87.40),
        "analysis_version": "1",
    }  # fmt: skip
    return ExchangeFindings(**{**values, **changes})


SWEEP = SoundFindings(
    *PASSED, (200.0, 400.0, 800.0), (-30.0, -20.0, -21.0), (10.0, 40.0), 210.0, None, -70.0, (),
    None, 1.5, 80.0, "1",
)  # fmt: skip
NEAR_END = NearEndFindings(
    *PASSED, 30.0, -6.0, 0.4, -30.0, -60.0, 0.1, (None, -6.0, -7.0, None, -40.0), 0.1, 25.0, "1"
)
ACTIONS = ActionFindings(
    *PASSED,
    (ActionSegment(0.0, 5.0, 40.0, 5.0, -10.0, ()),
     ActionSegment(5.0, 9.0, None, None, None, ("no_stimulus",))),
    (ActionGap(5.0, "route", "wired", 0.2, None, None, 12.0, 5.1),),
    "1",
)  # fmt: skip
CODEC = CodecFindings(
    Verdict.PASS, (), CodecCost("opus", "", 250, 9000, CostStats(1.0, 2.0, 2.5, 3.0), None)
)
EVERY: tuple[tuple[Findings, str], ...] = (
    (
        glitches(Glitch(3.0, 20.0, "hole", 0.0), Glitch(4.0, 1.0, "noise", 0.0)),
        "1 glitch in 60.0 s",
    ),
    (echo_records.findings(), "echo at −30.0 dBFS"),
    (echo_records.findings(None, noise_dbfs=-70.0), "no echo heard, at most −73.0 dBFS"),
    (NEAR_END, "−6.0 ± 0.4 dB"),
    (SWEEP, "210 Hz to hidden by noise"),
    (PitchFindings(*PASSED, 1.0884, 1e-5, "1"), "+146.6"),
    (PitchFindings(*PASSED, None, None, "1"), "not found at any rate"),
    (exchange(), "4 own trains heard by the partner"),
    (exchange(round_trip_latency_ms=None, per_exchange_ms=()), "clocks differ by −17.0 ppm"),
    (ACTIONS, "the sound was not heard again"),
    (CODEC, "encoding a frame: 1.00 ms in the middle"),
)


@pytest.mark.parametrize(("findings", "said"), EVERY)
def test_every_kind_has_a_picture_or_a_sentence(findings: Findings, said: str) -> None:
    (picture,) = found.pictures(findings, None, None)
    assert said in picture.note
    assert picture.title
    if picture.chart is not None:
        made = checked(picture.chart)
        titles = [
            layer["encoding"][axis].get("title", "")
            for layer in made["layer"]
            for axis in ("x", "y")
            if axis in layer.get("encoding", {})
        ]
        assert any("s" in t or "Hz" in t for t in titles if t)


def test_every_class_of_findings_is_known() -> None:
    drawn = {type(f) for f, _ in EVERY}
    assert drawn == set(Findings.__args__)


def test_the_level_of_the_tone_falls_in_a_hole() -> None:
    t = np.arange(5 * RATE) / RATE
    x = 0.1 * np.sin(2 * np.pi * 1000 * t)
    x[2 * RATE : 2 * RATE + 4800] = 0
    level = found.tone_level(signal.channel_of(mono_audio(x, RATE), 0), 1000.0)
    assert len(level) <= found.TONE_POINTS + 1
    assert level["level"].median() == pytest.approx(-20.0, abs=0.2)
    low = level[level["level"] < -40]
    assert low["t"].min() == pytest.approx(2.0, abs=0.01)
    assert low["t"].max() == pytest.approx(2.1, abs=0.01)
    spec = ToneSpec(RATE, 1000.0, 0.1, 5.0)
    (picture,) = found.pictures(
        glitches(Glitch(2.0, 100.0, "hole", 0.0)), spec, signal.channel_of(mono_audio(x, RATE), 0)
    )
    assert len(checked(picture.chart)["layer"]) == 2


def test_a_tone_too_short_to_count_in_has_no_rate() -> None:
    (picture,) = found.pictures(glitches(analysed_s=0.0), None, None)
    assert "no stretch of the tone was long enough" in picture.note
    assert "a minute" not in picture.note


@pytest.mark.parametrize("freq_hz", [0.0, -5.0, 30_000.0])
def test_a_tone_that_cannot_be_there_has_no_level(freq_hz: float) -> None:
    sound = signal.channel_of(mono_audio(np.ones(RATE), RATE), 0)
    assert found.tone_level(sound, freq_hz).empty


def test_a_million_glitches_are_a_bounded_chart() -> None:
    many = glitches(*(Glitch(0.001 * i, 1.0, "x" * 50, 1.0) for i in range(20_000)))
    (picture,) = found.pictures(many, None, None)
    assert len(str(checked(picture.chart))) < 100_000
