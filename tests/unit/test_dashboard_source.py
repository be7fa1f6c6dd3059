"""One open store for all pages: answers are kept until they may be others, and no longer."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import store_records as records
from sqlalchemy import create_engine, text

from dashboard import source
from db import queries
from db.store import Store
from profiler.errors import SchemaTooNew, SchemaTooOld, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A store with one device that the dashboard shows."""
    made = tmp_path / "bench.db"
    with Store.open(made) as store:
        store.upsert_device(records.device("v1"), records.facts())
    source.use(str(made))
    yield made
    source.current().close()


class Counted:
    """A query that says how often it really ran."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, store: Store, serial: str = "") -> int:
        self.calls += 1
        return len([d for d in queries.devices(store) if serial in d.ref.serial])


def run_of_another(path: Path, serial: str) -> None:
    with Store.open(path) as store:
        store.upsert_device(records.device(serial), records.facts())
        store.begin_run(records.run(f"run-{serial}", f"virtual:{serial}"))


def test_an_answer_is_kept_while_nothing_changes(path: Path) -> None:
    query = Counted()
    assert [source.read(query) for _ in range(3)] == [1, 1, 1]
    assert query.calls == 1
    assert source.read(query, "other") == 0
    assert query.calls == 2


def test_another_process_that_writes_is_seen(path: Path) -> None:
    query = Counted()
    assert source.read(query) == 1
    run_of_another(path, "v2")
    assert source.read(query) == 2


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("chirpbench.db", ""),  # what a command takes on its own
        ("/bench/my store.db", " --db '/bench/my store.db'"),
        ("sqlite:////bench/$(x).db", " --db '/bench/$(x).db'"),
        ("postgresql+psycopg://lab:secret@host/b", " --db 'postgresql+psycopg://lab:***@host/b'"),
    ],
)
def test_commands_name_the_store_that_is_shown(url: str, more: str, path: Path) -> None:
    source.use(url)
    assert source.command("chirpbench run --suite quick") == f"chirpbench run --suite quick{more}"
    assert source.code("chirpbench run") == f"`chirpbench run{more}`"
    source.use(str(path))


def test_a_store_in_the_folder_is_named_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal that the command is typed in may stand in another folder."""
    monkeypatch.chdir(tmp_path)
    source.use("bench.db")
    assert source.command("chirpbench run") == f"chirpbench run --db {tmp_path}/bench.db"
    source.use("../elsewhere/bench.db")
    assert source.command("chirpbench run").endswith(f" --db {tmp_path.parent}/elsewhere/bench.db")


def test_nothing_is_measured_into_a_store_that_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "demo.db"
    source.use(str(store))
    monkeypatch.setenv("CHIRPBENCH_DB_TEMPORARY", "1")
    assert source.command("chirpbench run --suite quick") == "chirpbench run --suite quick"
    assert source.command("chirpbench export X") == f"chirpbench export X --db {store}"


def test_a_missing_store_says_how_to_fill_it(tmp_path: Path) -> None:
    source.use(str(tmp_path / "none.db"))
    with pytest.raises(StoreError) as failed:
        source.read(queries.runs)
    assert f"chirpbench run --db {tmp_path}/none.db" in failed.value.hint


def test_fresh_never_remembers(path: Path) -> None:
    query = Counted()
    assert [source.fresh(query), source.fresh(query)] == [1, 1]
    assert query.calls == 2


def test_what_is_kept_is_bounded(path: Path) -> None:
    query = Counted()
    for i in range(source.MAX_KEPT + 20):
        source.read(query, str(i))
    assert len(source.current()._kept) == source.MAX_KEPT


def test_a_missing_store_says_what_to_do(tmp_path: Path) -> None:
    source.use(str(tmp_path / "none.db"))
    with pytest.raises(StoreError, match="chirpbench run"):
        source.read(queries.devices)
    assert not (tmp_path / "none.db").exists()


def test_a_store_that_appears_later_is_shown(tmp_path: Path) -> None:
    source.use(str(tmp_path / "later.db"))
    with pytest.raises(StoreError):
        source.read(queries.devices)
    with Store.open(tmp_path / "later.db"):
        pass
    assert source.read(queries.devices) == []


def test_a_store_that_is_replaced_is_opened_again(path: Path, tmp_path: Path) -> None:
    assert len(source.read(queries.devices)) == 1
    other = tmp_path / "other.db"
    with Store.open(other) as store:
        for serial in ("a", "b", "c"):
            store.upsert_device(records.device(serial), records.facts())
    shutil.move(other, path)
    assert len(source.read(queries.devices)) == 3


def test_a_newer_schema_is_said_while_the_store_is_open(path: Path) -> None:
    query = Counted()
    source.read(query)
    _pretend(path, "0099_future")
    with pytest.raises(SchemaTooNew):
        source.read(query)


def test_an_older_store_is_not_touched(path: Path) -> None:
    source.current().close()
    _pretend(path, "0003")
    before = path.read_bytes()
    with pytest.raises(SchemaTooOld, match="chirpbench models"):
        source.read(queries.devices)
    assert path.read_bytes() == before


def test_many_sessions_at_once(path: Path) -> None:
    query, seen = Counted(), []

    def session() -> None:
        seen.extend(source.read(query, str(i % 5)) for i in range(50))

    threads = [threading.Thread(target=session) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 300


def test_nothing_can_be_written(path: Path) -> None:
    with pytest.raises(StoreError):
        source.current().store().upsert_device(records.device("v9"))


def _pretend(path: Path, revision: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
    engine.dispose()
