"""Accuracy of the sound, near-end and pitch analyses on simulated paths with a known truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from catalogue_runs import number, phone, run_test

from device_probes.virtual.acoustics import Timing, _response, capture
from device_probes.virtual.effects import automatic_gain, suppress_noise
from device_probes.virtual.spec import Acoustics
from profiler.analysis.sound import measure_near_end, measure_sound
from profiler.catalogue.trains import response_sweep
from profiler.model import NearEndFindings, NoiseSpec, SoundFindings
from profiler.stimulus import noise, render, speech
from profiler.wav import Audio

RATE = 48_000
ORDERS = (2, 3, 4, 5)
EDGE_DB = -10.0
NEAR_KINDS = (
    "quiet", "room", "far end alike", "far end +10 dB", "room noise", "gain control", "suppression",
    "8 kHz",
)  # fmt: skip


# --- response, edges, distortion, noise ----------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """One drawn path and what is true of it."""

    audio: Audio
    hz: np.ndarray
    gain: np.ndarray
    """|H|² for the fundamental: the linear path, and what the distortion takes."""
    thd_percent: float
    noise_dbfs: float
    edges_hz: tuple[float | None, float | None]

    def band_db(self, centre_hz: float) -> float:
        """True level of a third-octave band."""
        half = 10**0.05
        inside = (self.hz >= centre_hz / half) & (self.hz < centre_hz * half)
        return 10 * math.log10(float(self.gain[inside].mean()))


def draw_path(seed: int) -> Path:
    """A phone-like path: high-pass, band limit, resonance, reflection, room, distortion, noise."""
    rng = np.random.default_rng([seed, 701])
    acoustics = Acoustics(
        level_dbfs=float(rng.uniform(-32, -16)),
        highpass_hz=float(rng.uniform(120, 700)) if rng.random() < 0.7 else None,
        highpass_order=int(rng.integers(2, 4)),
        capture_band_hz=(60.0, float(rng.choice([3600, 5500, 7400, 9500, 14_000])))
        if rng.random() < 0.6
        else None,
        resonances=((float(rng.uniform(900, 5000)), 2.0, float(rng.uniform(-4, 6))),),
        reflections=((float(rng.uniform(0.3, 2.0)), float(rng.uniform(-18, -8))),),
        rt60_s=float(rng.uniform(0.15, 0.4)) if rng.random() < 0.6 else None,
        reverb_db=float(rng.uniform(-14, -6)),
        drive=float(rng.choice([0.0, 0.5, 1.0, 2.0])),
    )
    noise_dbfs = float(rng.uniform(-80, -58))
    spec = response_sweep(seed, RATE)
    frames = round(spec.duration_s * RATE)
    drift = float(rng.uniform(-150, 150))
    heard = capture(
        render(spec, RATE), RATE, frames, RATE, acoustics=acoustics,
        timing=Timing(float(rng.uniform(0.02, 0.4)), drift), room_seed=seed,
    )  # fmt: skip
    heard = heard + (10 ** (noise_dbfs / 20) * rng.standard_normal(frames)).astype(np.float32)
    geometry, response = _response(acoustics, RATE, RATE, seed)
    hz = np.fft.rfftfreq(geometry.block, 1 / RATE)
    linear = np.square(np.abs(response).astype(float))
    series = _series(acoustics.drive, spec.amplitude)
    gain = linear * series[1] ** 2
    return Path(
        Audio(np.clip(heard, -1, 1)[:, None], RATE),
        hz,
        gain,
        _thd_percent(series, hz, linear, 0.94 * spec.f_hi_hz),
        noise_dbfs,
        _edges(hz, gain),
    )


def _series(drive: float, amplitude: float) -> np.ndarray:
    """Fourier series of the distorted sine; 1 = the amplitude of the undistorted one."""
    if drive == 0:
        return np.eye(1, ORDERS[-1] + 1, 1)[0]
    phase = 2 * np.pi * np.arange(4096) / 4096
    wave = np.tanh(drive * amplitude * np.sin(phase)) / (drive * amplitude)
    return np.abs(np.fft.rfft(wave))[: ORDERS[-1] + 1] / 2048


def _thd_percent(series: np.ndarray, hz: np.ndarray, linear: np.ndarray, top_hz: float) -> float:
    """Each harmonic through the linear path, over 300 Hz to 3 kHz."""
    fundamentals = np.geomspace(300, 3000, 2000)
    power = np.zeros(fundamentals.size)
    for order in ORDERS:
        at = order * fundamentals
        power += np.where(at < top_hz, series[order] ** 2 * np.interp(at, hz, linear), 0)
    base = series[1] ** 2 * np.interp(fundamentals, hz, linear)
    return 100 * math.sqrt(float(power.mean()) / float(base.mean()))


def _edges(hz: np.ndarray, gain: np.ndarray) -> tuple[float | None, float | None]:
    """Outermost frequencies above -10 dB of the 500 Hz to 2 kHz median, smoothed a little."""
    at = np.geomspace(95, 18_500, 1500)
    curve = np.array([gain[(hz >= f / 1.01) & (hz < f * 1.01)].mean() for f in at])
    limit = np.median(gain[(hz >= 500) & (hz <= 2000)]) * 10 ** (EDGE_DB / 10)
    loud = np.flatnonzero(curve >= limit)
    lo = None if loud[0] == 0 else float(at[loud[0]])
    hi = None if loud[-1] == at.size - 1 else float(at[loud[-1]])
    return lo, hi


@dataclass(frozen=True)
class PathScore:
    """Errors of one path."""

    found: SoundFindings
    band_db: list[float]
    edge_percent: list[float]
    noise_db: float
    thd_ratio: float | None
    """Measured over true; ``None`` = not measured."""
    thd_bound_holds: bool


def score_path(seed: int) -> PathScore:
    """Analyse one drawn path."""
    path = draw_path(seed)
    found = measure_sound(path.audio, response_sweep(seed, RATE))
    clear = [
        (centre, level)
        for centre, level, snr in zip(
            found.bands_hz, found.response_db, found.response_snr_db, strict=True
        )
        if snr > 10
    ]
    edges = zip(path.edges_hz, (found.edge_lo_hz, found.edge_hi_hz), strict=True)
    bound = found.thd_bound_percent
    return PathScore(
        found,
        [abs(level - path.band_db(centre)) for centre, level in clear],
        [100 * abs(got / true - 1) for true, got in edges if true is not None and got is not None],
        abs((found.noise_dbfs or 0.0) - path.noise_dbfs),
        None
        if found.thd_percent is None or path.thd_percent == 0
        else found.thd_percent / path.thd_percent,
        bound is None or bound >= 0.9 * path.thd_percent,
    )


# --- the near end --------------------------------------------------------------------------------


@dataclass(frozen=True)
class NearScore:
    """One near-end take."""

    kind: str
    found: NearEndFindings
    gain_error_db: float | None
    """``None`` = not measured, or the processing has no one gain."""
    delay_error_ms: float | None
    lost_error: float | None


def score_near(seed: int, kind: str) -> NearScore:
    """Speech of another device through the air, beside what ``kind`` says."""
    rng = np.random.default_rng([seed, 702])
    voice = speech(RATE, seed, 9.0, languages=("en", "de", "fr")) if seed % 2 else _voice(seed)
    known = render(voice, RATE)
    rate_in = 8000 if kind == "8 kHz" else RATE
    room = Acoustics(
        level_dbfs=-30.0,
        highpass_hz=None if kind == "quiet" else float(rng.uniform(150, 400)),
        rt60_s=None if kind == "quiet" else float(rng.uniform(0.2, 0.5)),
        reverb_db=float(rng.uniform(-10, -4)),
        reflections=((float(rng.uniform(0.5, 3)), float(rng.uniform(-10, -4))),),
    )
    delay_s, drift = float(rng.uniform(-1.0, 2.0)), float(rng.uniform(-150, 150))
    frames = round(12.0 * rate_in)
    near = capture(
        known, RATE, frames, rate_in, acoustics=room, timing=Timing(delay_s, drift), room_seed=seed
    )
    true_db = _level_db(near, known, rate_in, delay_s, room, seed)
    heard, keep = _disturbed(near, kind, rate_in, rng, seed)
    found = measure_near_end(Audio(heard[:, None], rate_in), known, RATE, from_partner=True)
    one_gain = kind not in ("gain control", "suppression")
    return NearScore(
        kind,
        found,
        None if found.speech_gain_db is None or not one_gain else found.speech_gain_db - true_db,
        None if found.delay_ms is None else found.delay_ms - 1000 * delay_s,
        None if found.lost_fraction is None or not one_gain else found.lost_fraction - keep,
    )


def _voice(seed: int) -> NoiseSpec:
    return noise(seed, RATE, 9.0, colour="voice", spans_s=((0.3, 3.0), (3.6, 6.0), (6.6, 8.8)))


def _level_db(
    near: np.ndarray, known: np.ndarray, rate_in: int, delay_s: float, room: Acoustics, seed: int
) -> float:
    """True gain: the linear path without its late tail, for this voice, in the analysed band."""
    geometry, response = _response(room, RATE, min(rate_in, RATE), seed)
    lags = np.fft.irfft(response, geometry.block)
    lags[round(0.06 * RATE) : -round(0.006 * RATE)] = 0
    size = 1 << math.ceil(math.log2(known.size + geometry.block))
    spectrum = np.fft.rfft(known.astype(float), size)
    hz = np.fft.rfftfreq(size, 1 / RATE)
    inside = (hz >= 100) & (hz <= min(6400, 0.42 * rate_in))
    wide = np.zeros(size)
    half = geometry.block // 2
    wide[:half], wide[-half:] = lags[:half], lags[-half:]
    through = spectrum * np.fft.rfft(wide)
    power = np.sum(np.square(np.abs(through[inside]))) / np.sum(np.square(np.abs(spectrum[inside])))
    return 10 * math.log10(float(power))


def _disturbed(
    near: np.ndarray, kind: str, rate: int, rng: np.random.Generator, seed: int
) -> tuple[np.ndarray, float]:
    """The recording, and the share of the voice that is lost in it."""
    level = {"room noise": -48.0}.get(kind, -70.0)
    heard = near + (10 ** (level / 20) * rng.standard_normal(near.size)).astype(np.float32)
    if kind.startswith("far end"):
        far = render(speech(RATE, seed + 1000, 11.0, languages=("cmn", "hi")), RATE)
        own = Acoustics(level_dbfs=-30.0 + (10 if "+10" in kind else 0), rt60_s=0.3, reverb_db=-8)
        heard = heard + capture(
            far, RATE, near.size, rate, acoustics=own, timing=Timing(0.09), room_seed=seed + 1
        )
    if kind == "gain control":
        heard = automatic_gain(heard.astype(np.float32), rate, 15.0)
    if kind == "suppression":
        heard = suppress_noise(heard.astype(np.float32), rate, 12.0)
    return np.clip(heard, -1, 1).astype(np.float32), 0.0


# --- cold start, rates, presets on virtual phones ------------------------------------------------


@dataclass(frozen=True)
class PhoneScore:
    """One virtual phone through L6 and L7."""

    cold_error_ms: float
    lost_inside: bool
    added_error_ms: float
    pitch_error_ppm: float


def score_phone(seed: int) -> PhoneScore:
    """A phone whose cold start, rate converter and wrong rate are drawn."""
    rng = np.random.default_rng([seed, 703])
    wake, later = int(rng.integers(0, 900)), int(rng.integers(0, 600))
    extra = float(rng.integers(0, 250))
    granted, true = ((24_000, 16_000), (44_100, 48_000), (16_000, 8000))[seed % 3]
    swept = next(r for r in (16_000, 24_000) if r != granted)
    latency = float(rng.uniform(20, 150))
    with phone(
        f"[phone.streams]\nrates_hz=[8000,16000,24000,44100,48000]\n"
        f"wrong_rates_hz=[[{granted},{true}]]\n"
        f"[phone.start]\nfirst_nonzero_ms={wake}\nlater_extra_ms={later}\n",
        latency=f"api_ms={{aaudio={latency}}}\nspread='none'\nrate_extra_ms=[[{swept},{extra}]]",
        seed=seed,
    ) as (driver, facts):
        cold, _ = run_test(driver, facts, "L6")
        truth = driver.phone.truths[0]
        rates, _ = run_test(driver, facts, "L7")
    assert truth.start is not None
    # The own sound is heard from the moment the microphone is awake, or after the round trip.
    heard_ms = max(float(truth.start.first_nonzero_ms), 50.0 + truth.latency_ms)
    got = number(cold, "cold_start_ms[start=first]")
    lost = next(m for m in cold.measurements if m.name == "input_lost_ms[start=first]")
    true_lost = heard_ms - 50.0 - truth.latency_ms
    return PhoneScore(
        abs(got - heard_ms),
        abs(lost.value - true_lost) <= 1.0 + 3 * (lost.sigma or 0.0),
        abs(number(rates, f"added_ms[rate={swept}]") - _added_ms(extra, swept)),
        1e4 * abs(number(rates, f"pitch_error_percent[rate={granted}]")
                  - 100 * abs(granted / true - 1)),
    )  # fmt: skip


def _added_ms(extra_ms: float, rate_hz: int) -> float:
    """A converter's own delay; the virtual phone's bursts keep their frames, so they last longer
    at a lower rate, but the two bursts of the default buffer are in its latency already."""
    return extra_ms


# --- the table -----------------------------------------------------------------------------------

Row = tuple[str, str, str, bool]


def rows(seeds: Iterable[int]) -> list[Row]:
    """(what, reached, target, whether it was reached) over ``seeds``; targets are proposals."""
    used = list(seeds)
    few = used[: max(2, len(used) // 3)]
    return [*_path_rows(used), *_near_rows(used), *_absent_rows(used), *_phone_rows(few)]


def _path_rows(seeds: list[int]) -> list[Row]:
    scores = [score_path(s) for s in seeds]
    bands = np.array([e for s in scores for e in s.band_db])
    edges = np.array([e for s in scores for e in s.edge_percent])
    floor = np.array([s.noise_db for s in scores if s.found.noise_dbfs is not None])
    thd = np.array([abs(s.thd_ratio - 1) for s in scores if s.thd_ratio is not None])
    found = sum(bool(s.found.bands_hz) for s in scores)
    bounds = sum(not s.thd_bound_holds for s in scores)
    return [
        _row("V5: sweeps measured", found / len(scores), 0.98, "{:.1%}", larger=True),
        _row("V5: third-octave level, p95 error", _q(bands, 0.95), 1.0, "{:.2f} dB"),
        _row("V5: -10 dB edges, p95 error", _q(edges, 0.95), 5.0, "{:.1f} %"),
        _row("V5: noise floor, largest error", float(floor.max(initial=0.0)), 0.5, "{:.2f} dB"),
        _row("V5: THD where measured, p95 relative error", 100 * _q(thd, 0.95), 15.0, "{:.1f} %"),
        _row("V5: true THD above the stated bound", float(bounds), 0.0, "{:.0f}"),
    ]


def _near_rows(seeds: list[int]) -> list[Row]:
    scores = [score_near(s, kind) for kind in NEAR_KINDS for s in seeds]
    gain = np.array([abs(s.gain_error_db) for s in scores if s.gain_error_db is not None])
    delay = np.array([abs(s.delay_error_ms) for s in scores if s.delay_error_ms is not None])
    lost = np.array([abs(s.lost_error) for s in scores if s.lost_error is not None])
    found = sum(s.found.speech_gain_db is not None for s in scores)
    return [
        _row("near end: voices found", found / len(scores), 0.98, "{:.1%}", larger=True),
        _row("near end: gain, median error", float(np.median(gain)), 0.3, "{:.2f} dB"),
        _row("near end: gain, p95 error", _q(gain, 0.95), 1.0, "{:.2f} dB"),
        _row("near end: delay, largest error", float(delay.max(initial=0.0)), 3.0, "{:.2f} ms"),
        _row("near end: lost share where none is, largest", float(lost.max(initial=0.0)), 0.05,
             "{:.3f}"),
    ]  # fmt: skip


def absent(seed: int) -> list[tuple[str, bool]]:
    """(kind, whether something was taken for the voice or the sweep) without either."""
    rng = np.random.default_rng([seed, 704])
    frames = 11 * RATE
    far = render(speech(RATE, seed, 10.0, languages=("cmn", "hi")), RATE)
    other = response_sweep(seed, RATE)
    sounds = {
        "noise": 0.02 * rng.standard_normal(frames),
        "other speech": np.pad(far, (0, frames - far.size)),
        "voice noise": np.resize(render(noise(seed + 5, RATE, 10.0, colour="voice"), RATE), frames),
    }
    known = render(speech(RATE, seed, 9.0, languages=("en", "de", "fr")), RATE)
    voice = render(_voice(seed), RATE)
    taken = []
    for kind, sound in sounds.items():
        heard = (sound + 1e-4 * rng.standard_normal(frames)).astype(np.float32)
        audio = Audio(heard[:, None], RATE)
        taken.append((f"sweep in {kind}", bool(measure_sound(audio, other).bands_hz)))
        for name, near in (("speech", known), ("voice-like noise", voice)):
            for partner in (False, True):
                found = measure_near_end(audio, near, RATE, from_partner=partner)
                taken.append((f"{name} in {kind}", found.speech_gain_db is not None))
    return taken


def _absent_rows(seeds: list[int]) -> list[Row]:
    taken = [one for s in seeds for one in absent(s)]
    wrong = sum(found for _, found in taken)
    what = f"sweep or voice found where there is none, of {len(taken)}"
    return [_row(what, float(wrong), 0.0, "{:.0f}")]


def _phone_rows(seeds: list[int]) -> list[Row]:
    scores = [score_phone(s) for s in seeds]
    return [
        _row("L6: cold start, largest error", max(s.cold_error_ms for s in scores), 60.0,
             "{:.1f} ms"),
        _row("L6: true loss outside the stated bounds",
             float(sum(not s.lost_inside for s in scores)), 0.0, "{:.0f}"),
        _row("L7: added delay, largest error", max(s.added_error_ms for s in scores), 0.1,
             "{:.3f} ms"),
        _row("L7: pitch ratio, largest error", max(s.pitch_error_ppm for s in scores), 50.0,
             "{:.2f} ppm"),
    ]  # fmt: skip


def _q(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, share)) if values.size else 0.0


def _row(what: str, reached: float, target: float, form: str, *, larger: bool = False) -> Row:
    ok = reached >= target if larger else reached <= target
    return what, form.format(reached), (">= " if larger else "<= ") + form.format(target), ok
