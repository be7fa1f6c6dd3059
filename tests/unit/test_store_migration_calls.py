"""A store made before there were calls: two fields are added, and all else stays as it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import store_records as make
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from db import queries
from db.codec import encode
from db.migrate import MIGRATIONS
from db.store import Store
from profiler.model import PartnerPart, TrialRecord, TrialRequest, TrialSetup

PARTNER = PartnerPart(TrialRequest(api="coreaudio", duration_s=7.0), make.stimulus(2), (1.0,))
HOSTILE = 'nul \0, lone \ud800 and ,"call":null,'
NEW = ("call", "beneath")
TABLES = ("facts", "devices", "runs", "stimuli", "trials", "superseded_analyses")
HOLDING = {"trials": ("requested", "record"), "superseded_analyses": ("record",)}


def old_trials() -> list[TrialRecord]:
    """One without and one with a partner, whose texts and numbers are hard to keep."""
    nan = make.estimate(None, drift_ppm=float("nan"), snr_db=0.1 + 0.2)
    return [
        make.trial("plain"),
        make.trial("alone", index=1, message=HOSTILE, estimate=nan),
        make.trial("pair", index=2, setup=TrialSetup(partner=PARTNER, note=HOSTILE)),
    ]


def old_store(file: Path, trials: Sequence[TrialRecord]) -> None:
    """What the version before left: its schema, made by its migrations, and its JSON."""
    newest = file.with_name("newest.db")
    with Store.open(newest) as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        for trial in trials:
            store.add_trial(trial)
            store.replace_analysis(replace(trial, tool_version="0.1.1"))
            store.replace_analysis(trial)
    engine = create_engine(f"sqlite:///{file}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ATTACH ? AS newest", (str(newest),))
        for table in TABLES:
            connection.execute(f"INSERT INTO {table} SELECT * FROM newest.{table}")
            for column in HOLDING.get(table, ()):
                for new in NEW:
                    without = f"UPDATE {table} SET {column} = replace({column}, ?, '')"
                    connection.execute(without, (f',"{new}":null',))
        connection.commit()


def texts(file: Path, table: str, column: str) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute(f"SELECT {column} FROM {table} ORDER BY id")]


def without_new(value: Any) -> Any:
    """JSON without the new keys, wherever they are."""
    if isinstance(value, dict):
        return {k: without_new(v) for k, v in value.items() if k not in NEW}
    return [without_new(v) for v in value] if isinstance(value, list) else value


def test_what_the_version_before_wrote_is_read_again(tmp_path: Path) -> None:
    file, trials = tmp_path / "old.db", old_trials()
    old_store(file, trials)
    before = {(t, c): texts(file, t, c) for t, columns in HOLDING.items() for c in columns}
    assert not any(f'"{n}"' in text for n in NEW for column in before.values() for text in column)
    with Store.open(file) as store:
        found = queries.trials_of(store, "run-1")
        assert [encode(trial) for trial in found] == [encode(trial) for trial in trials]
    for (table, column), old in before.items():
        new = [json.loads(text) for text in texts(file, table, column)]
        assert [without_new(value) for value in new] == [json.loads(text) for text in old]
    requested = [json.loads(text) for text in texts(file, "trials", "requested")]
    assert [r["call"] for r in requested] == [None] * 3
    records = texts(file, "trials", "record") + texts(file, "superseded_analyses", "record")
    pairs = [r["setup"]["partner"] for r in map(json.loads, records) if r["setup"]["partner"]]
    assert len(pairs) == 3  # the trial's own, and two analyses that were replaced
    assert all(pair["request"]["call"] is None for pair in pairs)
    assert all(json.loads(record)["setup"]["beneath"] is None for record in records)


def test_a_damaged_record_is_left_to_its_reader(tmp_path: Path) -> None:
    """The others are brought up to date; opening a store does not fail for one bad row."""
    file, trials = tmp_path / "old.db", old_trials()
    old_store(file, trials)
    damage = ('{"setup"', '{"setup": 7}', '{"setup": []}')
    with closing(sqlite3.connect(file)) as connection:
        for row_id, text in enumerate(damage, 1):
            connection.execute("UPDATE trials SET record = ? WHERE id = ?", (text, row_id))
        connection.execute("UPDATE trials SET requested = '[3]' WHERE id = 1")
        connection.commit()
    Store.open(file).close()
    assert texts(file, "trials", "record") == list(damage)
    first, *others = texts(file, "trials", "requested")
    assert first == "[3]"
    assert [json.loads(text)["call"] for text in others] == [None, None]


def test_more_rows_than_are_read_at_once(tmp_path: Path) -> None:
    file, count = tmp_path / "old.db", 1203
    old_store(file, [make.trial("plain")])
    with closing(sqlite3.connect(file)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(trials)")]
        changed = {"id": "?1", "trial_uuid": "'t' || ?1", "position": "?1"}
        values = ", ".join(changed.get(name, name) for name in names)
        connection.executemany(
            f"INSERT INTO trials ({', '.join(names)}) SELECT {values} FROM trials WHERE id = 1",
            [(3 * n,) for n in range(1, count)],  # ids have gaps
        )
        connection.commit()
    with Store.open(file) as store:
        assert len(queries.trials_of(store, "run-1")) == count
