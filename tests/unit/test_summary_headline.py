"""One plain line per phone, and nothing in it that no test measured."""

from __future__ import annotations

from profiler.model import Measurement, TestResult, Verdict
from profiler.summary import headline


def result(test_id: str, verdict: Verdict, text: str = "", **numbers: float) -> TestResult:
    measured = tuple(
        Measurement(name.replace("_at_", "[volume=") + "]" * ("_at_" in name), value, "1")
        for name, value in numbers.items()
    )
    return TestResult("run", test_id, verdict, ("why",), text, measured, ())


def test_a_good_phone() -> None:
    line = headline(
        [
            result("L1", Verdict.PASS, rtl_ms=43.4),
            result("L2", Verdict.MARGINAL, rtl_ms=118.6),
            result("A2", Verdict.PASS, reported_on_at_1=1, effective_db_at_1=38.2),
            result("G1", Verdict.PASS, safe_bursts=3),
            result("A9", Verdict.PASS, full_duplex=1, max_safe_volume=0.6, margin_db=7),
        ]
    )
    assert line == (
        "barge-in safe up to 60 % volume; use 3 bursts of buffer; platform AEC removes 38 dB; "
        "round trip 119 ms in a call"
    )


def test_a_bad_phone() -> None:
    line = headline(
        [
            result("L1", Verdict.FAIL, rtl_ms=243.4),
            result("A2", Verdict.FAIL, reported_on_at_1=1, effective_db_at_1=2.2),
            result("G1", Verdict.FAIL),
            result("D1", Verdict.FAIL, "digital silence at 24000 Hz; and more"),
            result("A9", Verdict.FAIL, full_duplex=0),
        ]
    )
    assert line == (
        "barge-in is not safe: half duplex; no buffer that was tried is free of glitches; "
        "platform AEC claims to be on but removes 2 dB; round trip 243 ms (media); "
        "digital silence at 24000 Hz"
    )


def test_what_was_not_measured_is_not_advised() -> None:
    assert headline([]) == ""
    assert headline([result("A9", Verdict.NOT_MEASURABLE)]) == "barge-in not known (why)"
    assert headline([result("A9", Verdict.SKIPPED), result("G1", Verdict.ERROR)]) == ""
    assert headline([result("A2", Verdict.NOT_MEASURABLE, effective_db_at_1=40.0)]) == ""


def test_a_canceller_that_leaves_nothing_has_a_bound_and_one_that_is_off_says_so() -> None:
    bound = result("A2", Verdict.PASS, reported_on_at_1=1, effective_low_db_at_1=33.4)
    assert headline([bound]) == "platform AEC removes at least 33 dB"
    off = result("A2", Verdict.PASS, reported_on_at_1=0, effective_db_at_1=0.4)
    assert headline([off]) == "platform AEC is off and removes 0 dB"


def test_without_a2_the_echo_is_a1s() -> None:
    measured_echo = result("A1", Verdict.FAIL, erle_db_at_1=-0.4)
    assert headline([measured_echo]) == "0 dB of echo removed"
    bound = result("A1", Verdict.PASS, erle_low_db_at_1=31.2)
    assert headline([bound]) == "at least 31 dB of echo removed"


def test_a_value_of_a_quieter_volume_is_not_that_of_the_loudest() -> None:
    quiet = {"erle_db_at_05": 22.0, "erle_low_db_at_05": 20.0}
    both = result("A1", Verdict.PASS, **quiet, erle_low_db_at_1=41.0)
    assert headline([both]) == "at least 41 dB of echo removed at 100 % volume"
    credited = {"effective_db_at_05": 22.0, "effective_low_db_at_05": 20.0, "reported_on_at_05": 1}
    real = result(
        "A2", Verdict.PASS, **credited, reported_on_at_1=1, effective_low_db_at_1=41.0
    )  # fmt: skip
    assert headline([real]) == "platform AEC removes at least 41 dB at 100 % volume"
