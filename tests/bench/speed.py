"""Speed: CPU time of one thread, and ratios of two runs on the same machine."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import corpus

from profiler.analysis import analyze
from profiler.stimulus import stability_train, write_stimulus
from profiler.wav import write_wav

CHIRPBENCH = [str(Path(sys.executable).parent / "chirpbench")]
CPU_CONDITIONS = ("room", "device eq", "speech", "drift 50-300 ppm", "edit hole")
BATCH_FILES = 1500  # 25 s on one core: starting a second process is one of them
FULL_FLEET, ONE_PHONE = 16, 1


class Rows(Protocol):
    def row(self, what: str, reached: str, target: str, ok: bool) -> None: ...


def measure(table: Rows) -> None:
    """All rows about time and memory."""
    cpu = cpu_per_second()
    table.row("analysis, one thread, CPU s per recorded s", f"{cpu:.4f}", "<= 0.003", cpu <= 0.003)
    with tempfile.TemporaryDirectory() as folder:
        ratio = batch_ratio(Path(folder))
    table.row(
        f"batch of {BATCH_FILES} files, 2 cores against 1", f"{ratio:.2f}x", ">= 1.8x", ratio >= 1.8
    )
    wall = help_wall_s()
    table.row(
        "chirpbench --help, wall time, median of 15", f"{wall:.3f} s", "<= 0.25 s", wall <= 0.25
    )
    peak = memory_peak_mb()
    table.row("memory peak, analysing a 60 s recording", f"{peak:.0f} MB", "<= 300 MB", peak <= 300)
    one, many = fleet_wall_s(ONE_PHONE), fleet_wall_s(FULL_FLEET)
    table.row(
        f"smoke suite, {FULL_FLEET} phones against one, real-time clock",
        f"{many:.1f} s / {one:.1f} s = {many / one:.2f}x", "<= 1.3x", many <= 1.3 * one,
    )  # fmt: skip


def cpu_per_second() -> float:
    """Median over recordings of the best of 5 (the machine's other work only ever adds)."""
    cases = [corpus.signal_case(c, s) for c in CPU_CONDITIONS for s in range(4)]
    for case in cases[:3]:
        analyze(case.audio, case.spec)
    costs = []
    for case in cases:
        best = min(_cpu_s(case) for _ in range(5))
        costs.append(best / case.audio.duration_s)
    return statistics.median(costs)


def _cpu_s(case: corpus.Case) -> float:
    start = time.process_time()
    analyze(case.audio, case.spec)
    return time.process_time() - start


def batch_ratio(folder: Path) -> float:
    """Wall time of ``chirpbench analyze`` over many files with --jobs 1 and 2; medians of 3."""
    case = corpus.signal_case("room", 1)
    write_stimulus(folder / "stimulus.wav", case.spec)
    write_wav(folder / "r0.wav", case.audio)
    files = [folder / f"r{i}.wav" for i in range(BATCH_FILES)]
    for f in files[1:]:
        shutil.copy(files[0], f)

    def wall(jobs: int) -> float:
        start = time.perf_counter()
        subprocess.run(
            [*CHIRPBENCH, "analyze", *map(str, files), "--stimulus", str(folder / "stimulus.wav"),
             "--json", str(folder / "out.jsonl"), "--jobs", str(jobs)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return time.perf_counter() - start

    pairs = [(wall(1), wall(2)) for _ in range(3)]
    return statistics.median(a / b for a, b in pairs)


def help_wall_s() -> float:
    """Median wall time of the help text in a fresh process."""

    def once() -> float:
        start = time.perf_counter()
        subprocess.run([*CHIRPBENCH, "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    once()
    return statistics.median(once() for _ in range(15))


def memory_peak_mb() -> float:
    """Peak resident size of a process that analyses one 60 s recording at 48 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        spec = stability_train(1)
        wav = Path(folder) / "stimulus.wav"
        write_stimulus(wav, spec)
        code = (
            "import resource, sys; from pathlib import Path\n"
            "from profiler.analysis import analyze\n"
            "from profiler.stimulus import read_stimulus\n"
            "from profiler.wav import read_audio\n"
            "p = Path(sys.argv[1]); spec = read_stimulus(p.with_suffix('.json'))\n"
            "e = analyze(read_audio(p), spec); assert e.valid, e.reasons\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
        )
        out = subprocess.run(
            [sys.executable, "-c", code, str(wav)], check=True, capture_output=True, text=True
        )
    return float(out.stdout)


def fleet_wall_s(phones: int) -> float:
    """Wall time of the smoke suite on ``phones`` virtual phones in separate zones, real time."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet.toml"
        fleet.write_text("".join(_phones(phones)), encoding="utf-8")
        start = time.perf_counter()
        subprocess.run(
            [*CHIRPBENCH, "run", f"--virtual={fleet}", "--suite", "smoke",
             "--db", str(Path(folder) / "b.db")],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip
        return time.perf_counter() - start


def _phones(count: int) -> Iterator[str]:
    """A fleet of equal phones, so that one takes as long as each of many."""
    yield "version = 1\nseed = 7\n"
    for i in range(count):
        yield f"""
[[phone]]
serial = "EQ{i:02d}"
manufacturer = "Bench"
model = "Equal {i:02d}"
marketing_name = "Equal"
soc = "S1"
os_name = "Android"
os_version = "15"
os_build = "bench/1"
frames_per_burst = 192
[phone.streams]
rates_hz = [48000, 44100, 24000, 16000]
[phone.latency]
api_ms = {{ aaudio = 80.0 }}
spread = "bursts"
spread_bursts = 1
"""
