"""Budgets: mouth to ear and an agent's turn, from measured parts, against published goals.

:func:`mouth_to_ear` is F7, :func:`turn` F8 of docs/recommend.md. Pure: equal input gives equal
output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.budget.device import COMMUNICATION_PATH, Values, device_part
from profiler.budget.goals import DEFAULT_MOUTH_TO_EAR, GOALS, MOUTH_TO_EAR, TURN, GoalRow, held
from profiler.budget.known import DID_NOT_TELL, WOULD_TELL, Known, family
from profiler.budget.parts import (
    CLEAN,
    codec_part,
    jitter_buffer_part,
    least_rate_kbps,
    mean_burst_packets,
    mean_loss_percent,
    network_part,
    number,
    playout,
    total,
    wire_kbps,
)
from profiler.budget.pipelines import (
    VAD_STOP,
    Pipeline,
    PipelinePart,
    find_pipeline,
    load_pipelines,
)
from profiler.model import (
    Budget,
    BudgetPart,
    Feasibility,
    Goal,
    Knowledge,
    NetworkScenario,
    PartSource,
)

__all__ = [
    "COMMUNICATION_PATH", "DEFAULT_MOUTH_TO_EAR", "DID_NOT_TELL", "GOALS", "MOUTH_TO_EAR", "TURN",
    "WOULD_TELL", "Ends", "GoalRow", "Known", "Pipeline", "PipelinePart", "Values", "codec_part",
    "device_part", "ends", "family", "find_pipeline", "least_rate_kbps", "load_pipelines",
    "mean_burst_packets", "mean_loss_percent", "mouth_to_ear", "network_part", "number", "playout",
    "total", "turn", "wire_kbps",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ends:
    """What settings cost on a model and a network, before anything stands between the ends."""

    values: Values
    network: NetworkScenario
    device: BudgetPart
    codec: BudgetPart
    way: BudgetPart
    buffer: BudgetPart
    bare: tuple[BudgetPart, ...]
    """Two ends with nothing between them: what no network and no agent can give back."""

    def without(self, holds: Sequence[str]) -> list[BudgetPart]:
        """One way from end to end, less what a pipeline's figures hold."""
        parts = (self.device, self.codec, self.way, self.buffer)
        return [part for part in parts if part.name not in holds]


def ends(knowledge: Knowledge | Known, values: Values, network: NetworkScenario) -> Ends:
    """The measured and computed parts that every budget of these settings shares."""
    known = knowledge if isinstance(knowledge, Known) else Known(knowledge)
    device, codec = device_part(known, values), codec_part(known, values)
    bare = replace(jitter_buffer_part(values, CLEAN), name="terminal_buffer")
    way, buffer = network_part(network), jitter_buffer_part(values, network)
    return Ends(values, network, device, codec, way, buffer, (device, codec, bare))


def mouth_to_ear(
    between: Ends, *, pipeline: Pipeline | None = None, kind: str = MOUTH_TO_EAR
) -> Budget:
    """F7: from one mouth to the other ear, both ends a phone as this one.

    A ``pipeline`` of kind ``transport`` replaces what its figures hold.
    """
    parts = between.without(() if pipeline is None else pipeline.holds)
    if pipeline is not None:
        parts += map(_part, pipeline.parts)
    what = "mouth to ear" if kind == MOUTH_TO_EAR else "mouth to ear with the stack's defaults"
    return _budget(kind, what, pipeline, parts, between.bare)


def turn(between: Ends, pipeline: Pipeline) -> Budget:
    """F8: from the end of a person's words to the first sound of the answer.

    The network is crossed twice; the ``vad_stop`` part is the recommended ``vad_stop_ms`` where
    the pipeline counts it apart.
    """
    parts = between.without((*pipeline.holds, between.buffer.name))
    parts += _steps(pipeline, between.values)
    if between.way.name not in pipeline.holds:
        parts.append(replace(between.way, name="network_back"))
    if between.buffer.name not in pipeline.holds:
        parts.append(between.buffer)
    return _budget(TURN, "turn", pipeline, parts, between.bare)


def _part(part: PipelinePart) -> BudgetPart:
    return BudgetPart(part.name, part.ms, part.low_ms, part.high_ms, part.basis, part.text)


def _steps(pipeline: Pipeline, values: Values) -> list[BudgetPart]:
    stop_ms = number(values, "vad_stop_ms", -1.0)
    return [
        _stop(part, stop_ms) if part.name == VAD_STOP and stop_ms >= 0 else _part(part)
        for part in pipeline.parts
    ]


def _stop(part: PipelinePart, stop_ms: float) -> BudgetPart:
    text = f"the recommended vad_stop_ms instead of {part.ms:g} ms"
    return BudgetPart(VAD_STOP, stop_ms, stop_ms, stop_ms, PartSource.COMPUTED, text)


def _budget(
    kind: str,
    what: str,
    pipeline: Pipeline | None,
    parts: Sequence[BudgetPart],
    bare: Sequence[BudgetPart],
) -> Budget:
    ms, low_ms, high_ms = total(parts)
    goals = held(MOUTH_TO_EAR if kind == DEFAULT_MOUTH_TO_EAR else kind, parts, bare)
    over = f" over {pipeline.title}" if pipeline is not None else ""
    text = f"{what}{over}: {ms:.0f} ms ({low_ms:.0f} to {high_ms:.0f}); {_verdict(goals)}"
    return Budget(
        kind=kind,
        pipeline="" if pipeline is None else pipeline.name,
        parts=tuple(parts),
        total_ms=ms,
        low_ms=low_ms,
        high_ms=high_ms,
        goals=goals,
        text=text,
    )


def _verdict(goals: Sequence[Goal]) -> str:
    """The strictest goal that is kept, and the loosest that cannot be."""
    kept = [g for g in goals if g.feasibility is Feasibility.POSSIBLE]
    missed = [g for g in goals if g.feasibility is Feasibility.IMPOSSIBLE]
    words = []
    if kept:
        words.append(kept[0].text)
    if missed:
        words.append(missed[-1].text)
    return "; ".join(words) or goals[-1].text
