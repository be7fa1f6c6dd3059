"""Gates on the APK that need no tool: planted faults are found, rubbish crashes none."""

from __future__ import annotations

import dataclasses
import gzip
import struct
import zipfile
from pathlib import Path

import pytest
from apk_parts import committed, copy_with_byte_changed, entries_of, with_header_byte
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.apk import archive, classfile, info, layout
from tools.apk.gates import container, dexfile, elf, native, rebuild, signatures

ARM64, ARM, X86 = (f"lib/{abi.name}/{layout.LIBRARY}" for abi in layout.ABIS)


def with_library(name: str, library: bytes) -> dict[str, bytes]:
    return committed() | {name: library}


def one(found: list[str]) -> str:
    """The only complaint."""
    assert len(found) == 1, found
    return found[0]


# The container


def test_archive_reads_back_with_any_zip_reader(tmp_path: Path) -> None:
    apk = tmp_path / "x.apk"
    contents = {"AndroidManifest.xml": b"m" * 999, "classes.dex": b"", ARM64: b"\x7fELF" * 9}
    archive.write(entries_of(contents), apk)
    assert archive.contents(apk) == contents
    with zipfile.ZipFile(apk) as opened:
        assert opened.testzip() is None
        assert {i.date_time for i in opened.infolist()} == {container.DATE}
        assert {i.create_system for i in opened.infolist()} == {0}
    assert archive.data_offsets(apk)[ARM64] % 16384 == 0


@given(st.lists(st.binary(max_size=70_000), min_size=1, max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_archive_aligns_whatever_comes_before(tmp_path: Path, blobs: list[bytes]) -> None:
    apk = tmp_path / "x.apk"
    contents = {f"lib/{i}/a.so": blob for i, blob in enumerate(blobs)} | {"classes.dex": blobs[0]}
    archive.write(entries_of(contents), apk)
    assert archive.contents(apk) == contents
    offsets = archive.data_offsets(apk)
    assert all(at % 16384 == 0 for name, at in offsets.items() if name.endswith(".so"))


def test_container_gate_passes_the_committed_apk() -> None:
    assert container.complaints(layout.APK) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"alignment": 4}, "not on a multiple of 16 KiB"),
        ({"stored": False}, "compressed"),
        ({"name": "lib/arm64-v8a/libother.so"}, "holds "),
    ],
)
def test_container_gate_finds_a_badly_packed_library(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    entries = entries_of(committed())
    place = next(i for i, entry in enumerate(entries) if entry.name == ARM64)
    entries[place] = dataclasses.replace(entries[place], **change)  # type: ignore[arg-type]
    archive.write(entries, tmp_path / "x.apk")
    assert any(complaint in text for text in container.complaints(tmp_path / "x.apk"))


def test_container_gate_finds_an_entry_too_many_and_a_big_file(tmp_path: Path) -> None:
    noise = b"".join(i.to_bytes(4, "big") for i in range(0, 2**32, 2**16))
    extra = archive.Entry("assets/x.bin", noise, stored=True)
    archive.write([*entries_of(committed()), extra], tmp_path / "x.apk")
    size, names = container.complaints(tmp_path / "x.apk")
    assert "more than 200000" in size
    assert "assets/x.bin" in names


def test_container_gate_finds_a_date(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.apk", "w") as opened:
        for name, data in committed().items():
            opened.writestr(zipfile.ZipInfo(name, (2024, 5, 1, 0, 0, 0)), data)
    assert any("dated (2024" in text for text in container.complaints(tmp_path / "x.apk"))


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(100)])
def test_container_gate_survives_rubbish(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.apk").write_bytes(content)
    assert "not a whole zip file" in one(container.complaints(tmp_path / "x.apk"))


def test_build_info_of_another_apk_is_found(tmp_path: Path) -> None:
    told = info.read()
    other = tmp_path / "x.apk"
    archive.write(entries_of(committed() | {"classes.dex": b"other"}), other)
    found = container.differs_from_info(other, told)
    assert any("SHA-256" in text for text in found)
    assert any(text.endswith("says: classes.dex") for text in found)


def test_damaged_entry_is_found(tmp_path: Path) -> None:
    broken = copy_with_byte_changed(layout.APK, tmp_path / "x.apk", ARM64)
    assert "Bad CRC-32" in one(container.complaints(broken))


# Native code


def test_native_gate_passes_the_committed_apk() -> None:
    assert native.complaints(committed()) == []


@pytest.mark.parametrize(("name", "bits"), [(ARM64, 64), (ARM, 32), (X86, 64)])
@pytest.mark.parametrize(
    ("kind", "field", "value", "complaint"),
    [
        (elf.PT_LOAD, "alignment", 4096, "aligned to 4096 bytes"),
        (elf.PT_LOAD, "flags", 7, "both writable and executable"),
        (elf.PT_GNU_STACK, "flags", 7, "executable stack"),
        (elf.PT_GNU_RELRO, "kind", 0, "no RELRO"),
        (elf.PT_GNU_RELRO, "memory", 4096, "RELRO does not end on 16 KiB"),
    ],
)
def test_native_gate_finds_a_changed_header(
    name: str, bits: int, kind: int, field: str, value: int, complaint: str
) -> None:
    library = committed()[name]
    changed = with_header_byte(library, bits=bits, kind=kind, field=field, value=value)
    assert complaint in one(native.complaints(with_library(name, changed)))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"\0usleep\0", b"\0system\0", "imports system"),
        (b"\0libdl.so\0", b"\0libxx.so\0", "needs the libraries libxx.so"),
        (b"\0Java_org_chirp", b"\0Jawa_org_chirp", "exports Jawa_org"),
        (b"libchirpbench_probe.so\0", b"libchirpbench_probX.so\0", "calls itself"),
    ],
)
def test_native_gate_finds_a_changed_name(old: bytes, new: bytes, complaint: str) -> None:
    library = committed()[ARM64]
    assert old in library
    changed = library.replace(old, new)
    assert any(complaint in text for text in native.complaints(with_library(ARM64, changed)))


@pytest.mark.parametrize(
    ("tag", "value", "complaint"),
    [
        (elf.DT_TEXTREL, 0, "text relocations"),
        (elf.DT_FLAGS, elf.DF_TEXTREL | elf.DF_BIND_NOW, "text relocations"),
    ],
)
def test_native_gate_finds_text_relocations(tag: int, value: int, complaint: str) -> None:
    library = committed()[ARM64]
    (segment,) = elf.parse(library).of_kind(elf.PT_DYNAMIC)
    changed = bytearray(library)
    for at in range(segment.offset, segment.offset + segment.file_bytes, 16):
        if struct.unpack_from("<q", changed, at)[0] == elf.DT_FLAGS:
            struct.pack_into("<qQ", changed, at, tag, value)
    found = native.complaints(with_library(ARM64, bytes(changed)))
    assert any(complaint in text for text in found)


def test_native_gate_finds_swapped_and_missing_libraries() -> None:
    have = committed()
    swapped = native.complaints(have | {ARM64: have[X86]})
    assert "is for machine 62 (64 bits), not 183" in one(swapped)
    del have[ARM]
    assert one(native.complaints(have)) == f"{ARM}: missing"


@given(st.binary(max_size=400), st.integers(0, 20_000))
@settings(deadline=None)
def test_native_gate_survives_rubbish(noise: bytes, at: int) -> None:
    library = committed()[ARM64]
    for data in (noise, library[:at], library[:at] + noise + library[at + len(noise) :]):
        native.complaints(with_library(ARM64, data))


# Code


@given(st.binary(max_size=200), st.integers(0, 150_000))
@settings(deadline=None)
def test_dex_reader_raises_nothing_but_value_error(noise: bytes, at: int) -> None:
    dex = committed()["classes.dex"]
    for data in (noise, dex[:at], dex[:at] + noise + dex[at + len(noise) :]):
        try:
            dexfile.parse(data)
        except ValueError:
            continue


SMALL_CLASS = (
    struct.pack(">IHHH", 0xCAFEBABE, 0, 52, 3)
    + b"\1\0\1A"  # 1: the text "A"
    + b"\7\0\1"  # 2: the class of that name
    + struct.pack(">7H", 0x21, 2, 0, 0, 0, 0, 0)
)


def test_class_reader_reads_a_class() -> None:
    found = classfile.parse(SMALL_CLASS)
    assert (found.name, found.major, found.parent, found.members) == ("A", 52, None, ())


@given(st.binary(max_size=100), st.integers(0, len(SMALL_CLASS)))
def test_class_reader_raises_nothing_but_value_error(noise: bytes, at: int) -> None:
    for data in (noise, SMALL_CLASS[:at], SMALL_CLASS[:at] + noise):
        try:
            classfile.parse(data)
        except ValueError:
            continue


@given(st.binary(max_size=200))
def test_list_of_methods_raises_nothing_but_value_error(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("list") / "x.signature"
    for data in (noise, gzip.compress(b"\xac\xed\x00\x05" + noise)):
        path.write_bytes(data)
        try:
            signatures.read(path)
        except ValueError:
            continue


# The comparison with a rebuild


def test_rebuild_must_be_the_same_bytes_with_the_same_tools(tmp_path: Path) -> None:
    told = info.read()
    archive.write(entries_of(committed()), tmp_path / "x.apk")  # same entries, unsigned
    found = rebuild.against(layout.APK, told, tmp_path / "x.apk", told)
    assert "the container" in one(found)
    assert rebuild.against(layout.APK, told, layout.APK, told) == []


def test_rebuild_with_other_tools_compares_entries_and_names_the_tools(tmp_path: Path) -> None:
    told = info.read()
    fresh = told | {"tools": told["tools"] | {"zlib": "9.9", "javac": "99"}}
    archive.write(entries_of(committed()), tmp_path / "same.apk")
    assert rebuild.against(layout.APK, told, tmp_path / "same.apk", fresh) == []
    archive.write(entries_of(committed() | {"classes.dex": b"x"}), tmp_path / "other.apk")
    text = one(rebuild.against(layout.APK, told, tmp_path / "other.apk", fresh))
    assert "classes.dex" in text
    assert f"javac {told['tools']['javac']}, here 99" in text
