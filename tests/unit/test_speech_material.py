"""The packaged speech: what is in it, that names pin it, and that it can be made again."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from profiler.errors import StimulusError
from profiler.model import SpeechSpec
from profiler.stimulus import render, sentences, speech, spoken_spans_s
from profiler.stimulus.speech import MATERIAL, MATERIAL_RATE_HZ
from tools.speech import make

INDEX = json.loads((MATERIAL / "index.json").read_text(encoding="utf-8"))


def test_the_files_are_those_of_the_index() -> None:
    names = {p.stem for p in MATERIAL.glob("*.flac")}
    assert names == set(INDEX["sentences"])
    for name, row in INDEX["sentences"].items():
        pcm, rate = soundfile.read(MATERIAL / f"{name}.flac", dtype="int16")
        assert (rate, pcm.ndim, pcm.size) == (MATERIAL_RATE_HZ, 1, row["frames"])
        digest = hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()
        assert digest == row["sha256"]
        assert name.endswith(f"-{digest[:12]}")


def test_it_is_small_and_speaks_many_languages_with_both_kinds_of_voices() -> None:
    size = sum(p.stat().st_size for p in MATERIAL.iterdir())
    assert size < 1_200_000
    spoken = {s.language for s in sentences().values()}
    assert {"en", "de", "fr", "es", "hi", "ar", "cmn"} <= spoken
    for language in spoken:
        voices = [s.voice for s in sentences().values() if s.language == language]
        assert any("+f" in v for v in voices)
        assert any("+m" in v for v in voices)


def test_every_sentence_has_the_same_active_level() -> None:
    levels = [row["active_dbfs"] for row in INDEX["sentences"].values()]
    assert max(levels) - min(levels) < 0.1


@pytest.mark.needs_apt("espeak-ng", "espeak-ng")
def test_the_script_makes_the_same_material() -> None:
    if make.espeak_version() != INDEX["espeak_ng"]:
        pytest.skip(f"the material is of espeak-ng {INDEX['espeak_ng']}")
    for line, pcm in make.material():
        ((name, row),) = [
            (n, r) for n, r in INDEX["sentences"].items() if n.startswith(line["name"] + "-")
        ]
        kept, _ = soundfile.read(MATERIAL / f"{name}.flac", dtype="int16")
        assert row["text"] == line["text"]
        assert kept.size == pcm.size
        # Another version of scipy may round the last bit another way.
        assert np.max(np.abs(kept.astype(int) - pcm.astype(int))) <= 2


def test_a_description_is_deterministic_and_pins_the_sound() -> None:
    one, same, other = speech(48_000, 5, 20.0), speech(48_000, 5, 20.0), speech(48_000, 6, 20.0)
    assert one == same
    assert one.stimulus_id == same.stimulus_id != other.stimulus_id
    assert all(name in sentences() for name, _ in one.sentences)


def test_sentences_follow_each_other_with_the_gaps_asked_for() -> None:
    spec = speech(48_000, 1, 60.0, gap_s=(0.5, 0.9), lead_s=0.4)
    spans = spoken_spans_s(spec)
    assert spans[0][0] == pytest.approx(0.4)
    gaps = [b[0] - a[1] for a, b in pairwise(spans)]
    assert all(0.49 <= gap <= 0.92 for gap in gaps)
    assert spans[-1][1] <= 60.0
    names = [name for name, _ in spec.sentences]
    assert len(set(names)) >= min(len(names), len(sentences())) - 1


def test_only_the_languages_asked_for_are_spoken() -> None:
    spec = speech(16_000, 3, 15.0, languages=("cmn", "hi"))
    assert {sentences()[name].language for name, _ in spec.sentences} <= {"cmn", "hi"}


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000, 44_100, 48_000, 96_000])
def test_it_is_the_same_sound_at_every_rate(rate_hz: int) -> None:
    spec = speech(48_000, 2, 6.0, amplitude=0.5)
    samples = render(spec, rate_hz)
    assert samples.dtype == np.float32
    assert samples.shape == (6 * rate_hz,)
    assert np.max(np.abs(samples)) <= 1.0
    first, last = (round(t * rate_hz) for t in spoken_spans_s(spec)[0])
    rms = np.sqrt(np.mean(samples[first:last] ** 2))
    reference = render(spec, 16_000)
    first, last = (round(t * 16_000) for t in spoken_spans_s(spec)[0])
    expected = np.sqrt(np.mean(reference[first:last] ** 2))
    # 8 kHz lacks what lies above 4 kHz.
    assert 20 * np.log10(rms / expected) == pytest.approx(
        0.0, abs=0.5 if rate_hz < 16_000 else 0.05
    )


def test_amplitude_is_the_peak_of_the_loudest_sentence_of_all() -> None:
    loud = max(np.max(np.abs(render(_alone(name), 16_000))) for name in sentences())
    assert loud == pytest.approx(0.8, rel=1e-3)


def _alone(name: str) -> SpeechSpec:
    return SpeechSpec(16_000, ((name, 0.0),), 0.8, 6.0)


@pytest.mark.parametrize(
    "spec",
    [
        SpeechSpec(16_000, (("en-f1-000000000000", 0.0),), 0.8, 3.0),
        SpeechSpec(16_000, (("../../etc/passwd", 0.0),), 0.8, 3.0),
        SpeechSpec(16_000, ((next(iter(sentences())), -1.0),), 0.8, 3.0),
    ],
)
def test_what_is_not_in_the_material_is_refused(spec: SpeechSpec) -> None:
    with pytest.raises(StimulusError):
        render(spec, 16_000)


@pytest.mark.parametrize(
    ("duration_s", "options"),
    [(1.0, {}), (float("nan"), {}), (1e9, {}), (9.0, {"languages": ("tlh",)}),
     (9.0, {"amplitude": 2.0}), (9.0, {"gap_s": (0.5, 0.1)})],
)  # fmt: skip
def test_an_impossible_wish_is_refused(duration_s: float, options: dict) -> None:
    with pytest.raises(StimulusError):
        speech(16_000, 1, duration_s, **options)
