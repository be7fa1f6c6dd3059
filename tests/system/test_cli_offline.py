"""``stimulus`` and ``analyze`` as a user meets them: good files, odd files and broken ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_process import (
    assert_one_line_error,
    chirpbench,
    delayed,
    environment,
    json_lines,
    script,
)

from profiler import __version__
from profiler.model import StimulusSpec
from profiler.stimulus import make_train, read_stimulus, write_stimulus

RATE_HZ = 48_000
FIELDS = {
    "file", "valid", "verdict", "reasons", "round_trip_latency_ms", "uncertainty_us", "confidence",
    "drift_ppm", "snr_db", "polarity", "dropouts", "jumps", "clipped_fraction", "band_hz",
    "per_chirp_ms", "tool_version",
}  # fmt: skip


@pytest.fixture(scope="module")
def spec() -> StimulusSpec:
    return make_train(11, rate_hz=RATE_HZ, chirps=5, chirp_s=0.25)


@pytest.fixture
def bench(tmp_path: Path, spec: StimulusSpec) -> Path:
    """A folder with ``s.wav``, ``s.json`` and ``good.wav``, whose latency is 2400 frames."""
    write_stimulus(tmp_path / "s.wav", spec)
    soundfile.write(tmp_path / "good.wav", delayed(spec, 2400), RATE_HZ)
    return tmp_path


# --- stimulus ------------------------------------------------------------------------------------


def test_stimulus_writes_a_pair_that_reads_back(tmp_path: Path) -> None:
    done = chirpbench(
        "stimulus", "--out", "S.wav", "--rate", "44100", "--seed", "5", "--json", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    (said,) = json_lines(done.stdout)
    assert said == {"file": "S.wav", **json.loads((tmp_path / "S.json").read_text())}
    spec = read_stimulus(tmp_path / "S.wav")
    assert (spec.rate_hz, spec.seed, len(spec.starts_s)) == (44_100, 5, 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["S.json", "S.wav"]


def test_stimulus_of_a_length_is_filled_and_not_exceeded(tmp_path: Path) -> None:
    done = chirpbench("stimulus", "--out", "S.wav", "--length", "12", cwd=tmp_path)
    assert done.returncode == 0
    assert 12 - 0.5 - 0.41 < read_stimulus(tmp_path / "S.wav").duration_s <= 12


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (("--rate", "100"), "rate 100 Hz"),
        (("--chirps", "0"), "0 chirps"),
        (("--chirps", "900"), "duration_s"),
        (("--length", "0.3"), "needs 0.9 s"),
        (("--length", "4000"), "at most 300 s"),
        (("--amplitude", "2"), "--amplitude"),
        (("--out", "S.mp3"), "S.mp3"),
        (("--out", "missing/S.wav"), "missing/S.wav"),
    ],
)
def test_stimulus_refuses(tmp_path: Path, words: tuple[str, ...], needle: str) -> None:
    done = chirpbench("stimulus", "--out", "S.wav", *words, cwd=tmp_path)
    assert_one_line_error(done, 2, needle)
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


# --- analyze: files that can be read -------------------------------------------------------------


def test_analyze_json_holds_exactly_what_is_documented(bench: Path) -> None:
    done = chirpbench("analyze", "good.wav", "--stimulus", "s.wav", "--json", "-", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = json_lines(done.stdout)
    assert set(result) >= FIELDS
    assert list(result)[: len(FIELDS)][0] == "file"
    assert result["file"] == "good.wav"
    assert result["valid"] is True
    assert result["verdict"] in ("pass", "marginal")
    assert result["round_trip_latency_ms"] == pytest.approx(50.0, abs=0.001)
    assert result["polarity"] == 1
    assert result["dropouts"] == []
    assert result["jumps"] == []
    assert result["tool_version"] == __version__
    assert result["error"] is None
    assert len(result["per_chirp_ms"]) == 5  # type: ignore[arg-type]
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    for field in result:
        assert f"`{field}`" in page.read_text("utf-8"), field


def test_analyze_table_is_for_people(bench: Path) -> None:
    done = chirpbench("analyze", "good.wav", "--stimulus", "s.json", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good.wav" in done.stdout
    assert "50.00" in done.stdout
    assert "±" in done.stdout


def test_formats_and_channels(bench: Path, spec: StimulusSpec) -> None:
    heard = delayed(spec, 960)
    hush = np.random.default_rng(1).normal(0, 1e-4, heard.size).astype(np.float32)
    soundfile.write(bench / "i24.wav", heard, RATE_HZ, subtype="PCM_24")
    soundfile.write(bench / "f64.wav", heard.astype(np.float64), RATE_HZ, subtype="DOUBLE")
    soundfile.write(bench / "u8.wav", heard, RATE_HZ, subtype="PCM_U8")
    soundfile.write(bench / "first.flac", np.column_stack([heard, hush, hush]), RATE_HZ)
    files = ("i24.wav", "f64.wav", "u8.wav", "first.flac")
    done = chirpbench(
        "analyze", *files, "--stimulus", "s.wav", "--json", "out.json", "--jobs", "2", cwd=bench
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    results = json_lines((bench / "out.json").read_text())
    assert [r["file"] for r in results] == list(files)
    for r in results:
        assert r["round_trip_latency_ms"] == pytest.approx(20.0, abs=0.01), r["file"]


def test_channel_selects(bench: Path, spec: StimulusSpec) -> None:
    heard = delayed(spec, 960)
    hush = np.random.default_rng(1).normal(0, 1e-4, heard.size).astype(np.float32)
    soundfile.write(bench / "second.wav", np.column_stack([hush, heard]), RATE_HZ)
    words = ("analyze", "second.wav", "--stimulus", "s.wav", "--json", "-")
    (default,) = json_lines(chirpbench(*words, cwd=bench).stdout)
    assert (default["valid"], default["round_trip_latency_ms"]) == (False, None)
    (second,) = json_lines(chirpbench(*words, "--channel", "2", cwd=bench).stdout)
    assert second["round_trip_latency_ms"] == pytest.approx(20.0, abs=0.001)
    assert second["channel"] == 2
    done = chirpbench(*words, "--channel", "3", cwd=bench)
    assert_one_line_error(done, 2, "second.wav", "no channel 3", "1 to 2")


def test_what_cannot_be_measured_is_a_verdict(bench: Path, spec: StimulusSpec) -> None:
    soundfile.write(bench / "one.wav", np.array([0.5], np.float32), RATE_HZ)
    soundfile.write(bench / "zeros.flac", np.zeros(6 * RATE_HZ, np.int16), RATE_HZ)
    soundfile.write(bench / "short.wav", delayed(spec, 10)[: RATE_HZ // 10], RATE_HZ)
    other = make_train(12, rate_hz=RATE_HZ, chirps=5, chirp_s=0.25)
    soundfile.write(bench / "other.wav", delayed(other, 960), RATE_HZ)
    noise = np.random.default_rng(3).normal(0, 0.1, 6 * RATE_HZ)
    soundfile.write(bench / "noise.wav", noise, RATE_HZ)
    files = ("one.wav", "zeros.flac", "short.wav", "other.wav", "noise.wav")
    done = chirpbench("analyze", *files, "--stimulus", "s.wav", "--json", "-", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    results = {str(r["file"]): r for r in json_lines(done.stdout)}
    for name, r in results.items():
        assert (r["valid"], r["verdict"]) == (False, "not_measurable"), name
        assert r["round_trip_latency_ms"] is None
        assert r["uncertainty_us"] is None
        assert r["reasons"]
    assert "too_short" in results["one.wav"]["reasons"]  # type: ignore[operator]
    assert "silent_capture" in results["zeros.flac"]["reasons"]  # type: ignore[operator]


# --- analyze: files that cannot ------------------------------------------------------------------


def broken_files(folder: Path) -> dict[str, str]:
    """Files that must be refused, and what the complaint says."""
    good = (folder / "good.wav").read_bytes()
    samples = soundfile.read(folder / "good.wav", dtype="float32")[0]
    (folder / "empty.wav").write_bytes(b"")
    (folder / "cut.wav").write_bytes(good[: len(good) // 2])
    (folder / "header.wav").write_bytes(good[:40])
    (folder / "text.wav").write_text("this is no audio\n" * 99)
    (folder / "random.flac").write_bytes(np.random.default_rng(0).bytes(5000))
    soundfile.write(folder / "whole.flac", samples, RATE_HZ)
    flac = (folder / "whole.flac").read_bytes()
    (folder / "cut.flac").write_bytes(flac[: len(flac) // 2])
    nan, inf = samples.copy(), samples.copy()
    nan[777], inf[888] = np.nan, -np.inf
    soundfile.write(folder / "nan.wav", nan, RATE_HZ, subtype="FLOAT")
    soundfile.write(folder / "inf.wav", inf, RATE_HZ, subtype="DOUBLE")
    soundfile.write(folder / "hour.flac", np.zeros(3600 * 8000, np.int16), 8000)
    soundfile.write(folder / "fast.wav", samples, 384_000)
    (folder / "folder.wav").mkdir()
    return {
        "empty.wav": "empty file",
        "cut.wav": "truncated",
        "header.wav": "header.wav",
        "text.wav": "not a readable audio file",
        "random.flac": "not a readable audio file",
        "cut.flac": "cut.flac",
        "nan.wav": "frame 777",
        "inf.wav": "frame 888",
        "hour.flac": "3600 s long",
        "fast.wav": "384000 Hz",
        "folder.wav": "is a folder",
        "missing.wav": "no such file",
    }


def test_broken_files_are_a_line_each_and_the_others_are_analysed(bench: Path) -> None:
    wanted = broken_files(bench)
    files = ("good.wav", *wanted, "whole.flac")
    words = ("analyze", *files, "--stimulus", "s.wav", "--json", "out.json")
    done = chirpbench(*words, cwd=bench)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(wanted), done.stderr
    for (name, needle), line in zip(wanted.items(), lines, strict=True):
        assert name in line
        assert needle in line
        assert ";" in line, f"no next step: {line}"
        assert str(bench) not in line, "a name the user did not give"
    results = json_lines((bench / "out.json").read_text())
    assert [r["file"] for r in results] == list(files)
    for r in results:
        assert set(r) >= FIELDS
        if r["file"] in ("good.wav", "whole.flac"):
            assert r["round_trip_latency_ms"] == pytest.approx(50.0, abs=0.001)
            continue
        assert (r["valid"], r["verdict"], r["reasons"]) == (False, "error", ["unreadable"])
        numbers = [v for v in r.values() if isinstance(v, float)]
        assert numbers == [], "a file that was not read has no numbers"
        assert r["error"]


def test_permissions(bench: Path) -> None:
    (bench / "good.wav").chmod(0)
    words = ("analyze", "good.wav", "--stimulus", "s.wav")
    done = chirpbench(*words, cwd=bench, as_plain_user=True)
    assert_one_line_error(done, 2, "good.wav", "ermission")
    (bench / "good.wav").chmod(0o644)
    (bench / "s.json").chmod(0)
    assert_one_line_error(chirpbench(*words, cwd=bench, as_plain_user=True), 2, "s.json")
    (bench / "s.json").chmod(0o644)
    before = sorted(p.name for p in bench.iterdir())
    bench.chmod(0o555)
    try:
        done = chirpbench(*words, "--json", "out.json", cwd=bench, as_plain_user=True)
        assert_one_line_error(done, 2, "out.json", "cannot be written")
        done = chirpbench("stimulus", "--out", "new.wav", cwd=bench, as_plain_user=True)
        assert_one_line_error(done, 2, "new.wav", "cannot be written")
        done = chirpbench("run", "--virtual", "--fast", "VP01", cwd=bench, as_plain_user=True)
        assert_one_line_error(done, 2, "chirpbench.db", ";")
    finally:
        bench.chmod(0o755)
    assert sorted(p.name for p in bench.iterdir()) == before


def test_wrong_stimulus_files(bench: Path, spec: StimulusSpec) -> None:
    cases: dict[str, tuple[str, ...]] = {
        "nojson.wav": ("nojson.json is missing", "beside"),
        "absent.wav": ("absent",),
        "swapped.wav": ("not the stimulus its JSON describes",),
        "badjson.json": ("badjson.json", "unreadable"),
        "list.json": ("list.json", "no stimulus description"),
        "huge.json": ("huge.json", "rate_hz"),
    }
    shutil.copy(bench / "s.wav", bench / "nojson.wav")
    shutil.copy(bench / "good.wav", bench / "swapped.wav")
    shutil.copy(bench / "s.json", bench / "swapped.json")
    (bench / "badjson.json").write_text("{" * 5000)
    (bench / "list.json").write_text("[1, 2]")
    huge = {**json.loads((bench / "s.json").read_text()), "rate_hz": 10**12}
    (bench / "huge.json").write_text(json.dumps(huge))
    for name, needles in cases.items():
        done = chirpbench(
            "analyze", "good.wav", "--stimulus", name, "--json", "out.json", cwd=bench
        )
        assert_one_line_error(done, 2, *needles)
        assert not (bench / "out.json").exists()


def test_json_never_overwrites_a_recording(bench: Path) -> None:
    before = (bench / "good.wav").read_bytes()
    done = chirpbench("analyze", "s.wav", "--stimulus", "s.wav", "--json", "good.wav", cwd=bench)
    assert_one_line_error(done, 2, "good.wav", "overwritten")
    assert (bench / "good.wav").read_bytes() == before
    done = chirpbench("analyze", "good.wav", "--stimulus", "s.json", "--json", "s.json", cwd=bench)
    assert_one_line_error(done, 2, "s.json", "overwritten")


def test_file_names_are_shown_harmless_and_kept_exact(bench: Path) -> None:
    name = "[red]\x1b[31mé\n.wav"
    shutil.copy(bench / "good.wav", bench / name)
    raw = os.fsdecode(b"\xff.wav")
    done = chirpbench("analyze", name, raw, "--stimulus", "s.wav", cwd=bench)
    assert done.returncode == 2  # the second does not exist
    assert "[red]é .wav" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    done = chirpbench("analyze", name, raw, "--stimulus", "s.wav", "--json", "-", cwd=bench)
    assert [r["file"] for r in json_lines(done.stdout)] == [name, raw]


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("analyze", *["good.wav"] * 3, "--stimulus", "s.wav", "--json", "-", "--jobs", "1"),
        ("analyze", "good.wav", "--stimulus", "s.wav"),
    ],
)
def test_reader_that_goes_away(bench: Path, words: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [script(), *words],
        cwd=bench,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        complaint = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, complaint) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written(bench: Path) -> None:
    for words in (("--help",), ("stimulus", "--out", "new.wav", "--json")):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [script(), *words],
                cwd=bench, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True,
                check=False,
            )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == "chirpbench: the output cannot be written: No space left on device\n"


def test_debug_shows_the_traceback(bench: Path) -> None:
    words = ("analyze", "good.wav", "--stimulus", "absent.json")
    assert "Traceback" not in chirpbench(*words, cwd=bench).stderr
    shown = chirpbench(*words, cwd=bench, env={"CHIRPBENCH_DEBUG": "1"}).stderr
    assert "Traceback" in shown
    assert "StimulusError" in shown


def test_version_and_help(tmp_path: Path) -> None:
    assert chirpbench("--version", cwd=tmp_path).stdout == f"chirpbench {__version__}\n"
    shown = chirpbench("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for command in ("run", "analyze", "doctor"):
        assert command in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    """What keeps ``--help`` instant, without a stopwatch in the test."""
    code = (
        "import sys; from profiler.cli.arguments import build_parser; import profiler.cli.entry;"
        "build_parser().format_help();"
        "print(sorted({m.split('.')[0] for m in sys.modules} &"
        " {'numpy', 'scipy', 'rich', 'sqlalchemy', 'pydantic', 'soundfile', 'asyncio'}))"
    )
    python = str(script().parent / "python")
    done = subprocess.run(
        [python, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "[]\n"
