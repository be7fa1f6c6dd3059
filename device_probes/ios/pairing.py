"""Whether usbmuxd keeps a pairing with a phone: ``ReadPairRecord``, a few lines of its protocol.

The record holds the host's private key. Nothing of it is kept here but the two identities that
lockdown is asked with (:class:`.lockdown.HostIds`).
"""

from __future__ import annotations

import plistlib
import socket
import struct
import time
from contextlib import suppress

from device_probes.fields import Malformed
from device_probes.ios.door import MAX_MESSAGE_BYTES, socket_address
from device_probes.ios.lockdown import HostIds
from device_probes.ios.plists import read_plist

_HEAD = struct.Struct("<4I")
_VERSION, _PLIST, _TAG = 1, 8, 1
_NO_RECORD = 2
"""``Number`` of usbmuxd's answer when it has none; ENOENT (libusbmuxd's ``usbmuxd.c``)."""


class NoRecord(Exception):
    """usbmuxd answered, and has no pairing with that phone."""


def host_ids(address: str, udid: str, timeout_s: float) -> HostIds | None:
    """Who this computer is to the phone; ``None``: usbmuxd does not say.

    ``address`` as :class:`.door.MuxDoor` takes it. Raises :class:`NoRecord`.
    """
    with suppress(OSError, Malformed):
        answer = _asked(address, udid, time.monotonic() + timeout_s)
        if read_plist(answer, "usbmuxd's answer").whole("Number", 0, 2**31) == _NO_RECORD:
            raise NoRecord(udid)
        record = plistlib.loads(answer).get("PairRecordData")  # it was read without complaint
        if isinstance(record, bytes):
            found = HostIds.from_record(record)
            if found is None:
                raise NoRecord(udid)
            return found
    return None


def _asked(address: str, udid: str, end_s: float) -> bytes:
    """The property list that usbmuxd answers with."""
    family, where = socket_address(address)
    body = plistlib.dumps(
        {"MessageType": "ReadPairRecord", "PairRecordID": udid, "ProgName": "chirpbench"}
    )
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(_left(end_s))
        sock.connect(where)
        sock.sendall(_HEAD.pack(_HEAD.size + len(body), _VERSION, _PLIST, _TAG) + body)
        size = _HEAD.unpack(_received(sock, _HEAD.size, end_s))[0] - _HEAD.size
        if not 0 < size <= MAX_MESSAGE_BYTES:
            raise Malformed(f"usbmuxd announces {size} bytes")
        return _received(sock, size, end_s)


def _received(sock: socket.socket, size: int, end_s: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        sock.settimeout(_left(end_s))
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionResetError("usbmuxd closed the connection")
        data += part
    return bytes(data)


def _left(end_s: float) -> float:
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
