"""Verification: recommended and default settings side by side in the real stack.

Opus and NetEq of libwebrtc over a network on this machine, AEC3 at the phone's own echo delay,
the phone's own part of the delay as it was measured. Nothing is judged that was not proven to be
in force.

Names are loaded when they are first used: each session is a process that imports this package,
and what only judging needs would take longer to load than the stack itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from profiler.verify.bench import StackBench
    from profiler.verify.compare import Stamp, verify, wanted_keys
    from profiler.verify.device import DeviceDelay, device_delay
    from profiler.verify.echo import EchoFacts
    from profiler.verify.extra import require
    from profiler.verify.judging import RULES, MetricRule, Proof, judged_of
    from profiler.verify.sessions import at_once
    from profiler.verify.stack import stack_settings

__all__ = [
    "RULES", "DeviceDelay", "EchoFacts", "MetricRule", "Proof", "StackBench", "Stamp", "at_once",
    "device_delay", "judged_of", "require", "stack_settings", "verify", "wanted_keys",
]  # fmt: skip
_HOMES = {
    "bench": ("StackBench",),
    "compare": ("Stamp", "verify", "wanted_keys"),
    "device": ("DeviceDelay", "device_delay"),
    "echo": ("EchoFacts",),
    "extra": ("require",),
    "judging": ("RULES", "MetricRule", "Proof", "judged_of"),
    "sessions": ("at_once",),
    "stack": ("stack_settings",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
