"""The read side of recommendations: every test result with the model it is of, in bulk."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NoReturn

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db import rows
from db.briefs import chunks
from db.filters import ALL, Filter, newest_first, restrict_runs, restrict_tests
from db.json_parts import JsonParts
from db.schema import (
    DeviceTable,
    FactsTable,
    MeasurementTable,
    RunTable,
    TestTable,
    TrialTable,
)
from db.store import Store
from db.verifications import save_verification, verifications
from profiler.errors import StoreError
from profiler.model import DeviceFacts, KnownResult, Measurement, ModelFacts, TestResult, Verdict

__all__ = ["known_results", "model_facts", "save_verification", "verifications"]

_BOARD = ("ro.board.platform", "board_platform")
_ROM_NAMES = (
    "product", "ro.product.name", "ro.build.product",
    "display_id", "ro.build.display.id",
    "host", "ro.build.host",
)  # fmt: skip
"""Where PRODUCT, DISPLAY and HOST are in what a device said."""
_CUSTOM_ROM = re.compile("lineage|calyxos", re.IGNORECASE)
"""Signal's test for a custom ROM (AudioDeviceConfig)."""
_PAGE_ROWS = 5_000
"""Numbers in memory at once before they have their form."""
_RUN_ID, _FACTS_ID = 5, 8
"""Places in a row of :func:`_results`."""
_VERDICTS = {verdict.value: verdict for verdict in Verdict}


def known_results(store: Store, where: Filter = ALL) -> list[KnownResult]:
    """Results of tests on devices whose facts are known, newest first.

    Each run of a test on a device is one result, whichever tool version made it. Numbers come
    from their table, so one that is not finite is left out. Raises
    :class:`~profiler.errors.StoreError` when a row is damaged.
    """
    query = restrict_tests(restrict_runs(_results(), where), where)
    query = newest_first(query, TestTable.recorded_at, TestTable.id, where)

    def work(session: Session) -> list[KnownResult]:
        found = session.connection().execute(query).all()  # plain rows: no object is loaded
        tests, runs, of = ([row[i] for row in found] for i in (0, _RUN_ID, _FACTS_ID))
        facts, probes, numbers = _beside(session, (tests, runs, of) if where != ALL else None)
        return [
            KnownResult(
                facts=facts[facts_id],
                device_uid=uid,
                run_uuid=run_uuid,
                recorded_at=recorded_at,
                tool_version=tool_version,
                probe_version=probes.get(run_id, ""),
                result=TestResult(
                    run_uuid,
                    test_id,
                    _VERDICTS.get(verdict) or _damaged(number),
                    _texts(parts, 1, number),
                    parts[0] if isinstance(parts[0], str) else _damaged(number),
                    tuple(numbers.get(number, ())),
                    _texts(parts, 2, number),
                ),
            )
            for (
                number, test_id, verdict, recorded_at, parts,
                run_id, run_uuid, tool_version, facts_id, uid,
            ) in found
        ]  # fmt: skip

    return store.read(work)


def _beside(
    session: Session, few: tuple[list[int], list[int], list[int]] | None
) -> tuple[dict[int, ModelFacts], dict[int, str], dict[int, list[Measurement]]]:
    """Facts, probe versions and numbers of ``few`` (tests, runs, facts), or of all."""
    tests, runs, facts = few or (None, None, None)
    return _facts(session, facts), _probe_versions(session, runs), _numbers(session, tests)


def model_facts(facts: DeviceFacts) -> ModelFacts:
    """What recommendations need of what a device said of itself."""
    raw = facts.raw
    return ModelFacts(
        key=facts.model_key,
        marketing_name=facts.marketing_name,
        platform=facts.platform,
        os_name=facts.os_name,
        os_version=facts.os_version,
        api_level=facts.api_level,
        board=next((raw[name] for name in _BOARD if raw.get(name)), ""),
        native_rate_hz=facts.native_rate_hz,
        frames_per_burst=facts.frames_per_burst,
        low_latency=facts.low_latency,
        pro_audio=facts.pro_audio,
        is_virtual=facts.is_virtual,
        is_emulator=facts.is_emulator,
        is_custom_rom=any(_CUSTOM_ROM.search(raw.get(name, "")) for name in _ROM_NAMES),
        apis=tuple(n for name in raw.get("apis", "").split(",") if (n := name.strip())),
    )


def _results() -> Select[*tuple[Any, ...]]:
    """Columns only: whole records are most of a large store, and their numbers are in a table."""
    return (
        select(
            TestTable.id,
            TestTable.test_id,
            TestTable.verdict,
            TestTable.recorded_at,
            JsonParts(TestTable.record.expression, "text", "reasons", "trial_uuids"),
            RunTable.id,
            RunTable.run_uuid,
            RunTable.tool_version,
            RunTable.facts_id,
            DeviceTable.uid,
        )
        .join(RunTable, RunTable.id == TestTable.run_id)
        .join(DeviceTable, DeviceTable.id == RunTable.device_id)
        .where(RunTable.facts_id.is_not(None))
    )


def _numbers(session: Session, tests: list[int] | None) -> dict[int, list[Measurement]]:
    """The numbers of these tests (``None`` = of all) in the order in which they were stored."""
    columns = MeasurementTable.test_result_id, MeasurementTable.name, MeasurementTable.value
    query = (
        select(*columns, MeasurementTable.unit, MeasurementTable.sigma)
        .where(MeasurementTable.test_result_id.is_not(None))
        .order_by(MeasurementTable.id)
    )
    found: defaultdict[int, list[Measurement]] = defaultdict(list)
    for chunk in _parts(tests):
        part = query if chunk is None else query.where(columns[0].in_(chunk))
        part = part.execution_options(yield_per=_PAGE_ROWS)
        for test, name, value, unit, sigma in session.connection().execute(part):
            if test is not None:
                found[test].append(Measurement(name, value, unit, sigma))
    return found


def _texts(parts: Any, place: int, number: int) -> tuple[str, ...]:
    value = parts[place]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        _damaged(number)
    return tuple(value)


def _damaged(number: int) -> NoReturn:
    raise StoreError(
        f"test result in row {number} is damaged", hint="restore the store from a copy"
    )


def _parts(ids: list[int] | None) -> Iterable[list[int] | None]:
    """``None`` stands for all rows, in one query."""
    return [None] if ids is None else chunks(ids)


def _facts(session: Session, ids: list[int] | None) -> dict[int, ModelFacts]:
    """Each distinct answer once: facts can hold hundreds of properties."""
    found: dict[int, ModelFacts] = {}
    for part in _parts(ids):
        query = select(FactsTable)
        query = query if part is None else query.where(FactsTable.id.in_(part))
        for row in session.scalars(query):
            found[row.id] = model_facts(rows.facts_from_row(row))
    return found


def _probe_versions(session: Session, run_ids: list[int] | None) -> dict[int, str]:
    """Of the last trial of each run that gave a report."""
    last = (
        select(JsonParts(TrialTable.granted.expression, "probe_version", "input"))
        .where(TrialTable.run_id == RunTable.id, TrialTable.granted.is_not(None))
        .order_by(TrialTable.test_id.desc(), TrialTable.position.desc(), TrialTable.attempt.desc())
        .limit(1)
        .correlate(RunTable)
        .scalar_subquery()
    )
    found: dict[int, str] = {}
    for part in _parts(run_ids):
        query = select(RunTable.id, last)
        query = query if part is None else query.where(RunTable.id.in_(part))
        for run_id, said in session.execute(query):
            if said and isinstance(said[0], str):
                found[run_id] = said[0]
    return found
