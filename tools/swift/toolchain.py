"""Fill ``.toolchain/swift`` with the Swift compiler of Debian 13, on Debian 12 or newer.

``python -m tools.swift.toolchain`` lets apt find and verify the packages at the mirror this machine
uses, and unpacks them; nothing is installed and no right of root is needed. Compiler and programs
run with the C library that comes with them. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".toolchain" / "swift"
STAMP = ".fetched"
SUITE = "trixie"
PACKAGES = ("swiftlang", "libc6-dev", "libstdc++-14-dev")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_HOME = "usr/libexec/swift"
_KEPT = tuple(f"./{_HOME}/{part}" for part in ("bin/swift-frontend", "lib/swift", "lib/clang"))
"""Of swiftlang: 0.9 of 2.1 GB, without debuggers, package manager and static libraries."""
_LOADER = "usr/lib64/ld-linux-x86-64.so.2"
_DEADLINE_S = 1200.0


class FetchFailed(Exception):
    """The compiler could not be had; the text says why and what to do."""


@dataclass(frozen=True)
class Toolchain:
    """An unpacked compiler."""

    root: Path

    @property
    def is_there(self) -> bool:
        """Whether :func:`fetch` has finished in this folder."""
        return (self.root / STAMP).is_file()

    @property
    def version(self) -> str:
        """Of the package, e.g. ``6.0.3-2``."""
        return (self.root / STAMP).read_text("utf-8").strip()

    @property
    def libraries(self) -> tuple[Path, Path]:
        """Folders of Swift's own libraries, and of the system's."""
        return self.root / _HOME / "lib/swift/linux", self.root / "usr/lib/x86_64-linux-gnu"

    @property
    def resources(self) -> Path:
        """What the compiler calls its resource directory."""
        return self.root / _HOME / "lib/swift"

    def sanitizer(self, name: str) -> Path:
        """The run-time library of a sanitizer, e.g. ``tsan``."""
        found = (self.root / _HOME / "lib/clang").glob(f"*/lib/linux/libclang_rt.{name}-x86_64.a")
        return next(found)

    def run(self, program: Path, *words: object) -> list[str]:
        """A command line that runs ``program`` with the libraries it was linked with."""
        own, system = self.libraries
        paths = (own, own.parent / "host", system)
        loader = [str(self.root / _LOADER), "--library-path", ":".join(map(str, paths))]
        return [*loader, str(program), *map(str, words)]

    def frontend(self, *words: object) -> list[str]:
        """A command line of the compiler."""
        given = ("-resource-dir", self.resources, "-sdk", self.root)
        return self.run(self.root / _HOME / "bin/swift-frontend", "-frontend", *words, *given)


def _run(command: Sequence[str], **more: str) -> str:
    done = subprocess.run(  # noqa: S603 - Debian's own programs, words of ours
        command, env={**os.environ, **more}, capture_output=True, text=True,
        timeout=_DEADLINE_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-800:]
        raise FetchFailed(f"{' '.join(command[:3])}: {said or done.returncode}")
    return done.stdout


def mirror() -> str:
    """Where this machine gets Debian's packages from."""
    fields = "$(REPO_URI)\t$(LABEL)\t$(COMPONENT)"
    for line in _run(["apt-get", "indextargets", "--format", fields]).splitlines():
        uri, label, component = line.split("\t")
        if (label, component) == ("Debian", "main"):
            return uri
    raise FetchFailed("apt knows no mirror of Debian: run apt-get update, then this again")


def _configured(folder: Path) -> Path:
    """An apt of its own: one source, and no installed package."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n", encoding="utf-8"
    )
    lines = {
        "Dir::State": folder / "state", "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache", "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null", "Acquire::Languages": "none",
        "APT::Architecture": "amd64", "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "", "Debug::NoLocking": "true",
    }  # fmt: skip
    config = folder / "apt.conf"
    config.write_text("".join(f'{key} "{value}";\n' for key, value in lines.items()), "utf-8")
    return config


def _unpack(package: Path, target: Path) -> None:
    kept = _KEPT if package.name.startswith("swiftlang_") else ()
    data_of = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(data_of, stdout=subprocess.PIPE) as data:  # noqa: S603 - as above
        tar = ["tar", "-x", "-C", str(target), "--keep-directory-symlink", *kept]
        done = subprocess.run(  # noqa: S603 - as above
            tar, stdin=data.stdout, capture_output=True, text=True, check=False
        )
    if done.returncode or data.returncode:
        raise FetchFailed(f"{package.name} cannot be unpacked: {done.stderr.strip()[-300:]}")


def fetch(folder: Path = FOLDER) -> Toolchain:
    """Have the compiler in ``folder``; one that is there is left alone.

    Raises :class:`FetchFailed`.
    """
    found = Toolchain(folder)
    if found.is_there:
        return found
    for program in ("apt-get", "dpkg-deb", "tar"):
        if shutil.which(program) is None:
            raise FetchFailed(f"no {program}: this works on Debian and its relatives")
    with tempfile.TemporaryDirectory(prefix="swift-apt-") as scratch:
        apt = {"APT_CONFIG": str(_configured(Path(scratch))), "DEBIAN_FRONTEND": "noninteractive"}
        _run(["apt-get", "update", "-q"], **apt)
        _run(["apt-get", "install", "-q", "-y", "--download-only", *PACKAGES], **apt)
        packages = sorted((Path(scratch) / "cache/archives").glob("*.deb"))
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "usr").mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (partial / name).symlink_to(f"usr/{name}")
        for package in packages:
            _unpack(package, partial)
        version = next(p.name.split("_")[1] for p in packages if p.name.startswith("swiftlang_"))
        (partial / STAMP).write_text(f"{version}\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return found


def main() -> int:
    """Fetch; 1 with one line when it cannot be had."""
    try:
        found = fetch()
    except FetchFailed as exc:
        print(f"Swift cannot be fetched: {exc}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"Swift {found.version} in {found.root.relative_to(ROOT)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
