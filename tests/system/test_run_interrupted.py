"""``chirpbench run`` interrupted from outside: Ctrl-C, ``kill -9``, and what is kept."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import bench_fleets as fleets
import cli_process

from db import queries
from db.store import Store
from profiler.catalogue import SUITES
from profiler.model import RunStatus

FLEET = "version = 1\nseed = 3\n" + "".join(
    fleets.PHONE.format(serial=s, latency_ms=30.0, more="") for s in ("A", "B")
)
LINES = 12
"""Lines of the plain log after which the process is stopped: in the middle of the run."""


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    (folder / "fleet.toml").write_text(FLEET)
    words = ["run", "--virtual=fleet.toml", "--speed=20", "--plain", "--db=a.db", *more]
    return subprocess.Popen(
        [str(cli_process.script()), *words],
        cwd=folder,
        env=cli_process.environment({"PYTHONUNBUFFERED": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_in_the_middle(folder: Path, number: int) -> tuple[int, str, str]:
    with start(folder) as process:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(LINES)]
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, "".join(said) + err


def stored(folder: Path) -> dict[str, str]:
    with Store.open(folder / "a.db", create=False) as store:
        return {t.trial_uuid: t.run_uuid for t in queries.trials(store)}


def resume(folder: Path, *words: str) -> list[dict[str, object]]:
    done = cli_process.chirpbench(
        "run", "--virtual=fleet.toml", "--fast", "--db=a.db", "--json", *words, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def complete(folder: Path, kept: dict[str, str]) -> None:
    now = stored(folder)
    assert kept.items() <= now.items(), "a committed trial was lost or repeated"
    with Store.open(folder / "a.db", create=False) as store:
        runs = queries.runs(store)
        assert [r.status for r in runs] == [RunStatus.OK] * 2
        trials = queries.trials(store)
        assert len({(t.run_uuid, t.test_id, t.index) for t in trials}) == len(trials)
        assert len(queries.results(store)) == 2 * len(SUITES["smoke"])


def test_ctrl_c_keeps_what_is_done_and_names_the_way_on(tmp_path: Path) -> None:
    code, out, err = stop_in_the_middle(tmp_path, signal.SIGINT)
    assert code == 130, err
    assert "Traceback" not in out + err
    kept = stored(tmp_path)
    with Store.open(tmp_path / "a.db", create=False) as store:
        assert {r.status for r in queries.runs(store)} == {RunStatus.CANCELLED}
    (bench,) = re.findall(r"--resume=([0-9a-f-]{36})", out)
    lines = resume(tmp_path, f"--resume={bench}")
    assert lines[-1]["bench_uuid"] == bench
    complete(tmp_path, kept)


def test_a_killed_run_is_found_again_without_its_uuid(tmp_path: Path) -> None:
    code, _, err = stop_in_the_middle(tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL, err
    kept = stored(tmp_path)
    resume(tmp_path, "--resume")
    complete(tmp_path, kept)
