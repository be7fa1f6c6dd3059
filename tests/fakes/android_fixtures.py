"""Fixtures of the Android driver's tests: one adb server a module, one virtual phone a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from android_benches import Rig

    from device_probes.android import PrivateServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    """The adb server of all tests of a module that do not kill theirs."""
    from device_probes.android import PrivateServer

    running = PrivateServer(tmp_path_factory.mktemp("adb"))
    yield running
    running.close()


@pytest.fixture
def one(server: PrivateServer) -> Iterator[Rig]:
    """One virtual phone on that server."""
    from android_benches import rig

    with rig(on=server) as made:
        yield made
