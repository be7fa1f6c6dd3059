"""What an address asks for and a store does not have: said, not replaced without a word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import store_records as records
from dashboard_pages import run_page, words
from model_histories import Build, Phone, write

from dashboard import links, source
from db import overview
from db.progress import DeviceProgress, put_progress
from db.store import Store
from profiler.model import RunStatus

BUILDS = (Build("acme/1:user", (40.0,) * 4), Build("acme/2:user", (52.0,) * 4))
ONE_BUILD = BUILDS[:1]
HOSTILE = "<b>x</b> :material/home: [l](http://x)"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asked") / "bench.db"
    write(path, [Phone("GX7", BUILDS), Phone("GX8", ONE_BUILD), Phone("HX9", ONE_BUILD)])
    return path


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    source.current().close()


def test_a_filter_that_the_fleet_does_not_have_is_said(store: Path) -> None:
    names = ("path", "sort", "verdict", "kind", "makers", "socs", "systems", "platforms", "test")
    at = run_page("fleet", store, **dict.fromkeys((*names, "out"), "xyz"))
    for name in (*names, "out"):
        assert f"The address asks for {name} “xyz”, which is not known" in words(at), name
    assert "nothing is filtered by verdict" in words(at)
    at.run()
    assert "asks for verdict “xyz”" in words(at), "the address says nothing of it by now"
    at.multiselect(key="fleet_verdicts").set_value([None]).run()
    assert "asks for verdict" not in words(at), "the reader chose"
    assert "asks for kind “xyz”" in words(at)


def test_of_several_values_those_that_are_known_still_filter(store: Path) -> None:
    at = run_page("fleet", store, verdict=["none", "xyz"])
    assert "asks for verdict “xyz”, which is not known; filtered is by “none” only" in words(at)
    assert at.query_params["verdict"] == "none"


def test_what_is_known_and_what_is_not_asked_for_needs_no_word(store: Path) -> None:
    for params in ({}, {"kind": "virtual", "sort": "age"}):
        assert "The address asks for" not in words(run_page("fleet", store, **params))
    assert "The address asks for" not in words(run_page("model", store, model="GX7", part="echo"))


def test_an_address_is_only_text(store: Path) -> None:
    at = run_page("fleet", store, sort=HOSTILE)
    assert any(r"\<b\>" in c.value and "<b>" not in c.value for c in at.caption)


def test_a_part_that_a_model_does_not_have_is_said(store: Path) -> None:
    at = run_page("model", store, model="GX7", part="xyz")
    assert "asks for part “xyz”, which is not known; shown is Latency" in words(at)
    assert "granted" in words(at)


def test_a_group_that_help_does_not_have_is_said(store: Path) -> None:
    assert "asks for group “xyz”, which is not known" in words(run_page("help", store, group="xyz"))


def bench(name: str, hours: float, run_uuid: str) -> DeviceProgress:
    now = datetime.now(UTC)
    return DeviceProgress(
        bench_uuid=name, run_uuid=run_uuid, device_uid="android:AB12", device_name=f"on {name}",
        suite="quick", zone="", state="ok", stage="", fraction=1.0, test_id="", position=1,
        trials_total=1, last_test="", last_verdict=None, last_text="", message="",
        started_at=now - timedelta(hours=hours), updated_at=now, ended=True,
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 2])
def test_a_bench_that_is_not_known_is_said(count: int, tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as opened:
        put_progress(opened, *(bench(f"bench-{i}", i, f"run-{i}") for i in range(count)))
    for name in ("run", "bench"):
        said = words(run_page("live", path, **{name: "xyz"}))
        assert f"The address asks for {name} “xyz”, which is not known" in said
    named = run_page("live", path, run=f"run-{count - 1}")
    assert "asks for" not in words(named)
    assert f"on bench-{count - 1}" in " ".join(e.proto.body for e in named.get("html"))


# --- what a page is about -------------------------------------------------------------------------


def test_a_model_that_is_not_stored_shows_the_choice_alone(store: Path) -> None:
    at = run_page("model", store, model="nonsense")
    assert "No stored model fits “nonsense”" in words(at)
    assert not at.metric
    assert len(at.selectbox) == 1
    assert at.query_params["model"] == "nonsense", "what was asked for stays to be seen"
    at.selectbox(key="model_family").select_index(1).run()
    assert at.metric
    assert "No stored model fits" not in words(at)
    assert at.query_params["model"] == "GX8"


def test_a_build_that_is_not_stored_is_named(store: Path) -> None:
    at = run_page("model", store, model="GX7", build="acme/9")
    assert "No stored model fits “GX7, build acme/9”" in words(at)
    assert not at.metric


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"trial": "nonsense"}, "No trial nonsense is in this store"),
        ({"model": "nonsense"}, "No stored model fits “nonsense”"),
    ],
)
def test_a_trial_that_is_not_stored_shows_the_choice_alone(
    store: Path, params: dict[str, str], said: str
) -> None:
    at = run_page("evidence", store, **params)
    assert said in words(at)
    assert not at.subheader
    assert {name: at.query_params[name] for name in at.query_params} == params
    assert at.selectbox(key="evidence_model").value == ""
    assert len(at.dataframe) == 1, "the trials to choose from"


def test_advice_on_a_model_that_is_not_stored_shows_the_choice_alone(store: Path) -> None:
    at = run_page("advice", store, model="nonsense")
    assert "No measured model fits “nonsense”" in words(at)
    assert not at.tabs
    assert at.query_params["model"] == "nonsense"
    at.selectbox(key="advice_model").select_index(1).run()
    assert at.tabs
    assert at.query_params["model"] != "nonsense"
    assert "No measured model fits" not in words(at)


def test_compare_says_which_name_is_unknown_and_what_is_left(store: Path) -> None:
    at = run_page("compare", store, m=["nonsense", "GX8"])
    assert "No stored model fits “nonsense”" in words(at)
    assert "Only Acme GX8" in words(at)


@pytest.mark.parametrize("names", [["GX8", "GX8"], ["GX8", "Acme GX8"], ["GX8", "gx8", "HX9"]])
def test_compare_says_that_two_names_are_of_one_model(store: Path, names: list[str]) -> None:
    at = run_page("compare", store, m=names)
    assert f"“{names[0]}” and “{names[1]}” are the same" in words(at)
    assert ("Only Acme GX8" in words(at)) == (len(names) == 2)
    with Store.open_to_look(store) as opened:
        rows = overview.model_rows(opened)
    tokens = [links.token(row.key) for row in rows if row.key.model == "GX7"]
    at.multiselect(key="compare_models").set_value(tokens).run()
    assert "are the same" not in words(at), "the reader chose"


# --- a store whose every run failed ---------------------------------------------------------------


@pytest.mark.parametrize("page", ["fleet", "model", "evidence", "advice", "compare"])
@pytest.mark.parametrize("said_what_it_is", [False, True])
def test_runs_that_ended_without_a_measurement_are_told(
    page: str, said_what_it_is: bool, tmp_path: Path
) -> None:
    path = tmp_path / "failed.db"
    with Store.open(path) as opened:
        for i, reason in enumerate(("device_locked", "device_locked", "mains_hum_of_mars")):
            device = records.device(f"v{i}")
            opened.upsert_device(device, records.facts() if said_what_it_is else None)
            opened.begin_run(records.run(f"run-{i}", device.uid, bench_uuid=f"bench-{i}"))
            opened.finish_run(f"run-{i}", RunStatus.ERROR, reason)
    said = words(run_page(page, path))
    assert "3 runs ended without a measurement" in said
    assert "device_locked (2 runs): the screen is locked" in said.replace("*", "")
    assert "mains_hum_of_mars" in said
    assert "Live bench" in said
    assert f"chirpbench results --db {path}" in said
