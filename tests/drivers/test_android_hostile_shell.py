"""Whatever a phone's shell answers to whatever the driver sends: a named error, and no harm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from adb_servers import until
from hostile_android import (
    QUICK,
    STEADY,
    TEXTS,
    HostileAndroid,
    Peak,
    Trick,
    dripping,
    driving,
    elsewhere,
    endless,
    harmless,
    hostile_phones,
    life,
    much,
    not_allowed,
    packet,
    private_server,
    sending,
    tree,
)

from device_probes.android import PrivateServer, probe_package
from device_probes.android.shell import MAX_OUTPUT_BYTES
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    InstallFailed,
    ProbeCrashed,
    ProbePermission,
    ProbeProtocolError,
)

PROBE = probe_package().data
STAY_ON = "stay_on_while_plugged_in"
FLOOD_GROWTH_MIB = 64.0
"""What twenty phones that never stop may cost, one after the other: at most 8 MiB are kept."""
MAX_GROWTH_MIB = 160.0
"""What one phone may cost while 8 MiB of it are read: the bytes, their text (four bytes a letter at
worst), and the list of their lines. The virtual phone lives in this process, too."""


def current(phone: HostileAndroid) -> None:
    phone.preinstall(PROBE)


def old_tools(phone: HostileAndroid) -> None:
    phone.preinstall(PROBE)
    phone.override("sha256sum", lambda argv: ("", 127))


def ungranted(phone: HostileAndroid) -> None:
    phone.preinstall(PROBE, granted=False)


def another_build(phone: HostileAndroid) -> None:
    phone.preinstall(signer="ff" * 32)


def asleep(phone: HostileAndroid) -> None:
    phone.preinstall(PROBE)
    phone.lock("swipe")


def crashing(phone: HostileAndroid) -> None:
    phone.on("probe:stage:playing", "crash_probe")


def left_over(phone: HostileAndroid) -> None:
    phone.files.put("/data/local/tmp/chirpbench-0123456789abcdef.apk", b"x")


def never_set(phone: HostileAndroid) -> None:
    phone.state.settings["global"].pop(STAY_ON, None)


def nothing(phone: HostileAndroid) -> None:
    pass


class Sent(NamedTuple):
    """A command the driver sends, and when it does."""

    command: str
    when: Callable[[HostileAndroid], None] = nothing
    flooded: type[DeviceError] | None = ProbeProtocolError
    """What a phone comes to that answers it without end; ``None``: nobody needs the answer."""
    in_background: bool = False


_AM = "am start -W -n org.chirpbench.probe/.ProbeActivity"
_GRANT = "pm grant org.chirpbench.probe android.permission"
SENT = (
    Sent("cat /proc/sys/kernel/random/boot_id"),
    Sent("getprop"),
    Sent("pm path"),
    Sent("ls /data/local/tmp"),
    Sent("dumpsys package"),
    Sent("pm list features"),
    Sent("dumpsys battery"),
    Sent("dumpsys thermalservice"),
    Sent("dumpsys trust"),
    Sent("dumpsys window policy"),
    Sent("dumpsys sensor_privacy"),
    Sent("dumpsys audio"),
    Sent("dumpsys activity activities"),
    Sent("dumpsys media.audio_flinger"),
    Sent("dumpsys media.player"),
    Sent("cat /vendor/etc/audio_effects.xml"),
    Sent("cat /data/local/tmp/chirpbench.restore"),
    Sent("settings get"),
    Sent("settings put"),
    Sent("settings delete", never_set, None),
    Sent("df -k"),
    Sent("sha256sum /data/local/tmp"),
    Sent("sha256sum /data/app", current),
    Sent("md5sum /data/app", old_tools),
    Sent("pm install"),
    Sent("pm uninstall", another_build),
    Sent("rm -f /data/local/tmp/chirpbench.restore", nothing, None),
    Sent("rm -f /data/local/tmp/chirpbench-", nothing, None),
    Sent("rm -f /data/local/tmp/chirpbench-0123456789abcdef.apk", left_over),
    Sent(f"{_GRANT}.RECORD_AUDIO", ungranted),
    Sent(f"{_GRANT}.BLUETOOTH_CONNECT", ungranted),
    Sent("am start -W -S"),
    Sent(f"{_AM} --es", current, ProbeProtocolError, in_background=True),
    Sent(f"{_AM.replace('-W', '-W -S')} --ez restore", crashing, ProbeCrashed),
    Sent("echo @@pid"),
    Sent("pidof"),
    Sent("logcat", crashing, ProbeCrashed),
    Sent("am force-stop", nothing, None),
    Sent("input keyevent", asleep),
    Sent("wm dismiss-keyguard", asleep),
)


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with private_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere")):
        yield


def lives(
    server: PrivateServer, folder: Path, sent: tuple[Sent, ...], reply: object
) -> dict[str, DeviceError | None]:
    """What came of one phone a command, each answering ``reply`` to its own; with every check
    that holds whatever it was."""
    phones = hostile_phones(*(f"H{i}" for i in range(len(sent))))
    for phone, case in zip(phones, sent, strict=True):
        case.when(phone)
        phone.say(case.command, reply)
    outcomes: dict[str, DeviceError | None] = {}
    with driving(server, folder / "state", phones, STEADY) as drivers:
        for phone, case in zip(phones, sent, strict=True):
            hide = phone.go_background if case.in_background else (lambda: None)
            outcomes[case.command] = life(drivers[phone.serial], hide)
            assert phone.tricked, f"{case.command} was never sent"
            assert not_allowed(phone.asked) == []
            assert harmless(outcomes[case.command]), str(outcomes[case.command])
    locks = {f"locks/{p.name}" for p in (folder / "state" / "locks").iterdir()}
    assert {str(Path(p).relative_to(folder / "state")) for p in tree(folder / "state")} <= {
        "phones.json", "phones.lock", "locks", *locks,
    }  # fmt: skip
    return outcomes


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("piece", [b"x" * 79 + b"\n", b"\0" * 80], ids=["lines", "no end of line"])
def test_an_endless_answer_to_any_command_is_cut_off(
    server: PrivateServer, tmp_path: Path, piece: bytes
) -> None:
    threads, files = threading.active_count(), open_files()
    # With and without ends of lines the bytes are counted alike: half of the commands each.
    half = SENT[0::2] if piece.endswith(b"\n") else SENT[1::2]
    with Peak() as peak:
        outcomes = lives(server, tmp_path, half, endless(piece * 800))
    assert {c: type(e) for c, e in outcomes.items()} == {
        case.command: case.flooded or type(None) for case in half
    }
    for command, error in outcomes.items():
        if isinstance(error, ProbeProtocolError):
            assert f"more than {MAX_OUTPUT_BYTES} bytes of output" in str(error), command
    assert peak.mib < FLOOD_GROWTH_MIB
    until(lambda: threading.active_count() <= threads, 10, "no thread is left behind")
    until(lambda: open_files() <= files, 10, "no file is left open")


WORDS = "\n".join([*TEXTS.values(), "@@boot", "@@path", "@@props", "@@pid", ""]).encode()
RUBBISH = WORDS + bytes(range(256)) * 400 + b"\xed\xa0\x80\xc3" + "\U0001f600".encode()[:3]
PATIENT = tuple(case for case in SENT if case.when is not asleep)
"""A screen that does not wake is waited for; the flood above has shown those commands."""


@pytest.mark.parametrize("reply", [(RUBBISH, 0), ("", 255)], ids=["rubbish", "nothing"])
def test_rubbish_for_any_command_is_a_named_error_or_none(
    server: PrivateServer, tmp_path: Path, reply: object
) -> None:
    outcomes = lives(server, tmp_path, PATIENT, reply)
    assert isinstance(outcomes["pm install"], InstallFailed)
    for command in ("getprop", "pm list features", "dumpsys battery", "settings put"):
        assert outcomes[command] is None, f"{command}: a phone may be silent about that"


def test_a_command_that_says_it_succeeded_and_did_not(
    server: PrivateServer, tmp_path: Path
) -> None:
    wanted = ("pm install", "pm uninstall", f"{_GRANT}.RECORD_AUDIO", "settings put")
    cases = tuple(case for case in SENT if case.command in wanted)
    outcomes = lives(server, tmp_path, cases, ("Success\n", 1))
    assert {command: type(error) for command, error in outcomes.items()} == {
        "pm install": ProbePermission,  # there is nothing that it could be granted to
        "pm uninstall": InstallFailed,
        f"{_GRANT}.RECORD_AUDIO": ProbePermission,
        "settings put": type(None),
    }


LONG = (
    Sent("getprop"), Sent("dumpsys package"), Sent("dumpsys activity activities"),
    Sent("pm install"), Sent("logcat", crashing), Sent("sha256sum /data/app", current),
)  # fmt: skip


@pytest.mark.parametrize("piece", [b"\n", "\U0001f600\n[a]: [".encode(), b"x"])
def test_an_answer_just_within_the_bound_costs_bounded_memory_and_time(
    server: PrivateServer, tmp_path: Path, piece: bytes
) -> None:
    """The time-out of the test is the check of the time: a square in the length takes hours."""
    part = piece * (65_536 // len(piece))
    with Peak() as peak:
        lives(server, tmp_path, LONG, much(part, MAX_OUTPUT_BYTES - 500_000))
    assert peak.mib < MAX_GROWTH_MIB


# --- the protocol of the shell itself -------------------------------------------------------------

SCRIPTS = ("echo @@boot", "df -k", "pm install", "am start -W -S", "echo @@front", "echo @@battery")
"""The first words of what is sent to one shell: the contact, then each step up to a trial."""
FRAMES: dict[str, tuple[Trick, type[DeviceError] | tuple[type[DeviceError], ...]]] = {
    "closed": (sending(), DeviceLost),
    "half a header": (sending(b"\x01\x05"), DeviceLost),
    "half a packet": (sending(packet(1, b"abcdef")[:-2]), DeviceLost),
    "no exit code": (sending(packet(1, b"abc")), DeviceLost),
    "an empty exit code": (sending(packet(3, b"")), DeviceLost),
    "4 GiB": (sending(b"\x01\xff\xff\xff\xff", then="hold"), ProbeProtocolError),
    "4 GiB of errors": (sending(b"\x02\xff\xff\xff\xff", then="hold"), ProbeProtocolError),
    "4 GiB of code": (sending(b"\x03\xff\xff\xff\xff", then="hold"), ProbeProtocolError),
    "unknown kinds": (sending(packet(77, bytes(65_000)), then="repeat"), ProbeProtocolError),
    "endless errors": (sending(packet(2, bytes(65_000)), then="repeat"), ProbeProtocolError),
    "no packets": (sending(b"\xff" * 65_536, then="repeat"), ProbeProtocolError),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_shell_that_breaks_its_protocol(server: PrivateServer, tmp_path: Path, name: str) -> None:
    trick, kind = FRAMES[name]
    phones = hostile_phones(*(f"H{i}" for i in range(len(SCRIPTS))))
    for phone, at in zip(phones, SCRIPTS, strict=True):
        phone.serve(f"raw:{at}", trick)
    with driving(server, tmp_path, phones, QUICK) as drivers:
        for phone, at in zip(phones, SCRIPTS, strict=True):
            error = life(drivers[phone.serial])
            assert phone.tricked, f"{at} was never sent"
            assert isinstance(error, kind), f"{at}: {error!r}"
            assert harmless(error)


SLOW: dict[str, Trick] = {
    "silent": sending(then="hold"),
    "silent after a word": sending(packet(1, b"@@boot\n"), then="hold"),
    "dripping": dripping(packet(1, b"x")),
    "dripping packets of nothing": dripping(packet(1, b"")),
    "dripping what nobody knows": dripping(packet(9, b"x")),
}


def test_a_shell_that_takes_its_time_ends_at_the_deadline(
    server: PrivateServer, tmp_path: Path
) -> None:
    cases = [(name, at) for name in SLOW for at in ("echo @@boot", "pm install", "echo @@front")]
    phones = hostile_phones(*(f"H{i}" for i in range(len(cases))))
    for phone, (name, at) in zip(phones, cases, strict=True):
        phone.serve(f"raw:{at}", SLOW[name])
    with (
        driving(server, tmp_path, phones, QUICK) as drivers,
        ThreadPoolExecutor(15) as pool,  # they only wait
    ):
        errors = list(pool.map(lambda phone: life(drivers[phone.serial]), phones))
    for case, error in zip(cases, errors, strict=True):
        assert isinstance(error, DeviceTimeout), f"{case}: {error!r}"
        assert harmless(error)
    assert all(phone.tricked for phone in phones)


def test_packets_of_nothing_do_not_come_for_ever(server: PrivateServer, tmp_path: Path) -> None:
    (phone,) = hostile_phones("H1")
    phone.serve("raw:echo @@boot", sending(packet(1, b"") * 200_000, then="repeat"))
    with driving(server, tmp_path, [phone]) as drivers:
        error = life(drivers["H1"])
    assert isinstance(error, ProbeProtocolError), error


RAW: dict[str, tuple[Trick, type[DeviceError] | None]] = {
    "endless": (sending(b"x" * 65_536, then="repeat"), ProbeProtocolError),
    "no mark": (sending(b"hello\n"), DeviceLost),
    "a mark in the middle": (sending(b"X4EXIT:0\nand more"), DeviceLost),
    "a mark of four digits": (sending(b"X4EXIT:1234\n"), DeviceLost),
    "a mark without end": (sending(b"X4EXIT:", b"0" * 65_536, then="repeat"), ProbeProtocolError),
    "silent": (sending(then="hold"), DeviceTimeout),
    "only a mark": (sending(b"X4EXIT:0\n"), None),
}


@pytest.mark.parametrize("name", RAW)
def test_a_phone_without_the_second_shell_protocol(
    server: PrivateServer, tmp_path: Path, name: str
) -> None:
    trick, kind = RAW[name]
    (phone,) = hostile_phones("H1")
    phone.features = ("cmd",)
    phone.serve("shell:echo @@boot", trick)
    with driving(server, tmp_path, [phone], QUICK) as drivers:
        error = life(drivers["H1"])
    assert phone.tricked
    assert error is None if kind is None else isinstance(error, kind), repr(error)
    assert harmless(error)
    assert not_allowed(phone.asked) == []
