"""The Swift of Debian is fetched whole or not at all; apt is a script, the packages are real."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.swift import toolchain

pytestmark = pytest.mark.needs_apt("dpkg", "dpkg-deb")
APT = """#!/bin/sh
case "$1" in
indextargets) printf '%b' "$MIRRORS" ;;
update) [ -z "$DOWN" ] || { echo "E: $DOWN" >&2; exit 100; } ;;
install)
  cache=$(sed -n 's/^Dir::Cache "\\(.*\\)";/\\1/p' "$APT_CONFIG")
  sources=$(sed -n 's/^Dir::Etc::sourcelist "\\(.*\\)";/\\1/p' "$APT_CONFIG")
  cp "$sources" "$ASKED.sources"; echo "$@" > "$ASKED"
  cp "$POOL"/*.deb "$cache/archives/" ;;
esac
"""
SECURITY = "https://mirror.example/security/\\tDebian-Security\\tmain\\n"
MAIN = "https://mirror.example/debian/\\tDebian\\tmain\\n"


class Shop:
    """An apt that has two packages, and the folder to be filled."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.target = folder / "toolchain" / "swift"
        self.target.parent.mkdir()
        self.asked = folder / "asked"
        programs = folder / "bin"
        programs.mkdir()
        (programs / "apt-get").write_text(APT)
        (programs / "apt-get").chmod(0o755)
        (folder / "pool").mkdir()
        self.package(folder, "swiftlang", "6.0.3-2", {
            "usr/libexec/swift/bin/swift-frontend": "compiler",
            "usr/libexec/swift/bin/lldb": "debugger",
            "usr/libexec/swift/lib/swift/linux/libswiftCore.so": "core",
            "usr/libexec/swift/lib/swift_static/big.a": "big",
            "usr/libexec/swift/lib/clang/17/x.h": "header",
        })  # fmt: skip
        self.package(folder, "libc6", "2.41-12", {
            "usr/lib64/ld-linux-x86-64.so.2": "loader", "usr/lib/x86_64-linux-gnu/libc.so.6": "c",
        })  # fmt: skip
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        monkeypatch.setenv("POOL", str(folder / "pool"))
        monkeypatch.setenv("ASKED", str(self.asked))
        monkeypatch.setenv("MIRRORS", SECURITY + MAIN)

    @staticmethod
    def package(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
        tree = folder / name
        for path, text in {
            "DEBIAN/control": f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
            "Maintainer: nobody <nobody@example.org>\nDescription: a test\n",
            **files,
        }.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        target = folder / "pool" / f"{name}_{version}_amd64.deb"
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", tree, target],
            check=True, capture_output=True,
        )  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def test_what_the_compiler_needs_is_unpacked_and_no_more(shop: Shop) -> None:
    found = toolchain.fetch(shop.target)
    assert (found.is_there, found.version) == (True, "6.0.3-2")
    kept = {str(p.relative_to(shop.target)) for p in shop.target.rglob("*") if p.is_file()}
    assert {
        "usr/libexec/swift/bin/swift-frontend", "usr/libexec/swift/lib/clang/17/x.h",
        "usr/libexec/swift/lib/swift/linux/libswiftCore.so", "usr/lib64/ld-linux-x86-64.so.2",
    } <= kept  # fmt: skip
    assert not any("lldb" in name or "static" in name for name in kept)
    assert (shop.target / "lib64/ld-linux-x86-64.so.2").read_text() == "loader"
    command = found.frontend("-typecheck", Path("a.swift"))
    assert command[0] == str(shop.target / "usr/lib64/ld-linux-x86-64.so.2")
    assert all(Path(part).exists() for part in (command[0], command[3]))


def test_packages_come_signed_from_the_mirror_of_this_machine(shop: Shop) -> None:
    toolchain.fetch(shop.target)
    source = shop.asked.with_name("asked.sources").read_text()
    uri = "https://mirror.example/debian/"
    assert source == f"deb [signed-by={toolchain.KEYRING}] {uri} {toolchain.SUITE} main\n"
    assert "--download-only" in shop.asked.read_text()


def test_what_is_there_is_left_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain.fetch(shop.target)
    monkeypatch.setenv("DOWN", "no network")
    assert toolchain.fetch(shop.target).is_there


def test_half_a_toolchain_is_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWN", "Could not resolve the mirror")
    with pytest.raises(toolchain.FetchFailed, match=r"apt-get update .*Could not resolve"):
        toolchain.fetch(shop.target)
    monkeypatch.delenv("DOWN")
    broken = next(shop.asked.parent.glob("pool/libc6*.deb"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(toolchain.FetchFailed, match=r"libc6_2.41-12_amd64.deb cannot be unpacked"):
        toolchain.fetch(shop.target)
    assert not toolchain.Toolchain(shop.target).is_there
    broken.write_bytes(whole)
    assert toolchain.fetch(shop.target).is_there


def test_without_a_mirror_it_says_what_to_do(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRRORS", SECURITY)
    with pytest.raises(toolchain.FetchFailed, match="run apt-get update"):
        toolchain.fetch(shop.target)


def test_elsewhere_than_on_debian_it_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shop.target))
    with pytest.raises(toolchain.FetchFailed, match="no apt-get: this works on Debian"):
        toolchain.fetch(shop.target)
