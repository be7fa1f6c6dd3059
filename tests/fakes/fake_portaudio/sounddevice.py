"""Stands in for sounddevice below the host probe: a loop of known delay, and every bad manner.

Put first on PYTHONPATH of the probe's process. ``FAKE_PORTAUDIO`` (JSON) chooses:
``delay`` (frames), ``block``, ``refuse_rates``, ``stereo_only``, ``granted_rate``,
``stall_after`` (callbacks), ``die_after`` (callbacks), ``dies`` (how many streams do),
``hang_close``, ``xrun_every``, ``latency`` and, at import, ``missing``, ``abort``, ``hang``.
"""

import json
import os
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np

_SAYS = json.loads(os.environ.get("FAKE_PORTAUDIO", "{}"))
print("noise on stdout, as sound libraries make")
print("ALSA lib pcm.c:2721:(snd_pcm_open_noupdate) Unknown PCM cards.pcm.rear", file=sys.stderr)
if _SAYS.get("missing"):
    raise OSError("PortAudio library not found")
if _SAYS.get("abort"):
    sys.stderr.flush()
    os.abort()
if _SAYS.get("hang"):
    time.sleep(600)

_opened = []


class PortAudioError(Exception):
    """As sounddevice's: (text, code)."""


def get_portaudio_version():
    return 1, "PortAudio Fake 1.0, revision 0"


def query_hostapis():
    return (
        {
            "name": "ALSA",
            "devices": [0, 1],
            "default_input_device": 1,
            "default_output_device": 1,
        },
    )


def query_devices(kind=None):
    one = {
        "hostapi": 0,
        "max_input_channels": 2,
        "max_output_channels": 2,
        "default_samplerate": 44100.0,
    }
    if kind:
        return {**one, "name": "default"}
    return ({**one, "name": "Scarlett 2i2: USB Audio (hw:1,0)"}, {**one, "name": "default"})


def check_input_settings(device, channels, dtype, samplerate):
    if samplerate in _SAYS.get("refuse_rates", []):
        raise PortAudioError("Invalid sample rate", -9997)


check_output_settings = check_input_settings


class _Status:
    input_overflow = input_underflow = output_underflow = output_overflow = False

    def __init__(self, bad):
        self.bad = self.output_underflow = bad

    def __bool__(self):
        return self.bad


class Stream:
    def __init__(self, *, samplerate, blocksize, device, channels, latency, callback, **_rest):
        if samplerate in _SAYS.get("refuse_rates", []):
            raise PortAudioError("Error opening Stream: Invalid sample rate", -9997)
        if _SAYS.get("stereo_only") and channels != (2, 2):
            raise PortAudioError("Error opening Stream: Invalid number of channels", -9998)
        self.samplerate = float(_SAYS.get("granted_rate", samplerate))
        reported = _SAYS.get("latency", {"low": 0.005, "high": 0.02}[latency])
        self.latency = (reported, reported)
        self.active = False
        self._block = blocksize or _SAYS.get("block", 256)
        self._channels, self._callback = channels, callback
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._dies = len(_opened) < _SAYS.get("dies", 99)
        _opened.append(self)

    def start(self):
        self.active = True
        self._thread.start()

    def _work(self):
        delay, n = _SAYS.get("delay", 480), self._block
        ring = np.zeros((delay + n, 1), dtype=np.float32)
        output = np.zeros((n, self._channels[1]), dtype=np.float32)
        count = 0
        while not self._stop.is_set():
            if count == _SAYS.get("stall_after"):
                return
            if count == _SAYS.get("die_after") and self._dies:
                self.active = False
                return
            every = _SAYS.get("xrun_every", 0)
            at = count * n / self.samplerate
            clock = SimpleNamespace(
                inputBufferAdcTime=1.7e9 + at - 0.01,
                currentTime=1.7e9 + at,
                outputBufferDacTime=1.7e9 + at + 0.02,
            )
            heard = np.repeat(ring[:n], self._channels[0], axis=1)
            self._callback(heard, output, n, clock, _Status(bool(every and count % every == 0)))
            ring = np.concatenate([ring[n:], output[:, :1].copy()])
            count += 1
            time.sleep(0.0002)

    def abort(self, ignore_errors=True):
        if _SAYS.get("hang_close"):
            time.sleep(600)
        self._stop.set()
        self.active = False

    def close(self, ignore_errors=True):
        if self._thread.is_alive():
            self._thread.join()
