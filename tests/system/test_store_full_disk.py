"""A full disk: one clear line, nothing stored half, and all that was committed is still there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import store_filler

from db import queries
from db.store import Store

SCRIPT = store_filler.__file__
ENV = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(Path(SCRIPT).parent), *filter(None, sys.path)]),
}


def check_said(said: dict[str, object]) -> None:
    evidence = str(said["evidence"])
    assert re.search(
        r"/[0-9a-f]{64}\.flac: evidence cannot be written \(.+\): \d+ bytes needed, \d+ free; "
        r"free some space",
        evidence,
    )
    store = str(said["store"])
    assert re.search(r"bench\.db: cannot be written \(.+\), \d+ bytes are free; free some", store)
    assert "\n" not in evidence + store
    assert said["readable"] == said["committed"]


def check_left(folder: Path, committed: object) -> None:
    """What another process finds."""
    with Store.open(folder / "bench.db", create=False) as store:
        assert len(queries.trials(store)) == committed
        files = [p for p in store.evidence.root.rglob("*") if p.is_file()]
        assert all(p.suffix == ".flac" for p in files)  # no half file, no temporary one
        for recording in queries.recordings(store):
            store.evidence.load(recording)


def test_no_file_can_grow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, str(tmp_path), "300000"],
        capture_output=True,
        text=True,
        env=ENV,
        check=True,
    )
    said = json.loads(done.stdout)
    check_said(said)
    check_left(tmp_path, said["committed"])


def private_mounts() -> list[str]:
    """A command that gives its child mounts of its own, or nothing where none may be made."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        if shutil.which(command[0]) is None:
            continue
        probe = [*command, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return command
    message = "needs the right to mount a small disk (run as root, or allow user namespaces)"
    if os.environ.get("CHIRPBENCH_NO_SKIP") == "1":
        pytest.fail(f"{message}, and CHIRPBENCH_NO_SKIP=1 forbids skipping", pytrace=False)
    pytest.skip(message)


def test_a_really_full_disk(tmp_path: Path) -> None:
    """A tmpfs of 2 MB, seen by the child only; what is left on it is copied out at the end."""
    small, copy = tmp_path / "small", tmp_path / "copy"
    small.mkdir()
    copy.mkdir()
    script = 'mount -t tmpfs -o size=2m tmpfs "$1" && "$2" "$3" "$1" && cp -r "$1"/. "$4"'
    done = subprocess.run(
        [*private_mounts(), "sh", "-c", script, "sh", small, sys.executable, SCRIPT, copy],
        capture_output=True,
        text=True,
        env=ENV,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    check_said(said)
    check_left(copy, said["committed"])
