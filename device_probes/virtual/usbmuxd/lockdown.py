"""lockdownd of a virtual iPhone, and the service that lists provisioning profiles.

The wire of both: four bytes of length, most significant first, then a property list. A stranger
gets a few values; one with the host id of a pairing may start a session, which here asks for no
TLS, and then ask for the rest and start services. Names of requests, keys and errors are those of
libimobiledevice (``src/lockdown.c``, ``src/misagent.c``).
"""

from __future__ import annotations

import plistlib
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from device_probes.virtual.usbmuxd.core import IphoneCore
from device_probes.virtual.usbmuxd.packet import MAX_PACKET_BYTES, BadPacket, read_plist
from device_probes.virtual.usbmuxd.pipe import Pipe
from device_probes.virtual.usbmuxd.state import PROBE_BUNDLE, WDA_BUNDLE

AMFI = "com.apple.security.mac.amfi"
_MISAGENT = "com.apple.misagent"
MISAGENT_PORT = 49_201
_PUBLIC_KEY = b"""-----BEGIN RSA PUBLIC KEY-----
MIGJAoGBANVQq2ar+5EBfKE3BN5+mypkCb1LfUzhMUXRMSH4fL7NMxcnWlFOTdPs
dpHGZxq21v+yW4p2/ixBBfRs0jdZQ5YWc+Gp3R+pdSQMAiPE/AS78zOzVyrF5cla
oX04y0SqQ8qPfIC6yiQJMcOp3casfGbZ493lf0RxvZ2ZmCDWIvYpAgMBAAE=
-----END RSA PUBLIC KEY-----
"""
"""What a host makes its certificates for the phone with; nobody has the other half."""
_HOST_ID = "5B3B2C0E-6E0B-4C26-9B9D-5F7F1E6A0B11"
SYSTEM_BUID = "30142955-444094379208051516"
_ESCROW = b"virtual"
_PKCS7 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
"""The identifier 1.2.840.113549.1.7 without its last number."""
_SHA256 = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"


def strangers_values(phone: IphoneCore) -> dict[str, Any]:
    """What anybody may know of the phone."""
    spec, number = phone.spec, zlib.crc32(phone.serial.encode())
    return {
        "BuildVersion": spec.os_build,
        "CPUArchitecture": "arm64e",
        "ChipID": 0x8110,
        "DeviceClass": "iPhone",
        "DeviceColor": "1",
        "DeviceName": spec.marketing_name,
        "DevicePublicKey": _PUBLIC_KEY,
        "HardwareModel": "D27AP",
        "ModelNumber": "MPVN3",
        "PartitionType": "GUID_partition_scheme",
        "PasswordProtected": phone.state.locked and phone.state.passcode,
        "ProductName": "iPhone OS",
        "ProductType": spec.model,
        "ProductVersion": spec.os_version,
        "ProtocolVersion": "2",
        "UniqueChipID": number << 16 | 0x1E,
        "UniqueDeviceID": phone.udid,
        "WiFiAddress": f"02:00:{number >> 24:02x}:{number >> 16 & 255:02x}:"
        f"{number >> 8 & 255:02x}:{number & 255:02x}",
    }


def pair_record(phone: IphoneCore) -> bytes | None:
    """What usbmuxd keeps of the pairing; ``None``: there was none."""
    if phone.kept_record is not None:
        return phone.kept_record
    if not phone.state.trusted:
        return None
    nothing = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    names = ("DeviceCertificate", "HostCertificate", "HostPrivateKey", "RootCertificate",
             "RootPrivateKey")  # fmt: skip
    record: dict[str, Any] = dict.fromkeys(names, nothing)
    record |= {"HostID": _HOST_ID, "SystemBUID": SYSTEM_BUID, "EscrowBag": _ESCROW}
    return plistlib.dumps(record)


async def serve(phone: IphoneCore, pipe: Pipe) -> None:
    """Answer on port 62078 until the host hangs up."""
    session = _Session(phone)
    while (request := await _read(pipe)) is not None:
        kind = str(request.get("Request", ""))
        await phone.moments.event(f"lockdown:{kind}")
        answer = session.answer(kind, request)
        await _write(pipe, {"Request": kind, **answer})


async def serve_profiles(phone: IphoneCore, pipe: Pipe) -> None:
    """Answer as misagent does: the profiles the apps were signed with."""
    while (request := await _read(pipe)) is not None:
        if request.get("MessageType") not in ("Copy", "CopyAll"):
            await _write(pipe, {"Status": 0xE8008001})
            continue
        payload = [_profile(phone, bundle) for bundle in sorted(phone.state.installed)]
        await _write(pipe, {"MessageType": "Status", "Status": 0, "Payload": payload})


class _Session:
    """One connection to lockdownd."""

    def __init__(self, phone: IphoneCore) -> None:
        self._phone = phone
        self._open = False

    def answer(self, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        steps: dict[str, Callable[[], dict[str, Any]]] = {
            "QueryType": lambda: {"Type": "com.apple.mobile.lockdown"},
            "GetValue": lambda: self._value(request),
            "Pair": self._pair,
            "ValidatePair": self._pair,
            "StartSession": lambda: self._start(request),
            "StopSession": self._stop,
            "StartService": lambda: self._service(request),
            "Goodbye": lambda: {},
        }
        step = steps.get(kind)
        return step() if step else {"Error": "InvalidRequest"}

    def _value(self, request: Mapping[str, Any]) -> dict[str, Any]:
        domain, key = request.get("Domain"), request.get("Key")
        open_to_all = strangers_values(self._phone)
        if domain is None and key is None:
            return {"Value": open_to_all}
        if domain is None and key in open_to_all:
            return {"Key": key, "Value": open_to_all[str(key)]}
        if not self._open:
            return {"Error": "GetProhibited"}
        if (domain, key) == (AMFI, "DeveloperModeStatus"):
            return {"Domain": domain, "Key": key, "Value": self._phone.state.developer_mode}
        return {"Error": "MissingValue"}

    def _pair(self) -> dict[str, Any]:
        error = self._trust_error()
        return {"Error": error} if error else {"EscrowBag": _ESCROW}

    def _trust_error(self) -> str:
        state = self._phone.state
        if state.trusted:
            return ""
        if state.passcode and state.locked:
            return "PasswordProtected"
        if state.trust_denied:
            return "UserDeniedPairing"
        self._phone.trust_asked = True
        return "PairingDialogResponsePending"

    def _start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self._phone.state.trusted or not request.get("HostID"):
            return {"Error": "InvalidHostID"}
        self._open = True
        return {"SessionID": "virtual-session", "EnableSessionSSL": False}

    def _stop(self) -> dict[str, Any]:
        self._open = False
        return {}

    def _service(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self._open:
            return {"Error": "SessionInactive"}
        if request.get("Service") != _MISAGENT:
            return {"Error": "InvalidService"}
        return {"Service": _MISAGENT, "Port": MISAGENT_PORT, "EnableServiceSSL": False}


def _profile(phone: IphoneCore, bundle: str) -> bytes:
    """A profile of a free team in its envelope, which nobody here checks."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    left = timedelta(days=-1) if bundle in phone.state.expired else timedelta(days=6)
    text = plistlib.dumps({
        "Name": f"iOS Team Provisioning Profile: {bundle}",
        "TeamName": "A Person",
        "TeamIdentifier": ["ABCDE12345"],
        "UUID": f"00000000-0000-4000-8000-{zlib.crc32(bundle.encode()):012x}",
        "CreationDate": now + left - timedelta(days=7),
        "ExpirationDate": now + left,
        "Entitlements": {"application-identifier": f"ABCDE12345.{_app_id(bundle)}"},
    })  # fmt: skip
    # SignedData (RFC 5652) without signers
    data = _der(0x30, _PKCS7 + b"\x01", _der(0xA0, _der(0x04, text)))
    signed = _der(0x30, b"\x02\x01\x01", _der(0x31, _der(0x30, _SHA256)), data)
    return _der(0x30, _PKCS7 + b"\x02", _der(0xA0, signed))


def _der(tag: int, *parts: bytes) -> bytes:
    """One item of ASN.1."""
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + head + body


def _app_id(bundle: str) -> str:
    return {PROBE_BUNDLE: PROBE_BUNDLE, WDA_BUNDLE: "com.facebook.*"}.get(bundle, bundle)


async def _read(pipe: Pipe) -> dict[str, Any] | None:
    """The next list; ``None`` at the end, or when it is none."""
    try:
        size = int.from_bytes(await pipe.exactly(4), "big")
        return read_plist(await pipe.exactly(size)) if size <= MAX_PACKET_BYTES else None
    except (ConnectionError, BadPacket):
        return None


async def _write(pipe: Pipe, body: Mapping[str, Any]) -> None:
    data = plistlib.dumps(dict(body))
    await pipe.write(len(data).to_bytes(4, "big") + data)
