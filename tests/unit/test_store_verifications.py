"""Verifications: stored whole, once, under their UUID; hostile text is text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from known_records import NOW

from db.filters import Filter
from db.knowledge import save_verification, verifications
from db.store import Store
from profiler.errors import StoreError
from profiler.model import (
    Difference,
    Metric,
    MetricDifference,
    ModelKey,
    Outcome,
    Side,
    UseCase,
    Verification,
)

HOSTILE = "NUL \0 lone \ud800 quote \" ' comma , star * line\n 小米 🎧" + "x" * 300
KEY = ModelKey("samsung", "SM-A125F", "MT6765", "s/a12:12/1")


def side(name: str, **settings_: Any) -> Side:
    values = {"api": "aaudio", "buffer_bursts": 2, "opus_fec": True, "max_safe_volume": 0.75}
    metric = Metric("mouth_to_ear_ms", "ms", (200.0, 210.5), 205.25, None)
    pesq = Metric("pesq", "MOS", (3.1, 3.2), 3.15, (3.1, 3.2))
    return Side(name, {**values, "aec": None, **settings_}, (metric, pesq), ("lost 12 packets",))


def verification(uuid: str = "v-1", **changes: Any) -> Verification:
    values: dict[str, Any] = {
        "verification_uuid": uuid,
        "advice_sha256": "ab" * 32,
        "model_key": KEY,
        "use": UseCase.CALL,
        "network": "bursty",
        "sessions": 2,
        "recommended": side("recommended"),
        "default": side("default", api="java"),
        "differences": (
            MetricDifference("pesq", "MOS", 0.2, (0.1, 0.3), 0.1, Difference.BETTER),
            MetricDifference("mouth_to_ear_ms", "ms", -40.0, None, 5.0, Difference.UNCLEAR),
        ),
        "outcome": Outcome.BETTER,
        "text": "better: PESQ +0.2",
        "predicted_mouth_to_ear_ms": 199.0,
        "stack": {"wrtc": "0.1.0"},
        "verified_at": NOW,
        "tool_version": "0.5.0",
        "is_virtual": True,
    }
    return Verification(**{**values, **changes})


def test_a_verification_comes_out_as_it_went_in(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        assert save_verification(store, verification())
    with Store.open(tmp_path / "a.db", create=False) as store:
        (found,) = verifications(store)
    assert found == verification()
    values = found.recommended.settings
    assert {n: type(v) for n, v in values.items()} == {
        "api": str, "buffer_bursts": int, "opus_fec": bool, "max_safe_volume": float,
        "aec": type(None),
    }  # fmt: skip


def test_storing_again_changes_nothing_and_other_content_is_an_error(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        assert save_verification(store, verification())
        assert not save_verification(store, verification())
        with pytest.raises(StoreError, match="already stored with other content"):
            save_verification(store, verification(outcome=Outcome.WORSE))
        assert verifications(store) == [verification()]


def test_filters(tmp_path: Path) -> None:
    day = timedelta(days=1)
    made = [
        verification("v-1"),
        verification("v-2", verified_at=NOW + day, advice_sha256="cd" * 32),
        verification("v-3", verified_at=NOW + 2 * day, model_key=replace(KEY, os_build="other"),
                     is_virtual=False),
    ]  # fmt: skip
    with Store.open(tmp_path / "a.db") as store:
        for one in (made[2], made[0], made[1]):
            save_verification(store, one)
        assert verifications(store) == made  # oldest first
        assert verifications(store, Filter(model_key=KEY)) == made[:2]
        assert verifications(store, Filter(since=NOW + day)) == made[1:]
        assert verifications(store, Filter(until=NOW + day)) == made[:1]
        assert verifications(store, Filter(is_virtual=False)) == made[2:]
        assert verifications(store, Filter(limit=2)) == made[1:]
        assert verifications(store, advice_sha256=["ab" * 32]) == [made[0], made[2]]
        assert verifications(store, Filter(limit=1), advice_sha256=["ab" * 32]) == [made[2]]
        assert verifications(store, advice_sha256=[]) == []


def test_hostile_text_is_text(tmp_path: Path) -> None:
    key = ModelKey(HOSTILE, HOSTILE + "2", HOSTILE, HOSTILE)
    hostile = verification(
        HOSTILE, model_key=key, network=HOSTILE, text=HOSTILE, stack={HOSTILE: HOSTILE},
        recommended=side(HOSTILE, api=HOSTILE),
    )  # fmt: skip
    with Store.open(tmp_path / "a.db") as store:
        assert save_verification(store, hostile)
        assert not save_verification(store, hostile)
        assert verifications(store, Filter(model_key=key)) == [hostile]
        other = replace(hostile, text="other")
        with pytest.raises(StoreError) as caught:
            save_verification(store, other)
        assert "\n" not in str(caught.value)


scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=9)
scalars |= st.floats(allow_nan=False, allow_infinity=False)


@given(values=st.dictionaries(st.text(max_size=9), scalars, max_size=6), number=st.floats())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_setting_keeps_its_type(tmp_path: Path, values: dict[str, Any], number: float) -> None:
    given_ = verification(
        recommended=replace(side("recommended"), settings=values),
        default=replace(side("d"), metrics=(Metric("m", "u", (number,), 1.0, None),)),
    )
    path = tmp_path / "h.db"
    with Store.open(path) as store:
        store.write(lambda session: session.connection().exec_driver_sql(
            "DELETE FROM verifications"
        ))  # fmt: skip
        save_verification(store, given_)
        (found,) = verifications(store)
    assert found.recommended.settings == values
    assert [type(v) for v in found.recommended.settings.values()] == [*map(type, values.values())]
    assert str(found.default) == str(given_.default)  # NaN equals NaN here


def test_a_setting_that_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    bad = verification(recommended=side("recommended", max_safe_volume=float("nan")))
    with (
        Store.open(tmp_path / "a.db") as store,
        pytest.raises(StoreError, match=r"recommended\.settings\.max_safe_volume"),
    ):
        save_verification(store, bad)


def test_a_damaged_row_is_one_error(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        save_verification(store, verification())
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("UPDATE verifications SET record = json_set(record, '$.use', 'dance')")
        connection.commit()
    with (
        Store.open(tmp_path / "a.db") as store,
        pytest.raises(StoreError, match="verification v-1: stored Verification is damaged"),
    ):
        verifications(store)


def test_a_store_of_the_first_schema_gets_the_table_and_keeps_its_rows(tmp_path: Path) -> None:
    import store_records as make

    from db import queries

    file = tmp_path / "old.db"
    with Store.open(file) as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        store.add_test_result(make.result())
    with closing(sqlite3.connect(file)) as connection:  # as revision 0001 left it
        for table in ("verifications", "path_overview", "model_overview", "progress", "changes"):
            connection.execute(f"DROP TABLE {table}")
        for index in ("test_id_started_at", "test_id_verdict_started_at", "verdict_started_at"):
            connection.execute(f"DROP INDEX ix_trials_{index}")
        connection.execute("DROP INDEX ix_trials_path")
        connection.execute("CREATE INDEX ix_trials_verdict ON trials (verdict)")
        connection.execute("CREATE INDEX ix_trials_test_id_verdict ON trials (test_id, verdict)")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    with Store.open(file, create=False) as store:
        assert verifications(store) == []
        assert save_verification(store, verification())
        assert queries.results(store) == [make.result()]
        assert queries.runs(store) == [make.run()]
