"""B1: a Bluetooth headset in a call: rate, delay, band."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.catalogue.judging import Ruling, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, Skip, TrialOptions
from profiler.catalogue.system import headset
from profiler.catalogue.system.acts import call_request
from profiler.model import (
    DeviceFacts,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    Verdict,
)

TEST_ID = "B1"
WIDEBAND_HZ = 16_000
"""A headset at 8 kHz carries telephone speech only."""


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...] | Skip:
    """Opens on the headset, and as many on the phone itself."""
    there = headset.connected(facts)
    skip = headset.skip_without(facts, there[:1] or ("bluetooth_sco",))
    if skip is not None:
        return skip
    own_route = call_request(facts, options).route
    plain = own_route if own_route not in (*there, "default") else "speaker"
    return headset.opens(TEST_ID, facts, options, (there[0], plain))


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """A number is a pass; a narrow band is said."""
    mine = own(records, TEST_ID)
    route = mine[0].request.route if mine else ""
    numbers, text = headset.described(mine, route)
    if headset.median_ms(headset.on(mine, route)) is None:
        missing = nothing_measured(headset.on(mine, route), "nothing measured on the headset")
        return missing.result(run_uuid, TEST_ID, mine)
    others = [r for r in mine if r.request.route != route]
    here, there = headset.median_ms(others), headset.median_ms(headset.on(mine, route))
    if here is not None and there is not None:
        numbers.append(Measurement("bt_extra_ms", there - here, "ms"))
        text += f", {there - here:+.0f} ms against the phone itself"
    rate = headset.device_rate_hz(headset.on(mine, route))
    narrow = rate is not None and rate < WIDEBAND_HZ
    reasons = (Reason.NARROW_VOICE_BAND,) if narrow else ()
    verdict = Verdict.MARGINAL if narrow else Verdict.PASS
    return Ruling(verdict, unique(reasons), text, tuple(numbers)).result(run_uuid, TEST_ID, mine)


PAGE = Page(
    question="What does a Bluetooth headset cost in a call?",
    hardware="H3",
    stimulus="the train of L1, three opens on the headset and three on the phone itself",
    measured="round-trip latency, what the headset adds to it, the rate of its microphone, the "
    "band that carried the train",
    method="The headset is connected, its earpiece lying on its microphone. The probe opens "
    "its streams on it as calls do (SCO or LE Audio, by setCommunicationDevice from "
    "Android 12 on). Without a limit: a measured headset passes, one at 8 kHz is "
    "marginal.",
    drives=("bt_rate", "bt_extra_ms", "bt_profile"),
    sources=("mumble-iphoneos#125", "audioswitch#119", "twilio-video-quickstart-ios#456"),
)

TEST = CatalogueTest(TEST_ID, "Bluetooth headset in a call", trials, judge, PAGE)
