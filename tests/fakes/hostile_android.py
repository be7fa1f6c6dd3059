"""Android phones that mean harm, behind the real adb server, and checks of what came of it.

Nothing here shares code with the driver: what a phone may be asked is written down once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import resource
import socket
import struct
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
from adbd_phones import fleet_toml

from device_probes.android import AdbBench, AndroidDeadlines, AndroidDriver, PrivateServer
from device_probes.client import Deadlines
from device_probes.driver import Play
from device_probes.virtual import Clock
from device_probes.virtual.adbd import AdbDaemon, VirtualAndroid
from device_probes.virtual.adbd.stream import Stream
from device_probes.virtual.adbd.transport import Handler, Transport
from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.phone import VirtualPhone
from profiler.errors import DeviceError
from profiler.model import Platform, TrialRequest
from profiler.stimulus import make_train

Trick = Callable[[Stream], Awaitable[None]]
"""Serves a stream in the place of adbd."""

MARK = "PWNED"
TEXTS = {
    "escapes": f"\x1b[41;5m{MARK}\x1b]0;{MARK}\x07\x1b]8;;http://evil\x1b\\\x9b2J\x1bc\x08\x7f",
    "bidi": f"\u202e{MARK}\u2066\u200f\u061c\u200b\ufeff",
    "lines": f"{MARK}\r\n\r\nerror: all is well\n\tL1 pass\x0b\x0c\x85\u2028\u2029",
    "quotes": "'\"\\'';\"` \\\" %s %n {0.__class__} \\u001b[2J \\x1b",
    "sql": "'; DROP TABLE devices; DELETE FROM runs; --",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&amp;",
    "shell": "$(reboot)`reboot`;rm -rf /|reboot&&reboot>/sdcard/x\nreboot",
    "path": "../../../../../../tmp/PWNED",
    "absolute": "/tmp/PWNED",
    "drive": "C:\\PWNED:stream",
    "markup": "[red]PWNED[/red][link=http://evil]x[/link] :skull:",
    "nul": "a\x00b\x01c",
    "wide": "\U0001f600" * 30 + "Z\u0351\u036b\u0343" * 10,
    "json": '"},{"uid":"android:FORGED","state":"ready"}',
    "long": "A" * 4000,
}
"""What a hostile phone calls itself. A million characters are a test of their own."""
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""What may not reach a screen or a pipe; tab and the end of a line are ours."""


def cleaned(text: str, chars: int = 128) -> str:
    """``text`` as it is to be stored: harmful code points replaced one by one, cut."""
    bad = "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
    return re.sub(bad, "\ufffd", text).strip()[:chars]


# --- what a shell may be asked --------------------------------------------------------------------

_TEMP = r"/data/local/tmp/chirpbench-[0-9a-f]{16}\.apk"
_BASE = r"/data/app/[A-Za-z0-9_./=~+-]{1,200}/base\.apk"
_START = r"am start -W (-S )?-n org\.chirpbench\.probe/\.ProbeActivity"
_SETTING = "global stay_on_while_plugged_in"
_FIXED = (
    "getprop", "getprop ro.serialno", "cat /proc/sys/kernel/random/boot_id",
    "pm path org.chirpbench.probe", "ls /data/local/tmp", "pm list features",
    "dumpsys package org.chirpbench.probe",
    "dumpsys battery", "dumpsys thermalservice", "dumpsys trust", "dumpsys window policy",
    "dumpsys sensor_privacy", "dumpsys audio", "dumpsys activity activities",
    "dumpsys media.audio_flinger", "dumpsys media.player", f"settings get {_SETTING}",
    f"settings delete {_SETTING}", "cat /data/local/tmp/chirpbench.restore",
    "rm -f /data/local/tmp/chirpbench.restore", "df -k /data/local/tmp",
    "cat /vendor/etc/audio_effects.xml /odm/etc/audio_effects.xml "
    "/vendor/etc/audio_effects_config.xml",
    "pidof org.chirpbench.probe", "input keyevent KEYCODE_WAKEUP", "wm dismiss-keyguard",
    "logcat -d -t 400 -v brief -s AndroidRuntime:E DEBUG:F libc:F",
    "am force-stop org.chirpbench.probe", "pm uninstall org.chirpbench.probe",
    "pm grant org.chirpbench.probe android.permission.RECORD_AUDIO",
    "pm grant org.chirpbench.probe android.permission.BLUETOOTH_CONNECT",
    "am start -W -S -n org.chirpbench.probe/.ProbeActivity --ez restore true",
    "echo X4EXIT:$?",
)  # fmt: skip
_SHAPES = (
    r"echo @@[a-z]{1,12}",
    rf"(sha256sum|md5sum) ({_TEMP}|{_BASE})",
    rf"pm install -r -t (-g )?{_TEMP}",
    rf"rm -f {_TEMP}",
    rf"settings put {_SETTING} [0-9]{{1,3}}",
    rf"{_START} --es socket chirpbench_[0-9a-f]{{16}} --es token [0-9a-f]{{32}}",
)
_ALLOWED = re.compile("|".join([*map(re.escape, _FIXED), *_SHAPES]))
_SERVICES = re.compile(r"sync:|localabstract:chirpbench_[0-9a-f]{16}")


def not_allowed(asked: Iterable[str]) -> list[str]:
    """Of the services a phone was asked for, those that no honest driver asks for."""
    found = []
    for service in asked:
        kind, _, line = service.partition(":")
        if kind in ("shell,v2,raw", "shell"):
            found += [part for part in line.split("; ") if not _ALLOWED.fullmatch(part)]
        elif not _SERVICES.fullmatch(service):
            found.append(service)
    return found


# --- the phone ------------------------------------------------------------------------------------


class HostileAndroid(VirtualAndroid):
    """A virtual phone that serves what it wants, and remembers what it was asked."""

    def __init__(self, phone: VirtualPhone) -> None:
        super().__init__(phone)
        self.asked: list[str] = []
        """Every service, as the adb server named it."""
        self.tricked: list[str] = []
        """Those of them that a trick served, and the commands that an override answered."""
        self._tricks: list[tuple[str, Trick]] = []

    def serve(self, needle: str, trick: Trick) -> None:
        """Let ``trick`` serve whatever holds ``needle`` in its name."""
        self._tricks.append((needle, trick))

    def say(self, command: str, reply: object) -> None:
        """Answer commands that begin with ``command``; as :meth:`override`, and it is counted.

        ``reply`` is text, ``(text, code)``, or a function that makes pieces without end.
        """

        def answer(argv: list[str]) -> object:
            self.tricked.append(" ".join(argv))
            return reply() if callable(reply) else reply

        self.override(command, answer)  # type: ignore[arg-type]

    async def service(self, name: str, transport: Transport) -> Handler | None:
        self.asked.append(name)
        for needle, trick in self._tricks:
            if needle in name:
                self.tricked.append(name)
                return partial(trick)
        return await super().service(name, transport)


def hostile_phones(
    *serials: str, clock: Clock | None = None, **more: object
) -> list[HostileAndroid]:
    """Phones that do as they are told until a test makes them hostile."""
    fleet = fleet_from_toml(fleet_toml(*serials, **more), "test fleet")  # type: ignore[arg-type]
    return [HostileAndroid(phone) for phone in fleet.phones(clock or Clock(math.inf))]


@contextlib.contextmanager
def plugged(port: int, phones: list[HostileAndroid]) -> Iterator[list[HostileAndroid]]:
    """Have ``phones`` connected to the adb server on ``port``."""
    with AdbDaemon(phones, adb_server_port=port) as daemon:
        daemon.connect_all()
        try:
            yield phones
        finally:
            for phone in phones:
                phone.thaw()
                _disconnect(port, phone.address)


def _disconnect(port: int, address: str) -> None:
    text = f"host:disconnect:{address}".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(b"%04x" % len(text) + text)
        while sock.recv(4096):
            pass


# --- tricks with a shell --------------------------------------------------------------------------


def packet(kind: int, data: bytes) -> bytes:
    """One of shell protocol 2."""
    return struct.pack("<BI", kind, len(data)) + data


def endless(piece: bytes) -> Callable[[], Iterator[bytes]]:
    """For :meth:`HostileAndroid.say`: ``piece`` again and again."""

    def pieces() -> Iterator[bytes]:
        while True:
            yield piece

    return pieces


def much(piece: bytes, total: int) -> Callable[[], Iterator[bytes]]:
    """``total`` bytes of ``piece`` again and again."""
    return lambda: (piece for _ in range(total // len(piece)))


def sending(*parts: bytes, then: str = "close") -> Trick:
    """Bytes as they are, then ``close``, ``hold`` or ``repeat`` the last one for ever."""

    async def trick(stream: Stream) -> None:
        for part in parts:
            await stream.write(part)
        while then == "repeat":
            await stream.write(parts[-1])
        if then == "hold":
            await stream.wait_gone()

    return trick


def dripping(data: bytes, every_s: float = 0.02) -> Trick:
    """One byte at a time, for ever."""

    async def trick(stream: Stream) -> None:
        while True:
            for byte in data:
                await stream.write(bytes([byte]))
                await asyncio.sleep(every_s)

    return trick


# --- what came of it ------------------------------------------------------------------------------


def tree(*folders: Path) -> set[str]:
    """Every file and folder inside."""
    return {str(path) for folder in folders for path in folder.rglob("*")}


@contextlib.contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """Work in an empty folder with an empty home: nothing may be left in either."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("home", "cwd"):
            (folder / name).mkdir()
        patch.setenv("HOME", str(folder / "home"))
        patch.delenv("XDG_STATE_HOME", raising=False)
        patch.chdir(folder / "cwd")
        yield
        assert tree(folder) == {str(folder / "home"), str(folder / "cwd")}


def screen_text(raw: bytes) -> str:
    """What a program sent to a terminal, without the sequences a live display needs.

    Only colours, cursor moves, erasing a line and hiding the cursor are taken away: everything
    else is left for :data:`FORBIDDEN` to find.
    """
    ours = r"\x1b\[(?:[0-9;]*m|[0-9]*[A-D]|[012]?K|\?25[hl]|\?1049[hl])"
    return re.sub(ours, "", raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"))


class Peak:
    """How much this process grew at most inside the block, in MiB."""

    mib = 0.0

    def __enter__(self) -> Peak:
        with contextlib.suppress(OSError):  # not allowed everywhere: the peak so far then counts
            Path("/proc/self/clear_refs").write_text("5")
        self._before = self._peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.mib = (self._peak() - self._before) / 1024

    @staticmethod
    def _peak() -> int:
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# --- the driver on them ---------------------------------------------------------------------------

QUICK = AndroidDeadlines(
    probe=Deadlines(hello_s=3.0, facts_s=3.0, load_s=4.0, open_s=4.0, cancel_s=2.0),
    shell_s=3.0, contact_s=6.0, install_s=5.0, launch_s=5.0, replug_s=1.0, close_s=4.0,
)  # fmt: skip
"""For phones that are waited for in vain."""
STEADY = AndroidDeadlines(
    probe=Deadlines(hello_s=2.5, facts_s=5.0, load_s=10.0, open_s=10.0), replug_s=1.0
)
"""For phones that answer, also on a busy machine; one that is not there is not waited for."""
TRAIN = make_train(seed=7)
REQUEST = TrialRequest(warmup_s=0.1, duration_s=1.0)


@contextlib.contextmanager
def private_server() -> Iterator[PrivateServer]:
    """A real adb server; the folder it lives in goes with it. An honest phone has been on it, so
    that what only the first trial loads does not count as memory that others take."""
    with tempfile.TemporaryDirectory(prefix="hostile-adb-") as home:
        server = PrivateServer(Path(home))
        server.ensure()
        try:
            phones = hostile_phones("WARM")
            with driving(server, Path(home) / "state", phones) as drivers:
                error = life(drivers["WARM"])
            assert error is None, error
            yield server
        finally:
            server.close()


@contextlib.contextmanager
def driving(
    server: PrivateServer,
    state: Path,
    phones: list[HostileAndroid],
    deadlines: AndroidDeadlines | None = None,
) -> Iterator[dict[str, AndroidDriver]]:
    """Plug ``phones`` in, and drive each; by serial."""
    with plugged(server.adb.port, phones):
        names = {phone.address: phone.serial for phone in phones}
        bench = AdbBench(server, state, platform=Platform.VIRTUAL, names=names, deadlines=deadlines)
        bench.start()
        drivers = {driver.ref.serial: driver for driver in bench.drivers()}
        try:
            yield drivers
        finally:
            for driver in drivers.values():
                driver.close()
            bench._tracker.close()  # the server is another's to close


def life(driver: AndroidDriver, between: Callable[[], object] = lambda: None) -> DeviceError | None:
    """All that is ever asked of a phone, and what it came to: anything else is raised."""
    try:
        driver.connect()
        between()
        driver.run(REQUEST, (Play(TRAIN),), lambda _: None)
        driver.health()
    except DeviceError as exc:
        exc.__cause__ = exc.__context__ = None  # what their frames hold is not kept by a bench
        return exc.with_traceback(None)
    finally:
        driver.close()
    return None


def harmless(error: DeviceError | None) -> bool:
    """Whether an error may be logged and stored: one line, nothing of a terminal's, not endless."""
    text = "" if error is None else str(error)
    return (
        not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text) and len(text) < 1000
    )
