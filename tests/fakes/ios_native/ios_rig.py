"""Builds the iOS probe for Linux and talks to it: its C line by line, its C behind a port with a
few lines of C in place of the app's Swift, or the whole app."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ios_swift import app_rig

from tools.swift import app

HERE = Path(__file__).resolve().parent
APP = HERE.parents[2] / "device_probes" / "ios" / "ProbeApp"
CORE, UNIT = APP / "Core", APP / "Unit"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wshadow", "-O1", "-g")
STRICT = ("-std=c11", "-pedantic", "-Wconversion", "-Wstrict-prototypes", "-Wmissing-prototypes")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
THREADS = ("-fsanitize=thread",)
DEADLINE_S = 90.0

GCC = (("gcc", "gcc"), ("libc6-dev", "/usr/include/stdio.h"))


def apt(test):
    """``needs_apt`` marks for the compiler."""
    for package in GCC:
        test = pytest.mark.needs_apt(*package)(test)
    return test


def run(command: Sequence[object], given: str = "") -> str:
    """Standard output; a failure shows everything that was said."""
    done = subprocess.run(
        [str(part) for part in command],
        input=given,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def build_lines(folder: Path) -> Path:
    """``core_lines.c`` with the core, under sanitizers."""
    program = folder / "core_lines"
    sources = [HERE / "core_lines.c", *sorted(CORE.glob("*.c"))]
    run(["gcc", "-std=c11", *WARNINGS, *SANITIZED, f"-I{CORE}", *sources, "-lm", "-o", program])
    return program


Program = Path | app.Program


def build(kind: str, folder: Path) -> Program:
    """``core``: :func:`build_probe` under sanitizers; ``app``: the app, Swift and all."""
    return app_rig.build(folder) if kind == "app" else build_probe(folder, *SANITIZED)


def build_probe(folder: Path, *flags: str) -> Path:
    """``probe.c``: the core, the I/O unit, the fake of Core Audio and a port."""
    program = folder / "probe"
    includes = [f"-I{path}" for path in (HERE / "sdk", HERE, CORE, UNIT)]
    sources = [HERE / "probe.c", HERE / "fake_unit.c", *sorted(UNIT.glob("*.c"))]
    sources += sorted(CORE.glob("*.c"))
    libraries = ("-lm", "-lpthread")
    run(["gcc", "-std=gnu11", *WARNINGS, *flags, *includes, *sources, *libraries, "-o", program])
    return program


class Probe:
    """A running ``probe``: its port, and after the block what it said at its end."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.last_words = ""
        self.errors = ""


@contextmanager
def probe(program: Program, words: str = "") -> Iterator[Probe | app_rig.Running]:
    """Ends well, with every unit disposed of, or the test fails."""
    if isinstance(program, app.Program):
        with app_rig.running(program, words) as app_running:
            yield app_running
        return
    process = subprocess.Popen(
        [str(program), *words.split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline().split()
    running = Probe(int(first[1]) if len(first) == 2 else 0)
    try:
        yield running
    finally:
        try:
            running.last_words, running.errors = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            running.last_words, running.errors = process.communicate()
            raise
    assert process.returncode == 0, running.errors + running.last_words
