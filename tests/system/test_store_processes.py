"""Several programs on one store: they open a new file together and write at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import store_writer

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.model import RunStatus

WRITERS, TRIALS = 4, 15


def test_processes_open_a_new_store_together_and_write_at_once(tmp_path: Path) -> None:
    db = tmp_path / "bench.db"
    path = os.pathsep.join([str(Path(store_writer.__file__).parent), *filter(None, sys.path)])
    processes = [
        subprocess.Popen(
            [sys.executable, store_writer.__file__, str(db), f"w{n}", str(TRIALS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        for n in range(WRITERS)
    ]
    for n, process in enumerate(processes):
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out.split("\n")[:-1] == ["opened", *(f"committed w{n}-{i}" for i in range(TRIALS))]
    with Store.open(db, create=False) as store:
        assert len(queries.trials(store)) == WRITERS * TRIALS
        assert len(queries.runs(store, Filter(run_status=RunStatus.OK))) == WRITERS
        for trial in queries.trials(store):
            assert trial.recording is not None
            store.evidence.load(trial.recording)
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM stimuli").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM facts").fetchone() == (1,)
