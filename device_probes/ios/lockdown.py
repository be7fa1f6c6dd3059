"""What an iPhone says of itself without being paired: lockdown's ``QueryType`` and ``GetValue``.

The wire: four bytes of length, most significant first, then a property list; one list a request,
one an answer. Without pairing lockdown tells model, system, name and little more, which is all
that facts need. Whether the phone trusts this computer is what it says to ``StartSession`` with the
identities of a stored pair record; TLS would begin only after that answer, and is not needed for
it. The names are those of libimobiledevice (``src/lockdown.c``) and of usbmuxd
(``src/preflight.c``), which lists a phone also before it is trusted.
"""

from __future__ import annotations

import plistlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from device_probes.fields import Malformed, shown
from device_probes.ios.errors import LOCKDOWN_STATES, lost, timed_out
from device_probes.ios.plists import MAX_PLIST_BYTES, Values, read_plist
from profiler.errors import DeviceError, DeviceNotReady, ProbeProtocolError
from profiler.model import DeviceState

LOCKDOWN_PORT = 62078
_LABEL = "chirpbench"
_NORMAL = "com.apple.mobile.lockdown"
Connect = Callable[[int], socket.socket]
"""Opens a stream to a port of the phone; raises :class:`~profiler.errors.DeviceError`."""


class Trust(StrEnum):
    """Whether the phone lets this computer use it."""

    UNKNOWN = "unknown"
    """It was not asked, or said something that means neither."""
    TRUSTED = "trusted"
    ASKING = "asking"
    """“Trust This Computer?” is on its screen."""
    DENIED = "denied"
    UNTRUSTED = "untrusted"
    LOCKED = "locked"
    """It says nothing of trust before its passcode was entered."""


_TRUST = {
    "PairingDialogResponsePending": Trust.ASKING,
    "UserDeniedPairing": Trust.DENIED,
    "PasswordProtected": Trust.LOCKED,
    "EscrowLocked": Trust.LOCKED,
}


def trust_of(error: str) -> Trust:
    """What one of lockdown's errors says of trust."""
    if error in _TRUST:
        return _TRUST[error]
    state = LOCKDOWN_STATES.get(error)
    return Trust.UNTRUSTED if state is DeviceState.UNTRUSTED else Trust.UNKNOWN


@dataclass(frozen=True, slots=True)
class HostIds:
    """Who this computer is to the phone: a part of usbmuxd's pair record, and no secret one."""

    host_id: str
    system_buid: str

    @classmethod
    def from_record(cls, record: bytes) -> HostIds | None:
        """Out of the ``PairRecordData`` that usbmuxd answers to ``ReadPairRecord``.

        ``None`` when the record holds none, which is as good as no record.
        """
        try:
            values = read_plist(record, "pair record")
            ids = cls(values.text("HostID"), values.text("SystemBUID"))
        except Malformed:
            return None
        return ids if ids.host_id else None


@dataclass(frozen=True, slots=True)
class LockdownFacts:
    """What was read; empty or ``None`` where the phone did not say."""

    product_type: str = ""
    """``iPhone14,5``."""
    ios_version: str = ""
    ios_build: str = ""
    name: str = ""
    """What its owner calls it: for people at this bench only, never stored or exported."""
    hardware: str = ""
    """Board, e.g. ``D17AP``."""
    device_class: str = ""
    """``iPhone``, ``iPad`` …"""
    udid: str = ""
    model_number: str = ""
    architecture: str = ""
    chip_id: int | None = None
    password_protected: bool | None = None
    """It is locked by a passcode right now; ``False`` says nothing of whether it has one
    (libimobiledevice #1073)."""
    trust: Trust = Trust.UNKNOWN
    developer_mode: bool | None = None
    """Only a paired program can ask (:mod:`.programs`)."""

    def raw(self) -> dict[str, str]:
        """What belongs beside the facts: nothing that tells whose phone it is."""
        table = {
            "product_type": self.product_type,
            "hardware": self.hardware,
            "device_class": self.device_class,
            "architecture": self.architecture,
            "chip_id": "" if self.chip_id is None else f"0x{self.chip_id:04x}",
            "developer_mode": "" if self.developer_mode is None else str(self.developer_mode),
        }
        return {key: value for key, value in table.items() if value}


def read_facts(
    connect: Connect, timeout_s: float, *, device: str = "iPhone", host: HostIds | None = None
) -> LockdownFacts:
    """Ask an iPhone what it is, and with ``host`` also whether it trusts this computer.

    The whole conversation ends within ``timeout_s`` seconds. Raises ``DeviceTimeout``,
    ``DeviceLost``, ``DeviceNotReady`` (``offline``: it is in restore mode),
    ``ProbeProtocolError`` (what it says is no lockdown), and what ``connect`` raises.
    """
    end_s = time.monotonic() + timeout_s
    with connect(LOCKDOWN_PORT) as sock:
        line = _Line(sock, end_s, timeout_s, device)
        try:
            return _facts(line, host)
        except Malformed as exc:
            raise ProbeProtocolError(
                f"lockdown: {exc}", device=device, hint="this is no ordinary iPhone; leave it out"
            ) from exc


def facts_from(values: Values) -> LockdownFacts:
    """The facts in lockdown's table; raises :class:`Malformed` for a value of a wrong type."""
    return LockdownFacts(
        product_type=values.text("ProductType", 64),
        ios_version=values.text("ProductVersion", 64),
        ios_build=values.text("BuildVersion", 64),
        name=values.text("DeviceName", 256),
        hardware=values.text("HardwareModel", 64),
        device_class=values.text("DeviceClass", 64),
        udid=values.text("UniqueDeviceID", 64),
        model_number=values.text("ModelNumber", 64),
        architecture=values.text("CPUArchitecture", 64),
        chip_id=values.whole("ChipID", 0, 0xFFFF_FFFF),
        password_protected=values.flag("PasswordProtected"),
    )


def _facts(line: _Line, host: HostIds | None) -> LockdownFacts:
    kind = line.ask({"Request": "QueryType"}).text("Type", 256)
    if kind != _NORMAL:
        raise DeviceNotReady(
            f"the phone is not started up (it is {shown(kind) or 'nothing known'})",
            device=line.device,
            state=DeviceState.OFFLINE.value,
            hint="let it start up, or end its recovery mode by restarting it",
        )
    answer = line.ask({"Request": "GetValue"})
    error = answer.text("Error", 128)
    facts = facts_from(answer.inner("Value"))
    if error and not facts.product_type:
        facts = replace(facts, trust=trust_of(error))
    if host is None:
        return facts
    return replace(facts, trust=_trust(line, host))


def _trust(line: _Line, host: HostIds) -> Trust:
    """What ``StartSession`` is answered; an iPhone that hangs up or talks nonsense says nothing."""
    wish = {"HostID": host.host_id, "SystemBUID": host.system_buid}
    try:
        answer = line.ask({"Request": "StartSession", **wish})
        error, session = answer.text("Error", 128), answer.text("SessionID", 256)
    except (DeviceError, Malformed):
        return Trust.UNKNOWN  # the facts are known all the same
    if error:
        return trust_of(error)
    return Trust.TRUSTED if session else Trust.UNKNOWN


class _Line:
    """One connection to lockdown with one deadline for everything."""

    def __init__(self, sock: socket.socket, end_s: float, timeout_s: float, device: str) -> None:
        self._sock = sock
        self._end_s = end_s
        self._timeout_s = timeout_s
        self.device = device

    def ask(self, request: Mapping[str, str]) -> Values:
        """Send a request and read the answer to it; raises also :class:`Malformed`."""
        name = request["Request"]
        body = plistlib.dumps({"Label": _LABEL, **request})
        try:
            self._wait(name)
            self._sock.sendall(len(body).to_bytes(4, "big") + body)
            size = int.from_bytes(self._receive(4, name), "big")
            if size > MAX_PLIST_BYTES:
                raise Malformed(f"{name} announces {size} bytes, {MAX_PLIST_BYTES} at most")
            values = read_plist(self._receive(size, name), name)
        except TimeoutError as exc:
            raise timed_out(self.device, f"lockdown {name}", self._timeout_s) from exc
        except OSError as exc:
            raise lost(self.device, f"lockdown {name}: {shown(str(exc), 80)}") from exc
        echoed = values.text("Request", 64)
        if echoed and echoed != name:
            raise Malformed(f"{name} is answered as {shown(echoed)}")
        return values

    def _receive(self, size: int, name: str) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(name)
            part = self._sock.recv(min(size - len(data), 65_536))
            if not part:
                raise lost(self.device, f"lockdown {name}: the phone closed the connection")
            data += part
        return bytes(data)

    def _wait(self, name: str) -> None:
        """What is left of the deadline bounds the next call."""
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise timed_out(self.device, f"lockdown {name}", self._timeout_s)
        self._sock.settimeout(left_s)
