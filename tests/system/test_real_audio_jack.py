"""JACK's dummy driver with delay clients of known D: the truth is D + one period, exactly.

Real callbacks, real periods, separate processes, no hardware: what the analysis says of a
recording must be what the graph does, and what JACK's own ``jack_iodelay`` says of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from audio_servers import (
    JackDelay,
    JackServer,
    jack_delay,
    jack_iodelay,
    jack_record,
    jack_server,
)

from device_probes.driver import Play
from device_probes.host.driver import HostDriver, discover
from profiler.analysis import analyze
from profiler.model import Estimate, TrialRequest, Verdict
from profiler.stimulus import make_train, render
from profiler.wav import mono_audio

pytestmark = [
    pytest.mark.needs_apt("jackd2", "jackd"),
    pytest.mark.needs_apt("jackd2", "jack_iodelay"),
    pytest.mark.timeout(300),
]

RATE_HZ = 48_000
OPENS = 10
DELAYS = (1111, 4800)
TOLERANCE_FRAMES = 0.01
IODELAY_TOLERANCE_FRAMES = 0.02
TRAIN = make_train(
    11, chirps=4, chirp_s=0.15, gap_s=(0.06, 0.12), lead_in_s=0.05, tail_s=0.4, amplitude=0.5
)


@pytest.fixture(scope="module", params=[128, 1024], ids=["period128", "period1024"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JackServer]:
    folder = tmp_path_factory.mktemp("jack")
    with jack_server(folder, period_frames=request.param, rate_hz=RATE_HZ) as started:
        yield started


@pytest.fixture(scope="module")
def loops(server: JackServer) -> Iterator[list[JackDelay]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(jack_delay(server, frames, name=f"loop{frames}"))
            for frames in DELAYS
        ]


def frames_of(estimate: Estimate) -> float:
    assert estimate.valid, estimate
    assert estimate.round_trip_latency_ms is not None
    return estimate.round_trip_latency_ms * RATE_HZ / 1000


def test_ten_fresh_jack_clients_measure_delay_plus_one_period(
    server: JackServer, loops: list[JackDelay]
) -> None:
    measured: dict[str, list[float]] = {loop.name: [] for loop in loops}
    for _ in range(OPENS):
        capture = jack_record(server, render(TRAIN, RATE_HZ), loops)
        assert (capture.rate_hz, capture.period_frames) == (RATE_HZ, server.period_frames)
        for channel, loop in enumerate(loops):
            audio = mono_audio(capture.samples[:, channel], capture.rate_hz)
            measured[loop.name].append(frames_of(analyze(audio, TRAIN)))
    for loop in loops:
        found, truth = measured[loop.name], loop.frames + server.period_frames
        assert len(found) == OPENS
        assert found == pytest.approx([truth] * OPENS, abs=TOLERANCE_FRAMES)
        theirs = jack_iodelay(server, loop)
        assert statistics.median(found) == pytest.approx(
            statistics.median(theirs), abs=IODELAY_TOLERANCE_FRAMES
        )


@pytest.mark.needs_apt("libportaudio2", "lib:portaudio")
@pytest.mark.parametrize("delay", DELAYS)
def test_host_probe_measures_delay_plus_one_period(
    server: JackServer, loops: list[JackDelay], delay: int
) -> None:
    """The real host probe (PortAudio's JACK host API) in fresh streams on the same graph."""
    opens = OPENS if (delay == DELAYS[1]) == (server.period_frames == 128) else 2
    (loop,) = (x for x in loops if x.frames == delay)
    (ref,) = (r for r in discover(server.env) if r.serial == f"jack-{loop.name}")
    request = TrialRequest(rate_hz=RATE_HZ, warmup_s=0.2, duration_s=TRAIN.duration_s)
    driver = HostDriver(ref, env=server.env)
    try:
        facts = driver.connect()
        assert facts.native_rate_hz == RATE_HZ
        captures = [
            driver.run(request, [Play(TRAIN)], lambda _progress: None) for _ in range(opens)
        ]
    finally:
        driver.close()
    found = [frames_of(analyze(c.audio, TRAIN)) for c in captures]
    assert found == pytest.approx([delay + server.period_frames] * opens, abs=TOLERANCE_FRAMES)
    assert {c.report.output.frames_per_burst for c in captures} == {server.period_frames}


def test_fraction_inversion_and_noise_do_not_move_the_estimate(server: JackServer) -> None:
    with jack_delay(server, 777.37, gain=-0.3, noise=0.001) as loop:
        capture = jack_record(server, render(TRAIN, RATE_HZ), [loop])
        theirs = jack_iodelay(server, loop)
    estimate = analyze(mono_audio(capture.samples[:, 0], RATE_HZ), TRAIN)
    truth = 777.37 + server.period_frames
    assert frames_of(estimate) == pytest.approx(truth, abs=TOLERANCE_FRAMES)
    assert frames_of(estimate) == pytest.approx(
        statistics.median(theirs), abs=IODELAY_TOLERANCE_FRAMES
    )
    assert estimate.polarity == -1
    assert estimate.dropouts == ()


def test_a_dropped_stretch_is_reported_where_it_is(server: JackServer) -> None:
    train = make_train(12, chirps=4, lead_in_s=0.1, tail_s=0.4, amplitude=0.5)
    hole_s, after_s = 0.05, 0.2
    with jack_delay(server, 480) as loop:
        loop.drop(round(hole_s * RATE_HZ), after_frames=round(after_s * RATE_HZ))
        capture = jack_record(server, render(train, RATE_HZ), [loop])
    estimate = analyze(mono_audio(capture.samples[:, 0], RATE_HZ), train)
    truth = 480 + server.period_frames
    assert frames_of(estimate) == pytest.approx(truth, abs=TOLERANCE_FRAMES)
    # The client's output is heard one period later; its hole does not wait for its delay.
    expected_s = train.starts_s[0] + after_s + server.period_frames / RATE_HZ
    assert [d.kind for d in estimate.dropouts] == ["hole"]
    assert estimate.dropouts[0].time_s == pytest.approx(expected_s, abs=0.01)
    assert estimate.dropouts[0].duration_ms == pytest.approx(hole_s * 1000, abs=10)


def test_silence_is_not_a_number(server: JackServer, loops: list[JackDelay]) -> None:
    capture = jack_record(server, np.zeros(RATE_HZ), loops[:1])
    estimate = analyze(mono_audio(capture.samples[:, 0], RATE_HZ), TRAIN)
    assert estimate.verdict is Verdict.NOT_MEASURABLE
    assert estimate.round_trip_latency_ms is None
