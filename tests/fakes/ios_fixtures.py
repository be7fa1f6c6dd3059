"""Fixtures of the door to iPhones: a usbmuxd that a test serves, and one phone's WebDriverAgent.

``ios_mux`` has what they are made of; the product's own virtual iPhones are in ``ios_fleets``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ios_mux import FakeAgent, FakeMux

    from device_probes.ios.agent import Agent
    from device_probes.ios.door import MuxDoor


@pytest.fixture
def mux() -> Iterator[FakeMux]:
    """A usbmuxd without a phone."""
    from ios_mux import FakeMux

    with FakeMux() as fake:
        yield fake


@pytest.fixture
def door(mux: FakeMux) -> MuxDoor:
    """The door to it."""
    from device_probes.ios.door import MuxDoor

    return MuxDoor(mux.path)


@pytest.fixture
def wda(mux: FakeMux) -> FakeAgent:
    """The WebDriverAgent of the one phone that is there."""
    from ios_mux import FakeAgent

    fake = FakeAgent()
    mux.plug(wda=fake)
    return fake


@pytest.fixture
def agent(wda: FakeAgent, door: MuxDoor) -> Iterator[Agent]:
    """That phone's agent, as the driver has it."""
    from ios_mux import PHONE

    from device_probes.ios.agent import Agent

    agent = Agent(door, PHONE)
    yield agent
    agent.close()
