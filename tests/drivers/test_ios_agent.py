"""An iPhone's WebDriverAgent: real facebook-wda against a fake one layer below."""

from __future__ import annotations

import asyncio
import threading

import pytest
from adb_servers import until
from ios_mux import (
    OTHER,
    PHONE,
    PNG,
    FakeAgent,
    FakeMux,
    echo,
    http,
    refusal,
    silent,
    state_of,
)

from device_probes.ios import alerts
from device_probes.ios.agent import Agent, AgentDeadlines
from device_probes.ios.answers import AppState
from device_probes.ios.door import MuxDoor
from device_probes.ios.foreign import AgentRefused, Garbled
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    ProbeBackground,
    ProbeProtocolError,
)
from profiler.model import DeviceHealth

PROBE = "org.chirpbench.probe"
SAFE_S = 10.0
"""Never waited for when all is well."""


# --- WebDriverAgent -------------------------------------------------------------------------------


def test_every_call_arrives_and_its_answer_is_understood(wda: FakeAgent, agent: Agent) -> None:
    status = agent.status()
    assert (status.ready, status.version, status.ios) == (True, "16.7.0", "17.5.1")
    assert agent.app_state(PROBE) is AppState.NOT_RUNNING
    wda.is_locked = True
    assert agent.locked()
    agent.launch(PROBE, ["-token", "ab12", "-port", "7878"], {"CHIRP": "1"})
    assert wda.launches == [
        {
            "bundleId": PROBE,
            "arguments": ["-token", "ab12", "-port", "7878"],
            "environment": {"CHIRP": "1"},
            "shouldWaitForQuiescence": False,
        }
    ]
    assert not agent.locked()  # facebook-wda wakes the screen before a launch
    assert agent.app_state(PROBE) is AppState.FOREGROUND
    assert agent.battery() == DeviceHealth(battery_percent=81.2, thermal_status="light")
    assert agent.screenshot() == PNG
    agent.terminate(PROBE)
    agent.terminate(PROBE)
    assert agent.app_state(PROBE) is AppState.NOT_RUNNING
    assert wda.sessions == 1


def test_an_alert_is_read_and_its_button_pressed_as_labelled(wda: FakeAgent, agent: Agent) -> None:
    assert agent.alert() is None
    wda.alerts = [("“Probe” Would Like to Access the Microphone\nWhy", ["Don’t Allow", "OK"])]
    alert = agent.alert()
    assert alert is not None
    assert alert.text.splitlines()[0] == "“Probe” Would Like to Access the Microphone"
    assert alert.buttons == ("Don’t Allow", "OK")
    agent.press("Don’t Allow")
    assert wda.pressed == ["Don’t Allow"]
    assert agent.alert() is None
    agent.press("OK")  # it went by itself


def test_a_storm_of_alerts_is_bounded(wda: FakeAgent, agent: Agent) -> None:
    title = "“Probe” Would Like to Access the Microphone"
    wda.alerts = [(title, ["Don’t Allow", "OK"])] * 50
    with pytest.raises(ProbeBackground):
        alerts.clear(agent.alert, agent.press, PHONE, wait=lambda _: None)
    assert wda.pressed == ["OK"] * alerts.MAX_ALERTS
    wda.alerts = [(title, ["OK"] * 5000)]
    with pytest.raises(Garbled):
        agent.alert()
    wda.alerts = [("x" * 2_000_000, ["OK"])]
    with pytest.raises(ProbeProtocolError, match="longer"):
        agent.alert()


def test_no_webdriveragent_is_a_state(mux: FakeMux, door: MuxDoor) -> None:
    mux.plug(probe=echo)
    agent = Agent(door, PHONE)
    assert state_of(agent.status) == "wda_missing"
    assert state_of(agent.screenshot) == "wda_missing"
    assert state_of(lambda: agent.launch(PROBE)) == "wda_missing"


def test_a_phone_that_is_not_there_is_lost(mux: FakeMux, door: MuxDoor) -> None:
    agent = Agent(door, PHONE)
    with pytest.raises(DeviceLost):
        agent.status()
    mux.stop()
    assert state_of(agent.status) == "no_usbmuxd"


def test_a_lost_session_heals(wda: FakeAgent, agent: Agent) -> None:
    assert agent.alert() is None
    wda.lose_session()
    assert agent.app_state(PROBE) is AppState.NOT_RUNNING
    assert wda.sessions == 2


def test_a_session_that_status_still_names_heals_too(wda: FakeAgent, agent: Agent) -> None:
    wda.stale = "LONG-GONE"
    agent.launch(PROBE)
    assert len(wda.launches) == 1
    assert wda.sessions == 1


def test_sessions_that_are_lost_again_and_again_end(wda: FakeAgent, agent: Agent) -> None:
    wda.replace = {"/wda/apps/launch": refusal("invalid session id")}
    with pytest.raises(DeviceLost):
        agent.launch(PROBE)
    assert len(wda.calls) < 100


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Unable to launch org.chirpbench.probe because it has an invalid code signature, "
         "inadequate entitlements or its profile has not been explicitly trusted by the user",
         "probe_expired"),
        ('Application "org.chirpbench.probe" is unknown to FrontBoard.', "probe_missing"),
        ("Unable to launch because the device was not, or could not be, unlocked.", "locked"),
        ("Error Domain=x " + "y" * 1000 + " BSErrorCodeDescription=Security", "probe_expired"),
    ],
)  # fmt: skip
def test_why_an_app_does_not_start_is_a_state(
    wda: FakeAgent, agent: Agent, text: str, state: str
) -> None:
    wda.replace = {"/launch": refusal("unknown error", text, "500 Internal Server Error")}
    assert state_of(lambda: agent.launch(PROBE)) == state


def test_a_passcode_is_named_though_the_unlock_is_what_failed(wda: FakeAgent, agent: Agent) -> None:
    wda.is_locked = True
    text = "Timed out while waiting until the screen gets unlocked"
    wda.replace = {"/wda/unlock": refusal("unknown error", text, "500 Internal Server Error")}
    assert state_of(lambda: agent.launch(PROBE)) == "locked"
    assert wda.launches == []


def test_other_refusals_keep_webdriveragents_words(wda: FakeAgent, agent: Agent) -> None:
    wda.replace = {"": refusal("unknown command", "Unhandled\x1b[2J endpoint")}
    with pytest.raises(AgentRefused, match=r"Unhandled.*endpoint") as caught:
        agent.locked()
    assert caught.value.code == "unknown command"
    assert "\x1b" not in str(caught.value)


def test_an_unplug_during_a_call_is_a_loss(mux: FakeMux, wda: FakeAgent, agent: Agent) -> None:
    (number,) = mux.phones

    async def unplugged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mux.phones.pop(number)
        writer.transport.abort()

    wda.replace = {"/screenshot": unplugged}
    with pytest.raises(DeviceLost, match="unplugged during screenshot"):
        agent.screenshot()
    mux.plug(wda=FakeAgent())
    assert agent.screenshot() == PNG


def test_calls_of_several_threads_take_turns(wda: FakeAgent, agent: Agent) -> None:
    wda.slow_s = 0.01
    answers: list[object] = []
    callers = [
        threading.Thread(target=lambda n=n: answers.append(agent.app_state(f"app{n}")))
        for n in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(SAFE_S)
    assert answers == [AppState.NOT_RUNNING] * 8
    assert wda.busiest == 1
    assert wda.sessions == 1


def test_two_phones_are_asked_at_once(mux: FakeMux, door: MuxDoor) -> None:
    """Each call waits until the other phone's has arrived, so one after the other cannot be."""
    both = threading.Barrier(2)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(both.wait, SAFE_S)
        writer.write(http({"value": True, "sessionId": None}))
        await writer.drain()

    locked: list[bool] = []
    for udid in (PHONE, OTHER):
        fake = FakeAgent()
        fake.replace = {"/locked": meet}
        mux.plug(udid, wda=fake)
    agents = [Agent(door, udid) for udid in (PHONE, OTHER)]
    callers = [
        threading.Thread(target=lambda agent=agent: locked.append(agent.locked()))
        for agent in agents
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(SAFE_S)
    assert locked == [True, True]


def test_a_call_that_waits_for_its_turn_keeps_its_deadline(wda: FakeAgent, door: MuxDoor) -> None:
    agent = Agent(door, PHONE, deadlines=AgentDeadlines(status_s=0.3))
    wda.replace = {"/screenshot": silent}
    errors: list[Exception] = []

    def shoot() -> None:
        try:
            agent.screenshot()
        except DeviceError as exc:
            errors.append(exc)

    caller = threading.Thread(target=shoot)
    caller.start()
    until(lambda: any("screenshot" in call for call in wda.calls), SAFE_S, "the first call")
    with pytest.raises(DeviceTimeout, match="another call"):
        agent.status()
    agent.close()  # ends the call that runs
    caller.join(SAFE_S)
    assert [type(error) for error in errors] == [DeviceLost]
    with pytest.raises(DeviceLost, match="closed"):
        agent.status()
