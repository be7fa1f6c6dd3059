"""What is known of a model: every step of the inheritance, and what a step costs in certainty."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_records import NOW, model, result

from profiler.model import (
    Knowledge,
    KnownResult,
    ModelFacts,
    ModelKey,
    Quantity,
    SupportLevel,
    Verdict,
)
from profiler.summary import KnowledgeBase

MINE = model("A1", build="b1")
OTHER_BUILD = model("A1", build="b0")
SAME_SOC = model("A2", maker="Bcom", api_level=30)
SAME_MAKER = model("A3", soc="MT6765", board="mt6765")
STRANGER = model("C9", maker="Cee", soc="Kirin 970", board="", api_level=29)
NEAREST_FIRST = (
    (MINE, SupportLevel.SAME_BUILD),
    (OTHER_BUILD, SupportLevel.SAME_MODEL),
    (SAME_SOC, SupportLevel.SAME_SOC),
    (SAME_MAKER, SupportLevel.SAME_MAKER),
)


def known(results: list[KnownResult], facts: ModelFacts = MINE) -> Knowledge:
    return KnowledgeBase(results).knowledge(facts, NOW)


def rtl(results: list[KnownResult], facts: ModelFacts = MINE) -> Quantity:
    found = known(results, facts).quantity("L1", "rtl_ms")
    assert found is not None
    return found


def latency(facts: ModelFacts, value_ms: float = 40.0, **changes: object) -> KnownResult:
    return result(facts, "L1", {"rtl_ms": (value_ms, 0.5)}, **changes)  # type: ignore[arg-type]


# -- levels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", range(len(NEAREST_FIRST)))
def test_the_nearest_relative_that_measured_it_answers(gone: int) -> None:
    left = NEAREST_FIRST[gone:]
    results = [latency(facts, 40.0 + i) for i, (facts, _) in enumerate(left)]
    found = known([*results, latency(STRANGER, 500.0)])
    quantity = found.quantity("L1", "rtl_ms")
    test = found.test("L1")
    assert quantity is not None
    assert test is not None
    assert (quantity.value, quantity.level) == (40.0, left[0][1])
    assert (found.level, test.level) == (left[0][1], left[0][1])
    assert found.sources == (left[0][0].key,)
    assert found.facts == MINE


def test_nobody_answers_for_a_stranger() -> None:
    found = known([latency(STRANGER)])
    assert (found.level, found.quantities, found.tests) == (SupportLevel.DEFAULT, (), ())
    assert (found.devices, found.runs, found.newest_at, found.sources) == (0, 0, None, ())
    assert [c.code for c in found.cautions] == ["never_measured"]


def test_each_test_has_a_level_of_its_own() -> None:
    found = known([
        latency(MINE),
        result(OTHER_BUILD, "G1", {"safe_bursts": 2.0}, unit="bursts"),
        result(SAME_SOC, "A9", {"full_duplex": 1.0}, unit="1"),
        result(SAME_MAKER, "L6", {"cold_start_ms[start=first]": 300.0}),
    ])  # fmt: skip
    assert {t.test_id: t.level for t in found.tests} == {
        "L1": SupportLevel.SAME_BUILD, "G1": SupportLevel.SAME_MODEL,
        "A9": SupportLevel.SAME_SOC, "L6": SupportLevel.SAME_MAKER,
    }  # fmt: skip
    assert found.level is SupportLevel.SAME_BUILD
    assert found.sources == (MINE.key, OTHER_BUILD.key, SAME_SOC.key, SAME_MAKER.key)
    (caution,) = [c for c in found.cautions if c.code == "inherited"]
    assert set(caution.test_ids) == {"G1", "A9", "L6"}


def test_farther_relatives_are_less_certain() -> None:
    widths = []
    for facts, _ in NEAREST_FIRST:
        quantity = rtl([latency(facts, 100.0)])
        assert quantity.low <= quantity.value <= quantity.high
        widths.append(quantity.high - quantity.low)
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(2 * 1.96 * 0.5, rel=0.01)
    assert widths[2] > 2 * 1.96 * 25.0  # a quarter of the value, and one model is few


def test_another_os_version_of_the_model_is_less_certain_than_another_patch_of_it() -> None:
    patch = rtl([latency(OTHER_BUILD, 100.0)])
    update = rtl([latency(replace(OTHER_BUILD, api_level=34), 100.0)])
    assert update.level is patch.level is SupportLevel.SAME_MODEL
    assert update.high - update.low > 2.5 * (patch.high - patch.low)


def test_relatives_that_differ_widen_the_interval_and_count_once_each() -> None:
    others = [model(f"A{i}", maker="Bcom") for i in (2, 3, 4)]
    values = (50.0, 150.0, 60.0)
    results = [latency(f, v) for f, v in zip(others, values, strict=True)]
    results += [latency(others[1], 151.0), latency(others[1], 152.0)]  # measured more often
    quantity = rtl(results)
    assert quantity.value == 60.0  # the median of 50, 151 and 60
    assert quantity.low < 0.5 * 50.0
    assert quantity.high > 1.2 * 152.0
    assert (quantity.results, quantity.least, quantity.worst) == (5, 50.0, 152.0)
    assert quantity.low == 0.0  # a delay


def test_a_flag_of_one_relative_is_not_believed_a_flag_of_three_is() -> None:
    def flag(*values: float) -> Quantity:
        relatives = [model(f"B{i}", maker="Bcom") for i in range(len(values))]
        found = known([
            result(f, "A9", {"full_duplex": v}, unit="1")
            for f, v in zip(relatives, values, strict=True)
        ]).quantity("A9", "full_duplex")  # fmt: skip
        assert found is not None
        return found

    assert (flag(1.0).low, flag(1.0).high) == (0.0, 1.0)
    assert (flag(1.0, 1.0, 1.0).low, flag(1.0, 1.0, 1.0).value) == (1.0, 1.0)
    mixed = flag(1.0, 0.0, 1.0, 0.0)
    assert (mixed.value, mixed.low, mixed.high) == (0.0, 0.0, 1.0)  # the cautious answer wins a tie


def test_shares_stay_between_nothing_and_all() -> None:
    quantity = known([
        result(SAME_SOC, "A9", {"max_safe_volume": 0.9}, unit="1")
    ]).quantity("A9", "max_safe_volume")  # fmt: skip
    assert quantity is not None
    assert quantity.high == 1.0
    assert 0.0 <= quantity.low <= 0.4


# -- who is a relative ----------------------------------------------------------------------------


def test_twins_with_another_soc_are_other_models() -> None:
    twin = model("A1", build="b0", soc="Exynos 2400", board="", api_level=30)
    assert known([latency(twin)]).level is SupportLevel.DEFAULT
    same_age = replace(twin, api_level=33)
    assert known([latency(same_age)]).level is SupportLevel.SAME_MAKER


def test_a_model_that_was_described_without_its_soc_is_found() -> None:
    described = replace(MINE, key=replace(MINE.key, soc="", os_build=""), board="")
    assert rtl([latency(MINE)], described).level is SupportLevel.SAME_MODEL


def test_the_maker_needs_the_same_api_level_and_system() -> None:
    assert known([latency(replace(SAME_MAKER, api_level=30))]).level is SupportLevel.DEFAULT
    fruit = replace(SAME_MAKER, os_name="iOS", api_level=33)
    assert known([latency(fruit)]).level is SupportLevel.DEFAULT
    shouted = replace(SAME_MAKER, key=replace(SAME_MAKER.key, manufacturer="ACME"))
    assert known([latency(shouted)]).level is SupportLevel.SAME_MAKER
    phone = replace(MINE, os_name="iOS", api_level=None, os_version="17.5")
    older = replace(SAME_MAKER, os_name="iOS", api_level=None, os_version="17.1")
    assert known([latency(older)], phone).level is SupportLevel.SAME_MAKER


def test_an_empty_soc_is_no_family() -> None:
    nameless = model("A1", soc="", board="", api_level=20)
    other = model("B1", maker="Bcom", soc="", board="", api_level=20)
    assert known([latency(other)], nameless).level is SupportLevel.DEFAULT


@pytest.mark.parametrize("field", ["is_virtual", "is_emulator"])
def test_a_real_relative_wins_over_a_simulation_of_the_very_build(field: str) -> None:
    simulated = replace(MINE, **{field: True})
    quantity = rtl([latency(simulated, 1.0), latency(SAME_SOC, 80.0)])
    assert (quantity.value, quantity.level) == (80.0, SupportLevel.SAME_SOC)
    alone = known([latency(simulated, 1.0)])
    assert alone.level is SupportLevel.SAME_BUILD
    assert ("only_virtual" if field == "is_virtual" else "emulator") in {
        c.code for c in alone.cautions
    }


def test_a_simulated_phone_never_hears_of_real_ones() -> None:
    simulated = replace(MINE, is_virtual=True)
    assert known([latency(MINE), latency(SAME_SOC)], simulated).level is SupportLevel.DEFAULT
    base = KnowledgeBase([latency(MINE, 40.0), latency(simulated, 1.0, days_old=0.1)])
    assert base.models() == (MINE,)
    assert base.find("A1") == MINE


@pytest.mark.parametrize("custom", [False, True])
def test_a_custom_rom_and_the_makers_build_never_answer_for_each_other(custom: bool) -> None:
    asked = replace(MINE, is_custom_rom=custom)
    other = replace(OTHER_BUILD, is_custom_rom=not custom)
    found = known([latency(other, 1.0), latency(replace(SAME_SOC, is_custom_rom=custom))], asked)
    assert found.level is SupportLevel.SAME_SOC
    codes = [c.code for c in found.cautions]
    assert "custom_rom_left_out" in codes
    assert ("custom_rom" in codes) is custom
    assert known([latency(other)], asked).level is SupportLevel.DEFAULT


# -- what is taken from whom ----------------------------------------------------------------------


def test_variants_not_tried_come_from_another_build_but_never_from_another_model() -> None:
    def bursts(facts: ModelFacts, *sizes: int, **headline: float) -> KnownResult:
        numbers = {f"glitches_per_min[bursts={n}]": 0.5 for n in sizes}
        return result(facts, "G1", {**headline, **numbers}, unit="1/min")

    found = known([
        bursts(MINE, 2),
        bursts(OTHER_BUILD, 2, 4, safe_bursts=4.0),
        bursts(SAME_SOC, 1, 2, 4, 8, safe_bursts=1.0),
    ])  # fmt: skip
    variants = found.variants("G1", "glitches_per_min")
    assert {v: q.level for v, q in variants.items()} == {
        "bursts=2": SupportLevel.SAME_BUILD,
        "bursts=4": SupportLevel.SAME_MODEL,
    }
    assert found.sources == (MINE.key, OTHER_BUILD.key)
    # That this build found no safe size is an answer: no relative's may stand in its place.
    assert found.quantity("G1", "safe_bursts") is None


def test_a_build_that_could_not_be_measured_asks_its_relatives() -> None:
    silent = result(MINE, "L1", {"opens_rejected": 6.0}, verdict=Verdict.NOT_MEASURABLE, unit="1",
                    reasons=("silent_capture",))  # fmt: skip
    found = known([silent, latency(SAME_SOC, 80.0)])
    quantity = found.quantity("L1", "rtl_ms")
    assert quantity is not None
    assert quantity.level is SupportLevel.SAME_SOC
    assert found.quantity("L1", "opens_rejected") is None
    (caution,) = [c for c in found.cautions if c.code == "not_measurable"]
    assert caution.test_ids == ("L1",)
    assert "silent_capture" in caution.text
    alone = known([silent])
    assert [(t.verdict, t.level) for t in alone.tests] == [
        (Verdict.NOT_MEASURABLE, SupportLevel.SAME_BUILD)
    ]
    assert alone.quantity("L1", "opens_rejected") is not None


def test_numbers_of_an_error_count_only_where_no_other_result_has_any() -> None:
    broken = latency(MINE, 999.0, verdict=Verdict.ERROR)
    assert rtl([broken]).value == 999.0
    assert rtl([broken, latency(MINE, 40.0)]).worst == 40.0


def test_not_finite_numbers_are_none() -> None:
    found = known([result(MINE, "L1", {"rtl_ms": float("nan"), "rtl_mad_ms": float("inf")})])
    assert found.quantities == ()


# -- several results ------------------------------------------------------------------------------


def test_each_run_counts_once_whatever_its_age_and_version() -> None:
    results = [
        latency(MINE, v, device=d, days_old=age, tool_version=version)
        for v, d, age, version in (
            (40.0, "p1", 90, "0.1.0"), (44.0, "p1", 2, "0.5.0"), (42.0, "p2", 3, "0.5.0"),
        )
    ]  # fmt: skip
    found = known(results)
    quantity = found.quantity("L1", "rtl_ms")
    assert quantity is not None
    assert (quantity.value, quantity.least, quantity.worst) == (42.0, 40.0, 44.0)
    assert (quantity.results, quantity.devices, quantity.runs) == (3, 2, 3)
    assert (found.devices, found.runs) == (2, 3)
    assert found.tool_versions == ("0.5.0", "0.1.0")
    assert (quantity.oldest_at, quantity.newest_at) == (
        results[0].recorded_at, results[1].recorded_at,
    )  # fmt: skip
    assert quantity.trial_uuids[0] == results[1].result.trial_uuids[0]  # newest first


def test_the_interval_is_the_range_of_few_and_order_statistics_of_many() -> None:
    few = rtl([latency(MINE, v) for v in (40.0, 44.0, 41.0)])
    assert (few.low, few.high) == (pytest.approx(40.0, abs=0.1), pytest.approx(44.0, abs=0.1))
    many = rtl([latency(MINE, float(v)) for v in (*range(40, 60), 500)])
    assert many.value == 50.0
    assert 44.0 <= many.low < 50.0 < many.high <= 56.0


def test_evidence_is_bounded() -> None:
    results = [
        latency(MINE, days_old=float(i), trial_uuids=tuple(f"t{i}-{n}" for n in range(15)))
        for i in range(1, 4)
    ]
    quantity = rtl(results)
    assert len(quantity.trial_uuids) == 20
    assert quantity.trial_uuids[:2] == ("t1-14", "t1-13")
    assert quantity.trial_uuids[15] == "t2-14"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("pass pass fail", Verdict.PASS),
        ("pass fail", Verdict.FAIL),
        ("pass marginal", Verdict.MARGINAL),
        ("skipped skipped not_measurable pass", Verdict.PASS),
        ("skipped error error", Verdict.ERROR),
    ],
)
def test_the_verdict_of_most(verdicts: str, expected: Verdict) -> None:
    each = [Verdict(v) for v in verdicts.split()]
    test = known([result(MINE, "L1", verdict=v) for v in each]).test("L1")
    assert test is not None
    assert test.verdict is expected
    assert sum(test.counts.values()) == len(each)


def test_models_are_sorted_and_have_their_newest_facts() -> None:
    newer = replace(MINE, marketing_name="New name")
    base = KnowledgeBase([
        latency(SAME_SOC), latency(MINE, days_old=9.0), latency(newer, days_old=1.0),
        latency(OTHER_BUILD),
    ])  # fmt: skip
    assert base.models() == (OTHER_BUILD, newer, SAME_SOC)


# -- anything at all ------------------------------------------------------------------------------

texts = st.sampled_from(["", "A", "a", 'q"*,\n', "小米", "\x00", "SM6225", "mt6765"])
keys = st.builds(ModelKey, texts, texts, texts, texts)
some_facts = st.builds(
    lambda key, board, api, flags: replace(
        MINE, key=key, board=board, api_level=api, is_virtual=flags == 1, is_emulator=flags == 2,
        is_custom_rom=flags == 3,
    ),
    keys, texts, st.sampled_from([None, 30, 33]), st.integers(0, 3),
)  # fmt: skip
numbers = st.dictionaries(
    st.sampled_from(["rtl_ms", "erle_db[volume=1]", "full_duplex", "max_safe_volume"]),
    st.tuples(st.floats(width=32), st.none() | st.floats(width=32)),
)
some_results = st.builds(
    result, some_facts, st.sampled_from(["L1", "A1", "A9"]), numbers,
    verdict=st.sampled_from(Verdict), days_old=st.floats(-10, 400),
    unit=st.sampled_from(["ms", "dB", "1", "furlong"]), device=st.sampled_from(["p", "q"]),
)  # fmt: skip


@given(st.lists(some_results, max_size=8), some_facts)
@settings(max_examples=60, deadline=None)
def test_whatever_is_stored_the_answer_is_in_order(
    results: list[KnownResult], asked: ModelFacts
) -> None:
    base = KnowledgeBase(results)
    for facts in (asked, *base.models()):
        found = base.knowledge(facts, NOW)
        assert found == base.knowledge(facts, NOW)
        for q in found.quantities:
            assert q.low <= q.value <= q.high or q.value != q.value
            assert q.least <= q.value <= q.worst
            assert q.level is not SupportLevel.DEFAULT
        assert (found.level is SupportLevel.DEFAULT) == (not found.tests)
        kinds = {(f.is_virtual, f.is_emulator) for f in base.models() if f.key in found.sources}
        assert len(kinds) <= 2
        assert len({(q.test_id, q.name) for q in found.quantities}) == len(found.quantities)
