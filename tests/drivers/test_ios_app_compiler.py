"""Swift's compiler and the thread sanitizer check the iOS probe's app: they find mistakes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ios_native import ios_rig as rig
from ios_swift import app_rig
from ios_swift.app_trials import LONG, PART, PLAIN, PLAYS, connected, nothing, once, refusal

from profiler.errors import ProbeRefused
from tools.swift import app

pytestmark = [pytest.mark.needs_apt(*package) for package in rig.GCC]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> app.Program:
    return app_rig.build(tmp_path_factory.mktemp("app"))


LOCKED = """        lock.lock()
        notes.append(text)
        lock.unlock()
"""


def races(folder: Path, sources: Path) -> str:
    """What the thread sanitizer says of a session with everything in it."""
    with app_rig.running(app_rig.build(folder, sources, races=True)) as running:
        with connected(running) as client:
            client.facts()

            def busy() -> None:
                client.act("route", "earpiece")
                running.happen("resume")

            client.run(replace(PART, volume=0.7), PLAYS, once(busy))
            refusal(running, client, replace(LONG, route="default"), when_playing="plug")
            with pytest.raises(ProbeRefused):
                client.run(LONG, PLAYS, once(client.cancel))
        with connected(running) as client:
            client.run(PLAIN, PLAYS, nothing)
    return running.errors


def test_no_data_race_between_host_trial_and_system(tmp_path: Path) -> None:
    assert races(tmp_path, app.APP) == ""


def test_a_lock_that_is_left_out_is_found(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(app.APP, tmp_path / "ProbeApp"))
    source = copy / "App" / "SessionEvents.swift"
    text = source.read_text("utf-8")
    assert LOCKED in text
    source.write_text(text.replace(LOCKED, "        notes.append(text)\n"), "utf-8")
    assert "ThreadSanitizer: Swift access race" in races(tmp_path, copy)


MISTAKES = {
    "a name that is not there": ("Trial.swift", "cp_duplex_look(", "cp_look(", "cp_look"),
    "an error nobody catches": ("Device.swift", "try trial.start()", "trial.start()", "try"),
    "nothing used as a text": ("Routes.swift", 'current() ?? "unknown"', "current()", "unwrapped"),
    "a result nobody uses": ("Trial.swift", "let status = cp_io", "_ = cp_io", "status"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_does_not_compile(program: app.Program, tmp_path: Path, mistake: str) -> None:
    name, before, after, said = MISTAKES[mistake]
    app.check(program, app.APP)
    copy = Path(shutil.copytree(app.APP, tmp_path / "ProbeApp"))
    source = copy / "App" / name
    text = source.read_text("utf-8")
    assert before in text
    source.write_text(text.replace(before, after), "utf-8")
    with pytest.raises(app.CompileFailed, match=said) as caught:
        app.check(program, copy)
    assert name in str(caught.value)
