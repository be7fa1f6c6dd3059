"""What is in the big store: phones with their truth, and the runs a lab makes of them over time.

Only records, as the bench would give them to the store; :mod:`bigstore` writes them.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import echo_records
import store_records
import tone_records
from model_stores import TESTS, Chip, Maker, Phone, models_of, verdict_of

from db.measured import numbers_of
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Estimate,
    Findings,
    GrantedStream,
    Platform,
    Recording,
    RunRecord,
    RunStatus,
    StimulusSpec,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)

NEWEST = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""End of the newest run."""
SPAN = timedelta(days=540)
"""The oldest run is at most this much older."""
TOOL = "0.9.0"
APPLE_SHARE, VIRTUAL_SHARE, EMULATOR_SHARE, DEAD_SHARE = 0.05, 0.03, 0.01, 0.02
"""Of the models; nothing can be measured on the dead ones."""
MOST_OFTEN = 10.0
"""The model a lab likes best is measured so many times as often as the one it forgets."""
BAD_ENDS = (
    (RunStatus.DEVICE_LOST, "device_lost", 0.04),
    (RunStatus.CANCELLED, "cancelled", 0.03),
    (RunStatus.ERROR, "probe_crashed", 0.02),
)
REJECTED = ("low_snr", "silent_capture", "ambiguous_peak", "few_chirps")
MEDIA = TrialRequest(duration_s=6.6)
CALL = replace(MEDIA, input_preset="voice_communication", audio_mode="communication")
L1_PATHS = (
    MEDIA,
    CALL,
    replace(MEDIA, input_preset="unprocessed", performance_mode="low_latency"),
    replace(MEDIA, api="java"),
    replace(MEDIA, route="earpiece"),
)
PLANS: dict[str, dict[str, tuple[TrialRequest, ...]]] = {
    "custom": {"L1": (MEDIA,) * 3},
    "paths": {"L1": L1_PATHS},
    "smoke": {"L1": (MEDIA,) * 3, "L3": (MEDIA, replace(MEDIA, rate_hz=44_100)),
              "A1": (replace(CALL, volume=1.0),), "D1": (replace(MEDIA, rate_hz=16_000),)},
    "quick": {
        **dict.fromkeys(TESTS, ()),
        "L1": (MEDIA,) * 3, "L2": (CALL,),
        "L3": (replace(MEDIA, api="java"), replace(MEDIA, rate_hz=16_000)),
        "A1": tuple(replace(CALL, volume=v) for v in (0.5, 0.75, 1.0)),
        "G1": tuple(replace(MEDIA, buffer_bursts=n) for n in (1, 2)),
        "D1": tuple(replace(MEDIA, rate_hz=r) for r in (8_000, 48_000)),
    },
}  # fmt: skip
"""Trials of each test in a run; a test without trials of its own judges those of another."""


@dataclass(frozen=True)
class BigRun:
    """Everything one run writes, in the order in which the bench writes it."""

    device: DeviceRef
    facts: DeviceFacts
    run: RunRecord
    """As it ended."""
    trials: tuple[TrialRecord, ...]
    results: tuple[TestResult, ...]

    @property
    def numbers(self) -> int:
        """Measurements it adds to the store."""
        of_tests = sum(len(result.measurements) for result in self.results)
        return of_tests + sum(len(numbers_of(trial)) for trial in self.trials)


@dataclass
class _Unit:
    """One phone on the bench."""

    ref: DeviceRef
    shift_ms: float


@dataclass
class _Model:
    """One model with its OS builds, oldest first, and the units a lab has of it."""

    builds: list[tuple[DeviceFacts, Phone]]
    units: list[_Unit]
    weight: float
    """How often it is measured."""
    is_dead: bool


def big_runs(
    models: int, runs: int, numbers: int, recordings: tuple[Recording, ...] = (), seed: int = 1
) -> Iterator[BigRun]:
    """``runs`` runs of ``models`` models with about ``numbers`` measurements, oldest first.

    Each model has a quick run, so that there is advice for all; the kinds of the others steer
    towards ``numbers``. The same arguments give the same runs.
    """
    dice = random.Random(seed)
    fleet = [_model(i, *made, dice) for i, made in enumerate(models_of(models, dice))]
    weights = [model.weight for model in fleet]
    order = [*fleet, *dice.choices(fleet, weights, k=max(runs - models, 0))][:runs]
    dice.shuffle(order)
    maker = _RunMaker(dice, recordings)
    met: set[int] = set()
    so_far = 0
    for number, model in enumerate(order):
        at = NEWEST - SPAN * (1.0 - (number + 1) / runs)
        if id(model) not in met:
            kind = "quick"
        else:
            wanted = numbers * (number + 1) / runs
            kind = "custom" if so_far > wanted else dice.choice(("custom", "paths", "smoke"))
        met.add(id(model))
        made = maker.run(model, kind, at, number / runs)
        so_far += made.numbers
        yield made


def _model(
    number: int, facts: DeviceFacts, chip: Chip, maker: Maker, dice: random.Random
) -> _Model:
    """Nature, builds and units of a model."""
    nature = dice.random()
    if nature < APPLE_SHARE:
        facts = replace(
            facts, platform=Platform.IOS, manufacturer="Apple", os_name="iOS", api_level=None,
            model=f"iPhone{10 + number % 8},{number}", marketing_name=f"iPhone {number}",
            os_version="17.5",
        )  # fmt: skip
    elif nature < APPLE_SHARE + VIRTUAL_SHARE:
        facts = replace(facts, is_virtual=True)
    elif nature < APPLE_SHARE + VIRTUAL_SHARE + EMULATOR_SHARE:
        facts = replace(facts, is_emulator=True)
    phone, builds = Phone(chip, maker, dice), []
    for update in range(dice.choices((1, 2, 3, 4), (50, 28, 15, 7))[0]):
        if update and dice.random() < 0.4:  # an update that changes the audio path
            phone = replace(phone)
            phone.round_trip_ms *= dice.choice((0.8, 0.9, 1.15, 1.35))
            phone.erle_db += dice.gauss(0.0, 6.0)
        builds.append((replace(facts, os_build=f"{facts.os_build[:200]}.{update}"), phone))
    units = [
        _Unit(
            DeviceRef(facts.platform, f"serial{number:05}{unit}", facts.marketing_name, "usb"),
            dice.gauss(0.0, 0.6),
        )
        for unit in range(dice.choices((1, 2, 3, 5), (60, 25, 10, 5))[0])
    ]
    return _Model(
        builds, units, min(dice.paretovariate(1.3), MOST_OFTEN), dice.random() < DEAD_SHARE
    )


class _RunMaker:
    """Makes the records of one run after another."""

    def __init__(self, dice: random.Random, recordings: tuple[Recording, ...]) -> None:
        self._dice = dice
        self._recordings = recordings
        self._stimulus: StimulusSpec = store_records.stimulus()
        self._benches = 0

    def run(self, model: _Model, kind: str, at: datetime, age: float) -> BigRun:
        """A run of ``kind`` that begins at ``at``; ``age`` 0..1 says which OS build it meets."""
        dice = self._dice
        facts, phone = model.builds[min(int(age * len(model.builds)), len(model.builds) - 1)]
        unit = dice.choice(model.units)
        status, reason = self._end()
        run_uuid = self._uuid()
        plan = PLANS[kind]
        trials, results = [], []
        for test_id, requests in plan.items():
            if status is not RunStatus.OK and dice.random() < 0.4:
                break
            begin = at + timedelta(seconds=20 * len(trials))
            made = self._trials(run_uuid, test_id, requests, phone, unit, model.is_dead, begin)
            trials += made
            results.append(self._result(run_uuid, test_id, phone, model.is_dead, made))
        self._benches += dice.random() < 0.3
        ended = at + timedelta(seconds=20 * len(trials) + 30)
        run = RunRecord(
            run_uuid, f"bench-{self._benches:06}", unit.ref.uid,
            kind if kind in ("smoke", "quick") else "custom", f"{hash_of(kind):064x}", status,
            reason, at, ended, TOOL,
        )  # fmt: skip
        return BigRun(unit.ref, facts, run, tuple(trials), tuple(results))

    def _end(self) -> tuple[RunStatus, str]:
        lot = self._dice.random()
        for status, reason, share in BAD_ENDS:
            if lot < share:
                return status, reason
            lot -= share
        return RunStatus.OK, ""

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def _trials(
        self, run_uuid: str, test_id: str, requests: tuple[TrialRequest, ...], phone: Phone,
        unit: _Unit, is_dead: bool, begin: datetime,
    ) -> list[TrialRecord]:  # fmt: skip
        found: list[TrialRecord] = []
        for index, request in enumerate(requests):
            attempts = 2 if self._dice.random() < 0.02 else 1
            for attempt in range(1, attempts + 1):
                fails = is_dead or self._dice.random() < 0.04 or attempt < attempts
                at = begin + timedelta(seconds=9 * len(found))
                place = {"run_uuid": run_uuid, "test_id": test_id, "index": index}
                made = self._trial(place, attempt, request, phone, unit, at, fails=fails)
                found.append(made)
        return found

    def _trial(
        self, place: dict[str, Any], attempt: int, request: TrialRequest, phone: Phone,
        unit: _Unit, at: datetime, *, fails: bool,
    ) -> TrialRecord:  # fmt: skip
        estimate, findings = self._measured(place["test_id"], request, phone, unit, fails=fails)
        of = estimate or findings
        burst, mmap = phone.chip.burst_frames, phone.bursts < 3
        stream = GrantedStream(48_000, 1, burst, sharing="shared", mmap=mmap)
        return TrialRecord(
            **place,
            trial_uuid=self._uuid(),
            request=request,
            stimulus=self._stimulus,
            report=store_records.report(
                output=stream,
                input=stream,
                reported_input_latency_ms=None,
                reported_output_latency_ms=phone.round_trip_ms * 0.4,
            ),
            recording=self._dice.choice(self._recordings) if self._recordings else None,
            estimate=estimate,
            findings=findings,
            verdict=of.verdict if of else Verdict.PASS,
            reasons=of.reasons if of else (),
            message="",
            attempt=attempt,
            started_at=at,
            duration_s=8.0,
            tool_version=TOOL,
        )

    def _measured(
        self, test_id: str, request: TrialRequest, phone: Phone, unit: _Unit, *, fails: bool
    ) -> tuple[Estimate | None, Findings | None]:
        dice = self._dice
        if test_id == "A1":
            level = -28.0 - phone.erle_db + dice.gauss(0.0, 0.6)
            return None, echo_records.findings(None if fails else level)
        if test_id == "G1":
            wrong = max(0, phone.bursts - (request.buffer_bursts or 1)) * 2
            return None, tone_records.lost() if fails else tone_records.found(wrong)
        if fails:
            reasons = (dice.choice(REJECTED),)
            return store_records.estimate(None, reasons=reasons, snr_db=dice.gauss(-8, 4)), None
        more = {"java": 38.0}.get(request.api, 0.0) + (0.0 if request.rate_hz == 48_000 else 11.0)
        more += 14.0 if request.audio_mode == "communication" else 0.0
        latency = phone.round_trip_ms + more + unit.shift_ms + dice.gauss(0.0, phone.bursts * 0.4)
        shaky = dice.random() < 0.08
        estimate = store_records.estimate(
            latency,
            uncertainty_us=dice.uniform(1.0, 30.0),
            drift_ppm=dice.gauss(0.0, 8.0),
            snr_db=dice.gauss(25.0, 6.0),
            per_chirp_ms=tuple(latency + dice.gauss(0.0, 0.02) for _ in range(8)),
            verdict=Verdict.MARGINAL if shaky else Verdict.PASS,
            reasons=("dropouts",) if shaky else (),
        )
        return estimate, None

    def _result(
        self, run_uuid: str, test_id: str, phone: Phone, is_dead: bool, trials: list[TrialRecord]
    ) -> TestResult:
        lot = self._dice.random()
        if is_dead or lot < 0.03:
            verdict = Verdict.NOT_MEASURABLE if lot < 0.02 or is_dead else Verdict.ERROR
            return TestResult(
                run_uuid, test_id, verdict, ("low_snr",), "too much noise to measure", (),
                tuple(t.trial_uuid for t in trials),
            )  # fmt: skip
        verdict = verdict_of(test_id, phone)
        reasons = {"A1": "echo_left", "A2": "aec_reported_but_ineffective", "A9": "false_speech"}
        return TestResult(
            run_uuid, test_id, verdict,
            () if verdict is Verdict.PASS else (reasons.get(test_id, "latency_high"),),
            f"{test_id}: {verdict.value} on {phone.chip.name}",
            tuple(phone.numbers(test_id)),
            tuple(t.trial_uuid for t in trials),
        )  # fmt: skip


def hash_of(text: str) -> int:
    """A number of a text that is the same in every process."""
    return int.from_bytes(text.encode().ljust(8, b"\0")[:8], "big")
