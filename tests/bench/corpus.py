"""The impairment corpus: conditions with random parameters and exact truth.

``signal_case(condition, seed)`` and ``empty_case(kind, seed)`` are pure functions of their
arguments. Seeds below two million were used while tuning, larger ones only for acceptance.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import faults
import numpy as np
import sounds
from channel import Channel, hear, random_channel
from scipy import signal

from profiler.model import StimulusSpec
from profiler.stimulus import make_train, render
from profiler.wav import Audio, mono_audio

Rng = np.random.Generator
ACCEPT_SEED = 2_000_000


@dataclass(frozen=True, slots=True)
class Truth:
    latency_ms: float
    drift_ppm: float
    events: tuple[faults.Event, ...] = ()
    polarity: int = 1
    snr_db: float | None = None
    wideband: bool = True
    eq: bool = False
    exact_drift: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    condition: str
    seed: int
    audio: Audio
    spec: StimulusSpec
    truth: Truth | None


@dataclass
class Recipe:
    """What a condition chooses; ``build`` applies it in physical order."""

    channel: Channel
    rate_hz: int = 48_000
    noise: list[tuple[Callable[..., np.ndarray], float]] = field(default_factory=list)
    """(sound, SNR in dB: chirp mean square over the sound's mean square)."""
    neighbour_db: float | None = None
    level_dbfs: float | None = None
    int16: bool = True
    clip_db: float = 0.0
    dc: float = 0.0
    edits: list[Callable[[np.ndarray, int, Rng], tuple[np.ndarray, faults.Event]]] = field(
        default_factory=list
    )
    process: Callable[[np.ndarray, int, Rng], np.ndarray] | None = None
    wideband: bool = True
    exact_drift: bool = True
    spec_rate_hz: int = 48_000


def _snr(rng: Rng, lo: float = 15, hi: float = 45) -> list[tuple[Callable[..., np.ndarray], float]]:
    return [(sounds.white, float(rng.uniform(lo, hi)))]


def _taps(
    rng: Rng, n: int, lo_db: float, hi_db: float, span_s: float
) -> tuple[tuple[float, float], ...]:
    out = [(0.0, 1.0)]
    for _ in range(n):
        gain = 10 ** (rng.uniform(lo_db, hi_db) / 20) * rng.choice([-1, 1])
        out.append((float(rng.uniform(0.0003, span_s)), float(gain)))
    return tuple(out)


def _room(rng: Rng) -> dict[str, object]:
    return {
        "taps": _taps(rng, int(rng.integers(2, 7)), -16, -5, 0.012),
        "rt60_s": float(rng.uniform(0.2, 0.8)),
        "tail_db": float(rng.uniform(-15, -4)),
    }


def _weak_direct(rng: Rng) -> dict[str, object]:
    strongest = (float(rng.uniform(0.0005, 0.010)), float(10 ** (rng.uniform(3, 12) / 20)))
    more = _taps(rng, int(rng.integers(0, 3)), -12, -4, 0.015)[1:]
    return {"taps": ((0.0, 1.0), strongest, *more)}


def _eq(rng: Rng, *, corner: bool = True) -> dict[str, object]:
    return {
        "eq_seed": int(rng.integers(1 << 31)),
        "eq_corner_hz": float(rng.uniform(300, 900)) if corner else 0.0,
    }


# --- voice processing -----------------------------------------------------------------------------


def agc(x: np.ndarray, rate: int, rng: Rng) -> np.ndarray:
    """Fast attack, slow release towards a fixed level, up to 30 dB of gain."""
    hop = rate // 200
    level = np.sqrt(np.mean(np.square(x[: x.size // hop * hop].reshape(-1, hop)), axis=1)) + 1e-6
    target, top = 0.15, float(10 ** (rng.uniform(6, 30) / 20))
    attack, release = float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.002, 0.02))
    g, gains = 1.0, np.empty(level.size)
    for i, lv in enumerate(level):
        want = min(top, target / lv)
        g += (attack if want < g else release) * (want - g)
        gains[i] = g
    curve = np.interp(np.arange(x.size), np.arange(level.size) * hop + hop / 2, gains)
    return x * curve


def gate(x: np.ndarray, rate: int, rng: Rng) -> np.ndarray:
    """A noise gate that closes below a threshold with 10 ms attack and 50-150 ms hold."""
    hop = rate // 200
    level = np.sqrt(np.mean(np.square(x[: x.size // hop * hop].reshape(-1, hop)), axis=1))
    opened = level > np.quantile(level, 0.9) * 10 ** (-rng.uniform(10, 25) / 20)
    hold = int(rng.uniform(10, 30))
    opened = np.convolve(opened, np.ones(hold), "full")[: opened.size] > 0
    g = np.convolve(opened.astype(float), np.ones(3) / 3, "same")
    curve = np.interp(np.arange(x.size), np.arange(g.size) * hop + hop / 2, g)
    return x * np.maximum(curve, 0.003)


def suppressor(x: np.ndarray, rate: int, rng: Rng) -> np.ndarray:
    """Spectral subtraction with a slowly tracked noise floor, at most 12 dB."""
    n, hop = 512, 256
    window = np.sqrt(np.hanning(n + 1)[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (n, n)), n)[::hop] * window
    spec = np.fft.rfft(frames, axis=1)
    floor = np.quantile(np.abs(spec), 0.3, axis=0) * 1.5
    gain = np.clip(1 - floor / (np.abs(spec) + 1e-9), 10 ** (-12 / 20), 1)
    out = np.fft.irfft(spec * gain, n, axis=1) * window
    y = np.zeros(out.shape[0] * hop + n)
    for i, f in enumerate(out):
        y[i * hop : i * hop + n] += f
    return y[n : n + x.size]


# --- timeline -------------------------------------------------------------------------------------


def _inside_chirp(rng: Rng, spec: StimulusSpec, latency_s: float, margin_s: float = 0.06) -> float:
    k = int(rng.integers(0, len(spec.starts_s)))
    t = spec.starts_s[k] + rng.uniform(margin_s, spec.chirp_s - margin_s)
    return float(t + latency_s)


def _between(rng: Rng, spec: StimulusSpec, latency_s: float) -> float:
    k = int(rng.integers(2, len(spec.starts_s) - 2))
    gap = spec.starts_s[k + 1] - spec.starts_s[k] - spec.chirp_s
    return float(spec.starts_s[k] + spec.chirp_s + latency_s + gap * rng.uniform(0.3, 0.6))


def _edit_condition(kind: str) -> Callable[[Rng, StimulusSpec], Recipe]:
    def make(rng: Rng, spec: StimulusSpec) -> Recipe:
        ch = random_channel(rng, **(_room(rng) if rng.random() < 0.5 else {}))
        r = Recipe(ch, noise=_snr(rng, 15, 40))
        lat = ch.latency_s
        count = int(rng.integers(1, 4)) if kind == "hole" else 1
        if kind in ("hole", "faded"):
            slots = rng.choice(len(spec.starts_s), size=count, replace=False)
            for k in slots:
                at = spec.starts_s[k] + rng.uniform(0.06, spec.chirp_s - 0.1) + lat
                ms = float(rng.uniform(3 if kind == "hole" else 8, 40))
                r.edits.append(
                    lambda x, rate, g, at=at, ms=ms: faults.hole(
                        x, rate, at, ms, faded=kind == "faded"
                    )
                )
            return r
        inside = _inside_chirp(rng, spec, lat)
        ms = float(rng.uniform(2, 40))
        frames, times = int(rng.choice([96, 192, 240, 480, 960, 1024])), int(rng.integers(1, 5))
        step = float(rng.uniform(2, 60) * rng.choice([-1, 1]))
        gap_at = _between(rng, spec, lat)
        r.edits.append(
            {
                "skip": lambda x, rate, g: faults.skip(x, rate, inside, ms),
                "insert": lambda x, rate, g: faults.insert(x, rate, inside, ms),
                "repeat": lambda x, rate, g: faults.repeat(x, rate, inside, frames, times),
                "jump": lambda x, rate, g: faults.jump(x, rate, gap_at, step),
            }[kind]
        )
        return r

    return make


def _white_at(snr_db: float) -> Callable[[Rng, StimulusSpec], Recipe]:
    return lambda rng, spec: Recipe(
        random_channel(rng), noise=[(sounds.white, snr_db)], int16=False
    )


def _interfered(
    sound: Callable[..., np.ndarray], lo: float, hi: float
) -> Callable[[Rng, StimulusSpec], Recipe]:
    def make(rng: Rng, spec: StimulusSpec) -> Recipe:
        noise = [(sound, float(rng.uniform(lo, hi))), (sounds.white, 35.0)]
        return Recipe(random_channel(rng, **_room(rng)), noise=noise)

    return make


def _captured_at(rate_hz: int) -> Callable[[Rng, StimulusSpec], Recipe]:
    return lambda rng, spec: Recipe(
        random_channel(rng), rate_hz=rate_hz, noise=_snr(rng), wideband=rate_hz >= 36_000
    )


def _cheap_phone(rng: Rng, spec: StimulusSpec) -> Recipe:
    ch = random_channel(
        rng, **_room(rng), **_eq(rng), distortion=1.5, latency_s=float(rng.uniform(0.15, 0.6))
    )
    r = Recipe(ch, noise=[(sounds.fan, 22.0)], process=agc, wideband=True)
    at = _inside_chirp(rng, spec, ch.latency_s, 0.1)
    ms = float(rng.uniform(5, 30))
    r.edits.append(lambda x, rate, g: faults.hole(x, rate, at, ms))
    return r


def _hold_images(x: np.ndarray, rate: int, rng: Rng) -> np.ndarray:
    """Captured at a third of the rate and brought back by linear interpolation: images above."""
    low = np.arange(0, x.size, 3)
    smooth = signal.resample_poly(x, 1, 3, window=("kaiser", 9.0))[: low.size]
    return np.interp(np.arange(x.size), low, smooth)


def _mixture(rng: Rng, spec: StimulusSpec) -> Recipe:
    """Several faults at once at moderate strength, picked at random: what a cheap phone is."""
    fixed: dict[str, object] = {}
    if rng.random() < 0.7:
        fixed |= _room(rng)
    if rng.random() < 0.4:
        fixed |= _weak_direct(rng) if rng.random() < 0.5 else {"distortion": rng.uniform(1, 3)}
    if rng.random() < 0.3:
        fixed["drift_ppm"] = float(rng.uniform(-300, 300))
    rate = int(rng.choice([16_000, 44_100, 48_000, 48_000]))
    sound = (sounds.white, sounds.pink, sounds.fan, sounds.babble)[int(rng.integers(4))]
    r = Recipe(
        random_channel(rng, **fixed), rate_hz=rate, noise=[(sound, float(rng.uniform(8, 25)))]
    )
    r.process = (None, agc, gate)[int(rng.integers(3))]
    r.wideband = rate > 36_000
    r.clip_db = float(rng.choice([0.0, 0.0, 3.0]))
    at = _inside_chirp(rng, spec, r.channel.latency_s, 0.1)
    ms = float(rng.uniform(5, 30))
    pick = int(rng.integers(4))
    if pick == 1:
        r.edits.append(lambda x, rate, g: faults.hole(x, rate, at, ms))
    elif pick == 2:
        r.edits.append(lambda x, rate, g: faults.skip(x, rate, at, ms))
    elif pick == 3:
        r.edits.append(lambda x, rate, g: faults.insert(x, rate, at, ms))
    return r


def _late(x: np.ndarray, rate: int, rng: Rng) -> np.ndarray:
    y = x.copy()
    y[: round(rng.uniform(0.3, 2.0) * rate)] = 0
    return y


def _cut(x: np.ndarray, rate: int, rng: Rng) -> np.ndarray:
    return x[: -round(rng.uniform(0.8, 2.2) * rate)]


CONDITIONS: dict[str, Callable[[Rng, StimulusSpec], Recipe]] = {
    **{f"white {s:+d} dB": _white_at(s) for s in (40, 20, 10, 0, -5, -10, -15)},
    "pink 0-20 dB": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=[(sounds.pink, float(g.uniform(0, 20)))]),
    "fan 0-20 dB": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=[(sounds.fan, float(g.uniform(0, 20)))]),
    "hum louder": lambda g, s: Recipe(random_channel(g), noise=[(sounds.hum, float(g.uniform(-20, 0))), (sounds.white, 30.0)]),
    "dc offset": lambda g, s: Recipe(random_channel(g), noise=_snr(g), dc=float(g.uniform(0.02, 0.1))),
    "clicks": lambda g, s: Recipe(random_channel(g), noise=[(sounds.clicks, float(g.uniform(-5, 15))), (sounds.white, 30.0)]),
    "speech": _interfered(sounds.speech, -15, 20),
    "babble": _interfered(sounds.babble, -12, 20),
    "music": _interfered(sounds.music, -12, 20),
    "neighbour train": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g), neighbour_db=float(g.uniform(-20, 0))),
    "room": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g)),
    "far room": lambda g, s: Recipe(random_channel(g, rt60_s=float(g.uniform(0.4, 1.0)), tail_db=float(g.uniform(-3, 5)), tail_start_s=0.003, taps=_taps(g, 6, -10, -2, 0.02)), noise=_snr(g)),
    "desk reflection": lambda g, s: Recipe(random_channel(g, taps=((0.0, 1.0), (float(g.uniform(0.0001, 0.002)), float(10 ** (g.uniform(-10, 3) / 20) * g.choice([-1, 1]))))), noise=_snr(g)),
    "weak direct": lambda g, s: Recipe(random_channel(g, **_weak_direct(g)), noise=_snr(g, 25, 45)),
    "inverted": lambda g, s: Recipe(random_channel(g, taps=((0.0, -1.0), (0.0015, -0.3))), noise=_snr(g)),
    "device eq": lambda g, s: Recipe(random_channel(g, **_eq(g)), noise=_snr(g)),
    "device eq + room": lambda g, s: Recipe(random_channel(g, **_eq(g), **_room(g)), noise=_snr(g)),
    "distortion": lambda g, s: Recipe(random_channel(g, distortion=float(g.uniform(1, 4))), noise=_snr(g)),
    "hard clip": lambda g, s: Recipe(random_channel(g), noise=_snr(g, 25, 45), clip_db=float(g.uniform(3, 20))),
    "agc": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g, 20, 40), process=agc),
    "noise gate": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g, 20, 40), process=gate),
    "suppressor": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=[(sounds.fan, float(g.uniform(5, 25)))], process=suppressor),
    "telephone band": lambda g, s: Recipe(random_channel(g, band_hz=(300, 3400)), rate_hz=16_000, noise=_snr(g), wideband=False),
    "telephone band + eq": lambda g, s: Recipe(random_channel(g, band_hz=(300, 3400), **_eq(g)), rate_hz=16_000, noise=_snr(g), wideband=False),
    "50-7000 Hz": lambda g, s: Recipe(random_channel(g, band_hz=(50, 7000), **_room(g)), rate_hz=16_000, noise=_snr(g), wideband=False),
    **{f"capture {r / 1000:g} kHz": _captured_at(r) for r in (8_000, 16_000, 24_000, 44_100, 96_000)},
    "stimulus 16 kHz": lambda g, s: Recipe(random_channel(g), noise=_snr(g), spec_rate_hz=16_000, wideband=False),
    "drift 50-300 ppm": lambda g, s: Recipe(random_channel(g, drift_ppm=float(g.uniform(50, 300) * g.choice([-1, 1]))), noise=_snr(g)),
    "asrc wander": lambda g, s: Recipe(random_channel(g, wander_s=float(g.uniform(20e-6, 100e-6)), wander_period_s=float(g.uniform(1, 20))), noise=_snr(g), exact_drift=False),
    **{f"edit {k}": _edit_condition(k) for k in ("hole", "faded", "skip", "insert", "repeat", "jump")},
    "late start": lambda g, s: Recipe(random_channel(g), noise=_snr(g), process=_late),
    "cut end": lambda g, s: Recipe(random_channel(g), noise=_snr(g), process=_cut),
    "bluetooth 0.6-1.5 s": lambda g, s: Recipe(random_channel(g, latency_s=float(g.uniform(0.6, 1.5)), band_hz=(50, 7000)), rate_hz=16_000, noise=_snr(g), wideband=False),
    "latency below 5 ms": lambda g, s: Recipe(random_channel(g, latency_s=float(g.uniform(0, 0.005))), noise=_snr(g)),
    "quiet -60 dBFS": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g, 10, 30), level_dbfs=float(g.uniform(-60, -40)), int16=False),
    "cheap phone": _cheap_phone,
    "loud speech": _interfered(sounds.speech, -20, -15),
    "images": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g), process=_hold_images, wideband=False),
    "16 bit at -60 dBFS": lambda g, s: Recipe(random_channel(g, **_room(g)), noise=_snr(g, 10, 30), level_dbfs=-60.0),
    "8 kHz, room, noise": lambda g, s: Recipe(random_channel(g, **_room(g)), rate_hz=8_000, noise=[(sounds.pink, float(g.uniform(0, 15)))], wideband=False),
    "mixture": _mixture,
}  # fmt: skip


def signal_case(condition: str, seed: int) -> Case:
    """One recording that holds the stimulus."""
    rng = np.random.default_rng([seed, zlib.crc32(condition.encode())])
    probe = make_train(seed)
    recipe = CONDITIONS[condition](rng, probe)
    spec = make_train(seed, rate_hz=recipe.spec_rate_hz)
    ch, rate = recipe.channel, recipe.rate_hz
    duration_s = spec.duration_s + ch.latency_s + 0.4
    x = hear(spec, ch, rate, duration_s, rng)
    power = _chirp_power(x, spec, ch, rate)
    for sound, snr_db in recipe.noise:
        y = sound(x.size, rate, rng)
        x = x + sounds.unit(y) * np.sqrt(power * 10 ** (-snr_db / 10))
    if recipe.neighbour_db is not None:
        x = x + _neighbour(seed, recipe, rate, duration_s, rng, power)
    if recipe.process is not None:
        x = recipe.process(x, rate, rng)
    events = []
    for edit in recipe.edits:
        x, event = edit(x, rate, rng)
        events.append(event)
    x = _to_capture(x, recipe, rng)
    truth = Truth(
        latency_ms=1000 * ch.latency_s,
        drift_ppm=ch.drift_ppm,
        events=tuple(events),
        polarity=1 if ch.taps[0][1] > 0 else -1,
        snr_db=min(s for _, s in recipe.noise),
        wideband=recipe.wideband,
        eq=ch.eq_seed is not None,
        exact_drift=recipe.exact_drift,
    )
    return Case(condition, seed, mono_audio(x, rate), spec, truth)


def _chirp_power(x: np.ndarray, spec: StimulusSpec, ch: Channel, rate: int) -> float:
    a = round((ch.latency_s + spec.starts_s[0]) * rate)
    return float(np.mean(np.square(x[a : a + round(spec.chirp_s * rate)])))


def _neighbour(
    seed: int, recipe: Recipe, rate: int, duration_s: float, rng: Rng, power: float
) -> np.ndarray:
    other = make_train(seed + 7919, rate_hz=recipe.spec_rate_hz)
    ch = random_channel(rng, **_room(rng))
    y = hear(other, replace(ch, latency_s=float(rng.uniform(0, 1.0))), rate, duration_s, rng)
    own = float(np.mean(np.square(render(other, rate)))) / (
        len(other.starts_s) * other.chirp_s / other.duration_s
    )
    gain = np.sqrt(power / own) * 10 ** ((recipe.neighbour_db or 0.0) / 20)
    return y * gain


def _to_capture(x: np.ndarray, recipe: Recipe, rng: Rng) -> np.ndarray:
    peak = float(np.abs(x).max()) or 1.0
    if recipe.clip_db:
        ceiling = np.quantile(np.abs(x), 0.999) * 10 ** (-recipe.clip_db / 20)
        x = np.clip(x, -ceiling, ceiling)
        peak = ceiling
    level = recipe.level_dbfs if recipe.level_dbfs is not None else float(rng.uniform(-30, -1))
    x = x / peak * 10 ** (level / 20) * (1 - recipe.dc) + recipe.dc
    if recipe.int16:
        x = np.round(np.clip(x, -1, 32767 / 32768) * 32768) / 32768
    return x


# --- no stimulus ----------------------------------------------------------------------------------


def _other_train(n: int, rate: int, rng: Rng) -> np.ndarray:
    other = make_train(int(rng.integers(1 << 30)))
    x = hear(other, random_channel(rng, **_room(rng)), rate, n / rate, rng)
    return sounds.unit(x)


def _two_trains(n: int, rate: int, rng: Rng) -> np.ndarray:
    return _other_train(n, rate, rng) + _other_train(n, rate, rng)


def _reversed(n: int, rate: int, rng: Rng, spec: StimulusSpec) -> np.ndarray:
    x = render(spec, rate)[::-1].astype(float)
    out = np.zeros(n)
    at = int(rng.uniform(0, 0.5) * rate)
    m = min(x.size, n - at)
    out[at : at + m] = x[:m]
    return sounds.unit(out)


EMPTY: dict[str, Callable[..., np.ndarray]] = {
    "silence": lambda n, r, g, s: np.zeros(n),
    "white noise": lambda n, r, g, s: sounds.white(n, r, g),
    "pink noise": lambda n, r, g, s: sounds.pink(n, r, g),
    "speech": lambda n, r, g, s: sounds.speech(n, r, g),
    "babble": lambda n, r, g, s: sounds.babble(n, r, g),
    "music": lambda n, r, g, s: sounds.music(n, r, g),
    "hum and clicks": lambda n, r, g, s: sounds.hum(n, r, g) + 5 * sounds.clicks(n, r, g),
    "other chirps": lambda n, r, g, s: sounds.sweeps(n, r, g),
    "another train": lambda n, r, g, s: _other_train(n, r, g),
    "two other trains": lambda n, r, g, s: _two_trains(n, r, g),
    "stimulus reversed": _reversed,
}


def empty_case(kind: str, seed: int) -> Case:
    """One recording without the stimulus."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), 1])
    spec = make_train(seed)
    rate = int(rng.choice([16_000, 44_100, 48_000, 48_000]))
    n = round((spec.duration_s + rng.uniform(0.2, 1.0)) * rate)
    x = EMPTY[kind](n, rate, rng, spec)
    if kind != "silence" and rng.random() < 0.7:
        x = x + sounds.white(n, rate, rng) * 10 ** (-rng.uniform(5, 50) / 20)
    x = x / (np.abs(x).max() or 1.0) * 10 ** (-rng.uniform(1, 40) / 20)
    x = np.round(x * 32768) / 32768
    return Case(kind, seed, mono_audio(x, rate), spec, None)
