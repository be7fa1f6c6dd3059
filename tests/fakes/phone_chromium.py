"""A real Chromium as the browser of a virtual phone, and phones that have one.

It is headless, with a profile of its own, and its ``localhost`` is the phone's: a page it is told
to show comes through the phone's reverse tunnel, the adb server and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from adb_servers import until
from websockets.sync.client import connect

from device_probes.virtual.adbd.core import PhoneCore

_START_S = 30.0
_STOP_S = 10.0
MICROPHONE = "media_stream_mic"
"""Name of the content setting in a profile."""
BLOCKED = 2


class PageLeft(RuntimeError):
    """The page asked was gone, or went elsewhere, before it answered."""


class PhoneChromium:
    """One process. A :class:`~device_probes.virtual.adbd.browser.RunningBrowser`."""

    def __init__(
        self, phone: PhoneCore, *, devtools: bool = True, blocked: bool = False, ask: bool = False
    ) -> None:
        """``devtools``: whether the phone offers them; ``blocked``: the user has blocked the
        microphone for every site; ``ask``: whoever is asked for the microphone says yes, as a
        person would (without it a question that no DevTools answered is refused)."""
        self._offers = devtools
        self._folder = tempfile.mkdtemp(prefix="phone-chromium-")
        if blocked:
            self._block()
        command = [
            shutil.which("chromium") or "chromium",
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-gpu",
            "--use-fake-device-for-media-stream",
            "--autoplay-policy=user-gesture-required",
            "--remote-debugging-port=0",
            f"--host-resolver-rules=MAP localhost {phone.loopback}",
            f"--user-data-dir={self._folder}",
            *(["--auto-accept-camera-and-microphone-capture"] if ask else []),
            "about:blank",
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        try:
            until(lambda: self._told() or not self.alive, _START_S, "Chromium's DevTools")
            assert self.alive, "Chromium did not start"
        except BaseException:
            self.stop()
            raise

    def _block(self) -> None:
        folder = Path(self._folder) / "Default"
        folder.mkdir()
        settings = {"profile": {"default_content_setting_values": {MICROPHONE: BLOCKED}}}
        (folder / "Preferences").write_text(json.dumps(settings))

    def _told(self) -> list[str]:
        with contextlib.suppress(OSError):
            lines = (Path(self._folder) / "DevToolsActivePort").read_text().splitlines()
            return lines if len(lines) == 2 else []
        return []

    @property
    def port(self) -> int:
        """Of its DevTools, for a test that looks into it whatever the phone offers."""
        return int(self._told()[0])

    @property
    def devtools_port(self) -> int | None:
        return self.port if self._offers else None

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def view(self, url: str) -> None:
        ask = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?{url}", method="PUT")
        with urllib.request.urlopen(ask, timeout=_STOP_S) as answer:
            answer.read()

    def shown(self, visible: bool) -> None:
        """The home screen is another tab in front of the page."""
        pages = [page for page in self.tabs() if page["url"].startswith("http")]
        if visible and pages:
            self._do("Target.activateTarget", targetId=pages[0]["id"])
        elif not visible:
            self._do("Target.createTarget", url="about:blank#home")

    def tabs(self) -> list[dict[str, Any]]:
        """As ``/json/list`` has them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json/list", timeout=10) as got:
            return [page for page in json.load(got) if page["type"] == "page"]

    def tap(self, script: str) -> object:
        """What a person does on the page in front: run ``script`` in it as a finger would."""
        pages = [page for page in self.tabs() if page["url"].startswith("http")]
        if len(pages) != 1:
            raise PageLeft(f"{len(pages)} pages are open, one is expected")
        answer = self._ask(
            pages[0]["webSocketDebuggerUrl"],
            "Runtime.evaluate",
            {
                "expression": script,
                "userGesture": True,
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        return answer["result"].get("value")

    def has_loaded(self, origin: str) -> bool:
        """The page in front is ``origin``'s, whole: a tab begins as an empty page, complete too."""
        try:
            return bool(
                self.tap(
                    f"location.href.startsWith({json.dumps(origin)})"
                    " && document.readyState === 'complete'"
                )
            )
        except PageLeft:
            return False

    def _do(self, method: str, **params: object) -> None:
        self._ask(f"ws://127.0.0.1:{self.port}{self._told()[1]}", method, params)

    @staticmethod
    def _ask(url: str, method: str, params: dict[str, object]) -> dict[str, Any]:
        with connect(url, proxy=None, ping_interval=None) as socket:
            socket.send(json.dumps({"id": 1, "method": method, "params": params}))
            end = time.monotonic() + _STOP_S
            while True:
                answer = json.loads(socket.recv(end - time.monotonic()))
                if answer.get("id") != 1:
                    continue
                if "error" in answer:
                    raise PageLeft(f"{method}: {answer['error'].get('message')}")
                return dict(answer["result"])

    def stop(self) -> None:
        with self._lock:
            if self.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, 9)
            self._process.wait(_STOP_S)
            shutil.rmtree(self._folder, ignore_errors=True)
