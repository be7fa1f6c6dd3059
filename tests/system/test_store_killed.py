"""``kill -9`` of a writer at any moment: what it reported as committed is there, and whole."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import store_writer

from db import queries
from db.measured import numbers_of
from db.queries import Filter
from db.store import Store

SCRIPT = store_writer.__file__
KILLS_WHILE_WRITING = 20
KILLS_WHILE_CREATING = 20


class Zygote:
    """Forks writers on demand."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._ask, self._answers = process.stdin, process.stdout

    def killed_writer(self, db: Path, tag: str, *, after_lines: int, delay_s: float) -> list[str]:
        """Start a writer, kill it after so many lines and a delay; return all it said."""
        self._ask.write(f"{db}\t{tag}\t100000\n")
        self._ask.flush()
        pid, said = 0, []
        while pid == 0 or len(said) < after_lines:
            line = self._answers.readline().split()
            assert line not in ([], ["ended"]), "the writer died by itself"
            if line[0] == "started":  # may come after the child's first lines
                pid = int(line[1])
            else:
                said.append(line[-1])
        time.sleep(delay_s)
        os.kill(pid, signal.SIGKILL)
        while (line := self._answers.readline().split()) != ["ended"]:
            said.append(line[-1])
        return said


@contextmanager
def zygote() -> Iterator[Zygote]:
    path = os.pathsep.join([str(Path(SCRIPT).parent), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, SCRIPT, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    with process:
        yield Zygote(process)


def check_whole(store: Store, tag: str, committed: set[str]) -> int:
    """Every committed trial is there; every trial that is there is whole. Returns their number."""
    found = queries.trials(store, Filter(device_uid=f"virtual:{tag}"))
    uuids = [t.trial_uuid for t in found]
    assert committed <= set(uuids)
    assert uuids == [f"{tag}-{i}" for i in range(len(uuids))]  # and no hole
    assert len(uuids) <= len(committed) + 1  # the one whose report was cut off
    for trial in found:
        assert trial.recording is not None
        assert store.evidence.load(trial.recording).frames == 4000
        stored = queries.measurements_of(store, trial.trial_uuid)
        assert stored == list(numbers_of(trial)) != []
    for reason in ("clipped", "dropouts"):
        with_reason = Filter(device_uid=f"virtual:{tag}", reason=reason)
        assert len(queries.trials(store, with_reason)) == len(found)
    return len(found)


def check_sound(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_killed_writer_loses_nothing_it_reported(tmp_path: Path) -> None:
    db, rng = tmp_path / "bench.db", random.Random(20)
    total = 0
    with zygote() as writers:
        for kill in range(KILLS_WHILE_WRITING):
            said = writers.killed_writer(
                db, f"k{kill}", after_lines=rng.randint(1, 6), delay_s=rng.uniform(0, 0.03)
            )
            committed = {line for line in said if line != "opened"}
            with Store.open(db, create=False) as store:
                total += check_whole(store, f"k{kill}", committed)
                assert len(queries.open_runs(store, "bench-1")) == kill + 1  # each can be resumed
    check_sound(db)
    assert total >= KILLS_WHILE_WRITING
    with Store.open(db, create=False) as store:
        known = {r.file_name for r in queries.recordings(store)}
        assert len(known) == total
        root = store.evidence.root
        files = [p for p in root.rglob("*") if p.is_file()]
        named = {str(p.relative_to(root)) for p in files if p.suffix == ".flac"}
        left = [p for p in files if p.suffix != ".flac"]
        assert known <= named
        assert all(p.name.startswith(".") and p.suffix == ".tmp" for p in left)
        assert len(named - known) + len(left) <= KILLS_WHILE_WRITING  # saved, not yet committed
        assert store.evidence.sweep(older_than_s=-1.0) == len(left)


def test_a_writer_killed_while_it_creates_the_store(tmp_path: Path) -> None:
    rng = random.Random(21)
    reached = 0
    with zygote() as writers:
        for kill in range(KILLS_WHILE_CREATING):
            db = tmp_path / f"{kill}.db"
            said = writers.killed_writer(db, "first", after_lines=0, delay_s=rng.uniform(0.0, 0.25))
            reached += bool(said)
            with Store.open(db) as store:
                check_whole(store, "first", {line for line in said if line != "opened"})
                store.upsert_device(store_writer.make.device("second"))
            check_sound(db)
    assert reached < KILLS_WHILE_CREATING  # some died before the store was made
