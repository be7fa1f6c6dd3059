"""What the tests of system events share: routes, requests, the train, what was seen of a key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue.inputs import system_of
from profiler.catalogue.judging import Ruling, nothing_measured
from profiler.catalogue.kinds import PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import has_modes, on_web
from profiler.model import (
    ActionFindings,
    ActionOutcome,
    DeviceFacts,
    Measurement,
    Platform,
    Reason,
    StimulusSpec,
    TimedAction,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)
from profiler.stimulus import make_train

WARMUP_S = 1.0
TAIL_S = 1.0
HEADSETS = ("bluetooth_sco", "bluetooth_le")
_PER_SWEEP_S = 0.205
"""A sweep of 0.12 s and the mean of its pauses."""
_ROUTE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOVED = re.compile(r"([a-z][a-z_]{0,31}) (\d{1,3})>(\d{1,3})")


def action_train(seed: int, rate_hz: int, duration_s: float) -> StimulusSpec:
    """Short sweeps one after another, so that a gap is known within a tenth of a second."""
    return make_train(
        seed, rate_hz=rate_hz, chirps=max(int((duration_s - 0.15) / _PER_SWEEP_S), 8),
        chirp_s=0.12, gap_s=(0.05, 0.12), lead_in_s=0.1, tail_s=0.05,
    )  # fmt: skip


def offered_routes(facts: DeviceFacts) -> tuple[str, ...]:
    """Routes the probe says a call may take now; empty when it does not say."""
    words = (word.strip() for word in facts.raw.get("routes", "").split(","))
    return tuple(dict.fromkeys(word for word in words if _ROUTE.fullmatch(word)))


def call_request(facts: DeviceFacts, options: TrialOptions) -> TrialRequest:
    """A call as far as routes and keys see it, with a microphone nothing is taken away from; the
    plain path where there are no modes.

    AudioTrack and AudioRecord where there are any: they follow a route, while an AAudio stream
    ends with its device.
    """
    plain = options.plain(facts, WARMUP_S)
    if not has_modes(facts):
        return plain
    apis = [word.strip() for word in facts.raw.get("apis", "").split(",")]
    java = plain.api == "default" and ("java" in apis or facts.platform is Platform.ANDROID)
    return replace(
        plain, audio_mode="communication", usage="default", api="java" if java else plain.api
    )


def acted(
    test_id: str,
    index: int,
    request: TrialRequest,
    actions: tuple[TimedAction, ...],
    *,
    seed: int,
    duration_s: float,
    note: str,
) -> PlannedTrial:
    """A trial of ``duration_s`` in which ``actions`` are done."""
    train = action_train(seed, request.rate_hz, duration_s - TAIL_S)
    request = replace(request, duration_s=round(max(train.duration_s + TAIL_S, duration_s), 3))
    setup = TrialSetup(analysis="actions", actions=actions, note=note)
    return PlannedTrial(test_id, index, request, train, setup)


def missing(options: TrialOptions, *words: str) -> tuple[str, ...]:
    """Those of the actions that the device's driver does not know."""
    return tuple(word for word in words if f"action:{word}" not in options.abilities)


def skip_without(options: TrialOptions, facts: DeviceFacts, *words: str) -> Skip | None:
    """Why a test with these actions is not made, if so."""
    lacking = missing(options, *words)
    if not lacking:
        return None
    what = " and ".join(lacking)
    if system_of(facts) is Platform.IOS:
        return Skip(Reason.NOT_ON_THIS_PROBE, _on_an_iphone(lacking))
    if facts.platform is Platform.ANDROID:
        why = "a phone with a PIN is not locked: set its screen lock to None"
        return Skip(Reason.NOT_ON_THIS_PROBE, f"the phone cannot do {what} now ({why})")
    if facts.platform is Platform.VIRTUAL:
        why = "a virtual phone behind adb, its clock at most 8 times as fast as ours (--speed 8)"
        return Skip(Reason.NEEDS_ADB, f"needs {why}, for {what}")
    if on_web(facts):
        return Skip(Reason.NOT_ON_THIS_PROBE, f"nothing here makes this browser's device do {what}")
    return Skip(Reason.NEEDS_ADB, f"needs a phone on adb, for {what}")


def _on_an_iphone(lacking: Sequence[str]) -> str:
    """Why these actions cannot be done to an iPhone now."""
    if list(lacking) == ["lock"]:
        return (
            "WebDriverAgent locks an iPhone: it has to run, and bench.toml has to say that no "
            "iPhone here has a passcode ([ios] no_passcode = true, or CHIRPBENCH_IOS_NO_PASSCODE=1)"
            ": nobody could open it again. A virtual one needs a clock that is at most 8 times as "
            "fast as ours (--speed 8)"
        )
    return f"nothing here makes an iPhone do {' and '.join(lacking)} during a trial"


def found(record: TrialRecord) -> ActionFindings | None:
    """What the recording says."""
    return record.findings if isinstance(record.findings, ActionFindings) else None


def moved_streams(text: str) -> dict[str, tuple[int, int]]:
    """Stream -> (index before, after) of an outcome like ``moved: voice_call 5>7 of 15``."""
    if not text.startswith("moved: "):
        return {}
    return {name: (int(a), int(b)) for name, a, b in _MOVED.findall(text)[:16]}


def late(outcome: ActionOutcome, allowed_s: float) -> bool:
    """Whether an action came so much later than asked that the recording says other things."""
    return outcome.done_s is None or outcome.done_s > outcome.asked_s + allowed_s


def lost(records: Sequence[TrialRecord]) -> Ruling | None:
    """A ruling when the system ended the streams instead of going on; else ``None``."""
    gone = [r for r in records if str(Reason.STREAM_LOST) in r.reasons]
    if not gone:
        return None
    said = "; ".join(dict.fromkeys(r.setup.note for r in gone))
    text = f"the system ends the streams ({said}): an app has to open them again"
    return Ruling(Verdict.FAIL, (Reason.STREAM_LOST,), text)


def unheard(records: Sequence[TrialRecord], what: str) -> Ruling:
    """A ruling on records from which nothing was read."""
    return nothing_measured(records, what)


def level(name: str, value: float | None, unit: str) -> list[Measurement]:
    """A measurement when there is a number."""
    return [] if value is None else [Measurement(name, value, unit)]
