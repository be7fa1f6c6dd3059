"""A phone stops answering at each step of a run, with its connection open: nothing waits for ever.

The phones of one fixture run at once, each frozen at a step of its own. In the last tests a whole
fleet is a process that is really stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import adbd_phones
import android_bench as lab
import android_moments as moments
import pytest

from device_probes.android import PrivateServer
from device_probes.virtual import Clock
from device_probes.virtual.fleet_process import FleetProcess
from profiler.bench import BenchEvent, TrialProgress
from profiler.model import RunStatus, Verdict

STEPS = {**moments.BEFORE_TRIALS, **moments.IN_SECOND_TRIAL}
NEXT_STEP = ("the phone may be frozen: unplug it", "reconnect the device")


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with lab.adb_server() as running:
        yield running


class Frozen(NamedTuple):
    """A bench of frozen phones, and its continuation after they thawed."""

    stand: lab.Stand
    first: lab.Ran
    resumed: lab.Ran


@pytest.fixture(scope="module")
def frozen(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frozen]:
    folder = tmp_path_factory.mktemp("frozen")
    with lab.stand(server, folder, *STEPS, "close", "good") as stand:
        for serial, moment in {**STEPS, "close": moments.AT_CLOSE}.items():
            moment.set(stand.phones[serial], "freeze")
        first = stand.run(lab.SHORT, deadlines=lab.QUICK)
        for phone in stand.phones.values():
            phone.thaw()
        resumed = stand.run(lab.SHORT, resume=first.outcome.bench_uuid)
        stand.clear_table()
        yield Frozen(stand, first, resumed)


@pytest.mark.parametrize("step", STEPS)
def test_a_phone_that_freezes_is_given_up(frozen: Frozen, step: str) -> None:
    ran = frozen.first
    assert ran.status(step) == (RunStatus.DEVICE_LOST, "device_timeout")
    said = ran.warnings(step)
    assert len(said) == 2, "one retry, then the end"
    for text in said:
        assert text.startswith(f"{step}: ")
        assert any(words in text for words in NEXT_STEP), text
    if step in moments.BEFORE_TRIALS:
        assert ran.trials(step) == []
        return
    assert ran.counts(step) == (1, 2)
    assert ran.verdicts(step)[:2] == [  # the resumed one comes after them
        ("D1", 0, Verdict.PASS, ()),
        ("D1", 1, Verdict.ERROR, ("device_timeout",)),
    ]
    (result,) = ran.of(step).results
    assert result.text.startswith("1 of 2 trials, then device_timeout; ")


@pytest.mark.parametrize("step", STEPS)
def test_a_thawed_phone_goes_on_where_it_was_and_is_put_back(frozen: Frozen, step: str) -> None:
    ran = frozen.resumed
    assert ran.status(step) == (RunStatus.OK, "")
    missing = [("D1", 1, 3)] if step in moments.IN_SECOND_TRIAL else [("D1", 0, 1), ("D1", 1, 1)]
    assert ran.attempts(step) == missing
    assert ran.counts(step) == (2, 2)
    assert frozen.stand.changed(step) == {}


def test_the_phone_beside_them_noticed_nothing(frozen: Frozen) -> None:
    assert frozen.first.status("good") == (RunStatus.OK, "")
    assert frozen.first.warnings("good") == []
    assert frozen.stand.changed("good") == {}


def test_frozen_while_it_is_given_back_its_next_contact_restores_it(frozen: Frozen) -> None:
    stand = frozen.stand
    assert frozen.first.status("close") == (RunStatus.OK, "")
    assert frozen.first.counts("close") == (2, 2)
    assert "stay_on" in stand.changed("close")
    stand.replug("close")
    anew = stand.run(lab.SHORT, only=["close"])
    assert anew.status("close") == (RunStatus.OK, "")
    assert stand.changed("close") == {}


def test_a_phone_that_thaws_in_time_completes_its_run(
    server: PrivateServer, tmp_path: Path
) -> None:
    """It froze in the first trial; the bench tries again when it answers."""
    with lab.stand(server, tmp_path) as stand:
        stand.phone.on(moments.TRIAL_MIDDLE, "freeze")
        thaw = moments.on_warning(lambda _: stand.phone.thaw())
        ran = stand.run(lab.SHORT, then=thaw, deadlines=lab.QUICK)
        assert ran.status("A1") == (RunStatus.OK, "")
        assert ran.attempts("A1") == [("D1", 0, 1), ("D1", 0, 2), ("D1", 1, 1)]
        assert {v for *_, v, _ in ran.verdicts("A1")} == {Verdict.PASS}
        assert stand.changed("A1") == {}


# --- a fleet whose process is stopped -------------------------------------------------------------


def in_second_trial(event: BenchEvent) -> bool:
    return isinstance(event, TrialProgress) and (event.stage, event.index) == ("playing", 1)


def test_a_stopped_process_is_given_up_and_resumed_later(
    server: PrivateServer, tmp_path: Path
) -> None:
    toml = adbd_phones.fleet_toml("A1", "B1")
    with (
        FleetProcess(None, Clock(4.0), toml=toml) as fleet,
        lab.process_stand(server, tmp_path, fleet) as stand,
    ):
        pause = moments.Once(in_second_trial, lambda _: fleet.pause())
        first = stand.run(lab.ONE_TRY, then=pause, deadlines=lab.QUICK)
        fleet.resume()
        for serial in ("A1", "B1"):
            assert first.status(serial) == (RunStatus.DEVICE_LOST, "device_timeout")
            assert serial in first.of(serial).problem
        assert sum(first.counts(s)[0] for s in ("A1", "B1")) in (1, 2)
        kept = {t.trial_uuid for s in ("A1", "B1") for t in first.trials(s)}
        resumed = stand.run(lab.SHORT, resume="")
        for serial in ("A1", "B1"):
            assert resumed.status(serial) == (RunStatus.OK, "")
            assert resumed.counts(serial) == (2, 2)
            assert kept.isdisjoint(resumed.watcher.committed)
            assert stand.asked(serial, "settings get global stay_on_while_plugged_in") == "0"
            assert stand.asked(serial, "ls /data/local/tmp") == ""
            assert stand.asked(serial, "pidof org.chirpbench.probe") == ""


def test_a_process_that_was_stopped_for_a_moment_completes(
    server: PrivateServer, tmp_path: Path
) -> None:
    with (
        FleetProcess(None, Clock(math.inf), toml=adbd_phones.fleet_toml("A1")) as fleet,
        lab.process_stand(server, tmp_path, fleet) as stand,
    ):
        pause = moments.Once(lambda e: isinstance(e, TrialProgress), lambda _: fleet.pause())
        go_on = moments.on_warning(lambda _: fleet.resume())

        def then(event: BenchEvent) -> None:
            pause(event)
            go_on(event)

        ran = stand.run(lab.SHORT, then=then, deadlines=lab.QUICK)
        assert ran.status("A1") == (RunStatus.OK, "")
        assert ran.attempts("A1")[:2] == [("D1", 0, 1), ("D1", 0, 2)]
        assert stand.asked("A1", "settings get global stay_on_while_plugged_in") == "0"
