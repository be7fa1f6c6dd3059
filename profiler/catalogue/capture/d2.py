"""D2: do the channels hold what they are said to hold?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, listed, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.table import (
    DEAD_CHANNEL_DB,
    INTERLEAVED_PITCH,
    MERGED_PITCH,
    SAME_PITCH,
)
from profiler.model import (
    ChannelTone,
    DeviceFacts,
    GlitchFindings,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialSetup,
    Verdict,
    worst,
)
from profiler.stimulus import tone

TEST_ID = "D2"
WARMUP_S = 0.5
TONE_S = 3.0
TAIL_S = 1.0
CALL = "voice_communication"


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One and two input channels, plainly and, on phones, as a call opens them."""
    plain = options.plain(facts, WARMUP_S)
    wanted = [(f"{n} channels", replace(plain, input_channels=n)) for n in (1, 2)]
    if CALL in inputs_of(facts).preset_words and plain.input_preset != CALL:
        wanted += [
            (f"{n} channels {CALL}", replace(plain, input_channels=n, input_preset=CALL))
            for n in (1, 2)
        ]
    pairs = [(request, tone(request.rate_hz, TONE_S)) for _, request in wanted]
    setups = [TrialSetup(analysis="glitches", note=note) for note, _ in wanted]
    return numbered(TEST_ID, pairs, tail_s=TAIL_S, setup=setups)


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Each open for itself, its pitch beside that of its sibling; the worst decides."""
    mine = own(records, TEST_ID)
    heard = [(r, r.findings) for r in mine if isinstance(r.findings, GlitchFindings)]
    if not heard:
        return nothing_measured(mine, "no capture to look at").result(run_uuid, TEST_ID, mine)
    parts = [_judged(r, f, shared=_shared(r, f, heard)) for r, f in heard]
    lost = [r for r in mine if not isinstance(r.findings, GlitchFindings)]
    errors = [Verdict.ERROR for r in lost if r.verdict is Verdict.ERROR]
    text = "; ".join(dict.fromkeys(p.text for p in parts))
    if lost:
        names = ", ".join(r.setup.note for r in lost)
        text += f"; no capture with {names} ({listed(x for r in lost for x in r.reasons)})"
    return Ruling(
        worst((*(p.verdict for p in parts), *errors)),
        unique([*(x for p in parts for x in p.reasons), *(x for r in lost for x in r.reasons)]),
        text,
        tuple(m for p in parts for m in p.measurements),
    ).result(run_uuid, TEST_ID, mine)


def _shared(
    record: TrialRecord,
    found: GlitchFindings,
    heard: Sequence[tuple[TrialRecord, GlitchFindings]],
) -> bool:
    """Whether an open that differs in nothing but its channels is off by the same pitch.

    Then the rate is wrong: how many channels a stream holds would show with one number of them.
    """
    return any(
        replace(r.request, input_channels=1) == replace(record.request, input_channels=1)
        and len(f.channels) != len(found.channels)
        and _is_pitch(f.pitch_ratio, found.pitch_ratio)
        for r, f in heard
    )


def _is_pitch(ratio: float | None, wanted: float | None) -> bool:
    return ratio is not None and wanted is not None and abs(ratio / wanted - 1) < SAME_PITCH


def dead_channels(channels: Sequence[ChannelTone]) -> list[int]:
    """Channels of exact zeros, and those far below the loudest: a converter's own noise."""
    loudest = max((c.tone_dbfs for c in channels), default=0.0)
    return [
        i
        for i, c in enumerate(channels)
        if c.zero_fraction >= 1.0 or loudest - c.tone_dbfs >= DEAD_CHANNEL_DB
    ]


def _named(name: str, record: TrialRecord, *more: str) -> str:
    asked = record.request
    where = (f"channels={asked.input_channels}", f"preset={asked.input_preset}", *more)
    return f"{name}[{','.join(where)}]"


def _judged(record: TrialRecord, found: GlitchFindings, *, shared: bool) -> Ruling:
    note, channels = record.setup.note, found.channels
    numbers = [
        Measurement(_named("channel_dbfs", record, f"channel={i}"), c.rms_dbfs, "dBFS")
        for i, c in enumerate(channels, 1)
    ]
    if found.pitch_ratio is not None:
        numbers.append(Measurement(_named("pitch_ratio", record), found.pitch_ratio, "1"))
        if Reason.PITCH_ERROR in found.reasons:
            return _wrong_pitch(note, found.pitch_ratio, len(channels), numbers, shared=shared)
    dead = dead_channels(channels)
    if dead and len(dead) < len(channels):
        which = ", ".join(str(i + 1) for i in dead)
        below_db = max(c.tone_dbfs for c in channels) - max(channels[i].tone_dbfs for i in dead)
        zeros = all(channels[i].zero_fraction >= 1.0 for i in dead)
        text = f"{note}: channel {which} of {len(channels)} is dead "
        text += "(exact zeros)" if zeros else f"({below_db:.0f} dB below the other)"
        return Ruling(Verdict.MARGINAL, (Reason.CHANNELS_WRONG,), text, tuple(numbers))
    if found.pitch_ratio is None:
        verdict = Verdict.FAIL if dead else Verdict.NOT_MEASURABLE
        text = f"{note}: {listed(found.reasons)}"
        return Ruling(verdict, found.reasons, text, tuple(numbers))
    return _right_pitch(record, found, numbers)


def _wrong_pitch(
    note: str, ratio: float, channels: int, numbers: list[Measurement], *, shared: bool
) -> Ruling:
    if shared:
        text = f"{note}: pitch times {ratio:.4g}, and so with the other number of channels"
        return Ruling(Verdict.FAIL, (Reason.PITCH_ERROR,), text, tuple(numbers))
    wrong, what = (INTERLEAVED_PITCH, "two channels in one")
    if channels > 1:
        wrong, what = (MERGED_PITCH, "one channel in two")
    if _is_pitch(ratio, wrong):
        text = f"{note}: the stream holds {what} (pitch times {ratio:.3g})"
        return Ruling(Verdict.FAIL, (Reason.CHANNELS_WRONG,), text, tuple(numbers))
    text = f"{note}: pitch times {ratio:.4g}"
    return Ruling(Verdict.FAIL, (Reason.PITCH_ERROR,), text, tuple(numbers))


def _right_pitch(record: TrialRecord, found: GlitchFindings, numbers: list[Measurement]) -> Ruling:
    note, channels = record.setup.note, found.channels
    if record.request.input_channels != len(channels):
        text = f"{note}: {len(channels)} granted"
        return Ruling(Verdict.PASS, (Reason.GRANTED_DIFFERS,), text, tuple(numbers))
    if len(channels) < 2:
        return Ruling(Verdict.PASS, (), f"{note}: as it should be", tuple(numbers))
    same = [c for c in channels if c.same_as is not None]
    numbers.append(Measurement(_named("channels_same", record), len(same), "1"))
    if same:
        return Ruling(Verdict.PASS, (), f"{note}: the same signal in both", tuple(numbers))
    apart = channels[1].tone_dbfs - channels[0].tone_dbfs
    numbers.append(Measurement(_named("channel_difference_db", record), apart, "dB"))
    text = f"{note}: two signals, the second {apart:+.1f} dB"
    return Ruling(Verdict.PASS, (), text, tuple(numbers))


PAGE = Page(
    question="Do the channels of a recording hold what they are said to hold?",
    hardware="H0",
    stimulus="a tone of 857 Hz for 3 s, recorded with one and with two channels, plainly and with "
    "a call's preset",
    measured="pitch against what was played; level, zeros and equality of the channels",
    method="A mono stream that really holds two interleaved channels sounds at half the pitch, a "
    "stereo stream that holds one at twice the pitch. Where the open with the other number of "
    "channels is off by the same pitch, it is the rate that is wrong, not the channels. A channel "
    f"of exact zeros, or whose tone is {DEAD_CHANNEL_DB:g} dB or more below the other's, is dead "
    "(proposal): marginal, for the other one works. Probes play one channel only, so which "
    "microphone is left and which is right is not known, and a swap cannot be seen.",
    drives=("channels",),
    sources=("oboe#942", "CATALOGUE D2 (proposal)"),
)

TEST = CatalogueTest(TEST_ID, "channel truth", trials, judge, PAGE)
