"""Everything that can go wrong with a virtual phone, at exact moments, seen through real adb."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from contextlib import closing

import adbutils
import apk_maker
import bad_probes
import pytest
from adb_servers import AdbServer, until
from adbd_phones import SOCKET, START, TOKEN, phones

from device_probes.client import Deadlines, ProbeClient
from device_probes.virtual.adbd import AdbDaemon
from device_probes.virtual.adbd.packet import MAX_PAYLOAD_BYTES
from profiler.errors import DeviceError, DeviceLost, DeviceTimeout, ProbeProtocolError
from profiler.model import TrialRequest

DATA = random.Random(2).randbytes(1_000_000)
TMP = "/data/local/tmp"
QUICK = Deadlines(hello_s=1.5, facts_s=1.5, open_s=1.5, load_s=2.0)
TRIAL = TrialRequest(warmup_s=0.0, duration_s=0.5)


@pytest.fixture(scope="module")
def server():
    with AdbServer() as running:
        yield running


@pytest.fixture
def phone(server):
    (found,) = phones("A1")
    with AdbDaemon([found], adb_server_port=server.port) as daemon:
        daemon.connect_all()
        yield found
    server.run("disconnect", found.address)


def state(server, phone):
    return server.states().get(phone.address, "absent")


def wait_state(server, phone, wanted):
    until(lambda: state(server, phone) == wanted, 15, f"{phone.serial} is {wanted}")


class Raw:
    """A service of the phone on a plain socket, past any client library."""

    def __init__(self, server, phone, service, timeout_s=10.0):
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s)
        try:
            for request in (f"host:transport:{phone.address}", service):
                self.sock.sendall(f"{len(request):04x}{request}".encode())
                assert self.exactly(4) == b"OKAY"
        except BaseException:
            self.sock.close()
            raise

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError(data)
            data += part
        return data

    def rest(self):
        data = b""
        while part := self.sock.recv(65_536):
            data += part
        return data

    def close(self):
        self.sock.close()


def raw(server, phone, service, **more):
    return closing(Raw(server, phone, service, **more))


def push(server, phone, path, data):
    """A push by hand: returns how the phone answered, ``b""`` when the cable went."""
    with raw(server, phone, "sync:") as sync:
        spec = f"{path},33188".encode()
        body = struct.pack("<4sI", b"SEND", len(spec)) + spec
        for at in range(0, len(data), 65_536):
            part = data[at : at + 65_536]
            body += struct.pack("<4sI", b"DATA", len(part)) + part
        try:
            sync.sock.sendall(body + struct.pack("<4sI", b"DONE", 0))
            return sync.exactly(8)[:4]
        except (EOFError, ConnectionError):
            return b""


def probe(server, phone, deadlines=QUICK, timeout_s=10.0):
    """A client of a probe that was just started; the handshake is still to come."""
    phone.preinstall(apk_maker.make_apk())
    server.client().device(phone.address).shell2(START, v2=True)
    tunnel = Raw(server, phone, f"localabstract:{SOCKET}", timeout_s)
    return ProbeClient(tunnel.sock, "A1", deadlines=deadlines, token=TOKEN)


# --- unplugged -----------------------------------------------------------------------------------


def test_unplugged_in_a_push_leaves_no_half_file(server, phone):
    passed = []
    phone.on("sync:data", lambda p: passed.append(len(p.files.read(f"{TMP}/x"))), after=400_000)
    phone.on("sync:data", "unplug", after=400_000)
    assert push(server, phone, f"{TMP}/x", DATA) == b""
    assert passed == [400_000]
    wait_state(server, phone, "absent")
    until(lambda: phone.files.get(f"{TMP}/x") is None, 10, "the half file is gone")
    phone.replug()
    wait_state(server, phone, "device")
    assert push(server, phone, f"{TMP}/x", DATA) == b"OKAY"
    assert phone.files.read(f"{TMP}/x") == DATA


def test_unplugged_in_a_pull_ends_it_early(server, phone):
    phone.files.put(f"{TMP}/x", DATA)
    phone.on("sync:recv-data", "unplug", after=300_000)
    with raw(server, phone, "sync:") as sync:
        path = f"{TMP}/x".encode()
        sync.sock.sendall(struct.pack("<4sI", b"RECV", len(path)) + path)
        got = sync.rest()
    assert 0 < len(got) <= 300_000 + 8 * 5
    assert b"DONE" not in got[-8:]


@pytest.mark.parametrize(
    ("moment", "installed"),
    [("shell:pm install", False), ("install:verify", False), ("install:commit", False),
     ("shell-done:pm install", True)],
)  # fmt: skip
def test_unplugged_at_each_step_of_an_install(server, phone, moment, installed):
    phone.files.put(f"{TMP}/p.apk", apk_maker.make_apk())
    phone.on(moment, "unplug")
    with raw(server, phone, f"shell,v2,raw:pm install -r {TMP}/p.apk") as shell:
        assert b"Success" not in shell.rest()
    wait_state(server, phone, "absent")
    assert bool(phone.packages.installed) is installed
    phone.replug()
    wait_state(server, phone, "device")


def test_a_streamed_install_is_cut_after_exactly_so_many_bytes(server, phone):
    data = apk_maker.make_apk(size=300_000)
    seen = []
    phone.on("install:data", lambda p: seen.append(p.plug.generation), after=100_000)
    phone.on("install:data", "jerk", after=100_000)
    with raw(server, phone, f"exec:cmd package install -S {len(data)}") as stream:
        try:
            stream.sock.sendall(data)
            answer = stream.rest()
        except ConnectionError:
            answer = b""
    assert (answer, seen) == (b"", [0])
    assert phone.packages.installed == {}


@pytest.mark.parametrize("moment", ["probe:run", "probe:stage:playing", "probe:recorded"])
def test_unplugged_in_a_trial_is_a_lost_device_and_the_probe_lives_on(server, phone, moment):
    client = probe(server, phone)
    client.handshake()
    phone.on(moment, "unplug")
    with pytest.raises(DeviceLost):
        client.run(TRIAL, [], lambda _: None)
    client.close()
    wait_state(server, phone, "absent")
    pid = phone.app.pid
    phone.replug()
    wait_state(server, phone, "device")
    tunnel = Raw(server, phone, f"localabstract:{SOCKET}")
    again = ProbeClient(tunnel.sock, "A1", deadlines=QUICK, token=TOKEN)
    again.handshake()
    assert again.run(TRIAL, [], lambda _: None).audio.samples.any()
    assert phone.app.pid == pid
    again.close()


def test_unplugged_while_samples_are_fetched(server, phone):
    client = probe(server, phone)
    client.handshake()
    # 24000 frames of int16 are 48000 bytes, after some kilobytes of hello and report
    phone.on("stream:data:out", "unplug", after=30_000)
    with pytest.raises(DeviceLost):
        client.run(TRIAL, [], lambda _: None)
    client.close()
    assert len(phone.phone.truths) == 1


def test_without_a_known_server_an_unplugged_phone_is_offline(server):
    (found,) = phones("A9")
    with AdbDaemon([found]):
        server.client().connect(found.address)
        wait_state(server, found, "device")
        found.unplug()
        wait_state(server, found, "offline")
        found.replug()
        wait_state(server, found, "device")
    server.run("disconnect", found.address)


# --- frozen --------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["open:shell", "shell:getprop", "shell-done:getprop"])
def test_a_phone_frozen_in_a_command_is_silent_until_it_thaws(server, phone, moment):
    phone.on(moment, "freeze")
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as sock:
        for request in (f"host:transport:{phone.address}", "shell:getprop ro.serialno"):
            sock.sendall(f"{len(request):04x}{request}".encode())
            sock.settimeout(10 if "host" in request else 0.5)
            try:
                answer = sock.recv(4)
            except TimeoutError:
                answer = b""
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        assert state(server, phone) == "device"
        phone.thaw()
        sock.settimeout(10)
        data = answer
        while part := sock.recv(100):
            data += part
        assert data.removeprefix(b"OKAY") == b"A1\n"


@pytest.mark.parametrize(
    "moment",
    ["open:localabstract", "probe:accept", "probe:facts", "probe:run", "probe:stage:playing",
     "stream:data:out"],
)  # fmt: skip
def test_a_phone_frozen_at_each_step_of_a_session_is_given_up_in_time(server, phone, moment):
    phone.on(moment, "freeze", after=20_000 if moment == "stream:data:out" else 0)
    clients = []

    def session():
        clients.append(probe(server, phone, timeout_s=1.5))
        clients[0].handshake()
        clients[0].facts()
        clients[0].run(TRIAL, [], lambda _: None)

    with pytest.raises((DeviceTimeout, DeviceLost, TimeoutError)):
        session()
    for client in clients:
        client.close()
    assert clients or moment in ("open:localabstract", "probe:accept")
    phone.thaw()
    again = probe(server, phone)
    again.handshake()
    assert again.run(TRIAL, [], lambda _: None).audio.samples.any()
    again.close()


def test_a_client_that_is_reset_with_data_on_its_way_does_not_end_the_phone(server, phone):
    """The server then sends what is left in the socket without waiting for the phone's word."""
    before = phone.plug.generation, phone.plug.online
    raw = Raw(server, phone, "shell:echo ready; cat >/dev/null")
    assert raw.exactly(6) == b"ready\n"
    phone.freeze()
    raw.sock.setblocking(False)
    sent, end = 0, time.monotonic() + 1.0
    while time.monotonic() < end:
        try:
            sent += raw.sock.send(DATA)
        except BlockingIOError:
            time.sleep(0.01)
    assert sent > MAX_PAYLOAD_BYTES
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.sock.close()
    time.sleep(0.2)
    phone.thaw()
    with closing(Raw(server, phone, "shell:echo alive")) as again:
        assert again.rest() == b"alive\n"
    assert (phone.plug.generation, phone.plug.online) == before


def test_a_slow_link_is_a_coroutine(server, phone):
    for i in range(3):
        phone.on("sync:data", lambda _: asyncio.sleep(0.1), after=300_000 * i)
    began = time.monotonic()
    assert push(server, phone, f"{TMP}/x", DATA) == b"OKAY"
    assert time.monotonic() - began >= 0.3


# --- the probe dies ------------------------------------------------------------------------------


@pytest.mark.parametrize("death", ["crash_probe", "crash_native", "kill_probe"])
def test_a_probe_that_dies_in_a_trial_leaves_the_volume_and_a_trace(server, phone, death):
    client = probe(server, phone)
    client.handshake()
    before = phone.state.volumes[3].index
    phone.on("probe:stage:playing", death)
    with pytest.raises(DeviceLost):
        client.run(TrialRequest(warmup_s=0, duration_s=0.5, volume=1.0), [], lambda _: None)
    client.close()
    assert (phone.app.pid, phone.state.probe_on_top) == (None, False)
    assert phone.state.volumes[3].index == 15  # nobody put it back
    assert phone.state.exits[0].reason in (3, 4, 5)
    assert phone.state.recorders == []
    dev = server.client().device(phone.address)
    with pytest.raises(adbutils.AdbError, match="closed"):
        dev.create_connection(adbutils.Network.LOCAL_ABSTRACT, SOCKET)
    dev.shell2("am start -W -n org.chirpbench.probe/.ProbeActivity --ez restore true", v2=True)
    assert phone.state.volumes[3].index == before
    assert phone.app.pid is None


# --- hostile -------------------------------------------------------------------------------------


def test_output_without_end_is_sent_as_fast_as_it_is_read_and_no_faster(server, phone):
    sent = []

    def endless(argv):
        while True:
            sent.append(1)
            yield b"x" * 65_536

    phone.override("dumpsys", endless)
    with raw(server, phone, "exec:dumpsys audio") as stream:
        assert set(stream.exactly(2**20)) == {ord("x")}
        time.sleep(0.3)
        assert len(sent) < 400  # what the sockets in between hold, and no more
    until(lambda: _idle(sent), 10, "it ended with its reader")
    assert state(server, phone) == "device"


def _idle(sent):
    before = len(sent)
    time.sleep(0.2)
    return len(sent) == before


def test_wrong_lengths_and_names_reach_the_host_as_they_are(server, phone):
    phone.files.hostile_names[TMP] = ["../../../etc/x", "a\nb", "\x1b[2J"]
    dev = server.client().device(phone.address)
    names = [f.path for f in dev.sync.iter_directory(TMP)]
    assert names[2:] == ["../../../etc/x", "a\nb", "\x1b[2J"]
    phone.mangle_sync = lambda data: data[:4] + b"\xff\xff\xff\x7f" + data[8:]
    phone.files.put(f"{TMP}/x", b"abc")
    with raw(server, phone, "sync:") as sync:
        path = f"{TMP}/x".encode()
        sync.sock.sendall(struct.pack("<4sI", b"RECV", len(path)) + path)
        assert sync.exactly(8) == b"DATA\xff\xff\xff\x7f"
    phone.mangle_sync = None
    # A packet with a wrong magic is none: the server drops the phone and dials again.
    phone.mangle = lambda data: data[:20] + bytes(4) + data[24:]
    with pytest.raises((EOFError, AssertionError, OSError)):
        Raw(server, phone, "shell:echo hi", timeout_s=2)
    phone.mangle = None
    phone.jerk()
    wait_state(server, phone, "device")


@pytest.mark.parametrize(
    "script",
    [
        lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        lambda sock: sock.sendall(b"CHRP\xff\xff\xff\xff\xff\xff\xff\xff"),
        lambda sock: sock.sendall(bad_probes.frame(b'{"type": "hello", "protocol": NaN}')),
        lambda sock: sock.close(),
    ],
)
def test_a_hostile_probe_is_an_error_of_ours(server, phone, script):
    phone.hostile_probe = script
    client = probe(server, phone)
    with pytest.raises((ProbeProtocolError, DeviceLost)):
        client.handshake()
    client.close()


def test_four_of_sixteen_misbehave_and_twelve_do_not_notice(server):
    found = phones(*(f"B{i}" for i in range(16)))
    with AdbDaemon(found, adb_server_port=server.port) as daemon:
        daemon.connect_all()
        clients = [probe(server, phone) for phone in found]
        for client in clients:
            client.handshake()
        for phone, mishap in zip(
            found, ("unplug", "freeze", "crash_probe", "offline"), strict=False
        ):
            phone.on("probe:run", mishap)
        outcomes = []
        for client in clients:
            try:
                outcomes.append(client.run(TRIAL, [], lambda _: None).audio.frames)
            except DeviceError as exc:
                outcomes.append(type(exc))
            client.close()
        assert outcomes[:4] == [DeviceLost, DeviceTimeout, DeviceLost, DeviceLost]
        assert outcomes[4:] == [24_000] * 12
    server.run("disconnect")
