"""Stores of real phones with a history: builds, runs, opens, test results, written by the Store."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store_records import estimate, facts, report, trial

from db.store import Store
from profiler.model import (
    DeviceRef,
    GrantedStream,
    Measurement,
    Platform,
    RunRecord,
    RunStatus,
    TestResult,
    TrialRequest,
    Verdict,
)

FIRST_DAY = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
PASS = Verdict.PASS


@dataclass(frozen=True)
class Build:
    """One OS build with the middle of its runs' latencies, a run a day."""

    name: str
    runs_ms: tuple[float, ...]
    os_version: str = "14"
    spread_ms: float = 0.4
    """Standard deviation from open to open."""
    rejected: int = 0
    """Opens a run that give nothing, of six."""


@dataclass(frozen=True)
class Phone:
    """One model and its builds, oldest first."""

    model: str
    builds: tuple[Build, ...]
    manufacturer: str = "Acme"
    soc: str = "soc9"
    name: str = ""
    platform: Platform = Platform.ANDROID
    virtual: bool = False
    erle_db: float | None = 34.0
    """At full volume; ``None`` = below the noise, at least 40 dB."""
    tests: Mapping[str, TestResult] = field(default_factory=dict)
    """In place of those that are made up."""


def write(path: Path, phones: Sequence[Phone], *, seed: int = 1) -> None:
    """Write a store; the same arguments give the same content."""
    dice = random.Random(seed)
    with Store.open(path) as store:
        for number, phone in enumerate(phones):
            _write_phone(store, phone, number, dice)


def _write_phone(store: Store, phone: Phone, number: int, dice: random.Random) -> None:
    ref = DeviceRef(phone.platform, f"serial{number}", phone.name or phone.model, "usb")
    day = 0
    for build in phone.builds:
        said = facts(
            phone.model, platform=phone.platform, manufacturer=phone.manufacturer,
            soc=phone.soc, os_build=build.name, os_version=build.os_version,
            marketing_name=phone.name or f"{phone.manufacturer} {phone.model}",
            is_virtual=phone.virtual,
        )  # fmt: skip
        for middle_ms in build.runs_ms:
            at = FIRST_DAY + timedelta(days=day, minutes=7 * number)
            day += 1
            run_uuid = f"run-{number}-{day}"
            store.upsert_device(ref, said)
            store.begin_run(
                RunRecord(
                    run_uuid, f"bench-{day}", ref.uid, "quick", "ab" * 32, RunStatus.RUNNING,
                    "", at, None, "0.1.0",
                )
            )  # fmt: skip
            _opens(store, run_uuid, at, middle_ms, build, dice)
            for result in _results(phone, run_uuid, middle_ms, build):
                store.add_test_result(result)


def _opens(
    store: Store, run_uuid: str, at: datetime, middle_ms: float, build: Build, dice: random.Random
) -> None:
    for index in range(6):
        good = index >= build.rejected
        latency_ms = max(1.0, dice.gauss(middle_ms, build.spread_ms)) if good else None
        chirps = tuple(dice.gauss(latency_ms, 0.002) for _ in range(8)) if latency_ms else ()
        measured = estimate(latency_ms, per_chirp_ms=chirps)
        store.add_trial(
            trial(
                f"{run_uuid}-{index}", run_uuid=run_uuid, index=index, latency_ms=latency_ms,
                started_at=at + timedelta(seconds=12 * index), estimate=measured,
                request=TrialRequest(api="aaudio", buffer_bursts=2, duration_s=7.0),
                report=report(
                    output=GrantedStream(48_000, 1, 96, 384, None, "shared", "low_latency")
                ),
            )
        )  # fmt: skip


def _results(phone: Phone, run_uuid: str, middle_ms: float, build: Build) -> list[TestResult]:
    opens = tuple(f"{run_uuid}-{i}" for i in range(6))
    measured = build.rejected < 6
    level = PASS if middle_ms <= 50 else Verdict.MARGINAL if middle_ms <= 120 else Verdict.FAIL
    found = {
        "L1": _result(
            run_uuid, "L1", level if measured else Verdict.NOT_MEASURABLE, opens,
            {"rtl_ms": (middle_ms, "ms")} if measured else {},
            "round trip" if measured else "no round trip measured: no_stimulus",
        ),
        "A1": _result(run_uuid, "A1", PASS, opens, _erle(phone.erle_db), "echo"),
        "A9": _result(
            run_uuid, "A9", PASS, opens,
            {"full_duplex": (1, "1"), "max_safe_volume": (0.75, "1"),
             "margin_db[volume=0.75]": (6.0, "dB"), "margin_db[volume=1]": (-2.0, "dB")},
            "barge-in safe up to 75 % volume",
        ),
        "G1": _result(run_uuid, "G1", PASS, opens, _glitches(), "2 bursts or more do not glitch"),
        "D1": _result(
            run_uuid, "D1", PASS, opens, {"configurations_silent": (0, "1")}, "delivers everywhere"
        ),
    }  # fmt: skip
    found |= {
        test_id: TestResult(
            run_uuid, test_id, r.verdict, r.reasons, r.text, r.measurements, r.trial_uuids
        )
        for test_id, r in phone.tests.items()
    }
    return list(found.values())


def _erle(loudest_db: float | None) -> dict[str, tuple[float, str]]:
    found = {"erle_low_db[volume=0.5]": (29.0, "dB"), "erle_db[volume=0.5]": (31.0, "dB")}
    if loudest_db is None:
        return {**found, "erle_low_db[volume=1]": (40.0, "dB")}
    return {
        **found,
        "erle_low_db[volume=1]": (loudest_db - 2, "dB"),
        "erle_db[volume=1]": (loudest_db, "dB"),
    }


def _glitches() -> dict[str, tuple[float, str]]:
    found: dict[str, tuple[float, str]] = {"safe_bursts": (2, "bursts")}
    for bursts, events in ((1, 12), (2, 0), (4, 0)):
        found[f"glitches_per_min[bursts={bursts}]"] = (events / 0.15, "1/min")
        found[f"watched_min[bursts={bursts}]"] = (0.15, "min")
        found[f"xruns[bursts={bursts}]"] = (events // 2, "1")
    return found


def _result(
    run_uuid: str,
    test_id: str,
    verdict: Verdict,
    trials: tuple[str, ...],
    numbers: Mapping[str, tuple[float, str]],
    text: str,
) -> TestResult:
    measurements = tuple(Measurement(n, float(v), unit) for n, (v, unit) in numbers.items())
    return TestResult(run_uuid, test_id, verdict, (), text, measurements, trials)
