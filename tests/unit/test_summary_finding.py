"""From what a person types to a stored model."""

from __future__ import annotations

import pytest
from known_records import model, result

from profiler.errors import InputError
from profiler.model import ModelFacts
from profiler.summary import KnowledgeBase

PHONES = (
    model("SM-A125F", maker="samsung", soc="MT6765", build="s/a12:12/1",
          marketing_name="Galaxy A12"),
    model("SM-A127F", maker="samsung", soc="exynos850", build="s/a12s:12/1",
          marketing_name="Galaxy A12s"),
    model("Pixel 7", maker="Google", soc="Tensor G2", build="g/p7:14/1", marketing_name="Pixel 7"),
    model("Pixel 7 Pro", maker="Google", soc="Tensor G2", build="g/p7p:14/1",
          marketing_name="Pixel 7 Pro"),
)  # fmt: skip


def base(*facts: ModelFacts) -> KnowledgeBase:
    return KnowledgeBase([result(f, "L1", {"rtl_ms": 40.0}) for f in facts or PHONES])


def refused(text: str, *facts: ModelFacts) -> str:
    with pytest.raises(InputError) as caught:
        base(*facts).find(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SM-A125F", "SM-A125F"),
        ("sm-a125f ", "SM-A125F"),
        ("Galaxy A12", "SM-A125F"),
        ("samsung SM-A127F", "SM-A127F"),
        ("Pixel 7", "Pixel 7"),
        ("7 pro", "Pixel 7 Pro"),
        ("exynos", "SM-A127F"),
        ("g/p7:14/1", "Pixel 7"),
        (str(PHONES[0].key), "SM-A125F"),
    ],
)
def test_whole_names_come_before_parts(text: str, expected: str) -> None:
    assert base().find(text).key.model == expected


@pytest.mark.parametrize("text", ["SM-A126F", "Galxy A12", "galaxy a12 s", "sm a125f"])
def test_an_unknown_model_names_the_nearest(text: str) -> None:
    line = refused(text)
    assert "nearest are: " in line
    assert "Galaxy A12 = samsung SM-A125F / MT6765" in line
    assert "--manufacturer" in line


def test_a_name_like_no_other_lists_what_is_stored() -> None:
    line = refused("zzzzzzzz")
    assert "stored are: " in line
    assert line.count("samsung") == 2
    assert "chirpbench run" in refused_empty("Pixel 7")


def refused_empty(text: str) -> str:
    with pytest.raises(InputError) as caught:
        KnowledgeBase([]).find(text)
    return str(caught.value)


def test_several_models_are_named() -> None:
    assert refused("samsung").startswith("2 models fit 'samsung'; give more of one of: ")
    twins = (model("S22", soc="Exynos 2200", board=""), model("S22", soc="SM8450"))
    line = refused("S22", *twins)
    assert "Acme S22 / Exynos 2200" in line
    assert base(*twins).find("acme s22 / sm8450").key.soc == "SM8450"


@pytest.mark.parametrize("text", ["", "   ", "\x00"])
def test_nothing_fits_an_empty_text(text: str) -> None:
    assert refused(text)


def test_of_several_builds_the_one_measured_last() -> None:
    old, new = model(build="b9"), model(build="b1")
    results = [result(old, "L1", days_old=30.0), result(new, "L1", days_old=3.0)]
    assert KnowledgeBase(results).find("A1") == new
    assert KnowledgeBase(results[::-1]).find("A1") == new
    assert KnowledgeBase(results).find("b9") == old


@pytest.mark.parametrize(
    "name",
    ['Say "hi"', "it's", "a,b;c", "star*", "*", "two\nlines", "小米 14", "Ünï", "🎧", "=1+1",
     " pad ", "x" * 300, "\\d+(", "%s{0}"],
)  # fmt: skip
def test_hostile_names_are_found_and_shown_as_text(name: str) -> None:
    hostile = model(name, marketing_name=f"Phone {name}")
    assert base(hostile, PHONES[0]).find(name) == hostile
    assert base(hostile, PHONES[0]).find(f"Phone {name}") == hostile
    assert refused("no such phone at all", hostile)
