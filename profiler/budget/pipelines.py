"""Agent pipelines and vendor networks as data: what they cost, and what their figures hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from profiler.model import PartSource
from profiler.tomlfile import Table, complaint, find_named, read_toml, with_own

BUILT_IN = Path(__file__).parent / "pipelines.toml"
MAX_PIPELINES = 200
MAX_PARTS = 20
VAD_STOP = "vad_stop"
"""The part that a recommended ``vad_stop_ms`` replaces."""
TRANSPORT_PARTS = ("device", "codec", "network", "jitter_buffer")
"""Parts that a budget adds unless a pipeline's figures hold them."""
_NAME = "a lower-case word: a letter or digit, then at most 31 letters, digits, _ . or -"
_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,31}$"
_MS = "0 to 60000 ms, low_ms <= ms <= high_ms"
Holds = Literal["device", "codec", "network", "jitter_buffer", "vad_stop"]


@dataclass(frozen=True, slots=True)
class PipelinePart:
    """One part of what a pipeline costs. ``low_ms``..``high_ms`` is its 95 % interval."""

    name: str
    ms: float
    low_ms: float
    high_ms: float
    basis: PartSource
    """``published`` or ``assumed``."""
    text: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What stands between the two ends of the sound."""

    name: str
    title: str
    kind: str
    """``turn``: an agent answers; ``transport``: the sound only travels."""
    holds: tuple[str, ...]
    """Parts that its figures already contain: never added again."""
    source: str
    contains: str
    """What its figures contain, in words."""
    parts: tuple[PipelinePart, ...]


class PartTable(Table):
    """One ``[[pipelines.parts]]`` entry."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="a word such as llm or tts")
    ms: float = Field(ge=0.0, le=60_000.0, description=_MS)
    low_ms: float = Field(ge=0.0, le=60_000.0, description=_MS)
    high_ms: float = Field(ge=0.0, le=60_000.0, description=_MS)
    basis: Literal["published", "assumed"] = Field(description="published, assumed")
    text: str = Field(default="", max_length=300, description="text of at most 300 characters")


class PipelineTable(Table):
    """One ``[[pipelines]]`` entry."""

    name: str = Field(pattern=_PATTERN, description=_NAME)
    title: str = Field(default="", max_length=200, description="text of at most 200 characters")
    kind: Literal["turn", "transport"] = Field(description="turn, transport")
    holds: list[Holds] = Field(
        default=[], max_length=5, description="of " + ", ".join((*TRANSPORT_PARTS, VAD_STOP))
    )
    source: str = Field(
        min_length=1, max_length=300, description="where the figures are from, or 'assumed'"
    )
    contains: str = Field(
        min_length=1, max_length=500, description="what the figures contain, at most 500 characters"
    )
    parts: list[PartTable] = Field(
        default=[], max_length=MAX_PARTS, description=f"at most {MAX_PARTS} tables"
    )


class PipelinesTable(Table):
    """The whole file."""

    pipelines: list[PipelineTable] = Field(
        min_length=1, max_length=MAX_PIPELINES, description=f"1 to {MAX_PIPELINES} tables"
    )

    @model_validator(mode="after")
    def _consistent(self) -> PipelinesTable:
        names: set[str] = set()
        for i, pipeline in enumerate(self.pipelines):
            at = f"pipelines[{i}]"
            if pipeline.name in names:
                raise complaint(f"{at}.name", "is given twice", pipeline.name, "each name once")
            names.add(pipeline.name)
            if pipeline.kind == "turn" and not pipeline.parts:
                raise complaint(f"{at}.parts", "is empty", [], "a turn has at least one part")
            for k, part in enumerate(pipeline.parts):
                _check(f"{at}.parts[{k}]", part, pipeline)
        return self


def _check(at: str, part: PartTable, pipeline: PipelineTable) -> None:
    if not part.low_ms <= part.ms <= part.high_ms:
        raise complaint(f"{at}.ms", "is not between low_ms and high_ms", part.ms, _MS)
    if part.name in pipeline.holds or part.name in TRANSPORT_PARTS:
        raise complaint(
            f"{at}.name", "would be counted twice", part.name,
            "a name that is neither in holds nor one of " + ", ".join(TRANSPORT_PARTS),
        )  # fmt: skip
    if [p.name for p in pipeline.parts].count(part.name) > 1:
        raise complaint(f"{at}.name", "is given twice", part.name, "each part once")


def load_pipelines(file: Path | None = None) -> dict[str, Pipeline]:
    """The built-in pipelines by name, and those of ``file`` after them.

    Raises :class:`PlanError` for an unreadable file, an unknown key, a wrong value, or a name that
    a built-in pipeline has.
    """
    if file is None:
        return dict(_built_in())
    own = ((t.name, _pipeline(t)) for t in read_toml(file, PipelinesTable).pipelines)
    return with_own(_built_in(), file, "pipelines", own)


def find_pipeline(name: str, pipelines: Mapping[str, Pipeline]) -> Pipeline:
    """A pipeline by name. Raises :class:`InputError` that names the nearest ones."""
    return find_named(name, pipelines, "pipelines")


@cache
def _built_in() -> dict[str, Pipeline]:
    return {t.name: _pipeline(t) for t in read_toml(BUILT_IN, PipelinesTable).pipelines}


def _pipeline(table: PipelineTable) -> Pipeline:
    return Pipeline(
        name=table.name,
        title=table.title or table.name,
        kind=table.kind,
        holds=tuple(dict.fromkeys(table.holds)),
        source=table.source,
        contains=table.contains,
        parts=tuple(
            PipelinePart(p.name, p.ms, p.low_ms, p.high_ms, PartSource(p.basis), p.text)
            for p in table.parts
        ),
    )
