"""The door to iPhones against the product's own virtual ones, with what can go wrong with them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ios_mux import state_of, threads

from device_probes.ios import alerts
from device_probes.ios.agent import Agent, AgentDeadlines
from device_probes.ios.answers import AppState
from device_probes.ios.door import MuxDoor
from device_probes.ios.tracking import MuxTracker
from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import load_fleet
from device_probes.virtual.usbmuxd import UsbmuxDaemon, VirtualIphone
from profiler.errors import DeviceLost, DeviceTimeout, ProbeBackground

PROBE, PORT = "org.chirpbench.probe", 7878
SAFE_S = 10.0


@pytest.fixture
def phones() -> tuple[VirtualIphone, VirtualIphone]:
    one, two, *_ = load_fleet().phones(Clock(math.inf))
    return VirtualIphone(one), VirtualIphone(two)


@pytest.fixture
def door(phones: tuple[VirtualIphone, VirtualIphone]) -> Iterator[MuxDoor]:
    with tempfile.TemporaryDirectory(prefix="mux-") as folder:
        path = Path(folder) / "usbmuxd"
        with UsbmuxDaemon(phones, path):
            yield MuxDoor(str(path))


@pytest.fixture
def phone(phones: tuple[VirtualIphone, VirtualIphone]) -> VirtualIphone:
    return phones[0]


@pytest.fixture
def agent(door: MuxDoor, phone: VirtualIphone) -> Iterator[Agent]:
    agent = Agent(door, phone.udid)
    yield agent
    agent.close()


def test_two_phones_come_and_go(door: MuxDoor, phones: tuple[VirtualIphone, VirtualIphone]) -> None:
    one, two = phones
    assert {seen.udid for seen in door.devices()} == {one.udid, two.udid}
    tracker = MuxTracker(door)
    tracker.start()
    (before,) = (s for s in tracker.snapshot() if s.udid == one.udid)
    one.unplug()
    assert tracker.wait_for(one.udid, False, SAFE_S)
    assert [seen.udid for seen in door.devices()] == [two.udid]
    with pytest.raises(DeviceLost):
        door.connect(one.udid, 62_078, 2)
    one.replug()
    assert tracker.wait_for(one.udid, True, SAFE_S)
    (after,) = (s for s in tracker.snapshot() if s.udid == one.udid)
    assert after.mux_id != before.mux_id
    tracker.close()
    assert threads("ios tracker") == 0


def test_the_probe_is_launched_asked_about_and_ended(door: MuxDoor, agent: Agent) -> None:
    assert agent.status().ready
    assert agent.app_state(PROBE) is AppState.NOT_RUNNING
    assert state_of(lambda: door.connect(agent.udid, PORT, 2)) == "port_closed"
    agent.launch(PROBE, ["-token", "ab12", "-port", str(PORT)])
    assert agent.app_state(PROBE) is AppState.FOREGROUND
    assert alerts.clear(agent.alert, agent.press, agent.udid) == 1
    door.connect(agent.udid, PORT, 2).close()
    assert agent.screenshot().startswith(b"\x89PNG")
    assert agent.battery().battery_percent == 83.0
    agent.terminate(PROBE)
    assert state_of(lambda: door.connect(agent.udid, PORT, 2)) == "port_closed"


def test_what_heals_heals(phone: VirtualIphone, agent: Agent) -> None:
    assert agent.alert() is None
    phone.lose_session()
    assert agent.app_state(PROBE) is AppState.NOT_RUNNING
    phone.wda_empty()
    assert agent.status().ready
    phone.wda_bad_gateway(2)
    assert not agent.locked()
    phone.unplug()
    phone.replug()
    assert agent.status().ready


def test_what_a_person_has_to_do_is_named(phone: VirtualIphone, agent: Agent) -> None:
    phone.lock()
    assert state_of(lambda: agent.launch(PROBE)) == "locked"
    phone.unlock()
    phone.expire_probe()
    assert state_of(lambda: agent.launch(PROBE)) == "probe_expired"
    phone.remove_probe()
    assert state_of(lambda: agent.launch(PROBE)) == "probe_missing"
    phone.expire_wda()
    assert state_of(agent.status) == "wda_missing"


def test_a_hanging_webdriveragent_is_named_and_others_go_on(
    door: MuxDoor, phones: tuple[VirtualIphone, VirtualIphone]
) -> None:
    one, two = phones
    one.hang_wda()
    hasty = Agent(door, one.udid, deadlines=AgentDeadlines(1.5, 0.4, 0.4, 0.4, 0.4))
    assert state_of(hasty.status) == "wda_hung"
    with pytest.raises(DeviceTimeout):
        hasty.launch(PROBE)
    assert Agent(door, two.udid).status().ready
    one.heal_wda()
    assert Agent(door, one.udid).status().ready


@pytest.mark.parametrize("about", ["other", "microphone"])
def test_a_storm_of_alerts_ends(phone: VirtualIphone, agent: Agent, about: str) -> None:
    agent.launch(PROBE)
    phone.alert_storm(about=about)
    with pytest.raises(ProbeBackground):
        alerts.clear(agent.alert, agent.press, agent.udid, wait=lambda _: None)
    assert len(phone.report()["pressed"]) <= alerts.MAX_ALERTS


def test_an_unplug_during_a_call_is_a_loss(phone: VirtualIphone, agent: Agent) -> None:
    phone.on("wda:GET /screenshot", "unplug")
    with pytest.raises(DeviceLost):
        agent.screenshot()
