"""The Fleet page on real stores, run by Streamlit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_pages import run_page
from model_histories import Build, Phone, write
from streamlit.testing.v1 import AppTest

from dashboard import source
from db.store import Store
from profiler.model import Platform

HOSTILE = (
    "<script>alert(1)</script>", "**b** :material/home: $x^2$ `c` [l](http://x)", "\u202egnp",
    "مرحبا", "📱🎧", "two\nlines\x00", "x" * 300, "=1+1",
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "fleet.db"
    source.use(str(path))
    yield path
    source.use(str(tmp_path / "none.db"))


def run(store: Path, *phones: Phone, **params: str) -> AppTest:
    if phones:
        write(store, phones)
    return run_page("fleet", store, **params)


def said(page: AppTest) -> str:
    return " ".join(e.value for e in (*page.markdown, *page.info, *page.caption, *page.warning))


def names(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["Model"])


def phone(model: str, ms: float = 40.0, **changes: object) -> Phone:
    return Phone(model, (Build("b1", (ms, ms)),), **changes)  # type: ignore[arg-type]


def test_an_empty_store_says_what_to_do(store: Path) -> None:
    Store.open(store).close()
    page = run(store)
    assert "chirpbench run --virtual" in said(page)
    assert not page.dataframe


def test_one_device(store: Path) -> None:
    page = run(store, phone("A1"))
    assert "**1 model**" in said(page)
    row = page.dataframe[0].value.iloc[0]
    assert row["Median, ms"].startswith("40.")
    assert row["Echo"] == "● 34 dB"
    assert row["Barge-in"] == "● to 75 %"
    assert row["Round trip"].startswith("data:image/svg+xml;base64,")


def test_all_failed_runs_still_say_where_to_look(store: Path) -> None:
    page = run(store, Phone("A1", (Build("b1", (40.0,), rejected=6),)))
    assert "No model gave a round trip on this path" in said(page)
    assert page.dataframe[0].value["Median, ms"][0] == "no valid open"


def test_outliers_come_first_and_can_be_shown_alone(store: Path) -> None:
    page = run(store, *(phone(f"M{i}", 40.0 + i) for i in range(9)), phone("Slow", 900.0))
    assert "**1 stands out** on this path: 1 slow" in said(page)
    assert names(page)[0] == "Acme Slow"
    page.toggle(key="fleet_out").set_value(True).run()
    assert names(page) == ["Acme Slow"]


def test_filters_sort_and_pages(store: Path) -> None:
    phones = [
        phone(f"M{i:02d}", 30.0 + i, manufacturer="Acme" if i % 2 else "Borg") for i in range(30)
    ]
    page = run(store, *phones, phone("V1", virtual=True, platform=Platform.VIRTUAL))
    assert "page 1 of 2: 31 models" in said(page)
    page.number_input(key="fleet_page").set_value(2).run()
    assert len(names(page)) == 6
    page.multiselect(key="fleet_makers").set_value(["Borg"]).run()
    page.selectbox(key="fleet_sort").set_value("name").run()
    assert names(page) == [f"Borg M{i:02d}" for i in range(0, 30, 2)]
    page.multiselect(key="fleet_makers").set_value([]).run()
    page.text_input(key="fleet_text").set_value("m07").run()
    assert names(page) == ["Acme M07"]
    page.text_input(key="fleet_text").set_value("nothing like it").run()
    assert "No model fits these filters" in said(page)
    page.button(key="fleet_all").click().run()
    assert "page 1 of 2: 31 models" in said(page)
    assert set(page.query_params) == {"sort"}


def test_filters_behind_the_button_are_said_and_in_the_address(store: Path) -> None:
    page = run(store, phone("A1"), phone("B2", 200.0), kind="real", test="L1", verdict="fail")
    assert names(page) == ["Acme B2"]
    assert "Also filtered by round trip: ✖ fail; kind: real" in said(page).replace("\\", "")
    page.multiselect(key="fleet_verdicts").set_value([]).run()
    assert page.query_params["kind"] == "real"
    assert "verdict" not in page.query_params
    assert len(names(page)) == 2


def test_twins_can_be_told_apart(store: Path) -> None:
    twins = [phone("A1", soc=soc, name="Galaxy S21") for soc in ("exon", "snap")]
    assert sorted(names(run(store, *twins))) == ["Galaxy S21 · exon", "Galaxy S21 · snap"]


def test_the_order_is_in_the_address(store: Path) -> None:
    page = run(store, phone("A1"), phone("B2", 200.0), phone("C3", 90.0))
    page.selectbox(key="fleet_sort").set_value("name").run()
    page.toggle(key="fleet_falling").set_value(True).run()
    assert names(page) == ["Acme C3", "Acme B2", "Acme A1"]
    kept = {n: page.query_params[n] for n in ("sort", "falling")}
    assert names(run(store, **kept)) == names(page)
    assert names(run(store, sort="no such order")) == ["Acme B2", "Acme C3", "Acme A1"]


def test_a_copied_address_shows_the_same_rows(store: Path) -> None:
    phones = [phone("A1"), phone("B2", 200.0, manufacturer="Borg")]
    page = run(store, *phones, makers="Borg", test="L1", verdict="fail", q="b2")
    assert names(page) == ["Borg B2"]
    again = run(
        store, makers="nobody", maker="Acme", verdict="wrong", test="XX", path="no/such/path"
    )
    assert len(names(again)) == 2, "what nobody can have meant does not restrict"
    assert "maker" not in again.query_params, "a model's address is no filter"


def test_a_path_can_be_chosen_and_virtual_ones_are_marked(store: Path) -> None:
    page = run(store, phone("A1"), phone("V1", virtual=True, platform=Platform.VIRTUAL))
    assert sorted(names(page)) == ["Acme A1", "Acme V1 ◇"]
    assert page.selectbox(key="fleet_path").options == ["aaudio, media, default preset, speaker"]
    assert "◇ 1 simulated" in said(page)


def test_hostile_names_are_text(store: Path) -> None:
    page = run(store, *(phone(f"M{i}", name=name) for i, name in enumerate(HOSTILE)))
    shown = "".join(names(page))
    assert "<script>alert(1)</script>" in shown
    assert "\u202e" not in shown
    assert "\n" not in shown
    assert max(map(len, names(page))) <= 44
