"""Recommended and default settings side by side: runs, numbers, verdict."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from profiler.budget import playout
from profiler.model import (
    Advice,
    NetworkScenario,
    SettingValue,
    Side,
    Verification,
)
from profiler.verify.bench import Key, Measured, StackBench
from profiler.verify.device import DeviceDelay
from profiler.verify.echo import EchoFacts, erle_db
from profiler.verify.extra import require, versions
from profiler.verify.judging import Proof, conclude, differences, metrics
from profiler.verify.proofs import proofs
from profiler.verify.sessions import Failed
from profiler.verify.stack import StackSettings, not_taken, stack_settings

Notify = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What identifies a verification."""

    advice_sha256: str
    now: datetime
    tool_version: str
    is_virtual: bool


@dataclass(frozen=True, slots=True)
class _Half:
    """One side before it is run."""

    name: str
    values: Mapping[str, SettingValue]
    settings: StackSettings
    device_ms: float | None
    device_text: str


@dataclass(frozen=True, slots=True)
class _Run:
    """One side after it was run."""

    side: Side
    values: list[dict[str, float] | None]
    """Of each session; ``None`` = it failed."""
    proofs: tuple[Proof, ...]


def verify(
    advice: Advice,
    *,
    scenario: NetworkScenario,
    device: DeviceDelay,
    stamp: Stamp,
    sessions: int = 6,
    seconds: float = 12.0,
    seed: int = 1,
    bench: StackBench | None = None,
    notify: Notify | None = None,
) -> Verification:
    """Run both sides, ``sessions`` times each with equal seeds, and judge.

    Takes about ``seconds`` for every two sessions on each core. Raises :class:`InputError` when
    the extra is not installed; sessions that fail make the outcome ``not_verified``.
    """
    require()
    bench = bench or StackBench()
    seeds = range(seed, seed + sessions)
    bench.measure(wanted_keys(advice, scenario, seeds, seconds), notify)
    ours, theirs = (
        _run(bench, half, [(half.settings, scenario, s, seconds) for s in seeds], device.echo)
        for half in _halves(advice, device)
    )
    predicted_ms = _predicted_ms(advice, device, scenario)
    return _judged(advice, scenario, stamp, (ours, theirs), predicted_ms)


def _run(bench: StackBench, half: _Half, keys: Sequence[Key], echo: EchoFacts) -> _Run:
    values, beside = _evaluated(bench, keys, half, echo)
    seen = [run.seen for key in keys if isinstance(run := bench.done[key], Measured)]
    found = (*proofs(seen, half.settings, keys[0][1]), *beside)
    return _Run(_side(half, values, found), values, found)


def _judged(
    advice: Advice,
    scenario: NetworkScenario,
    stamp: Stamp,
    runs: tuple[_Run, _Run],
    predicted_ms: float | None,
) -> Verification:
    ours, theirs = runs
    shifts = differences(ours.values, theirs.values)
    pairs = sum(None not in pair for pair in zip(ours.values, theirs.values, strict=True))
    outcome, text = conclude(shifts, (*ours.proofs, *theirs.proofs), pairs)
    return Verification(
        verification_uuid=str(uuid.uuid4()),
        advice_sha256=stamp.advice_sha256,
        model_key=advice.facts.key,
        use=advice.use,
        network=scenario.name,
        sessions=len(ours.values),
        recommended=ours.side,
        default=theirs.side,
        differences=shifts,
        outcome=outcome,
        text=text,
        predicted_mouth_to_ear_ms=predicted_ms,
        stack={**versions(), "libwebrtc": "M152"},
        verified_at=stamp.now,
        tool_version=stamp.tool_version,
        is_virtual=stamp.is_virtual,
    )


def wanted_keys(
    advice: Advice, scenario: NetworkScenario, seeds: Iterable[int], seconds: float
) -> list[Key]:
    """The runs of both sides, for a :class:`StackBench` that many verifications share."""
    sides = [half.settings for half in _halves(advice, DeviceDelay(None, None))]
    return [(settings, scenario, seed, seconds) for seed in seeds for settings in sides]


def _halves(advice: Advice, device: DeviceDelay) -> tuple[_Half, _Half]:
    recommended = {s.name: s.value for s in advice.settings if not s.route}
    default = {s.name: s.default for s in advice.settings if not s.route}
    return (
        _Half(
            "recommended",
            recommended,
            stack_settings(recommended),
            device.recommended_ms,
            device.texts[0],
        ),
        _Half("default", default, stack_settings(default), device.default_ms, device.texts[1]),
    )


def _evaluated(
    bench: StackBench, keys: Sequence[Key], half: _Half, echo: EchoFacts
) -> tuple[list[dict[str, float] | None], tuple[Proof, ...]]:
    """The numbers of each session, and what was seen beside the stack."""
    values: list[dict[str, float] | None] = []
    said, failed = "", []
    for key in keys:
        run = bench.done[key]
        if isinstance(run, Failed):
            failed.append(run.why)
            values.append(None)
            continue
        numbers = dict(run.values)
        stack_ms = numbers.get("stack_delay_ms")
        if half.device_ms is not None and stack_ms is not None:
            numbers["mouth_to_ear_ms"] = stack_ms + half.device_ms
        erle, said = erle_db(half.values, echo, key[2])
        if erle is not None:
            numbers["erle_db"] = erle
        values.append(numbers)
    found = [Proof("echo", None, said)] if said else []
    found += [Proof("session", None, f"failed: {why}") for why in dict.fromkeys(failed)]
    found += [Proof("setting", None, line) for line in not_taken(half.values)]
    return values, tuple(found)


def _side(
    half: _Half, values: Sequence[Mapping[str, float] | None], found: Sequence[Proof]
) -> Side:
    if half.device_ms is None:
        part = "device: the phone's own part is not known and not in any delay"
    else:
        part = f"device: {half.device_ms:.0f} ms are the phone's own part"
    text = f"{part}: {half.device_text}" if half.device_text else part
    settings = {name: value for name, value in half.values.items() if value is not None}
    return Side(half.name, settings, metrics(values), (*(p.line for p in found), text))


def _predicted_ms(advice: Advice, device: DeviceDelay, scenario: NetworkScenario) -> float | None:
    """The budget's mouth to ear, with the jitter buffer as this stack can be set (no ceiling).

    Only where the phone's part is known, so that it compares.
    """
    if device.recommended_ms is None:
        return None
    values = {s.name: s.value for s in advice.settings if not s.route}
    for budget in advice.budgets:
        if budget.kind == "mouth_to_ear" and not budget.pipeline:
            others = sum(p.ms for p in budget.parts if p.name != "jitter_buffer")
            return others + playout({**values, "jitter_buffer_max_ms": None}, scenario)[0]
    return None
