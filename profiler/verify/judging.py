"""Two sides' numbers to a verdict. Pure: equal input gives equal output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler.intervals import MIN_SESSIONS_FOR_CI, median_interval
from profiler.model import Difference, Metric, MetricDifference, Outcome

Values = Mapping[str, float]
"""Metric name to value, of one session."""


@dataclass(frozen=True, slots=True)
class MetricRule:
    """How one metric is compared."""

    name: str
    unit: str
    margin: float
    """Smallest difference that counts."""
    higher_is_better: bool
    judged: bool
    """Whether it can make a recommendation better or worse; the others are shown."""
    source: str


WHOLE, STACK = "mouth_to_ear_ms", "stack_delay_ms"
RULES = (
    MetricRule(WHOLE, "ms", 20.0, False, True,
               "proposal: one packet, and what equal loops differ by (RECOMMEND 4.3)"),
    MetricRule("pesq", "MOS", 0.2, True, True,
               "proposal: half of what in-band FEC gains at 10 % loss (RECOMMEND 4.2)"),
    MetricRule("stoi", "1", 0.02, True, True,
               "proposal: twice what in-band FEC gains at 10 % loss (RECOMMEND 4.2)"),
    MetricRule("plcmos", "MOS", 0.3, True, True,
               "proposal: half of clean against 10 % zero-fill (RECOMMEND 4.2)"),
    MetricRule("erle_db", "dB", 3.0, True, True,
               "proposal: the spread of AEC3 over far-end speech of other seeds"),
    MetricRule(STACK, "ms", 20.0, False, False,
               "part of mouth_to_ear_ms; judged instead of it where the phone's part is not known"),
    MetricRule("jitter_buffer_ms", "ms", 20.0, False, False, "part of mouth_to_ear_ms"),
    MetricRule("concealed_percent", "%", 2.0, False, False, "heard in PESQ and PLCMOS"),
    MetricRule("lost_percent", "%", 1.0, False, False, "the network's, not the settings'"),
    MetricRule("dnsmos", "MOS", 0.3, True, False,
               "not judged: it rises with loss on the packaged speech (docs/verify.md)"),
    MetricRule("bitrate_kbps", "kbps", 2.0, False, False, "a cost, in no goal"),
)  # fmt: skip
"""Every metric, in the order in which it is shown."""
_BY_NAME = {rule.name: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class Proof:
    """Something that had to be seen in the sessions."""

    name: str
    ok: bool | None
    """``None`` = these settings or this network ask for nothing."""
    text: str

    @property
    def line(self) -> str:
        """For people."""
        mark = {True: "ok", False: "MISSING", None: "nothing to prove"}[self.ok]
        return f"{self.name}: {mark}: {self.text}"


def metrics(sessions: Sequence[Values | None]) -> tuple[Metric, ...]:
    """The metrics of a side over the sessions that ended well."""
    good = [values for values in sessions if values is not None]
    found = []
    for rule in RULES:
        numbers = tuple(values[rule.name] for values in good if rule.name in values)
        if numbers:
            found.append(
                Metric(
                    name=rule.name,
                    unit=rule.unit,
                    values=numbers,
                    median=float(np.median(numbers)),
                    ci95=median_interval(numbers),
                )
            )
    return tuple(found)


def differences(
    recommended: Sequence[Values | None], default: Sequence[Values | None]
) -> tuple[MetricDifference, ...]:
    """Recommended minus default, session by session of equal seeds."""
    pairs = [
        (a, b) for a, b in zip(recommended, default, strict=True) if a is not None and b is not None
    ]
    found = []
    for rule in RULES:
        shifts = [
            a[rule.name] - b[rule.name] for a, b in pairs if rule.name in a and rule.name in b
        ]
        if shifts:
            found.append(_difference(rule, shifts))
    return tuple(found)


def _difference(rule: MetricRule, shifts: Sequence[float]) -> MetricDifference:
    median, interval = float(np.median(shifts)), median_interval(shifts)
    return MetricDifference(
        name=rule.name,
        unit=rule.unit,
        median=median,
        ci95=interval,
        margin=rule.margin,
        difference=_judge(rule, median, interval),
    )


def _judge(rule: MetricRule, median: float, interval: tuple[float, float] | None) -> Difference:
    if interval is None:
        return Difference.UNCLEAR
    low, high = interval
    if -rule.margin <= low and high <= rule.margin:
        return Difference.SAME
    if abs(median) >= rule.margin and (low > 0.0 or high < 0.0):
        gained = (median > 0.0) == rule.higher_is_better
        return Difference.BETTER if gained else Difference.WORSE
    return Difference.UNCLEAR


def judged_of(found: Sequence[MetricDifference]) -> tuple[MetricDifference, ...]:
    """The differences that decide; the others are shown.

    Without the phone's own part on both sides the stack's part stands for mouth to ear.
    """
    whole = any(d.name == WHOLE for d in found)
    return tuple(d for d in found if _BY_NAME[d.name].judged or (d.name == STACK and not whole))


def conclude(
    found: Sequence[MetricDifference], proofs: Sequence[Proof], pairs: int
) -> tuple[Outcome, str]:
    """The outcome and a plain line.

    ``not_verified``: a proof is missing, or fewer pairs of sessions than an interval needs.
    ``worse``: any judged metric is; ``better``: one is and none is worse; else ``same``.
    """
    missing = [proof for proof in proofs if proof.ok is False]
    if missing:
        return Outcome.NOT_VERIFIED, "not verified: " + "; ".join(p.text for p in missing)
    if pairs < MIN_SESSIONS_FOR_CI:
        return Outcome.NOT_VERIFIED, (
            f"not verified: {pairs} pairs of sessions ended well, "
            f"{MIN_SESSIONS_FOR_CI} are needed for an interval"
        )
    judged = judged_of(found)
    by = {kind: [d for d in judged if d.difference is kind] for kind in Difference}
    if by[Difference.WORSE]:
        outcome = Outcome.WORSE
    elif by[Difference.BETTER]:
        outcome = Outcome.BETTER
    else:
        outcome = Outcome.SAME
    words = [_words(d) for kind in (Difference.WORSE, Difference.BETTER) for d in by[kind]]
    unclear = [d.name for d in by[Difference.UNCLEAR]]
    if unclear:
        words.append(f"unclear: {', '.join(unclear)}")
    said = "; ".join(words) or "no difference beyond the margins"
    return outcome, f"{outcome.value}: {said}"


def _words(d: MetricDifference) -> str:
    unit = "" if d.unit == "1" else f" {d.unit}"
    low, high = d.ci95 or (d.median, d.median)
    digits = 1 if d.margin >= 1 else 2
    return (
        f"{d.name} {d.median:+.{digits}f}{unit} "
        f"({low:+.{digits}f} to {high:+.{digits}f}) {d.difference.value}"
    )
