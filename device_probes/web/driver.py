"""Drives the probe's page in one browser, whichever way it got there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Capture, OnProgress, Play
from device_probes.protocol import RefusedCode
from device_probes.refusals import by_name
from device_probes.web.identity import identify
from device_probes.web.openers import Hides, Opener, StartsFresh
from device_probes.web.seats import PageStatus, Seat
from device_probes.web.status import PageState
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbePermission,
    ProbeRefused,
)
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    DeviceState,
    EffectState,
    TimedAction,
    TrialRequest,
)

READY = frozenset({PageState.READY})
TAP = frozenset({PageState.WAITING_FOR_TAP})
HOPELESS = frozenset({PageState.INSECURE, PageState.NO_WORKLET})
ENDS = HOPELESS | {PageState.DENIED, PageState.NO_MICROPHONE}
"""States of the page that only a person can change."""
OPEN_S = 30.0
BACK_S = 4.0
"""A page whose connection ended comes back by itself within this, unless it is gone."""
JOIN_S = 60.0
HIDE, SHOW = "home", "front"
"""Words of :class:`~profiler.model.TimedAction`: the tab out of sight, and back."""
_SHOW_S = 5.0

_REMEDIES = {
    PageState.NO_MICROPHONE: "connect or switch on a microphone and allow the browser to use it in "
    "the system's settings; on a computer without sound start a sound server first",
    PageState.INSECURE: "open the link as the terminal shows it: https, or http://localhost",
    PageState.NO_WORKLET: "use a newer browser: Chrome 94, Firefox 93, Safari 15.4 or later",
}


class WebDriver:
    """A :class:`~device_probes.driver.Driver` for one browser.

    ``seat`` is its place at the page's server, ``join_s`` how long a browser, or the person who
    holds it, may take until the page is ready. A link is good for one browser: ``renew`` gives a
    new one each time the page is opened again, and is absent where a person opened the first.
    ``tell`` gets what a person should do when the page waits for one.
    """

    def __init__(
        self,
        ref: DeviceRef,
        seat: Seat,
        opener: Opener,
        *,
        renew: Callable[[], Seat] | None = None,
        tell: Callable[[str], None] = lambda _line: None,
        join_s: float = JOIN_S,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._ref = ref
        self._seat = seat
        self._opener = opener
        self._renew = renew
        self._tell = tell
        self._opened = False
        self._join_s = join_s
        self._deadlines = deadlines or Deadlines()
        self._client: ProbeClient | None = None
        self._hidden = False

    @property
    def ref(self) -> DeviceRef:
        """Which browser this is."""
        return self._ref

    def connect(self) -> DeviceFacts:
        """Have the page shown and ready, shake hands and read the facts.

        Raises :class:`~profiler.errors.ProbePermission` when the microphone is refused,
        :class:`~profiler.errors.DeviceNotReady` for a browser that cannot measure,
        :class:`~profiler.errors.DeviceTimeout` when nobody tapped.
        """
        self._drop()
        self._reach(time.monotonic() + self._join_s)
        self._client = ProbeClient(self._seat.stream(), str(self._ref), deadlines=self._deadlines)
        with self._explained():
            self._client.handshake()
            return identify(self._client.facts(), self._opener.phone_facts())

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        """Run one trial in a fresh stream of microphone and audio context."""
        client = self._client
        if client is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        self._seat.say(_described(request))
        with self._explained():
            try:
                return client.run(request, plays, on_progress)
            finally:
                self._uncover()

    def cancel(self) -> None:
        """End a running trial from another thread."""
        client = self._client
        if client is not None:
            client.cancel()

    @property
    def actions(self) -> frozenset[str]:
        """What can be done to the page while a trial runs."""
        return frozenset({HIDE, SHOW}) if isinstance(self._opener, Hides) else frozenset()

    def act(self, action: TimedAction) -> str:
        """Take the tab out of sight, or back; what the page saw is in the trial's report."""
        if action.action not in self.actions or not isinstance(self._opener, Hides):
            raise ProbeRefused(
                f"no action {action.action!r} in this browser",
                device=str(self._ref),
                code=RefusedCode.UNSUPPORTED.value,
            )
        if action.action == HIDE:
            self._hidden = True
            self._opener.hide(_SHOW_S)
            return "another tab is in front"
        self._opener.show(_SHOW_S)
        self._hidden = False
        return "the page is in front"

    def close(self) -> None:
        """Close the page; it can be connected again. Never raises."""
        self._drop()
        self._opener.close()

    # --- steps ------------------------------------------------------------------------------------

    def _reach(self, end: float) -> None:
        """The page is ready when this returns."""
        if self._seat.connected and self._came_back():
            return
        if self._opened and self._renew is not None:
            self._seat.finish()
            self._seat = self._renew()
        self._opened = True
        self._opener.open(self._seat.url, max(min(end - time.monotonic(), OPEN_S), 1.0))
        tapped = False
        while True:
            waited = READY | ENDS | (frozenset() if tapped else TAP)
            status = self._wait(waited, end)
            if status.state in READY:
                return
            if status.state in ENDS:
                raise self._ended(status)
            if not self._opener.tap(max(min(end - time.monotonic(), OPEN_S), 1.0)):
                self._tell(f"{self._ref}: {self._opener.tell()}")
            tapped = True

    def _came_back(self) -> bool:
        """Whether the page is still there and ready, or says so within a moment."""
        with suppress(DeviceTimeout, DeviceLost):
            return self._seat.wait_for(READY | TAP | ENDS, BACK_S).state in READY
        return False

    def _wait(self, states: frozenset[PageState], end: float) -> PageStatus:
        try:
            return self._seat.wait_for(states, max(end - time.monotonic(), 0.0))
        except DeviceTimeout as exc:
            raise DeviceTimeout(
                f"{self._last_seen()} within {self._join_s:.0f} s",
                device=str(self._ref),
                hint=self._opener.tell(),
            ) from exc

    def _last_seen(self) -> str:
        """How far the page got, for people."""
        status = self._seat.status
        if status is None or not self._seat.connected:
            return "the page was not opened"
        said = {
            PageState.WAITING_FOR_TAP: "nobody tapped Start",
            PageState.ASKING: "the microphone was not allowed",
            PageState.HIDDEN: "the page stayed behind another tab or app",
            PageState.SUSPENDED: "the browser kept the sound suspended",
        }
        return said.get(status.state, f"the page did not get beyond {status.state.value!r}")

    def _ended(self, status: PageStatus) -> DeviceError:
        if status.state is PageState.DENIED:
            return ProbePermission(
                _with("the browser may not use the microphone", status.detail),
                device=str(self._ref),
                hint="allow it in the site settings beside the address, then run again",
            )
        said = {
            PageState.NO_MICROPHONE: "the browser finds no microphone",
            PageState.INSECURE: "the browser does not trust the page's address, "
            "so it gives no microphone",
            PageState.NO_WORKLET: "this browser has no AudioWorklet and cannot measure",
        }
        return DeviceNotReady(
            _with(said[status.state], status.detail),
            device=str(self._ref),
            state=DeviceState.UNSUITABLE,
            hint=_REMEDIES[status.state],
        )

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _uncover(self) -> None:
        """Bring a page that a trial hid to the front again. Never raises."""
        if self._hidden and isinstance(self._opener, Hides):
            self._hidden = False
            with suppress(DeviceError):  # the next trial says that it is in the background
                self._opener.show(_SHOW_S)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Give refusals of the browser their own names."""
        try:
            yield
        except ProbeRefused as exc:
            named = by_name(exc, str(self._ref))
            if named is exc:
                raise
            raise named from exc
        except DeviceLost as exc:
            raise DeviceLost(
                "the page went away: its tab was closed or loaded anew, or the browser ended",
                device=str(self._ref),
                hint=self._opener.tell(),
            ) from exc


def _with(said: str, detail: str) -> str:
    """``said`` with the page's own words, unless they are the same."""
    return f"{said} ({detail})" if detail and said not in detail else said


def _described(request: TrialRequest) -> str:
    """A trial for the person who looks at the page."""
    if request.call is not None:
        return f"a call inside the page, packets of {request.call.ptime_ms} ms"
    effects = {"echo canceller": request.aec, "noise": request.ns, "gain": request.agc}
    on = [name for name, state in effects.items() if state is EffectState.ON]
    return f"{request.rate_hz / 1000:g} kHz, {', '.join(on) + ' on' if on else 'no processing'}"


class FreshWebDriver(WebDriver):
    """A driver whose browser can be started anew between trials."""

    def restart(self) -> None:
        """End the browser and start another; raises as :meth:`connect` does."""
        self._drop()
        if isinstance(self._opener, StartsFresh):
            self._opener.restart()
        self.connect()
