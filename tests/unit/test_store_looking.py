"""A store that is only looked at is never changed; what changed in it is known cheaply."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import store_records as make
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from db import overview, queries
from db.knowledge import save_verification
from db.migrate import MIGRATIONS
from db.progress import DeviceProgress, put_progress
from db.schema import HEAD_REVISION
from db.store import Store
from db.watch import change_token
from profiler.errors import SchemaTooNew, SchemaTooOld, StoreError
from profiler.model import (
    ModelKey,
    Outcome,
    RunStatus,
    Side,
    UseCase,
    Verdict,
    Verification,
)

LINE = DeviceProgress(
    bench_uuid="bench-1", run_uuid=None, device_uid="virtual:v1", device_name="Phone",
    suite="smoke", zone="bench", state="connecting", stage="", fraction=0.0, test_id="",
    position=0, trials_total=0, last_test="", last_verdict=None, last_text="", message="",
    started_at=make.NOON, updated_at=make.NOON, ended=False,
)  # fmt: skip
CHECKED = Verification(
    "v-1", "ab" * 32, ModelKey("a", "b", "c", "d"), UseCase.CALL, "clean", 1,
    Side("recommended", {}, (), ()), Side("default", {}, (), ()), (), Outcome.SAME, "same", None,
    {}, make.NOON, "0.1", is_virtual=True,
)  # fmt: skip


def filled(file: Path) -> Store:
    store = Store.open(file)
    store.upsert_device(make.device(), make.facts())
    store.begin_run(make.run())
    for i in range(3):
        store.add_trial(make.trial(f"t{i}", index=i, latency_ms=40.0 + i))
    store.add_test_result(make.result())
    return store


def old_store(file: Path) -> None:
    """What the version before left: its schema, made by its migrations, and its rows."""
    newest = file.with_name("newest.db")
    filled(newest).close()
    engine = create_engine(f"sqlite:///{file}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    engine.dispose()
    tables = ("facts", "devices", "runs", "stimuli", "trials", "test_results")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("ATTACH ? AS newest", (str(newest),))
        for table in tables:
            connection.execute(f"INSERT INTO {table} SELECT * FROM newest.{table}")
        connection.commit()


def test_an_old_store_is_not_touched_by_a_look_and_filled_by_the_upgrade(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    old_store(file)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(SchemaTooOld) as caught:
        Store.open_to_look(file)
    assert str(caught.value) == (
        f"{file}: written by an older chirpbench (schema 0003; this one needs {HEAD_REVISION}); "
        f"run 'chirpbench models --db {file}' once: it upgrades the store"
    )
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    with Store.open(file) as store, Store.open(tmp_path / "newest.db") as newest:
        assert overview.path_rows(store) == overview.path_rows(newest)
        assert overview.model_rows(store) == overview.model_rows(newest)
        assert overview.model_rows(store)[0].trials == 3


def test_whoever_looks_reads_all_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    filled(file).close()
    (tmp_path / "e").mkdir()
    with Store.open_to_look(file, evidence_root=tmp_path / "e") as store:
        assert len(queries.trials(store)) == 3
        assert overview.path_rows(store)[0].sessions == 3
        assert store.evidence.root == tmp_path / "e"
        with pytest.raises(StoreError, match="opened to look"):
            store.upsert_device(make.device())
        with pytest.raises(StoreError):  # nor does the database take any
            store.read(lambda session: session.connection().exec_driver_sql("DELETE FROM trials"))
        with Store.open(file) as writer:  # and it holds up nobody
            writer.add_trial(make.trial("t9", index=9))
        assert len(queries.trials(store)) == 4
    assert Store.open_to_look(f"sqlite:///{file}").evidence.root == tmp_path / "a.db.evidence"


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store; run 'chirpbench run' first"):
        Store.open_to_look(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("hello, this is no database at all")
    with pytest.raises(StoreError, match="not a readable database"):
        Store.open_to_look(tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(StoreError, match="of another program"):
        Store.open_to_look(tmp_path / "other.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(SchemaTooOld, match=r"\(schema none"):
        Store.open_to_look(tmp_path / "empty.db")
    filled(tmp_path / "new.db").close()
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
        connection.commit()
    with pytest.raises(SchemaTooNew, match="schema 0099"):
        Store.open_to_look(tmp_path / "new.db")


WRITES: dict[str, Callable[[Store], object]] = {
    "device": lambda s: s.upsert_device(make.device("v2")),
    "run": lambda s: s.begin_run(make.run("run-2")),
    "end": lambda s: s.finish_run("run-1", RunStatus.OK),
    "trial": lambda s: s.add_trial(make.trial("t9", index=9)),
    "analysis": lambda s: s.replace_analysis(
        replace(make.trial("t1", index=1, latency_ms=41.0), tool_version="0.2")
    ),
    "result": lambda s: s.add_test_result(make.result(test_id="A1")),
    "other result": lambda s: s.add_test_result(make.result(verdict=Verdict.FAIL)),
    "verification": lambda s: save_verification(s, CHECKED),
}


@pytest.mark.parametrize("what", WRITES)
def test_the_token_changes_with_every_write_and_with_nothing_else(
    tmp_path: Path, what: str
) -> None:
    file = tmp_path / "a.db"
    with filled(file) as writer, Store.open_to_look(file) as reader:
        before = change_token(reader)
        assert change_token(reader) == before
        results = change_token(reader, with_progress=False)
        WRITES[what](writer)
        after = change_token(reader)
        assert after != before
        assert change_token(reader, with_progress=False) != results
        assert change_token(writer) == after


def test_writing_the_same_again_and_progress_change_no_results(tmp_path: Path) -> None:
    with filled(tmp_path / "a.db") as store:
        all_of_it, results = change_token(store), change_token(store, with_progress=False)
        store.begin_run(make.run())
        store.add_trial(make.trial("t1", index=1, latency_ms=41.0))
        store.replace_analysis(make.trial("t1", index=1, latency_ms=41.0))
        store.add_test_result(make.result())
        with pytest.raises(StoreError):
            store.add_trial(make.trial("t1", index=1, latency_ms=99.0))
        assert change_token(store) == all_of_it
        put_progress(store, LINE)
        assert change_token(store) != all_of_it
        assert change_token(store, with_progress=False) == results


def test_an_upgrade_under_an_open_store_is_told(tmp_path: Path) -> None:
    with filled(tmp_path / "a.db") as store:
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0099'")
            connection.commit()
        with pytest.raises(SchemaTooNew, match="was upgraded to schema 0099 while it was open"):
            change_token(store)
