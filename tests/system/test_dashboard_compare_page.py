"""Compare on stores that the store's own writer made."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import dashboard_trials as trials
import pytest
from dashboard_pages import run_page, words
from dashboard_stores import add_hostile
from streamlit.testing.v1 import AppTest

from dashboard import links, source
from db import overview
from db.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "bench.db"
    trials.two_builds(path)
    return path


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    source.current().close()


def shown(path: Path, *models: str) -> AppTest:
    return run_page("compare", path, **({"m": models} if models else {}))


def token(path: Path, model: str, build: str = "") -> str:
    with Store.open_to_look(path) as opened:
        rows = overview.model_rows(opened)
    (row,) = [r for r in rows if r.key.model == model and build in r.key.os_build]
    return links.token(row.key, virtual=row.is_virtual)


def test_the_update_is_proposed_and_called_a_regression(store: Path) -> None:
    at = shown(store)
    (said,) = at.error
    assert "is a regression against" in said.value
    assert "ms slower, 95 %" in said.value.replace("\\", "")
    assert len(at.get("vega_lite_chart")) == 2
    old, new = token(store, "A1", "old"), token(store, "A1", "new")
    assert at.query_params["m"] == [old, new]
    (features,) = [table.value for table in at.table]
    assert features.iloc[:, 1].str.startswith("≠").sum() == 0
    assert features.iloc[:, 2].str.startswith("≠").all()


def test_the_baseline_can_be_changed(store: Path) -> None:
    a, b, c = token(store, "A1", "old"), token(store, "A1", "new"), token(store, "B2")
    at = shown(store, a, b, c)
    assert len(at.multiselect(key="compare_models").value) == 3
    assert "“Select all” takes the first 6" in at.multiselect(key="compare_models").label
    at.selectbox(key="compare_base").set_value(c).run()
    assert not at.exception
    assert at.query_params["m"] == [c, a, b]
    assert "faster" in words(at)


def test_one_more_model_joins_and_the_address_follows(store: Path) -> None:
    a, b, c = token(store, "A1", "old"), token(store, "A1", "new"), token(store, "B2")
    at = shown(store, a, c)
    at.multiselect(key="compare_models").set_value([a, c, b]).run()
    assert at.query_params["m"] == [a, c, b]
    at.multiselect(key="compare_models").set_value([a]).run()
    assert "Choose two models or more" in words(at)
    assert not at.exception


def test_a_name_that_nobody_stored_is_said(store: Path) -> None:
    at = shown(store, "Nope", token(store, "B2"))
    assert "No stored model fits “Nope”" in words(at)
    assert "No stored model" not in words(shown(store, token(store, "A1", "old"), "B2"))


def test_a_store_with_nothing_to_compare_helps(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    Store.open(empty).close()
    assert "none is stored" in words(shown(empty))
    with Store.open(empty) as opened:
        trials.begin(opened, "one", trials.facts())
        trials.add_latency(opened, "one", [40.0] * 4)
    assert "A comparison needs two models; 1 is stored" in words(shown(empty))


def test_rejected_and_few_sessions_are_said(tmp_path: Path) -> None:
    path = tmp_path / "few.db"
    with Store.open(path) as opened:
        for run, model, values in (
            ("a", "A1", [40.0, 41.0]), ("b", "B2", [60.0, 61.0]), ("c", "C3", [None, None]),
        ):  # fmt: skip
            trials.begin(opened, run, trials.facts(f"build {model}", model))
            trials.add_latency(opened, run, values)
    few = shown(path, token(path, "A1"), token(path, "B2"))
    assert "too few for an interval (four a side are enough)" in words(few)
    none = shown(path, token(path, "A1"), token(path, "C3"))
    assert "no session of it was measured" in words(none)


def test_another_rate_is_compared_and_the_proposal_has_latencies(tmp_path: Path) -> None:
    path = tmp_path / "rates.db"
    with Store.open(path) as opened:
        for run, model, values, rate_hz in (
            ("a", "A1", [40.0 + i / 10 for i in range(6)], 48_000),
            ("b", "B2", [60.0 + i / 10 for i in range(6)], 44_100),
            ("c", "C3", [None] * 6, 48_000),
        ):  # fmt: skip
            trials.begin(opened, run, trials.facts(f"build {model}", model))
            trials.add_latency(opened, run, values, rate_hz=rate_hz)
    at = shown(path)
    assert set(at.query_params["m"]) == {token(path, "A1"), token(path, "B2")}
    both = shown(path, token(path, "A1"), token(path, "B2"))
    (said,) = both.error
    assert "is slower than" in said.value
    assert "measured at 44\\.1 against 48 kHz" in said.value


def test_hostile_names_are_text(tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    add_hostile(path)
    with Store.open_to_look(path) as opened:
        tokens = [links.token(r.key) for r in overview.model_rows(opened)]
    for two in itertools.pairwise(tokens):
        at = shown(path, *two)
        assert len(at.multiselect(key="compare_models").value) == 2
        for block in (*at.success, *at.error, *at.warning, *at.info):
            assert "<script>" not in str(block.value)
            assert "](javascript" not in str(block.value)
            assert "\n\n" not in str(block.value)
        at.run()  # a long name does not fit into the address, and the choice stays
        assert len(at.multiselect(key="compare_models").value) == 2
