"""What an app should set on a model, why, and what that costs in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from profiler.model.knowledge import Caution, ModelFacts, SupportLevel

SettingValue = bool | int | float | str | None


class UseCase(StrEnum):
    """What the app does with the sound."""

    VOICE_AGENT = "voice-agent"
    CALL = "call"
    MUSIC = "music"


class Confidence(StrEnum):
    """How well a setting is supported."""

    HIGH = "high"
    """Measured on this build, on enough runs that agree."""
    MEDIUM = "medium"
    """Measured, but few runs, marginal, or on another build of the model."""
    LOW = "low"
    """From a farther relative, or from runs that contradict each other."""
    ASSUMED = "assumed"
    """Not measured: the cautious default or the use case's own value."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting with its reason. Units are in the name; ``None`` = leave it to the system."""

    name: str
    value: SettingValue
    default: SettingValue
    """What the stack does on its own (docs/recommend.md says which stack)."""
    reason: str
    """One plain line."""
    rule: str
    """Id of the rule that decided it, e.g. ``buffer.smallest_safe``."""
    confidence: Confidence
    level: SupportLevel
    route: str = ""
    """Only on this route, e.g. ``bluetooth_sco``; empty = everywhere."""
    test_ids: tuple[str, ...] = ()
    trial_uuids: tuple[str, ...] = ()
    """Evidence."""
    results: int = 0
    ci95: tuple[float, float] | None = None
    """Of the measured number the setting rests on."""
    would_tell: tuple[str, ...] = ()
    """Tests of which the reason says that they would decide it, or tell more."""

    @property
    def key(self) -> str:
        """``name``, or ``name@route``."""
        return f"{self.name}@{self.route}" if self.route else self.name

    @property
    def changed(self) -> bool:
        """Whether an app must set it: what is left to the system is what the stack does anyway."""
        return self.value is not None and self.value != self.default


class PartSource(StrEnum):
    """Where a part of a budget comes from."""

    MEASURED = "measured"
    """On the device."""
    INHERITED = "inherited"
    """On a relative of it."""
    COMPUTED = "computed"
    """From the settings by a formula."""
    NETWORK = "network"
    """From the network scenario."""
    PUBLISHED = "published"
    """From the pipeline's data file."""
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class BudgetPart:
    """One part of a delay. ``low_ms``..``high_ms`` is its 95 % interval."""

    name: str
    """e.g. ``capture``, ``encode``, ``network``, ``jitter_buffer``, ``playback``, ``llm``."""
    ms: float
    low_ms: float
    high_ms: float
    source: PartSource
    text: str


class Feasibility(StrEnum):
    """Whether a goal can be kept."""

    POSSIBLE = "possible"
    """The whole interval keeps it."""
    UNCERTAIN = "uncertain"
    IMPOSSIBLE = "impossible"
    """The whole interval misses it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal in ms against a budget."""

    name: str
    limit_ms: float
    feasibility: Feasibility
    blame: str
    """Name of the part that misses it most; empty when possible."""
    text: str
    """One plain line."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Mouth to ear, or a voice agent's turn, from its parts."""

    kind: str
    """``mouth_to_ear`` or ``turn``."""
    pipeline: str
    """Name of the agent pipeline; empty for mouth to ear."""
    parts: tuple[BudgetPart, ...]
    total_ms: float
    low_ms: float
    high_ms: float
    goals: tuple[Goal, ...]
    text: str
    """One plain line; says so when the budget is impossible on this device, and which part is to
    blame."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The recommendation for one model, one use and one network."""

    facts: ModelFacts
    use: UseCase
    network: str
    settings: tuple[Setting, ...]
    """In the order of the rule table; each key once."""
    budgets: tuple[Budget, ...]
    cautions: tuple[Caution, ...]
    level: SupportLevel
    confidence: Confidence
    """Of the whole: what at least half of the settings reach that a measurement decides, those that
    nobody measured and those of relatives included (``profiler.recommend.supported``)."""
    devices: int
    runs: int
    oldest_at: datetime | None
    newest_at: datetime | None
    os_builds: tuple[str, ...]
    tool_versions: tuple[str, ...]
    probe_versions: tuple[str, ...]

    @property
    def is_virtual(self) -> bool:
        """It rests on simulated phones: the model's own, or, where it was never measured, all of
        its relatives'."""
        return self.facts.is_virtual or any(c.code == "only_virtual" for c in self.cautions)

    def setting(self, name: str, route: str = "") -> Setting | None:
        """A setting by name, for a route or else everywhere."""
        everywhere = None
        for setting in self.settings:
            if setting.name == name:
                if setting.route == route:
                    return setting
                if not setting.route:
                    everywhere = setting
        return everywhere

    def value(self, name: str, route: str = "") -> SettingValue:
        """Value of a setting; ``None`` also when there is none."""
        setting = self.setting(name, route)
        return None if setting is None else setting.value
