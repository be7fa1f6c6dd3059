"""Names and colours of budgets, the same on a terminal, in a picture and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from profiler.budget.goals import DEFAULT_MOUTH_TO_EAR, MOUTH_TO_EAR
from profiler.budget.pipelines import Pipeline
from profiler.model import Budget, Goal

PART_COLORS: Final[Mapping[str, str]] = {
    "device": "#3b6ea5",
    "codec": "#7fa8d1",
    "network": "#8c8c8c",
    "network_back": "#b3b3b3",
    "vendor_network": "#5d6b6b",
    "jitter_buffer": "#c9b458",
    "vad_stop": "#e3a07a",
    "stt": "#d98b8b",
    "llm": "#b5524f",
    "tts": "#6f3b5e",
    "stt_llm_tts": "#c9736b",
    "speech_model": "#9c2f3f",
}
"""Device blue, network grey, agent red; by part name."""
OTHER_PART_COLOR: Final = "#6d5a86"


def part_name(name: str) -> str:
    """A part in words. Its name is a word of ours or of a pipelines file, which may hold a-z, 0-9
    and ``_`` only."""
    return name.replace("_", " ")


def budget_name(budget: Budget, pipelines: Mapping[str, Pipeline]) -> str:
    """What a budget is of. The pipeline's title may come from a user's file: show it as text."""
    if budget.kind == DEFAULT_MOUTH_TO_EAR:
        return "mouth to ear, stack's defaults"
    if budget.kind == MOUTH_TO_EAR and not budget.pipeline:
        return "mouth to ear"
    pipeline = pipelines.get(budget.pipeline)
    title = budget.pipeline if pipeline is None else pipeline.title
    return f"{'mouth to ear over' if budget.kind == MOUTH_TO_EAR else 'turn:'} {title}"


def goal_scope(goal: Goal) -> str:
    """3GPP's goals are the terminal's: they leave the network out."""
    return "terminal " if goal.name.startswith("3gpp") else ""
