"""Virtual phones hear each other as physics says, by formulas that share nothing with the air."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from air_sounds import C_M_S, arrival_s, reference, two_way_s
from scipy import fft

from device_probes.server import LoadedPlay, TrialRefused
from device_probes.virtual import Clock, VirtualPhone
from device_probes.virtual.clock import Stopwatch
from device_probes.virtual.driver import fleet_from_toml
from profiler.analysis import analyze
from profiler.errors import PlanError
from profiler.model import StimulusSpec, TrialRequest
from profiler.stimulus import make_train, render
from profiler.wav import Audio

TRAIN = make_train(5, rate_hz=16_000, chirps=3, chirp_s=0.2, lead_in_s=0.0, tail_s=0.0)
FLEET = """
version = 1
seed = {seed}
[[zone]]
name = "left"
distance_m = {distance_m}
rt60_s = 0.05
reverb_db = -140
{zone}
"""
PHONE = """
[[phone]]
serial = "{serial}"
zone = "{zone}"
manufacturer = "M"
model = "X"
marketing_name = "M X"
soc = "S"
os_name = "T"
os_version = "1"
os_build = "b"
[phone.latency]
api_ms = {{ a = {latency_ms} }}
output_share = {share}
spread = "none"
[phone.clock]
ppm = {ppm}
drift_ppm = {drift_ppm}
[phone.streams]
rates_hz = [16000, 44100, 48000]
sample_format = "float32"
[phone.acoustics]
distance_m = {own_m}
{acoustics}
[phone.noise]
white_dbfs = -140
"""


class Hands(Clock):
    """A clock whose hands only waiting moves: one thread may live two trials in turns."""

    def __init__(self) -> None:
        super().__init__()
        self.shown_s = 1000.0

    def now_s(self) -> float:
        return self.shown_s

    def start(self) -> Stopwatch:
        return Watch(self)


class Watch(Stopwatch):
    def __init__(self, clock: Hands) -> None:
        super().__init__(1.0, 0.0, clock.shown_s)
        self.clock = clock

    def shows_s(self) -> float:
        return self.clock.shown_s - self.began_s

    def wait_until(self, seconds: float, cancelled: threading.Event) -> bool:
        if not cancelled.is_set():
            self.clock.shown_s = max(self.clock.shown_s, self.began_s + seconds)
        return cancelled.is_set()


@dataclass
class Part:
    """One phone's trial: what it plays when, and then what it recorded."""

    phone: VirtualPhone
    plays_at_s: tuple[float, ...] = ()
    train: StimulusSpec = TRAIN
    rate_hz: int = 16_000
    duration_s: float = 4.0
    warmup_s: float = 0.5
    began_s: float = math.nan
    """World time of frame 0."""
    heard: np.ndarray | None = None

    def run(self, clock, at=None, then=None, cancelled=None):
        """Run; when the trial is at ``at`` of its time, do ``then``."""
        samples = render(self.train, self.rate_hz)
        plays = [
            LoadedPlay("x", samples, self.rate_hz, round(s * self.rate_hz)) for s in self.plays_at_s
        ]
        request = TrialRequest(
            rate_hz=self.rate_hz, duration_s=self.duration_s, warmup_s=self.warmup_s
        )
        left = [] if then is None else [then]
        opened_s = clock.shown_s
        self.began_s = opened_s + 0.05 + self.warmup_s

        def emit(stage, fraction):
            if left and stage != "opening" and fraction >= at:
                left.pop()()

        _, heard = self.phone.run(request, plays, emit, cancelled or threading.Event())
        self.heard = heard[:, 0].astype(float)
        return self

    @property
    def truth(self):
        return self.phone.truths[-1]

    @property
    def electrical_s(self):
        return (self.truth.output_ms + self.truth.input_ms) / 1000

    @property
    def playback_ratio(self):
        return 1 + self.phone.spec.clock.ppm * 1e-6

    @property
    def capture_ratio(self):
        return self.playback_ratio * (1 + self.phone.spec.clock.drift_ppm * 1e-6)


def phones(clock, *values, distance_m=0.3, zone="", seed=1, **both):
    text = FLEET.format(seed=seed, distance_m=distance_m, zone=zone)
    for serial, value in zip("ABCD", values, strict=False):
        plain = {"zone": "left", "latency_ms": 60.0, "share": 0.6, "ppm": 0.0, "drift_ppm": 0.0,
                 "own_m": 0.12, "acoustics": ""}  # fmt: skip
        text += PHONE.format(**{"serial": serial, **plain, **both, **value})
    return fleet_from_toml(text, "f.toml").phones(clock)


def arrival_of(part, about_s, ratio):
    return arrival_s(part.heard, part.rate_hz, about_s, part.train, ratio)


def expected_s(ear, mouth, distance_m, played_s=0.0):
    """When ``mouth``'s playback time arrives on ``ear``'s capture clock, world time by hand."""
    out_s = mouth.truth.output_ms / 1000 / mouth.capture_ratio
    in_s = ear.truth.input_ms / 1000 / ear.capture_ratio
    left_s = mouth.began_s + out_s + played_s / mouth.playback_ratio
    return (left_s + distance_m / C_M_S + in_s - ear.began_s) * ear.capture_ratio


@pytest.mark.parametrize(
    ("a_ppm", "b_ppm", "distance_m", "rates"),
    [
        (0.0, 0.0, 0.3, (16_000, 16_000)),
        (75.0, -75.0, 0.25, (48_000, 48_000)),
        (-75.0, 75.0, 1.7, (48_000, 44_100)),
        (0.0, 150.0, 0.5, (16_000, 48_000)),
    ],
)
def test_a_train_arrives_when_physics_says(a_ppm, b_ppm, distance_m, rates):
    clock = Hands()
    a, b = phones(clock, {"ppm": a_ppm, "drift_ppm": 20.0}, {"ppm": b_ppm, "latency_ms": 231.7},
                  distance_m=distance_m)  # fmt: skip
    ear = Part(a, rate_hz=rates[0])
    mouth = Part(b, (0.3, 1.9), rate_hz=rates[1])
    ear.run(clock, 0.2, lambda: mouth.run(clock))
    ratio = ear.capture_ratio / mouth.playback_ratio
    for played_s in mouth.plays_at_s:
        should_s = expected_s(ear, mouth, distance_m, played_s)
        # 0.7 ms beside it, so that nothing is right by chance
        assert arrival_of(ear, should_s + 0.0007, ratio) == pytest.approx(should_s, abs=1e-7)
    (heard,) = ear.truth.heard
    assert (heard.serial, heard.trial, heard.distance_m) == ("B", 0, distance_m)
    assert heard.offset_s == pytest.approx(expected_s(ear, mouth, distance_m), abs=1e-9)
    assert heard.drift_ppm == pytest.approx((ratio - 1) * 1e6, abs=1e-6)
    assert mouth.truth.heard == ()


def test_the_bench_s_own_analysis_finds_it_where_it_is():
    clock = Hands()
    train = make_train(9)
    a, b = phones(clock, {"ppm": 60.0}, {"ppm": -60.0, "latency_ms": 90.0}, distance_m=0.4)
    ear = Part(a, rate_hz=48_000, duration_s=9.0)
    mouth = Part(b, (0.0,), train, rate_hz=48_000, duration_s=8.0)
    ear.run(clock, 0.07, lambda: mouth.run(clock))
    estimate = analyze(Audio(ear.heard.astype(np.float32)[:, None], 48_000), train)
    assert estimate.drift_ppm == pytest.approx(120.0, abs=0.05)
    expected_ms = 1000 * expected_s(ear, mouth, 0.4)
    assert estimate.round_trip_latency_ms == pytest.approx(expected_ms, abs=0.002)


def test_the_two_way_exchange_gives_each_phone_s_own_latency():
    rng = np.random.default_rng(20)
    errors_us = []
    for seed in range(10):
        clock = Hands()
        distance_m = float(rng.uniform(0.1, 1.2))
        values = [
            {"latency_ms": rng.uniform(20, 800), "share": rng.uniform(0.1, 0.9),
             "ppm": rng.uniform(-60, 60), "drift_ppm": rng.uniform(-15, 15),
             "own_m": rng.uniform(0.05, 0.3)}
            for _ in range(2)
        ]  # fmt: skip
        a, b = phones(clock, *values, distance_m=distance_m, seed=seed)
        first = Part(a, (0.2,), duration_s=7.0)
        second = Part(b, (4.0,), duration_s=6.5)
        first.run(clock, float(rng.uniform(0.06, 0.1)), partial(second.run, clock))
        for one, other in ((first, second), (second, first)):
            found_s = exchanged_s(one, other, distance_m)
            errors_us.append(1e6 * (found_s - one.electrical_s))
    assert len(errors_us) == 20
    assert np.max(np.abs(errors_us)) < 2.0


def exchanged_s(one, other, distance_m):
    """Output plus input latency of ``one`` from both recordings."""
    partner_m = other.phone.spec.acoustics.distance_m
    (n1,), (played_s,) = one.plays_at_s, other.plays_at_s
    across = one.capture_ratio / other.playback_ratio
    back = other.capture_ratio / one.playback_ratio
    loop = other.capture_ratio / other.playback_ratio
    arrivals = (
        arrival_of(one, expected_s(one, other, distance_m, played_s), across),
        arrival_of(other, expected_s(other, one, distance_m, n1), back),
        arrival_of(other, expected_s(other, other, partner_m, played_s), loop),
    )
    return two_way_s(
        arrivals,
        n1,
        own_loop=one.capture_ratio / one.playback_ratio,
        skew=one.capture_ratio / other.capture_ratio,
        partner_m=partner_m,
        distance_m=distance_m,
    )


def rms_dbfs(part, begin_s, end_s):
    piece = part.heard[round(begin_s * part.rate_hz) : round(end_s * part.rate_hz)]
    return 10 * math.log10(float(np.mean(piece**2)) + 1e-20)


@pytest.mark.parametrize(
    ("distance_m", "loss_db", "weaker_db"), [(0.12, 0, 0), (0.24, 0, 6.02), (1.2, 10, 30)]
)
def test_the_level_falls_with_the_distance(distance_m, loss_db, weaker_db):
    clock = Hands()
    a, b = phones(clock, {}, {}, distance_m=distance_m, zone=f"loss_db = {loss_db}")
    ear, mouth = Part(a), Part(b, (1.0,))
    ear.run(clock, 0.13, lambda: mouth.run(clock))
    at_s = expected_s(ear, mouth, distance_m, 1.0) + TRAIN.starts_s[0]
    own_s = expected_s(mouth, mouth, 0.12, 1.0) + TRAIN.starts_s[0]
    difference_db = rms_dbfs(mouth, own_s, own_s + 0.2) - rms_dbfs(ear, at_s, at_s + 0.2)
    assert difference_db == pytest.approx(weaker_db, abs=0.1)


def test_the_sound_goes_through_the_other_s_loudspeaker_and_the_own_microphone():
    clock = Hands()
    narrow = "capture_band_hz = [300, 3400]"
    thin = "highpass_hz = 1500\nresonances = [[2000, 2.0, 6]]"
    a, b = phones(clock, {"acoustics": narrow}, {"acoustics": thin})
    ear, mouth = Part(a), Part(b, (1.0,))
    ear.run(clock, 0.13, lambda: mouth.run(clock))
    hz = fft.rfftfreq(ear.heard.size, 1 / ear.rate_hz)
    power = np.abs(fft.rfft(ear.heard)) ** 2

    def level_db(low, high):
        return 10 * np.log10(
            np.mean(power[(hz > low) & (hz < high)] * hz[(hz > low) & (hz < high)])
        )

    assert level_db(5000, 7000) < level_db(2000, 3000) - 40
    assert level_db(400, 500) < level_db(2000, 3000) - 25


@pytest.mark.parametrize(("a_inverted", "b_inverted"), [("true", "false"), ("false", "true")])
def test_polarity_is_the_microphone_s(a_inverted, b_inverted):
    clock = Hands()
    a, b = phones(clock, *({"acoustics": f"inverted = {i}"} for i in (a_inverted, b_inverted)))
    ear, mouth = Part(a), Part(b, (1.0,))
    ear.run(clock, 0.13, lambda: mouth.run(clock))
    at_s = expected_s(ear, mouth, 0.3, 1.0)
    heard_s = np.arange(ear.heard.size) / ear.rate_hz
    same = np.dot(ear.heard, reference(heard_s, at_s, 1.0, TRAIN)) > 0
    assert same is np.bool_(a_inverted == "false")


def test_only_a_neighbour_is_heard_and_only_while_it_plays():
    clock = Hands()
    second = '[[zone]]\nname = "right"'
    a, b, c = phones(clock, {}, {}, {"zone": "right"}, zone=second)
    # elsewhere; before; after; with nothing to say
    before = Part(b, (0.1,), duration_s=1.0).run(clock)
    clock.shown_s += 3.0
    silent = Part(b, duration_s=1.0)
    elsewhere = Part(c, (0.1,), duration_s=1.5)
    ear = Part(a)
    ear.run(clock, 0.2, lambda: (silent.run(clock), elsewhere.run(clock)))
    after = Part(b, (0.1,)).run(clock)
    assert [t.heard for t in a.truths + b.truths + c.truths] == [()] * 5
    assert rms_dbfs(ear, 0, 4.0) < -130
    assert after.truth.trial == 2
    assert before.truth is after.truth


def test_a_trial_that_is_cancelled_falls_silent():
    clock = Hands()
    a, b = phones(clock, {}, {}, latency_ms=50.0)
    ear, mouth = Part(a, duration_s=5.0), Part(b, (0.2, 2.5), duration_s=5.0)
    stop = threading.Event()

    def begins():
        with pytest.raises(TrialRefused):
            mouth.run(clock, 0.3, stop.set, stop)

    ear.run(clock, 0.15, begins)
    first_s, second_s = (expected_again(ear, mouth, s) for s in (0.2, 2.5))
    assert rms_dbfs(ear, first_s, first_s + 0.2) > -40
    assert rms_dbfs(ear, second_s, second_s + 0.2) < -130


def expected_again(ear, mouth, played_s):
    """Like :func:`expected_s` for a trial that left no truth behind."""
    return mouth.began_s - ear.began_s + played_s + 0.05 + 0.3 / C_M_S


def test_phones_apart_and_phones_out_of_time_hear_nobody():
    clock = Hands()
    text = FLEET.format(seed=1, distance_m=0.3, zone="")
    for serial in "AB":
        text += PHONE.format(serial=serial, zone="left", latency_ms=50.0, share=0.6, ppm=0,
                             drift_ppm=0, own_m=0.12, acoustics="")  # fmt: skip
    fleet = fleet_from_toml(text, "f.toml")
    assert fleet.zones() == {"A": "left", "B": "left"}
    a, b = fleet.phones(clock, apart=True)
    Part(a).run(clock, 0.2, lambda: Part(b, (0.2,)).run(clock))
    a, b = fleet.phones(Clock(math.inf))
    Part(a).run(clock, 0.2, lambda: Part(b, (0.2,)).run(clock))
    assert a.truths[0].heard == ()


@pytest.mark.parametrize(
    ("zone", "more", "complaint"),
    [
        ("lefft", "", "phone[0].zone: is no zone of this fleet (got 'lefft'); allowed: a [[zone]]"),
        ("left", '[[zone]]\nname = "left"', "used twice"),
        ("left", "[[zone]]\nname = 'x'\ndistance_m = 0", "at least"),
    ],
)
def test_wrong_zones_are_refused(zone, more, complaint):
    with pytest.raises(PlanError, match=re.escape(complaint)):
        phones(Hands(), {"zone": zone}, zone=more)


def test_a_zone_does_not_reach_into_another_process():
    text = FLEET.format(seed=1, distance_m=0.3, zone="")
    for serial, link in (("A", "adb"), ("B", "direct")):
        head = PHONE.format(serial=serial, zone="left", latency_ms=50.0, share=0.6, ppm=0,
                            drift_ppm=0, own_m=0.12, acoustics="")  # fmt: skip
        text += head.replace("[phone.latency]", f'link = "{link}"\n[phone.latency]')
    with pytest.raises(PlanError, match="both links"):
        fleet_from_toml(text, "f.toml")
