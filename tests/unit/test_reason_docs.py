"""Every reason that a verdict can carry is explained."""

from __future__ import annotations

import re
from pathlib import Path

from profiler.model import Reason

PAGE = Path(__file__).parents[2] / "docs" / "reasons.md"


def test_every_reason_has_a_line_and_no_line_is_left_over() -> None:
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    explained = {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert explained == {r.value for r in Reason}
