"""Virtual phones behind the real adb server, driven by adbutils and by adb itself."""

from __future__ import annotations

import hashlib
import random
import shlex
import shutil
import socket
import threading

import adbutils
import apk_maker
import pytest
from adb_servers import AdbServer, until
from adbd_phones import SOCKET, START, TOKEN, phones
from adbutils import Network

from device_probes.client import ProbeClient
from device_probes.driver import Play
from device_probes.server import ProbeServer
from device_probes.virtual.adbd import AdbDaemon
from profiler.errors import ProbeRefused, ProbeVersionMismatch
from profiler.model import CodecRequest, TrialRequest
from profiler.stimulus import make_train

PROBE = "org.chirpbench.probe"
DATA = random.Random(1).randbytes(3_000_000)
TMP = "/data/local/tmp"


@pytest.fixture(scope="module")
def server():
    with AdbServer() as running:
        yield running


@pytest.fixture
def plugged(server):
    """Phones that the server is connected to: ``plugged(serials…, **spec)``."""
    daemons = []

    def plug(*serials, connect=True, **more):
        found = phones(*(serials or ("A1",)), **more)
        daemon = AdbDaemon(found, adb_server_port=server.port)
        daemon.start()
        daemons.append(daemon)
        if connect:
            daemon.connect_all()
        return found if len(found) > 1 else found[0]

    yield plug
    for daemon in daemons:
        daemon.stop()
        for phone in daemon.phones:
            server.run("disconnect", phone.address)


def device(server, phone, timeout_s=20.0):
    return server.client(timeout_s).device(phone.address)


def state(server, phone):
    return server.states().get(phone.address, "absent")


def wait_state(server, phone, wanted, seconds=15.0):
    until(lambda: state(server, phone) == wanted, seconds, f"{phone.serial} is {wanted}")


def start_probe(server, phone):
    """Install, start and reach the probe."""
    phone.preinstall(apk_maker.make_apk())
    dev = device(server, phone)
    assert dev.shell2(START, v2=True).returncode == 0
    return ProbeClient(dev.create_connection(Network.LOCAL_ABSTRACT, SOCKET), "A1", token=TOKEN)


# --- adbutils ------------------------------------------------------------------------------------


def test_phones_are_listed_with_their_own_words(server, plugged):
    one, two = plugged("A1", "A2", android='serialno = "0123456789ABCDEF"')
    listed = {d.serial: d for d in server.client().list(extended=True)}
    assert {listed[p.address].state for p in (one, two)} == {"device"}
    assert listed[one.address].tags["model"] == "A_1"
    assert listed[one.address].tags["product"] == "a1"
    serials = [device(server, p).shell2("getprop ro.serialno", v2=True).output for p in (one, two)]
    assert [s.strip() for s in serials] == ["0123456789ABCDEF"] * 2
    ids = {listed[p.address].tags["transport_id"] for p in (one, two)}
    assert len(ids) == 2


@pytest.mark.parametrize("v2", [True, False])
@pytest.mark.parametrize("legacy", [False, True])
def test_commands_have_exit_codes_and_both_outputs(server, plugged, v2, legacy):
    phone = plugged(android=f"[phone.android.at_start]\nlegacy_adbd = {str(legacy).lower()}")
    dev = device(server, phone)
    split = v2 and not legacy
    said = dev.shell2("echo out; nosuch; false", v2=v2)
    assert said.returncode == 1
    assert (said.stdout if split else said.output).splitlines()[0] == "out"
    assert "inaccessible or not found" in (said.stderr if split else said.output)
    assert dev.shell2("true", v2=v2).returncode == 0
    words = ["a b", "'", '"', "$HOME", "`id`", "*", "ü"]
    assert dev.shell2(["echo", *words], v2=v2).output.rstrip("\n") == " ".join(words)
    many = dev.shell2("cat /vendor/etc/audio_effects.xml; getprop", v2=v2).output
    assert len(many) > 1200
    if split:
        assert dev.shell2("exit 77", v2=True).returncode == 77


def test_files_come_and_go_whole(server, plugged, tmp_path):
    for legacy in ("false", "true"):
        phone = plugged(android=f"[phone.android.at_start]\nlegacy_adbd = {legacy}")
        dev = device(server, phone)
        source, back = tmp_path / f"in{legacy}", tmp_path / f"out{legacy}"
        source.write_bytes(DATA)
        dev.sync.push(str(source), f"{TMP}/new dir/it's", 0o640, check=True)
        info = dev.sync.stat(f"{TMP}/new dir/it's")
        assert (info.size, info.mode) == (len(DATA), 0o100640)
        digest = dev.shell2(["sha256sum", f"{TMP}/new dir/it's"], v2=True).output.split()[0]
        assert digest == hashlib.sha256(DATA).hexdigest()
        dev.sync.pull_file(f"{TMP}/new dir/it's", str(back))
        assert back.read_bytes() == DATA
        assert [f.path for f in dev.sync.iter_directory(TMP)] == [".", "..", "new dir"]
        assert dev.sync.stat("/nowhere").mode == 0
        with pytest.raises(adbutils.AdbError, match="No such file"):
            dev.sync.pull_file("/nowhere", str(tmp_path / "x"))


def test_a_full_phone_and_a_forbidden_place_fail_and_leave_nothing(server, plugged, tmp_path):
    phone = plugged()
    source = tmp_path / "in"
    source.write_bytes(DATA)
    phone.fill_disk(1_000_000)
    said = server.run("-s", phone.address, "push", str(source), f"{TMP}/big")
    assert "No space left on device" in said.stderr + said.stdout
    until(lambda: phone.files.get(f"{TMP}/big") is None, 10, "the half file is gone")
    assert phone.files.free_bytes == 1_000_000
    said = server.run("-s", phone.address, "push", str(source), "/system/big")
    assert "Read-only file system" in said.stderr + said.stdout


def test_installs_by_adbutils_and_by_stream(server, plugged, tmp_path):
    phone = plugged()
    dev = device(server, phone)
    good, bad = tmp_path / "good.apk", tmp_path / "bad.apk"
    good.write_bytes(apk_maker.make_apk(size=500_000))
    bad.write_bytes(b"PK nothing")
    dev.install(str(good), nolaunch=True, silent=True, flags=["-r", "-t", "-g"])
    assert phone.packages.allowed(PROBE)
    with pytest.raises(adbutils.AdbInstallError) as caught:
        dev.install(str(bad), nolaunch=True, silent=True, flags=["-r"])
    assert caught.value.reason == "INSTALL_PARSE_FAILED_NOT_APK"
    dev.uninstall(PROBE)
    assert phone.packages.installed == {}
    said = server.run("-s", phone.address, "install", "-r", "-g", str(good))
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "Success")
    said = server.run("-s", phone.address, "install", str(bad))
    assert said.returncode == 1
    assert "INSTALL_PARSE_FAILED_NOT_APK" in said.stderr + said.stdout


def test_tunnels_forwards_and_reverse(server, plugged):
    phone = plugged()
    client = start_probe(server, phone)
    client.handshake()
    assert client.facts().is_virtual
    client.close()
    dev = device(server, phone)
    with pytest.raises(adbutils.AdbError, match="closed"):
        dev.create_connection(Network.LOCAL_ABSTRACT, "nobody")
    with pytest.raises(adbutils.AdbError, match="closed"):
        dev.create_connection(Network.TCP, 8000)
    port = dev.forward_port(f"localabstract:{SOCKET}")
    forwarded = ProbeClient(socket.create_connection(("127.0.0.1", port)), "A1", token=TOKEN)
    forwarded.handshake()
    forwarded.close()
    dev.reverse("tcp:8000", "tcp:9000")
    dev.reverse("localabstract:x", "tcp:9001")
    assert [(r.remote, r.local) for r in dev.reverse_list()] == [
        ("tcp:8000", "tcp:9000"), ("localabstract:x", "tcp:9001")
    ]  # fmt: skip
    with pytest.raises(adbutils.AdbError, match="cannot rebind"):
        dev.reverse("tcp:8000", "tcp:9002", norebind=True)
    dev.reverse_remove("tcp:8000")
    dev.reverse_remove_all()
    assert dev.reverse_list() == []


def test_a_connection_back_to_the_host_carries_bytes(server, plugged):
    phone = plugged()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        device(server, phone).reverse("tcp:8000", f"tcp:{listener.getsockname()[1]}")
        heard = []

        def answer():
            peer, _ = listener.accept()
            with peer:
                heard.append(peer.recv(5))
                peer.sendall(b"host")

        thread = threading.Thread(target=answer)
        thread.start()
        with phone.dial("tcp:8000") as sock:
            sock.sendall(b"phone")
            assert sock.recv(4) == b"host"
        thread.join(10)
        assert heard == [b"phone"]
    with pytest.raises(ConnectionRefusedError):
        phone.dial("tcp:8001")


# --- the probe -----------------------------------------------------------------------------------


def test_a_trial_over_adb_is_the_trial_of_the_same_phone_without_it(server, plugged):
    phone = plugged()
    client = start_probe(server, phone)
    client.handshake()
    stages = []
    capture = client.run(
        TrialRequest(warmup_s=0.1, duration_s=2.0, api="aaudio", volume=0.5),
        [Play(make_train(11, chirps=1))],
        lambda p: stages.append(p.stage),
    )
    assert phone.phone.truths[0].latency_ms == pytest.approx(31.5 + 0.12 / 343 * 1000)
    assert capture.audio.frames == 96_000
    assert capture.audio.samples.any()
    report = capture.report
    assert report.input_silenced is False
    assert report.observed["volume_index"] == "8"
    assert report.longest_zero_run_frames is not None
    assert report.startup_ms["first_nonzero"] >= report.startup_ms["open"] > 0
    assert {"opening", "warming", "playing"} <= set(stages)
    assert phone.state.volumes[3].index == 6  # as it was
    cost = client.codec_cost(CodecRequest(frames=500, paced=True))
    assert cost.encode_ms.p50 == pytest.approx(0.9, rel=0.05)
    assert cost.decode_ms.p50 == pytest.approx(0.25, rel=0.05)
    client.close()


def test_a_wrong_token_another_contract_and_a_second_host(server, plugged):
    phone = plugged()
    client = start_probe(server, phone)
    client.handshake()
    dev = device(server, phone)
    second = ProbeClient(
        dev.create_connection(Network.LOCAL_ABSTRACT, SOCKET), "A1", token="wrong"
    )  # it waits until the first host has left
    client.close()
    with pytest.raises(ProbeRefused, match="token is wrong"):
        second.handshake()
    second.close()
    phone.preinstall(apk_maker.make_apk(), protocol=1)
    dev.shell2(START, v2=True)
    old = ProbeClient(dev.create_connection(Network.LOCAL_ABSTRACT, SOCKET), "A1", token=TOKEN)
    with pytest.raises(ProbeVersionMismatch):
        old.handshake()
    old.close()


@pytest.mark.parametrize(
    ("happens", "code"),
    [("go_background", "background"), ("sleep", "background")],
)
def test_a_probe_that_is_not_in_front_refuses(server, plugged, happens, code):
    phone = plugged()
    client = start_probe(server, phone)
    client.handshake()
    request = TrialRequest(warmup_s=0.0, duration_s=0.2)
    phone.on("probe:stage:playing", happens)
    for _ in range(2):  # during the trial, and before the next
        with pytest.raises(ProbeRefused) as caught:
            client.run(request, [], lambda _: None)
        assert caught.value.code == code
    client.close()


def test_a_probe_without_its_permission_refuses_and_a_silenced_one_says_so(server, plugged):
    phone = plugged()
    client = start_probe(server, phone)
    client.handshake()
    request = TrialRequest(warmup_s=0.0, duration_s=0.2)
    phone.packages.revoke(PROBE, "android.permission.RECORD_AUDIO")
    with pytest.raises(ProbeRefused) as caught:
        client.run(request, [], lambda _: None)
    assert caught.value.code == "permission"
    phone.allow_microphone()
    assert client.run(request, [], lambda _: None).audio.samples.any()
    for silence, back in (
        (phone.silence_mic, lambda: phone.silence_mic(False)),
        (phone.switch_mic, lambda: phone.switch_mic(False)),
        (phone.other_app_records, lambda: phone.other_app_records(None)),
    ):
        silence()
        capture = client.run(request, [], lambda _: None)
        assert not capture.audio.samples.any()
        assert capture.report.input_silenced is True
        assert capture.report.longest_zero_run_frames == capture.audio.frames
        assert "first_nonzero" not in capture.report.startup_ms
        back()
    client.close()


# --- the key dialog, offline ---------------------------------------------------------------------


def test_a_phone_that_asks_is_unauthorized_until_somebody_accepts(server, plugged):
    phone = plugged(android="[phone.android.at_start]\nunauthorized = true")
    wait_state(server, phone, "unauthorized")
    said = server.run("-s", phone.address, "shell", "id")
    assert "device unauthorized" in said.stderr
    assert phone.accept_key()
    wait_state(server, phone, "device")
    assert "@" in phone.keyring.trusted[0].comment
    assert device(server, phone).shell2("id -u", v2=True).output.strip() == "2000"
    phone.jerk()  # the key is known now: no dialog, a signature
    wait_state(server, phone, "device")
    phone.forget_keys()
    wait_state(server, phone, "unauthorized")
    assert phone.accept_key()
    wait_state(server, phone, "device")


def test_an_offline_phone_comes_back(server, plugged):
    phone = plugged()
    phone.offline()
    wait_state(server, phone, "offline")
    said = server.run("-s", phone.address, "shell", "id")
    assert "device offline" in said.stderr
    phone.online()
    wait_state(server, phone, "device")


def test_a_reboot_ends_the_probe_and_changes_the_boot_id(server, plugged):
    phone = plugged()
    start_probe(server, phone).close()
    dev = device(server, phone)
    first = dev.shell2("cat /proc/sys/kernel/random/boot_id", v2=True).output
    assert server.run("-s", phone.address, "reboot").returncode == 0
    until(lambda: phone.app.pid is None, 10, "the probe ended")
    wait_state(server, phone, "device")
    assert dev.shell2("cat /proc/sys/kernel/random/boot_id", v2=True).output != first


# --- adb itself ----------------------------------------------------------------------------------


def check_with(server, phone, tmp_path):
    def adb(*args):
        return server.run("-s", phone.address, *args)

    assert adb("shell", "echo hi; exit 5").returncode == 5
    assert adb("shell", "echo", shlex.quote("a  b")).stdout == "a  b\n"
    assert adb("exec-out", "getprop", "ro.serialno").stdout == "A1\n"
    source, back = tmp_path / "in", tmp_path / "back"
    source.write_bytes(DATA[:300_000])
    assert adb("push", str(source), f"{TMP}/x").returncode == 0
    assert adb("pull", f"{TMP}/x", str(back)).returncode == 0
    assert back.read_bytes() == source.read_bytes()
    assert " x\n" in adb("ls", TMP).stdout
    assert adb("get-state").stdout == "device\n"
    package = tmp_path / "p.apk"
    package.write_bytes(apk_maker.make_apk())
    assert "Success" in adb("install", "-r", str(package)).stdout
    assert "Success" in adb("uninstall", PROBE).stdout
    assert adb("reverse", "tcp:0", "tcp:9000").stdout.strip().isdecimal()
    assert "cannot run as root" in adb("root").stdout


def test_adb_of_the_wheel(server, plugged, tmp_path):
    check_with(server, plugged(), tmp_path)


@pytest.mark.needs_apt("adb", "/usr/lib/android-sdk/platform-tools/adb")
def test_adb_of_debian(tmp_path):
    program = shutil.which("adb", path="/usr/lib/android-sdk/platform-tools:/usr/bin")
    with AdbServer(program) as other:
        (phone,) = phones("A1")
        with AdbDaemon([phone], adb_server_port=other.port) as daemon:
            daemon.connect_all()
            check_with(other, phone, tmp_path)


# --- a probe in a process of its own -------------------------------------------------------------


class TcpProbe:
    """Stands for a JVM that runs the app's own code: the phone's sound behind a TCP port."""

    def __init__(self, phone, extras):
        self.extras = dict(extras)
        self.alive = True
        self._phone = phone
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            while True:
                sock, _ = self._listener.accept()
                with sock:
                    ProbeServer(
                        self._phone.phone, sock, version="jvm", token=self.extras["token"]
                    ).serve()
        except OSError:
            return  # stopped

    def stop(self):
        if self.alive:
            self.alive = False
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()


def test_an_external_probe_is_started_tunnelled_and_stopped(server, plugged):
    started = []

    def launcher(phone, extras):
        started.append(TcpProbe(phone, extras))
        return started[-1]

    phone = plugged(launcher=launcher)
    client = start_probe(server, phone)
    client.handshake()
    request = TrialRequest(warmup_s=0.0, duration_s=0.5)
    assert client.run(request, [], lambda _: None).audio.frames == 24_000
    client.close()
    assert started[0].extras == {"socket": SOCKET, "token": TOKEN}
    dev = device(server, phone)
    assert dev.shell2(f"pidof {PROBE}", v2=True).returncode == 0
    dev.shell2(f"am force-stop {PROBE}", v2=True)
    assert not started[0].alive
    dev.shell2(START, v2=True)
    started[1].stop()  # its process ends by itself
    assert dev.shell2(f"pidof {PROBE}", v2=True).returncode == 1
    with pytest.raises(adbutils.AdbError, match="closed"):
        dev.create_connection(Network.LOCAL_ABSTRACT, SOCKET)


def test_an_external_probe_that_does_not_start_says_so(server, plugged):
    def launcher(phone, extras):
        raise OSError("no java here")

    phone = plugged(launcher=launcher)
    phone.preinstall(apk_maker.make_apk())
    said = device(server, phone).shell2(START, v2=True)
    assert said.returncode == 255
    assert "no java here" in said.stderr
    assert not phone.state.probe_on_top
