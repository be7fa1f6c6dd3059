"""Programs that are paired with the phone: bounded, checked, and never needed."""

from __future__ import annotations

import os
import plistlib
import shutil
import stat
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lockdown_peers import UDID, Usbmuxd, lockdown, misagent

from device_probes.ios.lockdown import Trust
from device_probes.ios.programs import Privileges, Programs, is_udid, run_bounded

needs_tools = pytest.mark.needs_apt("libimobiledevice-utils", "ideviceinfo")
NUMBER = "3c4d5e6f-0000-4000-8000-0123456789ab"


def der(tag: int, body: bytes) -> bytes:
    """One ASN.1 item."""
    size = len(body)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def profile_file(**more: object) -> bytes:
    """A provisioning profile: a CMS message without its signatures."""
    inner = plistlib.dumps({
        "Name": "iOS Team", "TeamName": "T", "UUID": NUMBER,
        "CreationDate": datetime(2026, 3, 3),
        "ExpirationDate": datetime(2026, 3, 10),
        "Entitlements": {"application-identifier": "A1.org.chirpbench.probe"}, **more,
    })  # fmt: skip
    oid = der(6, bytes.fromhex("2a864886f70d010702"))
    content = der(0x30, oid + der(0xA0, der(4, inner)))
    return der(0x30, oid + der(0xA0, der(0x30, der(2, b"\x01") + der(0x31, b"") + content)))


def script(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def only(folder: Path, *names: str) -> Programs:
    """The programs of a folder, and no others."""
    found = {name: str(folder / name) for name in names}
    return Programs(timeout_s=5.0, which=found.get)


@pytest.mark.parametrize("serial", [UDID, UDID.replace("-", ""), "a" * 40])
def test_identities_of_phones(serial: str) -> None:
    assert is_udid(serial)


@pytest.mark.parametrize(
    "serial", ["", "--help", "-u", f"{UDID}\n", f"{UDID} x", "../../x", "a" * 39, "0" * 400]
)
def test_anything_else_is_never_handed_to_a_program(serial: str, tmp_path: Path) -> None:
    assert not is_udid(serial)
    script(tmp_path, "ideviceinfo", f"open({str(tmp_path / 'ran')!r}, 'w')")
    shutil.copy(tmp_path / "ideviceinfo", tmp_path / "ideviceprovision")
    programs = only(tmp_path, "ideviceinfo", "ideviceprovision", "pymobiledevice3")
    assert programs.privileges(serial) == Privileges()
    assert programs.profiles(serial) == ()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("spelled", "libusbmuxd", "pymobiledevice3"),
    [
        ("/run/mux", "UNIX:/run/mux", "/run/mux"),
        ("UNIX:/run/mux", "UNIX:/run/mux", "/run/mux"),
        ("127.0.0.1:27015", "127.0.0.1:27015", "127.0.0.1:27015"),
    ],
)
def test_the_programs_ask_the_usbmuxd_that_the_door_asks(
    spelled: str,
    libusbmuxd: str,
    pymobiledevice3: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("USBMUXD_SOCKET_ADDRESS", "PYMOBILEDEVICE3_USBMUX")
    said = tmp_path / "said"
    body = f"import os\nopen({str(said)!r}, 'w').write('|'.join(map(os.environ.get, {names})))"
    which = {"ideviceinfo": str(script(tmp_path, "ideviceinfo", body))}.get
    Programs(spelled, which=which).privileges(UDID)
    assert said.read_text().split("|") == [libusbmuxd, pymobiledevice3]
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", spelled)  # for a bench that is told nothing
    Programs(which=which).privileges(UDID)
    assert said.read_text().split("|") == [libusbmuxd, pymobiledevice3]


def test_without_room_for_files_there_are_no_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, "ideviceprovision", f"print('{NUMBER} - iOS Team')")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert only(tmp_path, "ideviceprovision").profiles(UDID) == ()


def test_without_programs_nothing_is_known() -> None:
    programs = Programs(which=lambda _: None)
    assert programs.privileges(UDID) == Privileges(Trust.UNKNOWN, None)
    assert programs.profiles(UDID) == ()


# --- libimobiledevice's own programs ---


@needs_tools
@pytest.mark.parametrize(
    ("pair", "trust"),
    [
        ("PairingDialogResponsePending", Trust.ASKING),
        ("UserDeniedPairing", Trust.DENIED),
        ("PasswordProtected", Trust.LOCKED),
        ("InvalidHostID", Trust.UNTRUSTED),
    ],
)
def test_ideviceinfo_tells_why_it_is_not_paired(pair: str, trust: Trust, tmp_path: Path) -> None:
    mux = tmp_path / "mux"
    with Usbmuxd(mux, lockdown(pair=pair)):
        assert Programs(str(mux)).privileges(UDID) == Privileges(trust, None)


@needs_tools
@pytest.mark.parametrize("mode", [True, False, None])
def test_ideviceinfo_tells_developer_mode(mode: bool | None, tmp_path: Path) -> None:
    mux, amfi = tmp_path / "mux", {} if mode is None else {"DeveloperModeStatus": mode}
    with Usbmuxd(mux, lockdown(tls=False, amfi=amfi), record={"HostID": "H", "SystemBUID": "B"}):
        assert Programs(str(mux)).privileges(UDID) == Privileges(Trust.TRUSTED, mode)


@needs_tools
def test_a_phone_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    other = "00008110-000000000000001E"
    with Usbmuxd(tmp_path / "mux", lockdown()):
        assert Programs(str(tmp_path / "mux")).privileges(other) == Privileges()
    assert Programs(str(tmp_path / "none")).privileges(UDID) == Privileges()


@needs_tools
def test_ideviceprovision_tells_how_long_signatures_hold(tmp_path: Path) -> None:
    mux, outside = tmp_path / "mux", tmp_path / "planted"
    hostile = profile_file(UUID=f"../../../../../..{outside}")
    service = misagent(hostile, profile_file(), profile_file(UUID="x" * 1000))
    record = {"HostID": "H", "SystemBUID": "B"}
    with Usbmuxd(mux, lockdown(tls=False), record=record, service=service):
        found = Programs(str(mux)).profiles(UDID)
    assert [p.app for p in found] == ["org.chirpbench.probe"]
    assert found[0].expires == datetime(2026, 3, 10, tzinfo=UTC)
    assert found[0].is_free
    assert not list(tmp_path.glob("planted*")), "a phone names no files"


# --- programs that behave badly ---


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("print('true')", Privileges(Trust.TRUSTED, True)),
        ("print('false')", Privileges(Trust.TRUSTED, False)),
        ("print('<true/>')", Privileges(Trust.TRUSTED, None)),
        ("print('true' * 1_000_000)", Privileges()),
        ("raise SystemExit(1)", Privileges()),
        ("import sys; print('ERROR: x (-17)', file=sys.stderr); raise SystemExit(255)",
         Privileges(Trust.LOCKED)),
        ("import sys; print('ERROR: x (-99)', file=sys.stderr); raise SystemExit(255)",
         Privileges()),
        ("import sys; sys.stderr.buffer.write(b'\\xff\\xfe(-17'); raise SystemExit(255)",
         Privileges()),
    ],
)  # fmt: skip
def test_ideviceinfos_words_are_read_strictly(body: str, known: Privileges, tmp_path: Path) -> None:
    script(tmp_path, "ideviceinfo", body)
    assert only(tmp_path, "ideviceinfo").privileges(UDID) == known


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("import sys; assert sys.argv[1:4] == ['amfi', 'developer-mode-status', '--udid']\n"
         "print('true')", Privileges(Trust.TRUSTED, True)),
        ("print('false')", Privileges(Trust.TRUSTED, False)),
        ("print('no device')", Privileges()),
        ("raise SystemExit(1)", Privileges()),
    ],
)  # fmt: skip
def test_pymobiledevice3_is_asked_when_there_is_nothing_else(
    body: str, known: Privileges, tmp_path: Path
) -> None:
    script(tmp_path, "pymobiledevice3", body)
    assert only(tmp_path, "pymobiledevice3").privileges(UDID) == known


def test_a_program_that_cannot_be_run_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "ideviceinfo").write_bytes(b"\x7fnot a program")
    assert only(tmp_path, "ideviceinfo", "ideviceprovision").privileges(UDID) == Privileges()
    assert only(tmp_path, "ideviceprovision").profiles(UDID) == ()


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    path = tmp_path / "hang"
    path.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {mark}\nwait\n", encoding="utf-8")
    path.chmod(0o755)
    said = run_bounded([str(path)], 3.0, dict(os.environ))
    assert said.code is None
    pid = int(mark.read_text())
    end_s = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end_s:
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(errors="replace"):
            break  # killed; whoever adopted it has not looked yet
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_a_program_that_prints_for_ever_is_ended(tmp_path: Path) -> None:
    path = script(tmp_path, "loud", "while True: print('x' * 10_000)")
    said = run_bounded([str(path)], 30.0, dict(os.environ), max_bytes=50_000)
    assert (said.code, len(said.out)) == (None, 50_000)
