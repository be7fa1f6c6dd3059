"""A6: the same canceller through every API, with and without an audio session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.echo import far_end
from profiler.catalogue.echo.erle import Erle, erle
from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.latency.l1 import offered_apis
from profiler.model import (
    DeviceFacts,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
)

TEST_ID = "A6"
SPEECH_S = 11.0
MAX_APIS = 4


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Per API: canceller off once, and on with each kind of session; short trials."""
    refused = far_end.unfit(facts)
    if refused:
        return refused
    on = far_end.voice_request(facts, options)
    on = replace(on, volume=far_end.volumes(facts, options)[-1])
    offered = inputs_of(facts)
    apis = options.apis or (on.api, *offered_apis(facts))
    if offered.echo_apis is not None:  # "default" is one of them there
        apis = tuple(api for api in apis if api in offered.echo_apis)[:1]
    cells = []
    for api in tuple(dict.fromkeys(apis))[:MAX_APIS]:
        cells.append((replace(on, api=api, aec=EffectState.OFF), far_end.AEC_OFF))
        cells += [(replace(on, api=api, audio_session=s), far_end.AEC_ON) for s in offered.sessions]
    if len(cells) < 3:
        what = "there is one API through which it cancels echo, and no sessions: nothing to compare"
        return Skip(Reason.NOT_ON_THIS_PROBE, what)
    return tuple(
        far_end.echo_trial(
            TEST_ID, i, request, seed=options.seed, speech_s=SPEECH_S,
            note=far_end.noted(role, request),
        )
        for i, (request, role) in enumerate(cells)
    )  # fmt: skip


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Every cell against the best one; the worst decides."""
    records = own(records, TEST_ID)
    return _rule(records).result(run_uuid, TEST_ID, records)


def _rule(records: Sequence[TrialRecord]) -> Ruling:
    cells = _cells(records)
    if not cells:
        return nothing_measured(records, "no cell measured")
    notes = unique(reason for r in records for reason in r.reasons)
    numbers = [Measurement(f"erle_low_db[{name}]", c.low_db, "dB") for name, c in cells.items()]
    numbers += [
        Measurement(f"erle_db[{name}]", c.value_db, "dB")
        for name, c in cells.items()
        if c.value_db is not None
    ]
    if len(cells) < 2:
        text = "only one cell was measured: nothing to compare"
        return Ruling(
            Verdict.NOT_MEASURABLE, unique((Reason.FEW_REPEATS, *notes)), text, tuple(numbers)
        )
    best_name = max(cells, key=lambda n: cells[n].bounded.value)
    worst_name = min(cells, key=lambda n: cells[n].bounded.value)
    below = _below(cells[best_name], cells[worst_name])
    verdict, why = limits.grade(TEST_ID, "below_best_db", below)
    text = (
        f"best {best_name} ({cells[best_name].text}), worst {worst_name} "
        f"({cells[worst_name].text}) of {len(cells)} ways to open the microphone"
    )
    numbers.append(Measurement("below_best_db", below.value, "dB"))
    return Ruling(verdict, unique((*why, *notes)), text, tuple(numbers))


def _cells(records: Sequence[TrialRecord]) -> dict[str, Erle]:
    """ERLE by ``api=…,session=…``."""
    found = {}
    offs = {r.request.api: far_end.echo_of(r) for r in far_end.with_role(records, far_end.AEC_OFF)}
    for record in far_end.with_role(records, far_end.AEC_ON):
        off, on = offs.get(record.request.api), far_end.echo_of(record)
        cell = None if off is None or on is None else erle(off, on)
        if cell is not None:
            name = f"api={record.request.api},session={record.request.audio_session}"
            found[name] = cell
    return found


def _below(best: Erle, cell: Erle) -> limits.Bounded:
    """How far ``cell`` lies below ``best``: both below the noise are equal."""
    if cell.value_db is None:
        return limits.exact(0.0) if best.value_db is None else limits.Bounded(0.0, 0.0, 3.0)
    value = max(0.0, best.bounded.value - cell.value_db)
    high_cell = cell.value_db if cell.high_db is None else cell.high_db
    low = max(0.0, best.low_db - high_cell)
    best_high = best.bounded.value if best.high_db is None else best.high_db
    return limits.Bounded(value, min(low, value), max(value, best_high - cell.low_db))


PAGE = Page(
    question="Does the canceller work through the API, and with the session, that the app uses?",
    hardware="H0",
    stimulus="11 s of sentences at the loudest volume per cell: every API that the device offers, "
    "with the system's session, with none and with a shared one",
    measured="ERLE per cell, distance from the best",
    method="Each API has its own recording without canceller. Two cells whose echo lies below the "
    "noise are equal. That a preferred device switches a canceller off (flutter-webrtc PR#1808) is "
    "not tried: the probe never names a device. An iPhone cancels echo in voice-processing I/O "
    "alone, so there is nothing to compare on it.",
    drives=("capture_api", "attach_session", "avoid_set_preferred_device"),
    sources=("oboe#1405", "oboe#2090", "flutter-webrtc PR#1808"),
)

TEST = CatalogueTest(TEST_ID, "echo per API and session", trials, judge, PAGE)
