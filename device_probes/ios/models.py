"""Which iPhone a ``ProductType`` is: its name and its system on chip, from ``models.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

from device_probes.codec import raw_table
from device_probes.ios.lockdown import LockdownFacts
from profiler.model import DeviceFacts, Platform

UNKNOWN = "unknown"
_PRODUCT = re.compile(r"iPhone[0-9]{1,3},[0-9]{1,3}\Z")


@dataclass(frozen=True, slots=True)
class IosModel:
    """What Apple sells a phone as."""

    name: str
    soc: str
    """Apple's name without its own, e.g. ``A15 Bionic``; ``unknown`` when it is not in the
    table."""

    @property
    def is_known(self) -> bool:
        """Whether it is in the table."""
        return self.soc != UNKNOWN


@cache
def known_models() -> dict[str, IosModel]:
    """Every ``ProductType`` of the table."""
    text = resources.files("device_probes.ios").joinpath("models.toml").read_text("utf-8")
    found: dict[str, IosModel] = {}
    for entry in tomllib.loads(text)["model"]:
        for product in entry["product_types"]:
            if product in found or not _PRODUCT.match(product):
                raise ValueError(f"models.toml: {product} is there twice, or is no ProductType")
            found[product] = IosModel(entry["name"], entry["soc"])
    return found


def model_of(product_type: str) -> IosModel:
    """The phone of this ``ProductType``; one that is not in the table keeps it as its name."""
    return known_models().get(product_type) or IosModel(product_type or UNKNOWN, UNKNOWN)


def device_facts(said: LockdownFacts, collected_at: datetime | None = None) -> DeviceFacts:
    """The facts of a phone as lockdown tells them; what only the probe knows is left empty."""
    model = model_of(said.product_type)
    raw = said.raw()
    if not model.is_known:
        raw["model_note"] = f"{said.product_type or 'this phone'} is not in chirpbench's table"
    return DeviceFacts(
        platform=Platform.IOS,
        manufacturer="Apple",
        model=said.product_type,
        marketing_name=model.name,
        soc=model.soc,
        os_name="iOS",
        os_version=said.ios_version,
        os_build=said.ios_build,
        raw=raw_table(raw),
        collected_at=collected_at,
    )
