"""A phone that says no: to a push, an install, a permission, the microphone, a locked screen.

All phones of the table run in one bench. Then a person does what each message asks for, and the
same bench is resumed: every phone has to complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import android_bench as lab
import android_moments as moments
import pytest

from device_probes.android import PrivateServer, probe_package
from device_probes.virtual.adbd import VirtualAndroid
from profiler.model import RunStatus, Verdict

PROBE = "org.chirpbench.probe"
ERROR = RunStatus.ERROR
LATER = RunStatus.CANCELLED
FREE_SPACE = "free some space on the phone"
OURS = probe_package()


class Refusal(NamedTuple):
    """What is wrong, what the bench says of it, and what a person does about it."""

    set_up: Callable[[VirtualAndroid], Any]
    status: RunStatus
    reason: str
    text: tuple[str, ...]
    """What the message contains: what happened, then the next step."""
    heal: Callable[[VirtualAndroid], Any]
    trials: tuple[tuple[str, int, Verdict, tuple[str, ...]], ...] = ()


def refused_install(reason: str, *text: str, why: str = "install_failed") -> Refusal:
    return Refusal(
        lambda p: p.refuse_installs(reason), ERROR, why, (reason, *text),
        lambda p: p.refuse_installs(None),
    )  # fmt: skip


def refused_trial(
    set_up: Callable[[VirtualAndroid], Any],
    reason: str,
    text: tuple[str, ...],
    heal: Callable[[VirtualAndroid], Any],
) -> Refusal:
    trial = ("L1", 0, Verdict.ERROR, (reason,))
    return Refusal(set_up, ERROR, reason, text, heal, (trial,))


def another_protocol(phone: VirtualAndroid) -> None:
    phone.packages.installed[PROBE].protocol = 1


def wrong_probe_for_good(phone: VirtualAndroid) -> None:
    """Whatever is installed speaks another protocol."""
    phone.preinstall(OURS.data, protocol=1)
    moments.repeated(phone, "shell-done:pm install", another_protocol)


def later(action: str | Callable[[VirtualAndroid], Any]) -> Callable[[VirtualAndroid], None]:
    """In the middle of the first trial."""
    return lambda phone: phone.on(moments.TRIAL_MIDDLE, action)


PASSED = (("L1", 0, Verdict.PASS, ()),)
REFUSALS = {
    # storage
    "full": Refusal(
        lambda p: p.fill_disk(), ERROR, "disk_full", ("storage is full", FREE_SPACE),
        lambda p: p.clear_disk(),
    ),
    "little_space": Refusal(
        lambda p: p.fill_disk(500_000), ERROR, "disk_full", ("KiB free", FREE_SPACE),
        lambda p: p.clear_disk(),
    ),
    "fills_in_push": Refusal(
        lambda p: p.on("sync:data", "fill_disk", after=40_000), ERROR, "disk_full",
        ("No space left on device", FREE_SPACE), lambda p: p.clear_disk(),
    ),
    "fills_before_install": Refusal(
        lambda p: p.on("install:verify", "fill_disk"), ERROR, "disk_full",
        ("not enough space", FREE_SPACE), lambda p: p.clear_disk(),
    ),
    # installs
    "user_restricted": refused_install(
        "INSTALL_FAILED_USER_RESTRICTED", "Install canceled by user", "“Install via USB”"
    ),
    "verifier": refused_install("INSTALL_FAILED_VERIFICATION_FAILURE", "“Verify apps over USB”"),
    "verifier_slow": refused_install("INSTALL_FAILED_VERIFICATION_TIMEOUT", "accept the dialog"),
    "aborted": refused_install("INSTALL_FAILED_ABORTED", "accept the dialog"),
    "no_storage": refused_install(
        "INSTALL_FAILED_INSUFFICIENT_STORAGE", FREE_SPACE, why="disk_full"
    ),
    "old_android": refused_install("INSTALL_FAILED_OLDER_SDK", "Android 8 or newer"),
    "other_cpu": refused_install("INSTALL_FAILED_NO_MATCHING_ABIS", "leave this phone out"),
    "new_android": refused_install("INSTALL_FAILED_DEPRECATED_SDK_VERSION", "update chirpbench"),
    "unheard_of": refused_install("INSTALL_FAILED_VENDOR_MOOD", "look at the phone's screen"),
    "not_removable": refused_install("INSTALL_FAILED_UPDATE_INCOMPATIBLE", "adb uninstall"),
    # what only a person can change
    "grant": Refusal(
        lambda p: p.refuse_grants(), ERROR, "permission",
        ("SecurityException", "“USB debugging (Security settings)”", "“Disable permission monitor"),
        lambda p: p.allow_microphone(),
    ),
    "pin": Refusal(
        lambda p: p.lock("pin"), ERROR, "device_locked",
        ("the phone is locked", "unlock the screen by hand"), lambda p: p.unlock(),
    ),
    "mic_switch": refused_trial(
        lambda p: p.switch_mic(), "permission",
        ("the microphone is switched off", "“Microphone access”"), lambda p: p.switch_mic(False),
    ),
    "other_recorder": refused_trial(
        lambda p: p.other_app_records(), "device_busy",
        ("com.example.recorder records", "close that app on the phone"),
        lambda p: p.other_app_records(None),
    ),
    "wrong_probe": Refusal(
        wrong_probe_for_good, ERROR, "probe_version",
        ("speaks protocol 1", "install the probe that belongs"), lambda p: p.triggers.clear(),
    ),
    "locked_in_run": Refusal(
        lambda p: p.on("probe:recorded", "lock"), ERROR, "device_locked",
        ("the phone is locked", "unlock the screen by hand"), lambda p: p.unlock(),
        (*PASSED, ("L1", 1, Verdict.ERROR, ("device_locked",))),
    ),
    # what passes by itself, later
    "hot": Refusal(
        lambda p: p.heat(41.0, 0), LATER, "device_hot",
        ("battery at 41.0 °C, above 40 °C", "--resume"), lambda p: p.cool(),
    ),
    "throttled": Refusal(
        lambda p: p.heat(30.0, 3), LATER, "device_hot",
        ("thermal status severe, above light", "--resume"), lambda p: p.cool(),
    ),
    "empty": Refusal(
        lambda p: p.drain(19.0), LATER, "battery_low",
        ("battery at 19 %, below 20 %", "--resume"), lambda p: p.drain(80.0),
    ),
    "hot_in_run": Refusal(
        later("heat"), LATER, "device_hot", ("battery at 47.0 °C, above 45 °C", "--resume"),
        lambda p: p.cool(), PASSED,
    ),
    "empty_in_run": Refusal(
        later("drain"), LATER, "battery_low", ("battery at 10 %, below 15 %", "--resume"),
        lambda p: p.drain(80.0), PASSED,
    ),
}  # fmt: skip


class Refused(NamedTuple):
    """The bench in which every phone says no, and its continuation."""

    first: lab.Ran
    resumed: lab.Ran
    changed: dict[str, dict[str, tuple[object, object]]]
    """After the first and before a person came."""
    changed_in_the_end: dict[str, dict[str, tuple[object, object]]]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refused]:
    folder = tmp_path_factory.mktemp("refusals")
    with lab.adb_server() as server:
        yield from _refused(server, folder)


def _refused(server: PrivateServer, folder: Any) -> Iterator[Refused]:
    with lab.stand(server, folder, *REFUSALS, "good") as stand:
        for serial, case in REFUSALS.items():
            case.set_up(stand.phones[serial])
        first = stand.run(deadlines=lab.QUICK)
        changed = {serial: stand.changed(serial) for serial in stand.phones}
        for serial, case in REFUSALS.items():
            case.heal(stand.phones[serial])
        resumed = stand.run(resume=first.outcome.bench_uuid)
        yield Refused(first, resumed, changed, {s: stand.changed(s) for s in stand.phones})


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_verdict_and_names_the_next_step(refused: Refused, name: str) -> None:
    case, ran = REFUSALS[name], refused.first
    assert ran.status(name) == (case.status, case.reason)
    problem = ran.of(name).problem
    for words in case.text:
        assert words in problem
    if case.status is ERROR:  # the gates' text comes with the device beside it
        assert problem.startswith(f"{name}: ")
    assert ran.verdicts(name)[: len(case.trials)] == list(case.trials)
    passed = sum(verdict is Verdict.PASS for _, _, verdict, _ in case.trials)
    assert ran.of(name).trials_stored == passed
    assert ran.outcome.cancelled is False


@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_is_retried_that_waits_for_a_person(refused: Refused, name: str) -> None:
    """One attempt at each trial, one line for people; a phone that was just being locked: two."""
    retried = 1 if name == "locked_in_run" else 0
    assert len(refused.first.warnings(name)) == 1 + retried
    begun = refused.first.attempts(name)
    assert len(begun) - len({key[:2] for key in begun}) == retried


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_phone_is_left_as_it_was_found(refused: Refused, name: str) -> None:
    changed = dict(refused.changed[name])
    if name == "other_recorder":  # which is none of ours
        assert changed.pop("recorders") == ((), ("com.example.recorder",))
    assert changed == {}


@pytest.mark.parametrize("name", REFUSALS)
def test_once_healed_it_completes_what_is_missing(refused: Refused, name: str) -> None:
    ran = refused.resumed
    assert ran.status(name) == (RunStatus.OK, "")
    assert ran.counts(name) == (3, 3)
    passed = [(test, i) for test, i, verdict, _ in REFUSALS[name].trials if verdict is Verdict.PASS]
    begun = [key[:2] for key in ran.attempts(name)]
    assert begun == [key for key in (("L1", 0), ("L1", 1), ("D1", 0)) if key not in passed]
    assert [r.verdict for r in ran.of(name).results] == [Verdict.MARGINAL, Verdict.PASS]
    assert refused.changed_in_the_end[name] == {}


def test_the_phone_beside_them_noticed_nothing(refused: Refused) -> None:
    assert refused.first.status("good") == (RunStatus.OK, "")
    assert refused.first.warnings("good") == []
    assert refused.changed["good"] == {}
