"""The one door to Playwright: a Chromium of this computer that shows the probe's page.

The page lives in a tab that Playwright does not manage: its own pages are always "visible", and a
trial with a hidden tab would measure nothing. Playwright starts and ends the browser and carries
the DevTools messages.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import threading
from base64 import b64decode
from collections.abc import Coroutine, Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from profiler.errors import DeviceError, DeviceLost, DeviceNotFound, DeviceTimeout, InputError
from profiler.model import DeviceFacts

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Playwright

T = TypeVar("T")

PROGRAMS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
)  # fmt: skip
"""Looked for in this order."""
CHOSEN = "CHIRPBENCH_CHROMIUM"
"""Environment variable that names another program."""
NO_BROWSER_HINT = f"apt install chromium, or name a Chromium-based browser in {CHOSEN}"
START_S = 30.0
CALL_S = 10.0
CLOSE_S = 5.0
_ARGS = (
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-gpu", "--disable-quic",
)  # fmt: skip
_NOT_ARGS = (
    "--mute-audio",  # Playwright's default: nothing would be heard
    # What a user's browser does with a tab in the background is what is to be measured.
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
)


def find_program(env: Mapping[str, str] | None = None) -> str:
    """The browser's path. Raises :class:`DeviceNotFound`."""
    named = (os.environ if env is None else env).get(CHOSEN)
    for name in [named] if named else PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    if named:
        raise DeviceNotFound(
            f"{CHOSEN} names {named!r}, which is no program",
            device="chromium",
            hint=f"correct it, or unset {CHOSEN}",
        )
    raise DeviceNotFound("no Chromium is here", device="chromium", hint=NO_BROWSER_HINT)


def require_playwright() -> None:
    """Raises :class:`InputError` when the package is not installed."""
    try:
        import playwright.async_api  # noqa: F401, PLC0415
    except ImportError as exc:
        raise InputError(
            f"this needs Playwright, which is not installed ({exc})",
            hint="pip install 'chirpbench[web]'",
        ) from exc


class Chromium:
    """An :class:`~device_probes.web.openers.Opener` for a browser of this computer.

    ``env`` replaces its environment (which sound server it talks to), ``args`` are added.
    """

    def __init__(
        self,
        *,
        program: str | None = None,
        env: Mapping[str, str] | None = None,
        args: tuple[str, ...] = (),
        headless: bool = True,
    ) -> None:
        self._program = program
        self._env = env
        self._args = args
        self._headless = headless
        self._loop: asyncio.AbstractEventLoop | None = None
        self._browser: _Browser | None = None

    def open(self, url: str, timeout_s: float) -> None:
        """Show the page in a tab of its own; starts the browser when it does not run."""
        if self._browser is None or not self._browser.alive:
            self.restart()
            self._browser = self._start()
        self._do(self._browser.show_page(url), timeout_s, "open the page")

    def tap(self, timeout_s: float) -> bool:
        """Press the page's button; the microphone was allowed when the page was opened."""
        script = "document.getElementById('start').click()"
        self._do(self._running().evaluate(script), timeout_s, "press the button")
        return True

    def tell(self) -> str:
        """Nobody has to do anything."""
        return "wait: the browser of this computer needs no help"

    def phone_facts(self) -> DeviceFacts | None:
        """Nothing beside what the browser says."""
        return None

    def hide(self, timeout_s: float) -> None:
        """Bring another tab in front of the page."""
        self._do(self._running().hide(), timeout_s, "open another tab")

    def show(self, timeout_s: float) -> None:
        """Bring the page to the front."""
        self._do(self._running().show(), timeout_s, "bring the page to the front")

    def evaluate(self, script: str, timeout_s: float = CALL_S) -> object:
        """Run ``script`` in the page as if a user had touched it; its JSON value."""
        return self._do(self._running().evaluate(script), timeout_s, "run a script")

    def screenshot(self, timeout_s: float = CALL_S) -> bytes:
        """The page as it looks now, PNG."""
        answer = self._do(self._running().send("Page.captureScreenshot"), timeout_s, "look")
        return b64decode(answer["data"])

    def restart(self) -> None:
        """End the browser; the next :meth:`open` starts another. Never raises."""
        browser, self._browser = self._browser, None
        if browser is not None:
            with suppress(DeviceError):
                self._do(browser.close(), CLOSE_S, "close the browser")

    def close(self) -> None:
        """End the browser and its thread. Never raises."""
        self.restart()
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _start(self) -> _Browser:
        require_playwright()
        program = self._program or find_program(self._env)
        return self._do(
            _Browser.launch(program, self._env, self._args, headless=self._headless),
            START_S,
            "start the browser",
        )

    def _running(self) -> _Browser:
        if self._browser is None or not self._browser.alive:
            raise DeviceLost("the browser has ended", device="chromium", hint="run again")
        return self._browser

    def _do(self, work: Coroutine[Any, Any, T], timeout_s: float, what: str) -> T:
        """Have ``work`` done on the browser's loop within ``timeout_s``."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_spin, args=(self._loop,), name="chromium")
            thread.daemon = True
            thread.start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except (FutureTimeout, TimeoutError) as exc:
            future.cancel()
            raise DeviceTimeout(
                f"the browser did not {what} within {timeout_s:.0f} s",
                device="chromium",
                hint="look at the machine's load, then run again",
            ) from exc
        except (DeviceError, InputError):
            raise
        except Exception as exc:  # Playwright's own tree, whatever it was: one error of ours
            first = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
            raise DeviceError(
                f"the browser did not {what}: {first}",
                device="chromium",
                hint="start it by hand to see why",
            ) from exc


def _spin(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class _Browser:
    """A running browser and the probe's tab in it; lives on one loop."""

    def __init__(self, playwright: Playwright, browser: Browser, session: CDPSession) -> None:
        self._playwright = playwright
        self._browser = browser
        self._session = session
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._page = ""
        self._tab = ""
        """DevTools session of the page."""
        self._cover = ""
        session.on("Target.receivedMessageFromTarget", self._receive)

    @classmethod
    async def launch(
        cls, program: str, env: Mapping[str, str] | None, args: tuple[str, ...], *, headless: bool
    ) -> _Browser:
        """Start the browser."""
        from playwright.async_api import async_playwright  # noqa: PLC0415

        # Chromium refuses to run as root with its sandbox.
        sandbox = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        playwright = await async_playwright().start()
        try:
            browser = await playwright.chromium.launch(
                executable_path=program,
                headless=headless,
                env=None if env is None else dict(env),
                args=[*_ARGS, *sandbox, *args],
                ignore_default_args=list(_NOT_ARGS),
                timeout=START_S * 1000,
            )
            return cls(playwright, browser, await browser.new_browser_cdp_session())
        except BaseException:  # also when the deadline cancels it: no browser stays behind
            await playwright.stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._browser.is_connected()

    async def show_page(self, url: str) -> None:
        """Close the old page, allow the new one the microphone, open it."""
        for target in (self._page, self._cover):
            if target:
                with suppress(Exception):  # a tab that crashed is gone already
                    await self._session.send("Target.closeTarget", {"targetId": target})
        self._page = self._tab = self._cover = ""
        parts = urlsplit(url)
        allowed = {"origin": f"{parts.scheme}://{parts.netloc}", "permissions": ["audioCapture"]}
        await self._session.send("Browser.grantPermissions", allowed)
        self._page = (await self._session.send("Target.createTarget", {"url": url}))["targetId"]
        attach = {"targetId": self._page, "flatten": False}
        self._tab = (await self._session.send("Target.attachToTarget", attach))["sessionId"]

    async def hide(self) -> None:
        """Open another tab in front."""
        if not self._cover:
            made = await self._session.send("Target.createTarget", {"url": "about:blank"})
            self._cover = made["targetId"]
        await self._session.send("Target.activateTarget", {"targetId": self._cover})

    async def show(self) -> None:
        """Bring the page to the front."""
        await self._session.send("Target.activateTarget", {"targetId": self._page})

    async def evaluate(self, script: str) -> object:
        """The script's value, awaited, with the rights of a user's touch."""
        answer = await self.send(
            "Runtime.evaluate",
            {
                "expression": script,
                "awaitPromise": True,
                "returnByValue": True,
                "userGesture": True,
            },
        )
        if "exceptionDetails" in answer:
            raise DeviceError(
                f"the page's script failed: {answer['exceptionDetails'].get('text', '')}"[:200],
                device="chromium",
                hint="please report this",
            )
        return answer["result"].get("value")

    async def send(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """A DevTools call of the page."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": method, "params": params or {}})
        try:
            await self._session.send(
                "Target.sendMessageToTarget", {"sessionId": self._tab, "message": message}
            )
            answer = await waiting
        finally:
            del self._waiting[number]
        if "error" in answer:
            raise DeviceError(
                f"{method}: {answer['error'].get('message', '')}"[:200],
                device="chromium",
                hint="please report this",
            )
        return dict(answer["result"])

    def _receive(self, event: dict[str, Any]) -> None:
        answer = json.loads(event["message"])
        waiting = self._waiting.get(answer.get("id", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def close(self) -> None:
        """End it."""
        try:
            await self._browser.close()
        finally:
            await self._playwright.stop()


def version_of(program: str) -> str:
    """A short name of the program, for lists; no process is started."""
    return Path(program).name.replace("-", " ").title()
