"""``chirpbench run`` while no file can grow any more: a line, nothing half, and a way on."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import bench_fleets as fleets
import cli_process
import pytest

from db import queries
from db.store import Store
from profiler.catalogue import SUITES
from profiler.model import RunStatus, Verdict

INT16, FLOAT32 = "", '[phone.streams]\nsample_format = "float32"'
"""127 kB and 800 kB a recording; the database's log reaches some hundred kB in between."""
WORDS = ("run", "--virtual=fleet.toml", "--fast", "--plain", "--db=a.db")


def run_with_files_up_to(size_bytes: int, folder: Path) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))

    return subprocess.run(
        [str(cli_process.script()), *WORDS],
        cwd=folder,
        env=cli_process.environment(),
        stdin=subprocess.DEVNULL,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("more", "size_bytes", "reason"),
    [(FLOAT32, 600_000, "evidence_lost"), (INT16, 300_000, "store_failed")],
    ids=["recording", "database"],
)
def test_a_full_disk_ends_the_run_and_a_resume_completes_it(
    tmp_path: Path, more: str, size_bytes: int, reason: str
) -> None:
    phone = fleets.PHONE.format(serial="A", latency_ms=30.0, more=more)
    (tmp_path / "fleet.toml").write_text(f"version = 1\nseed = 3\n{phone}")
    with Store.open(tmp_path / "a.db"):
        pass  # a store from better times
    done = run_with_files_up_to(size_bytes, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "free some space" in " ".join(done.stderr.split())
    with Store.open(tmp_path / "a.db", create=False) as store:
        kept = [t for t in queries.trials(store) if t.verdict is not Verdict.ERROR]
        for trial in kept:
            assert trial.recording is not None
            store.evidence.load(trial.recording)
        (run,) = queries.runs(store)
        if reason == "evidence_lost":
            assert (run.status, run.reason) == (RunStatus.ERROR, reason)
            assert [t.reasons for t in queries.trials(store)] == [(reason,)]
        else:
            assert run.status is RunStatus.RUNNING, "its end could not be written either"
            assert 1 <= len(kept) < 18
    again = cli_process.chirpbench(*WORDS, "--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    with Store.open(tmp_path / "a.db", create=False) as store:
        assert [r.status for r in queries.runs(store)] == [RunStatus.OK]
        trials = queries.trials(store, queries.Filter(latest_attempts=True))
        assert {t.trial_uuid for t in kept} <= {t.trial_uuid for t in trials}
        assert all(t.verdict is not Verdict.ERROR for t in trials)
        assert len(queries.results(store)) == len(SUITES["smoke"])
