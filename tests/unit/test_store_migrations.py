"""The migrations and the tables are one schema, on SQLite and in words PostgreSQL knows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from db.migrate import MIGRATIONS
from db.schema import HEAD_REVISION, Base
from db.store import Store


def test_migrations_give_exactly_the_tables(tmp_path: Path) -> None:
    Store.open(tmp_path / "migrated.db").close()
    engine = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()

    declared = create_engine(f"sqlite:///{tmp_path}/declared.db")
    Base.metadata.create_all(declared)
    declared.dispose()

    # Autogenerate sees no check constraints: compare the tables' own words too.
    def words(name: str) -> set[str]:
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            return {" ".join(sorted(text.replace(",", " ").split())) for (text,) in found}

    assert {w for w in words("migrated.db") if "alembic_version" not in w} == words("declared.db")


def test_the_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD_REVISION]


def test_the_tables_compile_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in Base.metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "TIMESTAMP WITHOUT TIME ZONE" not in text
        for index in table.indexes:
            name = str(CreateIndex(index).compile(dialect=dialect)).split()[2]
            assert len(name) <= 63  # PostgreSQL cuts longer names
