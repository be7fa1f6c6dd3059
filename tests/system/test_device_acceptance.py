"""The acceptance tests of phones, themselves tested: on virtual phones behind a shared adb server
and a usbmuxd.

Nothing else here drives ``SharedServer`` to the end, and an acceptance test that nobody ever ran
would be a promise. The virtual phones' clock runs fast, so that it takes seconds.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import ios_fleets
import pytest
from adb_servers import AdbServer
from adbd_phones import fleet_toml
from cli_process import environment

from device_probes.virtual import Clock
from device_probes.virtual.fleet_process import FleetProcess
from device_probes.virtual.iphone_process import IphoneProcess

ROOT = Path(__file__).resolve().parents[2]
SPEED = 4.0


def acceptance(device: str, env: Mapping[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    """What a person with a phone runs."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests/device", "--device", device, "-s", "-q",
         "-p", "no:cacheprovider", *more],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
        env=environment({**env, "CHIRPBENCH_DEVICE_MAY_BE_VIRTUAL": "1"}),
    )  # fmt: skip


def passed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout
    assert "first contact to first trial" in done.stdout


@pytest.mark.timeout(300)
def test_a_good_phone_passes_its_acceptance() -> None:
    with AdbServer() as server:
        fleet = FleetProcess(
            toml=fleet_toml("ACC1"), clock=Clock(SPEED), adb_server_port=server.port, connect=True
        )
        with fleet:
            passed(acceptance("ACC1", {"ANDROID_ADB_SERVER_PORT": str(server.port)}))


def iphone(folder: Path, old: str = "", new: str = "") -> IphoneProcess:
    """One iPhone; ``new`` stands in its fleet file in place of ``old``."""
    toml = ios_fleets.fleet_toml("ACC2", tail=ios_fleets.CANCELS)
    assert old in toml
    return IphoneProcess(
        folder / "usbmuxd", toml=toml.replace(old, new) if old else toml, clock=Clock(SPEED)
    )


def accepted(phones: IphoneProcess, *more: str) -> subprocess.CompletedProcess[str]:
    (phone,) = phones
    env = {
        "USBMUXD_SOCKET_ADDRESS": f"UNIX:{phones.socket_path}",
        "CHIRPBENCH_IOS_NO_PASSCODE": "1",
    }
    return acceptance(phone.udid, env, *more)


@pytest.mark.timeout(300)
def test_a_good_iphone_passes_its_acceptance(tmp_path: Path) -> None:
    with iphone(tmp_path) as phones:
        passed(accepted(phones))
        assert phones.do("ACC2", "report")["probe_runs"] is False


ROUTES, SPREAD = 'routes = ["speaker", "earpiece"]\n', 'spread = "none"\n'
FAULTS = {
    "silent": (ROUTES, f"{ROUTES}silent_rates_hz = [16000]\n", "test_no_capture", "all zeros, and"),
    "other_route": (ROUTES, f'{ROUTES}granted_route = "speaker"\n', "test_each_route",
                    "'speaker' == 'earpiece'"),
    "wanders": (SPREAD, 'spread = "continuous"\nspread_ms = 40.0\n', "test_a_second_run",
                "of opens that should agree"),
}  # fmt: skip
"""What the fleet file has instead of what, the test that has to fail, and its words."""
MISHAPS = {
    "microphone": ("deny_microphone", None, 0, "test_a_trial_is_measured", "ProbePermission"),
    "no_agent": ("kill_wda", None, 0, "test_facts", "wda_missing: .*open the probe"),
    "left_open": ("open_probe", "wda:POST /wda/apps/state", 2, "test_the_phone_is_given",
                  "AppState.FOREGROUND"),
}  # fmt: skip
"""What is done to the phone, at which event beyond how many, the test that has to fail, words."""


def caught(done: subprocess.CompletedProcess[str], test: str, words: str) -> None:
    assert done.returncode == 1, done.stdout[-4000:]
    assert re.search(rf"(FAILED|ERROR) \S*{test}", done.stdout), done.stdout[-4000:]
    assert re.search(words, done.stdout), done.stdout[-4000:]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAULTS)
def test_an_iphone_with_a_fault_is_caught_by_name(tmp_path: Path, fault: str) -> None:
    old, new, test, words = FAULTS[fault]
    with iphone(tmp_path, old, new) as phones:
        caught(accepted(phones, "-x", "-k", test), test, words)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mishap", MISHAPS)
def test_an_iphone_that_is_not_well_is_caught_by_name(tmp_path: Path, mishap: str) -> None:
    action, event, after, test, words = MISHAPS[mishap]
    with iphone(tmp_path) as phones:
        phones.do("ACC2", action, on=event, after=after)
        caught(accepted(phones, "-k", test), test, words)
