"""What the store knows of a model: every number with how many devices and runs it rests on, and
from how near a relative it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from profiler.model.device import ModelKey, Platform
from profiler.model.results import TestResult
from profiler.model.verdict import Verdict


class SupportLevel(StrEnum):
    """Who answered, nearest first: results of one phone say less of a farther relative."""

    SAME_BUILD = "same_build"
    """The model key itself: manufacturer, model, SoC and OS build."""
    SAME_MODEL = "same_model"
    """The same model and SoC with another OS build."""
    SAME_SOC = "same_soc"
    """Another model with a SoC of the same family."""
    SAME_MAKER = "same_maker"
    """Another model of the same manufacturer with the same API level."""
    DEFAULT = "default"
    """Nobody: a cautious default."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What recommendations and exports need to know of a model, from its newest facts.

    All texts are untrusted: they come from the device.
    """

    key: ModelKey
    marketing_name: str
    platform: Platform
    os_name: str
    os_version: str
    api_level: int | None
    board: str
    """``ro.board.platform``; empty = not known."""
    native_rate_hz: int | None
    frames_per_burst: int | None
    low_latency: bool | None
    """``FEATURE_AUDIO_LOW_LATENCY``."""
    pro_audio: bool | None
    is_virtual: bool
    is_emulator: bool
    is_custom_rom: bool
    """``(lineage|calyxos)`` in PRODUCT, DISPLAY or HOST, as Signal decides it."""
    apis: tuple[str, ...] = ()
    """Audio APIs as the probe lists them, its own default first; empty = it lists none."""


@dataclass(frozen=True, slots=True)
class KnownResult:
    """One stored test result with whom it is of."""

    facts: ModelFacts
    device_uid: str
    run_uuid: str
    recorded_at: datetime
    tool_version: str
    probe_version: str
    """Empty = no trial of it gave a report."""
    result: TestResult


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured number of a model: the middle of its results with their spread."""

    name: str
    """As the test names it, e.g. ``erle_db[volume=0.75]``."""
    test_id: str
    unit: str
    value: float
    """Median over ``results``; of several relatives the median of their medians. A quantity that
    is yes or no takes the cautious answer of equally many."""
    low: float
    """95 % interval: from the spread between results where there are enough, else from their own
    σ; wider for a farther relative, whose spread between models counts too."""
    high: float
    worst: float
    """The largest of all results; for a quantity where more is better, :attr:`least` is it."""
    least: float
    results: int
    devices: int
    runs: int
    level: SupportLevel
    trial_uuids: tuple[str, ...]
    """Evidence, newest first; at most 20."""
    oldest_at: datetime
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class TestKnowledge:
    """What one test said of a model."""

    __test__ = False  # not a pytest class

    test_id: str
    level: SupportLevel
    verdict: Verdict
    """Of most results that passed, were marginal or failed (without one: of most results); of
    equally many the worst."""
    counts: Mapping[str, int]
    """Verdict to number of results."""
    reasons: tuple[str, ...]
    text: str
    """The newest result's line."""
    trial_uuids: tuple[str, ...]
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that makes what is known doubtful, e.g. ``too_few_runs``, ``contradictory``,
    ``only_virtual``, ``stale``, ``custom_rom``, ``inherited`` (docs/store.md lists them)."""

    code: str
    text: str
    """One plain line with the values and what to do next."""
    test_ids: tuple[str, ...] = ()
    """It is about these tests only; empty = about all that is known."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that is known of a model, each part from the nearest relative that has it."""

    facts: ModelFacts
    """Of the model that was asked for."""
    level: SupportLevel
    """Of the nearest relative that gave any number."""
    sources: tuple[ModelKey, ...]
    """Whose results are in it, nearest first."""
    devices: int
    runs: int
    quantities: tuple[Quantity, ...]
    tests: tuple[TestKnowledge, ...]
    cautions: tuple[Caution, ...]
    oldest_at: datetime | None
    newest_at: datetime | None
    tool_versions: tuple[str, ...]
    probe_versions: tuple[str, ...]
    os_builds: tuple[str, ...]

    def quantity(self, test_id: str, name: str) -> Quantity | None:
        """The number a test gave under this name."""
        return next((q for q in self.quantities if q.test_id == test_id and q.name == name), None)

    def variants(self, test_id: str, name: str) -> dict[str, Quantity]:
        """``name[VARIANT]`` of a test, by VARIANT, e.g. ``volume=0.75``."""
        head = f"{name}["
        return {
            q.name[len(head) : -1]: q
            for q in self.quantities
            if q.test_id == test_id and q.name.startswith(head)
        }

    def test(self, test_id: str) -> TestKnowledge | None:
        """What a test said; ``None`` = it was never made."""
        return next((t for t in self.tests if t.test_id == test_id), None)
