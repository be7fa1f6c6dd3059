"""Virtual phones with known truth behind the real probe contract.

``load_fleet(None).drivers()`` gives one driver per phone of the packaged fleet.
"""

from device_probes.virtual.clock import Clock
from device_probes.virtual.driver import Fleet, VirtualDriver, another_draw, load_fleet
from device_probes.virtual.phone import VirtualPhone
from device_probes.virtual.truth import TrialTruth, TruthEvent

__all__ = [
    "Clock",
    "Fleet",
    "TrialTruth",
    "TruthEvent",
    "VirtualDriver",
    "VirtualPhone",
    "another_draw",
    "load_fleet",
]
