"""The exception tree: every error is one line that says what, where and what next."""

from __future__ import annotations

import inspect

import pytest

from profiler import errors
from profiler.errors import ChirpbenchError, DeviceError, InputError, PlanError, ProbeRefused

ALL = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", ALL, ids=lambda c: c.__name__)
def test_every_error_is_in_the_tree_and_in_its_picture(kind: type[ChirpbenchError]) -> None:
    assert issubclass(kind, ChirpbenchError)
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


@pytest.mark.parametrize("kind", ALL, ids=lambda c: c.__name__)
def test_input_errors_alone_end_with_code_2(kind: type[ChirpbenchError]) -> None:
    assert kind.exit_code == (2 if issubclass(kind, InputError) else 1)


def test_message_file_and_hint_make_one_line() -> None:
    error = InputError("empty file", file="a/b.wav", hint="record it again")
    assert str(error) == "a/b.wav: empty file; record it again"
    assert (error.file, error.message, error.hint) == (
        "a/b.wav", "a/b.wav: empty file", "record it again",
    )  # fmt: skip
    assert str(InputError("no stimulus")) == "no stimulus"


def test_plan_error_names_key_value_and_what_is_allowed() -> None:
    error = PlanError(
        "not a rate", file="bench.toml", key="phone.rate_hz", value=7, allowed="8000 to 192000"
    )
    assert str(error) == ("bench.toml: phone.rate_hz: not a rate (got 7); allowed: 8000 to 192000")
    assert (error.key, error.value, error.allowed) == ("phone.rate_hz", 7, "8000 to 192000")


def test_device_errors_name_the_device() -> None:
    error = ProbeRefused("no 96 kHz", device="Pixel 7 (2A0)", code="rate", hint="use 48 kHz")
    assert str(error) == "Pixel 7 (2A0): no 96 kHz; use 48 kHz"
    assert isinstance(error, DeviceError)
    assert (error.device, error.code) == ("Pixel 7 (2A0)", "rate")
