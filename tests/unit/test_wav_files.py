"""Audio files: what is read, what is refused, and that a refusal names the file and a next step."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiler.errors import InputError
from profiler.wav import MAX_CHANNELS, Audio, mono_audio, read_audio, write_wav

RAMP = np.linspace(-0.9, 0.9, 800, dtype=np.float32).reshape(-1, 1)


def wav_bytes(tmp_path: Path, **kwargs: object) -> bytes:
    path = tmp_path / "whole.wav"
    soundfile.write(path, RAMP, 48_000, **kwargs)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("subtype", "step"), [("PCM_16", 2**-15), ("PCM_24", 2**-23), ("FLOAT", 0.0)]
)
@pytest.mark.parametrize("channels", [1, 2, MAX_CHANNELS])
def test_round_trip(tmp_path: Path, subtype: str, step: float, channels: int) -> None:
    rng = np.random.default_rng(1)
    samples = rng.uniform(-0.99, 0.99, (500, channels)).astype(np.float32)
    write_wav(tmp_path / "a.wav", Audio(samples, 44_100), subtype=subtype)
    again = read_audio(tmp_path / "a.wav")
    assert (again.rate_hz, again.frames, again.channels) == (44_100, 500, channels)
    assert again.duration_s == pytest.approx(500 / 44_100)
    assert again.samples.dtype == np.float32
    assert np.abs(again.samples - samples).max() <= step


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
        ("a.wav", "DOUBLE", 2**-24),
        ("a.wav", "PCM_32", 2**-23),
        ("a.wav", "PCM_U8", 2**-7),
        ("a.aiff", "PCM_16", 2**-15),
        ("a.w64", "PCM_16", 2**-15),
    ],
)
def test_other_formats_are_read(tmp_path: Path, name: str, subtype: str, step: float) -> None:
    soundfile.write(tmp_path / name, RAMP, 48_000, subtype=subtype)
    assert np.abs(read_audio(tmp_path / name).samples - RAMP).max() <= step


@pytest.mark.parametrize("rate_hz", [8_000, 192_000])
def test_every_usable_rate_is_read(tmp_path: Path, rate_hz: int) -> None:
    write_wav(tmp_path / "a.wav", mono_audio(RAMP[:, 0], rate_hz))
    assert read_audio(tmp_path / "a.wav").rate_hz == rate_hz


def test_full_scale_and_beyond_is_kept(tmp_path: Path) -> None:
    loud = np.array([[3.4e38], [-3.4e38], [1e-42], [0.0]], np.float32)
    write_wav(tmp_path / "a.wav", Audio(loud, 48_000), subtype="FLOAT")
    assert np.array_equal(read_audio(tmp_path / "a.wav").samples, loud)


def test_streamed_wav_without_a_size_is_read(tmp_path: Path) -> None:
    data = bytearray(wav_bytes(tmp_path))
    for size in (0, 0xFFFFFFFF):
        data[4:8] = struct.pack("<I", size)
        (tmp_path / "pipe.wav").write_bytes(data)
        assert read_audio(tmp_path / "pipe.wav").frames == 800


# --- refusals -------------------------------------------------------------------------------------


def nothing(path: Path) -> None:
    pass


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("latency = 12 ms\n" * 100, encoding="utf-8")


def header_only(path: Path) -> None:
    soundfile.write(path, np.zeros((0, 1), np.float32), 48_000)


def half(path: Path) -> None:
    whole = wav_bytes(path.parent)
    path.write_bytes(whole[: len(whole) // 2])


def half_header(path: Path) -> None:
    path.write_bytes(wav_bytes(path.parent)[:30])


def half_flac(path: Path) -> None:
    rng = np.random.default_rng(2)
    soundfile.write(path, rng.uniform(-1, 1, 50_000), 48_000, format="FLAC")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def too_slow(path: Path) -> None:
    soundfile.write(path, RAMP, 7_999)


def too_fast(path: Path) -> None:
    soundfile.write(path, RAMP, 192_001)


def too_many_channels(path: Path) -> None:
    soundfile.write(path, np.zeros((100, MAX_CHANNELS + 1)), 48_000)


def too_long(path: Path) -> None:
    soundfile.write(path, np.zeros(8_000 * 11, np.int16), 8_000)


def one_nan(path: Path) -> None:
    x = RAMP.copy()
    x[17] = np.nan
    soundfile.write(path, x, 48_000, subtype="FLOAT")


def one_inf(path: Path) -> None:
    x = RAMP.copy()
    x[17] = -np.inf
    soundfile.write(path, x, 48_000, subtype="DOUBLE")


BAD: list[tuple[Callable[[Path], None], str]] = [
    (nothing, "no such file"),
    (folder, "is a folder"),
    (empty, "empty file"),
    (text, "not a readable audio file"),
    (header_only, "holds no samples"),
    (half, "truncated"),
    (half_header, "truncated"),
    (half_flac, "truncated|not a readable"),
    (too_slow, "sample rate 7999 Hz"),
    (too_fast, "sample rate 192001 Hz"),
    (too_many_channels, f"{MAX_CHANNELS + 1} channels"),
    (too_long, "11 s long, at most 10 s"),
    (one_nan, "1 frames hold NaN or Inf, the first is frame 17"),
    (one_inf, "1 frames hold NaN or Inf, the first is frame 17"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=lambda v: getattr(v, "__name__", ""))
def test_bad_files_are_refused(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "bad.wav"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read_audio(path, max_duration_s=10.0)
    error = caught.value
    assert error.exit_code == 2
    assert error.file == str(path)
    assert str(error).startswith(str(path))
    assert error.hint
    assert "\n" not in str(error)


@pytest.mark.parametrize("path", ["", "a\0b.wav", "x" * 5000])
def test_odd_paths_are_refused(path: str) -> None:
    with pytest.raises(InputError) as caught:
        read_audio(Path(path))
    assert caught.value.hint


def test_unwritable_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written") as caught:
        write_wav(tmp_path / "no" / "a.wav", mono_audio(RAMP[:, 0], 48_000))
    assert caught.value.hint


@given(st.binary(max_size=300), st.integers(0, 200))
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_spoiled_bytes_never_break_the_reader(tmp_path: Path, junk: bytes, at: int) -> None:
    data = bytearray(wav_bytes(tmp_path))
    data[at : at + len(junk)] = junk
    path = tmp_path / "fuzz.wav"
    path.write_bytes(data)
    try:
        audio = read_audio(path)
    except InputError:
        return
    assert audio.frames >= 1
    assert np.isfinite(audio.samples).all()


def test_audio_wants_float32_of_two_dimensions() -> None:
    for wrong in (np.zeros(5, np.float32), np.zeros((5, 1)), np.zeros((5, 1, 1), np.float32)):
        with pytest.raises(ValueError, match="float32"):
            Audio(wrong, 48_000)


def test_mono_audio_shapes_and_converts() -> None:
    audio = mono_audio(np.arange(4, dtype=np.float64), 8_000)
    assert audio.samples.shape == (4, 1)
    assert audio.samples.dtype == np.float32
