"""The store as the pages see it: opened once, only looked at, each answer kept until it changes."""

from __future__ import annotations

import os
import shlex
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Concatenate, ParamSpec, TypeVar

from dashboard import text
from db import watch
from db.engine import locate
from db.evidence import EvidenceStore
from db.store import DEFAULT_STORE, Store
from profiler.errors import EvidenceError, SchemaTooNew, StoreError

MAX_KEPT = 96
"""Answers. The largest, all models of a big store, is some megabytes."""

P = ParamSpec("P")
T = TypeVar("T")


class Source:
    """One store, shared by every session of the server. Safe from any thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._identity: tuple[int, int] | None = None
        self._kept: OrderedDict[Hashable, tuple[Hashable, object]] = OrderedDict()

    def store(self) -> Store:
        """The open store. Raises :class:`StoreError` when there is none."""
        with self._lock:
            identity = self._file_identity()
            if self._store is not None and identity != self._identity:
                self._close()  # the file was replaced: what is open is not there any more
            if self._store is None:
                self._store = _open(self.url)
                self._identity = identity
            return self._store

    def read(
        self, query: Callable[Concatenate[Store, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """``query(store, …)``, from memory while the store has not changed."""
        name: Hashable = (query, args, tuple(sorted(kwargs.items())))

        def work(store: Store) -> T:
            return query(store, *args, **kwargs)

        try:
            return self._answer(name, work)
        except (SchemaTooNew, EvidenceError):
            raise
        except StoreError:
            # Another tool may have upgraded the store meanwhile: opening it again says so.
            self.close()
            return self._answer(name, work)

    def fresh(
        self, query: Callable[Concatenate[Store, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """``query(store, …)``, never from memory."""
        store = self.store()
        _token(store)  # it refuses a store that was upgraded meanwhile
        return query(store, *args, **kwargs)

    def close(self) -> None:
        """Forget everything; the next read opens the store again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = None
        self._kept.clear()

    def _answer(self, name: Hashable, work: Callable[[Store], T]) -> T:
        store = self.store()
        token = _token(store)
        with self._lock:
            known = self._kept.get(name)
            if known is not None and known[0] == token:
                self._kept.move_to_end(name)
                return known[1]  # type: ignore[return-value]  # kept under its own query
        answer = work(store)
        with self._lock:
            if store is self._store:
                self._kept[name] = (token, answer)
                self._kept.move_to_end(name)
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
        return answer

    def _file_identity(self) -> tuple[int, int] | None:
        file = locate(self.url).file
        if file is None:
            return None
        try:
            found = file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _open(url: str) -> Store:
    file = locate(url).file
    if file is not None and not file.exists():
        raise StoreError(
            f"{url}: no results are stored here",
            hint=f"measure with '{_on('chirpbench run', url)}', or name the store with --db",
        )
    return Store.open_to_look(url)


def _token(store: Store) -> Hashable:
    """Without what a running bench writes every second: results do not change with it."""
    return watch.change_token(store, with_progress=False)


_source: Source | None = None
_guard = threading.Lock()


def use(url: str) -> None:
    """Show this store from now on."""
    global _source  # noqa: PLW0603  # one store a server: sessions share its connections
    with _guard:
        if _source is not None:
            _source.close()
        _source = Source(url)


def current() -> Source:
    """The store that is shown: the one of :func:`use`, else ``$CHIRPBENCH_DB``."""
    global _source  # noqa: PLW0603
    with _guard:
        if _source is None:
            _source = Source(os.environ.get("CHIRPBENCH_DB") or DEFAULT_STORE)
        return _source


def read(query: Callable[Concatenate[Store, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """``query(store, *args, **kwargs)``; arguments must be hashable, answers are shared: never
    change one. Raises :class:`StoreError`, which the app's frame shows in plain words.
    """
    return current().read(query, *args, **kwargs)


def fresh(query: Callable[Concatenate[Store, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """:func:`read` without memory, for the progress of a running bench."""
    return current().fresh(query, *args, **kwargs)


def evidence() -> EvidenceStore:
    """The recordings of the store."""
    return current().store().evidence


def store_name() -> str:
    """Where the store is, for people; never a password."""
    return current().store().name


def is_temporary() -> bool:
    """Whether the store goes away with this dashboard, as a demo's does."""
    return os.environ.get("CHIRPBENCH_DB_TEMPORARY") == "1"


def command(line: str) -> str:
    """``line``, a command of chirpbench, with the ``--db`` that makes it use the store shown here:
    quoted for a shell, never with a password. :func:`dashboard.text.code` makes Markdown of it.
    What is measured never goes into a store that will be gone."""
    if is_temporary() and line.startswith("chirpbench run"):
        return line
    return _on(line, current().url)


def code(line: str) -> str:
    """:func:`command` as code in Markdown."""
    return text.code(command(line))


def _on(line: str, url: str) -> str:
    if url == DEFAULT_STORE:  # what a command takes without being told
        return line
    place = locate(url)
    # The whole path: a terminal may stand in another folder.
    named = place.file.resolve() if place.file else place.name
    return f"{line} --db {shlex.quote(str(named))}"
