"""That no iPhone of a bench has a passcode is said by its people: the plan, or the environment."""

from __future__ import annotations

import pytest

from device_probes.ios.passcode import VARIABLE, none_set
from profiler.errors import InputError, PlanError
from profiler.plan import IosPlan, parse_plan


def test_without_a_word_they_may_have_one() -> None:
    assert none_set(env={}) is False
    assert parse_plan(b"").ios == IosPlan()


@pytest.mark.parametrize(
    ("variable", "is_so"),
    [("1", True), ("true", True), ("True", True), ("0", False), ("false", False), ("", False)],
)
def test_the_plan_wins_over_the_environment(variable: str, is_so: bool) -> None:
    env = {VARIABLE: variable}
    assert none_set(env=env) is is_so
    assert none_set(True, env) is True
    assert none_set(False, env) is False


@pytest.mark.parametrize("variable", ["yes", "2", "no\x1b[2J", "x" * 5000])
def test_a_variable_that_is_neither_is_refused(variable: str) -> None:
    with pytest.raises(InputError, match=VARIABLE) as caught:
        none_set(env={VARIABLE: variable})
    assert "1 or true" in caught.value.hint
    assert len(str(caught.value)) < 200
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(("text", "said"), [("true", True), ("false", False)])
def test_the_plan_says_it_and_is_the_same_bench(text: str, said: bool) -> None:
    plan = parse_plan(f"[ios]\nno_passcode = {text}".encode(), file="")
    assert plan.ios == IosPlan(no_passcode=said)
    assert plan.sha256 == parse_plan(b"", file="").sha256


@pytest.mark.parametrize("text", ['"yes"', "1", '"true"', "[]"])
def test_the_plan_takes_true_and_false_only(text: str) -> None:
    with pytest.raises(PlanError, match=r"ios\.no_passcode") as caught:
        parse_plan(f"[ios]\nno_passcode = {text}".encode())
    assert caught.value.allowed == "true, false"
