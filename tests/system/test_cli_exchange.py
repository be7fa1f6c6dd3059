"""``exchange-plan`` and ``analyze --exchange`` as a user meets them: played files to numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from cli_process import assert_one_line_error, chirpbench
from scipy import signal

from profiler import __version__

RATE_HZ = 48_000
LATENCY_S, LATENCY_B_S, DISTANCE_M, SKEW_PPM = 0.142, 0.06, 0.5, 65.0
FIELDS = {
    "valid", "verdict", "reasons", "round_trip_latency_ms", "uncertainty_us", "confidence",
    "skew_ppm", "self_echo_db", "file_a", "file_b", "trains_a", "trains_b", "tool_version",
}  # fmt: skip
Wave = npt.NDArray[np.float64]


def at(played: Wave, t_s: Wave) -> Wave:
    """The played file at any time, 0 outside."""
    fine = 6
    dense = signal.resample_poly(played, fine, 1)
    return np.interp(t_s * RATE_HZ * fine, np.arange(dense.size), dense, left=0.0, right=0.0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan and with what two devices record of it, B starting 1.7 s before A."""
    folder = tmp_path_factory.mktemp("exchange")
    done = chirpbench(
        "exchange-plan", "--out", "plan", "--distance-m", str(DISTANCE_M), "--seed", "9", "--short",
        cwd=folder,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    a, b = (soundfile.read(folder / "plan" / f"{x}_play.wav")[0] for x in "ab")
    offset_s, air_s, clock = -1.7, DISTANCE_M / 343, 1 - SKEW_PPM * 1e-6
    t = np.arange(a.size) / RATE_HZ
    rng = np.random.default_rng(4)
    out_s, in_s = 0.6 * LATENCY_S, 0.4 * LATENCY_S
    heard_a = 0.3 * at(a, t - LATENCY_S)
    heard_a += 0.05 * at(b, (t - in_s - air_s - offset_s) * clock - 0.5 * LATENCY_B_S)
    emitted = (t - 0.5 * LATENCY_B_S) / clock + offset_s
    heard_b = 0.05 * at(a, emitted - out_s - air_s) + 0.3 * at(b, t - LATENCY_B_S)
    noise = 1e-3 * rng.standard_normal((2, t.size))
    soundfile.write(folder / "a.wav", heard_a + noise[0], RATE_HZ, subtype="PCM_24")
    wide = np.stack([heard_b + noise[1], 0.2 * rng.standard_normal(t.size)], axis=1)
    soundfile.write(folder / "b.flac", wide[: 18 * RATE_HZ], RATE_HZ)
    soundfile.write(folder / "noise.wav", 0.1 * rng.standard_normal(t.size), RATE_HZ)
    soundfile.write(folder / "silence.wav", np.zeros(t.size), RATE_HZ)
    return folder


def analysed(bench: Path, a: str, b: str, code: int = 0) -> dict[str, Any]:
    done = chirpbench(
        "analyze", "--exchange", a, b, "--plan", "plan/plan.json", "--json", "out.json", cwd=bench
    )
    assert done.returncode == code, done.stderr
    (line,) = (bench / "out.json").read_text().splitlines()
    fields: dict[str, Any] = json.loads(line)
    assert set(fields) >= FIELDS
    return fields


def test_two_recordings_give_the_round_trip(bench: Path) -> None:
    said = analysed(bench, "a.wav", "b.flac")
    assert (said["valid"], said["verdict"], said["reasons"]) == (True, "pass", [])
    assert said["round_trip_latency_ms"] == pytest.approx(1000 * LATENCY_S, abs=0.01)
    assert said["skew_ppm"] == pytest.approx(SKEW_PPM, abs=0.2)
    assert said["self_echo_db"] == pytest.approx(20 * np.log10(0.3 / 0.05), abs=0.5)
    assert 0 < said["uncertainty_us"] < 100
    assert said["confidence"] > 0.9
    assert (said["file_a"], said["tool_version"]) == ("a.wav", __version__)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("b.flac", "a.wav", "ambiguous_peak"),
        ("a.wav", "noise.wav", "partner_unheard"),
        ("silence.wav", "b.flac", "silent_capture"),
    ],
)
def test_other_recordings_are_refused(bench: Path, a: str, b: str, reason: str) -> None:
    said = analysed(bench, a, b)
    assert (said["valid"], said["verdict"]) == (False, "not_measurable")
    assert said["round_trip_latency_ms"] is None
    assert said["reasons"]
    assert reason in said["reasons"]


def test_a_table_for_people(bench: Path) -> None:
    words = ("analyze", "--exchange", "a.wav", "b.flac", "--plan", "plan/plan.json")
    done = chirpbench(*words, cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    assert "142.0" in done.stdout
    assert "pass" in done.stdout


def test_an_unreadable_recording_is_two(bench: Path) -> None:
    (bench / "text.wav").write_text("no audio")
    for a, b in (("text.wav", "b.flac"), ("a.wav", "missing.wav")):
        said = analysed(bench, a, b, code=2)
        assert (said["verdict"], said["reasons"]) == ("error", ["unreadable"])
        assert said["round_trip_latency_ms"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("--exchange", "a.wav", "b.flac"),
        ("--plan", "plan/plan.json"),
        ("--exchange", "a.wav", "b.flac", "--plan", "a.wav"),
        ("--exchange", "a.wav", "b.flac", "--plan", "plan"),
        ("--exchange", "a.wav", "b.flac", "--plan", "plan/plan.json", "--json", "plan/plan.json"),
        ("--exchange", "a.wav", "b.flac", "--plan", "plan/plan.json", "--stimulus", "s.wav"),
        ("--exchange", "a.wav", "b.flac", "--plan", "plan/plan.json", "--channel", "2"),
    ],
)
def test_what_cannot_be_used_is_one_line(bench: Path, words: tuple[str, ...]) -> None:
    assert_one_line_error(chirpbench("analyze", *words, cwd=bench), 2)


def test_a_hostile_plan_is_one_line(bench: Path) -> None:
    plan = json.loads((bench / "plan" / "plan.json").read_text())
    plan["b"]["at_s"] = [1e300, "x"]
    (bench / "hostile.json").write_text(json.dumps(plan))
    words = ("analyze", "--exchange", "a.wav", "b.flac", "--plan", "hostile.json")
    assert_one_line_error(chirpbench(*words, cwd=bench), 2)


def test_exchange_plan_writes_what_it_says(tmp_path: Path) -> None:
    words = ("exchange-plan", "--out", "x/y", "--rate-a", "16000", "--rate-b", "44100", "--json")
    done = chirpbench(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["distance_m"], said["partner_distance_m"], said["seed"]) == (0.3, 0.0, 1)
    for name, rate_hz in (("a_play", 16_000), ("b_play", 44_100)):
        info = soundfile.info(tmp_path / said[name])
        assert (info.samplerate, info.channels, info.frames) == (rate_hz, 1, 40 * rate_hz)
    assert chirpbench(*words, cwd=tmp_path).returncode == 0  # its own files may be replaced


@pytest.mark.parametrize(
    "words",
    [
        ("--out", "file"), ("--out", "x", "--rate-a", "7"), ("--out", "x", "--distance-m", "nan"),
        ("--out", "x", "--distance-m", "-1"), ("--out", "mine"), (),
    ],
)  # fmt: skip
def test_exchange_plan_refuses_in_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a_play.wav").write_text("mine")
    assert_one_line_error(chirpbench("exchange-plan", *words, cwd=tmp_path), 2)
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "mine" / "a_play.wav").read_text() == "mine"
