"""The iOS probe's Swift, compiled for Linux and linked with its C: ``python -m tools.swift.app``.

What the app takes of Apple's frameworks comes from ``tests/fakes/ios_swift``, a Swift module each,
and from the fake of Core Audio in ``tests/fakes/ios_native``: one layer below the app, whose
sources are the very files that Xcode compiles. The compiler checks names, types, errors that nobody
catches and use of the main actor; that Apple's frameworks are as the fakes say, it cannot.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.ios_project import APP, BRIDGE, SETTINGS
from tools.swift.toolchain import ROOT, FetchFailed, Toolchain, fetch

FAKES = ROOT / "tests" / "fakes" / "ios_swift"
NATIVE = ROOT / "tests" / "fakes" / "ios_native"
MODULES = ("Darwin", "Combine", "UIKit", "SwiftUI", "AVFoundation", "MediaPlayer")
"""In the order in which they import each other."""
MODULE = "ChirpbenchProbe"
LIBRARIES = (
    "Foundation", "FoundationEssentials", "FoundationInternationalization", "dispatch",
    "swiftDispatch", "swiftGlibc", "swiftCore", "swiftSwiftOnoneSupport", "swift_Concurrency",
    "swift_StringProcessing", "BlocksRuntime", "m", "pthread", "dl", "rt",
)  # fmt: skip
_DEADLINE_S = 600.0


class CompileFailed(Exception):
    """What the compiler or the linker said."""


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603 - a compiler and sources of ours
        command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
    )
    if done.returncode != 0:
        raise CompileFailed(done.stderr.strip() or done.stdout.strip())


@dataclass(frozen=True)
class Program:
    """The app as a program for this machine."""

    swift: Toolchain
    path: Path

    def command(self, *words: str) -> list[str]:
        """A command line that runs it."""
        return self.swift.run(self.path, *words)


@dataclass(frozen=True)
class _Build:
    """One build: where it goes, of which sources, and whether data races are looked for."""

    swift: Toolchain
    out: Path
    app: Path
    races: bool = False

    def module(self, name: str, sources: Sequence[Path], *more: object) -> None:
        """A Swift module; a warning is an error."""
        flags: list[object] = ["-module-name", name, "-parse-as-library", "-warnings-as-errors"]
        flags += ["-swift-version", SETTINGS["SWIFT_VERSION"].split(".")[0], "-I", self.out]
        flags += ["-module-cache-path", self.out / "cache", "-Xcc", f"-I{NATIVE}"]
        flags += ["-Xcc", f"-fmodule-map-file={FAKES / 'module.modulemap'}"]
        flags += ["-sanitize=thread"] if self.races else []
        _run(self.swift.frontend(*flags, *more, *sources))

    def compiled(self, name: str) -> tuple[object, ...]:
        """Flags that make the module's object file."""
        return ("-c", "-o", self.out / f"{name}.o")

    def fakes(self) -> None:
        """The modules that stand for Apple's frameworks."""
        for name in MODULES:
            emitted = ("-emit-module", "-emit-module-path", self.out / f"{name}.swiftmodule")
            self.module(name, [FAKES / f"{name}.swift"], *emitted, *self.compiled(name))

    def own(self, *action: object) -> None:
        """The app's Swift."""
        bridge = ("-import-objc-header", self.app / BRIDGE, "-Xcc", f"-I{NATIVE / 'sdk'}")
        self.module(MODULE, sorted((self.app / "App").glob("*.swift")), *bridge, *action)

    def native(self) -> None:
        """The app's C and the fake of Core Audio."""
        core, unit = self.app / "Core", self.app / "Unit"
        includes = [f"-I{path}" for path in (NATIVE / "sdk", NATIVE, core, unit)]
        flags = ["-std=gnu11", "-O1", "-g", *(["-fsanitize=thread"] if self.races else [])]
        for source in [*core.glob("*.c"), *unit.glob("*.c"), NATIVE / "fake_unit.c"]:
            target = str(self.out / f"{source.name}.o")
            _run(["gcc", *flags, *includes, "-c", str(source), "-o", target])

    def link(self) -> Program:
        """Everything in the folder, as one program."""
        own, _ = self.swift.libraries
        objects = [str(own / "x86_64" / "swiftrt.o"), *map(str, sorted(self.out.glob("*.o")))]
        named = [f"-l{name}" for name in LIBRARIES]
        if self.races:
            runtime = str(self.swift.sanitizer("tsan"))
            objects += ["-Wl,--whole-archive", runtime, "-Wl,--no-whole-archive", "-rdynamic"]
        # the libraries are newer than this machine's C library, and run with their own
        shared = ["-Wl,--allow-shlib-undefined", f"-L{own}"]
        program = self.out / "probe"
        _run(["gcc", *objects, *shared, *named, "-o", str(program)])
        return Program(self.swift, program)


def build(swift: Toolchain, out: Path, app: Path = APP, *, races: bool = False) -> Program:
    """Compile everything into ``out``; with ``races`` under the thread sanitizer.

    Raises :class:`CompileFailed` with the compiler's own words; a warning is an error.
    """
    one = _Build(swift, out, app, races)
    one.fakes()
    one.own(*one.compiled(MODULE))
    one.native()
    return one.link()


def check(program: Program, app: Path) -> None:
    """Whether the Swift of ``app`` would compile where ``program`` was built.

    Raises :class:`CompileFailed`.
    """
    _Build(program.swift, program.path.parent, app).own("-typecheck")


def main() -> int:
    """Compile in a scratch folder; 1 with the compiler's words when that fails."""
    try:
        with tempfile.TemporaryDirectory(prefix="ios-swift-") as scratch:
            build(fetch(), Path(scratch))
    except (FetchFailed, CompileFailed) as exc:
        print(exc, file=sys.stderr)  # noqa: T201
        return 1
    print("the app's Swift compiles against the fakes of Apple's frameworks")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
