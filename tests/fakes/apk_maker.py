"""Small APKs made by hand: a compiled manifest and an APK Signing Block v2, from the formats'
descriptions alone. They share no code with the reader under test."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile

ANDROID = "http://schemas.android.com/apk/res/android"
NUMBERS = {
    "name": 0x01010003,
    "debuggable": 0x0101000F,
    "minSdkVersion": 0x0101020C,
    "versionCode": 0x0101021B,
    "versionName": 0x0101021C,
    "targetSdkVersion": 0x01010270,
    "testOnly": 0x01010272,
}
PACKAGE = "org.chirpbench.probe"
PERMISSIONS = ("android.permission.RECORD_AUDIO", "android.permission.MODIFY_AUDIO_SETTINGS")


def manifest(elements, *, utf8: bool = True) -> bytes:
    """Compiled XML of ``(name, {attribute: value})`` start tags, each closed at once."""
    strings = [*NUMBERS, ANDROID]
    for name, attributes in elements:
        for text in (name, *attributes, *attributes.values()):
            if isinstance(text, str) and text not in strings:
                strings.append(text)
    body = pool(strings, utf8=utf8)
    body += chunk(0x0180, struct.pack(f"<{len(NUMBERS)}I", *NUMBERS.values()))
    for name, attributes in elements:
        body += start(strings, name, attributes)
        body += struct.pack("<HHIII", 0x0103, 16, 24, 1, 0xFFFFFFFF)
        body += struct.pack("<II", 0xFFFFFFFF, strings.index(name))
    return struct.pack("<HHI", 0x0003, 8, 8 + len(body)) + body


def chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<HHI", kind, 8, 8 + len(data)) + data


def pool(strings, *, utf8: bool) -> bytes:
    data, offsets = b"", []
    for text in strings:
        offsets.append(len(data))
        raw = text.encode("utf-8" if utf8 else "utf-16-le")
        if utf8:
            data += bytes([len(text), len(raw)]) + raw + b"\0"
        else:
            data += struct.pack("<H", len(text)) + raw + b"\0\0"
    data += bytes(-len(data) % 4)
    head = 28 + 4 * len(strings)
    flags = 0x100 if utf8 else 0
    return (
        struct.pack("<HHI", 0x0001, 28, head + len(data))
        + struct.pack("<IIIII", len(strings), 0, flags, head, 0)
        + struct.pack(f"<{len(offsets)}I", *offsets)
        + data
    )


def start(strings, name: str, attributes) -> bytes:
    rows = b""
    for key, value in attributes.items():
        space = strings.index(ANDROID) if key in NUMBERS else 0xFFFFFFFF
        if isinstance(value, str):
            at = strings.index(value)
            rows += struct.pack("<IIIHBBI", space, strings.index(key), at, 8, 0, 3, at)
        else:
            kind = 0x12 if isinstance(value, bool) else 0x10
            number = 0xFFFFFFFF if value is True else int(value)
            rows += struct.pack("<IIIHBBI", space, strings.index(key), 0xFFFFFFFF, 8, 0, kind,
                                number)  # fmt: skip
    body = struct.pack("<II", 1, 0xFFFFFFFF)
    body += struct.pack("<IIHHHHHH", 0xFFFFFFFF, strings.index(name), 20, 20, len(attributes),
                        0, 0, 0)  # fmt: skip
    return struct.pack("<HHI", 0x0102, 16, 36 + len(rows)) + body + rows


def make_apk(
    *,
    package: str = PACKAGE,
    code: int = 5,
    name: str = "0.5",
    min_sdk: int = 26,
    abis=("arm64-v8a", "armeabi-v7a"),
    certificate: bytes = b"a test certificate",
    utf8: bool = True,
    size: int = 0,
    signed: bool = True,
    **application,
) -> bytes:
    """An APK as a phone takes it; ``size`` bytes of padding."""
    elements = [
        ("manifest", {"versionCode": code, "versionName": name, "package": package}),
        ("uses-sdk", {"minSdkVersion": min_sdk, "targetSdkVersion": 34}),
        *(("uses-permission", {"name": p}) for p in PERMISSIONS),
        ("application", dict(application)),
        ("activity", {"name": ".ProbeActivity"}),
    ]
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("AndroidManifest.xml", manifest(elements, utf8=utf8))
        archive.writestr("classes.dex", bytes(range(256)) * (size // 256))
        for abi in abis:
            archive.writestr(f"lib/{abi}/libprobe.so", abi.encode())
    return sign(raw.getvalue(), certificate) if signed else raw.getvalue()


def counted(*parts: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(p)) + p for p in parts)


def sign(data: bytes, certificate: bytes) -> bytes:
    """Put an APK Signing Block with a v2 signer in front of the central directory."""
    end = data.rindex(b"PK\x05\x06")
    (directory,) = struct.unpack_from("<I", data, end + 16)
    content = digest([data[:directory], data[directory:end], data[end:]])
    signed = counted(
        counted(struct.pack("<I", 0x0103) + counted(content)), counted(certificate), b""
    )
    signer = counted(signed, counted(struct.pack("<I", 0x0103) + counted(b"sig")), b"key")
    value = counted(counted(signer))
    pair = struct.pack("<QI", 4 + len(value), 0x7109871A) + value
    size = len(pair) + 24
    block = struct.pack("<Q", size) + pair + struct.pack("<Q", size) + b"APK Sig Block 42"
    tail = data[end : end + 16] + struct.pack("<I", directory + len(block)) + data[end + 20 :]
    return data[:directory] + block + data[directory:end] + tail


def digest(sections) -> bytes:
    """Of 1 MiB chunks; in the end record the directory's offset is that of the signing block,
    which is where the directory began before."""
    chunks = [s[i : i + 2**20] for s in sections for i in range(0, len(s), 2**20)]
    inner = [hashlib.sha256(b"\xa5" + struct.pack("<I", len(c)) + c).digest() for c in chunks]
    return hashlib.sha256(b"\x5a" + struct.pack("<I", len(inner)) + b"".join(inner)).digest()
