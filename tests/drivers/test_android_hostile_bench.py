"""Hostile phones among others in whole benches: the others finish, and what is kept is clean."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bad_probes
import bench_fleets as fleets
import pytest
from hostile_adb_server import LyingServer
from hostile_android import (
    FORBIDDEN,
    STEADY,
    TEXTS,
    HostileAndroid,
    Peak,
    cleaned,
    driving,
    elsewhere,
    endless,
    harmless,
    hostile_phones,
    life,
    not_allowed,
    packet,
    plugged,
    private_server,
    sending,
    tree,
)
from hostile_probes import floats, reporting, saying, serving

from db import queries
from device_probes.android import AdbBench, PrivateServer
from device_probes.android.adb import Adb
from profiler.bench import BenchOutcome, run_bench
from profiler.cli.jsonlines import dumps
from profiler.model import DeviceState, RunStatus, Verdict

MAX_GROWTH_MIB = 200.0
"""Of a bench of twenty phones, eight of which never stop: recordings, analysis, and 8 MiB each."""
PLAN = fleets.plan(
    "D1", repeats=1, rates_hz=(48_000,), separate_zones=True,
    timeouts=fleets.Timeouts(trial_margin_s=20.0, retries=1, retry_wait_s=0.0),
)  # fmt: skip
HONEST = ("GOOD0001", "GOOD0002", "GOOD0003", "GOOD0004")


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with private_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere")):
        yield


def bench(server: PrivateServer, folder: Path, phones: list[HostileAndroid]) -> BenchOutcome:
    """One run of all of them, with the checks that hold for any."""
    with fleets.open_store(folder) as store, driving(server, folder / "state", phones) as drivers:
        outcome = run_bench(PLAN, list(drivers.values()), store)
    for path in tree(folder):
        name = str(Path(path).relative_to(folder))
        assert re.fullmatch(
            r"bench\.db(-wal|-shm|\.evidence(/[0-9a-f]{2}(/[0-9a-f]{64}\.(flac|wav))?)?)?"
            r"|state(/locks(/[A-Za-z0-9._-]{1,60}\.lock)?|/phones\.(json|lock))?",
            name,
        ), name
    for phone in phones:
        assert not_allowed(phone.asked) == []
    for device in outcome.devices:
        assert not re.search(r"internal error|Traceback", device.problem), device.problem
        assert harmless_text(device.problem)
        text = dumps(device)
        assert text.isascii()
        assert json.loads(text)["device"]["serial"] == device.device.serial
    return outcome


def harmless_text(text: str) -> bool:
    return not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)


def assert_unharmed(outcome: BenchOutcome) -> None:
    found = {d.device.serial: d for d in outcome.devices if d.device.serial in HONEST}
    assert len(found) == len(HONEST)
    for serial, device in found.items():
        assert device.run is not None, serial
        assert device.run.status is RunStatus.OK, f"{serial}: {device.problem}"
        assert [r.verdict for r in device.results] == [Verdict.PASS], serial


def test_phones_that_misbehave_spare_the_others(server: PrivateServer, tmp_path: Path) -> None:
    names = (
        "flood", "floodtest", "frames", "garbage", "progress", "nan", "inf", "silence", "claims",
        "exit", "wrong", "rubbish", "gone", "refuses", "closes", "install",
    )  # fmt: skip
    phones = hostile_phones(*HONEST, *names)
    one = {phone.serial: phone for phone in phones}
    one["flood"].say("getprop", endless(b"x" * 65_536))
    one["floodtest"].say("dumpsys activity", endless(b"\n" * 65_536))
    one["frames"].serve("raw:echo @@front", sending(b"\x01\xff\xff\xff\xff", then="hold"))
    one["garbage"].hostile_probe = bad_probes.garbage
    one["progress"].hostile_probe = serving(bad_probes.endless_progress)
    one["nan"].hostile_probe = serving(floats(math.nan))
    one["inf"].hostile_probe = serving(floats(0.1, math.inf, -math.inf))
    one["silence"].hostile_probe = serving(floats(0.0))
    one["claims"].hostile_probe = serving(
        reporting(notes=[TEXTS["escapes"]], thermal_status="shutdown\x1b[2J", battery_percent=0)
    )
    one["exit"].serve("raw:echo @@battery", sending(packet(3, b"")))
    one["wrong"].hostile_probe = bad_probes.wrong_version
    one["rubbish"].hostile_probe = serving(saying(b"CHRP\xff\xff\xff\xff\xff\xff\xff\xff"))
    one["gone"].hostile_probe = serving(bad_probes.disconnects_in_samples)
    one["refuses"].hostile_probe = serving(saying(bad_probes.frame(
        {"type": "refused", "code": "permission", "text": TEXTS["html"]})))  # fmt: skip
    one["closes"].serve("localabstract", sending())
    one["install"].say("pm install", "Failure [" + TEXTS["escapes"] * 1000)
    with Peak() as peak:
        outcome = bench(server, tmp_path, phones)
    assert_unharmed(outcome)
    assert peak.mib < MAX_GROWTH_MIB
    found = {d.device.serial: d for d in outcome.devices}
    for name in ("flood", "garbage", "wrong", "closes", "install", "refuses"):
        run = found[name].run
        assert run is not None
        assert run.status in (RunStatus.ERROR, RunStatus.DEVICE_LOST), name
        assert run.reason, name
        assert found[name].problem, name
    with fleets.open_store(tmp_path) as store:
        assert len(queries.runs(store)) == len(phones), "each phone's end is on record"
        for name, reason in (("nan", "non_finite"), ("inf", "non_finite"), ("silence", "silent")):
            run = found[name].run
            assert run is not None
            (trial,) = queries.trials_of(store, run.run_uuid)
            assert trial.verdict is Verdict.NOT_MEASURABLE, name
            assert any(reason in why for why in trial.reasons), trial.reasons
        for trial in queries.trials(store):
            assert harmless_text(trial.message), trial.message
            latency = trial.estimate.round_trip_latency_ms if trial.estimate else None
            assert latency is None or math.isfinite(latency)


def test_hostile_names_are_stored_cleaned_and_read_back(
    server: PrivateServer, tmp_path: Path
) -> None:
    """Of the model, the maker, the SoC and the build, which results are sorted by; in SQL, JSON
    and file names."""
    phones = hostile_phones(*HONEST, *(f"T-{name}" for name in TEXTS))
    for name, text in TEXTS.items():
        phone = next(p for p in phones if p.serial == f"T-{name}")
        phone.properties |= {
            "ro.product.manufacturer": text, "ro.product.model": text, "ro.soc.model": text,
            "ro.build.fingerprint": text, "ro.product.marketname": text, "ro.serialno": text,
            "ro.product.name": text, "ro.product.device": text, f"ro.audio.{name}": text,
        }  # fmt: skip
    outcome = bench(server, tmp_path, phones)
    assert_unharmed(outcome)
    with fleets.open_store(tmp_path) as store:
        runs = {run.device_uid: run for run in queries.runs(store)}
        known = {d.ref.uid for d in queries.devices(store)}
        assert known == set(runs) == {f"virtual:{phone.serial}" for phone in phones}
        for name, text in TEXTS.items():
            run = runs[f"virtual:T-{name}"]
            assert run.status is RunStatus.OK, f"{name}: a name alone is no fault"
            facts = queries.facts_of(store, run.run_uuid)
            assert facts is not None
            told = phone_says(text)
            assert facts.model == facts.manufacturer == facts.soc == facts.os_build == told, name
            assert facts.raw[f"ro.audio.{name}"] == cleaned(told_whole(text), 1000)[:128], name
    with sqlite3.connect(tmp_path / "bench.db") as database:
        (count,) = database.execute("SELECT count(*) FROM devices").fetchone()
        assert count == len(phones), "the table is still there"
    database.close()


def told_whole(text: str) -> str:
    """What ``getprop`` and the shell make of a value: line ends of two characters become one."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8", "replace")


def phone_says(text: str) -> str:
    return cleaned(told_whole(text)[:1024])


# --- who is who -----------------------------------------------------------------------------------


def usb_serials(transport: int) -> list[str]:
    """What phones may call themselves to look like another; ``transport`` is an honest one's."""
    return [
        *TEXTS.values(), "../../../tmp/x", "/etc/passwd", "a" * 300, "x offline", "host@usb:1-1",
        f"x device usb:1-9 transport_id:{transport}", "0123456789ABCDEF", "0123456789ABCDEF", "",
        "????????", f"x\nFORGED01 device usb:1-1 transport_id:{transport}", "virtual:GOOD0001",
        f"x\n\nGOOD0002 device transport_id:{transport}", "\x1b[2J" * 60, "GOOD0003\u202e",
    ]  # fmt: skip


def test_what_phones_call_themselves_by_usb_names_no_file_and_hides_no_phone(
    server: PrivateServer, tmp_path: Path
) -> None:
    phones = hostile_phones(*HONEST, *(f"H{i}" for i in range(len(usb_serials(0)))))
    with plugged(server.adb.port, phones):
        ids = {one.serial: one.transport_id for one in server.adb.listed()}
        names = {p.address: (p.serial, f"usb:2-{p.serial[-1]}") for p in phones[: len(HONEST)]}
        serials = usb_serials(ids[phones[0].address])
        for i, (phone, serial) in enumerate(zip(phones[len(HONEST) :], serials, strict=True)):
            phone.properties["ro.serialno"] = serial
            tags = f"usb:1-{i % 4} product:{serial} model:{serial} device:x usb:1-1"
            names[phone.address] = serial, tags
        with LyingServer(server.adb.port, names) as lying:
            seen, state = found_by(lying.port, server, tmp_path)
    keys = [one.ref.serial for one in seen if not one.duplicate_of]
    assert len(keys) == len(set(keys)), "or a bench would refuse them all"
    own = {key.partition("@")[2] or key for key in keys}
    # Another says that it is GOOD0002: both are then known by where they are plugged in.
    assert {"GOOD0001", "usb:2-2", "GOOD0003", "GOOD0004"} <= own
    for key in keys:
        assert re.fullmatch(r"[A-Za-z0-9._:@-]{1,120}", key), key
    for one in seen:
        shown = " ".join([one.address, one.detail, one.ref.label, *one.tags.values()])
        assert harmless_text(shown), shown
    for path in tree(state):
        assert re.fullmatch(r"locks|locks/[A-Za-z0-9._-]{1,60}\.lock|phones\.(json|lock)",
                            str(Path(path).relative_to(state))), path  # fmt: skip
    assert all(not_allowed(phone.asked) == [] for phone in phones)


def found_by(port: int, server: PrivateServer, folder: Path) -> tuple[tuple, Path]:
    """What a bench sees through the adb server on ``port``, and its state folder after a contact
    with each phone."""

    class Through:
        adb = Adb("127.0.0.1", port)

        def ensure(self) -> int:
            return server.ensure()

        def close(self) -> None:
            pass

    state = folder / "state"
    bench = AdbBench(Through(), state, deadlines=STEADY)
    bench.start()
    try:
        seen = bench.seen(check=True)
        drivers = bench.drivers()
        with ThreadPoolExecutor(8) as pool:
            for driver, error in zip(drivers, pool.map(life, drivers), strict=True):
                assert harmless(error)
                if driver.ref.serial.endswith((*HONEST, "@usb:2-2")):
                    assert error is None, repr(error)
        return seen, state
    finally:
        bench.close()


BANNERS = {
    "a megabyte": "device::ro.product.name=" + "x" * 1_000_000 + ";features=shell_v2,cmd",
    "60 kB": "device::ro.product.name=" + "usb:9-9 " * 8000 + ";features=shell_v2,cmd",
    "lines": "device::ro.product.name=a\nFORGED01 device usb:1-1 transport_id:1;features=shell_v2",
    "escapes": "device::" + ";".join(
        f"ro.product.{n}={TEXTS['escapes'].replace(';', '')}" for n in ("name", "model", "device")),
    "no UTF-8": "device::ro.product.name=\udcff\udcfe;ro.product.model=\udc80;features=shell_v2",
    "features": "device::features=" + ",".join(f"f{i}" for i in range(20_000)),
    "a feature of its own": "device::features=shell_v2,$(reboot),\x1b[2J",
    "a host": "host::ro.product.name=x;",
    "nothing": "",
    "a recovery": "recovery::ro.product.name=x;",
    "equal signs": "device::" + "=" * 5000 + ";" * 5000,
}  # fmt: skip


@pytest.mark.parametrize("name", BANNERS)
def test_a_banner_hides_no_other_phone(server: PrivateServer, tmp_path: Path, name: str) -> None:
    """The adb server writes what a phone announces into the list of all phones."""
    (honest, hostile) = hostile_phones(HONEST[0], "H1")
    hostile.banner_override = BANNERS[name]
    with driving(server, tmp_path, [honest, hostile], STEADY) as drivers:
        listed = {one.serial: one for one in server.adb.listed()}
        assert set(listed) == {honest.address, hostile.address}
        assert listed[honest.address].state is DeviceState.READY
        assert listed[honest.address].transport_id
        for one in listed.values():
            assert not FORBIDDEN.search(
                "".join([one.serial, *one.tags.values()]).replace("\ufffd", "")
            )
        assert life(drivers[HONEST[0]]) is None
        assert harmless(life(drivers["H1"]))
    assert not_allowed(honest.asked) == not_allowed(hostile.asked) == []
