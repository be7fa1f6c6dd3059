"""The duplex timeline is exact: loops of known length inside the browser's own graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from scipy.signal import correlate
from web_loops import web_loop
from web_tabs import FAKE_SOUND, REQUEST, Tab, chromium, launch, page_server

from device_probes.codec import request_to_json
from device_probes.driver import Play
from device_probes.web.server import PageServer
from profiler.stimulus import make_train, render

pytestmark = [pytest.mark.alone, pytest.mark.needs_apt("chromium", "chromium")]

LOOPS = Path(__file__).parents[1] / "fakes" / "web_recorder" / "loops.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*FAKE_SOUND, "--autoplay-policy=no-user-gesture-required") as started:
        yield started


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as started:
        yield started


@pytest.fixture
def page(browser: Browser, server: PageServer) -> Iterator[Page]:
    """The probe's page, which also finds the test's own module beside its files."""
    context = browser.new_context()
    opened = context.new_page()
    opened.route(
        "**/page/loops.js",
        lambda route: route.fulfill(body=LOOPS.read_text(), content_type="text/javascript"),
    )
    opened.goto(server.seat("recorder").url)
    yield opened
    context.close()


def call(page: Page, name: str, value: Any) -> Any:
    return page.evaluate(f"async (value) => (await import('/page/loops.js')).{name}(value)", value)


DELAYS = [(128, 0), (129, 0), (1000, 1), (4801, 130), (333, 256)]


def loop(page: Page, delay_frames: int, warmup_frames: int, rate_hz: int, *, own: bool) -> int:
    """Frames between what was played and what was recorded, whose samples must be the same."""
    rng = np.random.default_rng(delay_frames)
    samples = rng.uniform(-0.9, 0.9, 500).astype(np.float32)
    frames = 6001
    told = call(page, "recorderLoop", {
        "samples": samples.tolist(), "delay_frames": delay_frames, "rate_hz": rate_hz,
        "warmup_frames": warmup_frames, "frames": frames, "own": own,
    })  # fmt: skip
    heard = np.array(told["heard"])
    assert heard.size == frames
    late = int(np.flatnonzero(heard)[0])
    expected = np.zeros(frames)
    expected[late : late + 500] = samples
    np.testing.assert_allclose(heard, expected, atol=1e-4)
    played = np.zeros(len(told["played"]))
    played[warmup_frames : warmup_frames + 500] = samples
    np.testing.assert_array_equal(told["played"], played)
    assert told["zero"] == [warmup_frames]
    assert set(told["other"]) == {0.0}  # an input that nothing is connected to
    assert told["skipped"] == told["missing"] == 0
    assert told["blocks"] == pytest.approx(frames / 128, abs=2)
    return late


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize(("delay_frames", "warmup_frames"), DELAYS)
def test_a_delay_is_recorded_as_exactly_that_many_frames(
    page: Page, rate_hz: int, delay_frames: int, warmup_frames: int
) -> None:
    assert loop(page, delay_frames, warmup_frames, rate_hz, own=False) == delay_frames


@pytest.mark.parametrize(("delay_frames", "warmup_frames"), DELAYS)
def test_a_loop_into_its_own_input_takes_as_long_as_the_browsers_own_nodes(
    page: Page, delay_frames: int, warmup_frames: int
) -> None:
    """Chromium adds a block of 128 frames to every cycle; the recorder adds nothing."""
    native = call(page, "nativeLoop", {"delay_frames": delay_frames, "rate_hz": 48_000})
    assert native in (delay_frames, delay_frames + 128)
    assert loop(page, delay_frames, warmup_frames, 48_000, own=True) == native


def test_streams_are_recorded_beside_each_other(page: Page) -> None:
    request = request_to_json(replace(REQUEST, duration_s=0.5, warmup_s=0.5))
    told = call(page, "twoStreams", request)
    assert told["report"]["input"]["channels"] == 2
    samples = np.reshape(told["samples"], (-1, 2))
    assert len(samples) == 24_000
    np.testing.assert_allclose(samples[-1000:], [[0.25, 0.5]] * 1000, atol=1e-3)


@pytest.mark.needs_apt("pulseaudio", "pulseaudio")
@pytest.mark.needs_apt("pulseaudio-utils", "pactl")
def test_chirps_come_back_at_a_constant_place(
    browser: Browser, server: PageServer, tmp_path: Path
) -> None:
    """Through a real sound server; how constant is for the accuracy tests to say."""
    train = make_train(11, chirps=10, chirp_s=0.1, gap_s=(0.1, 0.2), tail_s=0.6)
    with (
        web_loop(tmp_path) as loop,
        launch(browser.browser_type, FAKE_SOUND[0], env=loop.env) as real,
    ):
        tab = Tab(real.new_context(), server.seat("loop"))
        tab.tap()
        with tab.client() as client:
            # A large buffer: on a busy machine small ones tear, and a torn session jumps.
            request = replace(
                REQUEST,
                performance_mode="power_saving",
                warmup_s=1.5,
                duration_s=train.duration_s,
            )
            capture = client.run(request, [Play(train)], lambda _progress: None)
    heard = capture.audio.samples[:, 0]
    assert np.abs(heard).max() > 0.3
    played = render(train, 48_000)
    # All chirps are alike: each is looked for near where the whole train is.
    whole = np.abs(correlate(heard, played, mode="full", method="fft"))
    late = int(np.argmax(whole)) - (played.size - 1)
    found = []
    for start_s in train.starts_s:
        at = round(start_s * 48_000)
        window = heard[at + late - 2400 : at + late + 4800 + 2400]
        place = np.argmax(np.abs(np.correlate(window, played[at : at + 4800], "valid")))
        found.append(int(place) - 2400)
    # A browser's session may jump once; the most chirps still share one place.
    assert sum(abs(place) <= 1 for place in found) >= 6, found
    assert 5 * 48 < late < 500 * 48
    report = capture.report
    assert report.reported_input_latency_ms is not None
    assert report.reported_latency_ms is not None
    assert 0 < report.reported_latency_ms < 1000
