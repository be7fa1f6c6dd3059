"""From the store and the arguments to a model and to advice for it."""

from __future__ import annotations

import gc
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from known_records import NOW, model, result
from model_stores import make_store

from profiler.cli.advising import (
    advise_model,
    advise_models,
    asked_model,
    load_base,
    load_scene,
)
from profiler.cli.recommend_tables import _origin
from profiler.errors import InputError
from profiler.model import ModelKey, Platform, SupportLevel, UseCase
from profiler.summary import KnowledgeBase

PHONE = model("SM-A125F", maker="samsung", soc="MT6765", build="s/a12:12/1", board="mt6765")
TWIN = model("SM-A125F", maker="samsung", soc="exynos850", build="s/a12s:12/1", board="")


def arguments(text: str = "SM-A125F", **given: Any) -> Namespace:
    plain = {"manufacturer": None, "soc": None, "os_build": None, "api_level": None,
             "use": "call", "network": "good", "networks": None, "pipelines": None}  # fmt: skip
    return Namespace(model=text, **{**plain, **given})


def base(*facts: Any) -> KnowledgeBase:
    return KnowledgeBase([result(f, "L1", {"rtl_ms": (60.0, 0.5)}) for f in facts or (PHONE,)])


def test_a_stored_model_is_found_by_its_name() -> None:
    assert asked_model(arguments(), base()) == PHONE
    with pytest.raises(InputError, match="nearest are"):
        asked_model(arguments("SM-A135F"), base())


def test_another_build_of_a_stored_model_keeps_what_is_known_of_it() -> None:
    asked = asked_model(arguments("sm-a125f", os_build="s/a12:13/9", api_level=34), base())
    key = ModelKey("samsung", "SM-A125F", "MT6765", "s/a12:13/9")
    assert asked == replace(PHONE, key=key, api_level=34, os_version="")
    assert base().knowledge(asked, NOW).level is SupportLevel.SAME_MODEL
    same = asked_model(arguments(os_build=PHONE.key.os_build), base())
    assert same == PHONE


def test_an_unknown_soc_and_build_leave_no_slashes() -> None:
    plain = model("iPhone14,5", maker="Apple", soc="", build="")
    both = base(plain, model("iPhone14,5", maker="Apple", soc="A15", build="21A1"))
    with pytest.raises(InputError, match=r": Apple iPhone14,5; Apple iPhone14,5 / A15 / 21A1;"):
        asked_model(arguments("iPhone14,5", os_build="X"), both)
    with pytest.raises(InputError, match=r"= Apple iPhone14,5;"):
        asked_model(arguments("iPhone14,9"), base(plain))
    assert ": never" not in (shown := _origin(advise_model(arguments(), base(plain), plain, NOW)))
    assert shown.startswith("Apple iPhone14,5: from this build")


def test_twins_need_their_soc() -> None:
    both = base(PHONE, TWIN)
    with pytest.raises(InputError, match="--soc"):
        asked_model(arguments(api_level=33), both)
    assert asked_model(arguments(soc="EXYNOS850"), both) == TWIN
    other = asked_model(arguments(soc="SM6225"), both)  # a third twin that nobody measured
    assert other.key == ModelKey("samsung", "SM-A125F", "SM6225", "")
    assert both.knowledge(other, NOW).level is SupportLevel.DEFAULT


def test_a_model_that_is_not_stored_is_described() -> None:
    described = arguments("Moto Q", manufacturer="motorola", soc="MT6762", api_level=31)
    asked = asked_model(described, base())
    assert asked.key == ModelKey("motorola", "Moto Q", "MT6762", "")
    assert (asked.platform, asked.api_level, asked.is_virtual) == (Platform.ANDROID, 31, False)
    assert base().knowledge(asked, NOW).level is SupportLevel.SAME_SOC
    apple = asked_model(arguments("iPhone99,1", manufacturer="Apple", soc="A15"), base())
    assert (apple.platform, apple.os_name) == (Platform.IOS, "iOS")


def test_the_makers_spelling_is_taken_from_the_store() -> None:
    asked = asked_model(arguments("SM-A999F", manufacturer="SAMSUNG", api_level=33), base())
    assert base().knowledge(asked, NOW).level is SupportLevel.SAME_MAKER


def test_nobody_makes_a_model_without_a_manufacturer() -> None:
    with pytest.raises(InputError, match="its manufacturer is not known") as caught:
        asked_model(arguments("two\nlines\x1b[2J", soc="MT6765"), base())
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_the_scene_is_what_the_arguments_say(tmp_path: Path) -> None:
    scene = load_scene(arguments(use="music"))
    assert (scene.use, scene.network.name) == (UseCase.MUSIC, "good")
    with pytest.raises(InputError):
        load_scene(arguments(network="no such network"))
    with pytest.raises(InputError):
        load_scene(arguments(networks=str(tmp_path / "none.toml")))


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no results are stored here"):
        load_base(arguments(db=str(tmp_path / "none.db")))
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("use", [u.value for u in UseCase])
def test_advice_for_every_model_of_a_store(tmp_path: Path, use: str) -> None:
    make_store(tmp_path / "many.db", 12, seed=6)
    args = arguments(db=str(tmp_path / "many.db"), use=use)
    many = load_base(args)
    found = advise_models(args, many, many.models(), NOW)
    assert [a.facts for a in found] == [*many.models()]
    assert {a.use.value for a in found} == {use}
    assert {a.level for a in found} == {SupportLevel.SAME_BUILD}
    assert all(a.settings and a.budgets for a in found)
    assert found[0] == advise_model(args, many, many.models()[0], NOW)
    assert gc.isenabled()


def test_advice_for_a_model_that_nobody_measured(tmp_path: Path) -> None:
    make_store(tmp_path / "many.db", 12, seed=6)
    args = arguments("X1", manufacturer="Nobody", soc="no such chip", db=str(tmp_path / "many.db"))
    many = load_base(args)
    advice = advise_model(args, many, asked_model(args, many), NOW)
    assert advice.level is SupportLevel.DEFAULT
    assert "never_measured" in {c.code for c in advice.cautions}
    assert {s.level for s in advice.settings} == {SupportLevel.DEFAULT}
