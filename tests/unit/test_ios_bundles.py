"""Bundle ids of one's own: from the plan or the environment, and nothing else than bundle ids."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from device_probes.ios.answers import AppState
from device_probes.ios.bench import IosBench
from device_probes.ios.bundles import ALLOWED as RULE
from device_probes.ios.bundles import (
    PROBE_VARIABLE,
    WDA_VARIABLE,
    Bundles,
    chosen,
    is_bundle,
)
from device_probes.ios.errors import PROBE_BUNDLE, REMEDIES, WDA_BUNDLE, said
from device_probes.ios.note import Before, Notes
from profiler.cli.health import Health, ios
from profiler.errors import DeviceError, DeviceNotReady, InputError, PlanError
from profiler.model import DeviceState
from profiler.plan import BenchPlan, IosPlan, parse_plan
from tools import ios_app

MINE, RUNNER = "com.example.me.probe", "com.example.WebDriverAgentRunner.xctrunner"
GOOD = (PROBE_BUNDLE, WDA_BUNDLE, MINE, "a.b", "9.x-1", "com.Ex-ample.P-1", "a." + "b" * 153)
BAD = (
    *("probe", ".a.b", "a..b", "a.b.", "-a.b", "com.example.probe app", "com.example/probe"),
    *(
        "com.exämple.probe",
        "a.b\n",
        "a.b\x00",
        "$(id).b",
        "a.b;rm",
        "a_b.c",
        "*.b",
        "a." + "b" * 154,
    ),
)


@pytest.mark.parametrize("text", GOOD)
def test_bundle_ids_are_taken_everywhere(text: str) -> None:
    assert is_bundle(text)
    assert chosen(text, env={}).probe == text
    assert parse_plan(f'[ios]\nprobe_bundle = "{text}"'.encode()).ios.probe_bundle == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_none_is_refused_everywhere(text: str) -> None:
    assert not is_bundle(text)
    for env in ({PROBE_VARIABLE: text}, {WDA_VARIABLE: text}):
        with pytest.raises(InputError, match="no bundle id") as caught:
            chosen(env=env)
        assert next(iter(env)) in str(caught.value)
        assert "com.example.probe" in caught.value.hint
        assert RULE in caught.value.hint
    escaped = text.replace("\n", "\\n").replace("\x00", "\\u0000")
    with pytest.raises(PlanError, match=r"ios\.wda_bundle") as refused:
        parse_plan(f'[ios]\nwda_bundle = "{escaped}"'.encode())
    assert refused.value.allowed == RULE, "the plan says the same rule"


def test_the_rule_is_told_whole() -> None:
    for part in ("letters A to Z, digits and hyphens", "at least one dot", "at most 155 char"):
        assert part in RULE


def test_the_plan_wins_over_the_environment_and_that_over_ours() -> None:
    env: Mapping[str, str] = {PROBE_VARIABLE: MINE, WDA_VARIABLE: RUNNER}
    assert chosen(env={}) == Bundles(PROBE_BUNDLE, WDA_BUNDLE)
    assert chosen(env=env) == Bundles(MINE, RUNNER)
    assert chosen("a.b", env=env) == Bundles("a.b", RUNNER)
    assert chosen(env={PROBE_VARIABLE: ""}).probe == PROBE_BUNDLE


def test_xcodes_ending_of_a_runner_may_be_left_out() -> None:
    assert chosen(wda=RUNNER.removesuffix(".xctrunner"), env={}).wda == RUNNER


def test_names_of_apps_are_no_other_bench() -> None:
    plan = parse_plan(f'[ios]\nprobe_bundle = "{MINE}"'.encode(), file="")
    assert plan.ios == IosPlan(MINE)
    assert plan.sha256 == parse_plan(b"", file="").sha256
    assert BenchPlan().ios == IosPlan()


def test_doctor_says_which_apps_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", "UNIX:/nonexistent/usbmuxd")
    assert PROBE_BUNDLE not in ios().found
    monkeypatch.setenv(PROBE_VARIABLE, MINE)
    assert MINE in ios().found
    monkeypatch.setenv(PROBE_VARIABLE, "mine")
    finding = ios()
    assert finding.health is Health.WARN
    assert PROBE_VARIABLE in finding.found


def test_doctor_says_once_and_plainly_that_no_usbmuxd_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", "UNIX:/nonexistent/usbmuxd")
    finding = ios()
    assert finding.found.endswith(f"; {said(DeviceState.NO_USBMUXD)}")
    assert finding.next_step == REMEDIES[DeviceState.NO_USBMUXD]


def test_a_phone_cannot_be_released_where_no_usbmuxd_answers(tmp_path: Path) -> None:
    bench = IosBench(str(tmp_path / "none"))
    try:
        bench.start()
        with pytest.raises(DeviceNotReady) as caught:
            bench.release("00008110-000A1B2C3D4E5F60")
    finally:
        bench.close()
    assert caught.value.state == DeviceState.NO_USBMUXD
    assert "no iPhone can be seen" in caught.value.message
    assert "apt install usbmuxd" in caught.value.hint


def test_the_app_is_built_under_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert f"PRODUCT_BUNDLE_IDENTIFIER={MINE}" in ios_app.command("ABCDE12345", MINE)
    assert not any("BUNDLE" in word for word in ios_app.command("ABCDE12345"))
    for wrong in ("mine; rm", "com..x_y"):
        assert ios_app.main(["ABCDE12345", wrong]) == 2
        said = capsys.readouterr().err
        assert "no bundle id" in said
        assert RULE in said


@pytest.mark.parametrize("found", [AppState.NOT_RUNNING, AppState.FOREGROUND])
def test_a_note_is_read_as_it_was_written(tmp_path: Path, found: AppState) -> None:
    notes = Notes(tmp_path)
    assert notes.read("../../I1") is None
    notes.keep("../../I1", Before(MINE, found))
    assert [p.parent for p in tmp_path.rglob("*.json")] == [tmp_path / "iphones"]
    assert notes.read("../../I1") == Before(MINE, found)
    assert notes.read("I1") is None
    notes.forget("../../I1")
    notes.forget("../../I1")
    assert notes.read("../../I1") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"version": 2, "bundle": "a.b", "found": "foreground"}',
        '{"version": 1, "bundle": "a b", "found": "foreground"}',
        '{"version": 1, "bundle": 7, "found": "foreground"}',
        '{"version": 1, "bundle": "a.b", "found": "background"}',
        '{"version": 1, "bundle": "a.b", "found": ["foreground"]}',
        '{"version": 1, "bundle": "a.b", "found": "foreground"' + " " * 3000 + "}", "\xff",
    ],
)  # fmt: skip
def test_anything_else_is_no_note(tmp_path: Path, text: str) -> None:
    notes = Notes(tmp_path)
    notes.keep("I1", Before(MINE, AppState.FOREGROUND))
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(text.encode("latin-1"))
    assert notes.read("I1") is None


def test_a_note_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "iphones").write_text("a file")
    with pytest.raises(DeviceError, match="nothing is started") as caught:
        Notes(tmp_path).keep("I1", Before(MINE, AppState.NOT_RUNNING))
    assert "XDG_STATE_HOME" in caught.value.hint
