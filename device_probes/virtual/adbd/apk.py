"""What a phone's package manager reads from an APK before it installs it.

The manifest, the native libraries' ABIs, and the signing block (APK Signature Scheme v2 and v3,
source.android.com/docs/security/features/apksigning/v2): who signed, and whether the content is
what was signed. The RSA signature itself is not checked: the test key is public anyhow.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass

from device_probes.virtual.adbd.axml import BadXml, Element, read_elements

_MAX_MANIFEST_BYTES = 2**20
_SIGNING_MAGIC = b"APK Sig Block 42"
_SCHEMES = {0xF05368C0: "v3", 0x7109871A: "v2"}
_CHUNK_BYTES = 2**20
_NO_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, KeyError, EOFError),
    *(OSError, ValueError, RuntimeError),  # bzip2's data, places before the file, encryption
)
"""What the library lets through for a file that is no zip, or one it cannot read."""
_SHA256_ALGORITHMS = frozenset((0x0101, 0x0103, 0x0201))
"""RSA-PSS, RSA PKCS #1 v1.5 and ECDSA, each with SHA-256."""


class ApkRefused(Exception):
    """The package manager does not take this file."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True)
class Apk:
    """A readable, signed APK."""

    package: str
    version_code: int
    version_name: str
    min_sdk: int
    target_sdk: int
    permissions: tuple[str, ...]
    activities: tuple[str, ...]
    """Full class names."""
    abis: tuple[str, ...]
    """Of its native libraries; empty when it has none."""
    signer: str
    """SHA-256 of the signer's certificate, hex."""
    scheme: str
    debuggable: bool = False
    test_only: bool = False


def read_apk(data: bytes) -> Apk:
    """Read an APK; raises :class:`ApkRefused` as PackageManager words it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        info = archive.getinfo("AndroidManifest.xml")
        if info.file_size > _MAX_MANIFEST_BYTES:
            raise ApkRefused("INSTALL_PARSE_FAILED_MANIFEST_MALFORMED", "manifest too large")
        manifest = archive.read(info)
        names = archive.namelist()
    except _NO_ZIP as exc:
        text = f"Failed to parse base.apk: {exc}"
        raise ApkRefused("INSTALL_PARSE_FAILED_NOT_APK", text) from exc
    try:
        elements = read_elements(manifest)
    except BadXml as exc:
        text = "Failed to parse base.apk: Corrupt XML binary file"
        raise ApkRefused("INSTALL_PARSE_FAILED_UNEXPECTED_EXCEPTION", text) from exc
    signer, scheme = read_signer(data)
    abis = {n.split("/")[1] for n in names if n.startswith("lib/") and n.count("/") == 2}
    return _apk(elements, tuple(sorted(abis)), signer, scheme)


def _apk(elements: list[Element], abis: tuple[str, ...], signer: str, scheme: str) -> Apk:
    def first(name: str) -> dict[str, str | int]:
        return next((e.attributes for e in elements if e.name == name), {})

    def names(*kinds: str) -> list[str]:
        found = (e.attributes.get("name") for e in elements if e.name in kinds)
        return [name for name in found if isinstance(name, str)]

    root, sdk, application = first("manifest"), first("uses-sdk"), first("application")
    package, code = root.get("package"), root.get("versionCode", 0)
    if not isinstance(package, str) or "." not in package or not isinstance(code, int):
        text = "Failed to parse base.apk: AndroidManifest has no package name or version"
        raise ApkRefused("INSTALL_PARSE_FAILED_MANIFEST_MALFORMED", text)
    minimum = _number(sdk.get("minSdkVersion"), 1)
    return Apk(
        package=package,
        version_code=code,
        version_name=str(root.get("versionName", "")),
        min_sdk=minimum,
        target_sdk=_number(sdk.get("targetSdkVersion"), minimum),
        permissions=tuple(names("uses-permission", "uses-permission-sdk-23")),
        activities=tuple(package + n if n[0] == "." else n for n in names("activity") if n),
        abis=abis,
        signer=signer,
        scheme=scheme,
        debuggable=bool(application.get("debuggable", 0)),
        test_only=bool(application.get("testOnly", 0)),
    )


def _number(value: str | int | None, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


# --- signatures ----------------------------------------------------------------------------------


def read_signer(data: bytes) -> tuple[str, str]:
    """SHA-256 of the first signer's certificate and the scheme; raises :class:`ApkRefused`."""
    try:
        start, directory, end, blocks = _signing_block(data)
        for number, scheme in _SCHEMES.items():
            if number in blocks:
                signed = _first(_first(_first(blocks[number])))
                digests, rest = _split(signed)
                certificates, _ = _split(rest)
                _verify(data, (start, directory, end), digests)
                return hashlib.sha256(_first(certificates)).hexdigest(), scheme
    except (struct.error, IndexError) as exc:
        raise _unsigned("the signing block is damaged") from exc
    raise _unsigned("no APK Signature Scheme v2 or v3 signature")


def _unsigned(why: str) -> ApkRefused:
    text = f"Failed to collect certificates from base.apk: {why}"
    return ApkRefused("INSTALL_PARSE_FAILED_NO_CERTIFICATES", text)


def _signing_block(data: bytes) -> tuple[int, int, int, dict[int, bytes]]:
    """Start of the block, of the central directory and of its end record; the block's entries."""
    end = data.rfind(b"PK\x05\x06")
    if end < 0:
        raise _unsigned("no end of central directory")
    (directory,) = struct.unpack_from("<I", data, end + 16)
    if data[directory - 16 : directory] != _SIGNING_MAGIC:
        raise _unsigned("no APK Signing Block")
    (size,) = struct.unpack_from("<Q", data, directory - 24)
    start = directory - size - 8
    if start < 0:
        raise _unsigned("the signing block is larger than the file")
    entries: dict[int, bytes] = {}
    at = start + 8
    while at + 12 <= directory - 24:
        length, number = struct.unpack_from("<QI", data, at)
        if length < 4:
            break
        entries[number] = data[at + 12 : at + 8 + length]
        at += 8 + length
    return start, directory, end, entries


def _split(data: bytes) -> tuple[bytes, bytes]:
    """A length-prefixed field and what follows it."""
    (size,) = struct.unpack_from("<I", data)
    if size > len(data) - 4:
        raise IndexError("a field longer than its parent")
    return data[4 : 4 + size], data[4 + size :]


def _first(data: bytes) -> bytes:
    return _split(data)[0]


def _verify(data: bytes, marks: tuple[int, int, int], digests: bytes) -> None:
    """Compare the signed digest of the content with the content."""
    while digests:
        entry, digests = _split(digests)
        (algorithm,) = struct.unpack_from("<I", entry)
        if algorithm in _SHA256_ALGORITHMS:
            if content_digest(data, *marks) != _first(entry[4:]):
                raise _unsigned("SHA-256 digest of contents did not verify")
            return
    raise _unsigned("no SHA-256 digest")


def content_digest(data: bytes, start: int, directory: int, end: int) -> bytes:
    """The digest the scheme signs: of the digests of 1 MiB chunks of the three sections.

    In the end record the offset of the central directory counts as that of the signing block.
    """
    tail = data[end : end + 16] + struct.pack("<I", start) + data[end + 20 :]
    chunks = []
    for section in (data[:start], data[directory:end], tail):
        for at in range(0, len(section), _CHUNK_BYTES):
            chunk = section[at : at + _CHUNK_BYTES]
            chunks.append(hashlib.sha256(b"\xa5" + struct.pack("<I", len(chunk)) + chunk).digest())
    whole = b"\x5a" + struct.pack("<I", len(chunks)) + b"".join(chunks)
    return hashlib.sha256(whole).digest()
