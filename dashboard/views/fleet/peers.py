"""Which models stand out from their peers, by a rule that the page prints."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.views.fleet.rows import Family, FleetRow
from profiler.model import Platform
from profiler.summary import MARGIN_MS

FENCE = 1.5
"""Tukey 1977, Exploratory Data Analysis: beyond 1.5 interquartile ranges of a quartile."""
ENOUGH_PEERS = 8
"""Of fewer the quartiles are two models each (proposal)."""
MOSTLY = 0.5
"""Share of rejected opens from which the bench, not the phone, needs a look (proposal)."""
ENOUGH_OPENS = 4
"""Fewer rejected opens are chance (proposal)."""
SLOW, FAST, REJECTED = "slow", "fast", "rejected"
RULE = (
    f"A model **stands out** when its median lies beyond Tukey's fences of its peers: more than "
    f"{FENCE:g} interquartile ranges of the logarithm (and {MARGIN_MS:g} ms) outside their "
    f"quartiles. Peers are measured on this path on the same platform, simulated phones apart; "
    f"fewer than {ENOUGH_PEERS} peers make no fence. It also stands out when more than half of "
    f"{ENOUGH_OPENS} or more opens were rejected: then look at the bench first."
)


@dataclass(frozen=True, slots=True)
class Fence:
    """Of one group of peers, in ms."""

    low_ms: float
    high_ms: float
    peers: int


Group = tuple[Platform, bool]


def group_of(row: FleetRow) -> Group:
    """Who a model is compared with."""
    return row.platform, row.newest.is_virtual


def fences(rows: Iterable[FleetRow]) -> dict[Group, Fence]:
    """The fences of every group with enough peers, from their medians."""
    medians: defaultdict[Group, list[float]] = defaultdict(list)
    for row in rows:
        if row.median_ms is not None and row.median_ms > 0:
            medians[group_of(row)].append(row.median_ms)
    return {g: _fence(values) for g, values in medians.items() if len(values) >= ENOUGH_PEERS}


def _fence(values: list[float]) -> Fence:
    low, _, high = statistics.quantiles((math.log(v) for v in values), n=4, method="inclusive")
    reach = FENCE * (high - low)
    return Fence(
        min(math.exp(low - reach), math.exp(low) - MARGIN_MS),
        max(math.exp(high + reach), math.exp(high) + MARGIN_MS),
        len(values),
    )


def standing_out(
    rows: Iterable[FleetRow], known: Mapping[Group, Fence]
) -> dict[Family, tuple[str, ...]]:
    """Why each model stands out; those that do not are left out."""
    found = {}
    for row in rows:
        why = (*_beyond(row, known.get(group_of(row))), *_rejected(row))
        if why:
            found[row.family] = why
    return found


def _beyond(row: FleetRow, fence: Fence | None) -> tuple[str, ...]:
    if fence is None or row.median_ms is None:
        return ()
    if row.median_ms > fence.high_ms:
        return (SLOW,)
    return (FAST,) if row.median_ms < fence.low_ms else ()


def _rejected(row: FleetRow) -> tuple[str, ...]:
    mostly = row.rejected > MOSTLY * row.sessions
    return (REJECTED,) if mostly and row.sessions >= ENOUGH_OPENS else ()
