"""Results for recommendations come out of the store whole, in bulk, with whom they are of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import store_records as make
from model_stores import TESTS, make_store
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from db import queries
from db.filters import Filter
from db.json_parts import JsonParts
from db.knowledge import known_results, model_facts
from db.schema import TestTable
from db.store import Store
from profiler.errors import StoreError
from profiler.model import KnownResult, Measurement, TestResult, Verdict
from profiler.summary import KnowledgeBase

HOSTILE = "NUL \0 lone \ud800 quote \" ' comma , star * line\n 小米 🎧"


def stored(path: Path) -> list[KnownResult]:
    with Store.open(path, create=False) as store:
        return known_results(store)


def filled(path: Path, *results: TestResult, **facts: object) -> Path:
    with Store.open(path) as store:
        store.upsert_device(make.device(), make.facts(**facts))
        store.begin_run(make.run())
        store.add_trial(make.trial())
        for result in results:
            store.add_test_result(result)
    return path


def test_a_result_is_the_one_that_was_stored(tmp_path: Path) -> None:
    given = make.result(
        verdict=Verdict.MARGINAL,
        reasons=("latency_high", HOSTILE),
        text=HOSTILE,
        measurements=(Measurement("rtl_ms", 40.5, "ms", 0.25), Measurement("opens", 6.0, "1")),
        trial_uuids=("trial-1", "trial-2"),
    )
    (found,) = stored(filled(tmp_path / "a.db", given))
    assert found.result == given
    assert (found.device_uid, found.run_uuid) == ("virtual:v1", "run-1")
    assert (found.tool_version, found.probe_version) == ("0.1.0", "1")
    assert found.facts == model_facts(make.facts())


def test_numbers_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    numbers = (Measurement("a", float("nan"), "ms"), Measurement("b", 1.0, "ms", float("inf")))
    (found,) = stored(filled(tmp_path / "a.db", make.result(measurements=numbers)))
    assert found.result.measurements == (Measurement("b", 1.0, "ms", None),)


def test_a_hostile_probe_version_is_text(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        store.add_trial(make.trial(report=make.report(probe_version=HOSTILE)))
        store.add_test_result(make.result())
        assert known_results(store)[0].probe_version == HOSTILE


def test_without_a_report_there_is_no_probe_version(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        store.add_trial(make.trial(report=None))
        store.add_test_result(make.result())
        assert known_results(store)[0].probe_version == ""


def test_a_device_that_never_said_what_it_is_is_left_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.upsert_device(make.device())
        store.begin_run(make.run())
        store.add_test_result(make.result())
        assert known_results(store) == []


def test_an_os_update_does_not_rename_old_results(tmp_path: Path) -> None:
    path = filled(tmp_path / "a.db", make.result())
    with Store.open(path) as store:
        store.upsert_device(make.device(), make.facts(os_build="build.2"))
        store.begin_run(make.run("run-2"))
        store.add_test_result(make.result("run-2"))
        found = known_results(store)
        assert [r.facts.key.os_build for r in found] == ["build.2", "build.1"]
        assert known_results(store, Filter(run_uuid="run-1")) == found[1:]
        assert known_results(store, Filter(test_ids=("G1",))) == []
        assert known_results(store, Filter(is_virtual=False)) == []
        assert len(known_results(store, Filter(limit=1))) == 1


@pytest.mark.parametrize(
    ("raw", "board", "custom"),
    [
        ({"board_platform": "mt6765"}, "mt6765", False),
        ({"ro.board.platform": "kona", "board_platform": ""}, "kona", False),
        ({"product": "lineage_a5000"}, "", True),
        ({"ro.build.display.id": "CalyxOS 5.2"}, "", True),
        ({"ro.build.host": "buildhost.LineageOS.org"}, "", True),
        ({"ro.product.model": "lineage"}, "", False),
        ({"build_tags": "test-keys", "custom_rom": "test-keys"}, "", False),
    ],
)
def test_board_and_custom_rom(raw: dict[str, str], board: str, custom: bool) -> None:
    found = model_facts(replace(make.facts(), raw=raw))
    assert (found.board, found.is_custom_rom) == (board, custom)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE test_results SET verdict = 'great'",
        "UPDATE test_results SET record = json_remove(record, '$.text')",
        "UPDATE test_results SET record = json_set(record, '$.reasons', 5)",
        "UPDATE test_results SET record = json_set(record, '$.trial_uuids', json('[1]'))",
        "UPDATE test_results SET record = '[1]'",
        "UPDATE test_results SET record = '{\"text'",
        "UPDATE facts SET facts = '{}'",
    ],
)
def test_a_damaged_row_is_one_error(tmp_path: Path, damage: str) -> None:
    path = filled(tmp_path / "a.db", make.result())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(damage)
        connection.commit()
    with pytest.raises(StoreError) as caught:
        stored(path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_the_parts_are_words_postgresql_knows() -> None:
    query = select(JsonParts(TestTable.record.expression, "text", "reasons"))
    text = str(query.compile(dialect=postgresql.dialect()))
    expected = (
        "json_build_array((test_results.record) -> 'text', (test_results.record) -> 'reasons')"
    )
    assert expected in text
    with pytest.raises(ValueError, match="two field names"):
        JsonParts(TestTable.record.expression, "text')--", "b")


def test_a_store_of_many_models_reads_as_its_records(tmp_path: Path) -> None:
    make_store(tmp_path / "many.db", 40, seed=3)
    with Store.open(tmp_path / "many.db", create=False) as store:
        found = known_results(store)
        whole = queries.results(store)
    assert sorted(map(str, (r.result for r in found))) == sorted(map(str, whole))
    base = KnowledgeBase(found)
    assert len(base.models()) == 40
    for facts in base.models():
        assert base.find(str(facts.key)) == facts
        known = base.knowledge(facts, found[0].recorded_at)
        assert {t.test_id for t in known.tests} == set(TESTS)
        assert known.sources == (facts.key,)


def test_the_same_seed_makes_the_same_models(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_store(tmp_path / f"{name}.db", 5, seed=4)
    make_store(tmp_path / "c.db", 5, seed=5)
    a, b, c = (stored(tmp_path / f"{name}.db") for name in "abc")
    assert a == b != c
