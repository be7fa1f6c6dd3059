"""Which sessions are compared with which: the same path, and the same rate where there is one."""

from __future__ import annotations

from dataclasses import replace

import store_records as records

from profiler.model import AudioPath, Difference, SessionRow
from profiler.summary import compare
from profiler.summary.pairing import compare_by_path

CALL = AudioPath("speaker", "communication", "aaudio", "voice_communication")


def rows(latency_ms: float | None, count: int, rate_hz: int = 48_000, **more: object
         ) -> list[SessionRow]:  # fmt: skip
    made = records.session(latency_ms, rate_hz=rate_hz)
    return [replace(made, trial_uuid=f"t{i}", **more) for i in range(count)]  # type: ignore[arg-type]


def test_rates_in_common_are_compared_each_with_its_own() -> None:
    a = [*rows(40.0, 6), *rows(70.0, 9, 16_000), *rows(50.0, 6, 44_100)]
    b = [*rows(45.0, 6), *rows(70.0, 6, 16_000), *rows(50.0, 8, 96_000)]
    found = compare_by_path(a, b)
    assert [(f.rate_a_hz, f.rate_b_hz) for f in found] == [(16_000, 16_000), (48_000, 48_000)]
    assert all(f.caution == "" for f in found)
    assert found[1].result == compare(a[:6], b[:6])


def test_without_a_common_rate_the_most_measured_are_compared_with_a_caution() -> None:
    a = [*rows(None, 20, 8000), *rows(60.0, 6, 44_100)]
    b = [*rows(40.0, 6, 48_000), *rows(41.0, 2, 96_000)]
    (found,) = compare_by_path(a, b, name_a="A1", name_b="B7")
    assert (found.rate_a_hz, found.rate_b_hz) == (44_100, 48_000)
    assert found.result.difference is Difference.WORSE
    assert found.result.shift_ms == 20.0
    assert found.caution.startswith("measured at 44.1 against 48 kHz")


def test_another_path_is_never_compared() -> None:
    assert compare_by_path(rows(40.0, 6), rows(40.0, 6, path=CALL)) == []
