"""The big store's rows, put in by the thousand, are those the store's own writers give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "bench"))

from big_phones import big_runs
from bigstore import make_big, make_recordings, write_slowly

from db import overview, queries
from db.schema import Base
from db.store import Store

MODELS, RUNS, NUMBERS = 6, 24, 2_000
WRITTEN_AT = ("first_seen", "last_seen", "created_at", "recorded_at")
"""Times at which a row was written: the lab's years in one store, now in the other."""
DERIVED = ("model_overview", "path_overview", "changes")


def rows_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    def work(session: Any) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table in Base.metadata.sorted_tables:
            if table.name not in DERIVED:
                query = table.select().order_by(table.c.id)
                found[table.name] = [
                    {k: v for k, v in row.items() if k not in WRITTEN_AT}
                    for row in session.connection().execute(query).mappings()
                ]
        return found

    return store.read(work)


def test_both_ways_give_the_same_rows(tmp_path: Path) -> None:
    make_big(tmp_path / "big.db", models=MODELS, runs=RUNS, numbers=NUMBERS)
    with Store.open(tmp_path / "slow.db") as slow, Store.open(tmp_path / "big.db") as big:
        recordings = make_recordings(slow.evidence)
        write_slowly(slow, big_runs(MODELS, RUNS, NUMBERS, recordings))
        ours, theirs = rows_of(big), rows_of(slow)
        assert ours.keys() == theirs.keys()
        for table, rows in ours.items():
            assert rows == theirs[table], table
        assert overview.path_rows(big) == overview.path_rows(slow)
        named = [(m.key, m.runs, m.trials, m.verdicts, m.last_at) for m in overview.model_rows(big)]
        assert named == [
            (m.key, m.runs, m.trials, m.verdicts, m.last_at) for m in overview.model_rows(slow)
        ]
        assert len(queries.runs(big)) == RUNS
        assert {m.key.model for m in overview.model_rows(big)} == {
            f.facts.model for f in queries.devices(big) if f.facts
        }
        for recording in queries.recordings(big):
            assert big.evidence.load(recording).samples.size


def test_the_same_seed_gives_the_same_runs() -> None:
    one, again, other = (list(big_runs(4, 12, 900, seed=s)) for s in (1, 1, 2))
    assert one == again != other
