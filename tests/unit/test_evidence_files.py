"""Evidence files: lossless, named by content, whole or absent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from db.evidence import EvidenceStore
from profiler.errors import EvidenceError
from profiler.model import Recording
from profiler.wav import Audio, mono_audio, read_audio


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "e")


def grid(bits: int, *, frames: int = 500, channels: int = 1, rate_hz: int = 48_000) -> Audio:
    scale = 2 ** (bits - 1)
    rng = np.random.default_rng(bits)
    samples = rng.integers(-scale, scale, (frames, channels)).astype(np.float64)
    samples.flat[:2] = -scale, scale - 1
    return Audio((samples / scale).astype(np.float32), rate_hz)


def files(store: EvidenceStore) -> list[Path]:
    return [p for p in store.root.rglob("*") if p.is_file()]


def loud(audio: Audio) -> Audio:
    return Audio(audio.samples * np.float32(1.5), audio.rate_hz)


@pytest.mark.parametrize(
    ("audio", "sample_format", "extension"),
    [
        (grid(16), "int16", "flac"),
        (grid(16, channels=2, rate_hz=44_100), "int16", "flac"),
        (grid(16, channels=8, rate_hz=8000), "int16", "flac"),
        (grid(24), "int24", "flac"),
        (grid(24, rate_hz=192_000), "int24", "flac"),
        (grid(8), "int16", "flac"),
        (grid(16, rate_hz=96_001), "int16", "wav"),  # no FLAC frame can say this rate
        (grid(24, channels=9), "int24", "wav"),
        (grid(16, rate_hz=768_000), "int16", "wav"),
        (loud(grid(16)), "float32", "wav"),
        (mono_audio(np.random.default_rng(0).normal(0, 0.1, 999), 48_000), "float32", "wav"),
        (mono_audio(np.array([1.0, 0.0]), 48_000), "float32", "wav"),  # +1 is above every int
        (mono_audio(np.array([-1.0, 0.0]), 48_000), "int16", "flac"),
        (mono_audio(np.array([0.5]), 48_000), "int16", "flac"),
        (mono_audio(np.zeros(0), 48_000), "int16", "wav"),
        (mono_audio(np.array([np.nan, np.inf, -np.inf, 1e-40, 3e38]), 8000), "float32", "wav"),
    ],
)
def test_every_format_is_exact(
    store: EvidenceStore, audio: Audio, sample_format: str, extension: str
) -> None:
    recording = store.save(audio)
    assert (recording.sample_format, Path(recording.file_name).suffix[1:]) == (
        sample_format,
        extension,
    )
    path = store.path(recording)
    data = path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == recording.sha256 == path.stem
    assert path.parent.name == recording.sha256[:2]
    assert len(data) == recording.size_bytes
    back = store.load(recording)
    assert back.rate_hz == audio.rate_hz
    assert np.array_equal(back.samples, audio.samples, equal_nan=True)
    assert soundfile.info(path).subtype == {"int16": "PCM_16", "int24": "PCM_24"}.get(
        sample_format, "FLOAT"
    )


@given(
    samples=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.floats(width=32)
        | st.integers(-(2**15), 2**15).map(lambda i: i / 2**15)
        | st.integers(-(2**23), 2**23).map(lambda i: i / 2**23),
    )
)
@settings(max_examples=80, deadline=None)
def test_any_samples_come_back(
    samples: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = EvidenceStore(tmp_path_factory.getbasetemp() / "any")
    back = store.load(store.save(Audio(samples, 48_000)))
    assert np.array_equal(back.samples, samples, equal_nan=True)


def test_the_rest_of_the_tool_reads_evidence(store: EvidenceStore) -> None:
    audio = grid(16)
    back = read_audio(store.path(store.save(audio)))
    assert np.array_equal(back.samples, audio.samples)


def test_equal_content_is_one_file(store: EvidenceStore) -> None:
    for audio in (grid(16), mono_audio(np.full(50, 0.1), 48_000)):
        first = store.save(audio)
        path = store.path(first)
        os.utime(path, (1, 1))
        assert store.save(audio) == first
        assert path.stat().st_mtime == 1
    assert len(files(store)) == 2


def test_threads_saving_the_same_content(store: EvidenceStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        saved = set(pool.map(lambda _: store.save(grid(24)), range(16)))
    assert len(saved) == 1
    assert len(files(store)) == 1


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def other(path: Path) -> None:
    path.write_bytes(b"something else")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (flip, "is damaged"),
        (cut, "is damaged"),
        (other, "is damaged"),
        (Path.unlink, "cannot be read"),
    ],
)
def test_damage_is_found_and_healed(
    store: EvidenceStore, damage: Callable[[Path], None], complaint: str
) -> None:
    recording = store.save(grid(16))
    damage(store.path(recording))
    with pytest.raises(EvidenceError, match=complaint) as caught:
        store.load(recording)
    assert str(store.path(recording)) in str(caught.value)
    assert store.save(grid(16)) == recording
    store.load(recording)


def test_a_recording_described_wrongly_is_refused(store: EvidenceStore) -> None:
    recording = store.save(grid(16))
    for changes in ({"frames": 1}, {"channels": 2}, {"rate_hz": 44_100}):
        with pytest.raises(EvidenceError, match="recorded as"):
            store.load(replace(recording, **changes))


@pytest.mark.parametrize(
    ("sha256", "name"),
    [
        ("ab" * 32, "../" + "ab" * 32 + ".wav"),
        ("ab" * 32, "/etc/passwd"),
        ("../" * 21 + "a", "../" * 21 + "a"),
        ("AB" * 32, "AB/" + "AB" * 32 + ".wav"),
        ("ab" * 32 + "\n", "ab/" + "ab" * 32 + "\n.wav"),
    ],
)
def test_a_name_never_leads_out_of_the_folder(store: EvidenceStore, sha256: str, name: str) -> None:
    with pytest.raises(EvidenceError, match="no name of an evidence file"):
        store.load(Recording(sha256, name, 48_000, 1, 1, "int16", 1))


@pytest.mark.parametrize(
    "audio",
    [Audio(np.zeros((10, 0), np.float32), 48_000), Audio(np.zeros((10, 1), np.float32), 0)],
    ids=["no channel", "no rate"],
)
def test_what_no_file_can_hold(store: EvidenceStore, audio: Audio) -> None:
    with pytest.raises(EvidenceError, match="cannot be stored"):
        store.save(audio)
    assert not store.root.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "e").write_text("a file")
    with pytest.raises(EvidenceError, match=r"bytes needed, \d+ free; free some space"):
        EvidenceStore(tmp_path / "e").save(grid(16))
    assert [p.name for p in tmp_path.iterdir()] == ["e"]


def test_only_old_temporary_files_are_swept(store: EvidenceStore) -> None:
    recording = store.save(grid(16))
    folder = store.path(recording).parent
    old, young = folder / ".0123-a.tmp", folder / ".0123-b.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert store.sweep() == 1
    assert {p.name for p in files(store)} == {young.name, Path(recording.file_name).name}
    store.load(recording)
