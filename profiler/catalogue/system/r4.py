"""R4: which stream do the volume keys move while the phone is in communication mode?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue.judging import Ruling, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.system.acts import (
    acted,
    call_request,
    found,
    late,
    level,
    moved_streams,
    skip_without,
    unheard,
)
from profiler.catalogue.table import SAME_LEVEL_DB
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TimedAction,
    TrialRecord,
    Verdict,
)

TEST_ID = "R4"
DOWN_S, UP_S, END_S = 5.0, 11.0, 17.0
LATE_S = 2.5
"""From then on the settled part between the keys would hold both levels."""
PRESSES = "2"
VOLUME = 0.6
"""Room for two steps in both directions."""
CALL_STREAMS = frozenset({"voice_call", "bluetooth_sco"})
"""With a headset calls have a stream of their own."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """One trial: two steps down, two steps up."""
    skip = skip_without(options, facts, "volume_down", "volume_up")
    if skip is not None:
        return skip
    request = replace(call_request(facts, options), volume=VOLUME)
    actions = (TimedAction(DOWN_S, "volume_down", PRESSES), TimedAction(UP_S, "volume_up", PRESSES))
    note = "volume keys in a call"
    return (acted(TEST_ID, 0, request, actions, seed=options.seed, duration_s=END_S, note=note),)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The call's stream must move, and no other one."""
    mine = own(records, TEST_ID)
    done = [r for r in mine if r.actions and all(a.ok for a in r.actions)]
    if not done:
        return unheard(mine, "no key was pressed in a trial").result(run_uuid, TEST_ID, mine)
    record = done[-1]
    moves = [moved_streams(outcome.text) for outcome in record.actions]
    right = {name for move in moves for name in move if name in CALL_STREAMS}
    wrong = {name for move in moves for name in move if name not in CALL_STREAMS}
    change_db = _change_db(record)
    numbers = _numbers(moves, change_db)
    verdict, reasons, text = _ruled(right, wrong, change_db)
    return Ruling(verdict, unique(reasons), text, tuple(numbers)).result(run_uuid, TEST_ID, mine)


def _ruled(
    right: set[str], wrong: set[str], change_db: float | None
) -> tuple[Verdict, tuple[Reason, ...], str]:
    if not right:
        what = f"they move {', '.join(sorted(wrong))}" if wrong else "they move nothing"
        text = f"the volume keys do not move the call's volume: {what}"
        return Verdict.FAIL, (Reason.WRONG_STREAM,), text
    if wrong:
        text = f"the volume keys move {', '.join(sorted(wrong))} beside the call's volume"
        return Verdict.MARGINAL, (Reason.WRONG_STREAM,), text
    if change_db is not None and abs(change_db) < SAME_LEVEL_DB:
        text = f"the call's index moves, but what is heard does not ({change_db:+.1f} dB)"
        return Verdict.MARGINAL, (Reason.WRONG_STREAM,), text
    heard = "" if change_db is None else f", two steps down are {change_db:+.1f} dB"
    return Verdict.PASS, (), f"the volume keys move the call's volume{heard}"


def _change_db(record: TrialRecord) -> float | None:
    """Level after the steps down against before; ``None`` also when they came too late."""
    findings = found(record)
    if findings is None or len(findings.segments) < 2 or late(record.actions[0], LATE_S):
        return None
    before, after = findings.segments[0].gain_db, findings.segments[1].gain_db
    return None if before is None or after is None else after - before


def _numbers(moves: list[dict[str, tuple[int, int]]], change_db: float | None) -> list[Measurement]:
    numbers = [
        Measurement(f"index_change[stream={name},key={key}]", after - before, "1")
        for key, move in zip(("down", "up"), moves, strict=False)
        for name, (before, after) in move.items()
    ]
    return [*numbers, *level("level_change_db", change_db, "dB")]


PAGE = Page(
    question="Do the volume keys change the volume of the call?",
    hardware="H0",
    stimulus="short sweeps for 16 s in communication mode, two presses on volume down after 5 s, "
    "two on volume up after 11 s",
    measured="by adb: which stream's index moves, and by how much what is heard",
    method="The keys are pressed by adb as by a thumb; before and after, dumpsys audio says "
    "the index of every stream. The level is that of the direct path, from the "
    "loudspeaker to the phone's own microphone. All volumes are put back. Nothing presses an "
    "iPhone's keys here.",
    drives=("stream",),
    sources=("element-x#4459 (volume keys move the wrong stream)",),
)

TEST = CatalogueTest(TEST_ID, "volume keys in a call", trials, judge, PAGE)
