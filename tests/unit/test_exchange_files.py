"""plan.json: what was written reads back, anything else is one line."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.errors import InputError, StimulusError
from profiler.model import Geometry
from profiler.stimulus import (
    ExchangePlan,
    exchange_schedule,
    plan_from_json,
    read_plan,
    whole_train,
    write_plan,
)
from profiler.stimulus.exchange_files import plan_to_json
from profiler.stimulus.trains import render_train

PLAN = ExchangePlan(5, exchange_schedule(5, 16_000, 44_100, short=True), Geometry(0.4, 0.1), "1.0")


def test_a_plan_reads_back(tmp_path: Path) -> None:
    play_a, play_b, plan = write_plan(tmp_path / "new" / "folder", PLAN)
    assert read_plan(plan) == PLAN
    assert sorted(p.name for p in plan.parent.iterdir()) == [
        "a_play.wav",
        "b_play.wav",
        "plan.json",
    ]
    for file, rate, train, at_s in (
        (play_a, 16_000, PLAN.schedule.train_a, PLAN.schedule.at_a_s),
        (play_b, 44_100, PLAN.schedule.train_b, PLAN.schedule.at_b_s),
    ):
        samples, read_rate = soundfile.read(file, dtype="float32")
        assert (read_rate, samples.shape) == (rate, (19 * rate,))
        expected = render_train(whole_train(train, at_s, 19.0), rate)
        assert np.abs(samples - expected).max() < 1e-4


def test_the_folder_must_be_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        write_plan(tmp_path / "file", PLAN)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "other"), (("version",), 2), (("version",), None), (("seed",), "5"),
        (("seed",), True), (("tool_version",), 3), (("duration_s",), float("nan")),
        (("duration_s",), 1e400), (("duration_s",), 2.0), (("duration_s",), 10**400),
        (("distance_m",), -0.1), (("distance_m",), "0.3"), (("partner_distance_m",), 1e9),
        (("a",), []), (("a", "at_s"), []), (("a", "at_s"), "12"), (("a", "at_s"), [1.0] * 5000),
        (("a", "at_s"), [None]), (("b", "at_s"), [9.0, 3.0]), (("b", "at_s"), [float("inf")]),
        (("b", "train"), None), (("b", "train", "starts_s"), [0.0]), (("b", "stimulus_id"), "x"),
        (("a", "train", "chirp_s"), float("nan")), (("a", "train", "rate_hz"), 10**30),
        (("a", "train", "f_hi_hz"), {}), (("a", "rate_hz"), 48_000),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(path: tuple[str, ...], value: object) -> None:
    data: Any = json.loads(json.dumps(plan_to_json(PLAN)))
    where = data
    for key in path[:-1]:
        where = where[key]
    where[path[-1]] = value
    with pytest.raises(StimulusError) as caught:
        plan_from_json(data, file="plan.json")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("plan.json: ")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b" " * 1_000_001, b"1" * 5000,
     b'{"kind": "chirpbench_exchange_plan"}'],
)  # fmt: skip
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(raw)
    with pytest.raises(StimulusError):
        read_plan(tmp_path / "plan.json")


def test_a_missing_plan_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path, Path("a\0b")):
        with pytest.raises(StimulusError):
            read_plan(path)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.floats(), max_size=3), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_single_change_is_read_or_refused(data: st.DataObject) -> None:
    plan = copy.deepcopy(json.loads(json.dumps(plan_to_json(PLAN))))
    where: Any = plan
    while True:
        key = data.draw(st.sampled_from(sorted(where)))
        if isinstance(where[key], dict) and data.draw(st.booleans()):
            where = where[key]
            continue
        where[key] = data.draw(ODD)
        break
    with suppress(StimulusError):  # anything else that is raised fails the test
        plan_from_json(plan)
