"""Everything that is true of SQLite only: settings, transactions, and what its errors mean.

A commit is in the write-ahead log, flushed to the disk (``synchronous=FULL``), before the call
returns. Killing the process at any moment therefore loses no committed trial; a power cut loses
none either as far as the disk keeps what it confirms.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

BUSY_TIMEOUT_S = 30.0
"""A writer waits this long for another; a trial's transaction takes milliseconds."""
CONNECT_ARGS: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
WRITE = {"sqlite_begin": "BEGIN IMMEDIATE"}
"""Execution option of writers: take the write lock first, so that no transaction is upgraded
half-way and refused."""


def prepare(engine: Engine, *, read_only: bool = False) -> None:
    """Install the settings on every connection of ``engine``."""

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        try:
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA synchronous=FULL")
            if read_only:
                cursor.execute("PRAGMA query_only=ON")
        finally:
            cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))


def switch_to_wal(file: Path) -> None:
    """Set the write-ahead log, a property of the file. Raises :class:`sqlite3.Error`.

    The switch needs the file for itself for a moment and does not use the busy time-out, so
    openers that come together try again.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as exc:
                if not _is_busy(exc) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    finally:
        connection.close()


def _is_busy(exc: BaseException) -> bool:
    code = getattr(exc, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(exc: BaseException, file: Path) -> tuple[str, str]:
    """Say in one line what an error means, and what to do next."""
    primary = (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF
    text = " ".join(str(exc).split())[:200]
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"locked by another program for more than {BUSY_TIMEOUT_S:.0f} s",
            "close the program that holds it, then start again",
        )
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return (f"not a readable database ({text})", "give another file, or restore it from a copy")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return (f"cannot be written ({text})", "check the permissions of the file and its folder")
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return (f"cannot be written ({text}), {_free(file)}", "free some space, then start again")
    return (f"the database refuses ({text})", "please report this")


def _free(file: Path) -> str:
    try:
        return f"{shutil.disk_usage(file.parent).free} bytes are free"
    except OSError:
        return "the free space is unknown"
