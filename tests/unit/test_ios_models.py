"""Which iPhone a ProductType is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from device_probes.ios.lockdown import LockdownFacts, Trust
from device_probes.ios.models import UNKNOWN, device_facts, known_models, model_of
from profiler.model import ModelKey, Platform


@pytest.mark.parametrize(
    ("product", "name", "soc"),
    [
        ("iPhone10,1", "iPhone 8", "A11 Bionic"),
        ("iPhone10,6", "iPhone X", "A11 Bionic"),
        ("iPhone11,8", "iPhone XR", "A12 Bionic"),
        ("iPhone12,8", "iPhone SE (2nd generation)", "A13 Bionic"),
        ("iPhone14,2", "iPhone 13 Pro", "A15 Bionic"),
        ("iPhone14,7", "iPhone 14", "A15 Bionic"),
        ("iPhone15,3", "iPhone 14 Pro Max", "A16 Bionic"),
        ("iPhone15,4", "iPhone 15", "A16 Bionic"),
        ("iPhone17,3", "iPhone 16", "A18"),
        ("iPhone18,4", "iPhone Air", "A19 Pro"),
    ],
)
def test_known_models(product: str, name: str, soc: str) -> None:
    assert (model_of(product).name, model_of(product).soc) == (name, soc)


def test_the_table_is_whole_from_the_iphone_8_on() -> None:
    table = known_models()
    assert len(table) >= 44
    generations = {int(p.removeprefix("iPhone").split(",")[0]) for p in table}
    assert generations == set(range(10, 20))
    assert all(m.name.startswith("iPhone ") and m.soc.startswith("A") for m in table.values())
    # One generation of numbers never goes back in SoC, and never two generations ahead.
    for product, model in table.items():
        generation = int(product.removeprefix("iPhone").split(",")[0])
        assert generation <= int(model.soc[1:3]) <= generation + 1, product


def test_the_same_name_is_always_the_same_soc() -> None:
    names: dict[str, set[str]] = {}
    for model in known_models().values():
        names.setdefault(model.name, set()).add(model.soc)
    assert all(len(socs) == 1 for socs in names.values())


@pytest.mark.parametrize("product", ["iPhone99,1", "iPad14,1", "", "iphone14,5", "../x"])
def test_a_phone_that_is_not_in_the_table_says_so(product: str) -> None:
    model = model_of(product)
    assert not model.is_known
    assert (model.name, model.soc) == (product or UNKNOWN, UNKNOWN)


def test_facts_for_the_store() -> None:
    said = LockdownFacts(
        product_type="iPhone14,5", ios_version="18.3.1", ios_build="22D72", name="Anna's iPhone",
        hardware="D17AP", udid="00008110-000A1D0E3CEB801E", trust=Trust.TRUSTED,
    )  # fmt: skip
    facts = device_facts(said, datetime(2026, 1, 1, tzinfo=UTC))
    assert facts.platform is Platform.IOS
    assert facts.model_key == ModelKey("Apple", "iPhone14,5", "A15 Bionic", "22D72")
    assert (facts.marketing_name, facts.os_name, facts.os_version) == ("iPhone 13", "iOS", "18.3.1")
    kept = repr(facts)
    assert "Anna" not in kept, "whose phone it is stays at the bench"
    assert said.udid not in kept


def test_facts_of_an_unknown_phone_carry_a_note() -> None:
    facts = device_facts(LockdownFacts(product_type="iPhone99,1"))
    assert (facts.marketing_name, facts.soc) == ("iPhone99,1", "unknown")
    assert "iPhone99,1" in facts.raw["model_note"]
