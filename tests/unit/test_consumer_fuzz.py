"""Exports with anything in them wrong: a check refuses or accepts, and never fails itself."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from consumer_exports import phones, write

from profiler.consumers import CONSUMERS, baresip, linphone, webrtc
from profiler.consumers.checks import Comparison, Unreadable
from profiler.model import ConsumerCheck

JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**70, 1.5, "", "x", "\x00", "\ud800", "🦄" * 50, [], [[]], {},
    {"a": {"b": []}},
)  # fmt: skip
FILES = {
    "profile": ("profile/profiles.json", "manifest.json"),
    "signal": ("signal/audio_device_config.json", "signal/models.json"),
    "android": ("android/audio_profiles.json",),
    "firebase": ("firebase/template.json", "manifest.json"),
    "openai_realtime": ("openai_realtime/sessions.json",),
    "csv": ("manifest.json",),
    "parquet": ("manifest.json",),
}
CHANGES = 25
"""Of each file."""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("fuzz"), phones()[:3])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in it."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys:
            yield value, key
            yield from places(value[key])


def changed(data: Any, dice: random.Random) -> Any:
    """A copy with one place changed, dropped, doubled or renamed."""
    made = copy.deepcopy(data)
    container, key = dice.choice(list(places(made)))
    how = dice.randrange(4)
    if how == 0:
        del container[key]
    elif how == 1 and isinstance(container, dict):
        container[dice.choice(("", "x", "\x00", "__proto__"))] = container.pop(key)
    elif how == 2 and isinstance(container, list):
        container.insert(0, copy.deepcopy(container[key]))
    else:
        container[key] = dice.choice(JUNK)
    return made


def each_change(folder: Path, name: str, seed: int) -> Iterator[Any]:
    """Changes the file again and again; at the end it is as it was."""
    path = folder / name
    before = path.read_bytes()
    data, dice = json.loads(before), random.Random(seed)
    try:
        for _ in range(CHANGES):
            made = changed(data, dice)
            path.write_text(json.dumps(made), encoding="ascii")
            yield made
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", list(FILES))
def test_checks_survive_any_change(export: Path, name: str) -> None:
    refused = 0
    for seed, file in enumerate(FILES[name]):
        for made in each_change(export, file, seed):
            checks = CONSUMERS[name](export)
            assert checks, made
            for check in checks:
                assert isinstance(check, ConsumerCheck)
                assert check.status in ("accepted", "rejected", "no_consumer")
                refused += check.status == "rejected"
    assert refused or name == "android"


def test_what_comes_before_a_session_survives_any_change(export: Path) -> None:
    for _ in each_change(export, "webrtc/sessions.json", 1):
        with contextlib.suppress(Unreadable):
            webrtc._sessions(export, Comparison("x", "y"))


def test_what_comes_before_linphone_survives_any_change(export: Path) -> None:
    for _ in each_change(export, "linphone/devices.json", 1):
        with contextlib.suppress(Unreadable):
            linphone._read_rows(export)


def test_what_comes_before_baresip_survives_any_change(export: Path) -> None:
    for _ in each_change(export, "baresip/index.json", 1):
        with contextlib.suppress(Unreadable):
            for name, values in baresip.read_index(export, "baresip/index.json").profiles.items():
                baresip._checked(export, f"baresip/{name}/config-1", values, Comparison("x", "y"))
