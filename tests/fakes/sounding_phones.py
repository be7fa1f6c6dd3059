"""Virtual phones for tests of their sound: one spec each, trials without any waiting."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from functools import lru_cache

import numpy as np

from device_probes.server import LoadedPlay
from device_probes.virtual import Clock, VirtualPhone
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.opening import PhoneState, granted_rate, open_session, settled
from device_probes.virtual.rendering import render
from device_probes.virtual.sounds import KeptSounds
from profiler.model import EffectState, NoiseSpec, TrialRequest
from profiler.stimulus import render as samples_of

_BASE = """
version = 1
seed = {seed}
[[phone]]
serial = "A1"
manufacturer = "M"
model = "X"
marketing_name = "M X"
soc = "S"
os_name = "OS"
os_version = "1"
os_build = "b"
frames_per_burst = 240
"""
_SECTIONS = {
    "streams": 'rates_hz = [48000, 44100, 32000, 24000, 16000, 8000]\nsample_format = "float32"',
    "latency": 'spread = "none"',
    "acoustics": "level_dbfs = -24\nhighpass_hz = 300\nrt60_s = 0.3\nreverb_db = -10",
    "noise": "white_dbfs = -70",
}


def make_phone(ms=60.0, *, seed=1, lives_in=None, phone="", **sections) -> VirtualPhone:
    """A phone with ``sections`` (TOML text by ``__``-separated name) added to a plain one."""
    text = _BASE.format(seed=seed) + phone + "\n"
    sections.setdefault("latency", "")
    for name, body in {**dict.fromkeys(_SECTIONS, ""), **sections}.items():
        keys = {line.partition("=")[0].strip() for line in body.splitlines()}
        plain = _SECTIONS.get(name, "").splitlines()
        kept = [line for line in plain if line.partition("=")[0].strip() not in keys]
        text += "\n".join((f"[phone.{name.replace('__', '.')}]", *kept, body, ""))
        if name == "latency":
            text += f"api_ms = {{ aaudio = {ms}, java = {ms + 50} }}\n"
    return fleet_from_toml(text, "phone").phones(lives_in or Clock(math.inf))[0]


@lru_cache(maxsize=16)
def voice(duration_s, rate_hz=48_000, seed=3, level_db=0.0):
    """Voice-like noise from 0.5 s on, until 0.5 s before the end; read-only."""
    spec = NoiseSpec(
        seed=seed,
        rate_hz=rate_hz,
        colour="voice",
        spans_s=((0.5, duration_s - 0.5),),
        levels_db=(level_db,),
        amplitude=0.7,
        duration_s=duration_s,
    )
    samples = samples_of(spec, rate_hz).astype(np.float32)
    samples.setflags(write=False)
    return samples


def request_for(duration_s, **asked):
    """A trial with the canceller asked on."""
    return TrialRequest(**{"aec": EffectState.ON, "duration_s": duration_s, **asked})


def trial(phone, duration_s=6.0, far=None, **asked):
    """One trial: its report, its samples of shape (frames, channels), its truth."""
    request = request_for(duration_s, **asked)
    rate_hz = granted_rate(phone.spec, request)
    far = voice(duration_s, rate_hz) if far is None else far
    plays = [LoadedPlay("far", far, rate_hz, 0)] if far.size else []
    report, samples = phone.run(request, plays, lambda *_: None, threading.Event())
    return report, samples, phone.truths[-1]


def sounds_of(phone, duration_s=6.0, far=None, outside=None, actions=(), sessions=0, **asked):
    """One trial that is only rendered: its samples and the truth of its sounds.

    ``outside``, shape (frames,) at the input's rate, is what other devices do at the microphone.
    """
    request = request_for(duration_s, **asked)
    rate_hz = granted_rate(phone.spec, request)
    state = PhoneState(sessions=sessions)
    session = open_session(
        phone.spec, request, rate_hz, trial=sessions, unit_seed=(1, 2), state=state
    )
    session = settled(session, actions)
    far = voice(duration_s, rate_hz) if far is None else far
    plays = [LoadedPlay("far", far, rate_hz, 0)] if far.size else []
    kept = KeptSounds(session, plays, outside, actions)
    session = replace(session, truth=replace(session.truth, sound=kept))
    return render(session, plays, outside, actions), session.truth


def rms_db(x):
    return 10 * math.log10(np.mean(np.square(x, dtype=float)) + 1e-30)
