"""The store after a real ``chirpbench run``."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from audio_servers import PRIORITY
from cli_process import environment, script

from db.store import Store


@contextmanager
def measured(folder: Path, probe: str, bench: str, env: Mapping[str, str]) -> Iterator[Store]:
    """Run the plan ``bench`` with one kind of probe, ahead of whatever else the machine does."""
    (folder / "bench.toml").write_text(bench)
    done = subprocess.run(
        [*PRIORITY, script(), "run", "--probe", probe, "--bench", "bench.toml", "--db", "run.db"],
        cwd=folder,
        env={**environment(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Store.open(str(folder / "run.db"), create=False) as opened:
        yield opened
