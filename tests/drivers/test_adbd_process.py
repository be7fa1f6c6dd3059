"""A fleet in a process of its own: started, frozen, ended, and never left behind."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import adbutils
import pytest
from adb_servers import AdbServer, until
from adbd_phones import fleet_toml, phones

from device_probes.virtual import Clock, load_fleet
from device_probes.virtual.adbd import AdbDaemon
from device_probes.virtual.fleet_process import FleetProcess
from profiler.errors import DeviceError, PlanError

FAST = Clock(math.inf)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_the_packaged_fleet_is_there_until_it_is_stopped_and_takes_its_server_along():
    with AdbServer() as server:
        with FleetProcess(None, FAST, adb_server_port=server.port, connect=True) as fleet:
            names = {p.serial: p.name for p in fleet}
            expected = {
                p.serial: p.marketing_name for p in load_fleet().spec.phone if p.link == "adb"
            }
            assert names == expected
            assert "VP01" not in names
            states = server.states()
            assert {states[p.address] for p in fleet.phones} == {"device"}
            assert all(20_000 <= p.port < 32_000 for p in fleet.phones)
            for phone in fleet.phones:
                said = server.client().device(phone.address).shell2("getprop ro.serialno", v2=True)
                assert said.output.strip() == phone.serial
            pid = fleet.pid
        assert not running(pid)
        until(lambda: not server.answers(), 10, "the server has quit")


def test_a_chosen_phone_of_a_text_is_frozen_whole_and_thaws():
    with (
        AdbServer() as server,
        FleetProcess(toml=fleet_toml("P1", "P2"), clock=FAST, serials=["P2"]) as fleet,
    ):
        (phone,) = fleet
        assert phone.serial == "P2"
        server.client().connect(phone.address)
        dev = server.client(1.0).device(phone.address)
        assert dev.shell2("echo hi", v2=True).output.strip() == "hi"
        fleet.pause()
        said = server.run("-s", phone.address, "get-state")
        assert said.stdout == "device\n"  # nothing tells adb
        with pytest.raises(subprocess.TimeoutExpired):
            server.run("-s", phone.address, "shell", "echo hi", timeout_s=1.0)
        fleet.resume()
        assert dev.shell2("echo hi", v2=True).output.strip() == "hi"
        pid = fleet.pid
        fleet.pause()
    assert not running(pid)
    assert not fleet.alive


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ({"serials": ["nobody"]}, DeviceError, "no phone behind adb has the serial nobody"),
        ({"toml": "version = 1"}, PlanError, "phone"),
        ({"fleet": Path("/nowhere/fleet.toml")}, PlanError, "cannot be read"),
        ({"connect": True}, DeviceError, "--connect needs --adb-server-port"),
    ],
)
def test_what_cannot_start_says_why(more, kind, words):
    fleet = FleetProcess(**more)
    with pytest.raises(kind, match=words):
        fleet.start()
    assert not fleet.alive
    with pytest.raises(DeviceError, match="does not run"):
        _ = fleet.pid


def test_a_fleet_that_says_nothing_is_given_up_at_its_deadline():
    fleet = FleetProcess(None, FAST)
    with pytest.raises(DeviceError, match="nothing was heard of it within 0 s"):
        fleet.start(timeout_s=0)
    assert not fleet.alive


@pytest.mark.parametrize("frozen", [False, True])
def test_nothing_survives_a_killed_parent(frozen):
    """The parent starts an adb server and a fleet, freezes it perhaps, and is killed."""
    script = textwrap.dedent(
        f"""
        import json, sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1] / "fakes")!r})
        from adb_servers import AdbServer
        from device_probes.virtual.fleet_process import FleetProcess
        server = AdbServer()
        server.start()
        fleet = FleetProcess(adb_server_port=server.port, connect=True)
        fleet.start()
        if {frozen}:
            fleet.pause()
        print(json.dumps([fleet.pid, server.pid, server.port]), flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        fleet, server, _ = json.loads(parent.stdout.readline())
        assert running(fleet)
        assert running(server)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        until(lambda: not running(fleet), 15, "the fleet has ended")
        until(lambda: not running(server), 15, "the server has ended")


def test_thirty_two_phones_on_one_server_all_answer():
    found = phones(*(f"C{i:02}" for i in range(32)))
    with AdbServer() as server, AdbDaemon(found, adb_server_port=server.port) as daemon:
        words = daemon.connect_all()
        assert all(text.startswith("connected to") for text in words.values())
        assert sorted(server.states().values()) == ["device"] * 32
        client = server.client()

        def serial(phone):
            device = client.device(phone.address)
            return device.shell2("getprop ro.serialno", v2=True).output.strip()

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(serial, found)) == [p.serial for p in found]
        found[3].freeze()
        with ThreadPoolExecutor(16) as pool:
            others = [p for p in found if p is not found[3]]
            assert list(pool.map(serial, others)) == [p.serial for p in others]
        found[3].thaw()
        assert serial(found[3]) == "C03"
        assert isinstance(client, adbutils.AdbClient)
