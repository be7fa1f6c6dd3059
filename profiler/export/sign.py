"""Ed25519 signatures beside exported files. The one door to cryptography.

``FILE.sig`` holds the 64 raw bytes that ``openssl pkeyutl -verify -rawin`` takes; docs/exports.md
shows how to make a key and how an app checks a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from profiler.errors import InputError
from profiler.export.manifest import MANIFEST, SUFFIX, Manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_EXTRA = "pip install 'chirpbench[export]'"
_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out KEY.pem"


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """A private key from a PEM file without a password. Raises :class:`InputError`."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )
    except ImportError as exc:
        raise InputError("signing needs the package cryptography", hint=_EXTRA) from exc
    content = _read(path)
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError as exc:
        raise InputError(
            "the key has a password",
            file=str(path),
            hint="take it off with: openssl pkey -in KEY.pem -out PLAIN.pem",
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InputError("is no private key in PEM", file=str(path), hint=_MAKE) from exc
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise InputError("is no Ed25519 key", file=str(path), hint=_MAKE)
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """A public key from a PEM file. Raises :class:`InputError`."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_public_key,
        )
    except ImportError as exc:
        raise InputError("checking signatures needs cryptography", hint=_EXTRA) from exc
    content = _read(path)
    hint = "write it with: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise InputError("is no public key in PEM", file=str(path), hint=hint) from exc
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise InputError("is no Ed25519 key", file=str(path), hint=hint)
    return key


def signature(key: Ed25519PrivateKey, content: bytes) -> bytes:
    """The detached signature of a file's bytes; equal bytes have equal signatures."""
    return key.sign(content)


def bad_signatures(manifest: Manifest, key: Ed25519PublicKey) -> list[str]:
    """A line for each listed file, and the manifest, without a signature that fits ``key``."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra

    problems = []
    for name in (MANIFEST, *manifest.files):
        try:
            content = (manifest.folder / name).read_bytes()
            signed = (manifest.folder / f"{name}{SUFFIX}").read_bytes()
        except OSError as exc:
            problems.append(f"{name}: no signature can be read ({exc.strerror})")
            continue
        try:
            key.verify(signed, content)
        except InvalidSignature:
            problems.append(f"{name}: the signature does not fit")
    return problems


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(
            f"the key cannot be read ({exc.strerror})", file=str(path), hint=_MAKE
        ) from exc
