"""What the host asks for while a trial runs: done on its own thread, so that cancel is heard."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import replace
from typing import Protocol, runtime_checkable

from device_probes.codec import MAX_OBSERVED, MAX_OBSERVED_CHARS
from device_probes.fields import clean
from device_probes.protocol import ACT_ROUTE, MAX_ACTS, Act
from device_probes.refusals import TrialRefused
from profiler.model import ProbeReport

log = logging.getLogger(__name__)

_END_S = 2.0
"""An act that the end of its trial does not end is left behind."""


@runtime_checkable
class Reroutes(Protocol):
    """A device whose running streams can be taken to another route."""

    def act(self, action: str, value: str) -> str:
        """Do it now, from another thread than ``run``'s; returns the word of what was granted.

        Its own report may say in ``observed`` when that was (``route_1_ms`` on the timeline of
        the recording, ``route_1_took_ms``). Raises
        :class:`~device_probes.refusals.TrialRefused` when it does not do that; returns soon
        after the trial is over.
        """
        ...


class TrialActs:
    """The acts of one running trial, in the order in which they came."""

    def __init__(self, device: object) -> None:
        self._device = device if isinstance(device, Reroutes) else None
        self._queue: queue.SimpleQueue[Act | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._said: dict[str, str] = {}
        self._taken = 0
        self._ignored = 0
        self._unknown = 0
        self._over = False

    def take(self, act: Act) -> None:
        """Have it done; does not wait. After the end it is ignored."""
        with self._lock:
            if self._over:
                return
            if act.action != ACT_ROUTE:
                self._unknown += 1
                return
            if self._taken >= MAX_ACTS:
                self._ignored += 1
                return
            self._taken += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="probe-act", daemon=True)
                self._thread.start()
        self._queue.put(act)

    def end(self) -> None:
        """The trial is over: nothing is taken any more, and what runs is waited for a moment."""
        with self._lock:
            self._over = True
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(_END_S)

    def told(self, report: ProbeReport) -> ProbeReport:
        """``report`` with what became of the acts, as far as the device itself does not say."""
        with self._lock:
            said = dict(self._said)
            if self._unknown:
                said["acts_unknown"] = str(self._unknown)
            if self._ignored:
                said["acts_ignored"] = str(self._ignored)
        if not said:
            return report
        # The acts first: what a full table loses must not be what was asked for.
        observed = {**said, **report.observed}
        return replace(report, observed=dict(list(observed.items())[:MAX_OBSERVED]))

    def _work(self) -> None:
        number = 0
        while (act := self._queue.get()) is not None:
            number += 1
            text = self._do(act)
            with self._lock:
                self._said[f"{act.action}_{number}"] = clean(text)[:MAX_OBSERVED_CHARS]

    def _do(self, act: Act) -> str:
        if self._over:
            return "refused: the trial was over"
        if self._device is None:
            return "refused: this probe cannot change the route"
        try:
            return self._device.act(act.action, act.value)
        except TrialRefused as exc:
            return f"refused: {exc}"
        except Exception as exc:  # a device's fault is reported, not fatal
            log.debug("act failed", exc_info=exc)
            return f"failed: {type(exc).__name__}: {exc}"
