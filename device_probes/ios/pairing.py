"""Whether usbmuxd keeps a pairing with a phone: ``ReadPairRecord``, a few lines of its protocol.

The record holds the host's private key. Nothing of it is kept here but the two identities that
lockdown is asked with (:class:`.lockdown.HostIds`).
"""

from __future__ import annotations

import plistlib
import socket
import struct
import time
from contextlib import closing, suppress

from device_probes.fields import Malformed
from device_probes.ios.door import Stream, socket_address
from device_probes.ios.foreign import Oversized
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
    with suppress(OSError, Malformed, Oversized):
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
    stream = Stream(socket.socket(family, socket.SOCK_STREAM), end_s)
    with closing(stream):
        stream.sock.settimeout(max(end_s - time.monotonic(), 0.001))
        stream.sock.connect(where)
        stream.send(_HEAD.pack(_HEAD.size + len(body), _VERSION, _PLIST, _TAG) + body)
        size = _HEAD.unpack(stream.recv(_HEAD.size))[0] - _HEAD.size
        if size <= 0:
            raise Malformed(f"usbmuxd announces {size} bytes")
        return stream.recv(size)
