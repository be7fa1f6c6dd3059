"""Echo, barge-in, buffer and capture of models beside each other, differences marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import pandas as pd

from dashboard import look, text
from dashboard.views.compare import Side
from profiler.model import Verdict
from profiler.summary.cautions import DECIDING

DIFFERS: Final = "≠ "
"""Stands before a value that is another one than the baseline's."""


class Said(Protocol):
    """The newest result of one test on a model: a headline of ``db.overview``."""

    @property
    def verdict(self) -> Verdict:
        """Of the result."""

    @property
    def text(self) -> str:
        """The test's own line."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """Measurements by name."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One row: a number of a test, said in a person's words."""

    test_id: str
    label: str
    names: tuple[str, ...]
    """Of the number, the best first: one measured value, else its bound. Without one the verdict
    is the answer."""
    unit: str
    margin_of: str
    """The quantity whose margin says which differences count (profiler.summary.cautions)."""


FEATURES: Final = (
    Feature("L2", "round trip in a call", ("rtl_ms", "rtl_uncalibrated_ms"), "ms", "rtl_ms"),
    Feature("A1", "echo removed", ("erle_db", "erle_low_db"), "dB", "erle_db"),
    Feature("A2", "canceller does what the system says", (), "", ""),
    Feature("A9", "barge-in", ("max_safe_volume", "full_duplex"), "", "max_safe_volume"),
    Feature("G1", "safe output buffer", ("safe_bursts", "safe_frames"), "bursts", "safe_bursts"),
    Feature("D1", "silent capture configurations", ("configurations_silent",), "", ""),
    Feature("W1", "call in the browser", ("call_ms",), "ms", ""),
)  # fmt: skip
"""In the order in which they are read; the latency of media has charts of its own."""


_A2_WORDS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "yes", Verdict.MARGINAL: "in part", Verdict.FAIL: "no: says on, is not",
}  # fmt: skip
"""A2 asks whether a reported canceller is real; the decibels behind it are A1's own."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one model says in one row."""

    shown: str
    differs: bool
    verdict: Verdict | None
    detail: str
    """The test's own line; empty = never tested."""


@dataclass(frozen=True, slots=True)
class Row:
    """One feature over all sides."""

    label: str
    cells: tuple[Cell, ...]
    """The baseline first."""

    @property
    def differs(self) -> bool:
        """Whether any side is another one than the baseline."""
        return any(cell.differs for cell in self.cells)


def feature_rows(sides: Sequence[Side], said: Mapping[Side, Mapping[str, Said]]) -> list[Row]:
    """One row a feature that any side was tested for."""
    rows = []
    for feature in FEATURES:
        found = [said.get(side, {}).get(feature.test_id) for side in sides]
        if any(found):
            rows.append(
                Row(
                    f"{feature.label} ({feature.test_id})",
                    tuple(_cell(feature, one, found[0], i) for i, one in enumerate(found)),
                )
            )
    return rows


def _cell(feature: Feature, said: Said | None, base: Said | None, place: int) -> Cell:
    if said is None:
        return Cell("not tested", place > 0 and base is not None, None, "")
    value = _value(feature, said)
    words = " ".join(w for w in (look.VERDICT_SIGNS[said.verdict], value) if w)
    differs = place > 0 and (base is None or _differs(feature, said, base))
    return Cell(words, differs, said.verdict, text.plain(said.text, 400))


def _value(feature: Feature, said: Said) -> str:
    name, number = _number(feature, said)
    if feature.test_id == "A2":
        return _A2_WORDS.get(said.verdict, look.VERDICT_WORDS[said.verdict])
    if feature.test_id == "A9":
        return _barge_in(said)
    if number is None:
        return look.VERDICT_WORDS[said.verdict]
    if feature.test_id == "D1":
        return "none" if number == 0 else f"{number:.0f}"
    least = "≥ " if "_low_" in name else ""
    most = "up to " if "uncalibrated" in name else ""
    unit = "frames" if name == "safe_frames" else feature.unit
    digits = 0 if unit in ("bursts", "frames") else 1
    unit = unit[:-1] if digits == 0 and number == 1 else unit
    return f"{least}{most}{look.number(number, digits, unit)}"


def _barge_in(said: Said) -> str:
    full, volume = said.numbers.get("full_duplex"), said.numbers.get("max_safe_volume")
    if full is None:
        return look.VERDICT_WORDS[said.verdict]
    if not full:
        return "half duplex"
    return "safe as found" if volume is None else f"safe to {100 * volume:.0f} % volume"


def _number(feature: Feature, said: Said) -> tuple[str, float | None]:
    """The number with its name; of one measured at several volumes that of the loudest."""
    for name in feature.names:
        found = [v for n, v in said.numbers.items() if n == name or n.startswith(f"{name}[")]
        if found:
            return name, found[-1]
    return "", None


def _differs(feature: Feature, said: Said, base: Said) -> bool:
    """Another verdict, a number where there was none, or numbers further apart than two runs of
    one model may be."""
    if said.verdict is not base.verdict:
        return True
    (_, mine), (_, theirs) = _number(feature, said), _number(feature, base)
    if mine is None or theirs is None:
        return mine is not theirs
    margin = DECIDING.get((feature.test_id, feature.margin_of))
    if margin is None:
        return mine != theirs
    return abs(mine - theirs) > max(margin.amount, margin.share * max(abs(mine), abs(theirs)))


def features_frame(sides: Sequence[Side], rows: Sequence[Row]) -> pd.DataFrame:
    """A column a side; a value that differs from the baseline's begins with ``≠``."""
    return pd.DataFrame(
        [
            {
                "what": row.label,
                **{
                    side.name: f"{DIFFERS if cell.differs else ''}{cell.shown}"
                    for side, cell in zip(sides, row.cells, strict=True)
                },
            }
            for row in rows
        ],
        columns=["what", *(side.name for side in sides)],
    )


def details_frame(sides: Sequence[Side], rows: Sequence[Row]) -> pd.DataFrame:
    """The tests' own lines behind the rows that differ."""
    return pd.DataFrame(
        [
            {"what": row.label, "model": side.name, "differs": DIFFERS if cell.differs else "",
             "verdict": look.VERDICT_WORDS[cell.verdict] if cell.verdict else "not tested",
             "the test says": cell.detail}
            for row in rows
            if row.differs
            for side, cell in zip(sides, row.cells, strict=True)
        ],
        columns=["what", "model", "differs", "verdict", "the test says"],
    )  # fmt: skip
