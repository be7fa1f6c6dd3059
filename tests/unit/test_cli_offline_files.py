"""Any bytes under any name: a file gives an estimate or one line, never an exception."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiler.cli.jsonlines import dumps
from profiler.cli.offline import FileOutcome, json_fields, measure_file, measure_files
from profiler.model import Verdict
from profiler.stimulus import make_train, render

SPEC = make_train(3, rate_hz=8000, chirps=4, chirp_s=0.1, lead_in_s=0.05, tail_s=0.3)


def container(kind: str, subtype: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, render(SPEC, 8000) * 0.5, 8000, format=kind, subtype=subtype)
    return out.getvalue()


GOOD = [container("WAV", "PCM_16"), container("WAV", "FLOAT"), container("FLAC", "PCM_16")]


def outcome_of(data: bytes) -> FileOutcome:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rec.wav"
        path.write_bytes(data)
        return measure_file(str(path), spec=SPEC, channel=None)


def check(outcome: FileOutcome) -> None:
    """What holds whatever was read."""
    line = dumps(json_fields(outcome, SPEC))
    assert "NaN" not in line
    if outcome.estimate is None:
        assert outcome.unreadable, outcome.problem
        assert "\n" not in outcome.problem
        assert "rec.wav: " in outcome.problem
        assert ";" in outcome.problem, "a complaint has a next step"
    elif not outcome.estimate.valid:
        assert outcome.estimate.reasons


@pytest.mark.parametrize("data", GOOD)
def test_the_unharmed_files_are_measured(data: bytes) -> None:
    outcome = outcome_of(data)
    assert outcome.estimate is not None
    assert outcome.estimate.round_trip_latency_ms == pytest.approx(0.0, abs=0.01)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    good=st.sampled_from(GOOD),
    at=st.lists(st.integers(0, 120), min_size=1, max_size=6),
    new=st.binary(min_size=6, max_size=6),
    cut=st.none() | st.integers(0, 2000),
)
def test_damaged_headers(good: bytes, at: list[int], new: bytes, cut: int | None) -> None:
    data = bytearray(good)
    for position, value in zip(at, new, strict=False):
        data[position] = value
    check(outcome_of(bytes(data[:cut])))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    outcome = outcome_of(data)
    assert outcome.estimate is None
    check(outcome)


@pytest.mark.parametrize("name", ["", "\0", "x" * 5000, ".", "/dev/null", "no/such/rec.wav"])
def test_impossible_names(name: str) -> None:
    outcome = measure_file(name, spec=SPEC, channel=None)
    assert outcome.unreadable
    assert outcome.problem


def test_one_odd_file_among_many_in_processes(tmp_path: Path) -> None:
    names = []
    for i in range(4):
        path = tmp_path / f"r{i}.wav"
        heard = np.concatenate([np.zeros(8 * i), 0.5 * render(SPEC, 8000), np.zeros(400)])
        soundfile.write(path, heard, 8000, subtype="FLOAT")
        names.append(str(path))
    (tmp_path / "r2.wav").write_bytes(b"no audio")
    alone = list(measure_files(names, SPEC, channel=None, jobs=1))
    together = list(measure_files(names, SPEC, channel=None, jobs=2))
    assert together == alone
    found = [o.estimate.round_trip_latency_ms if o.estimate else None for o in alone]
    assert found == [
        pytest.approx(0.0, abs=0.01), pytest.approx(1.0, abs=0.01), None,
        pytest.approx(3.0, abs=0.01),
    ]  # fmt: skip
    fields = json_fields(alone[2], SPEC)
    assert (fields["verdict"], fields["round_trip_latency_ms"]) == (Verdict.ERROR, None)
