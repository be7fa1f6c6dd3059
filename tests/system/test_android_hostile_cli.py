"""The whole program on hostile phones behind a real adb server: what it shows, keeps and leaves."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from adb_servers import AdbServer
from bad_probes import frame
from cli_process import environment, json_lines, script
from hostile_adb_server import LyingServer
from hostile_android import (
    FORBIDDEN,
    TEXTS,
    HostileAndroid,
    endless,
    hostile_phones,
    not_allowed,
    plugged,
    screen_text,
    tree,
)
from hostile_probes import FACTS, floats, reporting, saying, serving

pytestmark = pytest.mark.timeout(400)
HONEST = ("GOOD0001", "GOOD0002")
FLOODS = ("FLOOD001", "FLOOD002", "FLOOD003", "FLOOD004")
MAX_GROWTH_MIB = 128.0
"""What four phones that never stop talking may cost the program at the same time."""
PLAN = """\
tests = ["L1"]
repeats = 1
rates_hz = [48000]
zones = "separate"
[timeouts]
retries = 0
retry_wait_s = 0
"""
NAMES = [name for name in TEXTS if name != "long"]


class Place(NamedTuple):
    """A folder to run in, with a home of its own, and the adb server that the program finds."""

    folder: Path
    phones: list[HostileAndroid]
    env: dict[str, str]

    def left(self) -> set[str]:
        """Every file below the folder, relative to it."""
        return {str(Path(p).relative_to(self.folder)) for p in tree(self.folder)}


class Done(NamedTuple):
    """A run of the program that has ended."""

    code: int
    out: str
    err: str
    peak_mib: float


def run(place: Place, *words: str) -> Done:
    """Run the program to its end; its peak of memory is looked at while it runs."""
    out, err = place.folder / "out.txt", place.folder / "err.txt"
    peak = 0
    with (
        out.open("wb") as o,
        err.open("wb") as e,
        subprocess.Popen([script(), *words], cwd=place.folder / "cwd", env=place.env, stdout=o,
                         stderr=e, stdin=subprocess.DEVNULL) as process,
    ):  # fmt: skip
        while process.poll() is None:
            with suppress(OSError, StopIteration):
                status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                peak = next(int(s.split()[1]) for s in status if s.startswith("VmHWM"))
            time.sleep(0.02)
    done = Done(process.returncode, out.read_text("utf-8"), err.read_text("utf-8"), peak / 1024)
    out.unlink()
    err.unlink()
    return done


def assert_clean(*shown: str) -> None:
    """Nothing that a phone sent commands a terminal, and nothing of ours broke."""
    for text in shown:
        found = FORBIDDEN.search(text)
        assert found is None, ascii(text[max(0, found.start() - 60) : found.end() + 20])
        assert "Traceback" not in text
        assert "internal error" not in text


@pytest.fixture(scope="module")
def server() -> Iterator[AdbServer]:
    with AdbServer() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, server: AdbServer) -> Iterator[Place]:
    """Phones that are hostile in their names alone, beside two honest ones; ``phones`` may be
    changed before the program is run."""
    phones = hostile_phones(*HONEST, *FLOODS, *(f"N-{name}" for name in NAMES))
    names = {}
    for phone in phones:
        names[phone.address] = ""
    with plugged(server.port, phones):
        for phone in phones:
            names[phone.address] = renamed(phone)
        with LyingServer(server.port, names) as lying:
            for folder in ("home", "cwd", "tmp"):
                (tmp_path / folder).mkdir()
            (tmp_path / "cwd" / "b.toml").write_text(PLAN)
            env = environment(
                {"ANDROID_ADB_SERVER_PORT": str(lying.port), "HOME": str(tmp_path / "home"),
                 "TMPDIR": str(tmp_path / "tmp")}
            )  # fmt: skip
            yield Place(tmp_path, phones, {k: v for k, v in env.items() if k != "XDG_STATE_HOME"})
    for phone in phones:
        assert not_allowed(phone.asked) == []


def renamed(phone: HostileAndroid) -> tuple[str, str]:
    """How the adb server lists it: a hostile one by its hostile serial number."""
    text = TEXTS.get(phone.serial.removeprefix("N-"))
    path = f"usb:1-{phone.plug.port}"
    if text is None:
        return phone.serial, f"{path} model:A_1"
    for name in ("serialno", "product.manufacturer", "product.model", "product.marketname",
                 "soc.model", "build.fingerprint", "build.version.release"):  # fmt: skip
        phone.properties[f"ro.{name}"] = text
    flat = re.sub(r"\s", "_", text)  # one that breaks the line is a case of the driver's tests
    return flat, f"{path} product:{flat} model:{flat} device:{flat}"


def misbehave(phones: list[HostileAndroid]) -> dict[str, HostileAndroid]:
    """Each flood a different fault, and some of the names a probe that says more of the same; the
    others are measured, so that their names are in every table."""
    one = {phone.serial: phone for phone in phones}
    one["FLOOD001"].say("getprop", endless(b"x" * 65_536))
    one["FLOOD002"].say("pm install", f"Failure [INSTALL_FAILED_ABORTED: {TEXTS['escapes'] * 900}]")
    one["FLOOD003"].on("probe:stage:playing", "crash_probe")
    one["FLOOD003"].say(
        "logcat", f"E/AndroidRuntime( 4242): org.chirpbench.probe {TEXTS['escapes']}\n"
    )
    one["FLOOD004"].say("am start -W -S", f"Error: {TEXTS['bidi']}{TEXTS['escapes']}\n")
    for name in ("lines", "json", "wide"):
        text = TEXTS[name][:100]
        one[f"N-{name}"].hostile_probe = serving(
            reporting(notes=[text], observed={"output_device": text}, thermal_status=text[:32]),
            facts={**FACTS, "model": text, "raw": {text[:90]: text}},
        )
    refused = {"type": "refused", "code": "open_failed", "text": TEXTS["escapes"]}
    one["N-quotes"].hostile_probe = serving(saying(frame(refused)))
    one["N-markup"].hostile_probe = serving(
        saying(frame({"type": "error", "text": TEXTS["lines"]}))
    )
    one["N-nul"].hostile_probe = serving(floats(float("nan")))
    return one


def states_of(done: Done) -> dict[str, str]:
    lines = [line for line in json_lines(done.out) if line["kind"] == "device"]
    return {str(line["uid"]): str(line["state"]) for line in lines}


def test_devices_lists_hostile_phones_harmlessly(place: Place) -> None:
    before = place.left()
    quiet = run(place, "devices", "--probe", "android")
    assert quiet.code == 0
    assert_clean(quiet.out, quiet.err)
    for serial in HONEST:
        assert serial in quiet.out
    for shown in ("DROP TABLE", "<script>", "$(reboot)", "[red]PWNED[/red]", "../../../"):
        assert shown in quiet.out, "text is shown, not obeyed"
    for phone in place.phones:
        if phone.serial in FLOODS:
            phone.say("getprop", endless(b"x" * 65_536))
    loud = run(place, "devices", "--probe", "android", "--json")
    assert loud.code == 0
    assert loud.out.isascii()
    assert_clean(loud.out, loud.err)
    states = states_of(loud)
    assert len(states) == len(json_lines(loud.out)) == len(place.phones)
    assert [states[f"android:{serial}"] for serial in HONEST] == ["ready", "ready"]
    assert [states[f"android:{serial}"] for serial in FLOODS] == ["error"] * len(FLOODS)
    assert loud.peak_mib < quiet.peak_mib + MAX_GROWTH_MIB
    released = run(place, "devices", "--release", "../../../tmp/x\x1b[2J$(reboot)")
    assert (released.code, released.out) == (1, "")
    assert_clean(released.err)
    new = place.left() - before
    assert all(
        re.fullmatch(r"home/\.local(/state(/chirpbench(/locks(/[\w.-]+)?)?)?)?", n) for n in new
    )


def test_a_run_on_hostile_phones_keeps_and_shows_nothing_harmful(place: Place) -> None:
    misbehave(place.phones)
    before = place.left()
    done = run(place, "run", "--probe", "android", "--bench", "b.toml", "--json")
    assert done.code == 1, done.err
    assert done.out.isascii()
    assert_clean(done.out, done.err)
    devices = {d["device"]["serial"]: d for d in json_lines(done.out) if d["kind"] == "device"}  # type: ignore[index]
    assert len(devices) == len(place.phones)
    for serial in HONEST:
        assert devices[serial]["run"]["status"] == "ok", devices[serial]  # type: ignore[index]
        assert [r["test_id"] for r in devices[serial]["results"]] == ["L1"]  # type: ignore[attr-defined]
    for serial in ("FLOOD001", "FLOOD002", "FLOOD004"):
        assert devices[serial]["run"]["status"] == "error", devices[serial]  # type: ignore[index]
    assert_only_ours(place.left() - before)
    assert_shown_again(place)
    assert_only_ours(place.left() - before)


def assert_only_ours(new: set[str]) -> None:
    """The store with its recordings, and the state folder: nothing else, nowhere else."""
    ours = re.compile(
        r"cwd/chirpbench\.db(-wal|-shm)?"
        r"|cwd/chirpbench\.db\.evidence(/[0-9a-f]{2}(/[0-9a-f]{64}\.(flac|wav))?)?"
        r"|home/\.local(/state(/chirpbench(/locks(/[A-Za-z0-9._-]{1,60}\.lock)?"
        r"|/phones\.(json|lock))?)?)?"
    )
    assert [name for name in sorted(new) if not ours.fullmatch(name)] == []


def assert_shown_again(place: Place) -> None:
    """Everything that was stored, by every command that shows it."""
    for words in (("results",), ("models",), ("models", "--json"), ("reanalyze", "--jobs", "1")):
        done = run(place, *words)
        assert done.code == 0, done.err
        assert_clean(done.out, done.err)
        if words == ("models",):
            for shown in ("DROP TABLE", "<script>", "$(reboot)", "../../../", "/tmp/PWNED"):
                assert shown in done.out, done.out
    runs = json_lines(run(place, "results", "--json").out)
    bench = str(runs[0]["bench_uuid"])
    shown = run(place, "results", bench)
    assert shown.code == 0
    assert_clean(shown.out, shown.err)
    assert shown.out.count(f"of bench {bench}") == len(place.phones)
    state = (place.folder / "home/.local/state/chirpbench/phones.json").read_text("utf-8")
    assert_clean(state)
    assert "FLOOD004" in json.loads(state)["phones"], "whose words are in the reason"
    with sqlite3.connect(place.folder / "cwd" / "chirpbench.db") as database:
        (count,) = database.execute("SELECT count(*) FROM devices").fetchone()
        texts = [str(row) for row in database.execute("SELECT model, soc, os_build FROM facts")]
    database.close()
    assert count == len(place.phones), "no name was taken for SQL"
    assert any("DROP TABLE devices; DELETE FROM runs; --" in text for text in texts)
    assert any("<script>alert(1)</script>" in text for text in texts)


def test_a_terminal_gets_no_command_from_a_phone(place: Place) -> None:
    misbehave(place.phones)
    env = {**place.env, "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
    ours, theirs = pty.openpty()
    words = [str(script()), "run", "--probe", "android", "--bench", "b.toml"]
    with subprocess.Popen(
        words, cwd=place.folder / "cwd", env=env, stdout=theirs, stderr=theirs,
        stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(theirs)
        raw = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            raw += part
    os.close(ours)
    assert process.returncode == 1
    text = screen_text(raw)
    assert_clean(text)
    assert "PWNED" in text, "what a phone says is shown, as text"
    assert f"{len(place.phones)} of {len(place.phones)} done" in text
    assert b"\x1b[?25h" in raw, "the cursor is given back"
    for command in (b"\x1b[41;5m", b"\x1b]", b"\x07", b"\x1bc", b"\x9b2J\x1b", b"\x1b[2J"):
        assert command not in raw, command
