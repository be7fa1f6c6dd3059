"""Builds the native harnesses and runs scenarios through the probe's C library on Linux.

A scenario is a line of ``key=value`` words. Lower-case keys with a digit (``w5=0``) set an entry of
``NativeAudio``'s *wanted*, the others are read by ``harness.c`` or ``fake_aaudio.h``. Each place
runs the same lines in one process: a JVM, qemu-user, or a program with sanitizers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tools.apk import layout, native

HERE = Path(__file__).resolve().parent
JAVA = layout.APP / "src" / "main" / "java" / "org" / "chirpbench" / "probe"
HARNESS = ("harness.c", "harness_jni.c", "harness_abuse.c")
FAKE = ("fake_aaudio.c", "fake_engine.c")
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g")
DEADLINE_S = 90.0

STIMULUS = np.random.default_rng(20).choice([-0.5, 0.5], 5000).astype("<f4")
"""Noise of two values: its correlation has one peak, and half of it is whole in int16."""

CROSS = {
    "arm64-v8a": ("aarch64-linux-gnu", "qemu-aarch64", ()),
    "armeabi-v7a": ("arm-linux-gnueabi", "qemu-arm", ("-march=armv7-a", "-mfloat-abi=softfp")),
}
"""ABI -> Debian's cross triple (base calling convention for ARM, as Android), emulator, flags."""


def apt(*packages: tuple[str, str]) -> list[pytest.MarkDecorator]:
    """``needs_apt`` marks of several (package, program or glob)."""
    return [pytest.mark.needs_apt(*package) for package in packages]


CLANG = (("clang-14", "clang-14"), ("lld-14", "ld.lld-14"))
GCC = (("gcc", "gcc"), ("libc6-dev", "/usr/include/stdio.h"))
JDK = (("openjdk-17-jdk-headless", "javac"),)


def cross_marks(abi: str) -> list[pytest.MarkDecorator]:
    """What compiling and running for a foreign ABI needs."""
    triple, emulator, _ = CROSS[abi]
    debian = {"arm64-v8a": "arm64", "armeabi-v7a": "armel"}[abi]
    return apt(
        *(*CLANG, *JDK, ("qemu-user", emulator)),
        (f"libc6-dev-{debian}-cross", f"/usr/{triple}/lib/libc.so.6"),
        (f"libgcc-12-dev-{debian}-cross", f"/usr/lib/gcc-cross/{triple}/12/libgcc.a"),
    )


@dataclass(slots=True)
class Outcome:
    """What one scenario answered: key -> numbers, the fake's log, the recording's bytes."""

    values: dict[str, list[int]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    pcm: bytes = b""

    def one(self, key: str) -> int:
        """The only number of a key."""
        (value,) = self.values[key]
        return value

    def samples(self) -> np.ndarray:
        """float64 in units of full scale, shape (frames, channels), as the input was granted."""
        granted = self.values["granted"][20:40]
        kind, scale = (("<f4", 1.0), ("<i2", 32768.0))[granted[2] == 1]
        return np.frombuffer(self.pcm, kind).astype(float).reshape(-1, granted[1]) / scale


@dataclass(slots=True)
class Results:
    """Of one place: what it said before the scenarios, and each scenario's outcome by name."""

    header: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: str = ""


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Standard output and error of a program that must end well."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout, done.stderr


def jni_flags() -> list[str]:
    """Where jni.h is."""
    return [part for folder in native.jni_includes() for part in ("-isystem", str(folder))]


def shipped_library(abi: str, into: Path) -> Path:
    """The library out of the APK that ships.

    Built from the sources when there is no APK, or CHIRPBENCH_NATIVE=sources (before ``make apk``).
    """
    if not layout.APK.is_file() or os.environ.get("CHIRPBENCH_NATIVE") == "sources":
        return native.build_abi(abi, into)
    target = into / abi / layout.LIBRARY
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(layout.APK) as apk:
        target.write_bytes(apk.read(f"lib/{abi}/{layout.LIBRARY}"))
    return target


def sources(*names: str) -> list[Path]:
    """Files of this folder."""
    return [HERE / name for name in names]


def make_fake(compiler: Sequence[str], folder: Path, *flags: str) -> None:
    """``libaaudio.so`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [*compiler, *WARNINGS, *flags, "-shared", "-fPIC", *sources(*FAKE)]
    run([*command, "-o", folder / "libaaudio.so", "-lpthread"])


def make_shims(compiler: Sequence[str], folder: Path) -> None:
    """Android's libc, libdl and liblog by name; what they hold is in the C library of Linux."""
    folder.mkdir(parents=True, exist_ok=True)
    nothing = folder / "nothing.c"
    nothing.write_text("typedef int nothing;\n")
    for name in ("libc", "libdl"):
        flags = ("-shared", "-nostdlib", f"-Wl,-soname,{name}.so", "-Wl,--no-as-needed")
        run([*compiler, *flags, nothing, "-o", folder / f"{name}.so", "-l:libc.so.6"])
    flags = ("-shared", "-fPIC", "-Wl,-soname,liblog.so")
    run([*compiler, *flags, *sources("shim_log.c"), "-o", folder / "liblog.so"])


def parse(text: str) -> Results:
    """What a harness printed."""
    results = Results()
    outcome: Outcome | None = None
    for line in text.splitlines():
        key, _, rest = line.partition(" ")
        if key == "scenario":
            outcome = results.outcomes[rest] = Outcome()
        elif outcome is None:
            results.header[key] = rest
        elif key == "abuse":
            name, _, code = rest.partition(" ")
            outcome.values[name] = [int(code)]
        else:
            outcome.values[key] = [int(word) for word in rest.split()]
    return results


class Place:
    """A folder with a program, the fake and the scenarios."""

    def __init__(self, folder: Path, scenarios: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "config"
        lines = [f"name={name} {words}\n" for name, words in scenarios.items()]
        (folder / "scenarios").write_text("".join(lines))
        (folder / "stimulus").write_bytes(STIMULUS.tobytes())

    def arguments(self) -> list[Path]:
        """Of a harness, after the library."""
        return [self.folder / "scenarios", self.folder / "stimulus", self.folder]

    def finish(self, output: tuple[str, str]) -> Results:
        """Read back everything that a run left."""
        results = parse(output[0])
        results.errors = output[1]
        log = Path(f"{self.config}.log")
        name = ""
        for line in log.read_text().splitlines() if log.is_file() else ():
            if line.startswith("scenario "):
                name = line.removeprefix("scenario ")
            else:
                results.outcomes[name].log.append(line)
        for name, outcome in results.outcomes.items():
            pcm = self.folder / f"{name}.pcm"
            outcome.pcm = pcm.read_bytes() if pcm.is_file() else b""
        return results


def make_java(folder: Path) -> Path:
    """Class files of the shipped interface and of the harness for it."""
    classes = folder / "classes"
    files = [JAVA / "NativeAudio.java", JAVA / "NativeCodes.java"]
    files += sources("NativeHarness.java", "NativeAbuse.java")
    flags = ("--release", "8", "-encoding", "UTF-8", "-Xlint:all,-options", "-Werror", "-d")
    run(["javac", *flags, classes, *files])
    return classes


def run_java(place: Place, classes: Path, libraries: Path, *arguments: Path) -> tuple[str, str]:
    """The harness in a JVM that checks every JNI call."""
    java = ("java", "-Xcheck:jni", "-XX:TieredStopAtLevel=1", f"-Djava.library.path={libraries}")
    env = {"FAKE_AAUDIO_CONFIG": str(place.config), "LD_LIBRARY_PATH": str(libraries)}
    main = ("-cp", str(classes), "org.chirpbench.probe.NativeHarness")
    output, errors = run([*java, *main, *arguments], env)
    assert "WARNING in native method" not in output + errors
    return output, errors


def in_jvm(folder: Path, scenarios: Mapping[str, str], *, shipped: bool) -> Results:
    """Android's x86_64 library (``shipped``) or the same C built for Linux, in a JVM."""
    place = Place(folder, scenarios)
    libraries = folder / "libraries"
    make_fake(["gcc"], libraries)
    if shipped:
        make_shims(["gcc"], libraries)
        shutil.copy(shipped_library("x86_64", folder), libraries)
    else:
        command = ["gcc", *WARNINGS, "-fvisibility=hidden", "-shared", "-fPIC", *jni_flags()]
        files = [*sorted(native.SOURCES.glob("*.c")), *sources("shim_log.c")]
        run([*command, *files, "-o", libraries / layout.LIBRARY])
    return place.finish(run_java(place, make_java(folder), libraries, *place.arguments()))


def under_qemu(folder: Path, scenarios: Mapping[str, str], abi: str) -> Results:
    """The shipped ARM library, called by a C harness under an emulator."""
    place = Place(folder, scenarios)
    triple, emulator, flags = CROSS[abi]
    compiler = ["clang-14", f"--target={triple}", "-fuse-ld=lld-14", *flags]
    compiler += ["-isystem", f"/usr/{triple}/include", f"-L/usr/{triple}/lib"]
    make_fake(compiler, folder)
    make_shims(compiler, folder)
    harness = [*compiler, *WARNINGS, *jni_flags(), *sources(*HARNESS), "-o", folder / "harness"]
    run([*harness, "-lpthread", "-ldl"])
    command = [emulator, "-L", f"/usr/{triple}", "-E", f"LD_LIBRARY_PATH={folder}"]
    command += ["-E", f"FAKE_AAUDIO_CONFIG={place.config}", str(folder / "harness")]
    library = shipped_library(abi, folder)
    return place.finish(run([*command, library, *place.arguments()]))


def with_sanitizer(folder: Path, scenarios: Mapping[str, str], kinds: str, *fake: str) -> Results:
    """The same C in a program of its own, with gcc's sanitizers; ``fake``: flags of the fake."""
    place = Place(folder, scenarios)
    flags = (f"-fsanitize={kinds}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
    make_fake(["gcc", *flags], folder, *fake)
    files = [*sources(*HARNESS, "shim_log.c"), *sorted(native.SOURCES.glob("*.c"))]
    command = ["gcc", *WARNINGS, *flags, "-rdynamic", *jni_flags(), *files]
    run([*command, "-o", folder / "harness", "-lpthread", "-ldl"])
    env = {"FAKE_AAUDIO_CONFIG": str(place.config), "LD_LIBRARY_PATH": str(folder)}
    env["ASAN_OPTIONS"] = "detect_leaks=1"
    return place.finish(run([folder / "harness", "-", *place.arguments()], env))
