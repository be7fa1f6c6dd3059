"""JSON that any parser accepts, in files that are whole or absent."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.cli.jsonlines import dumps, open_output
from profiler.errors import InputError
from profiler.model import Dropout, Verdict


@dataclass(frozen=True, slots=True)
class Sample:
    """One of each kind of value."""

    verdict: Verdict
    events: tuple[Dropout, ...]
    when: datetime
    where: Path
    value: float
    by_name: dict[str, float]


def test_every_kind_of_value() -> None:
    when = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    sample = Sample(
        Verdict.NOT_MEASURABLE,
        (Dropout(1.5, 20.0, "hole"),),
        when,
        Path("a/b"),
        math.nan,
        {"x": math.inf, "y": np.float32(0.5)},
    )
    assert json.loads(dumps(sample)) == {
        "verdict": "not_measurable",
        "events": [{"time_s": 1.5, "duration_ms": 20.0, "kind": "hole"}],
        "when": when.isoformat(),
        "where": "a/b",
        "value": None,
        "by_name": {"x": None, "y": 0.5},
    }


def refuse(constant: str) -> None:
    raise ValueError(constant)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_output_is_one_line_of_strict_json(value: object) -> None:
    line = dumps(value)
    assert "\n" not in line
    assert line.isascii()
    json.loads(line, parse_constant=refuse)


def test_numpy_numbers_stay_numbers() -> None:
    assert dumps([np.float64(1.5), np.int64(3)]) == "[1.5, 3]"


def test_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    with open_output(str(target)) as out:
        out.write("first\n")
        assert not target.exists()
    assert target.read_text() == "first\n"
    with contextlib.suppress(RuntimeError), open_output(str(target)) as out:
        out.write("half")
        raise RuntimeError
    assert target.read_text() == "first\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("target", ["missing/out.json", "."])
def test_impossible_target_is_an_input_error(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match="cannot be written"), open_output(str(tmp_path / target)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_dash_is_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with open_output("-") as out:
        out.write("line\n")
    assert capsys.readouterr().out == "line\n"
