"""Every page of the dashboard in a real Chromium, on a bench that really ran."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import dashboard_stores
import pytest
from dashboard_browser import Visit, visiting
from dashboard_servers import Served, served
from playwright.sync_api import Browser
from web_tabs import chromium

from dashboard import links, text
from dashboard.links import PAGES
from db import overview, queries
from db.filters import Filter
from db.store import Store

pytestmark = [
    pytest.mark.needs_apt("chromium", "chromium"),
    pytest.mark.timeout(300),  # the first test waits for the bench, the server and the browser
]
FAILED = "This page failed"
_SEARCH = ".st-key-fleet_text input"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = dashboard_stores.measured(tmp_path_factory.mktemp("dashboard"))
    dashboard_stores.add_hostile(path)
    return path


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Served]:
    with served(store) as running:
        yield running
    assert running.process.returncode == 0
    assert running.complained == []  # no page failed, and nothing was logged


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visit(server: Served, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, server.url) as tab:
        yield tab
        assert tab.problems == []
        assert tab.page.evaluate("() => window.hacked") is None


@pytest.fixture(scope="module")
def models(store: Path) -> list[overview.ModelRow]:
    with Store.open_to_look(store) as opened:
        return overview.model_rows(opened)


@pytest.mark.parametrize("name", list(PAGES))
def test_every_page_opens_at_its_own_address(name: str, visit: Visit) -> None:
    visit.open(links.link_to(name))
    assert FAILED not in visit.text
    assert visit.page.title() == f"{PAGES[name]} · chirpbench"


def test_the_navigation_reaches_every_page(visit: Visit) -> None:
    visit.open()
    for title in [*list(PAGES.values())[1:], "Fleet"]:
        visit.go(title)
        assert FAILED not in visit.text


@pytest.mark.parametrize("width", [1280, 1920])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_is_wider_than_the_window(
    width: int, dark: bool, server: Served, browser: Browser
) -> None:
    with visiting(browser, server.url, width=width, dark=dark) as tab:
        for name in PAGES:
            tab.open(links.link_to(name))
            extra = tab.page.evaluate(
                "() => { const main = document.querySelector('[data-testid=stMain]');"
                " return main.scrollWidth - main.clientWidth; }"
            )
            assert extra <= 0, name
        assert tab.problems == []


def test_dark_and_light_follow_the_system(server: Served, browser: Browser) -> None:
    shades = []
    for dark in (False, True):
        with visiting(browser, server.url, dark=dark) as tab:
            tab.open("/help")
            shades.append(
                tab.page.evaluate(
                    "() => getComputedStyle(document.querySelector('[data-testid=stApp]'))"
                    ".backgroundColor"
                )
            )
    assert shades == ["rgb(255, 255, 255)", "rgb(17, 22, 29)"]


def test_a_filter_goes_into_the_address_and_comes_back(visit: Visit) -> None:
    visit.open()
    visit.page.locator(_SEARCH).fill("oPhone")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function("() => location.search.includes('q=oPhone')")
    visit.painted()
    assert "CSV (1 row)" in visit.text
    visit.open(f"/?{visit.query()}")
    assert visit.page.locator(_SEARCH).input_value() == "oPhone"
    assert "CSV (1 row)" in visit.text


def test_a_model_can_be_named_by_hand(visit: Visit) -> None:
    visit.open("/model?model=oPhone%2014")
    assert "oPhone 14" in visit.page.get_by_role("combobox").first.input_value()
    assert "virtual=1" in visit.query()  # now the address names it exactly


def test_a_name_that_nobody_has_is_said(visit: Visit) -> None:
    visit.open("/model?model=Nokia%203310")
    assert "Nokia 3310" in visit.text
    assert FAILED not in visit.text


def test_a_trial_has_an_address(visit: Visit, store: Path) -> None:
    with Store.open_to_look(store) as opened:
        trial = queries.trials(opened, Filter(test_ids=("L1",), is_virtual=True))[0]
    visit.open(links.link_to("evidence", trial=trial.trial_uuid))
    assert trial.trial_uuid in visit.text
    source = visit.page.locator("audio").first.get_attribute("src")
    assert source
    body = visit.page.request.get(f"{visit.root}/{source.removeprefix(visit.root).lstrip('/')}")
    assert body.body()[:4] in (b"RIFF", b"fLaC")


def test_the_fleet_as_a_table(visit: Visit, models: list[overview.ModelRow]) -> None:
    visit.open()
    with visit.page.expect_download() as waiting:
        visit.page.locator(".st-key-fleet_csv button").first.click()
    rows = list(csv.DictReader(io.StringIO(_content(waiting.value.path()))))
    assert len(rows) == len(models)
    assert not [v for row in rows for v in row.values() if v.startswith(("=", "+", "@"))]


def test_the_report_is_a_page_that_runs_nothing(visit: Visit) -> None:
    visit.open("/model?model=oPhone%2014")
    with visit.page.expect_download() as waiting:
        visit.page.locator(".st-key-model_report button").first.click()
    report = _content(waiting.value.path())
    assert "oPhone 14" in report
    assert "<script" not in report
    assert 'src="http' not in report


def test_exported_files_are_those_of_the_command(visit: Visit) -> None:
    visit.open("/advice?model=oPhone%2014")
    visit.page.get_by_role("tab", name="Export").click()
    visit.page.get_by_text("Export all the same").click()  # it is a simulated phone
    with visit.page.expect_download() as waiting:
        visit.page.locator(".st-key-export_all button").first.click()
    with zipfile.ZipFile(waiting.value.path()) as found:
        assert found.testzip() is None
        manifest = next(n for n in found.namelist() if n.endswith("manifest.json"))
        listed = json.loads(found.read(manifest))
        assert len(found.namelist()) > 5
    assert "oPhone" in json.dumps(listed)


@pytest.mark.parametrize("number", range(len(dashboard_stores.HOSTILE)))
def test_a_hostile_name_is_text_on_every_page(
    number: int, visit: Visit, models: list[overview.ModelRow]
) -> None:
    row = next(m for m in models if m.marketing_name.endswith(f" {number}") and not m.is_virtual)
    named = links.model(row.key)
    trial = f"hostile-{number}-0"
    both = [links.token(m.key, virtual=m.is_virtual) for m in (row, models[0])]
    for address in (
        links.link_to("model", **named),
        links.link_to("advice", **named),
        links.link_to("evidence", trial=trial),
        links.link_to("compare", m=list(dict.fromkeys(both))),
        links.link_to("fleet", q=row.marketing_name[:60]),
        links.link_to("live", bench="hostile"),
        links.link_to("help", find=row.marketing_name),
    ):
        visit.open(address)
        assert FAILED not in visit.text, address
        assert visit.page.evaluate(_STRANGE) == [], address
    visit.open(links.link_to("evidence", trial=trial))
    assert _letters(text.plain(row.marketing_name))[:20] in _letters(visit.text)


_STRANGE = """() => [...document.querySelectorAll('a, img, iframe, form, object, embed')]
  .map(found => found.href || found.src || found.action || found.data || '')
  .filter(to => to && !to.startsWith(location.origin) && !/^(data|blob):/.test(to))"""
"""Links and pictures that lead away from the dashboard."""


def _letters(shown: str) -> str:
    """Without what is only there to keep text apart."""
    return "".join(c for c in shown if c not in "\u2060\u2068\u2069" and not c.isspace())


def _content(path: Path) -> str:
    return path.read_text("utf-8-sig")
