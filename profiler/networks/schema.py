"""The shape of a network file. Each ``description`` is what a complaint prints as allowed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from profiler.tomlfile import Table, complaint

Percent = Annotated[float, Field(ge=0.0, le=100.0)]

_NAME = "a lower-case word: a letter or digit, then at most 31 letters, digits, _ or -"
_PERCENT = "a number of 0 to 100"
_DELAY = "0 to 10000 ms"
MAX_NETWORKS = 200
MAX_PHASES = 50


class PhaseTable(Table):
    """One ``[[networks.phases]]`` entry."""

    begin_s: float = Field(default=0.0, ge=0.0, le=86_400.0, description="0 to 86400 s, rising")
    delay_ms: float = Field(default=0.0, ge=0.0, le=10_000.0, description=_DELAY)
    jitter_ms: float = Field(default=0.0, ge=0.0, le=10_000.0, description=_DELAY)
    distribution: Literal["normal", "half_normal", "pareto", "uniform"] = Field(
        default="normal", description="normal, half_normal, pareto, uniform"
    )
    correlation_percent: float = Field(
        default=0.0, ge=0.0, lt=100.0, description="a number of 0 to below 100"
    )
    loss_percent: Percent = Field(default=0.0, description=_PERCENT)
    burst_enter_percent: Percent = Field(default=0.0, description=_PERCENT)
    burst_leave_percent: float = Field(
        default=100.0, gt=0.0, le=100.0, description="a number above 0 up to 100"
    )
    duplicate_percent: Percent = Field(default=0.0, description=_PERCENT)
    reorder_percent: Percent = Field(default=0.0, description=_PERCENT)
    rate_kbps: float | None = Field(
        default=None, ge=1.0, le=10_000_000.0, description="a number from 1 on; left out: no limit"
    )
    queue_packets: int = Field(
        default=1000, ge=1, le=100_000, description="a whole number of 1 to 100000"
    )


class NetworkTable(Table):
    """One ``[[networks]]`` entry."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description=_NAME)
    title: str = Field(default="", max_length=200, description="text of at most 200 characters")
    source: str = Field(
        min_length=1,
        max_length=300,
        description="where the numbers are from, or 'proposal'; at most 300 characters",
    )
    phases: list[PhaseTable] = Field(
        min_length=1, max_length=MAX_PHASES, description=f"1 to {MAX_PHASES} tables"
    )


class NetworksTable(Table):
    """The whole file."""

    networks: list[NetworkTable] = Field(
        min_length=1, max_length=MAX_NETWORKS, description=f"1 to {MAX_NETWORKS} tables"
    )

    @model_validator(mode="after")
    def _consistent(self) -> NetworksTable:
        names: set[str] = set()
        for i, network in enumerate(self.networks):
            at = f"networks[{i}]"
            if network.name in names:
                raise complaint(f"{at}.name", "is given twice", network.name, "each name once")
            names.add(network.name)
            begins = [phase.begin_s for phase in network.phases]
            if begins[0] != 0.0:
                raise complaint(
                    f"{at}.phases[0].begin_s", "is not 0", begins[0],
                    "0: the first phase starts with the first packet",
                )  # fmt: skip
            for k in range(1, len(begins)):
                if begins[k] <= begins[k - 1]:
                    raise complaint(
                        f"{at}.phases[{k}].begin_s", "is not after the phase before", begins[k],
                        f"more than {begins[k - 1]:g}",
                    )  # fmt: skip
        return self
