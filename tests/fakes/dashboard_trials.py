"""A store with real recordings for the pages Compare, Evidence and Advice: chirps that were
analysed, eight channels with NaN, a file that is missing, one that is damaged, no recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import echo_records
import numpy as np
import store_records as records

from db.store import Store
from profiler.analysis import analyze
from profiler.model import (
    DeviceFacts,
    Estimate,
    Measurement,
    Platform,
    TrialRecord,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import make_train, render_train
from profiler.wav import Audio, mono_audio

RATE = 48_000
LATENCY_MS = 43.2
SPEC = make_train(3)
OLD, NEW = "acme/a1:13/old", "acme/a1:14/new"


def chirps(latency_ms: float = LATENCY_MS) -> Audio:
    """What a phone would record, in 16 bit."""
    shift = round(latency_ms * RATE / 1000)
    x = np.zeros(round(SPEC.duration_s * RATE) + RATE)
    played = render_train(SPEC, RATE)
    x[shift : shift + played.size] += 0.3 * played
    x += 0.001 * np.random.default_rng(1).normal(size=x.size)
    return mono_audio(np.rint(x * 32768) / 32768, RATE)


def facts(build: str = NEW, model: str = "A1", **more: object) -> DeviceFacts:
    plain = records.facts(
        model, platform=Platform.ANDROID, os_name="Android", os_version="14", api_level=34,
        os_build=build, is_virtual=False, raw={},
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def begin(store: Store, run: str, said: DeviceFacts) -> None:
    device = records.device(run)
    store.upsert_device(device, said)
    store.begin_run(records.run(run, device.uid))


def add_latency(
    store: Store, run: str, values: Sequence[float | None], *, rate_hz: int = 48_000
) -> None:
    """Sessions of L1 with their result, without recordings."""
    request = replace(records.trial().request, rate_hz=rate_hz)
    for i, value in enumerate(values):
        one = records.trial(
            f"{run}-{i}", run_uuid=run, index=i, latency_ms=value, request=request
        )  # fmt: skip
        store.add_trial(one)
    good = [v for v in values if v is not None]
    numbers = (Measurement("rtl_ms", float(np.median(good)), "ms", 0.5),) if good else ()
    store.add_test_result(
        records.result(
            run, verdict=Verdict.PASS if good else Verdict.NOT_MEASURABLE,
            measurements=numbers, trial_uuids=(f"{run}-0",),
        )
    )  # fmt: skip


def add_echo(store: Store, run: str, erle_db: float) -> None:
    """A1 and A9, as far as a page shows them."""
    for test_id, numbers in {
        "A1": (Measurement("erle_db[volume=1]", erle_db, "dB", 0.5),),
        "A9": (Measurement("full_duplex", float(erle_db > 20), "1"),),
    }.items():
        verdict = Verdict.PASS if erle_db > 20 else Verdict.FAIL
        store.add_test_result(
            records.result(run, test_id=test_id, verdict=verdict, text=f"{test_id} as measured",
                           measurements=numbers)
        )  # fmt: skip


def two_builds(path: Path, *, shift_ms: float = 9.0) -> None:
    """An OS update of one phone that made it slower by ``shift_ms``, and another phone."""
    dice = np.random.default_rng(5)
    with Store.open(path) as store:
        for run, build, model, middle, erle in (
            ("old", OLD, "A1", 40.0, 30.0),
            ("new", NEW, "A1", 40.0 + shift_ms, 12.0),
            ("other", "acme/b2:14", "B2", 60.0, 28.0),
        ):
            begin(store, run, facts(build, model))
            add_latency(store, run, [float(v) for v in dice.normal(middle, 0.6, 9)])
            add_echo(store, run, erle)


def recorded(path: Path) -> None:
    """One run whose trials have recordings of every sort, named by what they are."""
    with Store.open(path) as store:
        begin(store, "run", facts())
        audio = chirps()
        many = np.random.default_rng(2).normal(scale=0.1, size=(RATE, 8)).astype(np.float32)
        many[100, 0], many[200, 0] = np.nan, np.inf
        made = {
            "chirps": audio, "eight": Audio(many, RATE), "minute": mono_audio(
                0.1 * np.sin(np.arange(60 * RATE) / 20), RATE),
            "silent": mono_audio(np.zeros(RATE), RATE), "tiny": mono_audio(np.ones(3) / 4, RATE),
            "missing": chirps(50.0), "damaged": chirps(60.0),
        }  # fmt: skip
        for i, (name, sound) in enumerate(made.items()):
            store.add_trial(_trial(store, name, i, sound))
        store.add_trial(_echo(store, len(made)))
        store.add_trial(
            records.trial("none", run_uuid="run", index=20, latency_ms=None, estimate=None,
                          verdict=Verdict.ERROR, reasons=("device_lost",),
                          message="the phone went away")
        )  # fmt: skip
        store.add_test_result(records.result("run", trial_uuids=("chirps",)))
        again = _trial(store, "chirps", 0, audio)
        newer = replace(_estimate(audio), analysis_version="2", uncertainty_us=3.0)
        store.replace_analysis(replace(again, estimate=newer))
        root = store.evidence.root
        for name in ("missing", "damaged"):
            recording = _trial(store, name, 0, made[name]).recording
            assert recording is not None
            file = root / recording.file_name
            if name == "missing":
                file.unlink()
            else:
                file.write_bytes(file.read_bytes()[:-200] + bytes(200))


def _estimate(audio: Audio) -> Estimate:
    return analyze(audio, SPEC)


def _trial(store: Store, name: str, index: int, audio: Audio) -> TrialRecord:
    estimate = _estimate(audio) if audio.frames > 1000 and audio.channels == 1 else None
    return records.trial(
        name, run_uuid="run", index=index, stimulus=SPEC, recording=store.evidence.save(audio),
        estimate=estimate, verdict=estimate.verdict if estimate else Verdict.NOT_MEASURABLE,
        reasons=estimate.reasons if estimate else ("too_short",),
    )  # fmt: skip


def _echo(store: Store, index: int) -> TrialRecord:
    noise = np.random.default_rng(3).normal(scale=0.05, size=28 * RATE // 4)
    audio = mono_audio(np.rint(noise * 32768) / 32768, RATE)
    return records.trial(
        "echo", run_uuid="run", test_id="A1", index=index, stimulus=None, estimate=None,
        setup=TrialSetup(analysis="echo", at_s=()), recording=store.evidence.save(audio),
        findings=echo_records.findings(spans=((3.0, 4.0),)), verdict=Verdict.PASS, reasons=(),
    )  # fmt: skip
