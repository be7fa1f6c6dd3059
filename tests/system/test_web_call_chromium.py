"""Calls inside the probe's page, in a real Chromium: Opus, packets and NetEq are the browser's own.

No sound device is in the path; the null sink only gives the browser's sound its clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from catalogue_runs import made, number
from web_loops import web_loop

from device_probes.web.bench import local_browser
from device_probes.web.chromium import Chromium
from device_probes.web.driver import FreshWebDriver
from device_probes.web.server import PageServer
from profiler.catalogue import TESTS, PlannedTrial, TrialOptions, judge
from profiler.catalogue.web.calls import DEFAULTS, DTX, LONG_PACKETS, TARGET, said
from profiler.catalogue.web.settled import SAME_MS, settled
from profiler.errors import ProbeRefused
from profiler.model import CallPath, DeviceFacts, TestResult, TrialRecord, TrialRequest

pytestmark = [
    pytest.mark.alone,
    pytest.mark.needs_apt("chromium", "chromium"),
    pytest.mark.needs_apt("pulseaudio", "pulseaudio"),
    pytest.mark.needs_apt("pulseaudio-utils", "pactl"),
    pytest.mark.timeout(400),
]
SESSIONS = (DEFAULTS, TARGET, DEFAULTS, LONG_PACKETS, DTX)
ATTEMPTS = 3
"""Of a session that does not settle: a busy machine keeps a jitter buffer moving."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A connected Chromium whose page's scripts can be reached."""

    chromium: Chromium
    driver: FreshWebDriver
    facts: DeviceFacts


@contextmanager
def urgent() -> Iterator[None]:
    """Programs started meanwhile come before whatever else the machine does, where it allows that:
    packets that are late by the machine's load keep a jitter buffer moving."""
    usual = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *usual)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with web_loop(tmp_path_factory.mktemp("wc")) as loop:
        server = PageServer()
        server.start()
        chromium = Chromium(env=loop.env)
        driver = FreshWebDriver(local_browser(), server.seat("calls"), chromium)
        try:
            with urgent():
                facts = driver.connect()
            yield Browser(chromium, driver, facts)
        finally:
            driver.close()
            server.close()


@pytest.fixture(scope="module")
def records(browser: Browser) -> list[TrialRecord]:
    """W1 as the catalogue plans it, a few sessions of it."""
    planned: list[PlannedTrial] = []
    whole = TESTS["W1"].trials(browser.facts, TrialOptions(seed=4, tests=("W1",)))
    assert isinstance(whole, tuple)
    for variant in SESSIONS:
        trial = next(t for t in whole if t.setup.note == variant.note)
        planned.append(replace(trial, index=len(planned)))
    return [settled_session(browser, trial) for trial in planned]


def settled_session(browser: Browser, planned: PlannedTrial) -> TrialRecord:
    for _ in range(ATTEMPTS):
        record = made(browser.driver, planned)  # type: ignore[arg-type]
        assert record.report is not None, record.message
        if record.estimate is not None and settled(record.estimate) is not None:
            break
    return record


@pytest.fixture(scope="module")
def result(records: list[TrialRecord]) -> TestResult:
    return judge("W1", "run-1", records)


def of(records: list[TrialRecord], variant: Any) -> list[TrialRecord]:
    return [r for r in records if r.setup.note == variant.note]


def test_a_call_repeats_within_a_millisecond_once_settled(records: list[TrialRecord]) -> None:
    for record in records:
        assert record.estimate is not None
        rest = settled(record.estimate)
        assert rest is not None, record.estimate.per_chirp_ms
        assert rest.sd_ms < SAME_MS
        assert 20.0 < rest.latency_ms < 600.0  # no way around coder and jitter buffer


def test_the_target_takes_effect_in_the_sound_and_in_the_statistics(
    records: list[TrialRecord], result: TestResult
) -> None:
    (raised,) = of(records, TARGET)
    assert said(raised, "jitter_buffer_target_end_ms") == pytest.approx(200.0, abs=20.0)
    assert number(result, "added_ms[target=200]") > 60.0
    assert number(result, "in_force[target=200]") == 1.0
    for record in of(records, DEFAULTS):
        asked = said(record, "jitter_buffer_target_end_ms")
        assert asked is not None
        assert asked < 180.0


def test_every_option_is_believed_by_what_the_stack_counts(
    records: list[TrialRecord], result: TestResult
) -> None:
    assert number(result, "packet_ms[ptime=60]") == 60.0
    assert number(result, "in_force[ptime=60]") == 1.0
    assert number(result, "sent_share[dtx=on]") < 0.8
    assert number(result, "in_force[dtx=on]") == 1.0
    for record in of(records, DEFAULTS):
        assert said(record, "ptime_ms") == 20.0
        assert said(record, "packets_lost") == 0.0
        assert said(record, "packets_sent") == pytest.approx(
            50 * record.request.duration_s, rel=0.05
        )
        assert record.report is not None
        assert record.report.observed["call_codec"].startswith("audio/opus ")
        assert record.report.observed["call_fec"] == "agreed"
    assert number(result, "fec_packets") == 0.0
    assert "FEC: not shown in force" in result.text


def test_noise_beneath_keeps_the_sound_from_being_made_up(records: list[TrialRecord]) -> None:
    for record in of(records, DEFAULTS):
        concealed = said(record, "concealed_share")
        assert concealed is not None
        assert concealed < 0.05


REQUEST = TrialRequest(api="web_audio", warmup_s=0.1, duration_s=0.5, call=CallPath())


@pytest.mark.parametrize(
    ("broken", "mended", "call", "text"),
    [
        (
            "window.Kept = RTCPeerConnection; delete window.RTCPeerConnection",
            "window.RTCPeerConnection = Kept",
            CallPath(),
            "no RTCPeerConnection",
        ),
        (
            "window.Kept = RTCRtpReceiver.getCapabilities;"
            "RTCRtpReceiver.getCapabilities = () => ({codecs: [{mimeType: 'audio/PCMU'}]})",
            "RTCRtpReceiver.getCapabilities = Kept",
            CallPath(),
            "no Opus",
        ),
        (
            "window.Kept = Object.getOwnPropertyDescriptor(RTCRtpReceiver.prototype,"
            " 'jitterBufferTarget'); delete RTCRtpReceiver.prototype.jitterBufferTarget",
            "Object.defineProperty(RTCRtpReceiver.prototype, 'jitterBufferTarget', Kept)",
            CallPath(jitter_buffer_target_ms=100),
            "no jitterBufferTarget",
        ),
        (
            "window.Kept = RTCPeerConnection.prototype.setRemoteDescription;"
            "RTCPeerConnection.prototype.setRemoteDescription = async function (d) {"
            " if (d.type === 'answer') throw new Error('bad fmtp'); return Kept.call(this, d) }",
            "RTCPeerConnection.prototype.setRemoteDescription = Kept",
            CallPath(),
            "refuses the call's options: bad fmtp",
        ),
    ],
    ids=["no calls", "no Opus", "no target", "options refused"],
)
def test_what_a_browser_cannot_do_is_refused_in_plain_words(
    browser: Browser, broken: str, mended: str, call: CallPath, text: str
) -> None:
    browser.chromium.evaluate(f"{broken}; 1")
    try:
        with pytest.raises(ProbeRefused, match=text) as caught:
            browser.driver.run(replace(REQUEST, call=call), (), lambda _: None)
        assert caught.value.code == "unsupported"
    finally:
        browser.chromium.evaluate(f"{mended}; 1")
    capture = browser.driver.run(REQUEST, (), lambda _: None)  # and the next call is made
    assert capture.report.observed["call_fec"] == "agreed"


def test_a_call_that_does_not_connect_is_refused_and_not_waited_for(browser: Browser) -> None:
    browser.chromium.evaluate(
        "window.Kept = RTCPeerConnection.prototype.addIceCandidate;"
        "RTCPeerConnection.prototype.addIceCandidate = async () => {}; 1"
    )
    try:
        with pytest.raises(ProbeRefused, match="packets do not arrive") as caught:
            browser.driver.run(REQUEST, (), lambda _: None)
        assert caught.value.code == "open_failed"
    finally:
        browser.chromium.evaluate("RTCPeerConnection.prototype.addIceCandidate = Kept; 1")
