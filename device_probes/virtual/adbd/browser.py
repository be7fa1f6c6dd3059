"""A browser installed on a virtual phone: package, process, DevTools socket.

What renders pages is a test's own: a :data:`~.android.BrowserLauncher` starts, say, a real Chromium
of this computer, which reaches the phone's ``localhost`` at
:attr:`~device_probes.virtual.adbd.core.PhoneCore.loopback`.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from device_probes.virtual.adbd.apk import Apk
from device_probes.virtual.adbd.packages import RECORD_AUDIO
from device_probes.virtual.adbd.system import Pids, SystemState

log = logging.getLogger(__name__)

CHROME = "com.android.chrome"
ACTIVITY = "org.chromium.chrome.browser.ChromeTabbedActivity"
DEVTOOLS = "chrome_devtools_remote"
DATA = "devtools:data"
_CONNECT_S = 10.0


class RunningBrowser(Protocol):
    """A browser in a process of its own. Called from any thread."""

    @property
    def devtools_port(self) -> int | None:
        """TCP port on 127.0.0.1 of its DevTools; ``None``: it offers none."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        ...

    def view(self, url: str) -> None:
        """Show ``url`` in a new tab, in front of the others."""
        ...

    def shown(self, visible: bool) -> None:
        """The browser came in front of everything, or left it."""
        ...

    def stop(self) -> None:
        """End the process. May be called twice."""
        ...


class BrowserApp:
    """The browser of one phone, as far as it runs. Safe from several threads.

    What it is told to show it shows in its own time, one thing after the other: ``am start`` waits
    for none of it. ``launch`` starts it; called from a worker thread.
    """

    def __init__(
        self, state: SystemState, pids: Pids, package: str, launch: Callable[[], RunningBrowser]
    ) -> None:
        self.package = package
        self.component = f"{package}/{ACTIVITY}"
        self.devtools_name: str | None = DEVTOOLS
        """The abstract socket of its DevTools; ``None``: its user does not allow them."""
        self._state = state
        self._pids = pids
        self._launch = launch
        self._lock = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None
        self._running: RunningBrowser | None = None
        self._pid: int | None = None
        self._visible = False
        state.watch(self._look)

    @property
    def pid(self) -> int | None:
        """The process, or ``None`` when it does not run."""
        running = self._running
        if running is not None and not running.alive:
            self.stop()
        return self._pid

    @property
    def running(self) -> RunningBrowser | None:
        """What a launcher has started."""
        return self._running

    def view(self, url: str) -> None:
        """Start it unless it runs, and show ``url`` unless it is empty."""
        with self._lock:
            if self._pid is None:
                self._pid = self._pids.new(self.package)
                self._visible = True
                self._worker = ThreadPoolExecutor(1, thread_name_prefix=self.package)
                self._submit(self._start)
            if url:
                self._do(lambda running: running.view(url))

    def connect(self, name: str) -> socket.socket | None:
        """The far end of a new connection to its abstract socket ``name``."""
        running = self._running
        if running is None or not running.alive or not name or name != self.devtools_name:
            return None
        port = running.devtools_port
        return socket.create_connection(("127.0.0.1", port), _CONNECT_S) if port else None

    def stop(self) -> int | None:
        """End the process without a word; returns its number."""
        with self._lock:
            worker, self._worker = self._worker, None
            pid, self._pid = self._pid, None
        if worker is not None:  # one that is being started is waited for, and then ended
            worker.shutdown(wait=True, cancel_futures=True)
        running, self._running = self._running, None
        if running is not None:
            running.stop()
        if pid is not None:
            self._pids.running.pop(pid, None)
        return pid

    def _start(self) -> None:
        self._running = self._launch()

    def _do(self, work: Callable[[RunningBrowser], None]) -> None:
        """Have it done after what it was told before, if it runs then."""

        def when_it_runs() -> None:
            if self._running is not None:
                work(self._running)

        self._submit(when_it_runs)

    def _submit(self, work: Callable[[], None]) -> None:

        def quietly() -> None:
            try:
                work()
            except Exception:  # a process that ends in the middle of it; the phone goes on
                log.debug("%s", self.package, exc_info=True)

        if self._worker is not None:
            self._worker.submit(quietly)

    def _look(self) -> None:
        """Screen or activities have changed."""
        state = self._state
        visible = state.lit and state.top == self.component
        with self._lock:
            if visible == self._visible or self._pid is None:
                return
            self._visible = visible
            self._do(lambda running: running.shown(visible))


def browser_apk(package: str, version_name: str, version_code: int) -> Apk:
    """What the package manager knows of it."""
    return Apk(
        package=package,
        version_code=version_code,
        version_name=version_name,
        min_sdk=26,
        target_sdk=34,
        permissions=("android.permission.INTERNET", RECORD_AUDIO),
        activities=(ACTIVITY,),
        abis=("arm64-v8a",),
        signer="c4" * 32,
        scheme="v3",
    )
