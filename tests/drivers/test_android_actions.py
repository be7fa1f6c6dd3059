"""Timed actions: keys, screen and route of virtual phones, pressed through the real adb server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from android_benches import CALM, QUICK, Rig, has_note, rig, trial

from device_probes.android import AndroidDeadlines, AndroidDriver, PrivateServer
from device_probes.android.acting import MAX_ACTIONS
from device_probes.android.prepare import Before
from device_probes.driver import Acts, Capture, Play, Progress, StartsFresh
from device_probes.virtual import Clock
from profiler.errors import DeviceError, DeviceLost, DeviceTimeout, ProbeBackground, ProbeRefused
from profiler.model import TimedAction, TrialRequest
from profiler.stimulus import make_train

pytestmark = pytest.mark.alone  # things at times of a clock that runs fast

TRAIN = make_train(seed=11)
CALL = TrialRequest(audio_mode="communication", warmup_s=0.1, duration_s=14.0)
ON = replace(CALL, background="continue")
SPEED = 8.0
"""Of the phones' clock: 14 s of theirs are long enough for a few commands."""
ROUTES = '[phone.streams]\nroutes = ["speaker", "earpiece"]\n'
ANDROID = "[phone.routes.earpiece]\ndelay_ms = 12.0\ngap_s = 0.5\n"


def during(
    driver: AndroidDriver, request: TrialRequest, work: Callable[[], object]
) -> tuple[Capture, list[object]]:
    """Run a trial, and ``work`` in another thread from its first ``playing`` on."""
    playing, outcome = threading.Event(), []

    def note(progress: Progress) -> None:
        if progress.stage == "playing":
            playing.set()

    def act() -> None:
        assert playing.wait(20)
        try:
            outcome.append(work())
        except DeviceError as exc:
            outcome.append(exc)

    thread = threading.Thread(target=act)
    thread.start()
    try:
        return driver.run(request, (Play(TRAIN),), note), outcome
    finally:
        playing.set()
        thread.join()


def acting(driver: AndroidDriver, *words: str | TimedAction) -> Callable[[], list[str]]:
    def work() -> list[str]:
        actions = [w if isinstance(w, TimedAction) else TimedAction(0.0, w) for w in words]
        return [driver.act(action) for action in actions]

    return work


def indices(made: Rig) -> dict[int, int]:
    return {stream: volume.index for stream, volume in made.phone.state.volumes.items()}


@pytest.fixture
def phone_for(server: PrivateServer, request: pytest.FixtureRequest):
    """``phone_for(android=…)``: a rig and its connected driver, on a fast clock."""

    def make(deadlines: AndroidDeadlines = CALM, **more: object) -> tuple[Rig, AndroidDriver]:
        made = rig(clock=Clock(SPEED), on=server, head=ROUTES, **more)
        found = made.__enter__()
        request.addfinalizer(lambda: made.__exit__(None, None, None))
        driver = found.driver(deadlines=deadlines)
        driver.connect()
        return found, driver

    return make


def test_the_driver_says_what_it_can_do(phone_for) -> None:
    _, driver = phone_for()
    assert isinstance(driver, Acts)
    assert isinstance(driver, StartsFresh)
    assert driver.actions == {"screen_off", "screen_on", "lock", "home", "front",
                              "volume_up", "volume_down", "route"}  # fmt: skip
    driver.close()
    assert driver.actions == frozenset()


def test_volume_keys_move_the_calls_stream_and_are_taken_back(phone_for) -> None:
    made, driver = phone_for()
    before = indices(made)
    notes: list[bool] = []

    def work() -> list[str]:
        said = [driver.act(TimedAction(0.0, "volume_down", "3"))]
        notes.append(has_note(made.phone))
        note = made.phone.files.read("/data/local/tmp/chirpbench.restore")
        found = Before.read(bytes(note).decode())
        assert found is not None
        assert dict(found.volumes) == before
        return [*said, driver.act(TimedAction(0.0, "volume_up"))]

    request = replace(CALL, volume=0.8)
    capture, outcome = during(driver, request, work)
    at = int(capture.report.observed["volume_index"])
    started = round(1 + 0.8 * 14)
    assert outcome == [
        [f"moved: voice_call {started}>{started - 3} of 15",
         f"moved: voice_call {started - 3}>{started - 2} of 15"]
    ]  # fmt: skip
    assert at == started - 2
    assert notes == [True]
    assert indices(made) == before, "as before the trial"
    note = Before.read(bytes(made.phone.files.read("/data/local/tmp/chirpbench.restore")).decode())
    assert note is not None
    assert note.volumes == ()
    driver.close()
    assert not has_note(made.phone)


def test_a_phone_whose_keys_move_the_wrong_stream_is_seen_and_put_back(phone_for) -> None:
    made, driver = phone_for(android='volume_keys_in_call = "ring"\n')
    before = indices(made)
    _, outcome = during(driver, CALL, acting(driver, "volume_up", "volume_down"))
    assert outcome == [["moved: ring 4>5 of 7", "moved: ring 5>4 of 7"]]
    _, outcome = during(driver, CALL, acting(driver, TimedAction(0.0, "volume_up", "2")))
    assert outcome == [["moved: ring 4>6 of 7"]]
    assert indices(made) == before


def test_the_keys_change_what_is_heard(phone_for) -> None:
    """Truth: the stream's index falls from 15 to 6 of 15: 8.0 dB (the volume is the amplitude)."""
    made, driver = phone_for()
    down = TimedAction(0.0, "volume_down", "9")
    during(driver, replace(CALL, volume=1.0), acting(driver, down))
    paths = made.phone.phone.truths[-1].paths
    assert paths[-1].level_db - paths[0].level_db == pytest.approx(20 * np.log10(6 / 15), abs=0.01)


def test_the_screen_goes_off_and_the_microphone_with_it(phone_for) -> None:
    made, driver = phone_for(android="background_mute_s = 3.0\n")
    capture, outcome = during(driver, ON, acting(driver, "screen_off"))
    assert outcome == [["screen off, keyguard down"]]
    left_s = int(capture.report.observed["left_front_ms"]) / 1000
    last = np.flatnonzero(capture.audio.samples.any(axis=1))[-1] / capture.audio.rate_hz
    assert capture.report.input_silenced is True
    assert last == pytest.approx(left_s + 3.0, abs=0.05)
    assert made.phone.state.awake, "it is on again"
    assert made.phone.state.probe_on_top
    assert not trial(driver).report.input_silenced


def test_a_phone_that_listens_on_in_the_background(phone_for) -> None:
    _, driver = phone_for(android='background_mute_s = "never"\n')
    capture, outcome = during(driver, ON, acting(driver, "home", "front"))
    assert outcome == [["in front: com.android.launcher3", "in front: org.chirpbench.probe"]]
    seen = capture.report.observed
    assert 0 < int(seen["left_front_ms"]) < int(seen["came_front_ms"]) < 14_000
    assert capture.report.input_silenced is False
    assert (capture.report.longest_zero_run_frames or 0) < 50


@pytest.mark.parametrize("guard", ["none", "swipe"])
def test_a_lock_without_a_secret_is_locked_and_opened_again(phone_for, guard: str) -> None:
    made, driver = phone_for(android=f'[phone.android.at_start]\nkeyguard = "{guard}"\n')
    _, outcome = during(driver, ON, acting(driver, "lock", "lock", "screen_on"))
    up = "up" if guard == "swipe" else "down"
    assert outcome == [
        [f"screen off, keyguard {up}", f"screen off, keyguard {up}", "screen on, keyguard down"]
    ]
    assert made.phone.state.awake
    assert not made.phone.state.keyguard_showing
    trial(driver)


def test_a_phone_with_a_secret_is_never_locked(phone_for) -> None:
    made, driver = phone_for()
    driver.close()
    made.phone.state.keyguard = "pin"  # set, and just now open
    driver.connect()
    assert driver.actions & {"screen_off", "lock"} == frozenset()
    _, outcome = during(driver, ON, acting(driver, "screen_off"))
    assert isinstance(outcome[0], ProbeRefused)
    assert "screen lock to None" in outcome[0].hint
    assert made.phone.state.awake


def test_home_ends_a_trial_that_may_not_go_on(phone_for) -> None:
    made, driver = phone_for()
    with pytest.raises(ProbeBackground):
        during(driver, CALL, acting(driver, "home"))
    assert made.phone.state.probe_on_top, "it was brought back"
    assert trial(driver).audio.frames


def test_the_route_is_changed_by_the_probe(phone_for) -> None:
    made, driver = phone_for(android=ANDROID)
    actions = [TimedAction(0.0, "route", value) for value in ("earpiece", "moon")]
    capture, outcome = during(driver, CALL, acting(driver, *actions))
    assert outcome == [["earpiece was asked for", "moon was asked for"]]
    seen = capture.report.observed
    assert seen["route_1"] == "earpiece"
    assert seen["route_2"] == "refused: no route moon"
    first, second = made.phone.phone.truths[-1].paths
    assert second.latency_ms - first.latency_ms == pytest.approx(12.0)
    assert int(seen["route_1_ms"]) == pytest.approx(1000 * second.begin_s, abs=1.0)


# --- what must not be done ------------------------------------------------------------------------


def test_nothing_is_done_outside_a_trial(phone_for) -> None:
    made, driver = phone_for()
    seen: list[str] = []
    made.phone.override("*", lambda words: seen.append(" ".join(words)))
    for word in ("volume_up", "screen_off", "route"):
        with pytest.raises(ProbeRefused, match="no trial is running"):
            driver.act(TimedAction(0.0, word))
    driver.close()
    with pytest.raises(DeviceLost):
        driver.act(TimedAction(0.0, "home"))
    assert not [line for line in seen if "keyevent" in line]


def test_actions_that_are_none(phone_for) -> None:
    made, driver = phone_for()
    before = indices(made)
    bad = [
        TimedAction(0.0, "self_destruct"),
        TimedAction(0.0, "screen_off; reboot"),
        TimedAction(0.0, "volume_up", "0"),
        TimedAction(0.0, "volume_up", "3; reboot"),
        TimedAction(0.0, "volume_up", "10"),
        TimedAction(0.0, "home", "now"),
        TimedAction(0.0, "route", "ear piece"),
        TimedAction(0.0, "route", ""),
    ]
    refused: list[str] = []

    def work() -> None:
        for action in bad:
            with pytest.raises(ProbeRefused) as caught:
                driver.act(action)
            refused.append(caught.value.message)

    during(driver, CALL, work)
    assert len(refused) == len(bad)
    assert not any("\n" in line for line in refused)
    assert indices(made) == before
    assert made.phone.state.awake


def test_a_flood_ends_in_refusals_and_the_trial_goes_on(phone_for) -> None:
    made, driver = phone_for()

    def work() -> int:
        for count in range(MAX_ACTIONS + 10):
            try:
                driver.act(TimedAction(0.0, "route", "earpiece"))
            except ProbeRefused:
                return count
        return -1

    capture, outcome = during(driver, CALL, work)
    assert outcome == [MAX_ACTIONS]
    assert capture.report.observed["acts_ignored"] == str(MAX_ACTIONS - 8)
    assert made.phone.app.trial is None


def test_volumes_come_back_at_the_next_contact_after_a_pulled_cable(phone_for) -> None:
    made, driver = phone_for()
    before = indices(made)

    def work() -> None:
        driver.act(TimedAction(0.0, "volume_down", "4"))
        made.phone.unplug()

    with pytest.raises(DeviceLost):
        during(driver, CALL, work)
    driver.close()
    made.phone.state.volumes[0].index = 3  # whatever it was left at
    made.phone.state.volumes[2].index = 1
    made.phone.replug()
    driver.connect()
    assert indices(made) == before
    trial(driver)
    driver.close()
    assert not has_note(made.phone)


def test_a_phone_that_knows_only_the_old_words_for_a_volume(phone_for) -> None:
    made, driver = phone_for(api_level=29)
    before = indices(made)
    made.phone.override("cmd media_session*", lambda _: "Can't find service: media_session\n")
    _, outcome = during(driver, CALL, acting(driver, "volume_up"))
    assert outcome[0][0].startswith("moved: voice_call")
    assert indices(made) == before


def test_a_frozen_phone_ends_an_action_in_time(phone_for) -> None:
    made, driver = phone_for(QUICK)

    outcome: list[object] = []

    def work() -> None:
        made.phone.freeze()
        try:
            driver.act(TimedAction(0.0, "volume_up"))
        except DeviceError as exc:
            outcome.append(exc)
        finally:
            made.phone.thaw()

    with contextlib.suppress(DeviceError):  # the trial itself may survive it, or not
        during(driver, CALL, work)
    assert [type(exc) for exc in outcome] == [DeviceTimeout]
    driver.close()
    driver.connect()
    trial(driver)


def test_a_new_process_has_another_token_and_measures(phone_for) -> None:
    made, driver = phone_for()
    trial(driver)
    pid = made.phone.app.pid
    driver.restart()
    assert made.phone.app.pid not in (None, pid)
    assert trial(driver).audio.frames
    driver.close()
    with pytest.raises(DeviceLost):
        driver.restart()
