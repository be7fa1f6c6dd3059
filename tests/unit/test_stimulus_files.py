"""A stimulus on disk: WAV and description, and everything that can be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.errors import InputError, StimulusError
from profiler.model import StimulusSpec
from profiler.stimulus import (
    MAX_JSON_BYTES,
    check_spec,
    make_train,
    read_stimulus,
    render,
    spec_from_json,
    spec_to_json,
    stability_train,
    write_stimulus,
)
from profiler.wav import mono_audio, read_audio, write_wav

SPEC = make_train(5, rate_hz=16_000, chirps=4, chirp_s=0.1)
GOOD = spec_to_json(SPEC)


@pytest.mark.parametrize("spec", [SPEC, make_train(1), stability_train(2)], ids=lambda s: s.seed)
def test_description_round_trip(spec: StimulusSpec) -> None:
    again = spec_from_json(json.loads(json.dumps(spec_to_json(spec))))
    assert again == spec
    assert again.stimulus_id == spec.stimulus_id


@pytest.mark.parametrize("name", ["s.wav", "s.WAV", "odd name.v2.wav"])
def test_files_round_trip(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    beside = write_stimulus(path, SPEC)
    assert read_stimulus(path) == SPEC
    assert read_stimulus(beside) == SPEC
    played = read_audio(path)
    assert played.rate_hz == SPEC.rate_hz
    assert np.abs(played.samples[:, 0] - render(SPEC, SPEC.rate_hz)).max() < 2 / 32768


def test_json_with_a_capital_ending_is_read(tmp_path: Path) -> None:
    path = tmp_path / "S.JSON"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    assert read_stimulus(path) == SPEC


def test_missing_description_names_it(tmp_path: Path) -> None:
    write_wav(tmp_path / "s.wav", mono_audio(render(SPEC, 16_000), 16_000))
    with pytest.raises(StimulusError, match=r"s\.json is missing") as caught:
        read_stimulus(tmp_path / "s.wav")
    assert "s.wav" in str(caught.value)
    assert caught.value.hint


def test_missing_wav_is_an_input_error(tmp_path: Path) -> None:
    write_stimulus(tmp_path / "s.wav", SPEC)
    (tmp_path / "s.wav").unlink()
    with pytest.raises(InputError, match="no such file"):
        read_stimulus(tmp_path / "s.wav")


def other_seed(path: Path) -> None:
    write_wav(path, mono_audio(render(make_train(6, rate_hz=16_000), 16_000), 16_000))


def same_length_other_gaps(path: Path) -> None:
    samples = render(SPEC, 16_000)
    write_wav(path, mono_audio(np.roll(samples, 3), 16_000))


def other_rate(path: Path) -> None:
    write_wav(path, mono_audio(render(SPEC, 32_000), 32_000))


def cut_short(path: Path) -> None:
    write_wav(path, mono_audio(render(SPEC, 16_000)[:-1], 16_000))


def inverted(path: Path) -> None:
    write_wav(path, mono_audio(-render(SPEC, 16_000), 16_000))


@pytest.mark.parametrize(
    "spoil", [other_seed, same_length_other_gaps, other_rate, cut_short, inverted]
)
def test_wav_and_description_must_belong_together(tmp_path: Path, spoil: Any) -> None:
    write_stimulus(tmp_path / "s.wav", SPEC)
    spoil(tmp_path / "s.wav")
    with pytest.raises(StimulusError, match="not the stimulus its JSON describes") as caught:
        read_stimulus(tmp_path / "s.wav")
    assert "s.wav" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b"3", b'"x"', b"\xff\xfe\x00", b"\x00" * 50, b"[" * 100_000,
        b'{"seed": ' + b"9" * 5000 + b"}", b" " * (MAX_JSON_BYTES + 1) + b"{}",
    ],
    ids=lambda b: repr(b[:12]),
)  # fmt: skip
def test_broken_descriptions_are_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "s.json").write_bytes(text)
    with pytest.raises(StimulusError) as caught:
        read_stimulus(tmp_path / "s.json")
    assert "s.json" in str(caught.value)
    assert caught.value.hint
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("path", ["", ".", "/", "..", "a\0b.wav", "x" * 5000])
def test_odd_paths_are_refused(path: str) -> None:
    with pytest.raises(InputError):
        read_stimulus(Path(path))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "noise"), ("version", 2), ("rate_hz", 1), ("rate_hz", 10**9), ("starts_s", []),
        ("starts_s", [0.3, 0.2]), ("starts_s", [-1.0]), ("starts_s", [0.2] * 5),
        ("starts_s", [0.2 * k for k in range(1, 1500)]), ("chirp_s", 0), ("chirp_s", 60.0),
        ("f_lo_hz", 0.0), ("f_lo_hz", 7000.0), ("f_hi_hz", 9000.0), ("fade_s", -1), ("fade_s", 1),
        ("amplitude", 2), ("amplitude", "nan"), ("duration_s", 0.1), ("duration_s", 1e9),
        ("duration_s", float("inf")), ("seed", None), ("seed", "x"), ("seed", float("inf")),
        ("starts_s", 3), ("starts_s", None), ("starts_s", [None]), ("rate_hz", 10**400),
        ("chirp_s", 10**400),
    ],
    ids=lambda v: str(v)[:20],
)  # fmt: skip
def test_each_wrong_value_is_refused(key: str, value: object) -> None:
    with pytest.raises(StimulusError) as caught:
        spec_from_json({**GOOD, key: value}, file="here.json")
    assert str(caught.value).startswith("here.json: ")
    assert caught.value.hint


@pytest.mark.parametrize("key", sorted(set(GOOD) - {"stimulus_id"}))
def test_each_missing_key_is_named(key: str) -> None:
    with pytest.raises(StimulusError, match=f"missing {key}"):
        spec_from_json({k: v for k, v in GOOD.items() if k != key})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


def is_refused_or_usable(data: object) -> None:
    try:
        spec = spec_from_json(data)
    except StimulusError:
        return
    assert check_spec(spec) is spec
    assert spec.stimulus_id
    assert spec.duration_s <= 300


@given(JSON)
@settings(max_examples=80)
def test_arbitrary_json_never_breaks_the_reader(data: object) -> None:
    is_refused_or_usable(data)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, min_size=1, max_size=3))
@settings(max_examples=150)
def test_arbitrary_values_never_break_the_reader(changes: dict[str, object]) -> None:
    is_refused_or_usable({**GOOD, **changes})


def test_unwritable_place_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_stimulus(tmp_path / "no" / "folder.wav", SPEC)
    (tmp_path / "s.json").mkdir()
    with pytest.raises(InputError, match=r"s\.json: cannot be written"):
        write_stimulus(tmp_path / "s.wav", SPEC)
