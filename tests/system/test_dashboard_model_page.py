"""The Model page on real stores, run by Streamlit; its report in a real browser."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dashboard_pages import run_page
from model_histories import Build, Phone, write
from streamlit.testing.v1 import AppTest

from dashboard import source
from dashboard.views.model import choose
from dashboard.views.model.data import load
from dashboard.views.report import report
from db import overview
from db.store import Store
from profiler.model import Platform

TWO_BUILDS = (Build("acme/1:user", (40.0,) * 4), Build("acme/2:user", (52.0,) * 4))
PARTS = ("latency", "echo", "buffer", "granted", "tests")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "model.db"
    source.use(str(path))
    yield path
    source.use(str(tmp_path / "none.db"))


def run(store: Path, *phones: Phone, **params: str) -> AppTest:
    if phones:
        write(store, phones)
    page = run_page("model", store, **params)
    assert not page.error
    return page


def said(page: AppTest) -> str:
    boxes = (*page.markdown, *page.info, *page.caption, *page.warning, *page.subheader)
    return " ".join(e.value for e in boxes)


def in_address(page: AppTest, name: str) -> str:
    value = page.query_params[name]
    return value if isinstance(value, str) else value[-1]


def figures(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


def test_an_empty_store_says_what_to_do(store: Path) -> None:
    Store.open(store).close()
    assert "chirpbench run --virtual" in said(run(store))


def test_the_newest_build_with_its_figures_and_the_change_before_it(store: Path) -> None:
    page = run(store, Phone("GX7", TWO_BUILDS, name="Galactic 7"), model="GX7")
    assert figures(page) == {
        "Round trip": page.metric[0].value,
        "Echo removed, loudest": "34 dB",
        "Barge-in": "to 75 %",
        "Buffer without a glitch": "2 bursts",
        "Silent microphone": "none",
    }
    assert page.metric[0].value.startswith(("51.", "52."))
    assert "slower by 12" in said(page).replace("slower by 11.9", "slower by 12")
    assert "acme/2:user" in page.selectbox(key="model_build_0").value.key.os_build
    assert in_address(page, "build") == "acme/2:user"
    page.selectbox(key="model_build_0").select_index(1).run()
    assert page.metric[0].value.startswith(("39.", "40."))
    assert in_address(page, "build") == "acme/1:user"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_with_and_without_data(store: Path, part: str) -> None:
    deaf = Phone("Deaf", (Build("b", (40.0,), rejected=6),))
    page = run(store, Phone("GX7", TWO_BUILDS), deaf, part=part, model="GX7")
    missing = {"echo": "test A4 was not made", "buffer": "test V5 was not made"}
    assert missing.get(part, "") in said(page)
    if part in ("granted", "tests"):
        assert len(page.dataframe[0].value) > 4
    failed = run(store, part=part, model="Deaf")
    if part == "latency":
        assert "L1 ended not measurable" in said(failed)
        assert figures(failed)["Round trip"] == "–"


def test_a_wrong_address_says_so_and_shows_no_other_model(store: Path) -> None:
    page = run(store, Phone("GX7", TWO_BUILDS), model="<b>nobody</b>")
    assert "No stored model fits" in said(page)
    assert r"\<b\>" in said(page), "the address is text, too"
    assert not page.metric


def test_a_part_of_a_name_that_fits_several_names_them(store: Path) -> None:
    page = run(store, Phone("GX7", TWO_BUILDS), Phone("GX8", TWO_BUILDS), model="GX")
    assert "2 models fit" in said(page)


def test_one_run_has_no_history_and_a_simulated_phone_is_marked(store: Path) -> None:
    one = Phone("V1", (Build("b", (40.0,)),), virtual=True, platform=Platform.VIRTUAL)
    page = run(store, one)
    assert "One run has no history yet" in said(page)
    assert "◇ **simulated**" in said(page)
    assert in_address(page, "virtual") == "1"


def test_what_was_not_granted_is_counted(store: Path) -> None:
    page = run(store, Phone("GX7", TWO_BUILDS), part="granted")
    assert "24 of 24 trials: not granted as asked" in said(page)
    assert page.dataframe[0].value["Buffer, bursts"][0] == "2 → 4"


def test_hostile_names_are_text(store: Path) -> None:
    name = "**b** :material/home: $x$ <script>alert(1)</script> [l](http://x)"
    page = run(store, Phone(name, (Build(name, (40.0, 47.0)),), name=name, manufacturer=name))
    shown = said(page)
    assert "**b**" not in shown
    assert "<script>" not in shown
    assert ":material/home:" not in shown


@pytest.mark.needs_apt("chromium", "chromium")
def test_the_report_opens_in_a_browser_and_prints_to_pages(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    write(tmp_path / "s.db", [Phone("GX7", TWO_BUILDS, name="Galactic 7 <b>")])
    with Store.open(tmp_path / "s.db") as store:
        builds = next(iter(choose.families(overview.model_rows(store)).values()))
        data = load(lambda q, *a, **k: q(store, *a, **k), builds[0], builds, datetime.now(UTC))
    (tmp_path / "report.html").write_text(report(data, (), datetime.now(UTC)), encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda r: problems.append(r.url) if "http" in r.url[:5] else None)
        page.goto((tmp_path / "report.html").as_uri())
        assert page.title() == "Galactic 7 <b>: what was measured"
        widths = page.eval_on_selector_all("img", "all => all.map(i => i.naturalWidth)")
        assert widths
        assert min(widths) > 100, "every picture is drawn"
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        pdf = page.pdf(prefer_css_page_size=True)
        browser.close()
    assert problems == []
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") >= 2 or pdf.count(b"/Type /Page") >= 3
