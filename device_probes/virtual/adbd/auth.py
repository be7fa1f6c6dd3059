"""Who may debug the phone: the keys it trusts and its "Allow USB debugging" dialog.

The host proves a key by an RSA signature (PKCS #1 v1.5, SHA-1 digest = the token itself). Keys
come in adb's own form: base64 of ``uint32 words, uint32 n0inv, modulus, rr, uint32 exponent``,
numbers little-endian (AOSP ``libcrypto_utils/android_pubkey.c``).
"""

from __future__ import annotations

import base64
import binascii
import secrets
import struct
from dataclasses import dataclass, field

TOKEN_BYTES = 20
_MODULUS_BYTES = 256
_KEY_BYTES = 8 + 2 * _MODULUS_BYTES + 4
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")
"""DER of "a SHA-1 digest follows" (RFC 8017, section 9.2, note 1)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A host's RSA-2048 key."""

    modulus: int
    exponent: int
    comment: str = ""
    """``user@host``, as the dialog shows it."""

    def signed(self, token: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``token``."""
        if len(signature) != _MODULUS_BYTES or len(token) != TOKEN_BYTES:
            return False
        number = int.from_bytes(signature, "big")
        if number >= self.modulus:
            return False
        found = pow(number, self.exponent, self.modulus).to_bytes(_MODULUS_BYTES, "big")
        digest = _SHA1_PREFIX + token
        pad = b"\xff" * (_MODULUS_BYTES - len(digest) - 3)
        return found == b"\x00\x01" + pad + b"\x00" + digest


def read_public_key(payload: bytes) -> PublicKey | None:
    """The key of an AUTH packet; ``None`` when it is no RSA-2048 key."""
    text, _, comment = payload.rstrip(b"\0").partition(b" ")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _KEY_BYTES:
        return None
    (words,) = struct.unpack_from("<I", raw)
    (exponent,) = struct.unpack_from("<I", raw, _KEY_BYTES - 4)
    modulus = int.from_bytes(raw[8 : 8 + _MODULUS_BYTES], "little")
    if words * 4 != _MODULUS_BYTES or exponent not in (3, 65537) or modulus.bit_length() != 2048:
        return None
    return PublicKey(modulus, exponent, comment.decode("utf-8", "replace")[:128])


@dataclass(slots=True)
class Keyring:
    """The trusted keys. ``required`` False is a phone that never asks."""

    required: bool = False
    trusted: list[PublicKey] = field(default_factory=list)
    asking: PublicKey | None = None
    """The key in the dialog that is on the screen."""

    def trusts(self, token: bytes, signature: bytes) -> bool:
        """Whether a trusted key signed ``token``."""
        return any(key.signed(token, signature) for key in self.trusted)

    def accept(self) -> bool:
        """Tap "Allow" in the dialog; ``False`` when none is shown."""
        if self.asking is None:
            return False
        self.trusted.append(self.asking)
        self.asking = None
        return True


def new_token() -> bytes:
    """What the host has to sign."""
    return secrets.token_bytes(TOKEN_BYTES)
