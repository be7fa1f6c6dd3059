"""Fill ``.toolchain/`` with the jars that the probe APK's build, its gates and its Java tests need.

``python tools/apk/fetch.py [SET ...]`` runs Maven, so mirrors and proxies are those of the user's
own ``settings.xml``. Every file must have the size and SHA-256 of ``lock.json``; a set that is
already whole is left alone, so calling this again costs a hash. Standard library only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOOLCHAIN = ROOT / ".toolchain"
LOCK = HERE / "lock.json"
POM = HERE / "maven" / "pom.xml"
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
SETS = ("build", "api", "robolectric", "android-all")
"""Each is a module of ``maven/pom.xml`` and a folder of ``.toolchain``."""

ATTEMPTS = 4
RETRY_WAIT_S = 5.0
MAVEN_DEADLINE_S = 1200.0
"""A set is at most 200 MB."""


class FetchFailed(Exception):
    """A file could not be had, or is not the one of ``lock.json``."""


def digest(path: Path) -> dict[str, object]:
    """Size in bytes and SHA-256 of one file, as ``lock.json`` keeps them."""
    with path.open("rb") as file:
        return {
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            "size": path.stat().st_size,
        }


def contents(folder: Path) -> dict[str, dict[str, object]]:
    """File name -> digest of everything in ``folder``; empty when it is not there."""
    if not folder.is_dir():
        return {}
    return {path.name: digest(path) for path in sorted(folder.iterdir())}


def read_lock(lock: Path = LOCK) -> dict[str, dict[str, dict[str, object]]]:
    """Set -> file name -> digest."""
    locked: dict[str, dict[str, dict[str, object]]] = json.loads(lock.read_text("utf-8"))
    return locked


def is_whole(name: str, toolchain: Path = TOOLCHAIN, lock: Path = LOCK) -> bool:
    """Whether the set ``name`` holds exactly the files of ``lock.json``."""
    return contents(toolchain / name) == read_lock(lock).get(name)


def differences(found: dict[str, dict[str, object]], locked: dict[str, dict[str, object]]) -> str:
    """What is missing, too much or different, in words; empty when nothing is."""
    lines = [f"  {file}: missing" for file in locked if file not in found]
    lines += [f"  {file}: not in lock.json" for file in found if file not in locked]
    lines += [
        f"  {file}: SHA-256 {found[file]['sha256']} ({found[file]['size']} bytes), "
        f"lock.json says {locked[file]['sha256']} ({locked[file]['size']} bytes)"
        for file in sorted(found.keys() & locked.keys())
        if found[file] != locked[file]
    ]
    return "\n".join(lines)


def run_maven(name: str, into: Path, retry_wait_s: float = RETRY_WAIT_S) -> None:
    """Have Maven copy the files of the set ``name`` to ``into``; waits longer after each failure.

    Raises:
        FetchFailed: Maven is absent, or failed ``ATTEMPTS`` times.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise FetchFailed("mvn is not on the PATH: install Maven (Debian: apt install maven)")
    command = [maven, "-B", "-ntp", "-f", str(POM), "-pl", name, COPY_GOAL]
    command.append(f"-DoutputDirectory={into}")
    said = ""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            done = subprocess.run(  # noqa: S603 - Maven, arguments of ours
                command, capture_output=True, text=True, check=False, timeout=MAVEN_DEADLINE_S
            )
        except subprocess.TimeoutExpired:
            said = f"no end after {MAVEN_DEADLINE_S:.0f} s"
        else:
            if done.returncode == 0:
                return
            said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        print(f"fetch: {name}: attempt {attempt} of {ATTEMPTS} failed", file=sys.stderr)  # noqa: T201
        if attempt < ATTEMPTS:
            time.sleep(retry_wait_s * attempt)
    raise FetchFailed(f"Maven could not fetch the set {name!r}. It said:\n{said}")


def unpack_archives(folder: Path) -> None:
    """Replace each Android library (.aar) by the ``classes.jar`` in it: a JVM reads no .aar."""
    for archive in sorted(folder.glob("*.aar")):
        with zipfile.ZipFile(archive) as opened:
            archive.with_suffix(".jar").write_bytes(opened.read("classes.jar"))
        archive.unlink()


@contextmanager
def _only_one(toolchain: Path) -> Iterator[None]:
    """Two fetches at a time would swap each other's folders: the second waits."""
    toolchain.mkdir(parents=True, exist_ok=True)
    with (toolchain / ".fetching").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fetch(
    name: str,
    toolchain: Path = TOOLCHAIN,
    lock: Path = LOCK,
    *,
    update_lock: bool = False,
    retry_wait_s: float = RETRY_WAIT_S,
) -> bool:
    """Make the set ``name`` whole; False when it was already.

    ``update_lock`` writes what came into ``lock.json`` instead of comparing.

    Raises:
        FetchFailed: see :func:`run_maven`, or a file differs from ``lock.json``.
    """
    with _only_one(toolchain):
        if not update_lock and is_whole(name, toolchain, lock):
            return False
        fresh = toolchain / f"{name}.part"
        shutil.rmtree(fresh, ignore_errors=True)
        run_maven(name, fresh, retry_wait_s)
        unpack_archives(fresh)
        found = contents(fresh)
        if update_lock:
            locked = read_lock(lock) if lock.exists() else {}
            lock.write_text(json.dumps(locked | {name: found}, indent=1, sort_keys=True) + "\n")
        elif problems := differences(found, read_lock(lock).get(name, {})):
            raise FetchFailed(
                f"the files of the set {name!r} are not those of tools/apk/lock.json:\n{problems}\n"
                f"They are in {fresh} for a look. A download that broke stays in Maven's local "
                "repository: delete it there and try again. If pom.xml was changed on purpose, run "
                "this again with --update-lock and review the difference."
            )
        shutil.rmtree(toolchain / name, ignore_errors=True)
        fresh.rename(toolchain / name)
        return True


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when every set asked for is whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: {' '.join(SETS)}")
    parser.add_argument("--update-lock", action="store_true", help="maintainers: trust what comes")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.sets) - set(SETS)):
        parser.error(f"no set {', '.join(unknown)}; known are {', '.join(SETS)}")
    for name in asked.sets or SETS:
        try:
            came = fetch(name, update_lock=asked.update_lock)
        except FetchFailed as error:
            print(f"fetch: {error}", file=sys.stderr)  # noqa: T201
            return 1
        print(f"fetch: .toolchain/{name}: {'fetched' if came else 'already there'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
