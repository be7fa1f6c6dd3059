"""Each caution: when it is given, what its line says, and when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from known_records import NOW, model, result

from profiler.model import Caution, KnownResult, ModelFacts, Verdict
from profiler.summary import KnowledgeBase

MINE = model("A1")
RELATIVE = model("A2", maker="Bcom", api_level=30)


def cautions(results: list[KnownResult], facts: ModelFacts = MINE) -> dict[str, Caution]:
    found = KnowledgeBase(results).knowledge(facts, NOW).cautions
    assert all("\n" not in c.text for c in found)
    by_code = {c.code: c for c in found}
    assert len(by_code) == len(found) or "contradictory" in by_code
    return by_code


def runs(count: int = 3, **changes: object) -> list[KnownResult]:
    """Runs that agree."""
    return [result(MINE, "L1", {"rtl_ms": (40.0, 0.5)}, **changes) for _ in range(count)]  # type: ignore[arg-type]


def test_three_fresh_runs_of_a_real_phone_that_agree_have_no_caution() -> None:
    assert cautions(runs()) == {}


def test_too_few_runs() -> None:
    found = cautions(runs(2))
    assert set(found) == {"too_few_runs"}
    assert found["too_few_runs"].text.startswith("2 runs on 1 device:")
    assert cautions(runs(1))["too_few_runs"].text.startswith("1 run on 1 device:")


def test_runs_of_relatives_do_not_make_up_for_few_of_its_own() -> None:
    others = [result(RELATIVE, "G1", {"safe_bursts": 2.0}) for _ in range(5)]
    assert cautions([*runs(1), *others])["too_few_runs"].text.startswith("1 run on 1 device:")
    assert "too_few_runs" not in cautions(others)


def test_results_of_one_run_are_one_run() -> None:
    one = [result(MINE, t, {"x_ms": 1.0}, run="r1") for t in ("L1", "L2", "G1", "A1")]
    assert "too_few_runs" in cautions(one)


def test_stale_and_partly_stale() -> None:
    assert cautions(runs(days_old=179.0)) == {}
    found = cautions(runs(days_old=181.0))
    assert set(found) == {"stale"}
    assert "2025-12-02, 181 days old" in found["stale"].text
    partly = cautions([*runs(days_old=1.0), result(MINE, "G1", {"x": 1.0}, days_old=200.0)])
    assert set(partly) == {"partly_stale"}
    assert partly["partly_stale"].test_ids == ("G1",)
    assert "G1 (2025-11-13)" in partly["partly_stale"].text


def test_results_from_the_future_are_not_stale() -> None:
    assert cautions(runs(days_old=-400.0)) == {}


def test_only_virtual_emulator_and_custom_rom() -> None:
    for field, code in (("is_virtual", "only_virtual"), ("is_emulator", "emulator")):
        facts = replace(MINE, **{field: True})
        results = [replace(r, facts=facts) for r in runs()]
        assert set(cautions(results, facts)) == {code}
        assert set(cautions(results, MINE)) == {code}  # nobody real is known
    custom = replace(MINE, is_custom_rom=True)
    assert set(cautions([replace(r, facts=custom) for r in runs()], custom)) == {"custom_rom"}
    left = cautions([replace(r, facts=custom) for r in runs()], MINE)
    assert set(left) == {"never_measured", "custom_rom_left_out"}
    assert left["custom_rom_left_out"].text.startswith("3 results of this model with a custom ROM")


def test_never_measured() -> None:
    found = cautions([])
    assert set(found) == {"never_measured"}
    assert "Acme A1" in found["never_measured"].text


def test_inherited_names_whose_numbers_they_are() -> None:
    found = cautions([replace(r, facts=RELATIVE) for r in runs()])
    assert set(found) == {"inherited"}
    assert "Bcom A2" in found["inherited"].text
    assert "another model with a SoC of the family" in found["inherited"].text
    assert found["inherited"].test_ids == ()
    many = [model(f"B{i}", maker="Bcom") for i in range(9)]
    text = cautions([result(f, "L1", {"rtl_ms": 40.0}) for f in many])["inherited"].text
    assert "and 5 more" in text


def test_verdicts_that_contradict_each_other() -> None:
    results = [*runs(2), *runs(1, verdict=Verdict.FAIL)]
    found = cautions(results)["contradictory"]
    assert found.test_ids == ("L1",)
    assert "2 × pass" in found.text
    assert "1 × fail" in found.text
    assert cautions([*runs(2), *runs(1, verdict=Verdict.MARGINAL)]) == {}


def test_values_that_contradict_each_other_are_named_with_their_test() -> None:
    def three(test_id: str, name: str, *values: float, sigma: float | None = 0.5) -> set[str]:
        results = [result(MINE, test_id, {name: (v, sigma)}, unit="u") for v in values]
        found = cautions(results)
        if "contradictory" in found:
            assert found["contradictory"].test_ids == (test_id,)
            assert f"{name} {min(values):.4g} to {max(values):.4g} u" in found["contradictory"].text
        return set(found)

    assert three("L1", "rtl_ms", 40.0, 42.0, 95.0) == {"contradictory"}
    assert three("L1", "rtl_ms", 40.0, 42.0, 45.0) == set()  # as opens differ
    assert three("L1", "rtl_ms", 40.0, 42.0, 95.0, sigma=30.0) == set()  # within their sigma
    assert three("A9", "full_duplex", 1.0, 1.0, 0.0, sigma=None) == {"contradictory"}
    assert three("A1", "erle_db[volume=0.75]", 35.0, 10.0, 34.0, sigma=None) == {"contradictory"}
    assert three("G1", "safe_bursts", 2.0, 3.0, 2.0, sigma=None) == set()
    assert three("G1", "safe_bursts", 2.0, 6.0, 2.0, sigma=None) == {"contradictory"}
    assert three("G1", "xruns[bursts=2]", 0.0, 900.0, 2.0, sigma=None) == set()  # decides nothing


def test_relatives_that_differ_do_not_contradict_each_other() -> None:
    others = [model(f"B{i}", maker="Bcom") for i in range(3)]
    results = [
        result(f, "L1", {"rtl_ms": v}, verdict=verdict)
        for f, v, verdict in zip(
            others, (40.0, 90.0, 200.0), (Verdict.PASS, Verdict.FAIL, Verdict.FAIL), strict=True
        )
    ]
    assert set(cautions(results)) == {"inherited"}


def test_not_measurable_says_why() -> None:
    results = [
        result(MINE, "L1", verdict=Verdict.NOT_MEASURABLE, reasons=("low_snr", "silent_capture"))
        for _ in range(3)
    ]
    found = cautions(results)
    assert set(found) == {"not_measurable"}
    assert "L1 (low_snr, silent_capture)" in found["not_measurable"].text
    skipped = [result(MINE, "R1", verdict=Verdict.SKIPPED) for _ in range(3)]
    assert cautions(skipped) == {}


@pytest.mark.parametrize("name", ['Say "hi"', "two\nlines", "a*b", "小米", "\x1b[31mred", "A1 G3"])
def test_hostile_names_stay_on_one_line_and_name_no_test(name: str) -> None:
    facts = model(name, maker=name)
    never = KnowledgeBase([]).knowledge(facts, NOW).cautions
    custom = replace(facts, is_custom_rom=True)
    of_rom = KnowledgeBase([result(custom, "L1")]).knowledge(custom, NOW).cautions
    sibling = KnowledgeBase([result(facts, "L1")]).knowledge(model("A1"), NOW).cautions
    for caution in (*never, *of_rom, *sibling):
        assert "\n" not in caution.text
        assert "\x1b" not in caution.text
        assert caution.test_ids == ()
