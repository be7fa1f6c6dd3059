"""What was measured of the phone itself, from what is known and advised."""

from __future__ import annotations

from dataclasses import dataclass, field

from profiler.model import Advice, BudgetPart, Knowledge, PartSource
from profiler.verify.echo import EchoFacts

_BUDGETS = ("mouth_to_ear", "mouth_to_ear_default")
_PART = "device"
_TRUSTED = (PartSource.MEASURED, PartSource.INHERITED)


@dataclass(frozen=True, slots=True)
class DeviceDelay:
    """The phone's own part, capture and playback together, of each side; ``None`` = not known.

    It is added to what the stack took: the sum is mouth to ear.
    """

    recommended_ms: float | None
    default_ms: float | None
    texts: tuple[str, str] = ("", "")
    """Where each is from."""
    echo: EchoFacts = field(default_factory=EchoFacts)


def device_delay(advice: Advice, knowledge: Knowledge) -> DeviceDelay:
    """The device parts of the advice's budgets, where they were measured on the model or on a
    relative; a guess is no measurement and counts as not known."""
    parts = [_part(advice, kind) for kind in _BUDGETS]
    known = [part.ms if part and part.source in _TRUSTED else None for part in parts]
    texts = [f"{part.text} ({part.source.value})" if part else "" for part in parts]
    drift = knowledge.quantity("L5", "skew_ppm")
    echo = EchoFacts(
        delay_ms=_loudest(knowledge, "echo_delay_ms"),
        drift_ppm=None if drift is None else drift.value,
        # Where only a bound is known, what it removes at least.
        hardware_erle_db=_first(_loudest(knowledge, "erle_db"), _loudest(knowledge, "erle_low_db")),
    )
    return DeviceDelay(known[0], known[1], (texts[0], texts[1]), echo)


def _part(advice: Advice, kind: str) -> BudgetPart | None:
    for budget in advice.budgets:
        if budget.kind == kind and not budget.pipeline:
            return next((part for part in budget.parts if part.name == _PART), None)
    return None


def _loudest(knowledge: Knowledge, name: str) -> float | None:
    """What A1 measured at the loudest volume that has it."""
    found = knowledge.variants("A1", name)
    return found[max(found, key=_volume)].value if found else None


def _volume(label: str) -> float:
    try:
        return float(label.removeprefix("volume="))
    except ValueError:
        return -1.0


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
