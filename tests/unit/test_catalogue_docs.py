"""docs/bench.md says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.catalogue import LIMITS, SUITES, TESTS, Limit
from profiler.plan.schema import PlanTable

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bench.md").read_text("utf-8")


@pytest.mark.parametrize("row", LIMITS.values(), ids=lambda r: f"{r.test_id}-{r.quantity}")
def test_every_limit_is_on_the_page(row: Limit) -> None:
    inside = "≤" if row.pass_includes else "<"
    beyond = "≥" if row.fail_includes else ">"
    line = (
        f"| {row.test_id} | `{row.quantity}` | {inside} {row.pass_limit:g} {row.unit} "
        f"| {beyond} {row.fail_limit:g} {row.unit} | {row.pass_source}; {row.fail_source} |"
    )
    assert line in PAGE.splitlines()


def test_every_key_suite_and_test_is_on_the_page() -> None:
    for key in PlanTable.model_fields:
        assert f"`{key}`" in PAGE or f"`[{key}]`" in PAGE or f"`[[{key}]]`" in PAGE, key
    for suite, tests in SUITES.items():
        assert f"| `{suite}` | {' '.join(tests)} |" in PAGE
    for test_id in TESTS:
        assert f"\n| {test_id} | " in PAGE
