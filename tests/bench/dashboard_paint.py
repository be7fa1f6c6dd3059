"""Time to the first useful paint of every page and of an interaction, in a real Chromium.

On the big store (1,000 models, 20,000 runs, 1,000,000 measurements), made here unless
``CHIRPBENCH_BIG_STORE`` names one. Wall time: the machine has to be quiet. As a program::

    python tests/bench/dashboard_paint.py [STORE.db]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

sys.path.append(str(Path(__file__).parents[1] / "fakes"))  # as pytest finds them

import bigstore
from dashboard_browser import Visit, visiting
from dashboard_servers import Served, served
from playwright.sync_api import Browser
from web_tabs import chromium

from dashboard import links
from dashboard.links import PAGES
from db import overview
from db.store import Store

PAINT_S, INTERACTION_S, RSS_MB = 2.0, 0.7, 700.0
REPEATS = 5
SETTLE_MS = 400
"""Between two measurements: what the last one left to do is not the next one's."""


class Rows(Protocol):
    def row(self, what: str, reached: str, target: str, ok: bool) -> None: ...


def measure(table: Rows) -> None:
    """The rows of ``make bench``."""
    with big_store() as store, served(store) as server, chromium() as browser:
        pages = addresses(store)
        _paints(table, server, browser, pages)
        _interactions(table, server, browser, pages)
        rss_mb = server.rss_mb()
        table.row(
            "dashboard: memory of the server after all of this",
            f"{rss_mb:.0f} MB", f"<= {RSS_MB:.0f} MB", rss_mb <= RSS_MB,
        )  # fmt: skip


@contextmanager
def big_store() -> Iterator[Path]:
    """The named store, else one that is made now and removed again."""
    named = os.environ.get("CHIRPBENCH_BIG_STORE")
    if named:
        yield Path(named)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.db"
        bigstore.make_big(path)
        yield path


def addresses(store: Path) -> dict[str, str]:
    """Every page as a visitor with a link opens it: the model with the most runs."""
    with Store.open_to_look(store) as opened:
        rows = sorted(overview.model_rows(opened), key=lambda row: row.runs, reverse=True)
    first, second = rows[0], rows[1]
    named = links.model(first.key, virtual=first.is_virtual)
    both = [links.token(row.key, virtual=row.is_virtual) for row in (first, second)]
    chosen = {"model": named, "advice": named, "compare": {"m": both}}
    return {name: links.link_to(name, **chosen.get(name, {})) for name in PAGES}


def _paints(table: Rows, server: Served, browser: Browser, pages: dict[str, str]) -> None:
    for name, address in pages.items():
        cold, warm = [], []
        for _ in range(REPEATS):
            with visiting(browser, server.url, settle_ms=1200) as visit:
                cold.append(visit.open(address))
                visit.page.wait_for_timeout(SETTLE_MS)
                warm.append(visit.open(address))
        slow, quick = statistics.median(cold), statistics.median(warm)
        table.row(
            f"dashboard: first useful paint of {PAGES[name]}, cold / warm browser cache",
            f"{slow:.2f} s / {quick:.2f} s", f"<= {PAINT_S:.1f} s", slow <= PAINT_S,
        )  # fmt: skip


def _interactions(table: Rows, server: Served, browser: Browser, pages: dict[str, str]) -> None:
    for what, (page, act) in INTERACTIONS.items():
        with visiting(browser, server.url) as visit:
            visit.open(pages[page])
            taken = [timed(visit, act, turn) for turn in range(REPEATS)]
        middle = statistics.median(taken)
        table.row(
            f"dashboard: {what}", f"{middle:.2f} s", f"<= {INTERACTION_S:.1f} s",
            middle <= INTERACTION_S,
        )  # fmt: skip


def timed(visit: Visit, act: Callable[[Visit, int], None], turn: int) -> float:
    """Seconds from a click to the page that shows its result."""
    visit.page.wait_for_timeout(SETTLE_MS)
    visit.watch_runs()
    begin_s = time.monotonic()
    act(visit, turn)
    visit.ran()
    return time.monotonic() - begin_s


def _search(visit: Visit, turn: int) -> None:
    box = visit.page.locator(".st-key-fleet_text input")
    box.fill(("Galaxy", "Red", "SM", "Pro", "a")[turn % 5])
    box.press("Enter")


def _standing_out(visit: Visit, _: int) -> None:
    visit.page.locator(".st-key-fleet_out label").click()


def _use_case(visit: Visit, turn: int) -> None:
    visit.page.locator(".st-key-advice_use button").nth((1, 2, 0)[turn % 3]).click()


def _group(visit: Visit, turn: int) -> None:
    visit.page.locator(".st-key-help_group button").nth((3, 2)[turn % 2]).click()


INTERACTIONS: dict[str, tuple[str, Callable[[Visit, int], None]]] = {
    "a search in Fleet": ("fleet", _search),
    "a filter of Fleet": ("fleet", _standing_out),
    "another use case in Advice": ("advice", _use_case),
    "another part of Help": ("help", _group),
}
"""By name: the page, and what a visitor does there."""


class _Printed:
    def row(self, what: str, reached: str, target: str, ok: bool) -> None:
        print(f"{what:72s} {reached:>20s}  {target:<12s} {'ok' if ok else 'MISSED'}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.environ["CHIRPBENCH_BIG_STORE"] = sys.argv[1]
    measure(_Printed())
