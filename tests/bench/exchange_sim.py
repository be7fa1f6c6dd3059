"""Two simulated devices that play a schedule and record each other, with exact truth.

Time is A's input clock. A plays its frame p at ``out_a_s + p * (1 + own drift)`` and records what
sounds at u as frame ``u + in_a_s``; B starts ``offset_s`` later on a clock of its own. The real
WebRTC processing runs on A's recording with A's own playback as far end. Its delay is part of
A's latency: :func:`processing_delay_s` measures it with a near-end sweep and a silent far end,
by plain correlation, and not with the analysis that is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import channel
import numpy as np
import pywebrtc_audio
from scipy import fft

from profiler.catalogue.trains import burst_train
from profiler.model import Geometry, StimulusSpec
from profiler.stimulus import (
    ExchangeSchedule,
    exchange_schedule,
    make_train,
    render_train,
    whole_train,
)
from profiler.wav import Audio, mono_audio

SOUND_M_S = 343.0
PLACE = Geometry(0.3, 0.1)
EFFECTS = ("", "aec", "aec+ns+agc")


@dataclass(frozen=True, slots=True)
class Scene:
    """One exchange; levels in dB are peaks against full scale, noise is RMS."""

    schedule: ExchangeSchedule
    rate_a_hz: int = 48_000
    rate_b_hz: int = 48_000
    latency_s: float = 0.15
    """A's output plus input latency without the processing; half of it is output."""
    latency_b_s: float = 0.06
    offset_s: float = 0.7
    """B's timeline begins so much after A's."""
    skew_ppm: float = 40.0
    """A's clock against B's, positive = A runs fast."""
    own_drift_ppm: float = 0.0
    geometry: Geometry = PLACE
    own_distance_m: float = 0.12
    effects: str = "aec+ns+agc"
    own_db: float = -10.0
    far_db: float = -26.0
    """B's train in A's microphone."""
    b_own_db: float = -12.0
    b_far_db: float = -24.0
    noise_db: float = -66.0
    noise_b_db: float = -66.0
    rt60_s: float = 0.25
    tail_db: float = -6.0
    reflection: tuple[float, float] = (0.0006, -0.4)
    eq: bool = False
    inverted: bool = False
    mute_b: bool = False
    mute_a: bool = False
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the two devices recorded, and the truth."""

    audio_a: Audio
    audio_b: Audio
    latency_s: float
    """Of A at t = 0, processing included; without any air."""


def simulate(scene: Scene) -> Exchange:
    """Play, hear, process."""
    s = scene
    rng = np.random.default_rng(s.seed)
    plan = s.schedule
    all_a, all_b = (
        whole_train(plan.train_a, plan.at_a_s, 0.0),
        whole_train(plan.train_b, plan.at_b_s, 0.0),
    )
    rate_b = 1 - s.skew_ppm * 1e-6  # of B's clock against A's
    out_a, in_a = 0.55 * s.latency_s, 0.45 * s.latency_s
    out_b, in_b = 0.6 * s.latency_b_s, 0.4 * s.latency_b_s
    air, air_a = s.geometry.distance_m / SOUND_M_S, s.own_distance_m / SOUND_M_S
    air_b = s.geometry.partner_distance_m / SOUND_M_S
    own = s.own_drift_ppm
    both = 1e6 * ((1 + own * 1e-6) * rate_b - 1)

    def hear(spec: StimulusSpec, latency: float, ppm: float, db: float, rate: int, path: int):
        tap = (-1.0 if s.inverted else 1.0) * 10 ** (db / 20) / spec.amplitude
        way = channel.Channel(
            latency_s=latency,
            drift_ppm=ppm,
            taps=((0.0, tap), (s.reflection[0] * (1 + 0.3 * path), tap * s.reflection[1])),
            rt60_s=s.rt60_s,
            tail_db=s.tail_db,
            eq_seed=1000 * s.seed + path if s.eq else None,
            eq_corner_hz=300.0,
        )
        return channel.hear(spec, way, rate, plan.duration_s, rng)

    a = _noise(rng, s.rate_a_hz, plan.duration_s, s.noise_db)
    if not s.mute_a:
        a += hear(all_a, s.latency_s + air_a, own, s.own_db, s.rate_a_hz, 0)
    if not s.mute_b:
        late = s.offset_s + out_b / rate_b + air + in_a
        a += hear(all_b, late, 1e6 * (1 / rate_b - 1), s.far_db, s.rate_a_hz, 1)
    b = _noise(rng, s.rate_b_hz, plan.duration_s, s.noise_b_db)
    if not s.mute_a:
        early = (out_a + air - s.offset_s) * rate_b + in_b
        b += hear(all_a, early, both, s.b_far_db, s.rate_b_hz, 2)
    if not s.mute_b:
        b += hear(all_b, s.latency_b_s + air_b * rate_b, 0.0, s.b_own_db, s.rate_b_hz, 3)
    far = np.zeros(a.size, np.float32)
    played = render_train(all_a, s.rate_a_hz)
    far[: played.size] = played
    near = process(s.effects, s.rate_a_hz, _int16(a), far)
    return Exchange(
        audio_a=mono_audio(near, s.rate_a_hz),
        audio_b=mono_audio(_int16(b), s.rate_b_hz),
        latency_s=s.latency_s + processing_delay_s(s.effects, s.rate_a_hz),
    )


def process(effects: str, rate_hz: int, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """The real AEC3, NS and AGC2, in frames of 10 ms; float32."""
    if not effects:
        return near
    more = "ns" in effects
    chain = pywebrtc_audio.AudioProcessor(
        rate_hz, 1, echo_cancellation="aec" in effects, noise_suppression=more,
        auto_gain_control=more,
    )  # fmt: skip
    n = near.size // (rate_hz // 100) * (rate_hz // 100)
    return np.asarray(chain.process(near[:n], far[:n]), np.float32)


@lru_cache
def processing_delay_s(effects: str, rate_hz: int) -> float:
    """How late near-end sound leaves the processing: peak of the envelope of the correlation."""
    if not effects:
        return 0.0
    sound = 0.1 * render_train(make_train(5, rate_hz=rate_hz, lead_in_s=1.0), rate_hz)
    heard = process(effects, rate_hz, sound, np.zeros_like(sound))
    size = fft.next_fast_len(2 * sound.size)
    cross = fft.fft(heard, size) * np.conj(fft.fft(sound, size))
    cross /= np.abs(cross) + 1e-3 * np.abs(cross).max()
    f = fft.fftfreq(size, 1 / rate_hz)
    cross[(f < 500) | (f > 0.4 * rate_hz)] = 0
    fine = 8
    padded = np.zeros(size * fine, complex)
    padded[: size // 2] = cross[: size // 2]
    env = np.abs(fft.ifft(padded))[: rate_hz * fine // 10]
    return float(np.argmax(env)) / (rate_hz * fine)


def random_scene(seed: int, **fixed: object) -> Scene:
    """Everything drawn at random within the issue's range; phones with effects on."""
    rng = np.random.default_rng(seed)
    rate_a = int(rng.choice([16_000, 48_000]))
    short = bool(rng.random() < 0.7)
    far_db = float(rng.uniform(-36, -14))
    scene = Scene(
        schedule=exchange_schedule(seed, rate_a, 48_000, short=short),
        rate_a_hz=rate_a,
        latency_s=float(rng.uniform(0.02, 0.8)),
        latency_b_s=float(rng.uniform(0.005, 0.25)),
        offset_s=float(rng.uniform(-2.5, 2.5) if short else rng.uniform(-9.0, 9.0)),
        skew_ppm=float(rng.uniform(-150, 150)),
        geometry=Geometry(float(rng.uniform(0.1, 1.5)), float(rng.uniform(0.05, 0.3))),
        own_distance_m=float(rng.uniform(0.05, 0.2)),
        effects=str(rng.choice(EFFECTS[1:])),
        own_db=float(rng.uniform(-24, -3)),
        far_db=far_db,
        b_own_db=float(rng.uniform(-24, -6)),
        b_far_db=float(rng.uniform(-40, -18)),
        noise_db=float(far_db - rng.uniform(20, 50)),
        noise_b_db=float(rng.uniform(-85, -55)),
        rt60_s=float(rng.uniform(0.15, 0.5)),
        tail_db=float(rng.uniform(-12, 0)),
        reflection=(float(rng.uniform(3e-4, 4e-3)), float(rng.uniform(-0.8, 0.8))),
        eq=bool(rng.random() < 0.5),
        inverted=bool(rng.random() < 0.3),
        seed=seed,
    )
    return replace(scene, **fixed)  # type: ignore[arg-type]


def _noise(rng: np.random.Generator, rate_hz: int, duration_s: float, level_db: float):
    return 10 ** (level_db / 20) * rng.standard_normal(round(rate_hz * duration_s))


def _int16(x: np.ndarray) -> np.ndarray:
    return (np.round(np.clip(x, -1, 32767 / 32768) * 32768) / 32768).astype(np.float32)


@dataclass(frozen=True, slots=True)
class BurstScene:
    """One device alone: its echo path and its processing."""

    spec: StimulusSpec
    rate_hz: int
    way: channel.Channel
    effects: str
    noise_db: float
    seed: int


def random_burst_scene(seed: int, **fixed: object) -> BurstScene:
    """A device in its room, echo delays of 20 to 800 ms."""
    rng = np.random.default_rng([seed, 77])
    rate = int(rng.choice([16_000, 48_000]))
    gain = 10 ** (rng.uniform(-30, -3) / 20) / 0.9 * rng.choice([-1, 1])
    late, weak = rng.uniform(3e-4, 8e-3), rng.uniform(-0.9, 0.9)
    scene = BurstScene(
        spec=burst_train(seed, rate),
        rate_hz=rate,
        way=channel.Channel(
            latency_s=float(rng.uniform(0.02, 0.8)),
            drift_ppm=float(rng.choice([0.0, 0.0, rng.uniform(-60, 60)])),
            taps=((0.0, gain), (float(late), float(gain * weak))),
            rt60_s=float(rng.uniform(0.15, 0.6)),
            tail_db=float(rng.uniform(-12, 3)),
            eq_seed=seed if rng.random() < 0.5 else None,
            eq_corner_hz=300.0,
        ),
        effects=str(rng.choice(EFFECTS[1:])),
        noise_db=float(rng.uniform(-80, -50)),
        seed=seed,
    )
    return replace(scene, **fixed)  # type: ignore[arg-type]


def simulate_burst(scene: BurstScene) -> tuple[Audio, float]:
    """The recording and the true latency in seconds, processing included."""
    rng = np.random.default_rng([scene.seed, 78])
    duration_s = scene.spec.duration_s + 1.6
    x = channel.hear(scene.spec, scene.way, scene.rate_hz, duration_s, rng)
    x += _noise(rng, scene.rate_hz, duration_s, scene.noise_db)[: x.size]
    far = np.zeros(x.size, np.float32)
    played = render_train(scene.spec, scene.rate_hz)
    far[: played.size] = played
    near = process(scene.effects, scene.rate_hz, _int16(x), far)
    truth = scene.way.latency_s + processing_delay_s(scene.effects, scene.rate_hz)
    return mono_audio(near, scene.rate_hz), truth
