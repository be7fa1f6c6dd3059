"""Some fields of a JSON column without reading the rest of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class JsonParts(FunctionElement[Any]):
    """The named fields of an object as a JSON array, in one reading of it.

    The array keeps the escapes of the stored text: NUL and lone surrogates, which devices may
    send, are texts no database can hand over as such. A field that is missing is null.
    """

    name = "json_parts"
    type = JSON()
    inherit_cache = False  # the names are part of it

    def __init__(self, column: ColumnElement[Any], *names: str) -> None:
        if len(names) < 2 or not all(n.isidentifier() for n in names):
            raise ValueError(f"two field names or more are expected, not {names!r}")
        super().__init__(column)
        self.names = names


@compiles(JsonParts)
def _sqlite(element: JsonParts, compiler: SQLCompiler, **kw: Any) -> str:
    """Several paths give an array; one would give the bare value."""
    paths = ", ".join(f"'$.{name}'" for name in element.names)
    return f"json_extract({compiler.process(element.clauses, **kw)}, {paths})"


@compiles(JsonParts, "postgresql")
def _postgresql(element: JsonParts, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    parts = ", ".join(f"({column}) -> '{name}'" for name in element.names)
    return f"json_build_array({parts})"
