"""Lockdown, and a usbmuxd in front of it, as small as tests of their clients need."""

from __future__ import annotations

import plistlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SERVICE_PORT = 50_001
Answer = Callable[[dict[str, Any]], bytes | None]
"""The bytes that follow a request; ``None`` = hang up."""

UDID = "00008110-000A1D0E3CEB801E"
PUBLIC_KEY = b"""-----BEGIN RSA PUBLIC KEY-----
MIGJAoGBANJYuzdoUOJ+EgOtlBH302lD3kYDjsuZwHn0GYi8ExZJT/schQJ/ZTnn
7GLast/WflPXr7JWlO1Box4E7kRrqZ2fSmhxQKwuTaO/LUOKZv4so8qZsrikLjZq
WpbEBolym6FtOYCBkpl4COY0xSWXylDUNviGXnDRNZTOPOlaBIbHAgMBAAE=
-----END RSA PUBLIC KEY-----
"""
"""Made for this; libimobiledevice makes the certificates of a pairing from it."""
PHONE = {
    "BuildVersion": "22D72",
    "CPUArchitecture": "arm64e",
    "ChipID": 0x8110,
    "DeviceClass": "iPhone",
    "DeviceName": "Bench phone",
    "HardwareModel": "D17AP",
    "ModelNumber": "MLPF3",
    "PasswordProtected": False,
    "ProductType": "iPhone14,5",
    "ProductVersion": "18.3.1",
    "TelephonyCapability": True,
    "UniqueDeviceID": UDID,
}


def framed(answer: Mapping[str, Any], *, binary: bool = False) -> bytes:
    """An answer as it stands on the wire."""
    form = plistlib.FMT_BINARY if binary else plistlib.FMT_XML
    body = plistlib.dumps(dict(answer), fmt=form)
    return struct.pack(">I", len(body)) + body


def lockdown(
    values: Mapping[str, Any] = PHONE,
    *,
    session: str = "",
    pair: str = "",
    binary: bool = False,
    tls: bool = True,
    amfi: Mapping[str, Any] = {},
) -> Answer:
    """An ordinary lockdown; ``session`` and ``pair`` are the errors it answers those with.

    Without ``tls`` a session goes on in the clear, which no iPhone does and clients allow.
    """

    def answer(request: dict[str, Any]) -> bytes | None:
        kind = request.get("Request")
        head = {"Request": kind}
        more: dict[str, Any]
        if kind == "QueryType":
            more = {"Type": "com.apple.mobile.lockdown"}
        elif kind == "GetValue" and "Key" in request:
            key = request["Key"]
            domain = request.get("Domain")
            fake = {"DevicePublicKey": PUBLIC_KEY, "WiFiAddress": "02:00:00:00:00:01", **values}
            fake = fake if domain is None else dict(amfi)
            more = {"Value": fake[key]} if key in fake else {"Error": "MissingValue"}
        elif kind == "GetValue":
            more = {"Value": dict(values)}
        elif kind == "StartSession":
            more = {"Error": session} if session else {"SessionID": "S", "EnableSessionSSL": tls}
        elif kind == "StartService":
            more = {"Service": request["Service"], "Port": SERVICE_PORT}
        elif kind in ("Pair", "ValidatePair"):
            more = {"Error": pair or "UserDeniedPairing"}
        else:
            more = {"Error": "InvalidRequest"}
        return framed({**head, **more}, binary=binary)

    return answer


def _receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def serve_lockdown(sock: socket.socket, answer: Answer) -> None:
    """Answer requests until either side ends."""
    with sock, suppress(OSError, EOFError):
        while True:
            size = struct.unpack(">I", _receive(sock, 4))[0]
            reply = answer(plistlib.loads(_receive(sock, size)))
            if reply is None:
                return
            sock.sendall(reply)


@contextmanager
def phone(answer: Answer) -> Iterator[Callable[[int], socket.socket]]:
    """Connects to lockdown; every thread ends with the block."""
    threads: list[threading.Thread] = []
    ours: list[socket.socket] = []

    def connect(port: int) -> socket.socket:
        assert port == 62078
        near, far = socket.socketpair()
        thread = threading.Thread(target=serve_lockdown, args=(far, answer), daemon=True)
        thread.start()
        threads.append(thread)
        ours.append(near)
        return near

    try:
        yield connect
    finally:
        for near in ours:
            near.close()
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()


def misagent(*profiles: bytes) -> Answer:
    """The service that hands out provisioning profiles."""

    def answer(request: dict[str, Any]) -> bytes:
        assert request["MessageType"] in ("CopyAll", "Copy")
        return framed({"MessageType": "Response", "Payload": list(profiles), "Status": 0})

    return answer


class Usbmuxd:
    """One phone behind a Unix socket, for libimobiledevice's own programs."""

    def __init__(
        self,
        path: Path,
        answer: Answer,
        *,
        record: Mapping[str, Any] | None = None,
        service: Answer | None = None,
    ) -> None:
        self._ports = {62078: answer}
        if service is not None:
            self._ports[SERVICE_PORT] = service
        self._record = record
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Usbmuxd:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError, EOFError):
            while True:
                size, version, message, tag = struct.unpack("<4I", _receive(sock, 16))
                request = plistlib.loads(_receive(sock, size - 16))
                reply = self._reply(request)
                body = plistlib.dumps(reply)
                sock.sendall(struct.pack("<4I", 16 + len(body), version, message, tag) + body)
                if request["MessageType"] == "Connect" and reply["Number"] == 0:
                    serve_lockdown(sock, self._ports[_port(request)])
                    return

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        kind = request["MessageType"]
        if kind == "ReadBUID":
            return {"BUID": "30142955-444094379208051516"}
        if kind == "ListDevices":
            about = {"ConnectionType": "USB", "DeviceID": 1, "LocationID": 1, "ProductID": 4776}
            about |= {"ConnectionSpeed": 480_000_000, "SerialNumber": UDID}
            entry = {"MessageType": "Attached", "DeviceID": 1, "Properties": about}
            return {"DeviceList": [entry]}
        if kind == "ReadPairRecord" and self._record is not None:
            return {"PairRecordData": plistlib.dumps(dict(self._record))}
        known = kind == "Listen" or (kind == "Connect" and _port(request) in self._ports)
        return {"MessageType": "Result", "Number": 0 if known else 2}


def _port(request: Mapping[str, Any]) -> int:
    """The port of a ``Connect``, whose bytes are the other way round."""
    return int(struct.unpack("<H", struct.pack(">H", request["PortNumber"]))[0])
