"""``run`` and what follows it, on virtual phones through the whole program."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cli_process import assert_one_line_error, chirpbench, environment, json_lines, script

from profiler.catalogue import SUITES

PHONE = """
[[phone]]
serial = "{serial}"
manufacturer = "Acme"
model = "A{serial}"
marketing_name = {name}
soc = "soc9"
os_name = "Android"
os_version = "14"
os_build = "acme/a:14/x"
[phone.latency]
api_ms = {{ aaudio = {latency_ms} }}
spread = "none"
"""
TINY = 'tests = ["L1"]\nrepeats = 2\n'


def phone(serial: str, latency_ms: float, *, name: str = '"Acme One"', more: str = "") -> str:
    return PHONE.format(serial=serial, latency_ms=latency_ms, name=name) + more


def fleet(folder: Path, *phones: str) -> str:
    (folder / "fleet.toml").write_text("version = 1\n" + "".join(phones))
    return "--virtual=fleet.toml"


def measured(stdout: str) -> dict[str, float]:
    """Median latency by model from JSON lines."""
    lines = [line for line in json_lines(stdout) if line["kind"] == "summary"]
    return {s["model_key"]["model"]: s["median_ms"] for s in lines}  # type: ignore[index,misc]


def test_run_measures_stores_and_shows_again(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25), phone("P2", 180.5))
    done = chirpbench("run", virtual, "--fast", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for needle in ("Acme One (virtual)", "simulations", "chirpbench.db", "chirpbench results"):
        assert needle in done.stdout
    assert "L1 fail: latency_high" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "L1 pass" in done.stderr, "the plain log names each verdict"
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["chirpbench.db", "chirpbench.db.evidence", "fleet.toml"]

    found = {
        m["model_key"]["model"]: m  # type: ignore[index]
        for m in json_lines(chirpbench("models", "--json", cwd=tmp_path).stdout)
    }
    # Acoustics add the way through the air (0.12 m by default) to the electrical delay.
    assert found["AP1"]["median_ms"] == pytest.approx(41.6, abs=0.2)
    assert found["AP2"]["median_ms"] == pytest.approx(180.85, abs=0.2)
    assert all(m["is_virtual"] for m in found.values())

    bench = done.stdout.split("bench ")[1].split()[0]
    shown = chirpbench("results", bench, cwd=tmp_path)
    assert shown.returncode == 0
    assert shown.stdout.count(f"of bench {bench}") == 2
    compared = chirpbench("compare", "AP2", "AP1", "--json", cwd=tmp_path)
    (difference,) = json_lines(compared.stdout)
    assert difference["difference"] == "worse"
    assert difference["shift_ms"] == pytest.approx(139.25, abs=0.1)

    again = chirpbench("reanalyze", "--json", "--jobs", "1", cwd=tmp_path)
    (summary,) = json_lines(again.stdout)
    assert (again.returncode, summary["changed"], summary["tests_changed"]) == (0, 0, 0)
    assert summary["trials"] > 10  # type: ignore[operator]
    evidence = sorted((tmp_path / "chirpbench.db.evidence").rglob("*.*"))
    evidence[0].write_bytes(b"damaged")
    damaged = chirpbench("reanalyze", "--jobs", "1", cwd=tmp_path)
    assert_one_line_error(damaged, 1, evidence[0].name[:16], "damaged")
    assert chirpbench("models", "--json", cwd=tmp_path).stdout.count("\n") == 2


def test_run_json_goes_to_stdout_alone(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25))
    done = chirpbench("run", virtual, "--fast", "--json", "--db", "my.db", cwd=tmp_path)
    assert done.returncode == 0
    lines = json_lines(done.stdout)
    assert [line["kind"] for line in lines] == ["summary", "device", "bench"]
    assert lines[2]["store"] == "my.db"
    assert lines[1]["run"]["status"] == "ok"  # type: ignore[index]
    assert {t["test_id"] for t in lines[0]["tests"]} == set(SUITES["smoke"])  # type: ignore[attr-defined]
    assert (tmp_path / "my.db").is_file()


def test_where_to_look_again_is_what_was_stored_in(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25))
    (tmp_path / "b.toml").write_text(TINY)
    words = ("run", virtual, "--fast", "--bench", "b.toml", "--db", "my runs.db")
    done = chirpbench(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    looks = shlex.split(done.stdout.rpartition("look again: ")[2].replace(",", ""))
    again = chirpbench(*looks[1:5], cwd=tmp_path)
    assert (looks[1], again.returncode) == ("results", 0), again.stderr
    assert looks[5:] == ["chirpbench", "models", "--db", "my runs.db"]


def test_serials_choose_among_the_fleet(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, *(phone(f"P{i}", 40.0 + i) for i in range(3)))
    (tmp_path / "b.toml").write_text(TINY)
    words = ("run", "virtual:P2", virtual, "--fast", "--bench", "b.toml", "--json")
    done = chirpbench(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert set(measured(done.stdout)) == {"AP2"}


@pytest.mark.parametrize(
    ("words", "needles"),
    [
        ((), ("no phone is connected", "--virtual")),
        (("P1",), ("no device 'P1': no phone is connected", "--virtual")),
        (("00008110-000A1D2E3F4A5B6C",), ("no device '00008110-", "no iPhone is connected")),
        (("VP01",), ("VP01 is a virtual phone: add --virtual",)),
        (("--probe", "android,ios"), ("no phone is connected", "--virtual")),
        (("--probe", "ios"), ("no iPhone is connected", "--virtual")),
        (("--virtual", "P9"), ("no device 'P9'", "VP01")),
        (("--virtual", "--suite", "huge"), ("no suite 'huge'", "smoke, quick")),
        (("--virtual", "missing.toml"), ("missing.toml",)),
        (("--virtual", "--bench", "missing.toml"), ("missing.toml",)),
        (("--virtual", "--bench", "key.toml"), ("key.toml", "sweet", "suite")),
        (("--virtual", "--bench", "value.toml"), ("value.toml", "repeats", "0", "1 to 100")),
        (("--virtual", "--bench", "none.toml"), ("none.toml", "none of its devices", "VP01")),
        (("--virtual=fleet.toml",), ("fleet.toml", "phone[0].latency")),
        (("--virtual", "--resume"), ("chirpbench.db",)),
        (("--fast",), ("--fast", "--virtual")),
        (("--virtual", "--db", "missing/x.db"), ("missing/x.db",)),
    ],
)
def test_input_errors(tmp_path: Path, words: tuple[str, ...], needles: tuple[str, ...]) -> None:
    (tmp_path / "key.toml").write_text('sweet = "smoke"\n')
    (tmp_path / "value.toml").write_text("repeats = 0\n")
    (tmp_path / "none.toml").write_text('[[devices]]\nserial = "R58M"\n')
    (tmp_path / "fleet.toml").write_text("version = 1\n" + phone("P1", -3.0))
    before = sorted(tmp_path.iterdir())
    done = chirpbench("run", *words, cwd=tmp_path)
    lines = [line for line in done.stderr.splitlines() if "R58M is not connected" not in line]
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    for needle in needles:
        assert needle in lines[0]
    assert sorted(tmp_path.iterdir()) == before, "nothing is left behind"


def test_every_mistake_of_a_plan_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('sweet = "smoke"\nrepeats = 0\nrates_hz = [5]\n')
    done = chirpbench("run", "--virtual", "--bench", "b.toml", cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("chirpbench run: b.toml: ") for line in lines)


def test_what_a_phone_says_is_shown_harmless(tmp_path: Path) -> None:
    name = r'"\u001b[2J[red]Evil\u0007[/red]\u202e"'
    evil = phone("P1", 41.25, name=name).replace('model = "AP1"', f"model = {name}")
    virtual = fleet(tmp_path, evil)
    (tmp_path / "b.toml").write_text(TINY)
    done = chirpbench("run", virtual, "--fast", "--bench", "b.toml", cwd=tmp_path)
    assert done.returncode == 0
    devices = chirpbench("devices", virtual, cwd=tmp_path)
    for shown in (done.stdout, done.stderr, devices.stdout):
        assert "[red]Evil" in shown
        assert not set("\x1b\x07\u202e") & set(shown)


def test_a_lost_phone_is_a_failure_and_spares_the_others(tmp_path: Path) -> None:
    lost = phone("P1", 41.25, more=f"[phone.faults]\nunplugged_on_trials = {list(range(40))}\n")
    virtual = fleet(tmp_path, lost, phone("P2", 60.0))
    (tmp_path / "b.toml").write_text(
        TINY + 'zones = "separate"\n[timeouts]\nretries = 1\nretry_wait_s = 0\n'
    )
    words = ("run", virtual, "--fast", "--bench", "b.toml", "--json")
    done = chirpbench(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert set(measured(done.stdout)) == {"AP2"}
    devices = [line for line in json_lines(done.stdout) if line["kind"] == "device"]
    assert [d["run"]["status"] for d in devices] == ["device_lost", "ok"]  # type: ignore[index]
    assert devices[0]["problem"]
    assert "Traceback" not in done.stderr


def test_a_phone_that_refuses_everything_is_quoted(tmp_path: Path) -> None:
    """Exit code 0 all the same: what a device does not do is a result (docs/cli.md)."""
    deaf = phone("P1", 41.25, more='[phone.streams]\nrefused_modes = ["media"]\n')
    (tmp_path / "b.toml").write_text('tests = ["D1"]\nrates_hz = [48000, 16000]\n')
    words = ("--fast", "--bench", "b.toml")
    done = chirpbench("run", fleet(tmp_path, deaf), *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = "2 of 2 trials refused: mode media does not open"
    assert done.stdout.count(f"P1): nothing was measured: {said}") == 1, done.stdout
    assert done.stderr.count("mode media does not open") == 1
    assert "rate_refused" not in done.stdout + done.stderr, "it is not about the rate"
    (stored,) = json_lines(chirpbench("results", "--json", cwd=tmp_path).stdout)
    shown = chirpbench("results", str(stored["run_uuid"]), cwd=tmp_path)
    assert f"nothing was measured: {said}" in shown.stdout


def test_a_refused_rate_is_quoted_beside_what_was_measured(tmp_path: Path) -> None:
    more = '[phone.streams]\nrates_hz = [48000]\nother_rates = "refuse"\n'
    (tmp_path / "b.toml").write_text('tests = ["D1"]\nrates_hz = [48000, 16000]\n')
    virtual = fleet(tmp_path, phone("P1", 41.25, more=more))
    done = chirpbench("run", virtual, "--fast", "--bench", "b.toml", cwd=tmp_path)
    assert "P1): 1 of 2 trials refused: 16000 Hz does not open" in done.stdout
    assert "nothing was measured" not in done.stdout
    assert "no capture at 16000 Hz (rate_refused)" in done.stderr


def test_interrupted_run_ends_cleanly_and_resumes(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25), phone("P2", 60.0))
    (tmp_path / "b.toml").write_text('tests = ["L1"]\nzones = "separate"\n')
    words = ("run", virtual, "--bench", "b.toml")
    with subprocess.Popen(
        [script(), *words, "--speed", "6"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "1/" in line and "L1" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--resume=" in out
    bench = out.split("--resume=")[1].split()[0]
    kept = len(json_lines(chirpbench("results", bench, "--json", cwd=tmp_path).stdout)) - 2
    assert kept >= 1, "what was finished is stored"
    done = chirpbench(*words, "--fast", f"--resume={bench}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "already stored" in done.stderr
    runs = json_lines(chirpbench("results", "--json", cwd=tmp_path).stdout)
    assert [(r["bench_uuid"], r["status"]) for r in runs] == [(bench, "ok")] * 2


def test_live_display_on_a_terminal(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25, name='"Acme [red]One"'))
    (tmp_path / "b.toml").write_text(TINY)
    ours, theirs = pty.openpty()
    words = [str(script()), "run", virtual, "--fast", "--bench", "b.toml"]
    env = environment({"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"})
    with subprocess.Popen(words, cwd=tmp_path, env=env, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            shown += chunk
    os.close(ours)
    assert process.returncode == 0
    text = shown.decode()
    assert "Acme [red]One" in text
    assert "1 of 1 done" in text
    assert "\x1b[?25h" in text, "the cursor is given back"
    assert "Traceback" not in text


def test_devices_and_doctor(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25), phone("P2", 60.0))
    done = chirpbench("devices", virtual, "--json", cwd=tmp_path)
    assert done.returncode == 0
    devices = json_lines(done.stdout)
    assert [(d["uid"], d["state"]) for d in devices] == [
        ("virtual:P1", "ready"),
        ("virtual:P2", "ready"),
    ]
    assert devices[0]["facts"]["soc"] == "soc9"  # type: ignore[index]

    done = chirpbench("doctor", "--json", cwd=tmp_path)
    checks = {c["check"]: c for c in json_lines(done.stdout)}
    assert done.returncode == 0, done.stdout
    for required in ("python", "libraries", "clock", "disk", "store", "virtual fleet"):
        assert checks[required]["health"] in ("ok", "warn")
    for check in checks.values():
        assert check["health"] == "ok" or check["next_step"], "a problem has a next step"
    assert not (tmp_path / "chirpbench.db").exists()

    (tmp_path / "broken.db").write_text("this is no database\n" * 500)
    done = chirpbench("doctor", "--db", "broken.db", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert "store" in line
    assert "broken.db" in line


def test_a_wrong_name_of_an_app_hides_no_other_device(tmp_path: Path) -> None:
    """No phone is here: that Android is looked for as well shows by its own complaint."""
    wrong = {"CHIRPBENCH_IOS_PROBE_BUNDLE": "com..x_y", "ANDROID_ADB_SERVER_PORT": "70000"}
    done = chirpbench("devices", cwd=tmp_path, env=wrong)
    assert done.returncode == 0, done.stderr
    assert "chirpbench devices: ios: CHIRPBENCH_IOS_PROBE_BUNDLE is no bundle id" in done.stderr
    assert "chirpbench devices: android: ANDROID_ADB_SERVER_PORT is no port" in done.stderr
    asked = chirpbench("devices", "--probe", "ios", cwd=tmp_path, env=wrong)
    assert_one_line_error(asked, 2, "CHIRPBENCH_IOS_PROBE_BUNDLE")


def test_nothing_is_no_serial_to_release(tmp_path: Path) -> None:
    for words in (("--release", ""), ("--release=",)):
        done = chirpbench("devices", *words, cwd=tmp_path)
        assert_one_line_error(done, 2, "--release needs a serial")


def test_a_locked_phone_says_why_also_later_and_is_gone_on_with(tmp_path: Path) -> None:
    """The reason and the next step outlive the terminal; resume takes the bench's own phones."""
    (tmp_path / "b.toml").write_text(TINY + 'zones = "separate"\n')
    locked = '[phone.android.at_start]\nkeyguard = "pin"\n'
    good, other = phone("P1", 41.25), phone("P3", 90.0)
    virtual = fleet(tmp_path, good, phone("P2", 60.0, more=locked))
    words = ("run", virtual, "--fast", "--bench", "b.toml")
    done = chirpbench(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "1 of them not finished" in done.stdout
    assert "--resume=" in done.stdout
    assert "P2: P2:" not in done.stdout + done.stderr
    bench = done.stdout.split("bench ")[1].split()[0]
    assert "unlock" in chirpbench("results", bench, cwd=tmp_path).stdout

    fleet(tmp_path, good, phone("P2", 60.0), other)
    again = chirpbench(*words, "--resume", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert set(measured(again.stdout)) == {"AP1", "AP2"}
    once_more = chirpbench(*words, "--resume", cwd=tmp_path)
    assert_one_line_error(once_more, 2, "no unfinished run")


def test_a_bench_is_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    virtual = fleet(tmp_path, phone("P1", 41.25))
    (tmp_path / "b.toml").write_text(TINY)
    words = ("run", virtual, "--bench", "b.toml")
    first = subprocess.Popen(
        [str(script()), *words], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert first.stderr
    with first, first.stderr as lines:
        assert "trials to do" in next(lines)
        second = chirpbench(*words, "--fast", "--resume", cwd=tmp_path)
        assert_one_line_error(second, 2, "is being made by another chirpbench")
        assert "L1" in lines.read()
    assert first.returncode == 0
