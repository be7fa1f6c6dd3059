"""Opening a store: a line that says what, where and what next for everything that is no store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import store_records as make

from db import queries, sqlite
from db.schema import HEAD_REVISION
from db.store import Store
from profiler.errors import SchemaTooNew, StoreError
from profiler.wav import mono_audio


def sql(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def refused(url: str | Path, *, create: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(url, create=create).close()
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.hint
    return line


@pytest.mark.parametrize("name", ["bench.db", "with space.db", "100% ?#&.db", "ünï😀.db"])
def test_a_path_or_a_url_is_created_and_found_again(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    with Store.open(file) as store:
        store.upsert_device(make.device())
        assert store.evidence.root == tmp_path / f"{name}.evidence"
    with Store.open(str(file), create=False) as store:
        assert len(queries.devices(store)) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]  # no log left behind either


def test_a_url_and_an_own_evidence_folder(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/a.db", evidence_root=tmp_path / "e") as store:
        assert store.evidence.root == tmp_path / "e"
    assert (tmp_path / "a.db").exists()


def test_a_change_of_folder_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with Store.open("a.db") as store, ThreadPoolExecutor(4) as pool:
        monkeypatch.chdir(tmp_path / "there")
        list(pool.map(lambda n: store.upsert_device(make.device(str(n))), range(8)))
        store.evidence.save(mono_audio(np.zeros(9), 48_000))
        assert len(queries.devices(store)) == 8
        assert store.name == "a.db"
    assert sorted(p.name for p in tmp_path.glob("*/*")) == ["a.db", "a.db.evidence"]


def test_the_file_is_in_wal_mode_with_full_flush(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:

        def pragmas(session: object) -> list[object]:
            connection = session.connection()  # type: ignore[attr-defined]
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            return [connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in names]

        assert store.read(pragmas) == ["wal", 2, 1, 30_000]


def test_a_newer_database(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    Store.open(file).close()
    before = file.read_bytes()
    sql(file, "UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(SchemaTooNew) as caught:
        Store.open(file)
    assert str(caught.value) == (
        f"{file}: written by a newer chirpbench (schema 0099; this one knows {HEAD_REVISION}); "
        "upgrade chirpbench, or name another store with --db"
    )
    sql(file, f"UPDATE alembic_version SET version_num = '{HEAD_REVISION}'")
    assert len(file.read_bytes()) == len(before)
    Store.open(file).close()


def test_a_folder_a_missing_folder_and_a_missing_file(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)
    assert "its folder does not exist" in refused(tmp_path / "no" / "a.db")
    assert "no such store; run 'chirpbench run' first" in refused(tmp_path / "a.db", create=False)
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize(
    "content",
    [b"hello", b"RIFF" * 100, b"\0" * 5000, os.urandom(4096), b"SQLite format 3\0" + b"\xff" * 84],
    ids=["short text", "audio", "zeros", "noise", "cut header"],
)
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(content)
    assert f"{file}: not a readable database" in refused(file)
    assert file.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    sql(file, "CREATE TABLE photos (id INTEGER)")
    before = file.read_bytes()
    assert "database of another program (it has table 'photos')" in refused(file)
    assert file.read_bytes() == before


def test_a_half_overwritten_database(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with Store.open(file) as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        for i in range(50):
            store.add_trial(make.trial(f"t{i}", index=i))
    data = bytearray(file.read_bytes())
    for page in range(4096, len(data), 8192):
        data[page : page + 4096] = os.urandom(4096)
    file.write_bytes(data)
    with pytest.raises(StoreError) as caught, Store.open(file) as store:
        queries.trials(store)
    assert str(file) in str(caught.value)


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.db"
    Store.open(file).close()
    monkeypatch.setitem(sqlite.CONNECT_ARGS, "timeout", 0.05)
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        Store.open(file) as store,
    ):
        other.execute("BEGIN IMMEDIATE")
        assert queries.devices(store) == []  # readers are not held up
        with pytest.raises(StoreError, match=r"a\.db: locked by another program"):
            store.upsert_device(make.device())
        other.execute("ROLLBACK")
        store.upsert_device(make.device())


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder anyone may write to with one inside that nobody may; root steps down meanwhile."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    (folder / "fixed").mkdir(mode=0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_a_read_only_file_or_folder(as_nobody: Path) -> None:
    file = as_nobody / "a.db"
    Store.open(file).close()
    file.chmod(0o444)
    with Store.open(file) as store, pytest.raises(StoreError) as caught:
        store.upsert_device(make.device())
    assert f"{file}: cannot be written" in str(caught.value)
    assert "check the permissions" in str(caught.value)
    assert "cannot be written" in refused(as_nobody / "fixed" / "a.db")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "no name"),
        ("sqlite://", "in-memory"),
        (":memory:", "in-memory"),
        ("sqlite:///:memory:", "in-memory"),
        ("nosuchdb://x/y", "no driver for this kind of database"),
        ("postgresql+nodriver://user:secret@host/db", "no driver"),
        ("sqlite+aiosqlite://x:y:z@@/a", "cannot be read|no driver"),
        ("a\0b.db", "in-memory|no name|NUL"),
    ],
)
def test_urls_that_cannot_be_used(url: str, complaint: str) -> None:
    with pytest.raises(StoreError, match=complaint) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_threads_that_open_a_new_file_together_do_not_race(tmp_path: Path) -> None:
    def one(n: int) -> None:
        with Store.open(tmp_path / "a.db") as store:
            store.upsert_device(make.device(f"t{n}"))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(one, range(12)))
    with Store.open(tmp_path / "a.db") as store:
        assert len(queries.devices(store)) == 12
