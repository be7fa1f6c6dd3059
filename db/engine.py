"""From a path or URL to a database engine, and from database errors to :class:`StoreError`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from db import sqlite
from db.codec import dump_json
from profiler.errors import StoreError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is."""

    url: URL
    name: str
    """For people; never holds a password."""
    file: Path | None
    """The SQLite file; ``None`` for a server."""


def locate(url_or_path: str | Path) -> Place:
    """Tell a path from a database URL.

    Raises :class:`StoreError` for an empty or malformed URL and for an in-memory database.
    """
    text = str(url_or_path)
    if not text.strip():
        raise StoreError("the store has no name", hint="give a file name or a database URL")
    if re.match(r"^[A-Za-z][\w+.-]*://", text):
        try:
            url = make_url(text)
        except (ArgumentError, ValueError) as exc:
            raise StoreError(
                "the database URL cannot be read",
                hint="use sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME",
            ) from exc
    else:
        url = URL.create("sqlite", database=text)
    if url.get_backend_name() != "sqlite":
        return Place(url, url.render_as_string(hide_password=True), None)
    if not url.database or url.database == ":memory:" or "\0" in url.database:
        raise StoreError(
            "an in-memory database cannot be shared by the workers", hint="give a file name"
        )
    file = Path(url.database).absolute()  # connections opened later may find another current folder
    return Place(url.set(database=str(file)), url.database, file)


def refuse_scrap(place: Place) -> None:
    """SQLite takes a file of one byte for a new database; here it is somebody's file.

    Raises :class:`StoreError`.
    """
    try:
        scrap = place.file is not None and place.file.is_file() and place.file.stat().st_size == 1
    except OSError:
        return  # opening it says what is wrong
    if scrap:
        raise StoreError(f"{place.name}: not a readable database", hint="give another file")


def connect(place: Place, *, read_only: bool = False) -> Engine:
    """Make the engine; nothing is opened yet."""
    try:
        engine = create_engine(
            place.url,
            json_serializer=dump_json,
            max_overflow=-1,
            # PostgreSQL's own lock on the door; SQLite's is a setting of the connection.
            execution_options={"postgresql_readonly": read_only},
            **({"connect_args": sqlite.CONNECT_ARGS} if place.file else {}),
        )
    except (ImportError, NoSuchModuleError, ArgumentError, TypeError) as exc:
        raise StoreError(
            f"{place.name}: no driver for this kind of database ({_one_line(exc)})",
            hint="use a file name for SQLite, or install the driver the URL names",
        ) from exc
    if place.file:
        sqlite.prepare(engine, read_only=read_only)
    return engine


@contextmanager
def guarded(place: Place) -> Iterator[None]:
    """Turn what the database raises inside the block into one :class:`StoreError` line."""
    try:
        yield
    except SQLAlchemyError as exc:
        cause = getattr(exc, "orig", None) or exc
        if place.file:
            message, hint = sqlite.explain(cause, place.file)
        else:
            message, hint = _one_line(cause), "check that the server runs and that the URL is right"
        raise StoreError(f"{place.name}: {message}", hint=hint) from exc
    except (ValueError, RecursionError) as exc:  # from the JSON and time readers of SQLAlchemy
        raise StoreError(
            f"{place.name}: a stored value is damaged ({_one_line(exc)})",
            hint="restore the store from a copy",
        ) from exc


def _one_line(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:200]
