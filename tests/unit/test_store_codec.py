"""Every stored dataclass survives the trip to JSON and back; nothing else gets through."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
import store_records as make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.codec import decode, dump_json, encode
from profiler.errors import StoreError
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Estimate,
    Recording,
    RunRecord,
    StimulusSpec,
    TestResult,
    TrialRecord,
    TrialRequest,
)

STORED = (
    DeviceRef,
    DeviceFacts,
    StimulusSpec,
    TrialRequest,
    Recording,
    Estimate,
    TrialRecord,
    TestResult,
    RunRecord,
)

any_text = st.text(st.characters(exclude_categories=()), max_size=20)
# Fixed offsets: a local time that a clock change skips or repeats equals no other, not even itself.
offsets = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
aware = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC) | offsets)
st.register_type_strategy(str, any_text)
st.register_type_strategy(datetime, aware)


@pytest.mark.parametrize("cls", STORED, ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_round_trip(cls: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(cls))
    text = dump_json(encode(value))
    assert text.isascii()
    back = decode(cls, json.loads(text), where="row 1")
    assert type(back) is cls
    assert encode(back) == encode(value)
    if "NaN" not in text:
        assert back == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308])
def test_extreme_floats_survive(value: float) -> None:
    stored = json.loads(dump_json(encode(make.estimate(1.0, snr_db=value))))
    back = decode(Estimate, stored, where="x").snr_db
    assert back is not None
    assert np.float64(back).tobytes() == np.float64(value).tobytes()


def test_time_zones_become_utc() -> None:
    local = datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    back = decode(RunRecord, encode(make.run(started_at=local)), where="x").started_at
    assert back == local
    assert back.tzinfo is UTC


@pytest.mark.parametrize("path", [(), ("request",), ("estimate",), ("estimate", "quality")])
def test_every_missing_or_unknown_field_is_an_error(path: tuple[str, ...]) -> None:
    def stored() -> tuple[dict[str, Any], dict[str, Any]]:
        whole = encode(make.trial())
        part = whole
        for name in path:
            part = part[name]
        return whole, part

    for name in stored()[1]:
        whole, part = stored()
        del part[name]
        with pytest.raises(StoreError, match=rf"trial 7: stored TrialRecord.*missing: {name};"):
            decode(TrialRecord, whole, where="trial 7")
    whole, part = stored()
    part["surprise"] = 1
    with pytest.raises(StoreError, match=r"unknown: .surprise"):
        decode(TrialRecord, whole, where="trial 7")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data(), wrong=json_values)
@settings(max_examples=150, deadline=None)
def test_a_damaged_value_is_a_store_error_and_nothing_else(data: st.DataObject, wrong: Any) -> None:
    whole = encode(make.trial())
    part: Any = whole
    while True:
        key = data.draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if isinstance(part[key], (dict, list)) and part[key] and data.draw(st.booleans()):
            part = part[key]
            continue
        part[key] = wrong
        break
    try:
        back = decode(TrialRecord, whole, where="trial 7")
    except StoreError as exc:
        line = str(exc)
    else:  # it was a value of the right type after all
        line = f"trial 7: {encode(back)['trial_uuid']!r}"
    assert line.startswith("trial 7: ")
    assert "\n" not in line


@pytest.mark.parametrize("wrong", [None, 1, "text", [], [1]])
def test_something_else_than_a_record_is_an_error(wrong: Any) -> None:
    with pytest.raises(StoreError, match="damaged"):
        decode(TrialRecord, wrong, where="trial 7")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"started_at": datetime(2026, 1, 1)}, "started_at: a time with a time zone"),
        ({"index": 1.5}, "index: a whole number"),
        ({"index": True}, "index: a whole number"),
        ({"message": b"x"}, "message: text"),
        ({"verdict": "perfect"}, "verdict: .* is no Verdict"),
        ({"request": None}, "request: a TrialRequest"),
        ({"duration_s": "9"}, "duration_s: a number"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StoreError, match=complaint):
        encode(replace(make.trial(), **changes))


def test_numpy_numbers_are_numbers() -> None:
    value = make.estimate(40.0, polarity=np.int64(-1), snr_db=np.float32(0.5))
    back = decode(Estimate, json.loads(dump_json(encode(value))), where="x")
    assert (back.polarity, back.snr_db) == (-1, 0.5)
    assert type(back.polarity) is int


def test_a_field_without_a_codec_fails_loudly() -> None:
    @dataclass(frozen=True)
    class Odd:
        value: complex

    with pytest.raises((KeyError, NameError)):
        encode(Odd(1j))
