"""Programs that know nothing of us on virtual iPhones: Debian's, and facebook-wda by its own means.

They run unmodified; what they print is what they print of a phone on a cable.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import plistlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ios_fleets import PROBE, REQUEST, TRAIN, Table, fleet_toml, table

from device_probes.client import ProbeClient
from device_probes.driver import Play
from device_probes.virtual import Clock
from device_probes.virtual.iphone_process import IphoneProcess
from profiler.errors import DeviceError, DeviceLost, PlanError

needs_tools = pytest.mark.needs_apt("libimobiledevice-utils", "ideviceinfo")
needs_iproxy = pytest.mark.needs_apt("libusbmuxd-tools", "iproxy")
AMFI = ("-q", "com.apple.security.mac.amfi", "-k", "DeveloperModeStatus")


@pytest.fixture
def two() -> Iterator[Table]:
    with table("I1", "I2") as made:
        yield made


def run(where: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """One of the programs, on the usbmuxd at ``where``."""
    env = {**os.environ, "USBMUXD_SOCKET_ADDRESS": f"UNIX:{where}", "LC_ALL": "C.UTF-8"}
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False)


def listed(where: str) -> list[str]:
    return run(where, "idevice_id", "-l").stdout.split()


@contextlib.contextmanager
def iproxy(where: str, udid: str, port: int) -> Iterator[int]:
    """A port of this computer that leads to a phone's."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        local = free.getsockname()[1]
    env = {**os.environ, "USBMUXD_SOCKET_ADDRESS": f"UNIX:{where}"}
    process = subprocess.Popen(
        ["iproxy", "-u", udid, f"{local}:{port}"], env=env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 15
        while not _listens(local):
            assert time.monotonic() < end, "iproxy never listens"
            time.sleep(0.05)
        yield local
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    """Whether somebody listens there; to connect would be to be the probe's first host."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [
        line.split()
        for table in tables
        if table.exists()
        for line in table.read_text().splitlines()
    ]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


# --- libimobiledevice -----------------------------------------------------------------------------


@needs_tools
def test_phones_are_listed_as_they_come_and_go(two: Table) -> None:
    first, second = two.phones
    assert sorted(listed(two.socket)) == sorted([first.udid, second.udid])
    before = first.mux_id
    first.unplug()
    assert listed(two.socket) == [second.udid]
    first.replug()
    assert sorted(listed(two.socket)) == sorted([first.udid, second.udid])
    assert first.mux_id > before


@needs_tools
def test_a_stranger_is_told_what_the_phone_is(two: Table) -> None:
    phone = two.phone
    told = plistlib.loads(
        run(two.socket, "ideviceinfo", "-s", "-x", "-u", phone.udid).stdout.encode()
    )
    assert told["ProductType"] == "iPhone14,7"
    assert (told["ProductVersion"], told["BuildVersion"]) == ("17.5", "21F79")
    assert told["UniqueDeviceID"] == phone.udid
    one = run(two.socket, "ideviceinfo", "-s", "-u", phone.udid, "-k", "DeviceName")
    assert one.stdout.strip() == "iPhone I1"


@needs_tools
def test_one_that_is_paired_is_told_more(two: Table) -> None:
    phone = two.phone
    said = run(two.socket, "ideviceinfo", "-u", phone.udid, *AMFI)
    assert (said.returncode, said.stdout.strip()) == (0, "true")
    phone.set_developer_mode(False)
    assert run(two.socket, "ideviceinfo", "-u", phone.udid, *AMFI).stdout.strip() == "false"
    found = run(two.socket, "ideviceprovision", "-u", phone.udid, "list").stdout
    assert "iOS Team Provisioning Profile: org.chirpbench.probe" in found


@needs_tools
def test_one_that_is_not_paired_asks_the_person(two: Table) -> None:
    phone = two.phone
    phone.untrust()
    said = run(two.socket, "ideviceinfo", "-u", phone.udid, *AMFI)
    assert "(-19)" in said.stderr  # the dialog waits
    assert phone.trust_asked
    phone.untrust(denied=True)
    assert "(-18)" in run(two.socket, "ideviceinfo", "-u", phone.udid, *AMFI).stderr
    phone.trust()
    said = run(two.socket, "ideviceinfo", "-u", phone.udid, *AMFI)
    assert (said.returncode, said.stdout.strip()) == (0, "true")


@needs_tools
def test_a_pairing_is_validated(two: Table) -> None:
    said = run(two.socket, "idevicepair", "-u", two.phone.udid, "validate")
    assert "SUCCESS" in said.stdout


@needs_iproxy
def test_a_trial_runs_through_iproxy(two: Table) -> None:
    phone = two.phones[1]
    phone.open_probe()
    phone.allow_microphone()
    with iproxy(two.socket, phone.udid, 7878) as port:
        client = ProbeClient(socket.create_connection(("127.0.0.1", port), timeout=5), "I2")
        client.handshake()
        assert client.facts().marketing_name == "iPhone I2"
        capture = client.run(REQUEST, (Play(TRAIN),), lambda _: None)
        assert capture.audio.samples.shape[0] == 19_200
        client.close()
    assert len(phone.phone.truths) == 1
    assert not two.phone.phone.truths


@needs_iproxy
def test_a_port_that_is_closed_and_a_phone_that_goes(two: Table) -> None:
    phone = two.phone
    with iproxy(two.socket, phone.udid, 7878) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            assert sock.recv(1) == b""
        phone.open_probe()
        client = ProbeClient(socket.create_connection(("127.0.0.1", port), timeout=5), "I1")
        client.handshake()
        phone.unplug()
        with pytest.raises(DeviceLost):
            client.facts()
        client.close()


# --- facebook-wda by its own means ----------------------------------------------------------------


FACEBOOK_WDA = """
import json, sys
import wda
from wda.usbmux import pyusbmux
from wda.usbmux.exceptions import MuxConnectError
where, udid, probe = sys.argv[1:]
pyusbmux.MuxConnection.USBMUXD_PIPE = where  # it reads no variable of the environment
said = {"devices": sorted(d.serial for d in wda.list_devices())}
c = wda.USBClient(udid)
said["version"] = c.status()["build"]["version"]
c.app_launch(probe, ["-token", "00ff", "-port", "7878"], {})
said["states"] = [c.app_state(probe).value]
said["alert"] = [c.alert.text, c.alert.buttons()]
c.alert.click("Allow")
said["alert_after"] = c.alert.exists
said["battery"] = c.battery_info()
said["picture"] = c.screenshot(format="raw")[:4].hex()
said["size"] = list(c.window_size())
said["sessions"] = [c.session_id, c.device_info()["name"], c.session_id]
c.app_terminate(probe)
said["states"].append(c.app_state(probe).value)
try:
    c.http.get("/wda/nonsense")
except wda.WDARequestError as exc:
    said["nonsense"] = str(exc)
try:
    pyusbmux.select_device(udid).connect(7878)
except MuxConnectError as exc:
    said["closed"] = True
print(json.dumps(said))
"""


def test_facebook_wda_over_usb_by_its_own_means(two: Table) -> None:
    """In a process of its own: over USB it closes none of its sockets."""
    phone = two.phone
    phone.on("wda:GET /wda/device/info", "lose_session")
    done = run(two.socket, sys.executable, "-c", FACEBOOK_WDA, two.socket, phone.udid, PROBE)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["devices"] == sorted(p.udid for p in two.phones)
    assert said["version"] == "16.7.0"
    assert phone.state.launches == [(PROBE, ("-token", "00ff", "-port", "7878"))]
    assert said["states"] == [4, 1]
    text, buttons = said["alert"]
    assert text.startswith("“chirpbench” Would Like to Access the Microphone\n")
    assert buttons == ["Don’t Allow", "Allow"]
    assert (said["alert_after"], phone.state.microphone) == (False, "allowed")
    assert said["battery"] == {"level": 0.83, "state": 2}
    assert said["picture"] == "89504e47"
    assert said["size"] == [390, 844]
    before, name, after = said["sessions"]
    assert name == "iPhone I1"
    assert before != after  # the session was lost, and the library began another
    assert "Unhandled endpoint" in said["nonsense"]
    assert said["closed"]


# --- the fleet in a process of its own ------------------------------------------------------------


def probe_of(fleet: IphoneProcess, serial: str) -> ProbeClient:
    """A host at the port of a phone, by usbmuxd's protocol alone."""
    from device_probes.virtual.usbmuxd import packet

    udid = next(p.udid for p in fleet if p.serial == serial)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(str(fleet.socket_path))

    def ask(body: dict[str, object]) -> dict[str, object]:
        sock.sendall(packet.answer(body, 7))
        head = sock.recv(packet.HEAD.size, socket.MSG_WAITALL)
        assert packet.HEAD.unpack(head)[3] == 7
        return packet.read_plist(sock.recv(packet.body_bytes(head), socket.MSG_WAITALL))

    records = ask({"MessageType": "ListDevices"})["DeviceList"]
    number = next(r["DeviceID"] for r in records if r["Properties"]["SerialNumber"] == udid)  # type: ignore[attr-defined]
    answer = ask({"MessageType": "Connect", "DeviceID": number,
                  "PortNumber": packet.swapped(7878)})  # fmt: skip
    assert answer == {"MessageType": "Result", "Number": 0}
    return ProbeClient(sock, serial)


def test_a_process_says_who_is_there_does_what_it_is_told_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    where = tmp_path / "usbmuxd"
    fleet = IphoneProcess(where, toml=fleet_toml("P1", "P2"), clock=Clock(math.inf), serials=["P2"])
    with fleet:
        assert [(p.serial, p.name) for p in fleet] == [("P2", "iPhone P2")]
        assert fleet.phones[0].udid.startswith("0000")
        fleet.do("P2", "allow_microphone")
        fleet.do("P2", "open_probe")
        client = probe_of(fleet, "P2")
        client.handshake()
        client.run(REQUEST, (Play(TRAIN),), lambda _: None)
        fleet.do("P2", "unplug", on="probe:run")
        with pytest.raises(DeviceLost):
            client.run(REQUEST, (Play(TRAIN),), lambda _: None)
        client.close()
        report = fleet.do("P2", "report")
        assert (report["plugged"], report["probe_runs"]) == (False, True)
        for wrong in ({"serial": "P1", "action": "unplug"}, {"serial": "P2", "action": "detach"}):
            with pytest.raises(DeviceError, match=r"no phone P1|cannot detach"):
                fleet.do(**wrong)
        with pytest.raises(DeviceError, match="no language"):
            fleet.do("P2", "speak", language="xx")
        fleet.do("P2", "replug")
        assert fleet.do("P2", "report")["plugged"]
        pid = fleet.pid
    assert not where.exists()
    with pytest.raises(OSError, match="No such process"):
        os.kill(pid, 0)


def test_a_process_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no phone behind usbmuxd has the serial P9"):
        IphoneProcess(tmp_path / "u", toml=fleet_toml("P1"), serials=["P9"]).start()
    with pytest.raises(DeviceError, match="did not start"):
        IphoneProcess(tmp_path / "none" / "u", toml=fleet_toml("P1")).start()
    with pytest.raises(PlanError):
        IphoneProcess(tmp_path / "u", toml="version = 2").start()


def test_a_process_that_has_ended_is_asked_in_vain(tmp_path: Path) -> None:
    fleet = IphoneProcess(tmp_path / "u", toml=fleet_toml("P1"), clock=Clock(math.inf))
    with pytest.raises(DeviceError, match="virtual iPhones: it does not run"):
        fleet.do("P1", "report")
    with fleet:
        os.kill(fleet.pid, signal.SIGKILL)
        with pytest.raises(DeviceError, match="virtual iPhones: it does not answer"):
            fleet.do("P1", "report")
    assert not fleet.alive
