"""docs/bench.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from profiler.catalogue import SUITES, TESTS
from profiler.plan.schema import PlanTable

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bench.md").read_text("utf-8")


def test_every_key_suite_and_test_is_on_the_page() -> None:
    for key in PlanTable.model_fields:
        assert f"`{key}`" in PAGE or f"`[{key}]`" in PAGE or f"`[[{key}]]`" in PAGE, key
    for suite, tests in SUITES.items():
        assert f"| `{suite}` | {' '.join(tests)} |" in PAGE
    for test_id in TESTS:
        assert f"\n| {test_id} | " in PAGE
