"""The rules iOS has for an app that plays and records."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from device_probes.protocol import RefusedCode
from device_probes.server import ConnectionDropped, TrialRefused
from device_probes.virtual.link.app_device import Record, Recorded
from device_probes.virtual.link.moments import Moments
from device_probes.virtual.usbmuxd.probe_app import ProbeApp
from device_probes.virtual.usbmuxd.state import IphoneState
from profiler.model import ProbeReport, TrialRequest

_RESTORE_S = 0.15
"""An app that is interrupted gets round to it a moment later."""


class IosRules:
    """What one phone's system does to the probe app's trials.

    ``drop`` breaks every connection, as a phone does that vanishes in mid-trial.
    """

    def __init__(
        self, state: IphoneState, moments: Moments, app: ProbeApp, *, drop: Callable[[], None]
    ) -> None:
        self._state = state
        self._moments = moments
        self._app = app
        self._drop = drop

    def trial(self, request: TrialRequest, record: Record, cancelled: threading.Event) -> Recorded:
        """One trial, as the system lets an app have it."""
        self._may_record()
        with self._under_way(request, cancelled):
            report, samples = record()
            report = self._as_ios_says(report)
        self._moments.event_here("probe:recorded")
        return report, samples

    def _may_record(self) -> None:
        state = self._state
        state.ask_microphone()
        if state.microphone != "allowed":
            why = "is refused" if state.microphone == "denied" else "has not been given yet"
            raise TrialRefused(RefusedCode.PERMISSION, f"the permission to record {why}")
        if not state.probe_in_front:
            raise TrialRefused(RefusedCode.BACKGROUND, self._covered())

    def _covered(self) -> str:
        state = self._state
        return "the screen is locked" if state.locked else f"another app is in front: {state.front}"

    @contextmanager
    def _under_way(self, request: TrialRequest, cancelled: threading.Event) -> Iterator[None]:
        """A trial that ends when something else comes to the front, unless it may go on."""
        state, left = self._state, threading.Event()

        def look() -> None:
            if not state.probe_in_front and request.background != "continue":
                left.set()
                cancelled.set()

        process, before = self._app.life, state.volume
        if request.volume is not None:
            state.volume = request.volume
        state.watch(look)
        try:
            yield
        except ConnectionDropped:
            self._drop()
            raise
        except TrialRefused as exc:
            if not left.is_set():
                raise
            raise TrialRefused(RefusedCode.BACKGROUND, self._covered()) from exc
        finally:
            state.unwatch(look)
            if cancelled.is_set():
                time.sleep(_RESTORE_S)
            if self._app.life == process:  # one that was ended puts nothing back
                state.volume = before

    def _as_ios_says(self, report: ProbeReport) -> ProbeReport:
        """The report with what an app on iOS can tell of the system; the sound's part stays."""
        return replace(
            report,
            battery_percent=round(100 * self._state.battery.level),
            battery_temperature_c=None,
            observed={**report.observed, "output_volume": f"{self._state.volume:.4f}"},
        )
