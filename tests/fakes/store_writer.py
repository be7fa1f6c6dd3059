"""A writer that tells which trials the store has confirmed, to be killed at any moment.

``store_writer.py DB TAG COUNT`` writes COUNT trials with evidence and prints ``committed UUID``
after each. ``store_writer.py --serve`` reads ``DB TAG COUNT`` lines (tab-separated) and forks
such a writer for each, which makes a kill cost milliseconds instead of a start of Python.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import store_records as make

from db.store import Store
from profiler.model import RunStatus
from profiler.wav import mono_audio


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write: whole lines, also when killed


def write(db: str, tag: str, count: int) -> None:
    rng = np.random.default_rng(abs(hash(tag)))
    with Store.open(db) as store:
        ref = make.device(tag)
        store.upsert_device(ref, make.facts())
        store.begin_run(make.run(f"run-{tag}", ref.uid))
        say("opened")
        for i in range(count):
            samples = rng.integers(-9000, 9000, 4000) / 32768.0
            recording = store.evidence.save(mono_audio(samples, 48_000))
            trial = make.trial(
                f"{tag}-{i}",
                run_uuid=f"run-{tag}",
                index=i,
                recording=recording,
                reasons=("clipped", "dropouts"),
            )
            store.add_trial(trial)
            say(f"committed {trial.trial_uuid}")
        store.finish_run(f"run-{tag}", RunStatus.OK)


def serve() -> None:
    for line in sys.stdin:
        db, tag, count = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            write(db, tag, int(count))
            os._exit(0)
        say(f"started {pid}")
        os.waitpid(pid, 0)
        say("ended")


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve()
    else:
        write(str(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]))
