"""The acceptance test of a real phone: ``pytest tests/device --device SERIAL -v -s``.

It needs a phone on USB in a quiet room, lying face up. Nothing here is simulated; what it checks
is listed in docs/android.md. It prints a table to send with a report.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from phone_acceptance import (
    MAY_BE_VIRTUAL,
    agree,
    cancelled_in_mid_trial,
    first_trial_after_contact,
    latencies_ms,
    measured,
    not_silent_in_secret,
    say,
    told,
    trial,
    tried,
)

from device_probes.android import AdbBench, AndroidDriver, SharedServer
from device_probes.android.commands import FORCE_STOP, Command
from device_probes.android.shell import Shell
from profiler.errors import DeviceError, ProbeBackground, ProbeRefused
from profiler.model import CodecRequest, EffectState, Verdict

pytestmark = [pytest.mark.device("android"), pytest.mark.timeout(600)]

PATHS = [
    *(("aaudio", sharing, mode) for sharing in ("exclusive", "shared")
      for mode in ("low_latency", "none")),
    ("java", "shared", "low_latency"),
    ("java", "shared", "none"),
]  # fmt: skip


HOME = Command("input keyevent KEYCODE_HOME")
KEPT = (
    "global stay_on_while_plugged_in",
    "system screen_off_timeout",
    "system volume_music_speaker",
    "system volume_voice_speaker",
)
"""Settings that must be as they were; volumes are written there within a second."""


class ByHand:
    """What a person at the bench would do to the phone, beside the driver."""

    def __init__(self, bench: AdbBench, server: SharedServer, serial: str) -> None:
        self._bench, self._server, self._serial = bench, server, serial

    def run(self, command: Command) -> str:
        (seen,) = [p for p in self._bench.seen() if p.ref.serial == self._serial]
        transport = int(seen.tags["transport_id"])
        return Shell(self._server.adb, transport, self._serial).run(command).out

    def settings(self) -> list[str]:
        time.sleep(1.5)  # the system writes volumes down a little later
        return [f"{key} = {self.run(Command(f'settings get {key}')).strip()}" for key in KEPT]


@pytest.fixture(scope="module")
def server() -> SharedServer:
    return SharedServer()


@pytest.fixture(scope="module")
def bench(server: SharedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbBench]:
    found = AdbBench(server, tmp_path_factory.mktemp("state"))
    found.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def phone(bench: AdbBench, request: pytest.FixtureRequest) -> Iterator[AndroidDriver]:
    serial = request.config.getoption("--device")
    by_serial = {d.ref.serial: d for d in bench.drivers()}
    if serial not in by_serial:
        pytest.fail(f"no phone {serial}; adb sees: {', '.join(by_serial) or 'none'}")
    driver = by_serial[serial]
    facts = driver.connect()
    say(f"{facts.manufacturer} {facts.model} / {facts.soc} / {facts.os_build}")
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def hand(bench: AdbBench, server: SharedServer, phone: AndroidDriver) -> ByHand:
    return ByHand(bench, server, phone.ref.serial)


def test_facts_are_complete(phone: AndroidDriver) -> None:
    facts = phone.connect()
    for value in (facts.manufacturer, facts.model, facts.soc, facts.os_build):
        assert value
    assert (facts.api_level or 0) >= 26
    assert facts.native_rate_hz in (44_100, 48_000, 96_000, 192_000)
    assert 16 <= (facts.frames_per_burst or 0) <= 8192
    assert facts.low_latency is not None
    assert MAY_BE_VIRTUAL or not facts.is_virtual
    assert not facts.is_emulator, "an emulator's microphone says nothing about a phone"
    for key in sorted(facts.raw):
        if key.startswith(("effect", "codec", "mmap")):
            say(f"{key} = {facts.raw[key]}")


def test_the_probe_is_installed_once(phone: AndroidDriver) -> None:
    """A second contact finds the probe current; from there to the first trial is quick."""
    first_trial_after_contact(phone)


@pytest.mark.parametrize(("api", "sharing", "mode"), PATHS)
def test_each_path_opens_or_says_why(
    phone: AndroidDriver, api: str, sharing: str, mode: str
) -> None:
    name = f"{api} {sharing} {mode}"
    capture = tried(phone, name, api=api, sharing=sharing, performance_mode=mode)
    if capture is not None:
        output = capture.report.output
        granted = f"{output.sharing}/{output.performance_mode}/mmap {output.mmap}"
        told(name, capture, f"granted {granted}")


def test_five_opens_agree_within_three_bursts(phone: AndroidDriver) -> None:
    facts = phone.connect()
    agree(latencies_ms(phone, 5), facts)


@pytest.mark.parametrize("preset", ["generic", "voice_recognition", "unprocessed"])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_no_capture_is_silent_in_secret(phone: AndroidDriver, preset: str, rate: int) -> None:
    try:
        capture = trial(phone, input_preset=preset, rate_hz=rate)
    except ProbeRefused as exc:
        say(f"{preset} {rate}: {exc.code}")
        return
    say(f"{preset} {rate}: zeros {capture.report.longest_zero_run_frames} frames")
    not_silent_in_secret(capture)


def test_effects_are_reported(phone: AndroidDriver) -> None:
    for state in (EffectState.ON, EffectState.OFF):
        try:
            report = trial(
                phone, audio_mode="communication", input_preset="voice_communication",
                aec=state, ns=state, audio_session="shared",
            ).report  # fmt: skip
        except ProbeRefused as exc:
            say(f"communication, effects {state.value}: {exc.code}")
            continue
        for name, effect in report.effects.items():
            real = f"{effect.state.value} {effect.implementor} {effect.uuid}"
            say(f"asked {state.value}: {name} {real}")
        assert set(report.effects) <= {"aec", "ns", "agc"}


def test_settings_are_as_before_also_after_a_kill(phone: AndroidDriver, hand: ByHand) -> None:
    phone.close()
    before = hand.settings()
    say("; ".join(before))
    phone.connect()
    trial(phone, volume=0.5, audio_mode="communication")
    phone.close()
    assert hand.settings() == before
    phone.connect()
    running = threading.Thread(target=lambda: _lost(phone))
    running.start()
    time.sleep(1.2)
    hand.run(FORCE_STOP)
    running.join(60)
    phone.close()
    assert hand.settings() == before


def _lost(phone: AndroidDriver) -> None:
    with suppress(DeviceError):
        trial(phone, volume=0.3, duration_s=8.0)


def test_home_ends_a_trial(phone: AndroidDriver, hand: ByHand) -> None:
    phone.connect()
    timer = threading.Timer(1.2, hand.run, (HOME,))
    timer.start()
    with pytest.raises((ProbeBackground, ProbeRefused)) as caught:
        trial(phone, duration_s=8.0)
    timer.join()
    assert isinstance(caught.value, ProbeBackground) or caught.value.code == "background"
    assert measured(trial(phone)).verdict is not Verdict.ERROR, "it comes back by itself"


def test_cancel_is_heard(phone: AndroidDriver) -> None:
    cancelled_in_mid_trial(phone)


def test_codec_cost(phone: AndroidDriver) -> None:
    try:
        cost = phone.codec_cost(CodecRequest(frames=150))
    except ProbeRefused as exc:
        say(f"opus: {exc.code}")
        if exc.code != "unsupported":
            raise
        return
    say(f"opus: {cost.encoder} {cost.encode_ms}; {cost.decoder} {cost.decode_ms}")
    assert cost.encode_ms is None or 0 < cost.encode_ms.p50 <= cost.encode_ms.max
