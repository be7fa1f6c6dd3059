"""``chirpbench run --virtual`` ends at once, however it ends: nothing of it lives on, nothing that
was announced is lost, and ``--resume`` completes the plan."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import adbd_phones
import cli_process
import pytest
from adb_servers import until

from db import queries
from db.store import Store
from profiler.model import RunStatus

SERIALS = ("A1", "B1")
PLAN = 'tests = ["L1", "D1"]\nrepeats = 5\nrates_hz = [16000, 48000]\n'
PLANNED = 34
"""Trials of the two phones: L1 has two paths of 5 opens, D1 sweeps 7 configurations."""
DONE = re.compile(r"^ *[\d.]+ s {2}(?:A 1 \()?(A1|B1)\)?: (\d+)/(\d+) ")
"""A line of the plain log that announces a committed trial."""
KILLED_AFTER = 3
"""Announced trials."""


def descendants(pid: int) -> dict[int, str]:
    """Every process that ``pid`` started, and those started: number → command."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, left = {}, [pid]
    while left:
        for child in parents.get(left.pop(), []):
            found[child] = command(child)
            left.append(child)
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


class Victim:
    """A running ``chirpbench run`` in a session of its own, as a terminal has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [str(cli_process.script()), "run", *WORDS, "--speed=30", "--plain"],
            cwd=folder,
            env=cli_process.environment({"PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def announced(self) -> int:
        return sum(DONE.match(line) is not None for line in self.said)

    def until_in_a_trial(self) -> dict[int, str]:
        """Read its log until some trials were announced; returns its family."""
        assert self.process.stderr is not None
        while self.announced < KILLED_AFTER:
            line = self.process.stderr.readline()
            assert line, "".join(self.said)
            self.said.append(line)
        return descendants(self.process.pid)

    def end(self, how: Callable[[int], None]) -> tuple[int, str]:
        """End it; returns its code and what it printed."""
        how(self.process.pid)
        out, err = self.process.communicate(timeout=60)
        self.said += err.splitlines(keepends=True)
        return self.process.returncode, out


WORDS = ("--virtual=fleet.toml", "--bench=bench.toml", "--db=a.db")


@contextmanager
def victim(folder: Path) -> Iterator[Victim]:
    (folder / "fleet.toml").write_text(adbd_phones.fleet_toml(*SERIALS))
    (folder / "bench.toml").write_text(PLAN)
    started = Victim(folder)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.communicate()


def stored(folder: Path) -> list[str]:
    with Store.open(folder / "a.db", create=False) as store:
        trials = queries.trials(store)
        for trial in trials:
            assert trial.recording is not None
            store.evidence.load(trial.recording)
        return [trial.trial_uuid for trial in trials]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """The session ends, as when a terminal's scope is killed."""
    os.killpg(pid, signal.SIGKILL)


def ctrl_c(pid: int) -> None:
    """The terminal sends it to the whole foreground group: the fleet hears it, too."""
    os.killpg(pid, signal.SIGINT)


@pytest.mark.parametrize("how", [kill, kill_group, ctrl_c], ids=lambda f: f.__name__)
def test_nothing_lives_on_nothing_is_lost_and_a_resume_completes(
    tmp_path: Path, how: Callable[[int], None]
) -> None:
    with victim(tmp_path) as running:
        family = running.until_in_a_trial()
        assert any("device_probes.virtual.adbd" in line for line in family.values()), family
        assert any("server nodaemon" in line for line in family.values()), family
        code, out = running.end(how)
        killed = how in (kill, kill_group)
        assert code == (-signal.SIGKILL if killed else 130), "".join(running.said)
        assert "Traceback" not in out + "".join(running.said)
        until(
            lambda: not any(command(pid) == line for pid, line in family.items()),
            20, f"nothing is left of {family}",
        )  # fmt: skip
    kept = stored(tmp_path)
    assert KILLED_AFTER <= running.announced <= len(kept) < PLANNED
    if not killed:
        assert running.announced == len(kept)
        assert "--resume=" in out
    done = cli_process.chirpbench("run", *WORDS, "--fast", "--json", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    now = stored(tmp_path)
    assert now[: len(kept)] == kept, "a committed trial was lost or changed"
    assert len(now) == len(set(now)) == PLANNED
    with Store.open(tmp_path / "a.db", create=False) as store:
        assert [run.status for run in queries.runs(store)] == [RunStatus.OK] * 2
        assert len(queries.results(store)) == 4
