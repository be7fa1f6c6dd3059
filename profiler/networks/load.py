"""Network files to scenarios."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from profiler.errors import InputError, PlanError
from profiler.model import NetworkPhase, NetworkScenario
from profiler.networks.schema import NetworksTable, NetworkTable
from profiler.tomlfile import read_toml

BUILT_IN = Path(__file__).parent / "networks.toml"


def load_networks(file: Path | None = None) -> dict[str, NetworkScenario]:
    """The built-in scenarios by name, and those of ``file`` after them.

    Raises :class:`PlanError` for an unreadable file, an unknown key, a wrong value, or a name
    that a built-in scenario has: a result must say which network it is of.
    """
    known = dict(_built_in())
    if file is None:
        return known
    for i, table in enumerate(read_toml(file, NetworksTable).networks):
        if table.name in known:
            raise PlanError(
                "is a built-in network", file=str(file), key=f"networks[{i}].name",
                value=table.name, allowed="a name other than " + ", ".join(known),
            )  # fmt: skip
        known[table.name] = _scenario(table)
    return known


def find_network(name: str, networks: Mapping[str, NetworkScenario]) -> NetworkScenario:
    """A scenario by name. Raises :class:`InputError` that names the nearest ones."""
    found = networks.get(name)
    if found is not None:
        return found
    close = difflib.get_close_matches(name[:64].lower(), networks, n=3, cutoff=0.5)
    nearest = f"did you mean {' or '.join(close)}? " if close else ""
    raise InputError(
        f"unknown network {name[:64]!r}",
        hint=f"{nearest}there are {', '.join(networks)}; own ones come with --networks FILE.toml",
    )


@cache
def _built_in() -> dict[str, NetworkScenario]:
    tables = read_toml(BUILT_IN, NetworksTable).networks
    return {table.name: _scenario(table) for table in tables}


def _scenario(table: NetworkTable) -> NetworkScenario:
    return NetworkScenario(
        name=table.name,
        title=table.title or table.name,
        phases=tuple(NetworkPhase(**phase.model_dump()) for phase in table.phases),
        source=table.source,
    )
