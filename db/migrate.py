"""Bring a database to the newest schema when it is opened, or say why not."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, Table, func, inspect, select
from sqlalchemy.orm import Session

from db import overview_write, sqlite
from db.engine import Place, guarded
from db.schema import HEAD_REVISION
from profiler.errors import SchemaTooNew, SchemaTooOld, StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"
_ADVISORY_LOCK = 0x63686972  # "chir"; any number that no other program on the server uses
_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps its context in module globals, so threads of one process take turns."""


def bring_up_to_date(engine: Engine, place: Place, *, create: bool) -> None:
    """Create or upgrade the schema; processes and threads that come together take turns.

    Raises :class:`SchemaTooNew` for a database of a newer chirpbench and :class:`StoreError`
    for a file that is missing (unless ``create``), is no database, belongs to another program,
    or cannot be written.
    """
    if place.file:
        _check_file(place.file, place.name, create=create)
    with guarded(place):
        with engine.connect() as connection:
            if _revisions(connection) == {HEAD_REVISION}:
                return
        if place.file:
            _refuse_foreign(engine, place)
            _to_wal(place)
        with (
            _ONE_AT_A_TIME,
            engine.execution_options(**sqlite.WRITE).begin() as connection,
        ):
            _upgrade(connection, place)


def _check_file(file: Path, name: str, *, create: bool) -> None:
    if file.is_dir():
        raise StoreError(f"{name}: is a folder", hint="give the name of a file")
    if not file.parent.is_dir():
        raise StoreError(f"{name}: its folder does not exist", hint=f"create {file.parent} first")
    if not create and not file.exists():
        raise StoreError(
            f"{name}: no such store", hint="run 'chirpbench run' first, or name another with --db"
        )


def _to_wal(place: Place) -> None:
    assert place.file is not None
    try:
        sqlite.switch_to_wal(place.file)
    except sqlite3.Error as exc:
        message, hint = sqlite.explain(exc, place.file)
        raise StoreError(f"{place.name}: {message}", hint=hint) from exc


def _revisions(connection: Connection) -> set[str]:
    """What the database says of itself; empty for a new one."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return set()
    table = Table(_VERSION_TABLE, MetaData(), autoload_with=connection)
    if "version_num" not in table.c:
        return {"unknown"}
    return {str(found) for found in connection.scalars(select(table.c.version_num))}


def _refuse_foreign(engine: Engine, place: Place) -> None:
    """Never add tables to a file of another program."""
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        if tables and not _revisions(connection):
            raise StoreError(
                f"{place.name}: is a database of another program (it has table {tables[0]!r:.60})",
                hint="give another file name",
            )


def _upgrade(connection: Connection, place: Place) -> None:
    """Run the migrations inside the caller's transaction: all of them or none."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    found = _revisions(connection)  # again: another opener may have been faster
    if found == {HEAD_REVISION}:
        return
    # Imported here: most openings find the schema current and need no Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if not found <= known:
        raise _too_new(place, found)
    command.upgrade(config, "head")
    if found:  # an older store: what is derived from its rows is made from them
        with Session(connection) as session:
            overview_write.rebuild(session)
            session.flush()


def look_at(engine: Engine, place: Place) -> None:
    """Check, for a reader that changes nothing, that the store has our schema.

    Raises :class:`SchemaTooNew`, :class:`SchemaTooOld`, and :class:`StoreError` for a file that is
    missing, is no database or belongs to another program.
    """
    if place.file:
        _check_file(place.file, place.name, create=False)
        with guarded(place):
            _refuse_foreign(engine, place)
    with guarded(place), engine.connect() as connection:
        found = _revisions(connection)
    if found == {HEAD_REVISION}:
        return
    known = {file.name[1:5] for file in (MIGRATIONS / "versions").glob("v*.py")}
    if not found <= known:
        raise _too_new(place, found)
    raise SchemaTooOld(
        f"{place.name}: written by an older chirpbench "
        f"(schema {', '.join(sorted(found)) or 'none'}; this one needs {HEAD_REVISION})",
        hint=f"run 'chirpbench models --db {place.name}' once: it upgrades the store",
    )


def _too_new(place: Place, found: set[str]) -> SchemaTooNew:
    return SchemaTooNew(
        f"{place.name}: written by a newer chirpbench (schema {', '.join(sorted(found))}; "
        f"this one knows {HEAD_REVISION})",
        hint="upgrade chirpbench, or name another store with --db",
    )
