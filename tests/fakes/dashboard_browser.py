"""The dashboard in a real Chromium: visits that notice what must not happen, and pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

PAINT_S = 30.0
PAINTED = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.getAttribute('data-test-script-state') !== 'notRunning') return false;
  const main = document.querySelector('[data-testid="stMain"]');
  if (!main || !main.querySelector('[data-testid="stElementContainer"]')) return false;
  if (main.querySelector('[data-testid="stSkeleton"]')) return false;
  const inSight = found => { const box = found.getBoundingClientRect();
    return box.height > 0 && box.top < innerHeight && found.checkVisibility(); };
  const drawn = (name, inner) => [...main.querySelectorAll(`[data-testid="${name}"]`)]
    .filter(inSight).every(found => found.querySelector(inner));
  return drawn('stVegaLiteChart', 'svg, canvas') && drawn('stDataFrame', 'canvas');
}"""
"""Useful paint: the script has run, no skeleton is left, each chart and table in sight is drawn."""
WATCH = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  window.chirpbenchRan = false;
  window.chirpbenchAt = location.href;
  new MutationObserver((_, watch) => {
    if (app.getAttribute('data-test-script-state') !== 'notRunning') {
      window.chirpbenchRan = true; watch.disconnect();
    }
  }).observe(app, {attributes: true});
}"""
RAN = "(window.chirpbenchRan || location.href !== window.chirpbenchAt)"
"""A run that takes some milliseconds shows only in the address that it wrote."""
POLL_MS = 30
"""Asking at every frame would take time from the page."""


@dataclass
class Visit:
    """One tab. ``problems`` collects what no page may do."""

    page: Page
    root: str
    problems: list[str] = field(default_factory=list)

    def open(self, address: str = "/") -> float:
        """Load an address of the dashboard; the seconds until its useful paint."""
        begin_s = time.monotonic()
        self.page.goto(self.root + address, wait_until="commit")
        self.painted()
        return time.monotonic() - begin_s

    def painted(self) -> None:
        """Wait until nothing runs and everything is drawn."""
        self.page.wait_for_function(PAINTED, timeout=PAINT_S * 1000, polling=POLL_MS)

    def watch_runs(self) -> None:
        """From now on note that the script runs: what is done next starts it."""
        self.page.evaluate(WATCH)

    def ran(self) -> None:
        """Wait until a run has begun since :meth:`watch_runs`, and everything is drawn."""
        self.page.wait_for_function(
            f"() => {RAN} && ({PAINTED})()", timeout=PAINT_S * 1000, polling=POLL_MS
        )

    def go(self, title: str) -> None:
        """Click a page's name in the navigation."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=title).first.click()
        self.page.wait_for_function(
            "title => document.title.startsWith(title)", arg=title, timeout=PAINT_S * 1000
        )
        self.painted()

    @property
    def text(self) -> str:
        """Everything that can be read, charts and canvases left out."""
        return self.page.get_by_test_id("stMain").inner_text()

    def query(self) -> str:
        """What stands in the address behind the question mark."""
        return urlsplit(self.page.url).query

    def picture(self, path: Path, *, full: bool = False) -> None:
        """Write a PNG once all is still; ``full`` makes the window as high as the page."""
        if full:
            height = self.page.evaluate(
                "() => document.querySelector('[data-testid=stMain] .block-container, "
                "[data-testid=stMainBlockContainer]').scrollHeight + 80"
            )
            size = self.page.viewport_size
            assert size
            self.page.set_viewport_size({"width": size["width"], "height": min(int(height), 6000)})
            self.painted()
        self.page.wait_for_timeout(700)  # animations of charts
        self.page.screenshot(path=str(path))


@contextmanager
def visiting(
    browser: Browser,
    root: str,
    *,
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
    settle_ms: int = 0,
) -> Iterator[Visit]:
    """A tab with an empty cache of its own; a new one draws Chromium's own surface at first."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, accept_downloads=True,
        color_scheme="dark" if dark else "light",
    )  # fmt: skip
    try:
        visit = Visit(context.new_page(), root)
        visit.page.wait_for_timeout(settle_ms)
        _watch(visit)
        yield visit
    finally:
        context.close()


def _watch(visit: Visit) -> None:
    page, own = visit.page, urlsplit(visit.root).netloc

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != own:
            visit.problems.append(f"asked {request.url}")

    def said(message: ConsoleMessage) -> None:
        # Vega says so when a scale has no end, or a chart does not fit its place.
        if message.type == "error" or message.text.startswith("WARN"):
            visit.problems.append(f"console: {message.text}")

    def dialog(found: object) -> None:
        visit.problems.append("a dialog opened")
        found.dismiss()  # type: ignore[attr-defined]

    page.on("request", asked)
    page.on("websocket", lambda ws: urlsplit(ws.url).netloc == own or visit.problems.append(ws.url))
    page.on("console", said)
    page.on("pageerror", lambda error: visit.problems.append(f"script error: {error}"))
    page.on("dialog", dialog)
