"""Pipecat (BSD): its own parameter classes take the values. Too large for the extra (half a
gigabyte with what it needs): checked where it is installed."""

from __future__ import annotations

import importlib.util
import tempfile
from importlib import metadata
from pathlib import Path

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_index, typed
from profiler.consumers.process import run_module
from profiler.model import ConsumerCheck

TARGET = "pipecat"
FILE = "pipecat/params.json"
INSTALL = "pip install pipecat-ai"
TIMEOUT_S = 60.0
GROUPS = ("VADParams", "TransportParams")


def check(folder: Path) -> list[ConsumerCheck]:
    """Make the objects of every profile and read their values back."""
    if importlib.util.find_spec("pipecat") is None:
        return [unavailable(TARGET, "Pipecat", INSTALL)]
    compared = Comparison(TARGET, f"Pipecat {metadata.version('pipecat-ai')}")
    try:
        profiles = read_index(folder, FILE).profiles
        asked = {
            name: {g: typed(values.get(g), dict, f"{FILE}: {name}: {g}") for g in GROUPS}
            for name, values in profiles.items()
        }
        with tempfile.TemporaryDirectory() as home:
            answer = run_module(
                "pipecat_child", {"profiles": asked}, home=Path(home), timeout_s=TIMEOUT_S
            )
        said = typed(answer.get("profiles"), dict, "the answer")
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    for name, groups in asked.items():
        for group, values in groups.items():
            for key, value in values.items():
                compared.same(f"{name}: {group}.{key}", value, said[name][group].get(key))
    return [compared.result(f"{len(asked)} pairs of VADParams and TransportParams made")]
