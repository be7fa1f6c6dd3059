"""Requests say whether a call stack is in the path, set-ups which noise is beneath the stimulus.

In what was stored before there was neither.

Revision ID: 0003
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PAGE_ROWS = 500
"""Rows in memory at once."""


def upgrade() -> None:
    """Write ``"call": null`` into every stored request, those of partners included, and
    ``"beneath": null`` into every stored set-up.

    The JSON is changed here and not by the database: SQLite and PostgreSQL have no function for it
    in common, and PostgreSQL's refuses the NUL escapes that texts of a device may hold.
    """
    _rewrite("trials", "requested", _with_call)
    _rewrite("trials", "record", _with_new_setup)
    _rewrite("superseded_analyses", "record", _with_new_setup)


def _rewrite(table_name: str, column_name: str, change: Callable[[Any], Any]) -> None:
    """Replace the column's values that ``change`` changes; page by page, in the order of ids."""
    json_type = sa.JSON(none_as_null=True)
    table = sa.table(table_name, sa.column("id", sa.Integer), sa.column(column_name, json_type))
    text = sa.cast(table.c[column_name], sa.Text)
    page = sa.select(table.c.id, text).order_by(table.c.id).limit(_PAGE_ROWS)
    new = sa.update(table).where(table.c.id == sa.bindparam("row_id"))
    new = new.values({column_name: sa.bindparam("value", type_=json_type)})
    connection, last = op.get_bind(), -1
    while rows := connection.execute(page.where(table.c.id > last)).all():
        last = rows[-1][0]
        changed = [{"row_id": row_id, "value": change(_parsed(text))} for row_id, text in rows]
        if changed := [row for row in changed if row["value"] is not None]:
            connection.execute(new, changed)


def _parsed(text: str | None) -> Any:
    """The value; ``None`` for what is no JSON: its reader says so, and the store still opens."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _with_call(request: Any) -> Any:
    """The request with the new field; ``None``: nothing to change, or damaged."""
    if not isinstance(request, dict) or "call" in request:
        return None
    return {**request, "call": None}


def _with_new_setup(record: Any) -> Any:
    """The record with the new fields of its set-up; ``None``: nothing to change, or damaged."""
    setup: Any = record.get("setup") if isinstance(record, dict) else None
    if not isinstance(setup, dict) or "beneath" in setup:
        return None
    partner: Any = setup.get("partner")
    request = _with_call(partner.get("request")) if isinstance(partner, dict) else None
    if request is not None:
        partner = {**partner, "request": request}
    return {**record, "setup": {**setup, "beneath": None, "partner": partner}}
