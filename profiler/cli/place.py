"""Where the store is: ``--db``, else bench.toml, else the environment, else the current folder."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from pathlib import Path

from db.store import Store
from profiler.errors import InputError, StoreError

DEFAULT_DB = "chirpbench.db"


def store_url(args: Namespace, plan_store: str | None = None) -> str:
    """The URL or path that counts."""
    return args.db or plan_store or os.environ.get("CHIRPBENCH_DB") or DEFAULT_DB


def same_store(args: Namespace, url: str, name: str) -> str:
    """What a command needs to open the store at ``url`` again: `` --db …``, ``""`` when it does
    without. ``name`` is the store's, which holds no password."""
    usual = os.environ.get("CHIRPBENCH_DB") or DEFAULT_DB
    if not args.db and url == usual:
        return ""
    return f" --db {shlex.quote(name if '://' in url else url)}"


def open_store(url: str, *, create: bool = True) -> Store:
    """Open the store the user named.

    Raises :class:`StoreError` with the exit code of an input error: at this point it is the name
    or the file that is wrong; later it would be the disk or the server.
    """
    try:
        return Store.open(url, create=create)
    except StoreError as exc:
        exc.exit_code = InputError.exit_code
        raise


def open_to_read(args: Namespace) -> Store:
    """Open a store that exists. A command that only reads never leaves an empty one behind.

    Raises :class:`InputError` when there is no such file, else as :func:`open_store`.
    """
    url = store_url(args)
    if "://" not in url and not Path(url).exists():
        raise InputError(
            "no results are stored here",
            file=url,
            hint="measure with 'chirpbench run', or name the store with --db",
        )
    return open_store(url, create=False)
