"""Which sessions of two models stand beside each other: path by path, at the same rate if any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from profiler.model import AudioPath, Comparison, SessionRow
from profiler.summary.comparison import compare

_Rates = Mapping[int, list[SessionRow]]


@dataclass(frozen=True, slots=True)
class PathComparison:
    """A against B on one path."""

    path: AudioPath
    rate_a_hz: int
    rate_b_hz: int
    """Another one than A's only where they have no rate of the path in common."""
    result: Comparison

    @property
    def caution(self) -> str:
        """What to keep in mind when the rates differ; empty when they do not."""
        if self.rate_a_hz == self.rate_b_hz:
            return ""
        return (
            f"measured at {self.rate_a_hz / 1000:g} against {self.rate_b_hz / 1000:g} kHz: a part "
            "of the shift may be the rate's, whose buffers last longer or shorter and which a "
            "phone may have to resample"
        )


def compare_by_path(
    a: Iterable[SessionRow], b: Iterable[SessionRow], *, name_a: str = "A", name_b: str = "B"
) -> list[PathComparison]:
    """One comparison for each path and rate on which both have sessions, in the order of paths.

    Phones open at their own rate. On a path where the two share none, each is taken at the rate
    with most measured sessions (of equally many the higher), and :attr:`PathComparison.caution`
    says so: what an app meets there is what is compared.
    """
    of_a, of_b = _by_path(a), _by_path(b)
    return [
        PathComparison(
            path, rate_a, rate_b,
            compare(of_a[path][rate_a], of_b[path][rate_b], name_a=name_a, name_b=name_b),
        )
        for path in sorted(of_a.keys() & of_b.keys(), key=str)
        for rate_a, rate_b in _rates(of_a[path], of_b[path])
    ]  # fmt: skip


def _rates(a: _Rates, b: _Rates) -> list[tuple[int, int]]:
    both = sorted(a.keys() & b.keys())
    return [(rate, rate) for rate in both] or [(_most(a), _most(b))]


def _most(rates: _Rates) -> int:
    return max(rates, key=lambda hz: (sum(r.latency_ms is not None for r in rates[hz]), hz))


def _by_path(rows: Iterable[SessionRow]) -> Mapping[AudioPath, _Rates]:
    groups: defaultdict[AudioPath, defaultdict[int, list[SessionRow]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in rows:
        groups[row.path][row.rate_hz].append(row)
    return groups
