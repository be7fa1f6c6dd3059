"""Writes trials with evidence until the disk is full, twice, and prints what happened as JSON.

``store_filler.py FOLDER [LIMIT]``: with LIMIT no file may grow above so many bytes, which is how
a process meets a full disk without one; else FOLDER is expected to be on a small disk.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import store_records as make

from db import queries
from db.store import Store
from profiler.errors import EvidenceError, StoreError
from profiler.wav import mono_audio


def fill(folder: Path, limit: int | None) -> dict[str, object]:
    store = Store.open(folder / "bench.db")
    store.upsert_device(make.device(), make.facts())
    store.begin_run(make.run())
    small = store.evidence.save(mono_audio(np.zeros(100), 48_000))
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    said: dict[str, object] = {}
    rng = np.random.default_rng(0)
    try:
        for _ in range(1000):
            store.evidence.save(mono_audio(rng.integers(-32768, 32767, 200_000) / 32768, 48_000))
    except EvidenceError as exc:
        said["evidence"] = str(exc)
    committed = 0
    try:
        for i in range(100_000):
            store.add_trial(make.trial(f"t{i}", index=i, recording=small, message="m" * 2000))
            committed = i + 1
    except StoreError as exc:
        said["store"] = str(exc)
    said["committed"] = committed
    said["readable"] = len(queries.trials(store))  # the open store can still be read
    store.evidence.load(small)
    return said


if __name__ == "__main__":
    bytes_allowed = int(sys.argv[2]) if len(sys.argv) > 2 else None
    print(json.dumps(fill(Path(sys.argv[1]), bytes_allowed)))
    sys.stdout.flush()
