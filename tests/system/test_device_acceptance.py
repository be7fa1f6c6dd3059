"""The acceptance test of a phone, itself tested: on a virtual phone behind a shared adb server.

Nothing else here drives ``SharedServer`` to the end, and an acceptance test that nobody ever ran
would be a promise. The virtual phone's clock runs fast, so that it takes seconds.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from adb_servers import AdbServer
from adbd_phones import fleet_toml
from cli_process import environment

from device_probes.virtual import Clock
from device_probes.virtual.fleet_process import FleetProcess

ROOT = Path(__file__).resolve().parents[2]
SPEED = 4.0


@pytest.mark.timeout(300)
def test_a_good_phone_passes_its_acceptance() -> None:
    with AdbServer() as server:
        fleet = FleetProcess(
            toml=fleet_toml("ACC1"), clock=Clock(SPEED), adb_server_port=server.port, connect=True
        )
        with fleet:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "tests/device", "--device", "ACC1", "-s", "-q",
                 "-p", "no:cacheprovider"],
                cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
                env=environment({
                    "ANDROID_ADB_SERVER_PORT": str(server.port),
                    "CHIRPBENCH_DEVICE_MAY_BE_VIRTUAL": "1",
                }),
            )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout
    assert "first contact to first trial" in done.stdout
