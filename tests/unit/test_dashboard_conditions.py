"""Of which condition a number and its verdict are, and what was asked for in vain."""

from dataclasses import replace
from datetime import UTC, datetime

from known_models import facts as model_facts
from store_records import after, report, trial

from dashboard.views.model import echo
from dashboard.views.model.refused import refused_words
from profiler.model import (
    GrantedStream,
    KnownResult,
    Measurement,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
)

KEY = model_facts().key


def known(test_id: str, day: int, *names: str) -> KnownResult:
    numbers = tuple(Measurement(name, 20.0, "dB") for name in names)
    result = TestResult(f"run{day}", test_id, Verdict.MARGINAL, (), "said so", numbers, ("t1",))
    at = datetime(2026, 9, day, tzinfo=UTC)
    return KnownResult(model_facts(), "android:1", f"run{day}", at, "0.1.0", "1", result)


def test_a_number_of_the_loudest_volume_says_whose_verdict_stands_beside_it() -> None:
    three = [f"erle_low_db[volume={v}]" for v in ("1", "0.5", "0.75")]
    old = known("A1", 1, "erle_low_db[volume=0.3]")
    said = echo.condition([old, known("A1", 2, *three)], KEY, "A1")
    assert said == "at 100 % volume; the worst of 50, 75, 100 % decides"
    assert echo.condition([old], KEY, "A1") == "at 30 % volume"
    found = known("A1", 3, "erle_low_db[volume=as_found]")
    assert echo.condition([found], KEY, "A1") == ""
    assert echo.condition([], KEY, "A1") == ""
    assert echo.condition([known("A1", 2, *three)], replace(KEY, os_build="other"), "A1") == ""
    other = known("A2", 2, "effective_low_db[volume=0.5]", "reported_on[volume=0.5]")
    assert echo.condition([other], KEY, "A2") == "at 50 % volume"


def opened(run: str, index: int, asked: int, frames: int | None, day: int = 0) -> TrialRecord:
    stream = GrantedStream(
        rate_hz=48_000, channels=1, frames_per_burst=96, buffer_frames=frames
    )  # fmt: skip
    return trial(
        f"{run}-{index}", run_uuid=run, index=index, test_id="G1",
        request=TrialRequest(api="aaudio", duration_s=9.0, buffer_bursts=asked),
        report=report(output=stream), started_at=after(86_400.0 * day + index),
    )  # fmt: skip


def test_sizes_that_were_asked_for_in_vain_are_named_with_what_was_opened() -> None:
    stuck = [opened("b", i, n, 384, day=1) for i, n in enumerate((1, 2, 3, 4, 5))]
    assert refused_words(stuck) == "asked for 1, 2, 3 or 5 bursts, opened with 4 bursts"
    honest = [opened("a", i, n, 96 * n) for i, n in enumerate((1, 2))]
    assert refused_words(honest) == ""
    assert refused_words([*stuck, *honest]) == refused_words(stuck), "of the newest sweep"
    later = [opened("c", 0, 2, 192, day=2)]
    assert refused_words([*stuck, *later]) == ""
    assert refused_words([opened("d", 0, 1, 192)]) == "asked for 1 burst, opened with 2 bursts"
    lost = [replace(one, report=None) for one in stuck]
    assert refused_words(lost) == "", "of what nobody reported nothing is said"
    assert refused_words([replace(one, test_id="G3") for one in stuck]) == ""
