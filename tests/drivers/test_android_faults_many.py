"""Sixteen phones of which four misbehave, each in its own way: the other twelve finish unharmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import android_bench as lab
import android_moments as moments
import bad_probes
import pytest

from profiler.model import RunStatus, Verdict

GOOD = {f"good{i:02d}": 20.0 + 4 * i for i in range(12)}
BAD = {
    "frozen": (RunStatus.DEVICE_LOST, "device_timeout"),
    "pulled": (RunStatus.DEVICE_LOST, "device_lost"),
    "crashes": (RunStatus.ERROR, "probe_crashed"),
    "lies": (RunStatus.ERROR, "probe_protocol"),
}


class Many(NamedTuple):
    """The bench of sixteen, and its continuation with the four healed."""

    stand: lab.Stand
    first: lab.Ran
    resumed: lab.Ran
    changed: dict[str, dict[str, tuple[object, object]]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    folder: Path = tmp_path_factory.mktemp("many")
    found = lab.of_latencies({**GOOD, **dict.fromkeys(BAD, 33.0)})
    with lab.adb_server() as server, lab.stand(server, folder, found=found) as stand:
        phones = stand.phones
        moments.IN_SECOND_TRIAL["trial"].set(phones["frozen"], "freeze")
        moments.IN_SECOND_TRIAL["fetch"].set(phones["pulled"], "unplug")
        moments.repeated(phones["crashes"], moments.TRIAL_MIDDLE, "crash_probe")
        phones["lies"].hostile_probe = bad_probes.garbage
        first = stand.run(deadlines=lab.QUICK)
        changed = {serial: stand.changed(serial) for serial in phones}
        phones["frozen"].thaw()
        phones["crashes"].triggers.clear()
        phones["lies"].hostile_probe = None
        stand.replug("pulled")
        resumed = stand.run(resume=first.outcome.bench_uuid)
        yield Many(stand, first, resumed, changed)


@pytest.mark.parametrize("serial", GOOD)
def test_a_good_phone_finishes_with_its_own_numbers_at_the_first_try(
    many: Many, serial: str
) -> None:
    ran = many.first
    assert ran.status(serial) == (RunStatus.OK, "")
    assert ran.warnings(serial) == []
    assert ran.attempts(serial) == [("L1", 0, 1), ("L1", 1, 1), ("D1", 0, 1)]
    truths = [t.latency_ms for t in many.stand.phones[serial].phone.truths]
    trials = ran.trials(serial)
    for trial, truth_ms in zip(trials[:2], truths[:2], strict=True):
        assert trial.estimate is not None
        assert trial.estimate.round_trip_latency_ms == pytest.approx(truth_ms, abs=0.5)
    assert [r.verdict for r in ran.of(serial).results] == [Verdict.MARGINAL, Verdict.PASS]
    assert many.changed[serial] == {}


@pytest.mark.parametrize("serial", BAD)
def test_a_bad_phone_has_its_own_verdict_and_completes_later(many: Many, serial: str) -> None:
    assert many.first.status(serial) == BAD[serial]
    assert f"{serial}: " in many.first.of(serial).problem
    assert many.resumed.status(serial) == (RunStatus.OK, "")
    assert many.resumed.counts(serial) == (3, 3)
    assert many.stand.changed(serial) == {}


def test_a_resume_leaves_the_good_ones_alone(many: Many) -> None:
    assert {serial: many.resumed.attempts(serial) for serial in GOOD} == {s: [] for s in GOOD}
    assert len(many.resumed.outcome.devices) == 16
