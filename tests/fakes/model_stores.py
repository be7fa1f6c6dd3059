"""A store of many models, made by a script: what bulk advice and bulk export are measured on.

``make_store(path, models, seed)`` writes real phones of a few makers and SoCs, one device a
model, most with one run, some with three, with the tests and about as many numbers as the quick
suite gives. A share of the models has names that break naive formats. Run as a program::

    model_stores.py PATH [MODELS] [SEED]
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

from db import overview, rows
from db.codec import dump_json
from db.schema import (
    DeviceTable,
    MeasurementTable,
    ReasonTable,
    RunTable,
    TestTable,
    TrialTable,
)
from db.store import Store
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Measurement,
    Platform,
    ProbeReport,
    RunRecord,
    RunStatus,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)
from profiler.model.trial import GrantedStream

NEWEST = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""Of the newest run; the oldest is at most 90 days older."""
HOSTILE_SHARE = 0.05
HOSTILE = (
    'Say "hi"', "it's", "a,b;c", "star*", "*", "two\nlines", "tab\there", "小米 14 Ultra",
    "Ünï—code", "🎧 Phone", "=1+1", "-cmd", "<b>&amp;]]>", "back\\slash", "${HOME}`id`",
    "\u202eesrever", " pad ", "x" * 200, "%s%n{0}", "null", "NUL\x01\x7f",
)  # fmt: skip
"""Ends of model names that a device may say."""


@dataclass(frozen=True)
class Chip:
    """A SoC with what its audio path makes typical."""

    name: str
    board: str
    round_trip_ms: float
    bursts: int
    erle_db: float
    burst_frames: int


@dataclass(frozen=True)
class Maker:
    """A manufacturer with the form of its model codes."""

    name: str
    codes: tuple[str, ...]
    """Beginnings of model codes."""
    chips: tuple[int, ...]
    """Indices into :data:`CHIPS`."""
    erle_shift_db: float


CHIPS = (
    Chip("SM8550", "kalama", 28.0, 1, 38.0, 96),
    Chip("SM8250", "kona", 33.0, 2, 32.0, 192),
    Chip("SM6225", "bengal", 62.0, 2, 26.0, 192),
    Chip("SM7325", "lahaina", 41.0, 2, 30.0, 192),
    Chip("MT6765V/CB", "mt6765", 118.0, 4, 9.0, 480),
    Chip("MT6769Z", "mt6768", 96.0, 3, 12.0, 480),
    Chip("MT6877", "mt6877", 54.0, 2, 28.0, 192),
    Chip("s5e8825", "s5e8825", 58.0, 2, 24.0, 240),
    Chip("exynos850", "exynos850", 88.0, 3, 14.0, 240),
    Chip("Tensor G2", "gs201", 31.0, 2, 36.0, 96),
    Chip("UMS9230", "ums9230", 140.0, 6, 4.0, 960),
    Chip("SC9863A", "sc9863a", 190.0, 8, 2.0, 1024),
)
MAKERS = (
    Maker(
        "samsung", ("SM-A12", "SM-A13", "SM-A52", "SM-G99", "SM-S91", "SM-M33"), (0, 4, 7, 8), 4.0
    ),
    Maker("Xiaomi", ("2201", "2107", "M2101K", "2312"), (0, 1, 2, 4, 6), 0.0),
    Maker("OPPO", ("CPH23", "CPH21", "CPH25"), (1, 2, 5), -2.0),
    Maker("vivo", ("V21", "V22", "I21"), (2, 3, 5), -2.0),
    Maker("Google", ("Pixel ",), (9,), 6.0),
    Maker("motorola", ("moto g(", "XT21"), (2, 3, 10), 1.0),
    Maker("TECNO", ("TECNO K", "TECNO C"), (4, 5, 10, 11), -4.0),
    Maker("realme", ("RMX33", "RMX36"), (2, 5, 10), -1.0),
)
RATES_HZ = (8_000, 16_000, 24_000, 44_100, 48_000)
PRESETS = ("generic", "camcorder", "voice_recognition", "voice_communication", "unprocessed")
VOLUMES = ("0.5", "0.75", "1")


def make_store(path: Path, models: int = 1000, seed: int = 1) -> None:
    """Write a store with ``models`` models; the same arguments give the same content."""
    Store.open(path).close()
    engine = create_engine(f"sqlite:///{path}", json_serializer=dump_json)
    dice = random.Random(seed)
    with Session(engine) as session:
        for number, facts in enumerate(models_of(models, dice)):
            _write_model(session, number, facts, dice)
        session.commit()
    engine.dispose()
    with Store.open(path, create=False) as store:
        overview.rebuild(store)  # the rows went in around the writers


def models_of(count: int, dice: random.Random) -> Iterator[tuple[DeviceFacts, Chip, Maker]]:
    used: set[str] = set()
    while len(used) < count:
        maker = dice.choice(MAKERS)
        chip = CHIPS[dice.choice(maker.chips)]
        code = f"{dice.choice(maker.codes)}{dice.randrange(1000)}{dice.choice('BFGN')}"
        if dice.random() < HOSTILE_SHARE:
            code += f" {dice.choice(HOSTILE)}"
        if code in used:
            continue
        used.add(code)
        api = dice.choice((29, 30, 31, 33, 34))
        build = f"{maker.name}/{len(used)}:{api - 19}/{dice.randrange(10**6)}:user/release-keys"
        facts = DeviceFacts(
            platform=Platform.ANDROID,
            manufacturer=maker.name,
            model=code,
            marketing_name=f"{maker.name.title()} {code}",
            soc=chip.name,
            os_name="Android",
            os_version=str(api - 19),
            os_build=build,
            api_level=api,
            native_rate_hz=48_000,
            frames_per_burst=chip.burst_frames,
            low_latency=chip.bursts < 6,
            pro_audio=chip.bursts == 1,
            raw={
                "board_platform": chip.board,
                "ro.board.platform": chip.board,
                "product": code.lower()[:90],
                "display_id": build[:90],
                **{f"ro.some.property.{i}": f"value {i}" for i in range(40)},
            },
        )
        yield facts, chip, maker


def _write_model(
    session: Session, number: int, made: tuple[DeviceFacts, Chip, Maker], dice: random.Random
) -> None:
    facts, chip, maker = made
    ref = DeviceRef(Platform.ANDROID, f"serial{number:05}", facts.model, "usb")
    when = NEWEST - timedelta(days=90 * dice.random())
    said = rows.facts_row(facts, now=when)
    session.add(said)
    session.flush()
    device = rows.device_row(ref, now=when)
    device.facts_id = said.id
    session.add(device)
    session.flush()
    phone = Phone(chip, maker, dice)
    for _ in range(3 if dice.random() < 0.2 else 1):
        when -= timedelta(hours=dice.randrange(1, 48))
        _write_run(session, device, phone, when, dice)


@dataclass
class Phone:
    """The truth of one model."""

    chip: Chip
    maker: Maker
    dice: random.Random

    def __post_init__(self) -> None:
        self.round_trip_ms = self.chip.round_trip_ms * self.dice.uniform(0.9, 1.15)
        self.erle_db = self.chip.erle_db + self.maker.erle_shift_db + self.dice.gauss(0.0, 1.0)
        self.bursts = self.chip.bursts

    def numbers(self, test_id: str) -> list[Measurement]:
        """What a run of a test measures."""
        g, rtl, erle = self.dice.gauss, self.round_trip_ms, self.erle_db
        ms, db = (lambda x: x + g(0.0, 0.5)), (lambda x: x + g(0.0, 0.6))
        found: list[tuple[Any, ...]] = []
        if test_id == "A1":
            for v in VOLUMES:
                e = db(erle)
                found += [
                    (f"erle_low_db[volume={v}]", e - 1.0, "dB"),
                    (f"erle_db[volume={v}]", e, "dB"),
                    (f"residual_dbfs[volume={v}]", -28.0 - e, "dBFS"),
                    (f"voice_margin_db[volume={v}]", e - 18.0, "dB"),
                    (f"voice_per_min[volume={v}]", max(0.0, 18.0 - e), "1/min"),
                    (f"echo_delay_ms[volume={v}]", ms(rtl + 9.0), "ms"),
                ]
        elif test_id == "A2":
            for v in VOLUMES:
                found += [(f"reported_on[volume={v}]", 1.0, "1"),
                          (f"effective_db[volume={v}]", db(erle), "dB"),
                          (f"effective_low_db[volume={v}]", db(erle) - 1.0, "dB")]  # fmt: skip
            found.append(("aosp_software_effect", float(self.chip.bursts >= 6), "1"))
        elif test_id == "A4":
            found = [(f"convergence_s[volume={v}]", abs(g(0.4, 0.2)), "s", 0.15) for v in VOLUMES]
        elif test_id == "A7":
            found = [
                (f"order_db[after={w}]", g(0.0, 0.3), "dB") for w in ("media_run", "mode_toggle")
            ]
        elif test_id == "A9":
            safe = 1.0 if erle > 25 else 0.75 if erle > 21 else 0.5 if erle > 17 else 0.0
            found = [
                ("full_duplex", float(safe > 0), "1"),
                ("max_safe_volume", safe, "1"),
                ("margin_db", erle - 18.0, "dB"),
                ("mic_holdoff_s", 0.0 if safe else 0.6, "s"),
            ]
            found += [(f"margin_db[volume={v}]", erle - 18.0, "dB") for v in VOLUMES]
        elif test_id == "D1":
            found = [
                (f"zero_run_ms[{what}]", 0.0, "ms")
                for what in (
                    *(f"rate={r}" for r in RATES_HZ),
                    *(f"preset={p}" for p in PRESETS),
                    "channels=2",
                    "sharing=exclusive",
                    "performance=low_latency",
                    "performance=none",
                    "api=java",
                    "rate=16000,performance=low_latency",
                    "mode=communication,preset=voice_communication",
                )
            ]
            found += [("configurations_silent", 0.0, "1"), ("configurations_fine", 17.0, "1")]
        else:
            found = self._timing(test_id, ms, rtl)
        return [Measurement(*row) for row in found]

    def _timing(self, test_id: str, ms: Any, rtl: float) -> list[tuple[Any, ...]]:
        g, found = self.dice.gauss, []
        if test_id == "G1":
            found = [
                ("safe_bursts", float(self.bursts), "bursts"),
                ("clean_min", 6.2, "min"),
                ("glitches_per_min_ub95", 0.48, "1/min"),
                ("sizes_refused", 0.0, "1"),
            ]
            for n in range(1, 9):
                bad = max(0.0, 12.0 * (self.bursts - n))
                found += [
                    (f"glitches_per_min[bursts={n}]", bad, "1/min"),
                    (f"glitches_per_min_ub95[bursts={n}]", bad * 1.6 + 0.48, "1/min"),
                    (f"watched_min[bursts={n}]", 6.2, "min"),
                    (f"xruns[bursts={n}]", bad, "1"),
                ]
        elif test_id == "G3":
            found = [
                ("safe_bursts[state=idle]", self.bursts + 0.0, "bursts"),
                ("clean_min[state=idle]", 1.0, "min"),
                ("callback_ratio", 1.0, "1"),
            ]
        elif test_id in ("L1", "L2"):
            middle = ms(rtl if test_id == "L1" else rtl + 14.0)
            found = [
                ("rtl_ms", middle, "ms", 0.4),
                ("rtl_mad_ms", abs(g(0.5, 0.2)), "ms"),
                ("rtl_p95_ms", middle + 2.0, "ms"),
                ("rtl_min_ms", middle - 2.0, "ms"),
                ("rtl_max_ms", middle + 2.0, "ms"),
                ("opens", 6.0, "1"),
            ]
        elif test_id == "L3":
            varied = [
                ("", 0.0),
                ("[api=java]", 38.0),
                ("[performance=none]", 30.0),
                ("[bursts=2]", 0.0),
                ("[rate=16000]", 11.0),
                ("[rate=44100]", 16.0),
            ]
            found = [(f"rtl_ms{name}", ms(rtl + more), "ms", 0.6) for name, more in varied]
            found += [
                ("timestamps_trusted", float(self.chip.bursts < 4), "1"),
                ("reported_minus_measured_ms[default 48000 Hz]", g(-4.0, 1.0), "ms"),
            ]
        elif test_id == "L4":
            found = [
                ("wander_pp_ms", abs(g(0.1, 0.05)), "ms", 0.01),
                ("steps", 0.0, "1"),
                ("slope_ms_per_min", g(0.0, 0.01), "ms/min", 0.001),
            ]
        elif test_id == "L6":
            found = [
                (f"{name}[start={start}]", abs(g(4.0 * rtl, 5.0)), "ms", 15.0)
                for start in ("first", "later")
                for name in ("cold_start_ms", "input_lost_ms", "first_buffer_ms")
            ]
        elif test_id == "L7":
            found = [
                row
                for r in RATES_HZ
                for row in (
                    (f"added_ms[rate={r}]", 0.0 if r == 48_000 else g(9.0, 1.0), "ms"),
                    (f"pitch_error_percent[rate={r}]", 1e-5, "%"),
                )
            ]
        return found


TESTS = ("A1", "A2", "A4", "A7", "A9", "D1", "G1", "G3", "L1", "L2", "L3", "L4", "L6", "L7")


def _write_run(
    session: Session, device: DeviceTable, phone: Phone, when: datetime, dice: random.Random
) -> None:
    name = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    run = RunRecord(
        name, f"bench-{device.uid}", device.uid, "quick", "ab" * 32, RunStatus.OK, "", when,
        when + timedelta(minutes=12), "0.5.0",
    )  # fmt: skip
    row = RunTable(device_id=device.id, facts_id=device.facts_id, **rows.run_columns(run))
    session.add(row)
    session.flush()
    trial = _trial(name, when, phone, dice)
    session.add(TrialTable(run_id=row.id, **rows.trial_columns(trial)))
    numbers: list[dict[str, Any]] = []
    for test_id in TESTS:
        measured = phone.numbers(test_id)
        verdict = verdict_of(test_id, phone)
        reasons = () if verdict is Verdict.PASS else (f"{test_id.lower()}_limit",)
        result = TestResult(
            name, test_id, verdict, reasons, f"{test_id}: {verdict.value}", tuple(measured),
            (trial.trial_uuid,),
        )  # fmt: skip
        stored = TestTable(run_id=row.id, **rows.test_columns(result, now=when))
        session.add(stored)
        session.flush()
        session.add_all(ReasonTable(test_result_id=stored.id, reason=r) for r in reasons)
        numbers += [
            {"test_result_id": stored.id, "name": m.name, "value": m.value, "unit": m.unit,
             "sigma": m.sigma}
            for m in measured
        ]  # fmt: skip
    session.execute(insert(MeasurementTable), numbers)


def verdict_of(test_id: str, phone: Phone) -> Verdict:
    if test_id in ("A1", "A2", "A9"):
        good = phone.erle_db > 25
        return Verdict.PASS if good else Verdict.MARGINAL if phone.erle_db > 17 else Verdict.FAIL
    if test_id in ("L1", "L2"):
        return Verdict.PASS if phone.round_trip_ms < 50 else Verdict.MARGINAL
    return Verdict.PASS


def _trial(run_uuid: str, when: datetime, phone: Phone, dice: random.Random) -> TrialRecord:
    stream = GrantedStream(rate_hz=48_000, channels=1, frames_per_burst=phone.chip.burst_frames)
    return TrialRecord(
        trial_uuid=str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        run_uuid=run_uuid,
        test_id="L1",
        index=0,
        request=TrialRequest(duration_s=7.0),
        stimulus=None,
        report=ProbeReport(probe_version="0.5.0", output=stream, input=stream),
        recording=None,
        estimate=None,
        verdict=Verdict.PASS,
        reasons=(),
        message="",
        attempt=1,
        started_at=when,
        duration_s=9.0,
        tool_version="0.5.0",
    )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    make_store(Path(arguments[0]), *map(int, arguments[1:]))
