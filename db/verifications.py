"""Verifications in and out of the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db import lookup, rows
from db.codec import decode, encode
from db.filters import ALL, Filter
from db.overview_write import count_change
from db.schema import VerificationTable
from db.store import Store
from profiler.model import Verification


def save_verification(store: Store, verification: Verification) -> bool:
    """Store one verification; ``False`` when the very same one was already stored.

    Raises :class:`~profiler.errors.StoreError` when another one has its UUID, or when it holds a
    value that cannot be read back.
    """

    def work(session: Session) -> bool:
        column, uuid = VerificationTable.verification_uuid, verification.verification_uuid
        known = lookup.find(session, VerificationTable, column, uuid)
        if known is not None:
            lookup.refuse_other(_from_row(known), verification, f"verification {uuid[:100]!a}")
            return False
        session.add(_row(verification))
        count_change(session)
        return True

    return store.write(work)


def verifications(
    store: Store,
    where: Filter = ALL,
    *,
    advice_sha256: Iterable[str] | None = None,
) -> list[Verification]:
    """Verifications, oldest first; of ``where`` its model key, time and limit count.

    ``advice_sha256``: only of these recommendations. Raises
    :class:`~profiler.errors.StoreError` when a row is damaged.
    """
    table = VerificationTable
    query: Select[Any] = select(table).order_by(table.verified_at.desc(), table.id.desc())
    if where.model_key is not None:
        for part in ("manufacturer", "model", "soc", "os_build"):
            wanted = rows.key_text(getattr(where.model_key, part))
            query = query.where(getattr(table, part) == wanted)
    if where.is_virtual is not None:
        query = query.where(table.is_virtual.is_(where.is_virtual))
    if where.since is not None:
        query = query.where(table.verified_at >= where.since)
    if where.until is not None:
        query = query.where(table.verified_at < where.until)
    if where.limit is not None and advice_sha256 is None:
        query = query.limit(where.limit)

    def work(session: Session) -> list[Verification]:
        found = [_from_row(row) for row in session.scalars(query)]
        if advice_sha256 is not None:
            wanted = set(advice_sha256)
            found = [v for v in found if v.advice_sha256 in wanted][: where.limit]
        return found[::-1]

    return store.read(work)


def _row(verification: Verification) -> VerificationTable:
    key = verification.model_key
    return VerificationTable(
        verification_uuid=rows.key_text(verification.verification_uuid),
        advice_sha256=rows.key_text(verification.advice_sha256),
        manufacturer=rows.key_text(key.manufacturer),
        model=rows.key_text(key.model),
        soc=rows.key_text(key.soc),
        os_build=rows.key_text(key.os_build),
        use_case=verification.use.value,
        network=rows.key_text(verification.network),
        outcome=verification.outcome.value,
        is_virtual=verification.is_virtual,
        verified_at=verification.verified_at,
        tool_version=rows.key_text(verification.tool_version),
        record=encode(verification),
    )


def _from_row(row: VerificationTable) -> Verification:
    return decode(Verification, row.record, where=f"verification {row.verification_uuid}")
