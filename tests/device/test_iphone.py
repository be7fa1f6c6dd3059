"""The acceptance test of a real iPhone: ``pytest tests/device --device UDID -v -s``.

It needs a phone by cable in a quiet room, lying face up, with the probe app on it; WebDriverAgent
for what is done to the phone beside the driver. Nothing here is simulated; what it checks is listed
in docs/ios.md. It prints a table to send with a report.
"""

from __future__ import annotations

import re
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import phone_acceptance as lab
import pytest
from phone_acceptance import say, trial

from device_probes.ios.agent import Agent
from device_probes.ios.answers import AppState
from device_probes.ios.bench import IosBench
from device_probes.ios.bundles import chosen
from device_probes.ios.door import MuxDoor
from device_probes.ios.driver import LOCK, IosDriver
from device_probes.ios.note import Notes
from device_probes.ios.passcode import VARIABLE, none_set
from profiler.catalogue.inputs import ALL_EFFECTS, REMOTE_IO, VOICE_PROCESSING, requested
from profiler.errors import DeviceError, ProbeBackground
from profiler.model import EffectState, TimedAction, TrialRequest, Verdict

pytestmark = [pytest.mark.device("ios"), pytest.mark.timeout(600)]

UNITS = {
    "remote I/O": {"api": REMOTE_IO},
    "voice processing, bypassed": {"api": VOICE_PROCESSING, "aec": "off"},
    "voice processing": {"api": VOICE_PROCESSING, **ALL_EFFECTS},
}
MODES = {
    "generic": "default",
    "unprocessed": "measurement",
    "voice_communication": "voice_chat",
    "video_chat": "video_chat",
}
"""The session's mode by the preset that asks for it (docs/ios.md)."""
VOLUME_STEP = 1 / 16
LONG_S = 8.0


class ByHand:
    """What WebDriverAgent does to the phone beside the driver; without it only a person could."""

    def __init__(self, udid: str) -> None:
        self._agent = Agent(MuxDoor(), udid)
        self._bundle = chosen().probe
        self.found: AppState | None = None
        """How the probe app was before all of this; ``None`` without WebDriverAgent."""
        with suppress(DeviceError):
            self.found = self.app()

    def app(self) -> AppState:
        return self._agent.app_state(self._bundle)

    def needed(self) -> None:
        """Skip what nobody can do to this phone."""
        if self.found is None:
            pytest.skip("needs WebDriverAgent (docs/ios.md, section 4)")

    def end_app(self) -> None:
        self._agent.terminate(self._bundle)

    def locked(self) -> bool:
        return self._agent.locked()


def fields(changes: dict[str, int | str]) -> dict[str, object]:
    """Changes in words as fields of a request."""
    plain, asked = TrialRequest(), requested(TrialRequest(), changes)
    return {n: getattr(asked, n) for n in changes if getattr(asked, n) != getattr(plain, n)}


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do something in mid-trial, from another thread; what it raises is the test's."""
    raised: list[BaseException] = []

    def act() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - raised below
            raised.append(exc)

    timer = threading.Timer(1.2, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()
    if raised:
        raise raised[0]


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Notes:
    return Notes(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def hand(request: pytest.FixtureRequest) -> ByHand:
    return ByHand(request.config.getoption("--device"))


@pytest.fixture(scope="module")
def bench(notes: Notes) -> Iterator[IosBench]:
    found = IosBench(bundles=chosen(), notes=notes, no_passcode=none_set())
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def phone(
    bench: IosBench,
    hand: ByHand,  # looks before the first contact
    request: pytest.FixtureRequest,
) -> Iterator[IosDriver]:
    udid = request.config.getoption("--device")
    by_udid = {d.ref.serial: d for d in bench.drivers()}
    if udid not in by_udid:
        pytest.fail(f"no iPhone {udid}; usbmuxd sees: {bench.problem or ', '.join(by_udid)}")
    driver = by_udid[udid]
    try:
        facts = driver.connect()
    except DeviceError as exc:  # with the next step in its words
        state = getattr(exc, "state", type(exc).__name__)
        pytest.fail(f"it is not ready: {state}: {exc}", pytrace=False)
    say(f"{facts.marketing_name} ({facts.model}) / {facts.soc} / iOS {facts.os_version}")
    say(facts.raw["probe_start"])
    yield driver
    driver.close()


def test_facts_are_plausible(phone: IosDriver) -> None:
    facts = phone.connect()
    assert facts.manufacturer == "Apple"
    assert lab.MAY_BE_VIRTUAL or re.fullmatch(r"iPhone\d+,\d+", facts.model)
    assert lab.MAY_BE_VIRTUAL or not facts.is_virtual
    for value in (facts.marketing_name, facts.soc, facts.os_build):
        assert value
    assert int(facts.os_version.split(".")[0]) >= 13
    assert facts.native_rate_hz in (44_100, 48_000)
    assert 16 <= (facts.frames_per_burst or 0) <= 8192
    percent = phone.health().battery_percent
    assert percent is None or 0 <= percent <= 100


def test_a_second_contact_is_quick(phone: IosDriver) -> None:
    lab.first_trial_after_contact(phone)


@pytest.mark.parametrize("preset", MODES)
@pytest.mark.parametrize("unit", UNITS)
def test_each_mode_of_each_unit_opens_or_says_why(phone: IosDriver, unit: str, preset: str) -> None:
    call = preset in ("voice_communication", "video_chat")
    name = f"{unit}, {MODES[preset]}"
    capture = lab.tried(
        phone, name, **fields({"input_preset": preset, **UNITS[unit]}),
        audio_mode="communication" if call else "media",
    )  # fmt: skip
    if capture is None:
        return
    seen, report = capture.report.observed, capture.report
    assert seen["session_mode"] == MODES[preset]
    assert seen["session_mode_granted"]
    assert seen["requested_rate_hz"] == "48000"
    assert report.output.rate_hz == report.input.rate_hz == capture.audio.rate_hz
    assert float(seen["requested_io_buffer_ms"]) > 0
    assert float(seen["io_buffer_ms"]) > 0
    assert set(report.effects) == {"aec", "ns", "agc"}
    assert (report.effects["aec"].state is EffectState.ON) == (unit == "voice processing")
    effects = ", ".join(f"{n} {e.state.value}" for n, e in sorted(report.effects.items()))
    asked, granted = seen["requested_io_buffer_ms"], seen["io_buffer_ms"]
    lab.told(
        name, capture, f"{seen['session_mode_granted']}, buffer {asked} → {granted} ms; {effects}"
    )


@pytest.mark.parametrize("route", ["speaker", "earpiece"])
def test_each_route_is_granted_or_says_why(phone: IosDriver, route: str) -> None:
    capture = lab.tried(phone, route, route=route)
    if capture is not None:
        assert capture.report.output.route == route
        lab.told(route, capture, capture.report.observed["output_device"])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_no_capture_is_silent_in_secret(phone: IosDriver, unit: str, rate: int) -> None:
    capture = lab.tried(phone, f"{unit}, {rate} Hz", **fields({**UNITS[unit], "rate_hz": rate}))
    if capture is not None:
        say(f"{unit}, {rate} Hz: zeros {capture.report.longest_zero_run_frames} frames")


def test_a_trial_is_measured(phone: IosDriver) -> None:
    capture = trial(phone, api=REMOTE_IO, input_preset="unprocessed")
    found = lab.measured(capture)
    assert found.verdict is Verdict.PASS, found.reasons
    assert found.round_trip_latency_ms is not None
    assert 2 < found.round_trip_latency_ms < 500


def test_a_second_run_repeats_within_a_buffer(phone: IosDriver) -> None:
    """Three opens each, the app started anew between them: all within three of the system's
    buffers, the medians within one."""
    runs = []
    for _ in range(2):
        phone.close()
        facts = phone.connect()
        runs.append(lab.latencies_ms(phone, 3))
    buffer_ms = lab.agree([*runs[0], *runs[1]], facts)
    first, second = map(statistics.median, runs)
    assert abs(first - second) <= buffer_ms + 0.5


def test_cancel_is_heard_and_the_volume_is_as_before(phone: IosDriver) -> None:
    before = trial(phone).report.observed["output_volume"]
    changed = lab.tried(phone, "volume 0.3", volume=0.3)
    if changed is None:
        lab.cancelled_in_mid_trial(phone)
        return
    assert abs(float(changed.report.observed["output_volume"]) - 0.3) <= VOLUME_STEP
    lab.cancelled_in_mid_trial(phone, volume=0.3)
    assert trial(phone).report.observed["output_volume"] == before


def test_an_app_that_is_ended_in_mid_trial_is_named_and_measured_again(
    phone: IosDriver, hand: ByHand
) -> None:
    hand.needed()
    with meanwhile(hand.end_app), pytest.raises(DeviceError) as caught:
        trial(phone, duration_s=LONG_S)
    say(f"app ended: {caught.value}")
    phone.connect()
    assert lab.measured(trial(phone)).verdict is Verdict.PASS


@pytest.mark.parametrize("background", ["refuse", "continue"])
def test_a_screen_that_is_locked_in_mid_trial_is_open_again(
    phone: IosDriver, hand: ByHand, background: str
) -> None:
    if LOCK not in phone.actions:
        pytest.skip(f"nobody may lock it: no WebDriverAgent, or {VARIABLE} does not say 1")
    seen: list[str] = []
    with meanwhile(lambda: seen.append(phone.act(TimedAction(action=LOCK, at_s=1.2)))):
        if background == "continue":
            trial(phone, duration_s=LONG_S, background=background)
        else:
            with pytest.raises(ProbeBackground):
                trial(phone, duration_s=LONG_S, background=background)
    assert seen == ["locked"]
    assert not hand.locked()
    assert lab.measured(trial(phone)).verdict is Verdict.PASS


def test_the_phone_is_given_back(phone: IosDriver, hand: ByHand, notes: Notes) -> None:
    """An app that was open is open for everybody, one that was not is ended; no note is left."""
    phone.close()
    assert notes.read(phone.ref.serial) is None
    hand.needed()
    open_before = hand.found is AppState.FOREGROUND
    assert hand.app() is (AppState.FOREGROUND if open_before else AppState.NOT_RUNNING)
