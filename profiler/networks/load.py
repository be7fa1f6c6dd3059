"""Network files to scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from profiler.model import NetworkPhase, NetworkScenario
from profiler.networks.schema import NetworksTable, NetworkTable
from profiler.tomlfile import find_named, read_toml, with_own

BUILT_IN = Path(__file__).parent / "networks.toml"


def load_networks(file: Path | None = None) -> dict[str, NetworkScenario]:
    """The built-in scenarios by name, and those of ``file`` after them.

    Raises :class:`PlanError` for an unreadable file, an unknown key, a wrong value, or a name
    that a built-in scenario has: a result must say which network it is of.
    """
    if file is None:
        return dict(_built_in())
    own = ((t.name, _scenario(t)) for t in read_toml(file, NetworksTable).networks)
    return with_own(_built_in(), file, "networks", own)


def find_network(name: str, networks: Mapping[str, NetworkScenario]) -> NetworkScenario:
    """A scenario by name. Raises :class:`InputError` that names the nearest ones."""
    return find_named(name, networks, "networks")


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
