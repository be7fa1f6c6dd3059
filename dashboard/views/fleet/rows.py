"""One row a model: what its newest OS build measured, on one path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.views.fleet import answers
from dashboard.views.fleet.answers import Answer
from dashboard.views.names import short_names
from db.overview import ModelRow, PathRow
from profiler.model import ModelKey, Platform

NAME_CHARS = 40
Family = tuple[str, str, str, bool]
"""Manufacturer, model, SoC, virtual: what a row of the fleet is."""


@dataclass(frozen=True, slots=True)
class FleetRow:
    """A model as the fleet shows it. Texts are untrusted still."""

    newest: ModelRow
    """The build measured last; every value but ``builds`` is of it."""
    shown: str
    """Its name as every page says it, with the SoC where names are alike: safe to show."""
    builds: int
    latency: PathRow | None
    """On the chosen path; ``None`` = it was not measured there."""
    echo: Answer
    barge_in: Answer
    buffer: Answer
    silent: Answer
    round_trip: Answer

    @property
    def key(self) -> ModelKey:
        """Of the newest build."""
        return self.newest.key

    @property
    def family(self) -> Family:
        """The row's identity."""
        return family_of(self.newest)

    @property
    def name(self) -> str:
        """What people call it."""
        key = self.newest.key
        return self.newest.marketing_name or f"{key.manufacturer} {key.model}"

    @property
    def system(self) -> str:
        """OS and version."""
        return f"{self.newest.os_name} {self.newest.os_version}".strip()

    @property
    def platform(self) -> Platform:
        """Kind of probe."""
        return self.newest.platform

    @property
    def median_ms(self) -> float | None:
        """On the chosen path."""
        return self.latency.median_ms if self.latency else None

    @property
    def sessions(self) -> int:
        """Opens on the chosen path, the rejected ones included."""
        return self.latency.sessions if self.latency else 0

    @property
    def rejected(self) -> int:
        """Of :attr:`sessions`."""
        return self.latency.rejected if self.latency else 0

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every question's answer."""
        return (self.round_trip, self.echo, self.barge_in, self.buffer, self.silent)


def family_of(row: ModelRow | PathRow) -> Family:
    """Which row of the fleet this is part of."""
    key = row.key
    return key.manufacturer, key.model, key.soc, row.is_virtual


def fleet_rows(models: Iterable[ModelRow], paths: Iterable[PathRow]) -> list[FleetRow]:
    """Rows in the order of the models. ``paths`` are those of one path.

    Of several rates on the path the one with the most opens is shown, of equally many the higher.
    """
    families: defaultdict[Family, list[ModelRow]] = defaultdict(list)
    for model in models:
        families[family_of(model)].append(model)
    measured: dict[tuple[ModelKey, bool], PathRow] = {}
    for path in paths:
        known = measured.get((path.key, path.is_virtual))
        if known is None or _weight(path) > _weight(known):
            measured[path.key, path.is_virtual] = path
    newest = [
        max(builds, key=lambda m: (m.last_at, m.key.os_build)) for builds in families.values()
    ]
    names = short_names(newest, builds=False, chars=NAME_CHARS)
    return [
        _row(one, name, len(builds), measured)
        for one, name, builds in zip(newest, names, families.values(), strict=True)
    ]


def _weight(path: PathRow) -> tuple[bool, int, int]:
    return path.median_ms is not None, path.sessions, path.rate_hz


def _row(
    newest: ModelRow, name: str, builds: int, measured: Mapping[tuple[ModelKey, bool], PathRow]
) -> FleetRow:
    lines = newest.headlines
    return FleetRow(
        newest=newest,
        shown=name,
        builds=builds,
        latency=measured.get((newest.key, newest.is_virtual)),
        echo=answers.echo(lines),
        barge_in=answers.barge_in(lines),
        buffer=answers.buffer(lines),
        silent=answers.silent(lines),
        round_trip=answers.latency_verdict(lines),
    )
