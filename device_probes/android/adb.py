"""The one door to adbutils: a deadline on every call, a name of ours for every foreign exception.

adbutils has no deadline of its own on several paths (ANDROID.md section 1: up to ten minutes, or
for ever, when a phone freezes). So every call runs in a thread; when its deadline passes its
sockets are closed from outside, the thread is left behind, and the caller goes on.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from device_probes.android.errors import SERVER, Foreign, lost, timed_out, translate
from device_probes.android.listing import Listed, listed_devices, read_list
from profiler.errors import ChirpbenchError, DeviceNotFound, InputError

try:
    import adbutils
    from adbutils import errors as foreign_errors
except ValueError as exc:  # it reads the port when it is imported
    raise InputError(
        f"ANDROID_ADB_SERVER_PORT is no number ({exc})", hint="correct or unset it, then run again"
    ) from exc

T = TypeVar("T")

FOREIGN = Foreign(
    error=foreign_errors.AdbError,
    timeout=foreign_errors.AdbTimeout,
    connection=foreign_errors.AdbConnectionError,
    install=foreign_errors.AdbInstallError,
)
_CONNECT_S = 3.0
"""The adb server is on this computer or one network hop away."""


@cache
def adb_path() -> Path:
    """The adb program; looked for once, as the search runs ``adb version``.

    Order: ``$ADBUTILS_ADB_PATH``, ``PATH``, the program inside the adbutils wheel. Raises
    :class:`~profiler.errors.DeviceNotFound`.
    """
    try:
        return Path(adbutils.adb_path())
    except (foreign_errors.AdbError, OSError) as exc:
        raise DeviceNotFound(
            f"no adb program works here ({exc})", device=SERVER, hint="apt install adb"
        ) from exc


@cache
def bundled_adb_path() -> Path:
    """The program inside the adbutils wheel, which every bench then has alike; else any other.

    For servers of our own: a shared server is started by whatever adb its computer has.
    """
    inside = Path(adbutils.__file__).parent / "binaries" / "adb"
    return inside if os.access(inside, os.X_OK) else adb_path()


class _Call:
    """The sockets of one bounded call, so that its deadline can close them from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._over = False

    def adopt(self, sock: socket.socket) -> socket.socket:
        """Close ``sock`` with the call; raises ``TimeoutError`` when it is over already."""
        with self._lock:
            if not self._over:
                self._sockets.append(sock)
                return sock
        sock.close()
        raise TimeoutError("the call is over")

    def release(self, sock: socket.socket) -> socket.socket:
        """Let ``sock`` outlive the call; raises ``TimeoutError`` when it is over already."""
        with self._lock:
            if self._over:
                raise TimeoutError("the call is over")
            self._sockets.remove(sock)
            return sock

    def end(self) -> None:
        """Close what was not released; a thread that waits on one of them wakes up."""
        with self._lock:
            self._over = True
            mine, self._sockets = self._sockets, []
        for sock in mine:
            with suppress(OSError):  # closed by the other side is what was wanted
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class _Connection(adbutils.AdbConnection):  # type: ignore[misc]  # the library is not typed
    """A connection that never starts a server: adbutils would start one on the default port."""

    def __init__(self, host: str, port: int, call: _Call) -> None:
        self._host, self._port, self._call = host, port, call
        super().__init__(host, port)

    def _safe_connect(self) -> socket.socket:
        sock = socket.create_connection((self._host, self._port), timeout=_CONNECT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._call.adopt(sock)


class _Client(adbutils.AdbClient):  # type: ignore[misc]
    """An adbutils client for one bounded call."""

    def __init__(self, host: str, port: int, call: _Call, timeout_s: float) -> None:
        super().__init__(host, port, socket_timeout=timeout_s)
        self.call = call
        self.timeout_s = timeout_s

    def make_connection(self, timeout: float | None = None) -> Any:
        """A connection with a timeout whatever the library thinks, owned by the call."""
        connection = _Connection(self.host, self.port, self.call)
        connection.conn.settimeout(timeout or self.timeout_s)
        return connection

    def ask(self, command: str) -> str:
        """The answer of the server itself to ``host:COMMAND``."""
        connection = self.make_connection()
        connection.send_command(f"host:{command}")
        connection.check_okay()
        return str(connection.read_string_block())

    def devices(self) -> str:
        """The answer to ``host:devices-l``, whatever the phones call themselves."""
        connection = self.make_connection()
        connection.send_command("host:devices-l")
        connection.check_okay()
        return read_list(connection.conn.recv)

    def open(self, transport_id: int, service: str) -> socket.socket:
        """A connected socket to a service of a phone."""
        device = adbutils.AdbDevice(self, transport_id=transport_id)
        connection = device.open_transport(timeout=self.timeout_s)
        connection.send_command(service)
        connection.check_okay()
        sock: socket.socket = connection.conn
        return sock


class Following:
    """Notices of a server about its phones, for as long as it lives.

    Every notice lists all phones, but twins with one serial look alike in it: the list itself has
    to be asked.
    """

    def __init__(self, adb: Adb, connection: _Connection, call: _Call) -> None:
        self._adb = adb
        self._connection = connection
        self._call = call

    def changed(self, wait_s: float) -> bool:
        """Wait for so long at most; ``True`` when something changed.

        Raises :class:`~profiler.errors.DeviceLost` when the server ended, or :meth:`close` came.
        """
        sock: socket.socket = self._connection.conn
        try:
            sock.settimeout(wait_s)
            if not sock.recv(4, socket.MSG_PEEK):
                raise lost(self._adb.name, "the adb server ended")
            sock.settimeout(_CONNECT_S)
        except TimeoutError:
            return False
        except OSError as exc:
            raise lost(self._adb.name, f"device tracking ended ({exc})") from exc
        with self._adb.translated("device tracking", SERVER, _CONNECT_S):
            self._connection.read_string_block()
        return True

    def close(self) -> None:
        """End it; a :meth:`changed` that waits in another thread ends, too."""
        self._call.end()


class Adb:
    """One adb server. Safe from several threads: one connection a call.

    Every method ends within its ``timeout_s`` and raises only
    :class:`~profiler.errors.DeviceError` or its children.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    @property
    def name(self) -> str:
        """For messages."""
        return f"{SERVER} {self.host}:{self.port}"

    def version(self, timeout_s: float = 3.0) -> int:
        """The server's protocol version (41 since 2019)."""
        return self.bounded("version", timeout_s, lambda client: int(client.ask("version"), 16))

    def listed(self, timeout_s: float = 5.0) -> tuple[Listed, ...]:
        """Every phone the server knows, whatever its state."""
        return self.bounded(
            "device list", timeout_s, lambda client: listed_devices(client.devices())
        )

    def connect(self, address: str, timeout_s: float = 12.0) -> str:
        """``adb connect``; the text says little, the list says whether it worked."""
        return self.bounded(
            f"connect {address}", timeout_s, lambda client: client.ask(f"connect:{address}")
        )

    def disconnect(self, address: str, timeout_s: float = 3.0) -> None:
        """``adb disconnect``; one that is gone already is fine."""
        with suppress(ChirpbenchError):
            self.bounded("disconnect", timeout_s, lambda c: c.ask(f"disconnect:{address}"))

    def about(self, transport_id: int, question: str, device: str, timeout_s: float = 5.0) -> str:
        """What the server knows of one phone: ``features``, ``get-devpath``, ``reconnect``."""

        def work(client: _Client) -> str:
            phone = adbutils.AdbDevice(client, transport_id=transport_id)
            return str(phone.open_transport(question, timeout=timeout_s).read_string_block())

        return self.bounded(question, timeout_s, work, device=device)

    def use(
        self,
        transport_id: int,
        service: str,
        *,
        device: str,
        what: str,
        timeout_s: float,
        work: Callable[[socket.socket], T],
        silence_s: float | None = None,
    ) -> T:
        """Open ``service`` on a phone and let ``work`` talk to it, all within ``timeout_s``.

        ``silence_s`` (by default all of it) is the longest wait for the phone's next byte.
        """
        return self.bounded(
            what,
            timeout_s,
            lambda c: work(c.open(transport_id, service)),
            device=device,
            silence_s=silence_s,
        )

    def tunnel(
        self,
        transport_id: int,
        name: str,
        *,
        device: str,
        timeout_s: float = 5.0,
        what: str = "the probe's socket",
    ) -> socket.socket:
        """A plain socket to the abstract socket ``name`` on the phone.

        Raises :class:`ServiceRefused` when nobody listens there.
        """

        def work(client: _Client) -> socket.socket:
            return client.call.release(client.open(transport_id, f"localabstract:{name}"))

        return self.bounded(what, timeout_s, work, device=device)

    def follow(self) -> Following:
        """Begin to follow the server's notices about its phones; to be closed."""
        call = _Call()
        try:
            with self.translated("device tracking", SERVER, _CONNECT_S):
                client = _Client(self.host, self.port, call, _CONNECT_S)
                connection = client.make_connection()
                connection.send_command("host:track-devices")
                connection.check_okay()
        except ChirpbenchError:
            call.end()
            raise
        return Following(self, connection, call)

    def bounded(
        self,
        what: str,
        timeout_s: float,
        work: Callable[[_Client], T],
        *,
        device: str = "",
        silence_s: float | None = None,
    ) -> T:
        """Run ``work`` in a thread of its own; leave it behind when the deadline passes."""
        call = _Call()
        wait_s = min(silence_s or timeout_s, timeout_s)
        box: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                box.put((work(_Client(self.host, self.port, call, wait_s)), None))
            except Exception as exc:  # noqa: BLE001 - whatever it is, the caller has to get it
                box.put((None, exc))
            finally:
                call.end()

        threading.Thread(target=run, name=f"adb {what}"[:40], daemon=True).start()
        try:
            value, error = box.get(timeout=timeout_s)
        except queue.Empty:
            raise timed_out(device or self.name, what, timeout_s) from None
        finally:
            call.end()
        if error is not None:
            try:
                with self.translated(what, device or self.name, wait_s):
                    raise error
            finally:
                del error  # its traceback holds this frame, and megabytes that were read
        return value  # type: ignore[return-value]  # no error: work returned it

    @contextmanager
    def translated(self, what: str, device: str, seconds: float) -> Iterator[None]:
        """Let whatever is raised inside leave as an error of ours."""
        try:
            yield
        except Exception as exc:  # whatever a library raises; what is unknown goes on as it is
            ours = translate(exc, FOREIGN, device=device, what=what, seconds=seconds)
            if ours is None or ours is exc:
                raise
            raise ours from exc
