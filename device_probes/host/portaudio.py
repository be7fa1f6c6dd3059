"""The only door to sounddevice. Imported lazily: without PortAudio everything else still works."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from device_probes.host.interfaces import HostInterface, pair_up
from profiler.errors import DeviceError

INVALID_CHANNEL_COUNT = -9998
INVALID_SAMPLE_RATE = -9997

Callback = Callable[[Any, Any, int, Any, Any], None]
"""``(indata, outdata, frames, time, status)`` as sounddevice calls it; the arrays are float32 of
shape (frames, channels)."""


class PortAudioRefused(DeviceError):
    """PortAudio said no. ``code`` is its error number, 0 when there is none."""

    def __init__(self, message: str, *, device: str, code: int = 0) -> None:
        super().__init__(message, device=device)
        self.code = code


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What to open. ``block_frames`` 0 lets the host choose, callback by callback."""

    interface: HostInterface
    rate_hz: int
    input_channels: int
    output_channels: int
    block_frames: int
    latency: str
    """``low`` or ``high``: the device's own defaults."""


def library() -> ModuleType:
    """sounddevice, with PortAudio initialised; raises :class:`DeviceError` naming the package."""
    try:
        import sounddevice  # noqa: PLC0415 - lazy on purpose
    except (OSError, ImportError) as exc:
        hint = "install PortAudio"
        if sys.platform == "linux":
            hint = "install it: apt install libportaudio2"
        raise DeviceError("the PortAudio library is missing", device="host", hint=hint) from exc
    module: ModuleType = sounddevice
    return module


def version() -> str:
    """PortAudio's own version, one line."""
    _, text = library().get_portaudio_version()
    return str(text).split(",", maxsplit=1)[0]


def interfaces() -> tuple[HostInterface, ...]:
    """The sound interfaces of this computer, the default first. Raises :class:`DeviceError`."""
    sd = library()
    try:
        apis, devices = sd.query_hostapis(), sd.query_devices()
        default_api = _default_api(sd)
    except sd.PortAudioError as exc:
        raise _refused(exc, "host") from exc
    return pair_up(apis, devices, default_api)


def _default_api(sd: ModuleType) -> int:
    try:
        return int(sd.query_devices(kind="output")["hostapi"])
    except (sd.PortAudioError, ValueError):
        return 0  # no default output: the order does not matter then


def takes_rate(interface: HostInterface, rate_hz: int) -> bool:
    """Whether both directions say that they open at ``rate_hz``."""
    sd = library()
    try:
        sd.check_input_settings(interface.input_index, 1, "float32", samplerate=rate_hz)
        sd.check_output_settings(interface.output_index, 1, "float32", samplerate=rate_hz)
    except (sd.PortAudioError, ValueError):
        return False
    return True


class DuplexStream:
    """One duplex stream with one callback, so that both directions share one timeline."""

    def __init__(self, plan: StreamPlan, callback: Callback) -> None:
        self._sd = library()
        self._device = plan.interface.label
        try:
            self._stream = self._sd.Stream(
                samplerate=plan.rate_hz,
                blocksize=plan.block_frames,
                device=(plan.interface.input_index, plan.interface.output_index),
                channels=(plan.input_channels, plan.output_channels),
                dtype="float32",
                latency=plan.latency,
                callback=callback,
                clip_off=True,
                dither_off=True,
            )
        except (self._sd.PortAudioError, ValueError) as exc:
            raise _refused(exc, self._device) from exc

    def start(self) -> None:
        """Start the callbacks."""
        try:
            self._stream.start()
        except self._sd.PortAudioError as exc:
            raise _refused(exc, self._device) from exc

    @property
    def active(self) -> bool:
        """Whether callbacks are still to be expected."""
        return bool(self._stream.active)

    @property
    def rate_hz(self) -> int:
        """The rate that was granted."""
        return round(float(self._stream.samplerate))

    @property
    def latency_s(self) -> tuple[float, float]:
        """What PortAudio reports for (input, output)."""
        found = self._stream.latency
        return float(found[0]), float(found[1])

    def close(self) -> None:
        """Stop at once and close. May hang in a broken sound system: call it from a thread."""
        try:
            self._stream.abort(ignore_errors=True)
        finally:
            self._stream.close(ignore_errors=True)


def _refused(exc: Exception, device: str) -> PortAudioRefused:
    """PortAudio's exceptions carry (text, code) or (text, code, host API's own error)."""
    args = exc.args
    code = args[1] if len(args) > 1 and isinstance(args[1], int) else 0
    return PortAudioRefused(
        " ".join(str(args[0] if args else exc).split()), device=device, code=code
    )
