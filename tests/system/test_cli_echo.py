"""``analyze --echo`` as a user meets it: hand-made files, odd files and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_process import chirpbench
from echo_sim import Phone, Take, record

from profiler.cli import main
from profiler.wav import Audio, mono_audio, write_wav

RATE_HZ = 16_000
FIELDS = {
    "file_on", "file_off", "valid", "verdict", "reasons", "erle_db", "erle_bound_db",
    "convergence_s", "echo_delay_ms", "residual_dbfs", "residual_bound_dbfs", "voice_triggers",
    "voice_margin_db", "tool_version",
}  # fmt: skip
OFF, ON = Phone(level_dbfs=-26.0), Phone(level_dbfs=-26.0, canceller="ideal", depth_db=27.0)


@pytest.fixture(scope="module")
def takes() -> dict[str, Take]:
    phones = {
        "off": OFF,
        "on": ON,
        "hidden": Phone(level_dbfs=-26.0, canceller="ideal", depth_db=75.0),
        "slow": Phone(level_dbfs=-26.0, canceller="ideal", depth_db=30.0, converge_s=4.0),
    }
    return {name: record(phone, 3, 14.0) for name, phone in phones.items()}


@pytest.fixture
def folder(tmp_path: Path, takes: dict[str, Take]) -> Path:
    for name, take in takes.items():
        write_wav(tmp_path / f"{name}.wav", take.audio)
    write_wav(tmp_path / "s.wav", takes["off"].far)
    return tmp_path


def _echo(folder: Path, on: str, off: str = "off.wav", s: str = "s.wav") -> dict[str, object]:
    """In this process: starting the console script costs a second, and one test does."""
    words = ["analyze", "--echo", str(folder / on), str(folder / off)]
    words += ["--stimulus", str(folder / s), "--json", str(folder / "out.json")]
    assert main(words) == 0
    (line,) = (folder / "out.json").read_text(encoding="utf-8").splitlines()
    found: dict[str, object] = json.loads(line)
    assert set(found) >= FIELDS
    return found


def test_erle_of_two_hand_made_recordings(folder: Path) -> None:
    found = _echo(folder, "on.wav")
    assert found["valid"] is True
    assert found["erle_db"] == pytest.approx(27.0, abs=0.7)
    assert found["erle_bound_db"] == pytest.approx(27.0, abs=1.5)
    assert found["convergence_s"] == 0.0
    assert found["echo_delay_ms"] == pytest.approx(80, abs=3)
    assert found["verdict"] in ("marginal", "fail")
    assert "echo_left" in found["reasons"]  # type: ignore[operator]


def test_with_nothing_left_only_a_bound_is_given(folder: Path) -> None:
    found = _echo(folder, "hidden.wav")
    assert found["valid"] is True
    assert found["erle_db"] is None
    assert 35 < found["erle_bound_db"] < 75  # type: ignore[operator]
    assert "below_noise" in found["reasons"]  # type: ignore[operator]
    assert found["verdict"] == "pass"
    assert found["voice_triggers"] == 0


def test_convergence_in_seconds(folder: Path, takes: dict[str, Take]) -> None:
    found = _echo(folder, "slow.wav")
    # 30·(1 - exp(-3t/4)) reaches 24 dB at 2.15 s of echo, some of it after a pause.
    assert 1.8 <= found["convergence_s"] <= 3.6  # type: ignore[operator]


def test_other_rates_channels_and_a_file_of_its_own(folder: Path, takes: dict[str, Take]) -> None:
    stereo = np.repeat(takes["on"].audio.samples, 2, axis=1)
    stereo[:, 0] = 0
    write_wav(folder / "stereo.wav", Audio(stereo, RATE_HZ))
    stereo = np.repeat(takes["off"].audio.samples, 2, axis=1)
    write_wav(folder / "off2.wav", Audio(stereo, RATE_HZ))
    done = chirpbench("analyze", "--echo", "stereo.wav", "off2.wav", "--stimulus", "s.wav",
                      "--channel", "2", "--json", "out.json", cwd=folder)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    found = json.loads((folder / "out.json").read_text())
    assert found["erle_db"] == pytest.approx(27.0, abs=0.7)


def test_without_json_it_is_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / name) for name in ("on.wav", "off.wav", "s.wav")]
    assert main(["analyze", "--echo", *files[:2], "--stimulus", files[2]]) == 0
    said = capsys.readouterr().out
    assert "erle_db" in said
    assert "echo_left" in said


@pytest.mark.parametrize(
    ("on", "off", "reason"),
    [("zeros.wav", "off.wav", "silent_capture"), ("on.wav", "zeros.wav", "silent_capture"),
     ("short.wav", "off.wav", "too_short"), ("on.wav", "noise.wav", "low_snr")],
)  # fmt: skip
def test_a_poor_recording_is_a_verdict(folder: Path, on: str, off: str, reason: str) -> None:
    rng = np.random.default_rng(0)
    write_wav(folder / "zeros.wav", mono_audio(np.zeros(14 * RATE_HZ), RATE_HZ))
    write_wav(folder / "short.wav", mono_audio(0.1 * rng.standard_normal(RATE_HZ), RATE_HZ))
    write_wav(folder / "noise.wav", mono_audio(0.01 * rng.standard_normal(14 * RATE_HZ), RATE_HZ))
    found = _echo(folder, on, off)
    assert found["valid"] is False
    assert found["verdict"] == "not_measurable"
    assert found["erle_db"] is found["erle_bound_db"] is found["convergence_s"] is None
    assert reason in found["reasons"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "words",
    [
        ("--echo", "on.wav", "gone.wav", "--stimulus", "s.wav"),
        ("--echo", "on.wav", "text.wav", "--stimulus", "s.wav"),
        ("--echo", "on.wav", "off.wav"),
        ("--echo", "on.wav", "off.wav", "--stimulus", "s.wav", "--channel", "3"),
        ("on.wav", "--echo", "on.wav", "off.wav", "--stimulus", "s.wav"),
        ("--echo", "on.wav", "off.wav", "--stimulus", "s.wav", "--json", "on.wav"),
        ("--stimulus", "s.wav"),
        ("on.wav",),
    ],
)
def test_an_unusable_file_or_argument_is_one_line(
    folder: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "text.wav").write_text("no audio")
    before = (folder / "on.wav").read_bytes()
    monkeypatch.chdir(folder)
    try:
        code = main(["analyze", *words])
    except SystemExit as stop:
        code = int(str(stop.code))
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert (folder / "on.wav").read_bytes() == before
