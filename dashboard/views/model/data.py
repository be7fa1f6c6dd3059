"""All that is shown of one OS build of one model, put together from the store's answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from dashboard.views.fleet import answers
from dashboard.views.fleet.answers import Answer
from dashboard.views.model.clean import Clean, clean
from dashboard.views.model.echo import condition
from dashboard.views.model.latency import path_rows_of
from dashboard.views.model.response import TEST_ID as SWEEP_TEST
from dashboard.views.model.response import Response, responses
from db import queries
from db.filters import Filter
from db.knowledge import known_results
from db.overview import ModelRow, PathRow
from db.points import LatencyPoint, latency_points
from profiler.model import Caution, KnownResult, SessionRow
from profiler.summary import KnowledgeBase

LATENCY_TEST = "L1"
"""Whose opens are a model's latency, as in ``chirpbench models``."""
MAX_SESSIONS = 400
"""Opens whose chirps are read for the spread within one; the newest."""
MAX_SWEEPS = 8
CAUTIONS_OF = "From results of this model and its other OS builds (Advice also asks other models):"
ECHO = "Echo removed, loudest"
BUFFER = "Buffer without a glitch"
"""What the figure is called: not “safe”, which seconds do not prove."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelData:
    """One build, with the other builds of the model for comparison. Texts are untrusted."""

    row: ModelRow
    builds: tuple[ModelRow, ...]
    """Of the model, the newest first; :attr:`row` is one of them."""
    points: tuple[LatencyPoint, ...]
    """L1's opens of all builds, oldest first."""
    points_total: int
    """How many there are; more than ``points`` when the oldest were left out."""
    sessions: tuple[SessionRow, ...]
    """L1's opens of this build with their chirps."""
    results: tuple[KnownResult, ...]
    """Of every test and build."""
    responses: tuple[Response, ...]
    cautions: tuple[Caution, ...]

    @property
    def own_points(self) -> list[LatencyPoint]:
        """Of this build."""
        return [p for p in self.points if p.key == self.row.key]

    @property
    def paths(self) -> list[PathRow]:
        """Of this build, most opens first."""
        return path_rows_of(self.own_points)

    @property
    def history_paths(self) -> list[PathRow]:
        """Paths with a latency in any build: the one with most opens first."""
        seen: dict[tuple[str, int], PathRow] = {}
        for row in path_rows_of(self.points):
            at = str(row.path), row.rate_hz
            if row.median_ms is not None and at not in seen:
                seen[at] = row
        return sorted(seen.values(), key=lambda r: (r.path.audio_mode != "media", -r.sessions))

    @property
    def plain_path(self) -> PathRow | None:
        """The media path with the most opens; L1's verdict is of it."""
        measured = [p for p in self.paths if p.median_ms is not None]
        media = [p for p in measured if p.path.audio_mode == "media"]
        return next(iter(media or measured), None)

    @property
    def clean(self) -> Clean:
        """The buffer without a glitch, and what that rests on."""
        return clean(self.row.headlines, self.results, self.row.key)

    def beside(self, name: str, answer: Answer) -> str:
        """What must stand beside an answer's verdict: of which condition each of the two is."""
        if name == ECHO and answer.text:
            return condition(self.results, self.row.key, answer.test_id)
        return self.clean.words if name == BUFFER else ""

    @property
    def answers(self) -> dict[str, Answer]:
        """What the deciding tests said, by what a figure is called."""
        lines = self.row.headlines
        return {
            "Round trip": answers.latency_verdict(lines),
            ECHO: answers.echo(lines),
            "Barge-in": answers.barge_in(lines),
            BUFFER: self.clean.answer,
            "Silent microphone": answers.silent(lines),
        }


class Read(Protocol):
    """As :func:`dashboard.source.read`: a query of the open store, from memory where it may be."""

    def __call__(self, query: Callable[..., T], /, *args: Any, **kwargs: Any) -> T: ...


def load(read: Read, row: ModelRow, builds: Sequence[ModelRow], now: datetime) -> ModelData:
    """Everything of one build. Raises :class:`~profiler.errors.StoreError`."""
    key = row.key
    points, total = read(
        latency_points, manufacturer=key.manufacturer, model=key.model, soc=key.soc,
        test_ids=(LATENCY_TEST,),
    )  # fmt: skip
    family = Filter(family=(key.manufacturer, key.model, key.soc), is_virtual=row.is_virtual)
    results = read(known_results, family)
    own = Filter(model_key=key, is_virtual=row.is_virtual, latest_attempts=True)
    sessions = read(queries.sessions, replace(own, test_ids=(LATENCY_TEST,), limit=MAX_SESSIONS))
    sweeps = read(queries.trials, replace(own, test_ids=(SWEEP_TEST,), limit=MAX_SWEEPS))
    return ModelData(
        row=row,
        builds=tuple(builds),
        points=tuple(p for p in points if p.is_virtual == row.is_virtual),
        points_total=total,
        sessions=tuple(sessions),
        results=tuple(results),
        responses=tuple(responses(sweeps)),
        cautions=cautions_of(results, row, now),
    )


def cautions_of(
    results: Sequence[KnownResult], row: ModelRow, now: datetime
) -> tuple[Caution, ...]:
    """What makes the numbers of this build doubtful, the gravest first; results of other models
    do not count here."""
    own = [r for r in results if r.facts.key == row.key]
    if not own:
        return ()
    facts = max(own, key=lambda r: r.recorded_at).facts
    return KnowledgeBase(results).knowledge(facts, now).cautions
