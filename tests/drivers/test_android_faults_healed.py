"""What the driver and the bench get over by themselves: the run completes, and says what it met.

All phones of the table run in one bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import android_bench as lab
import android_moments as moments
import pytest

from device_probes.android import PrivateServer, probe_package
from device_probes.android.states import FAILURES_TO_QUARANTINE
from device_probes.virtual.adbd import VirtualAndroid
from profiler.model import RunStatus, Verdict

OURS = probe_package()
PROBE = "org.chirpbench.probe"
ALL = [("L1", 0, 1), ("L1", 1, 1), ("D1", 0, 1)]
AGAIN = [("L1", 0, 1), ("L1", 0, 2), ("L1", 1, 1), ("D1", 0, 1)]
"""The first trial was made a second time."""


class Healing(NamedTuple):
    """What is wrong, what was said on the way, and which trials were begun."""

    set_up: Callable[[VirtualAndroid], Any]
    said: tuple[str, ...] = ()
    attempts: list[tuple[str, int, int]] = ALL
    uninstalled: bool = False
    """The healing needed the other build to be removed first."""


def in_a_trial(action: str) -> Callable[[VirtualAndroid], None]:
    return lambda phone: phone.on(moments.TRIAL_MIDDLE, action)


HEALED = {
    "other_signature": Healing(
        lambda p: p.preinstall(OURS.data, signer="11" * 32, version_code=1), uninstalled=True
    ),
    "newer": Healing(
        lambda p: p.preinstall(OURS.data, version_code=OURS.version_code + 1), uninstalled=True
    ),
    "older": Healing(
        lambda p: p.preinstall(OURS.data, version_code=1, version_name="0.0.1"),
    ),
    "other_protocol": Healing(lambda p: p.preinstall(OURS.data, protocol=1)),
    "no_permission": Healing(lambda p: p.preinstall(OURS.data, granted=False)),
    "swipe": Healing(lambda p: p.lock("swipe")),
    "asleep": Healing(lambda p: p.sleep()),
    "java_crash": Healing(
        in_a_trial("crash_probe"), ("IllegalStateException: the audio server died",), AGAIN
    ),
    "native_crash": Healing(in_a_trial("crash_native"), ("signal 11 (SIGSEGV)",), AGAIN),
    "low_memory": Healing(in_a_trial("kill_probe"), ("the probe's process ended",), AGAIN),
    "crash_at_facts": Healing(
        lambda p: p.on("probe:facts", "crash_probe"), ("the probe's process ended: java",)
    ),
    "covered": Healing(
        in_a_trial("go_background"),
        ("another app is in front: com.example.caller", "leave the probe on the screen"),
        AGAIN,
    ),
    "covered_between": Healing(lambda p: p.on("shell-done:am start", "go_background")),
    "screen_off": Healing(in_a_trial("sleep"), ("the screen is off",), AGAIN),
    "loose_cable": Healing(in_a_trial("jerk"), ("check the cable",), AGAIN),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with lab.adb_server() as running:
        yield running


class Healed(NamedTuple):
    """The bench, and which phones had their probe removed before it was installed again."""

    ran: lab.Ran
    stand: lab.Stand
    removed: set[str]


@pytest.fixture(scope="module")
def healed(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healed]:
    removed: set[str] = set()
    with lab.stand(server, tmp_path_factory.mktemp("healed"), *HEALED) as stand:
        for serial, case in HEALED.items():
            phone = stand.phones[serial]
            case.set_up(phone)
            phone.on("shell:pm uninstall", lambda p: removed.add(p.serial))
        ran = stand.run(deadlines=lab.PATIENT)
        stand.clear_table()
        yield Healed(ran, stand, removed)


@pytest.mark.parametrize("name", HEALED)
def test_the_run_completes(healed: Healed, name: str) -> None:
    case, ran = HEALED[name], healed.ran
    assert ran.status(name) == (RunStatus.OK, "")
    assert ran.counts(name) == (3, 3)
    assert {verdict for *_, verdict, _ in ran.verdicts(name)} == {Verdict.PASS}
    assert ran.attempts(name) == case.attempts
    assert [name in healed.removed] == [case.uninstalled]
    said = ran.warnings(name)
    assert len(said) == len(case.said[:1]), said
    for words in case.said:
        assert words in said[0]
        assert said[0].startswith(f"{name}: ")


@pytest.mark.parametrize("name", HEALED)
def test_and_the_phone_is_left_as_it_was_found(healed: Healed, name: str) -> None:
    assert healed.stand.changed(name) == {}
    current = healed.stand.phones[name].packages.installed[PROBE]
    assert current.apk.version_code == OURS.version_code
    assert current.protocol is None


# --- what does not go away ------------------------------------------------------------------------


def test_a_probe_that_always_crashes_ends_the_run_and_three_runs_the_phones_turn(
    server: PrivateServer, tmp_path: Path
) -> None:
    with lab.stand(server, tmp_path, "bad1", "good1") as stand:
        bad = stand.phones["bad1"]
        moments.repeated(bad, moments.TRIAL_MIDDLE, "crash_probe")
        for _ in range(FAILURES_TO_QUARANTINE):
            ran = stand.run(lab.SHORT3)
            assert ran.status("bad1") == (RunStatus.ERROR, "probe_crashed")
            problem = ran.of("bad1").problem
            assert "3 errors in a row" in problem
            assert "bad1: the probe's process ended: java.lang.IllegalStateException" in problem
            assert "adb logcat" in problem
            assert [t[2:] for t in ran.verdicts("bad1")] == [
                (Verdict.ERROR, ("probe_crashed",))
            ] * 3
            assert ran.status("good1") == (RunStatus.OK, "")
            assert stand.changed("bad1") == {}
        rest = stand.run(lab.SHORT3)
        assert rest.status("bad1") == (RunStatus.ERROR, "quarantined")
        assert "release it" in rest.of("bad1").problem
        assert rest.status("good1") == (RunStatus.OK, "")
        bad.triggers.clear()
        with stand.bench() as bench:
            bench.release("bad1")
        again = stand.run(lab.SHORT3, resume=ran.outcome.bench_uuid)
        assert again.status("bad1") == (RunStatus.OK, "")
        assert again.counts("bad1") == (3, 3)


def test_a_trial_that_crashes_it_for_good_is_not_counted_and_the_others_are_made(
    server: PrivateServer, tmp_path: Path
) -> None:
    """The run is complete: a resume finds nothing to do, and counts as the run did."""
    with lab.stand(server, tmp_path) as stand:
        moments.IN_SECOND_TRIAL["trial"].set(stand.phone, "crash_probe")
        moments.Moment(moments.TRIAL_MIDDLE, 0, "probe:run", 2).set(stand.phone, "crash_probe")
        ran = stand.run()
        assert ran.status("A1") == (RunStatus.OK, "")
        assert [t[2] for t in ran.verdicts("A1")] == [Verdict.PASS, Verdict.ERROR, Verdict.PASS]
        assert "IllegalStateException" in ran.trials("A1")[1].message
        l1, d1 = ran.of("A1").results
        assert "probe_crashed" in l1.reasons
        assert d1.verdict is Verdict.PASS
        again = stand.run(resume=ran.outcome.bench_uuid)
        assert again.attempts("A1") == []
        assert ran.counts("A1") == again.counts("A1") == (2, 3)
        assert stand.changed("A1") == {}


def test_a_probe_that_is_always_covered_ends_the_run(server: PrivateServer, tmp_path: Path) -> None:
    with lab.stand(server, tmp_path, "A1") as stand:
        moments.repeated(stand.phone, moments.TRIAL_MIDDLE, "go_background")
        ran = stand.run()
        assert ran.status("A1") == (RunStatus.ERROR, "probe_background")
        assert ran.verdicts("A1") == [("L1", 0, Verdict.ERROR, ("probe_background",))]
        assert "com.example.caller" in ran.of("A1").problem
        assert "leave the probe on the screen" in ran.of("A1").problem
        assert stand.changed("A1") == {}
        stand.phone.triggers.clear()
        assert stand.run(resume="").status("A1") == (RunStatus.OK, "")


# --- a microphone that gives nothing but zeros ----------------------------------------------------


def test_a_silenced_microphone_is_not_measurable_and_nobody_fails_for_it(
    server: PrivateServer, tmp_path: Path
) -> None:
    with lab.stand(server, tmp_path) as stand:
        stand.phone.silence_mic()
        ran = stand.run()
        assert ran.status("A1") == (RunStatus.OK, "")
        assert ran.counts("A1") == (3, 3)
        assert ran.attempts("A1") == ALL, "trying again would record the same zeros"
        for trial in ran.trials("A1"):
            assert (trial.verdict, trial.reasons) == (Verdict.NOT_MEASURABLE, ("mic_silenced",))
            assert trial.recording is not None, "the evidence is kept"
            assert not stand.store.evidence.load(trial.recording).samples.any()
            assert trial.report is not None
            assert trial.report.input_silenced is True
            assert "close other apps that record" in trial.message
        for result in ran.of("A1").results:
            assert result.verdict is Verdict.NOT_MEASURABLE
            assert "mic_silenced" in result.reasons
            assert "silent_capture" not in result.reasons, "D1 blames the phone for no app's doing"
        assert stand.changed("A1") == {}


def test_silenced_for_one_trial_the_others_count(server: PrivateServer, tmp_path: Path) -> None:
    """L1 is measured on one open of two; D1's one capture is heard."""
    with lab.stand(server, tmp_path) as stand:
        stand.phone.on("probe:run", lambda p: p.silence_mic(), after=1)
        stand.phone.on("probe:run", lambda p: p.silence_mic(silent=False), after=2)
        ran = stand.run()
        assert [t[2] for t in ran.verdicts("A1")] == [
            Verdict.PASS, Verdict.NOT_MEASURABLE, Verdict.PASS
        ]  # fmt: skip
        l1, d1 = ran.of("A1").results
        assert (l1.verdict, d1.verdict) == (Verdict.MARGINAL, Verdict.PASS)
        assert "mic_silenced" in l1.reasons
        assert "1 of 2 opens" in l1.text
