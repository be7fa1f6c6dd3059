"""The probe's page in a real Chromium, with the real server and the real client on the other side.

The browser's own fake sound devices suffice here: no round trip is asserted but in
``test_web_page_round_trip``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext
from web_tabs import (
    CONTEXTS,
    FAKE_SOUND,
    INSECURE_HOST,
    REQUEST,
    TRAIN,
    Tab,
    Trial,
    chromium,
    launch,
    page_server,
    run,
    until,
)

from device_probes.client import ProbeClient
from device_probes.codec import request_to_json
from device_probes.web.chromium import Chromium
from device_probes.web.seats import Seat
from device_probes.web.server import PageServer
from profiler import __version__
from profiler.errors import DeviceLost, ProbeRefused
from profiler.model import CallPath, EffectState, Platform

pytestmark = pytest.mark.needs_apt("chromium", "chromium")

LONG = replace(REQUEST, duration_s=8.0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*FAKE_SOUND) as started:
        yield started


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with page_server() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    yield opened
    opened.close()


@pytest.fixture
def tab_with(context: BrowserContext, server: PageServer) -> Iterator[Callable[..., Tab]]:
    opened: list[Tab] = []

    def open_tab(script: str = "") -> Tab:
        opened.append(Tab(context, server.seat("chromium"), script))
        return opened[-1]

    yield open_tab
    assert [error for tab in opened for error in tab.errors] == []


@pytest.fixture
def ready(tab_with: Callable[..., Tab]) -> Tab:
    tab = tab_with(CONTEXTS)
    tab.tap()
    return tab


# --- the contract --------------------------------------------------------------------------------


def test_facts_say_which_browser_it_is(ready: Tab) -> None:
    with ready.client() as client:
        facts = client.facts()
    assert facts.platform is Platform.WEB
    assert facts.model.endswith("(Chromium)")
    assert facts.os_build.startswith("Chromium ")
    assert facts.os_build.count(".") == 3
    assert facts.os_name == "Linux"
    assert facts.native_rate_hz
    assert facts.collected_at is not None
    assert facts.raw["apis"] == "web_audio"
    assert facts.raw["supports.echoCancellation"] == "true"
    assert facts.raw["input_1"] == facts.raw["microphone.label"]
    assert "echoCancellation" in " ".join(k for k in facts.raw if k.startswith("microphone.cap"))
    assert facts.raw["cross_origin_isolated"] == "true"


def test_a_trial_tells_what_was_granted(ready: Tab) -> None:
    stages: list[str] = []
    with ready.client() as client:
        capture = run(client, REQUEST, stages)
    report = capture.report
    assert report.probe_version == f"web {__version__}"
    assert capture.audio.rate_hz == report.output.rate_hz == 48_000
    assert capture.audio.frames == round(TRAIN.duration_s * 48_000)
    assert capture.audio.channels == 1
    assert list(dict.fromkeys(stages)) == ["opening", "warming", "playing", "fetching"]
    assert {name: e.state for name, e in report.effects.items()} == dict.fromkeys(
        ("aec", "ns", "agc"), EffectState.OFF
    )
    assert report.xruns_output is not None
    assert report.reported_output_latency_ms is not None
    assert report.reported_output_latency_ms > 0
    stamps = report.timestamps_output
    assert len(stamps) > 5
    assert [s.frame for s in stamps] == sorted(s.frame for s in stamps)
    slope = (stamps[-1].frame - stamps[0].frame) / (stamps[-1].time_ns - stamps[0].time_ns)
    assert slope * 1e9 == pytest.approx(48_000, rel=0.05)
    assert set(report.startup_ms) >= {"open", "start", "first_output", "first_input"}
    assert sum(count for _, count in report.callback_histogram_ms) == pytest.approx(
        capture.audio.frames / 128, abs=2
    )
    observed = report.observed
    assert observed["context_rate_hz"] == "48000"
    assert observed["echo_cancellation"] == "false"
    assert observed["latency_hint"] == "interactive"
    assert observed["render_quantum_frames"] == "128"
    assert observed["visible"] == "true"
    assert "volume_kind" not in observed
    assert "left_front_ms" not in observed


def test_settings_reach_the_browser(ready: Tab) -> None:
    on = EffectState.ON
    request = replace(
        REQUEST, aec=on, ns=on, agc=on, volume=0.5, warmup_s=0.0, buffer_frames=4800,
        input_preset="unprocessed", audio_mode="communication", cpu_load=0.3, cpu_threads=2,
    )  # fmt: skip
    workers: list[str] = []
    ready.page.on("worker", lambda worker: workers.append(worker.url))
    with ready.client() as client:
        plain = run(client, replace(REQUEST, performance_mode="power_saving")).report
        report = run(client, request).report
    ready.page.wait_for_timeout(50)  # lets Playwright tell
    assert [url.rpartition("/")[2] for url in workers] == ["burn.js"] * 2
    assert plain.observed["latency_hint"] == "playback"
    assert {e.state for e in report.effects.values()} == {on}
    assert report.observed["volume_kind"] == "digital gain"
    assert report.observed["latency_hint"] == "0.100000 s"
    ignored = [note.split(",")[0] for note in report.notes if note.startswith("ignored")]
    assert ignored == ["ignored: input_preset", "ignored: audio_mode"]


def test_other_rates_are_granted_or_told(ready: Tab, tab_with: Callable[..., Tab]) -> None:
    with ready.client() as client:
        assert run(client, replace(REQUEST, rate_hz=16_000)).audio.rate_hz == 16_000
    stubborn = tab_with(
        "const Plain = AudioContext; globalThis.AudioContext = class extends Plain {"
        " constructor(options) { super({ ...options, sampleRate: 44100 }) } };"
    )
    stubborn.tap()
    with stubborn.client() as client:
        capture = run(client)
        assert capture.audio.rate_hz == capture.report.input.rate_hz == 44_100
        assert capture.audio.frames == round(TRAIN.duration_s * 44_100)
    rows = stubborn.page.locator("#list li").all_inner_texts()
    assert "44100 Hz" in rows[1]


def test_each_trial_opens_and_closes_its_own_sound(ready: Tab) -> None:
    with ready.client() as client:
        for _ in range(3):
            run(client, replace(REQUEST, duration_s=0.3, warmup_s=0.0))
    states = ready.page.evaluate("contexts.map((context) => context.state)")
    assert len(states) >= 4  # the tap's own, and one of each trial
    assert set(states) == {"closed"}


def test_cancel_is_heard_at_once_and_the_next_trial_runs(ready: Tab) -> None:
    with ready.client() as client:
        trial = Trial(client, replace(REQUEST, duration_s=60.0))
        trial.wait_for("playing")
        client.cancel()
        with pytest.raises(ProbeRefused) as caught:
            trial.result()
        assert caught.value.code == "cancelled"
        assert run(client).audio.frames > 0


def test_what_the_browser_cannot_do_is_refused(ready: Tab) -> None:
    with ready.client() as client:
        for request, code in (
            (replace(REQUEST, api="aaudio"), "unsupported"),
            (replace(REQUEST, route="earpiece"), "unsupported"),
            (replace(REQUEST, duration_s=900.0), "too_large"),
        ):
            with pytest.raises(ProbeRefused) as caught:
                run(client, request)
            assert caught.value.code == code
        assert run(client).audio.frames > 0


def test_a_busy_page_refuses_and_hears_on(ready: Tab) -> None:
    request = request_to_json(replace(REQUEST, duration_s=30.0))
    start = {"type": "run", "request": request, "rate_hz": 48_000, "plays": []}
    with ready.wires() as wires:
        wires.send({**start, "plays": [{"stimulus_id": "none", "at_frame": 0}]})
        assert wires.until("refused").header["code"] == "not_loaded"
        wires.send({"type": "cancel"})  # none runs: ignored
        wires.send(start)
        for header in ({"type": "facts"}, start):
            wires.send(header)
            assert wires.until("refused").header["code"] == "busy"
        wires.send({"type": "cancel"})
        assert wires.until("refused").header["code"] == "cancelled"
        wires.send({"type": "facts"})
        assert wires.until("facts").header["facts"]["platform"] == "web"


def test_a_host_that_breaks_the_rules_is_hung_up_on_and_the_page_comes_back(ready: Tab) -> None:
    bad = (
        {"type": "nonsense"},
        {"type": "facts", "more": 1},
        {"type": "load", "stimulus_id": "s", "rate_hz": 48_000, "frames": 2**30, "crc32": 0},
    )
    for header in bad:
        with ready.wires() as wires:
            wires.send(header)
            assert wires.until("refused").header["code"] == "malformed"
            with pytest.raises(DeviceLost):
                wires.read()
    with ready.wires() as wires:
        wires.send({"type": "load", "stimulus_id": "s", "rate_hz": 48_000, "frames": 2, "crc32": 1})
        wires.send({"type": "pcm", "offset": 0}, b"\0" * 8)
        assert "damaged" in wires.until("refused").header["text"]
    with ready.client() as client:
        assert run(client).audio.frames > 0


def test_the_route_of_a_running_trial_can_be_asked_for(ready: Tab) -> None:
    with ready.client() as client:
        trial = Trial(client, replace(REQUEST, duration_s=3.0))
        trial.wait_for("playing")
        client.act("route", "earpiece")
        client.act("route", "default")
        client.act("dance", "slowly")
        observed = trial.result().report.observed
    assert observed["route_1"].startswith("refused: ")
    assert observed["route_2"] == "default"
    assert float(observed["route_2_ms"]) > 0
    assert observed["acts_unknown"] == "1"


def test_a_call_comes_back_without_a_microphone(ready: Tab) -> None:
    with ready.client() as client:
        capture = run(client, replace(LONG, call=CallPath(ptime_ms=20), duration_s=2.5))
    assert capture.report.input.route == "call"
    assert abs(capture.audio.samples).max() > 0.1
    assert int(capture.report.observed["call_packets_sent"]) == pytest.approx(125, abs=25)
    assert capture.report.reported_output_latency_ms is None


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_microphone_that_is_denied_can_be_allowed_later(
    browser: Browser, server: PageServer
) -> None:
    with launch(browser.browser_type, "--use-fake-device-for-media-stream") as asking:
        context = asking.new_context()
        tab = Tab(context, server.seat("denied"))
        origin = tab.page.evaluate("location.origin")
        devtools = asking.new_browser_cdp_session()
        page = context.new_cdp_session(tab.page).send("Target.getTargetInfo")["targetInfo"]
        rule = {
            "origin": origin,
            "permission": {"name": "microphone"},
            "browserContextId": page["browserContextId"],
        }
        devtools.send("Browser.setPermission", {**rule, "setting": "denied"})
        status = tab.tap("denied")
        assert "NotAllowedError" in status.detail
        tab.shows("denied")
        assert "microphone is not allowed" in tab.page.inner_text("#title")
        assert tab.page.inner_text("#start") == "Try again"
        assert tab.page.locator("#steps li").count() >= 1
        client = ProbeClient(tab.seat.stream(), "page")
        client.handshake()
        with pytest.raises(ProbeRefused) as caught:
            run(client)
        assert caught.value.code == "permission"
        client.close()
        # Allowed in the settings: the page sees it and goes on without another tap.
        devtools.send("Browser.setPermission", {**rule, "setting": "granted"})
        tab.wait("ready")


@pytest.mark.parametrize(
    ("script", "state", "title"),
    [
        ("delete globalThis.AudioWorkletNode", "no_worklet", "too old"),
        (
            "navigator.mediaDevices.getUserMedia = async () => {"
            " throw new DOMException('none', 'NotFoundError') }",
            "no_microphone",
            "No microphone",
        ),
    ],
)
def test_a_browser_that_cannot_measure_says_so(
    tab_with: Callable[..., Tab], script: str, state: str, title: str
) -> None:
    tab = tab_with(script)
    if state == "no_microphone":
        tab.tap(state)
    tab.wait(state)
    tab.shows(state)
    assert title in tab.page.inner_text("#title")
    assert tab.page.locator("#steps li").count() >= 1


def test_an_address_that_browsers_do_not_trust(context: BrowserContext) -> None:
    with page_server(INSECURE_HOST) as server:
        tab = Tab(context, server.seat("insecure"))
        tab.wait("insecure")
        tab.shows("insecure")
        assert "localhost" in tab.page.inner_text("#steps")


def test_sound_that_stops_in_mid_trial_is_a_lost_stream_and_a_tap_goes_on(ready: Tab) -> None:
    with ready.client() as client:
        trial = Trial(client, LONG)
        trial.wait_for("playing")
        ready.page.evaluate("contexts.at(-1).suspend()")
        with pytest.raises(ProbeRefused) as caught:
            trial.result()
        assert caught.value.code == "stream_lost"
        ready.wait("suspended")
        ready.page.click("#start")
        ready.wait("ready")
        assert run(client).audio.frames > 0


def test_a_microphone_that_is_taken_away_is_a_lost_stream(tab_with: Callable[..., Tab]) -> None:
    tab = tab_with(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia ="
        " async (wanted) => globalThis.given = await ask(wanted);"
    )
    tab.tap()
    with tab.client() as client:
        trial = Trial(client, LONG)
        trial.wait_for("playing")
        tab.page.evaluate("given.getTracks()[0].dispatchEvent(new Event('ended'))")
        with pytest.raises(ProbeRefused) as caught:
            trial.result()
        assert caught.value.code == "stream_lost"
        assert "microphone" in str(caught.value)


def test_a_tab_that_is_closed_in_mid_trial_is_a_lost_device(ready: Tab) -> None:
    with ready.client() as client:
        trial = Trial(client, LONG)
        trial.wait_for("playing")
        ready.page.close()
        with pytest.raises(DeviceLost):
            trial.result()


@pytest.fixture
def tabbed(server: PageServer) -> Iterator[tuple[Chromium, Seat]]:
    """A page whose tab can really be covered by another one."""
    opener = Chromium(args=FAKE_SOUND)
    seat = server.seat("tabbed")
    try:
        opener.open(seat.url, 20.0)
        seat.wait_for(frozenset({"waiting_for_tap"}), 10.0)
        opener.tap(5.0)
        seat.wait_for(frozenset({"ready"}), 10.0)
        yield opener, seat
    finally:
        opener.close()


def test_a_hidden_tab(tabbed: tuple[Chromium, Seat]) -> None:
    opener, seat = tabbed
    client = ProbeClient(seat.stream(), "page")
    client.handshake()
    trial = Trial(client, LONG)
    trial.wait_for("playing")
    opener.hide(5.0)
    with pytest.raises(ProbeRefused) as caught:
        trial.result()
    assert caught.value.code == "background"
    seat.wait_for(frozenset({"hidden"}), 5.0)
    with pytest.raises(ProbeRefused) as caught:  # to begin, the page must be in front
        run(client, replace(LONG, background="continue"))
    assert caught.value.code == "background"
    opener.show(5.0)
    seat.wait_for(frozenset({"ready"}), 5.0)

    trial = Trial(client, replace(LONG, background="continue", duration_s=5.0))
    trial.wait_for("playing")
    opener.hide(5.0)
    opener.show(5.0)
    observed = trial.result().report.observed
    left, came = float(observed["left_front_ms"]), float(observed["came_front_ms"])
    assert 0 < left <= came < 5000
    client.close()


def test_a_second_tab_waits_until_the_first_is_closed(context: BrowserContext, ready: Tab) -> None:
    second = context.new_page()
    second.goto(ready.seat.url)
    second.wait_for_selector("html[data-state=another_tab]")
    with ready.client() as client:
        assert run(client).audio.frames > 0
    ready.page.close()
    until(lambda: not ready.seat.connected, "the first tab is gone")
    second.click("#start")
    second.wait_for_selector("html[data-state=waiting_for_tap]")
    ready.wait("waiting_for_tap")


def test_the_bench_speaks_and_says_goodbye(ready: Tab) -> None:
    line = "<b>L1</b>, trial 2 of 6"
    ready.seat.say(line)
    with ready.client() as client:
        run(client)
    row = ready.page.locator("#list li").first.inner_text()
    assert line in row
    assert "recorded" in row
    assert ready.page.locator("#list b, #say b").count() == 0
    ready.seat.finish()
    ready.shows("finished")
    assert "close this tab" in ready.page.inner_text("#text")
    with pytest.raises(DeviceLost):
        ready.seat.stream()


def test_a_page_that_lost_the_bench_says_so(context: BrowserContext) -> None:
    with page_server() as server:
        tab = Tab(context, server.seat("lost"))
        tab.tap()
    tab.shows("lost")
    assert tab.page.inner_text("#link") == "Not connected"


def test_the_page_names_itself_over_reloads_and_is_accessible(ready: Tab) -> None:
    first = ready.wait("ready").browser_id
    ready.page.reload()
    assert ready.wait("waiting_for_tap").browser_id == first
    tree = ready.page.locator("body").aria_snapshot()
    assert 'button "Start"' in tree
    assert 'heading "Measure this device\'s sound" [level=1]' in tree
    assert ready.page.locator("[aria-live=polite] #title").count() == 1
    # Nothing may be wider than a small phone.
    ready.page.set_viewport_size({"width": 360, "height": 740})
    assert ready.page.evaluate("document.documentElement.scrollWidth") <= 360
