"""``analyze --glitches`` as a user meets it: hand-made files, odd files and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_process import chirpbench

from profiler.cli import main
from profiler.wav import mono_audio, write_wav

RATE = 44_100
FIELDS = {
    "file", "valid", "verdict", "reasons", "glitches", "glitches_per_min", "glitches_per_min_lb95",
    "glitches_per_min_ub95", "analysed_s", "pitch_ratio", "tone_snr_db", "tool_version",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clean tone between silences, one with two glitches, noise without a tone."""
    t = np.arange(6 * RATE) / RATE
    noise = 0.002 * np.random.default_rng(1).standard_normal(t.size)
    clean = 0.2 * np.sin(2 * np.pi * 857 * t) * ((t > 0.7) & (t < 5.5)) + noise
    broken = clean.copy()
    broken[2 * RATE : 2 * RATE + 441] = 0
    broken = np.concatenate([broken[: 4 * RATE], broken[4 * RATE + 300 :]])
    for name, x in (("clean", clean), ("broken", broken), ("noise", noise)):
        write_wav(tmp_path / f"{name}.wav", mono_audio(x, RATE))
    return tmp_path


def _analyze(folder: Path, *names: str, hz: str = "857") -> tuple[int, list[dict[str, object]]]:
    files = [str(folder / name) for name in names]
    out = folder / "out.json"
    code = main(["analyze", "--glitches", *files, "--tone-hz", hz, "--json", str(out)])
    lines = out.read_text(encoding="utf-8").splitlines()
    return code, [json.loads(line) for line in lines]


def test_two_glitches_of_a_hand_made_recording(folder: Path) -> None:
    code, (found,) = _analyze(folder, "broken.wav")
    assert code == 0
    assert set(found) >= FIELDS
    assert (found["valid"], found["verdict"], found["reasons"]) == (True, "marginal", ["glitches"])
    glitches = found["glitches"]
    assert isinstance(glitches, list)
    assert [g["kind"] for g in glitches] == ["hole", "skip"]
    assert [round(g["time_s"], 2) for g in glitches] == [2.0, 4.0]
    assert glitches[0]["duration_ms"] == pytest.approx(10.0, abs=0.1)
    assert glitches[1]["shift_frames"] == pytest.approx(-300 % -(RATE / 857), abs=0.5)
    assert found["glitch_count"] == 2
    rate, low, high = (found[f"glitches_per_min{x}"] for x in ("", "_lb95", "_ub95"))
    assert rate == pytest.approx(2 / (4.6 / 60), rel=0.03)
    assert low < rate < high  # type: ignore[operator]


def test_a_clean_one_has_a_bound_by_the_rule_of_three(folder: Path) -> None:
    _, (found,) = _analyze(folder, "clean.wav")
    assert (found["verdict"], found["reasons"], found["glitches"]) == ("pass", [], [])
    assert found["analysed_s"] == pytest.approx(4.68, abs=0.1)
    assert found["glitches_per_min_ub95"] == pytest.approx(3.0 / (4.68 / 60), rel=0.03)
    assert found["pitch_ratio"] == pytest.approx(1.0, abs=1e-5)
    assert found["tone_snr_db"] == pytest.approx(37.0, abs=1.0)


def test_no_tone_is_no_number(folder: Path) -> None:
    code, (found, other) = _analyze(folder, "noise.wav", "clean.wav", hz="1200")
    assert code == 0
    for one in (found, other):
        assert (one["valid"], one["verdict"]) == (False, "not_measurable")
        assert (one["glitch_count"], one["glitches_per_min"]) == (None, None)


def test_files_that_cannot_be_read(folder: Path) -> None:
    (folder / "text.wav").write_text("no audio")
    code, (bad, good) = _analyze(folder, "text.wav", "clean.wav")
    assert code == 2
    assert (bad["verdict"], bad["reasons"], good["valid"]) == ("error", ["unreadable"], True)
    assert "text.wav" in str(bad["error"])


@pytest.mark.parametrize(
    "words",
    [
        ("--glitches", "clean.wav"),
        ("--tone-hz", "857"),
        ("--glitches", "clean.wav", "--tone-hz", "857", "--stimulus", "s.wav"),
        ("--glitches", "clean.wav", "--tone-hz", "857", "--json", "clean.wav"),
        ("--glitches", "clean.wav", "--tone-hz", "nan"),
        ("--glitches", "clean.wav", "--tone-hz", "857", "--channel", "2"),
    ],
)
def test_words_that_do_not_belong_together(
    folder: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = (folder / "clean.wav").read_bytes()
    try:
        code = main(["analyze", *words])
    except SystemExit as exc:
        code = int(exc.code or 0)
    assert code == 2
    assert (folder / "clean.wav").read_bytes() == before


def test_the_console_script_shows_a_table(folder: Path) -> None:
    done = chirpbench(
        "analyze", "--glitches", str(folder / "broken.wav"), "--tone-hz", "857", cwd=folder
    )
    assert done.returncode == 0
    assert "hole 10.0 ms at 2.000 s" in " ".join(done.stdout.split())
