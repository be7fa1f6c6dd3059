"""The overview says what the rows say, whatever was written in whichever order."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import store_records as make
from hypothesis import example, given, settings
from hypothesis import strategies as st

from db import overview, queries
from db.filters import Filter
from db.store import Store
from profiler.errors import StoreError
from profiler.model import (
    AudioPath,
    CallPath,
    Measurement,
    ModelKey,
    RunStatus,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)
from profiler.summary import summarise

HOSTILE = "<b>A1</b> \0 lone \ud800 `md` $x$ " + "long " * 80
TABLES = {
    "model_overview": "manufacturer, model, soc, os_build, is_virtual",
    "path_overview": "model_id, test_id, route, audio_mode, api, input_preset, rate_hz",
}
PATHS = (
    TrialRequest(duration_s=7.0),
    TrialRequest(duration_s=7.0, api="java"),
    TrialRequest(duration_s=7.0, rate_hz=16_000),
    TrialRequest(duration_s=7.0, call=CallPath()),
)
MODELS = (
    make.facts(),
    make.facts(raw={"another": "answer of the same model"}),
    make.facts(os_build="build.2"),
    make.facts(is_virtual=False),
    make.facts(HOSTILE),
)
MANY = tuple(TestResult("", "L1", v, (), v.value, (), ()) for v in Verdict)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without rows: copying one is faster than creating it."""
    file = tmp_path_factory.mktemp("empty") / "a.db"
    Store.open(file).close()
    return file


@contextmanager
def fresh(empty: Path) -> Iterator[Store]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.db"
        shutil.copy(empty, file)
        with Store.open(file) as store:
            yield store


def contents(store: Store) -> dict[str, list[Any]]:
    """All that the overview tables say, under the names of models instead of row numbers."""

    def work(session: Any) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        connection = session.connection()
        names = {
            row.id: (row.manufacturer, row.model, row.soc, row.os_build, row.is_virtual)
            for row in connection.exec_driver_sql("SELECT * FROM model_overview")
        }
        for table in TABLES:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().all()
            plain = [
                {k: names[v] if k == "model_id" else v for k, v in row.items() if k != "id"}
                for row in rows
            ]
            found[table] = sorted(map(str, (sorted(row.items()) for row in plain)))
        return found

    return store.read(work)


class Lab:
    """Does what a drawn list of steps says, as a bench would."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs: list[str] = []
        self.trials: dict[str, TrialRecord] = {}

    def do(self, step: tuple[Any, ...]) -> None:
        kind, *values = step
        if kind == "run":
            self.begin(*values)
            return
        if not self.runs:
            self.begin(0, 0)
        if kind == "trial":
            self.trial(*values)
        elif kind == "again":
            self.analyse_again(*values)
        elif kind == "result":
            self.result(*values)
        else:
            self.store.finish_run(self.runs[-1], RunStatus.OK)

    def begin(self, serial: int, model: int) -> None:
        name = f"run-{len(self.runs)}"
        device = make.device(f"v{serial}")
        self.store.upsert_device(device, MODELS[model] if model < len(MODELS) else None)
        started = make.after(60.0 * (7 * len(self.runs) % 11))  # not in order
        self.store.begin_run(make.run(name, device.uid, started_at=started))
        self.runs.append(name)

    def trial(self, test: str, index: int, path: int, latency_ms: float | None, at_s: int) -> None:
        run = self.runs[index % len(self.runs)]
        attempt = self.store.next_attempt(run, test, index)
        request = PATHS[path] if path < len(PATHS) else PATHS[0]
        changes: dict[str, Any] = {"estimate": None} if path == len(PATHS) else {}
        record = make.trial(
            f"t{len(self.trials)}", run_uuid=run, index=index, test_id=test, attempt=attempt,
            latency_ms=latency_ms, request=request, started_at=make.after(at_s), **changes,
        )  # fmt: skip
        self.store.add_trial(record)
        self.store.add_trial(record)  # a repeated write changes nothing
        self.trials[record.trial_uuid] = record

    def analyse_again(self, which: int, latency_ms: float | None) -> None:
        if not self.trials:
            return
        old = self.trials[list(self.trials)[which % len(self.trials)]]
        found = make.estimate(latency_ms, uncertainty_us=None if which % 2 else 9.0)
        new = replace(
            old, estimate=found, verdict=found.verdict, reasons=found.reasons, tool_version="0.2"
        )
        self.store.replace_analysis(new)
        self.trials[old.trial_uuid] = new

    def result(self, test: str, which: int, value: float) -> None:
        numbers = (
            Measurement("rtl_ms", value, "ms"),
            Measurement("erle_db[volume=0.5]", value, "dB"),
            Measurement("erle_db[volume=1]", value + 1.0, "dB"),
            Measurement("nan", float("nan"), "1"),
        )
        self.store.add_test_result(
            replace(
                MANY[which % len(MANY)],
                run_uuid=self.runs[which % len(self.runs)],
                test_id=test,
                reasons=(HOSTILE,),
                text=HOSTILE,
                measurements=numbers,
            )
        )


latency = st.none() | st.floats(10.0, 400.0)
steps = st.one_of(
    st.tuples(st.just("run"), st.integers(0, 2), st.integers(0, len(MODELS))),
    st.tuples(
        st.just("trial"), st.sampled_from(["L1", "L3"]), st.integers(0, 2),
        st.integers(0, len(PATHS)), latency, st.integers(0, 500),
    ),
    st.tuples(st.just("again"), st.integers(0, 20), latency),
    st.tuples(
        st.just("result"), st.sampled_from(["L1", "A1", "X9"]), st.integers(0, 20),
        st.floats(0.0, 99.0),
    ),
    st.tuples(st.just("end")),
)  # fmt: skip


@settings(max_examples=25)
@example([("trial", "L1", 0, 0, 40.0, 0), ("trial", "L1", 0, 1, 41.0, 9), ("end",)])
@example([("trial", "L1", 0, 0, 40.0, 0), ("again", 0, None), ("trial", "L1", 1, 0, 41.0, 9)])
@given(st.lists(steps, min_size=1, max_size=30))
def test_after_any_writes_the_overview_is_the_one_made_from_all_rows(
    empty: Path, done: list[tuple[Any, ...]]
) -> None:
    with fresh(empty) as store:
        lab = Lab(store)
        for step in done:
            lab.do(step)
        kept = contents(store)
        paths_are_what_summaries_say(store)
        models_are_what_the_records_say(store)
        overview.rebuild(store)
        assert contents(store) == kept


def paths_are_what_summaries_say(store: Store) -> None:
    for test_id in ("L1", "L3"):
        said = summarise(queries.sessions(store, Filter(test_ids=(test_id,))))
        found = overview.path_rows(store, test_id=test_id)
        assert [
            (r.key, r.path, r.rate_hz, r.is_virtual, r.devices, r.runs, r.sessions, r.rejected,
             r.median_ms, r.p95_ms, r.ci95_ms, r.between_sd_ms, r.uncertainty_us, r.verdict,
             r.last_at)
            for r in found
        ] == [
            (s.model_key, s.path, s.rate_hz, s.is_virtual, s.devices, s.runs, s.sessions,
             s.rejected, s.median_ms, s.p95_ms, s.ci95_ms, s.between_session_sd_ms,
             s.uncertainty_us, s.verdict, s.last_at)
            for s in said
        ]  # fmt: skip
        for row in found:
            spread = (row.p05_ms, row.p25_ms, row.median_ms, row.p75_ms, row.p95_ms)
            values = [v for v in spread if v is not None]
            assert len(values) in (0, 5)
            assert values == sorted(values)
        assert set(overview.known_paths(store, test_id=test_id)) == {s.path for s in said}


def models_are_what_the_records_say(store: Store) -> None:
    facts = {r.run_uuid: queries.facts_of(store, r.run_uuid) for r in queries.runs(store)}
    for row in overview.model_rows(store):
        mine = [
            run
            for run in queries.runs(store)
            if (of := facts[run.run_uuid])
            and (of.model_key, of.is_virtual) == (row.key, row.is_virtual)
        ]
        trials = [t for run in mine for t in queries.trials_of(store, run.run_uuid)]
        assert (row.runs, row.trials) == (len(mine), len(trials))
        assert row.devices == len({run.device_uid for run in mine})
        assert row.first_at == min(run.started_at for run in mine)
        assert row.last_at == max(r.started_at for r in (*mine, *trials))
        where = Filter(model_key=row.key, is_virtual=row.is_virtual)
        newest = {r.test_id: r for r in queries.results(store, where)}
        assert row.verdicts == Counter(r.verdict.value for r in newest.values())
        assert row.headlines.keys() == newest.keys() - {"X9"}
        for test_id, headline in row.headlines.items():
            result = newest[test_id]
            assert (headline.verdict, headline.text) == (result.verdict, result.text)
            assert headline.reasons == result.reasons
            rtl, _, loudest, _ = result.measurements
            assert headline.numbers == {"rtl_ms": rtl.value, "erle_db": loudest.value}
    assert len(overview.model_rows(store)) == len(
        {(f.model_key, f.is_virtual) for f in facts.values() if f}
    )


def test_a_model_is_named_as_its_newest_run_says(empty: Path) -> None:
    with fresh(empty) as store:
        for number, name in enumerate(("Old name", "New name")):
            store.upsert_device(make.device(), make.facts(marketing_name=name))
            store.begin_run(make.run(f"run-{number}", started_at=make.after(number)))
        store.upsert_device(make.device(), make.facts(marketing_name="Not run yet"))
        (row,) = overview.model_rows(store)
        assert (row.marketing_name, row.runs, row.trials) == ("New name", 2, 0)
        assert (row.headlines, row.verdicts) == ({}, {})
        assert overview.path_rows(store) == []


def test_a_value_of_a_quieter_volume_does_not_stand_for_the_loudest(empty: Path) -> None:
    with fresh(empty) as store:
        lab = Lab(store)
        lab.begin(0, 0)
        numbers = (
            Measurement("erle_low_db[volume=0.5]", 20.0, "dB"),
            Measurement("erle_db[volume=0.5]", 22.0, "dB"),
            Measurement("erle_low_db[volume=1]", 41.0, "dB"),
        )
        said = TestResult(lab.runs[0], "A1", Verdict.PASS, (), "said", numbers, ())
        store.add_test_result(said)
        (row,) = overview.model_rows(store)
        assert row.headlines["A1"].numbers == {"erle_low_db": 41.0}


def test_paths_can_be_asked_for(empty: Path) -> None:
    with fresh(empty) as store:
        lab = Lab(store)
        for path in (0, 1, 0):
            lab.begin(0, 0)
            lab.trial("L1", len(lab.runs) - 1, path, 40.0, 0)
        java = AudioPath("speaker", "media", "java", "default")
        assert [r.path for r in overview.path_rows(store, path=java)] == [java]
        assert overview.path_rows(store, path=replace(java, route="no\0where")) == []
        assert overview.path_rows(store, test_id="L2") == []
        assert overview.known_paths(store)[1] == java


def test_rows_put_in_around_the_writers_are_found_with_the_next_write(empty: Path) -> None:
    with fresh(empty) as store:
        lab = Lab(store)
        lab.begin(0, 0)
        lab.trial("L1", 0, 0, 40.0, 0)
        lab.result("A1", 0, 30.0)
        before = contents(store)
        file = Path(store.name)
        for write in (lambda: lab.trial("L1", 1, 0, 41.0, 9), lambda: lab.result("A1", 0, 31.0)):
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("DELETE FROM path_overview")
                connection.execute("DELETE FROM model_overview")
                connection.commit()
            write()
            kept = contents(store)
            overview.rebuild(store)
            assert contents(store) == kept != before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE model_overview SET tests = '[1]'",
        "UPDATE model_overview SET tests = '{\"L1\"'",
        'UPDATE model_overview SET tests = \'{"L1": ["great", 1, 1]}\'',
        'UPDATE model_overview SET tests = \'{"L1": ["pass", 1, 1]}\'',
        "UPDATE model_overview SET tests = '{\"L1\": 7}'",
        "UPDATE model_overview SET platform = 'toaster'",
        "UPDATE path_overview SET verdict = 'great'",
    ],
)
def test_a_damaged_overview_is_one_error_and_the_next_rebuild_repairs_it(
    empty: Path, damage: str
) -> None:
    with fresh(empty) as store:
        lab = Lab(store)
        lab.begin(0, 0)
        lab.trial("L1", 0, 0, 40.0, 0)
        lab.result("L1", 0, 30.0)
        with closing(sqlite3.connect(store.name)) as connection:
            connection.execute(damage)
            connection.commit()
        with pytest.raises(StoreError) as caught:
            overview.path_rows(store), overview.model_rows(store)
        assert caught.value.hint
        overview.rebuild(store)
        assert len(overview.model_rows(store)) == len(overview.path_rows(store)) == 1


def test_a_damaged_record_stops_neither_writers_nor_the_overview(empty: Path) -> None:
    with fresh(empty) as store:
        lab = Lab(store)
        lab.begin(0, len(MODELS) - 1)  # long names: the exact ones are in the JSON
        lab.result("L1", 0, 30.0)
        with closing(sqlite3.connect(store.name)) as connection:
            connection.execute("UPDATE facts SET facts = '{\"manufac'")
            connection.execute("UPDATE test_results SET record = '[7]'")
            connection.commit()
        overview.rebuild(store)
        lab.trial("L1", 0, 0, 40.0, 0)
        (row,) = overview.model_rows(store)
        assert (row.headlines["L1"].text, row.headlines["L1"].numbers) == ("", {})
        assert row.key.model.startswith("<b>A1</b>")
        assert isinstance(row.key, ModelKey)
