"""An open page while the store changes under it, and pages of others that want to read it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import store_records as records
from dashboard_browser import Visit, visiting
from dashboard_servers import Served, served
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine, text
from web_tabs import chromium

from db.progress import DeviceProgress, put_progress
from db.schema import HEAD_REVISION
from db.store import Store
from profiler.model import Verdict

pytestmark = [pytest.mark.needs_apt("chromium", "chromium"), pytest.mark.timeout(240)]
WAIT_MS = 40_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one device and no bench."""
    made = tmp_path / "bench.db"
    with Store.open(made) as store:
        store.upsert_device(records.device("v1"), records.facts())
        store.begin_run(records.run("run-0"))
        store.add_trial(records.trial("trial-0", run_uuid="run-0"))
        store.add_test_result(records.result("run-0", trial_uuids=("trial-0",)))
    return made


@pytest.fixture
def server(path: Path) -> Iterator[Served]:
    with served(path) as running:
        yield running


@pytest.fixture
def visit(server: Served, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, server.url) as tab:
        yield tab
        assert tab.problems == []


def line(bench: str, **changes: Any) -> DeviceProgress:
    """What a bench writes of one device now."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "bench_uuid": bench, "run_uuid": None, "device_uid": "android:AB12",
        "device_name": "Pixel 7", "suite": "quick", "zone": "left", "state": "playing",
        "stage": "playing", "fraction": 0.5, "test_id": "L1", "position": 3, "trials_total": 10,
        "last_test": "L1", "last_verdict": Verdict.PASS, "last_text": "L1 pass 42.1 ms",
        "message": "", "started_at": now - timedelta(seconds=60), "updated_at": now,
        "ended": False,
    }  # fmt: skip
    return DeviceProgress(**{**values, **changes})


def write(path: Path, *lines: DeviceProgress) -> None:
    with Store.open(path) as store:
        put_progress(store, *lines)


def test_a_bench_that_begins_and_goes_on_is_seen_without_a_reload(path: Path, visit: Visit) -> None:
    visit.open("/live")
    assert "No bench has run" in visit.text
    visit.page.evaluate("() => { window.same = true }")
    write(path, line("one"))
    table = visit.page.locator(".cb-devices")
    expect(table).to_contain_text("Pixel 7", timeout=WAIT_MS)
    expect(table).to_contain_text("2/10")
    write(path, line("one", position=8, state="analysing"))
    expect(table).to_contain_text("7/10", timeout=WAIT_MS)
    expect(table).to_contain_text("analysing")
    write(path, line("one", ended=True, state="ok", position=10))
    expect(table).to_contain_text("done", timeout=WAIT_MS)
    assert visit.page.evaluate("() => window.same")


def test_a_choice_stays_while_the_page_refreshes(path: Path, visit: Visit) -> None:
    former = line("former", ended=True, state="ok", device_name="Nokia 5")
    write(path, former, line("now"))
    visit.open("/live")
    table = visit.page.locator(".cb-devices")
    expect(table).to_contain_text("Pixel 7")
    visit.page.get_by_role("combobox").first.click()
    visit.page.get_by_role("option").filter(has_text="former").click()
    expect(table).to_contain_text("Nokia 5", timeout=WAIT_MS)
    write(path, line("now", position=9))
    visit.page.wait_for_timeout(5000)  # two refreshes
    expect(table).to_contain_text("Nokia 5")
    expect(table).not_to_contain_text("Pixel 7")
    assert "bench=former" in visit.query()
    visit.open(f"/live?{visit.query()}")
    expect(table).to_contain_text("Nokia 5")


def test_a_bench_that_was_killed_says_how_to_go_on(path: Path, visit: Visit) -> None:
    write(path, line("0b0f4a7e-8f2c", updated_at=datetime.now(UTC) - timedelta(seconds=80)))
    visit.open("/live")
    assert "was it killed?" in visit.text
    assert "--resume=0b0f4a7e" in visit.text


def test_results_that_arrive_appear_on_the_next_click(path: Path, visit: Visit) -> None:
    visit.open()
    assert "1 model" in visit.text
    with Store.open(path) as store:
        store.upsert_device(records.device("v2"), records.facts("B2"))
        store.begin_run(records.run("run-2", "virtual:v2"))
        store.add_trial(records.trial("trial-2", run_uuid="run-2"))
        store.add_test_result(records.result("run-2", trial_uuids=("trial-2",)))
    visit.go("Help")
    visit.go("Fleet")
    assert "2 models" in visit.text


@pytest.mark.parametrize("page", ["/", "/live"])
def test_an_upgrade_by_a_newer_tool_is_said_plainly(
    page: str, path: Path, server: Served, visit: Visit
) -> None:
    visit.open(page)
    pretend(path, "9999")
    visit.open(page)
    assert "upgraded by a newer chirpbench" in visit.text
    assert "Traceback" not in visit.text
    pretend(path, HEAD_REVISION)
    visit.page.get_by_role("button", name="Try again").click()
    expect(visit.page.get_by_test_id("stMain")).not_to_contain_text("upgraded by", timeout=WAIT_MS)
    assert not any("Traceback" in said for said in server.complained)


def test_a_store_that_vanishes_is_said_plainly(path: Path, visit: Visit) -> None:
    visit.open()
    path.rename(path.with_suffix(".away"))
    visit.open()
    assert "no results are stored here" in visit.text
    path.with_suffix(".away").rename(path)
    visit.open()
    assert "1 model" in visit.text


def pretend(path: Path, revision: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
    engine.dispose()


# --- pages of others --------------------------------------------------------------------------

SPY = """<body><script>
window.found = [];
const say = what => window.found.push(what);
const tries = [
  fetch('ROOT/_stcore/health').then(() => say('read'), () => say('refused')),
  fetch('ROOT/', {mode: 'no-cors'}).then(() => say('fetched'), () => say('refused')),
  new Promise(done => { const s = new WebSocket('WS/_stcore/stream', ['streamlit']);
    s.onopen = () => { say('socket'); done(); }; s.onerror = () => { say('refused'); done(); }; }),
];
Promise.all(tries).then(() => { window.over = true; });
</script></body>"""


@contextmanager
def foreign_site(answer: Callable[[], str]) -> Iterator[int]:
    """Another web server of this computer; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer().encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the tests' stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield int(site.server_address[1])
        finally:
            site.shutdown()
            thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "bench.test"])
def test_a_page_of_another_site_reads_nothing(host: str, server: Served, browser: Browser) -> None:
    spy = SPY.replace("ROOT", server.url).replace("WS", server.url.replace("http", "ws"))
    with foreign_site(lambda: spy) as port:
        page = browser.new_page()
        page.goto(f"http://{host}:{port}/")
        page.wait_for_function("() => window.over")
        assert page.evaluate("() => window.found") == ["refused"] * 3
        page.close()


def test_a_name_that_points_here_reads_nothing(server: Served, browser: Browser) -> None:
    """DNS rebinding: the browser takes bench.test for 127.0.0.1, and both are one origin."""
    page = browser.new_page()
    answer = page.goto(server.url.replace("127.0.0.1", "bench.test"))
    assert answer is not None
    assert answer.status == 403
    assert "only its own pages" in page.inner_text("body")
    page.close()


def test_localhost_is_the_dashboard_too(server: Served, browser: Browser) -> None:
    with visiting(browser, server.url.replace("127.0.0.1", "localhost")) as tab:
        tab.open()
        assert "1 model" in tab.text
        assert tab.problems == []
