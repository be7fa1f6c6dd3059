"""What a rule sees: what is known, what is asked, and what earlier rules decided."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from profiler.budget import DID_NOT_TELL, WOULD_TELL, Known
from profiler.model import (
    SETTINGS,
    Caution,
    Knowledge,
    ModelFacts,
    NetworkScenario,
    Quantity,
    Setting,
    SettingValue,
    SupportLevel,
    TestKnowledge,
    UseCase,
    Verdict,
)
from profiler.recommend.limits import MIN_GAIN_MS, SILENT_MS

Evidence = Quantity | TestKnowledge


@dataclass(frozen=True, slots=True)
class Choice:
    """What a rule decides for one setting. Without evidence it is an assumption."""

    name: str
    value: SettingValue
    reason: str
    evidence: tuple[Evidence, ...] = ()
    route: str = ""
    doubtful: bool = False
    """The evidence answers a neighbouring question: confidence is low at best."""
    would_tell: tuple[str, ...] = ()
    """Tests that would decide it, or say more; those that run on the model end the reason."""
    telling: str = WOULD_TELL
    """What the reason says of them, as ``(A1 or L1 would tell)``; empty = it names them itself."""
    got: str = DID_NOT_TELL
    """What it says of those that were made on this build and still left it to an assumption."""
    again: bool = False
    """Whether a test that was made would tell all the same: it had too few runs, was cut short, or
    was made on another route."""

    @property
    def key(self) -> str:
        """As :attr:`profiler.model.Setting.key`."""
        return f"{self.name}@{self.route}" if self.route else self.name


@dataclass(slots=True)
class Case:
    """One model, one use, one network."""

    known: Known
    use: UseCase
    network: NetworkScenario
    defaults: Mapping[str, SettingValue]
    settings: dict[str, Setting] = field(default_factory=dict)
    """By key, as decided so far."""
    cautions: list[Caution] = field(default_factory=list)

    @property
    def knowledge(self) -> Knowledge:
        """All that is known."""
        return self.known.knowledge

    @property
    def facts(self) -> ModelFacts:
        """Of the model that was asked for."""
        return self.knowledge.facts

    @property
    def family(self) -> str:
        """``android``, ``ios``, ``web`` or ``host``."""
        return self.known.family

    @property
    def own_effect(self) -> str:
        """The word for the effects that were measured: a browser's own are software to its page,
        and the only ones it has."""
        return "software" if self.family == "web" else "hardware"

    @property
    def whose(self) -> str:
        """Whose these effects are."""
        return "the browser's" if self.family == "web" else "the platform's"

    @property
    def voice(self) -> bool:
        """Whether the use is speech in both directions."""
        return self.use is not UseCase.MUSIC

    @property
    def probed_api(self) -> str | None:
        """The API that tests were made on when they named none; ``None`` = not known."""
        return self.known.probed_api

    @property
    def off_path(self) -> bool:
        """Whether the chosen API is known to be another than the one that tests were made on."""
        return self.probed_api is not None and self.value("api") != self.probed_api

    def value(self, name: str) -> SettingValue:
        """What earlier rules decided for a setting everywhere."""
        setting = self.settings.get(name)
        return None if setting is None else setting.value

    def values(self) -> dict[str, SettingValue]:
        """All settings that hold everywhere."""
        return {s.name: s.value for s in self.settings.values() if not s.route}

    def test(self, test_id: str) -> TestKnowledge | None:
        """What a test said, unless it measured nothing."""
        found = self.knowledge.test(test_id)
        measured = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)
        return found if found is not None and found.verdict in measured else None

    def quantity(self, test_id: str, name: str) -> Quantity | None:
        """A finite number of a test."""
        return self.known.quantity(test_id, name)

    def variants(self, test_id: str, name: str) -> dict[str, Quantity]:
        """Finite ``name[VARIANT]`` of a test, by VARIANT."""
        return self.known.variants(test_id, name)

    def silent(self, label: str) -> Quantity | None:
        """The proof that D1 heard long runs of zeros in a configuration; else ``None``."""
        q = self.quantity("D1", f"zero_run_ms[{label}]")
        return q if q is not None and q.worst >= SILENT_MS else None

    def heard(self, label: str) -> Quantity | None:
        """The proof that D1 heard the microphone in a configuration; else ``None``."""
        q = self.quantity("D1", f"zero_run_ms[{label}]")
        return q if q is not None and q.worst < SILENT_MS else None

    def caution(self, code: str, text: str) -> None:
        """Something the reader of the advice must know; each text once."""
        if not any(c.code == code and c.text == text for c in self.cautions):
            self.cautions.append(Caution(code, text))


def upper(q: Quantity) -> float:
    """The value, or its high end when it is a relative's: for what is bad when large."""
    return q.value if q.level is SupportLevel.SAME_BUILD else max(q.value, q.high)


def lower(q: Quantity) -> float:
    """The value, or its low end when it is a relative's: for what is bad when small."""
    return q.value if q.level is SupportLevel.SAME_BUILD else min(q.value, q.low)


def first(*found: Quantity | None) -> Quantity | None:
    """The first number that exists."""
    return next((q for q in found if q is not None), None)


def only(evidence: Iterable[Evidence | None]) -> tuple[Evidence, ...]:
    """What exists of it."""
    return tuple(e for e in evidence if e is not None)


def whole(name: str, value: float) -> int:
    """``value`` as a whole number inside the range of a setting."""
    kind = SETTINGS[name]
    low = -math.inf if kind.low is None else kind.low
    high = math.inf if kind.high is None else kind.high
    return round(min(max(value, low), high))


def up_to(step: float, value: float) -> float:
    """``value`` rounded up to a multiple of ``step``."""
    return step * math.ceil(value / step - 1e-9)


def numbered(labels: Mapping[str, Quantity], key: str) -> dict[float, Quantity]:
    """Variants that name nothing but ``key=NUMBER``, by the number."""
    found = {}
    for label, q in labels.items():
        match = re.fullmatch(rf"{key}=(\d+(?:\.\d+)?)", label)
        if match:
            found[float(match[1])] = q
    return dict(sorted(found.items()))


def faster(a: Quantity, b: Quantity) -> bool:
    """Whether ``a`` is faster by the smallest gain that counts, in spite of both errors."""
    gain = b.value - a.value
    doubt = math.hypot(a.high - a.value, b.value - b.low)
    return gain >= MIN_GAIN_MS and gain > doubt
