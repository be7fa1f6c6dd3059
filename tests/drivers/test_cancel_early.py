"""A cancel counts while a run has been called and has not come back, and is forgotten otherwise."""

from __future__ import annotations

import socket
import threading

import ios_fleets
import pytest
from android_benches import Rig
from ios_fleets import table

from device_probes.client import ProbeClient
from device_probes.driver import Driver, Play
from device_probes.server import ProbeServer
from device_probes.virtual.adbd import VirtualAndroid
from device_probes.virtual.usbmuxd import VirtualIphone
from profiler import __version__
from profiler.errors import ProbeBackground, ProbeCrashed, ProbeRefused
from profiler.model import CodecRequest, TrialRequest

SHORT = TrialRequest(warmup_s=0.1, duration_s=0.4)


def trial(driver: Driver) -> int:
    """One trial; how many frames came back."""
    capture = driver.run(SHORT, (Play(ios_fleets.TRAIN),), lambda _: None)
    return capture.audio.samples.shape[0]


def cancelled_at(driver: Driver, phone: VirtualAndroid | VirtualIphone, event: str) -> None:
    """Run a trial during which somebody cancels at this event; it ends, and the next one runs."""
    came: list[str] = []

    def cancel(_: object) -> None:
        driver.cancel()
        came.append(event)

    phone.on(event, cancel)
    with pytest.raises(ProbeRefused) as caught:
        trial(driver)
    assert came == [event]
    assert caught.value.code == "cancelled"
    assert trial(driver) == 19_200


def test_androids_look_before_a_trial_hears_a_cancel(one: Rig) -> None:
    driver, phone = one.driver(), one.phone
    driver.connect()
    cancelled_at(driver, phone, "shell:*")


def test_an_iphone_hears_a_cancel_while_the_microphones_question_is_answered() -> None:
    """Between the trial that was refused and the one after the answer nothing runs on the wire."""
    with table("I1") as made:
        phone, driver = made.phone, made.driver()
        phone.allow_microphone()
        driver.connect()
        phone.state.microphone = "ask"
        cancelled_at(driver, phone, "wda:POST /alert/accept")
        assert phone.state.microphone == "allowed"


def test_an_iphone_hears_a_cancel_while_it_is_brought_to_the_front() -> None:
    with table("I1") as made:
        phone, driver = made.phone, made.driver()
        driver.connect()
        phone.go_background()
        with pytest.raises(ProbeBackground):
            trial(driver)
        cancelled_at(driver, phone, "wda:POST /wda/apps/launch")


@pytest.mark.parametrize("system", ["android", "ios"])
def test_a_cancel_that_came_when_nothing_ran_ends_no_later_trial(one: Rig, system: str) -> None:
    """As Ctrl-C between two trials, and a run that is taken up again."""
    with table("I1") as made:
        driver: Driver = one.driver() if system == "android" else made.driver()
        driver.cancel()
        driver.connect()
        driver.cancel()
        assert trial(driver) == 19_200
        driver.cancel()
        assert trial(driver) == 19_200


def test_after_a_cancel_a_crash_is_called_a_crash(one: Rig) -> None:
    """A connection that ends because of a cancel needs no other reason; this one was long ago."""
    driver = one.driver()
    driver.connect()
    cancelled_at(driver, one.phone, "shell:*")
    driver.cancel()
    one.phone.on("probe:codec", lambda phone: phone.crash_probe())
    with pytest.raises(ProbeCrashed):
        driver.codec_cost(CodecRequest(frames=10))


def test_a_client_is_told_of_a_cancel_that_came_before_its_call() -> None:
    """Between a driver's last look and its client's call nobody would hear it."""
    (phone,) = ios_fleets.iphones("I1")
    ours, theirs = socket.socketpair()
    server = ProbeServer(phone.phone, theirs, version=__version__)
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    client, off = ProbeClient(ours, "I1"), threading.Event()
    client.handshake()
    off.set()
    client.cancel()
    with pytest.raises(ProbeRefused) as caught:
        client.run(SHORT, (), lambda _: None, off)
    assert caught.value.code == "cancelled"
    assert phone.phone.truths == []
    off.clear()
    assert client.run(SHORT, (), lambda _: None, off).audio.frames == 19_200
    client.close()
    serving.join(10)
