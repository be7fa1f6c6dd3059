"""K1: the screen is locked while the app records. Does the microphone go silent?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.judging import Ruling, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.paths import on_web
from profiler.catalogue.system.acts import (
    acted,
    call_request,
    found,
    level,
    lost,
    missing,
    skip_without,
    unheard,
)
from profiler.model import (
    ActionFindings,
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    Verdict,
)

TEST_ID = "K1"
LOCK, HOME = "lock", "home"
LOCK_S, END_S = 10.0, 90.0
"""80 s behind the lock: a stop after one minute was seen."""
_MILLISECONDS = re.compile(r"\d{1,7}(\.\d{1,3})?")
LEAST_S = 65.0
"""Behind the lock, or nothing can be said of that minute."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """One long open with a lock in it; in a browser the page is left, where it cannot be locked."""
    leaves = on_web(facts) and missing(options, LOCK)
    action = HOME if leaves else LOCK
    skip = skip_without(options, facts, action)
    if skip is not None:
        return skip
    request = replace(call_request(facts, options), background="continue")
    actions = (TimedAction(LOCK_S, action),)
    note = "the page is left" if leaves else "locked"
    return (acted(TEST_ID, 0, request, actions, seed=options.seed, duration_s=END_S, note=note),)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The longest run of exact zeros after the lock decides."""
    mine = own(records, TEST_ID)
    heard = [(r, f) for r in mine if (f := found(r)) is not None and f.gaps]
    if not heard:
        ruling = lost(mine) or unheard(mine, "no recording across a lock")
        return ruling.result(run_uuid, TEST_ID, mine)
    record, findings = heard[-1]
    left_s = _left_s(record)
    locked_s = findings.gaps[0].at_s if left_s is None else left_s
    verdict, why = _graded(findings, END_S - locked_s)
    silenced = record.report is not None and record.report.input_silenced
    reasons = unique([*why, *((Reason.MIC_SILENCED,) if silenced else ())])
    numbers = [Measurement("zero_run_ms", findings.gaps[0].zero_run_ms, "ms")]
    numbers += level("zeros_after_s", _zeros_after_s(findings, locked_s), "s")
    numbers += level("left_front_s", left_s, "s")
    text = _text(findings, locked_s, left=_is_left(record))
    return Ruling(verdict, reasons, text, tuple(numbers)).result(run_uuid, TEST_ID, mine)


def _graded(findings: ActionFindings, behind_s: float) -> tuple[Verdict, tuple[Reason, ...]]:
    before = findings.segments[0]
    if before.latency_ms is None and findings.quality.zero_fraction >= 1.0:
        return Verdict.NOT_MEASURABLE, (Reason.SILENT_CAPTURE,)
    run_ms = findings.gaps[0].zero_run_ms
    graded = limits.grade(TEST_ID, "zero_run_ms", limits.exact(run_ms))
    if graded[0] is not Verdict.FAIL and behind_s < LEAST_S:
        return Verdict.NOT_MEASURABLE, (Reason.ACTION_FAILED,)
    return graded


def _left_s(record: TrialRecord) -> float | None:
    """When the lock took the screen from the probe, as the probe saw it."""
    said = record.report.observed.get("left_front_ms", "") if record.report is not None else ""
    return float(said) / 1000 if _MILLISECONDS.fullmatch(said) else None


def _zeros_after_s(findings: ActionFindings, locked_s: float) -> float | None:
    from_s = findings.gaps[0].zero_from_s
    return None if from_s is None else max(from_s - locked_s, 0.0)


def _is_left(record: TrialRecord) -> bool:
    """Whether a browser's page was left instead of a phone locked."""
    return any(action.action == HOME for action in record.setup.actions)


def _text(findings: ActionFindings, locked_s: float, *, left: bool) -> str:
    gap = findings.gaps[0]
    event, behind = (
        ("leaving", "after the page was left") if left else ("lock", "behind a locked screen")
    )
    if findings.quality.zero_fraction >= 1.0:
        return f"the microphone is silent from the beginning: nothing can be said of the {event}"
    after_s = _zeros_after_s(findings, locked_s)
    if (
        END_S - locked_s < LEAST_S
        and gap.zero_run_ms <= limits.LIMITS["K1", "zero_run_ms"].fail_limit
    ):
        return (
            f"the {event} came only after {locked_s:.0f} s: nothing can be said of a minute "
            "behind it"
        )
    if after_s is None or gap.zero_run_ms <= limits.LIMITS["K1", "zero_run_ms"].pass_limit:
        away = gap.resumed_s is None and gap.gap_high_s is None
        played = "; the train is not heard any more" if away else ""
        return f"the microphone goes on for {END_S - locked_s:.0f} s {behind}{played}"
    why = (
        "a page that is not in front gets no sound"
        if left
        else "the system takes it from an app that is not in front (on Android: from one without a "
        "foreground service of the type microphone)"
    )
    return (
        f"digital silence {after_s:.0f} s after the {event}, for "
        f"{gap.zero_run_ms / 1000:.0f} s: {why}"
    )


PAGE = Page(
    question="Does the microphone go on when the screen is locked?",
    hardware="H0",
    stimulus="short sweeps for 90 s, the screen is locked after 10 s",
    measured="longest run of exact zeros after the lock, and how long after it begins",
    method="The probe is a visible activity without a foreground service, and goes on recording "
    "when the lock takes the screen from it: what an app without that service meets. So a failure "
    "says that an app needs one of the type microphone, not that one would help on this phone. "
    "A phone with a PIN is never locked, because nobody could open it again. In a browser whose "
    "phone cannot be locked from here the page is left for another tab or app instead. An "
    "iPhone is locked by WebDriverAgent, and only where bench.toml says that none has a passcode "
    "(`[ios] no_passcode = true`), which a computer cannot ask it; its probe has the background "
    "mode *audio*, so there the verdict is about an app that has it, too.",
    drives=("needs_mic_fgs",),
    sources=(
        "Agora Basic-Audio-Call#28 (stops a minute after the lock)",
        "RootEncoder#1701 (within seconds, Pixel 8 Pro, Android 15)",
        "callkeep#802",
    ),
)

TEST = CatalogueTest(TEST_ID, "locked screen while recording", trials, judge, PAGE)
