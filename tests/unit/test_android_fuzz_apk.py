"""Packages and manifests of any bytes are read or refused, in bounded memory and time."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zipfile

import apk_maker
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_probes.virtual.adbd.apk import Apk, ApkRefused, read_apk
from device_probes.virtual.adbd.axml import BadXml, read_elements

NUMBERS = (0, 1, 8, 9, 12, 14, 98, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
"""Lengths that lie, and the numbers of compressions that a zip may name."""
MANIFEST = apk_maker.manifest([("manifest", {"package": "a.b", "versionCode": 1})])


def outcome(data: bytes) -> Apk | ApkRefused:
    try:
        return read_apk(data)
    except ApkRefused as exc:
        return exc


def changed(data: bytes, seed: int, *, near_the_end: bool) -> bytes:
    """A few bytes, words or pieces of ``data`` replaced, lost or put in."""
    rng = random.Random(seed)
    made = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        low = max(0, len(made) - 600) if near_the_end else 0
        at = rng.randrange(low, len(made))
        match rng.randrange(4):
            case 0:
                made[at] = rng.randrange(256)
            case 1:
                made[at : at + 4] = struct.pack("<I", rng.choice((*NUMBERS, len(made))))
            case 2:
                made[at : at + 2] = struct.pack("<H", rng.choice(NUMBERS) & 0xFFFF)
            case _:
                made[at : at + rng.randrange(20)] = rng.randbytes(rng.randrange(1, 20))
    return bytes(made)


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
@example(4, True, False)
def test_a_changed_package_is_read_or_refused(seed: int, near_the_end: bool, utf8: bool) -> None:
    """The library for zip files raises seven kinds of exceptions for broken ones."""
    data = changed(apk_maker.make_apk(utf8=utf8), seed, near_the_end=near_the_end)
    found = outcome(data)
    if isinstance(found, ApkRefused):
        assert found.reason.startswith("INSTALL_PARSE_FAILED_")
    else:
        assert found.package


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 2**32))
def test_a_changed_manifest_is_read_or_no_manifest(seed: int) -> None:
    try:
        found = read_elements(changed(MANIFEST, seed, near_the_end=False))
    except BadXml:
        return
    assert all(isinstance(element.name, str) for element in found)


def zipped(compression: int, *, size: int | None = None, encrypted: bool = False) -> bytes:
    """A package whose manifest says that it is compressed in another way than it is."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("AndroidManifest.xml", MANIFEST)
    data = raw.getvalue()
    at = data.index(b"PK\x01\x02")
    local, central = bytearray(data[:at]), bytearray(data[at:])
    struct.pack_into("<H", local, 8, compression)
    struct.pack_into("<H", central, 10, compression)
    if encrypted:
        struct.pack_into("<H", local, 6, 1)
        struct.pack_into("<H", central, 8, 1)
    if size is not None:
        struct.pack_into("<I", central, 24, size)
    return bytes(local + central)


@pytest.mark.parametrize(
    "data",
    [
        *(zipped(kind) for kind in (1, 8, 9, 12, 14, 93, 99, 0xFFFF)),
        zipped(0, encrypted=True),
        zipped(0, size=0xFFFFFFFF),
        zipped(0, size=2**21),
        zipped(0)[:-30],
    ],
    ids=[*(f"compression {k}" for k in (1, 8, 9, 12, 14, 93, 99, 0xFFFF)), "encrypted", "4 GiB",
         "2 MiB", "no end"],
)  # fmt: skip
def test_a_manifest_that_cannot_be_unpacked_is_refused(data: bytes) -> None:
    assert isinstance(outcome(data), ApkRefused)


@pytest.mark.parametrize("utf8", [True, False])
def test_strings_that_share_one_long_place_take_no_memory(utf8: bool) -> None:
    """Twenty thousand names of a million letters each, in a manifest of a megabyte."""
    count, letters = 20_000, 0x7FFF if utf8 else 400_000
    text = b"a" * letters if utf8 else b"a\0" * letters
    if utf8:
        place = struct.pack(">HH", 0x8000 | letters, 0x8000 | letters) + text
    else:
        place = struct.pack("<HH", 0x8000 | letters >> 16, letters & 0xFFFF) + text
    head = 28 + 4 * count
    pool = struct.pack("<HHI", 0x0001, 28, head + len(place))
    pool += struct.pack("<IIIII", count, 0, 0x100 * utf8, head, 0) + bytes(4 * count) + place
    data = struct.pack("<HHI", 0x0003, 8, 8 + len(pool)) + pool
    tracemalloc.start()
    try:
        with pytest.raises(BadXml):
            read_elements(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * 2**20


def test_a_bomb_of_zeros_is_not_unpacked() -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AndroidManifest.xml", bytes(64 * 2**20))
    tracemalloc.start()
    try:
        assert isinstance(outcome(raw.getvalue()), ApkRefused)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
