"""The browser's way back in a real Chromium: one step a page, with what was chosen there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dashboard_browser import Visit, visiting
from dashboard_servers import Served, served
from model_histories import Build, Phone, write
from playwright.sync_api import Browser
from web_tabs import chromium

pytestmark = [pytest.mark.needs_apt("chromium", "chromium"), pytest.mark.timeout(240)]
_SEARCH = ".st-key-fleet_text input"
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("back") / "fleet.db"
    models = [Phone(f"M{i}", (Build("b1", (40.0 + i, 40.0 + i)),)) for i in range(9)]
    write(store, [*models, Phone("Slow", (Build("b1", (400.0, 400.0)),))])
    with served(store) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visit(server: Served, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, server.url) as tab:
        yield tab
        assert tab.problems == []


def search(visit: Visit, words: str) -> None:
    visit.page.locator(_SEARCH).fill(words)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function("to => location.search === to", arg=f"?q={words}")
    visit.painted()


def back(visit: Visit, title: str) -> None:
    visit.page.go_back()
    visit.page.wait_for_function(
        "title => document.title.startsWith(title)", arg=title, timeout=WAIT_MS
    )
    visit.painted()


def test_back_after_a_search_is_the_page_before(visit: Visit) -> None:
    visit.open("/help")
    visit.go("Fleet")
    search(visit, "M3")
    search(visit, "M4")
    back(visit, "Help")


@pytest.mark.parametrize("title", ["Model", "Compare", "Advice", "Evidence"])
def test_back_from_a_page_that_writes_its_address_is_one_step(title: str, visit: Visit) -> None:
    visit.open()
    search(visit, "M3")
    visit.go(title)
    visit.page.wait_for_timeout(300)
    back(visit, "Fleet")
    assert visit.query() == "q=M3"
    assert visit.page.locator(_SEARCH).input_value() == "M3"


def opened(visit: Visit, model: str) -> None:
    visit.page.wait_for_function("() => location.pathname === '/model'", timeout=WAIT_MS)
    visit.painted()
    assert f"model={model}&" in f"{visit.query()}&"


def test_a_row_opens_its_model_and_back_keeps_the_search(visit: Visit) -> None:
    visit.open("/help")
    visit.go("Fleet")
    search(visit, "M3")
    table = visit.page.get_by_test_id("stDataFrame").locator("canvas").first
    table.click(position={"x": 60, "y": 54}, force=True)
    opened(visit, "M3")
    back(visit, "Fleet")
    assert visit.query() == "q=M3"
    assert visit.page.locator(_SEARCH).input_value() == "M3"
    assert "1 model" in visit.text
    back(visit, "Help")


@pytest.mark.parametrize(
    ("address", "fill", "model"),
    [("/", "#7f9a00", "Slow"), ("/?q=Slow", "#87909a", "M0"), ("/?q=M0", "#3d7fd0", "M0")],
    ids=["stands out", "filtered away", "usual"],
)
def test_a_dot_opens_its_model(address: str, fill: str, model: str, visit: Visit) -> None:
    visit.open(address)
    dots = visit.page.locator(f'.mark-symbol.role-mark path[fill="{fill}"]:not([d="M0,0"])')
    dots.first.click(force=True)
    opened(visit, model)
