"""The sound of a virtual iPhone, with the rules iOS has for an app that plays and records."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from device_probes.protocol import RefusedCode
from device_probes.server import ConnectionDropped, EmitProgress, LoadedPlay, TrialRefused
from profiler.model import CodecCost, CodecRequest, DeviceFacts, ProbeReport, TrialRequest

if TYPE_CHECKING:
    from device_probes.virtual.usbmuxd.core import IphoneCore

_RESTORE_S = 0.15
"""An app that is interrupted gets round to it a moment later."""
Samples: TypeAlias = npt.NDArray[np.int16] | npt.NDArray[np.float32]


class AppDevice:
    """What the probe app gets of the phone's sound."""

    def __init__(self, phone: IphoneCore) -> None:
        self._phone = phone

    def facts(self) -> DeviceFacts:
        """What the phone says of itself."""
        self._phone.event_here("probe:facts")
        return self._phone.phone.facts()

    def codec_cost(
        self, request: CodecRequest, emit_progress: EmitProgress, cancelled: threading.Event
    ) -> CodecCost:
        """What coding speech costs on it."""
        self._phone.event_here("probe:codec")
        return self._phone.phone.codec_cost(request, emit_progress, cancelled)

    def act(self, action: str, value: str) -> str:
        """An act of the contract; the route is the one of the phone's sound."""
        self._phone.event_here("probe:act")
        return self._phone.phone.act(action, value)

    def run(
        self,
        request: TrialRequest,
        plays: Sequence[LoadedPlay],
        emit_progress: EmitProgress,
        cancelled: threading.Event,
    ) -> tuple[ProbeReport, Samples]:
        """One trial, as the system lets an app have it."""
        phone = self._phone
        phone.event_here("probe:run")
        self._may_record()

        def emit(stage: str, fraction: float) -> None:
            phone.event_here(f"probe:stage:{stage}")
            emit_progress(stage, fraction)

        with self._under_way(request, cancelled):
            report, samples = phone.phone.run(request, plays, emit, cancelled)
        phone.event_here("probe:recorded")
        return self._as_ios_says(report, request), samples

    def _may_record(self) -> None:
        state = self._phone.state
        state.ask_microphone()
        if state.microphone != "allowed":
            why = "is refused" if state.microphone == "denied" else "has not been given yet"
            raise TrialRefused(RefusedCode.PERMISSION, f"the permission to record {why}")
        if not state.probe_in_front:
            raise TrialRefused(RefusedCode.BACKGROUND, self._covered())

    def _covered(self) -> str:
        state = self._phone.state
        return "the screen is locked" if state.locked else f"another app is in front: {state.front}"

    @contextmanager
    def _under_way(self, request: TrialRequest, cancelled: threading.Event) -> Iterator[None]:
        """A trial that ends when something else comes to the front, unless it may go on."""
        phone, left = self._phone, threading.Event()

        def look() -> None:
            if not phone.state.probe_in_front and request.background != "continue":
                left.set()
                cancelled.set()

        process, before = phone.app.life, phone.state.volume
        if request.volume is not None:
            phone.state.volume = request.volume
        phone.state.watch(look)
        try:
            yield
        except ConnectionDropped:
            phone.on_loop(phone.hang_up)
            raise
        except TrialRefused as exc:
            if not left.is_set():
                raise
            raise TrialRefused(RefusedCode.BACKGROUND, self._covered()) from exc
        finally:
            phone.state.unwatch(look)
            if cancelled.is_set():
                time.sleep(_RESTORE_S)
            if phone.app.life == process:  # one that was ended puts nothing back
                phone.state.volume = before

    def _as_ios_says(self, report: ProbeReport, request: TrialRequest) -> ProbeReport:
        """The report with what an app on iOS can tell of the system; the sound's part stays."""
        call = request.audio_mode == "communication"
        observed = {
            "session_category": "playAndRecord",
            "session_mode": "voiceChat" if call else "measurement",
        }
        return replace(
            report,
            observed={**report.observed, **observed},
            battery_percent=round(100 * self._phone.state.battery.level),
            battery_temperature_c=None,
        )
