"""The door to adbutils: deadlines, names for every foreign exception, shell and files."""

from __future__ import annotations

import contextlib
import inspect
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import adbutils.errors
import pytest
from adb_door import PHONE, answering, packet, shell_on

from device_probes.android import commands
from device_probes.android.adb import FOREIGN, Adb, adb_path
from device_probes.android.commands import Command
from device_probes.android.errors import Oversized, ServiceRefused, translate
from device_probes.android.server import PrivateServer, SharedServer
from device_probes.android.shell import MAX_OUTPUT_BYTES, Answer
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    InputError,
    InstallFailed,
    ProbeProtocolError,
)

# --- exceptions -----------------------------------------------------------------------------------

_OURS: dict[type[Exception], type[DeviceError]] = {
    adbutils.errors.AdbError: DeviceLost,
    adbutils.errors.AdbTimeout: DeviceTimeout,
    adbutils.errors.AdbConnectionError: DeviceNotFound,
    adbutils.errors.AdbInstallError: InstallFailed,
    adbutils.errors.AdbSyncError: DeviceLost,
    EOFError: DeviceLost,
    ValueError: DeviceLost,
    UnicodeDecodeError: DeviceLost,
    OSError: DeviceLost,
    TimeoutError: DeviceTimeout,
    FileNotFoundError: DeviceNotFound,
    ConnectionRefusedError: DeviceNotFound,
    ConnectionResetError: DeviceLost,
    BrokenPipeError: DeviceLost,
    Oversized: ProbeProtocolError,
}


def _example(kind: type[Exception]) -> Exception:
    if kind is UnicodeDecodeError:
        return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
    return kind("Failure [INSTALL_FAILED_X]\x1b[2J")


def test_every_class_of_the_library_has_a_name_of_ours() -> None:
    foreign = [
        kind
        for _, kind in inspect.getmembers(adbutils.errors, inspect.isclass)
        if issubclass(kind, Exception)
    ]
    assert len(foreign) >= 5
    assert set(foreign) <= set(_OURS)


@pytest.mark.parametrize("kind", _OURS, ids=lambda kind: kind.__name__)
def test_each_error_says_what_on_which_phone_and_what_next(kind: type[Exception]) -> None:
    ours = translate(_example(kind), FOREIGN, device=PHONE, what="getprop", seconds=5)
    assert type(ours) is _OURS[kind]
    assert isinstance(ours, DeviceError)
    assert ours.device == PHONE
    assert "\x1b" not in str(ours)
    if kind is not adbutils.errors.AdbInstallError:
        assert "getprop" in str(ours)
        assert ours.hint


@pytest.mark.parametrize(
    ("words", "kind", "state"),
    [
        ("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", DeviceNotReady,
         "unauthorized"),
        ("device offline", DeviceLost, ""),
        ("device still connecting", DeviceLost, ""),
        ("insufficient permissions for device", DeviceNotReady, "no_permission"),
        ("device 'SERIAL1' not found", DeviceLost, ""),
        ("no device with transport id '7'", DeviceLost, ""),
        ("closed", ServiceRefused, ""),
        ("", DeviceLost, ""),
    ],
)  # fmt: skip
def test_the_servers_words_are_understood(words: str, kind: type[DeviceError], state: str) -> None:
    ours = translate(
        adbutils.errors.AdbError(words), FOREIGN, device=PHONE, what="getprop", seconds=5
    )
    assert type(ours) is kind
    assert getattr(ours, "state", "") == state
    assert ours is not None
    assert ours.hint


def test_a_mistake_of_our_own_is_not_hidden() -> None:
    assert translate(TypeError("x"), FOREIGN, device=PHONE, what="x", seconds=1) is None
    with pytest.raises(ZeroDivisionError):
        Adb("127.0.0.1", 1).bounded("sum", 1.0, lambda _: 1 // 0)


def test_a_wrong_port_in_the_environment_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import device_probes.android"],
        env={**os.environ, "ANDROID_ADB_SERVER_PORT": "abc"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "InputError: ANDROID_ADB_SERVER_PORT is no number" in done.stderr
    with pytest.raises(InputError, match="is no port"):
        SharedServer({"ANDROID_ADB_SERVER_PORT": "70000"})


# --- deadlines ------------------------------------------------------------------------------------


def test_a_server_that_never_answers_ends_in_a_timeout_and_a_closed_socket() -> None:
    with shell_on(lambda connection, request: None) as (shell, server):
        with pytest.raises(DeviceTimeout, match=r"SERIAL1: no answer to getprop within 0\.2 s"):
            shell.run(commands.GETPROP, 0.2)
        assert server.ended.wait(5), "the thread left behind holds no socket"


def test_one_that_dribbles_ends_in_a_timeout_too() -> None:
    def serve(connection: socket.socket, request: str) -> None:
        connection.sendall(b"OKAY")
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(packet(1, b"x"))
                threading.Event().wait(0.05)

    with shell_on(serve) as (shell, _), pytest.raises(DeviceTimeout):
        shell.run(commands.GETPROP, 0.4)


def test_silence_in_the_middle_is_noticed_before_the_deadline() -> None:
    def serve(connection: socket.socket, request: str) -> None:
        connection.sendall(b"OKAY" + packet(1, b"x"))

    with (
        shell_on(serve) as (shell, _),
        pytest.raises(DeviceTimeout, match=r"within 0\.2 s"),
    ):
        shell.run(commands.GETPROP, 60.0, 0.2)


def test_a_frozen_phone_blocks_no_tunnel() -> None:
    with shell_on(lambda connection, request: None) as (shell, _), pytest.raises(DeviceTimeout):
        shell.adb.tunnel(7, "chirpbench_0", device=PHONE, timeout_s=0.2)


def test_no_server_is_an_error_and_none_is_started_by_the_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DeviceNotFound, match="no adb server answers"):
        Adb("127.0.0.1", port).listed()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_something_else_on_the_port_is_told_apart() -> None:
    def serve(connection: socket.socket, request: str) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with shell_on(serve) as (shell, _), pytest.raises(DeviceLost):
        shell.adb.version()
    with (
        shell_on(answering(b"zzzz")) as (shell, _),
        pytest.raises(DeviceLost, match="makes no sense"),
    ):
        shell.adb.version()


# --- shell ----------------------------------------------------------------------------------------


def test_shell_v2_keeps_code_output_and_errors_apart() -> None:
    parts = (
        packet(1, b"out\r\n") + packet(2, b"err\n") + packet(1, b"more\xff") + packet(3, b"\x07")
    )
    with shell_on(answering(parts)) as (shell, _):
        assert shell.run(commands.GETPROP) == Answer(7, "out\nmore�", "err\n")


def test_shell_v1_finds_its_mark_or_says_that_the_phone_went() -> None:
    requests: list[str] = []

    def serve(connection: socket.socket, request: str) -> None:
        requests.append(request)
        answering(b"X4EXIT:9 in the text\nline\nX4EXIT:3\r\n")(connection, request)

    with shell_on(serve, "cmd") as (shell, _):
        assert shell.run(commands.GETPROP) == Answer(3, "X4EXIT:9 in the text\nline\n")
    assert requests == ["shell:getprop; echo X4EXIT:$?"]
    with (
        shell_on(answering(b"half a li"), "cmd") as (shell, _),
        pytest.raises(DeviceLost, match="gone during getprop"),
    ):
        shell.run(commands.GETPROP)


@pytest.mark.parametrize("data", [b"", b"\x01", packet(1, b"x"), packet(3, b"")])
def test_a_phone_that_goes_in_mid_command_is_lost(data: bytes) -> None:
    with shell_on(answering(data)) as (shell, _), pytest.raises(DeviceLost):
        shell.run(commands.GETPROP)


@pytest.mark.parametrize("features", ["shell_v2", ""])
def test_a_phone_that_never_stops_talking_is_stopped(features: str) -> None:
    def serve(connection: socket.socket, request: str) -> None:
        connection.sendall(b"OKAY")
        piece = packet(1, bytes(65_536)) if features else bytes(65_536)
        with contextlib.suppress(OSError):
            for _ in range(2 * MAX_OUTPUT_BYTES // 65_536):
                connection.sendall(piece)

    with (
        shell_on(serve, features) as (shell, _),
        pytest.raises(ProbeProtocolError, match="more than"),
    ):
        shell.run(commands.GETPROP, 30.0)


def test_a_length_that_is_a_lie_takes_no_memory() -> None:
    with (
        shell_on(answering(struct.pack("<BI", 1, 0xFFFFFFFF))) as (shell, _),
        pytest.raises(ProbeProtocolError, match="more than"),
    ):
        shell.run(commands.GETPROP)


# --- what may reach a shell -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["getprop | sh", "a && b", "a > b", "echo $HOME", "echo `id`", "a\nb", "echo 'x'", "rm *", "",
     'echo "x"', "a & b", "$(reboot)", "a\\b", "ünïcode"],
)  # fmt: skip
def test_no_command_has_anything_for_a_shell_to_interpret(text: str) -> None:
    with pytest.raises(ValueError, match="not a safe command"):
        Command(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: commands.sha256sum("/data/app/../../x"),
        lambda: commands.sha256sum("relative"),
        lambda: commands.install("/data/local/tmp/a.apk; reboot"),
        lambda: commands.start("chirpbench_0123", "0" * 32),
        lambda: commands.start("chirpbench_0123456789abcdef", "0" * 31 + ";"),
        lambda: commands.start("other_0123456789abcdef", "0" * 32),
        lambda: commands.remove("/data/local/tmp/other.apk"),
        lambda: commands.remove("/data/local/tmp/chirpbench/../x"),
        lambda: commands.set_stay_on(256),
        lambda: commands.sections({"Bad;": commands.GETPROP}),
    ],
)
def test_arguments_come_from_allow_lists(make: Callable[[], Command]) -> None:
    with pytest.raises(ValueError, match=r"not allowed|not ours"):
        make()


def test_no_message_gives_the_token_away() -> None:
    command = commands.start("chirpbench_0123456789abcdef", "f" * 32)
    assert command.what == "am start"


# --- the real server ------------------------------------------------------------------------------


def test_a_private_server_starts_is_followed_and_comes_back(tmp_path: Path) -> None:
    server = PrivateServer(tmp_path / "home")
    try:
        assert server.ensure() >= 41
        assert server.ensure() == server.version
        assert server.starts == 1
        assert server.adb.listed() == ()
        with contextlib.closing(server.adb.follow()) as following:
            assert following.changed(5.0), "the first notice lists what is there"
            assert not following.changed(0.1)
            group = server.process_group
            assert group is not None
            os.killpg(group, 9)
            with pytest.raises(DeviceLost, match="adb server"):
                [following.changed(5.0) for _ in range(20)]
        server.ensure()
        assert server.starts == 2
    finally:
        server.close()
    with pytest.raises(ChirpbenchError):
        server.ensure()
    assert server.process_group is None


def test_a_server_of_ours_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from device_probes.android.server import PrivateServer\n"
        "server = PrivateServer(Path(sys.argv[1])); server.ensure()\n"
        "print(server.adb.port, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        adb = Adb("127.0.0.1", int(process.stdout.readline()))
        adb.version()
        process.kill()
        process.wait(10)
    for _ in range(100):
        try:
            adb.version(1.0)
        except DeviceError:
            return
        threading.Event().wait(0.05)
    pytest.fail("it still runs")


def test_a_shared_server_is_started_when_absent_and_never_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "ANDROID_ADB_SERVER_PORT": str(port), "HOME": str(tmp_path),
           "ADB_MDNS": "0", "ADB_USB": "0", "ADB_EMU": "0"}  # fmt: skip
    first, second = SharedServer(env), SharedServer(env)
    try:
        assert first.ensure() == second.ensure() == first.version
        first.close()
        assert second.adb.version() == first.version
    finally:
        subprocess.run([adb_path(), "-P", str(port), "kill-server"], env=env, check=False)
    away = SharedServer({**env, "ANDROID_ADB_SERVER_HOST": "127.0.0.9"})
    with pytest.raises(DeviceNotFound, match="another computer"):
        away.ensure()
