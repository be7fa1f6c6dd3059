"""W1: which calls are made, when a jitter buffer has settled, and what is said of the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import store_records as make

from profiler.catalogue import SUITES, TESTS, Skip, TrialOptions, judge, planned_audio_s
from profiler.catalogue.web import calls
from profiler.catalogue.web.calls import DEFAULTS, DTX, LONG_PACKETS, NO_FEC, TARGET, Variant
from profiler.catalogue.web.settled import settled
from profiler.model import (
    CallPath,
    NoiseSpec,
    Platform,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
)

BROWSER = make.facts(platform=Platform.WEB, native_rate_hz=48_000, is_virtual=False)
RAMP = (82.0, 92.0, 101.5)
"""Latencies of the first chirps, while a jitter buffer moves."""


def plan(**changes: Any) -> Sequence[Any]:
    options = TrialOptions(**{"seed": 5, "tests": ("W1",), **changes})
    trials = TESTS["W1"].trials(BROWSER, options)
    assert not isinstance(trials, Skip)
    return trials


def notes(**changes: Any) -> list[str]:
    return [t.setup.note for t in plan(**changes)]


# --- planning ------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", [p for p in Platform if p is not Platform.WEB])
def test_only_a_browser_makes_calls(platform: Platform) -> None:
    skip = TESTS["W1"].trials(make.facts(platform=platform), TrialOptions(seed=1))
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NOT_ON_THIS_PROBE


def test_the_budget_decides_how_many() -> None:
    assert notes(short=True, brief=True) == [DEFAULTS.note, TARGET.note]
    assert notes(brief=True).count(DEFAULTS.note) == 3
    standard = notes()
    counts = [standard.count(v.note) for v in (DEFAULTS, LONG_PACKETS, TARGET, NO_FEC, DTX)]
    assert counts == [5, 3, 3, 1, 1]
    assert standard[:4] == [DEFAULTS.note, LONG_PACKETS.note, TARGET.note, DEFAULTS.note]  # in turn
    assert notes(thorough=True, repeats=8).count(TARGET.note) == 8
    assert notes(thorough=True, repeats=1).count(DEFAULTS.note) == 5
    assert planned_audio_s(plan()) < 260.0
    assert "W1" in SUITES["standard"]
    assert "W1" not in SUITES["smoke"]


def test_a_trial_changes_one_thing_and_plays_noise_beneath() -> None:
    for trial in plan(volumes=(0.3,)):
        variant = {v.note: v for v in calls.VARIANTS}[trial.setup.note]
        assert trial.request.call == variant.call
        assert (trial.request.api, trial.request.volume) == ("web_audio", None)
        changed = [
            n for n in CallPath.__slots__ if getattr(variant.call, n) != getattr(CallPath(), n)
        ]
        assert len(changed) == (variant is not DEFAULTS)
        bed = trial.setup.beneath
        assert (bed is None) == (variant is DTX)
        if bed is not None:
            assert isinstance(bed, NoiseSpec)
            assert bed.duration_s == trial.request.duration_s
        assert trial.request.duration_s > trial.stimulus.duration_s + 0.5


# --- when it has settled -------------------------------------------------------------------------


def estimate(*latency_ms: float, **changes: Any) -> Any:
    times = tuple(0.2 + 0.75 * i for i in range(len(latency_ms)))
    return make.estimate(
        latency_ms[0], **{"per_chirp_ms": latency_ms, "per_chirp_time_s": times, **changes}
    )


def test_the_last_rest_counts_and_the_way_to_it_is_told() -> None:
    rest = settled(estimate(*RAMP, *[111.5, 111.51, 111.49] * 3))
    assert rest is not None
    assert rest.latency_ms == 111.5
    assert rest.sd_ms == pytest.approx(0.00866, abs=1e-4)
    assert rest.from_s == pytest.approx(0.2 + 3 * 0.75)
    assert (rest.chirps, rest.steps, rest.moved_ms) == (9, 3, 29.5)


def test_a_buffer_at_rest_from_the_start_settles_at_once() -> None:
    rest = settled(estimate(*[92.0] * 22))
    assert rest is not None
    assert (rest.from_s, rest.steps, rest.sd_ms, rest.moved_ms) == (0.0, 0, 0.0, 0.0)


def test_a_later_rest_wins_over_a_longer_one_and_a_last_step_does_not() -> None:
    raised = settled(estimate(*[65.0] * 12, *[200.0] * 4))
    stepped = settled(estimate(*[65.0] * 12, *[200.0] * 3))
    assert raised is not None
    assert stepped is not None
    assert (raised.latency_ms, raised.steps) == (200.0, 1)
    assert (stepped.latency_ms, stepped.steps) == (65.0, 1)


@pytest.mark.parametrize(
    "latency_ms",
    [
        [90.0 + 2.0 * i for i in range(20)],  # still moving
        [90.0 + 0.4 * i for i in range(20)],  # slowly, never within 1 ms for four chirps
        [90.0, 110.0] * 10,
        [90.0] * 10 + [110.0, 120.0, 130.0, 125.0],  # moves again
        [90.0] * 3,
    ],
    ids=str,
)
def test_what_never_rests_is_not_settled(latency_ms: list[float]) -> None:
    assert settled(estimate(*latency_ms)) is None


def test_no_number_of_a_poor_recording() -> None:
    assert settled(make.estimate(None)) is None
    assert settled(estimate(*[90.0] * 5, float("nan"))) is None


# --- judging -------------------------------------------------------------------------------------

SAID = {
    "call_ptime_ms": "20", "call_fec": "agreed", "call_fec_packets": "0",
    "call_concealed_share": "0.0001", "call_jitter_buffer_ms": "48",
    "call_jitter_buffer_target_ms": "40", "call_jitter_buffer_target_end_ms": "40",
    "call_packets_sent": "870", "call_bitrate_bps": "31000",
}  # fmt: skip
TRUE: dict[Variant, tuple[float, dict[str, str]]] = {
    DEFAULTS: (105.0, {}),
    LONG_PACKETS: (150.0, {"call_ptime_ms": "60"}),
    TARGET: (245.0, {"call_jitter_buffer_target_end_ms": "199.8"}),
    NO_FEC: (106.0, {"call_fec": "off"}),
    DTX: (120.0, {"call_packets_sent": "350"}),
}
"""A stack that does as it is asked: latency, and what its statistics say beside ``SAID``."""


def session(variant: Variant, index: int, latency_ms: float, **said: str) -> TrialRecord:
    """One call whose latency rests after three steps."""
    found = estimate(*(latency_ms - 20 + v / 10 for v in RAMP), *[latency_ms] * 12)
    return make.trial(
        f"w{index}", index=index, test_id="W1", estimate=found, verdict=Verdict.MARGINAL,
        reasons=("timeline_edited",), setup=TrialSetup(note=variant.note),
        request=TrialRequest(api="web_audio", call=variant.call, duration_s=17.4),
        report=make.report(observed={**SAID, **said}),
    )  # fmt: skip


def sessions(*, spread_ms: float = 3.0, **changes: dict[str, Any]) -> list[TrialRecord]:
    """What a standard run makes; ``changes`` by variant: ``ms`` or words of the statistics."""
    found: list[TrialRecord] = []
    for trial in plan():
        variant = {v.note: v for v in calls.VARIANTS}[trial.setup.note]
        other = changes.get(variant.note.partition("=")[0], {})
        latency_ms, said = TRUE[variant]
        near_ms = spread_ms * (len([r for r in found if r.setup.note == variant.note]) - 2)
        said = {**said, **{k: v for k, v in other.items() if k != "ms"}}
        found.append(session(variant, trial.index, other.get("ms", latency_ms) + near_ms, **said))
    return found


def ruled(records: Sequence[TrialRecord]) -> TestResult:
    return judge("W1", "run-1", records)


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


def test_a_stack_that_does_as_it_is_asked_passes() -> None:
    result = ruled(sessions())
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert number(result, "call_ms") == 105.0
    assert number(result, "call_mad_ms") == 3.0
    assert number(result, "settled_sd_ms") == 0.0
    assert number(result, "settle_s") == pytest.approx(2.45)
    assert number(result, "concealed_percent") == pytest.approx(0.01)
    # Three sessions of each lie a spread lower than five.
    assert number(result, "added_ms[ptime=60]") == pytest.approx(45.0 - 3.0)
    assert number(result, "added_ms[target=200]") == pytest.approx(140.0 - 3.0)
    in_force = [m.value for m in result.measurements if m.name.startswith("in_force")]
    assert in_force == [1.0] * 4
    assert "a call adds 105.0 ms" in result.text
    assert "FEC: not shown in force" in result.text


@pytest.mark.parametrize(
    ("option", "change"),
    [
        ("ptime", {"call_ptime_ms": "20"}),
        ("ptime", {"call_ptime_ms": "inf"}),
        ("ptime", {"call_ptime_ms": "sixty"}),
        ("target", {"call_jitter_buffer_target_end_ms": "40"}),
        ("target", {"call_jitter_buffer_target_end_ms": ""}),
        ("target", {"ms": 120.0}),  # the stack says so, and the sound does not
        ("dtx", {"call_packets_sent": "860"}),
        ("fec", {"call_fec": "agreed"}),
        ("fec", {"call_fec_packets": "7"}),
    ],
    ids=str,
)
def test_an_option_that_is_not_shown_is_not_in_force(option: str, change: dict[str, Any]) -> None:
    result = ruled(sessions(**{option: change}))
    assert result.verdict is Verdict.MARGINAL
    assert result.reasons == (Reason.NOT_IN_FORCE,)
    (name,) = [m.name for m in result.measurements if m.name.startswith("in_force") and not m.value]
    assert name.startswith(f"in_force[{option}=")
    assert "not in force" in result.text


def test_fec_at_work_is_told() -> None:
    result = ruled(sessions(defaults={"call_fec_packets": "3"}))
    assert "FEC: in force" in result.text
    assert number(result, "fec_packets") == 15.0


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        (
            {"defaults": {"ms": 170.0}, "target": {"ms": 310.0}},
            Verdict.MARGINAL,
            Reason.LATENCY_HIGH,
        ),
        ({"defaults": {"ms": 500.0}, "target": {"ms": 650.0}}, Verdict.FAIL, Reason.LATENCY_HIGH),
        ({"spread_ms": 9.0}, Verdict.MARGINAL, Reason.LATENCY_SPREAD),
        ({"defaults": {"call_concealed_share": "0.2"}}, Verdict.FAIL, Reason.CONCEALED),
    ],
    ids=str,
)
def test_limits(change: dict[str, Any], verdict: Verdict, reason: Reason) -> None:
    result = ruled(sessions(**change))
    assert (result.verdict, result.reasons) == (verdict, (reason,))


def test_slow_settling_is_told_beside_the_latency() -> None:
    slow = [
        replace(r, estimate=estimate(*[60.0 + 3 * i for i in range(15)], *[105.0] * 6))
        if r.setup.note == DEFAULTS.note else r
        for r in sessions()
    ]  # fmt: skip
    result = ruled(slow)
    assert Reason.SETTLES_SLOWLY in result.reasons
    assert number(result, "call_ms") == 105.0


def unrested(record: TrialRecord) -> TrialRecord:
    return replace(record, estimate=estimate(*[60.0 + 3 * i for i in range(20)]))


def test_sessions_that_never_settle_give_no_number() -> None:
    records = sessions()
    one = ruled([unrested(records[0]), *records[1:]])
    assert one.verdict is Verdict.MARGINAL
    assert one.reasons == (Reason.FEW_REPEATS, Reason.NOT_SETTLED)
    assert (number(one, "sessions"), number(one, "sessions_rejected")) == (4, 1)
    none = ruled([unrested(r) for r in records])
    assert (none.verdict, none.reasons) == (Verdict.NOT_MEASURABLE, (Reason.NOT_SETTLED,))
    assert none.measurements == ()


def refused(record: TrialRecord) -> TrialRecord:
    return replace(
        record, report=None, estimate=None, verdict=Verdict.NOT_MEASURABLE,
        reasons=(str(Reason.REQUEST_REFUSED),),
    )  # fmt: skip


def test_a_browser_without_calls_is_not_measurable() -> None:
    result = ruled([refused(r) for r in sessions()])
    assert (result.verdict, result.reasons) == (Verdict.NOT_MEASURABLE, (Reason.REQUEST_REFUSED,))


def test_an_option_the_browser_has_not_is_a_reason_beside_the_verdict() -> None:
    records = [refused(r) if r.setup.note == TARGET.note else r for r in sessions()]
    result = ruled(records)
    assert (result.verdict, result.reasons) == (Verdict.PASS, (Reason.REQUEST_REFUSED,))
    assert "target=200: request_refused" in result.text
    assert not [m for m in result.measurements if "target=200" in m.name]


def test_an_option_at_which_the_device_failed_is_an_error() -> None:
    lost = {"verdict": Verdict.ERROR, "reasons": (str(Reason.DEVICE_LOST),)}
    records = [
        replace(refused(r), **lost) if r.setup.note == TARGET.note else r for r in sessions()
    ]
    result = ruled(records)
    assert (result.verdict, result.reasons) == (Verdict.ERROR, (Reason.DEVICE_LOST,))


def test_few_sessions_claim_nothing() -> None:
    few = [r for r in sessions() if r.index < 2]
    result = ruled(few)
    assert (result.verdict, result.reasons) == (Verdict.MARGINAL, (Reason.FEW_REPEATS,))
    assert ruled([]).verdict is Verdict.SKIPPED
