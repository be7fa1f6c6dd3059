"""Presets and units on virtual iPhones whose silent ones are known: the right verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bench_fleets as fleets
import pytest
from android_bench import Ran
from ios_fleets import CALM, Table, table, trial

from profiler.bench import run_bench
from profiler.errors import ProbeRefused
from profiler.model import Reason, RunStatus, TestResult, TrialRequest, Verdict

VOICE = "coreaudio_voice_processing"
SILENT = """
[[phone.streams.silent]]
apis = ["coreaudio_voice_processing"]
rates_hz = [16000]
[[phone.streams.silent]]
presets = ["video_chat"]
"""


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Table, Ran]]:
    """Voice processing is silent at 16 kHz, and the mode videoChat everywhere."""
    with table("I1", tail=SILENT) as phones:
        yield phones, measured(phones, tmp_path_factory.mktemp("dead"), "L8", "D1")


@pytest.fixture(scope="module")
def dead(silent: tuple[Table, Ran]) -> Ran:
    return silent[1]


def measured(phones: Table, folder: Path, *tests: str) -> Ran:
    store = fleets.open_store(folder)
    plan = fleets.plan(*tests, suite="standard", volumes=(0.9,), separate_zones=True)
    watcher = fleets.Watcher()
    outcome = run_bench(plan, list(phones.drivers(CALM).values()), store, observe=watcher)
    ran = Ran(outcome, watcher, store)
    assert ran.status("I1")[0] is RunStatus.OK
    return ran


def result(ran: Ran, test_id: str) -> TestResult:
    return next(r for r in ran.of("I1").results if r.test_id == test_id)


def test_d1_names_the_units_that_are_silent_and_no_others(dead: Ran) -> None:
    found = result(dead, "D1")
    assert found.verdict is Verdict.FAIL
    assert Reason.SILENT_CAPTURE in found.reasons
    silent = {
        m.name
        for m in found.measurements
        if m.name.startswith("zero_run_ms[") and m.value > 100
    }  # fmt: skip
    call = f"mode=communication,preset=voice_communication,api={VOICE}"
    assert silent == {
        f"zero_run_ms[rate=16000,{call},effects=on]",
        "zero_run_ms[preset=video_chat]",
        f"zero_run_ms[api={VOICE},preset=video_chat,effects=on]",
    }


def test_l8_names_the_mode_that_is_silent_through_both_units(dead: Ran) -> None:
    found = result(dead, "L8")
    assert found.verdict is Verdict.FAIL
    assert f"digital silence with video_chat, video_chat with api {VOICE}" in found.text
    assert "4 presets deliver" in found.text


def test_l8_measures_each_unit_as_it_is(silent: tuple[Table, Ran]) -> None:
    phones, ran = silent
    numbers = {m.name: m.value for m in result(ran, "L8").measurements}
    truths = {
        (t.request.input_preset, t.request.api): t.latency_ms
        for t in phones.phone.phone.truths[:6]
    }  # fmt: skip
    plain = truths["voice_communication", "coreaudio_remote_io"]
    voice = truths["voice_communication", VOICE]
    assert voice - plain == pytest.approx(41.8 - 29.4, abs=0.1)
    assert numbers["rtl_ms[preset=voice_communication]"] == pytest.approx(plain, abs=0.05)
    name = f"rtl_ms[preset=voice_communication,api={VOICE}]"
    assert numbers[name] == pytest.approx(voice, abs=0.05)


@pytest.mark.parametrize(
    "changes",
    [{"input_preset": "camcorder"}, {"sharing": "exclusive"}, {"performance_mode": "none"}],
)
def test_androids_words_are_refused(changes: dict[str, str]) -> None:
    with table("I1") as made:
        driver = made.driver()
        driver.connect()
        with pytest.raises(ProbeRefused) as caught:
            trial(driver, TrialRequest(warmup_s=0.1, duration_s=0.4, **changes))  # type: ignore[arg-type]
        assert caught.value.code == "unsupported"
        report = trial(driver).report
        assert report.observed["session_mode"] == "default"
        assert {e.uuid for e in report.effects.values()} <= {""}
