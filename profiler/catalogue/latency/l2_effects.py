"""L2's two configurations, and what the records of both have in common."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.model import EffectState, Reason, TrialRecord, TrialRequest

SIGMAS_95 = 1.96
"""Half of a two-sided 95 % interval of a normal error."""
EFFECTS_OFF = "effects off"
EFFECTS_ON = "effects on"
ADD_PARTNER = (
    "one device alone cannot measure here: add a partner (docs/bench.md), the bench's sound "
    "interface or another phone in its zone"
)


def with_note(records: Sequence[TrialRecord], note: str) -> list[TrialRecord]:
    """Those of one configuration."""
    return [r for r in records if r.setup.note == note]


def not_granted(records: Sequence[TrialRecord]) -> list[str]:
    """Effects that the system says are not as they were requested, in any of the records."""
    found: dict[str, None] = {}
    for record in records:
        for name, asked in _asked(record.request):
            said = record.report.effects.get(name) if record.report else None
            known = said is not None and said.state in (EffectState.ON, EffectState.OFF)
            if said is not None and known and said.state is not asked:
                found[f"{name} is {said.state.value} when asked {asked.value}"] = None
    return list(found)


def effect_reasons(records: Sequence[TrialRecord]) -> tuple[Reason, ...]:
    """``granted_differs`` when an effect is not what the number claims it to be."""
    return (Reason.GRANTED_DIFFERS,) if not_granted(records) else ()


def difference_words(difference_ms: float, sigma_ms: float) -> str:
    """What the effects do to the round trip, to follow ``… ms with the effects on``.

    A difference whose 95 % interval holds 0 is none that was seen, and nothing adds less than
    nothing: what is shorter is called so.
    """
    reach_ms = SIGMAS_95 * sigma_ms
    if abs(difference_ms) <= reach_ms:
        low_ms, high_ms = difference_ms - reach_ms, difference_ms + reach_ms
        return f", no difference seen to effects off (95 %: {low_ms:+.2f} to {high_ms:+.2f} ms)"
    size = f"{abs(difference_ms):.2f} ± {sigma_ms:.2f} ms"
    if difference_ms > 0:
        return f", of which they add {size}"
    return f", which is {size} shorter than with them off"


def _asked(request: TrialRequest) -> tuple[tuple[str, EffectState], ...]:
    return ("aec", request.aec), ("ns", request.ns), ("agc", request.agc)
