"""Rules for the echo's delay, barge-in, its volume and its start (F10, A4, A8, A9)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from profiler.budget import device_part
from profiler.model import PartSource, Quantity, UseCase
from profiler.recommend.case import Case, Choice, Evidence, lower, only, up_to, upper, whole
from profiler.recommend.limits import (
    AEC3_ALIGNS_MS,
    AEC3_FILTERS,
    AEC3_HINT_MAX_MS,
    CAUTIOUS_HOLDOFF_MS,
    CAUTIOUS_TAIL_MS,
    CAUTIOUS_VOLUME,
    CLIPPED_PERCENT,
    CLIPPING_VOLUME,
    MAX_OFFSET_DB,
    ROOM_TAIL_MS,
    WANTED_MARGIN_DB,
)
from profiler.recommend.rule import Rule

_TAIL_STEP_MS = 10.0


def filters_for(delay_ms: float) -> int:
    """AEC3's ``delay.num_filters`` that searches up to ``delay_ms``: 1 + ⌈(D/4 - 32) / 24⌉."""
    return max(AEC3_FILTERS, 1 + math.ceil((delay_ms / 4.0 - 32.0) / 24.0 - 1e-9))


def software(case: Case) -> bool:
    """Whether a software canceller runs that can be told a delay; a browser's takes no advice."""
    return case.value("aec") in ("software", "both") and case.family != "web"


def echo_delay(case: Case) -> tuple[float, float, tuple[Evidence, ...], bool] | None:
    """(middle, latest) delay of the echo in ms on the chosen path, its evidence, and whether it
    was measured on another path.

    A1 heard it on the probe's API; a change of API changes it as much as the round trip (L3).
    """
    heard = list(case.variants("A1", "echo_delay_ms").values())
    plain = case.quantity("L1", "rtl_ms")
    found = max(heard, key=upper) if heard else plain
    if found is None:
        return None
    here, there = device_part(case.known, case.values()), None
    if case.off_path:
        usual = {"api": case.probed_api, "buffer_bursts": None, "buffer_frames": None}
        there = device_part(case.known, {**case.values(), **usual})
    step_ms = 0.0
    if there is not None and PartSource.ASSUMED not in (here.source, there.source):
        step_ms = here.ms - there.ms
    latest = max((*(q.worst for q in heard), upper(found)))
    slower = case.quantity("L3", f"rtl_ms[api={case.value('api')}]") if case.off_path else None
    proofs = only((found, slower))
    unsure = case.off_path and slower is None
    return max(found.value + step_ms, 0.0), max(latest + step_ms, 0.0), proofs, unsure


def _hint(case: Case) -> Iterator[Choice]:
    if not software(case):
        why = f"{case.whose} canceller knows its own delay, and without one there is none to know"
        yield Choice("aec_delay_hint_ms", None, why)
        return
    found = echo_delay(case)
    if found is None:
        why = "not measured: the stack's own guess"
        yield Choice("aec_delay_hint_ms", None, why, would_tell=("A1", "L1"))
        return
    middle_ms, _, proofs, unsure = found
    value = whole("aec_delay_hint_ms", min(middle_ms, AEC3_HINT_MAX_MS))
    why = f"the echo comes {middle_ms:.0f} ms after it is played"
    if middle_ms > AEC3_HINT_MAX_MS:
        why += f"; AEC3 takes no more than {AEC3_HINT_MAX_MS} ms"
    yield Choice("aec_delay_hint_ms", value, why, proofs, doubtful=unsure)


def _none_runs(case: Case) -> str:
    web = case.family == "web"
    return "a browser's canceller takes no advice" if web else "no software canceller runs"


def _filters(case: Case) -> Iterator[Choice]:
    found = echo_delay(case) if software(case) else None
    if found is None:
        why = "AEC3's own" if software(case) else _none_runs(case)
        yield Choice("aec_filters", AEC3_FILTERS if software(case) else None, why)
        return
    _, latest_ms, proofs, unsure = found
    count = whole("aec_filters", filters_for(latest_ms))
    if latest_ms <= AEC3_ALIGNS_MS:
        why = f"the echo comes within {latest_ms:.0f} ms: AEC3's own {AEC3_FILTERS} reach it"
        yield Choice("aec_filters", AEC3_FILTERS, why, proofs, doubtful=unsure)
        return
    case.caution(
        "echo_too_late",
        f"the echo comes up to {latest_ms:.0f} ms late and AEC3 as shipped cancels nothing beyond "
        f"{AEC3_ALIGNS_MS:.0f} ms: build it with {count} filters, or stay half duplex; more than "
        f"{AEC3_FILTERS} filters were never verified",
    )
    why = f"the echo comes up to {latest_ms:.0f} ms late: {count} filters search so far"
    yield Choice("aec_filters", count, why, proofs, doubtful=True)


def _tail(case: Case) -> Iterator[Choice]:
    """What a canceller without delay search must span (PJSUA): the spread and the room."""
    if not software(case):
        yield Choice("aec_tail_ms", None, _none_runs(case))
        return
    early, late = (case.quantity("L1", f"rtl_{x}_ms") for x in ("min", "max"))
    wander = case.quantity("L4", "wander_pp_ms")
    if early is None or late is None:
        yield Choice(
            "aec_tail_ms", CAUTIOUS_TAIL_MS, "not measured: PJSUA's default",
            would_tell=("L1",), telling="would tell how far opens differ",
        )  # fmt: skip
        return
    spread_ms = max(upper(late) - lower(early), 0.0)
    moves_ms = 0.0 if wander is None else max(upper(wander), 0.0)
    value = whole("aec_tail_ms", up_to(_TAIL_STEP_MS, ROOM_TAIL_MS + spread_ms + moves_ms))
    why = (
        f"opens differ by {spread_ms:.0f} ms, one wanders by {moves_ms:.0f} ms, the room takes "
        f"{ROOM_TAIL_MS:.0f} ms"
    )
    yield Choice("aec_tail_ms", value, why, only((late, early, wander)))


def _duplex_of_use(case: Case) -> Iterator[Choice]:
    if case.use is UseCase.VOICE_AGENT:
        why = "not measured: an assistant that may hear itself is half duplex"
        yield Choice("full_duplex", False, why, would_tell=("A9",))
    else:
        why = "a call and a stage are open both ways"
        yield Choice("full_duplex", True, why)
    if case.use is UseCase.MUSIC:
        yield Choice("max_safe_volume", 1.0, "on headphones no echo limits the volume")
    else:
        why = "not measured: assistants hear themselves above 25 to 30 % volume"
        yield Choice("max_safe_volume", CAUTIOUS_VOLUME, why, would_tell=("A9",))


def _barge_in(case: Case) -> Iterator[Choice]:
    """A9's verdict is about the platform's canceller."""
    safe, volume = case.quantity("A9", "full_duplex"), case.quantity("A9", "max_safe_volume")
    if safe is None or not case.voice:
        return
    open_mic = safe.least > 0
    proofs = only((safe, case.test("A9")))
    same = case.value("aec") == case.own_effect
    words = "" if same else "; measured with the platform's canceller, verify proves the other"
    if case.use is UseCase.VOICE_AGENT:
        found = case.knowledge.test("A9")
        text = found.text if found is not None else "A9"
        yield Choice("full_duplex", open_mic, f"{text}{words}", proofs, doubtful=not same)
    limit = 0.0 if not open_mic else 1.0 if volume is None else min(volume.least, 1.0)
    why = f"barge-in is safe up to {limit:.0%} volume"
    if case.family == "web":
        why = "barge-in is safe at the system's volume as found; a page has a gain of its own only"
    if limit <= 0:
        why = _no_volume(case, "barge-in is safe at no volume that was tried")
    yield Choice(
        "max_safe_volume", limit if limit > 0 else None, why + words,
        only((volume, safe, case.test("A9"))), doubtful=not same,
    )  # fmt: skip


def _no_volume(case: Case, found: str) -> str:
    """Why the volume is left alone: 0 would be an app that nobody hears."""
    if case.use is UseCase.VOICE_AGENT:
        return f"{found}: half duplex is the answer, the volume is left alone"
    return f"{found}: no limit would help, the volume is left alone"


def _hears_itself(case: Case) -> Iterator[Choice]:
    """A8: the assistant was heard interrupting itself, whatever A9 says of its sentences."""
    turns = {
        label: q
        for label, q in case.variants("A8", "false_turns").items()
        if q.worst > 0 and label.startswith("volume=")
    }
    limit = case.value("max_safe_volume")
    if not turns or not case.voice or not isinstance(limit, float):
        return
    quietest = min(turns, key=_volume)
    heard = {_volume(v) for v in case.variants("A8", "false_turns")}
    below = max((v for v in heard if v < _volume(quietest)), default=0.0)
    if below < limit:
        what = f"the assistant takes its own voice for a turn at {_volume(quietest):.0%} volume"
        proofs = only((turns[quietest], case.test("A8")))
        if below > 0:
            yield Choice("max_safe_volume", below, what, proofs)
            return
        why = _no_volume(case, f"{what}, the quietest that was tried")
        yield Choice("max_safe_volume", None, why, proofs)
        if case.use is UseCase.VOICE_AGENT:
            yield Choice("full_duplex", False, what, proofs)


def _volume(label: str) -> float:
    try:
        return min(max(float(label.removeprefix("volume=")), 0.0), 1.0)
    except ValueError:
        return 1.0


def _too_late(case: Case) -> Iterator[Choice]:
    """F9: beyond AEC3's reach a software canceller saves no barge-in."""
    found = echo_delay(case) if software(case) and case.value("aec") != "both" else None
    if found is None or case.use is not UseCase.VOICE_AGENT or found[1] <= AEC3_ALIGNS_MS:
        return
    if case.value("full_duplex"):
        why = f"the echo comes up to {found[1]:.0f} ms late: out of the software canceller's reach"
        yield Choice("full_duplex", False, why, found[2])


def _clipping(case: Case) -> Iterator[Choice]:
    """V4: a microphone that clips makes an echo that nobody cancels."""
    limit = case.value("max_safe_volume")
    bad = [q for q in case.variants("V4", "clipped_percent").values() if upper(q) > CLIPPED_PERCENT]
    if bad and case.voice and isinstance(limit, float) and limit > CLIPPING_VOLUME:
        proof = max(bad, key=upper)
        why = f"at full volume {proof.value:.1f} % of the samples clip"
        yield Choice("max_safe_volume", CLIPPING_VOLUME, why, (proof,))


def _holdoff(case: Case) -> Iterator[Choice]:
    if case.use is not UseCase.VOICE_AGENT or case.value("full_duplex") is not True:
        why = (
            "the microphone is closed while the assistant speaks"
            if case.use is UseCase.VOICE_AGENT
            else "nobody holds the microphone of a call back"
        )
        yield Choice("mic_holdoff_ms", 0, why)
        return
    found = only((case.quantity("A9", "mic_holdoff_s"), _slowest(case)))
    numbers = [q for q in found if isinstance(q, Quantity)]
    if not numbers or case.value("aec") != case.own_effect:
        why = "how long this canceller takes to converge was not measured"
        # A4 hears the platform's canceller, and no other.
        told_by = ("A4",) if case.value("aec") == case.own_effect else ()
        yield Choice("mic_holdoff_ms", CAUTIOUS_HOLDOFF_MS, why, would_tell=told_by)
        return
    longest = max(numbers, key=upper)
    value = whole("mic_holdoff_ms", up_to(_TAIL_STEP_MS, 1000.0 * max(upper(longest), 0.0)))
    yield Choice("mic_holdoff_ms", value, "the canceller has converged by then", found)


def _slowest(case: Case) -> Quantity | None:
    """A4's longest convergence at a volume that is safe."""
    limit = case.value("max_safe_volume")
    top = limit if isinstance(limit, float) else 1.0
    found = case.variants("A4", "convergence_s")
    return max((q for label, q in found.items() if _volume(label) <= top), key=upper, default=None)


def margin(case: Case) -> Quantity | None:
    """What the turn detector has to spare, from the test that played longest."""
    limit = case.value("max_safe_volume")
    top = limit if isinstance(limit, float) else 1.0
    loud = {
        label: q
        for label, q in case.variants("A8", "voice_margin_db").items()
        if _volume(label) <= top
    }
    found = list(loud.values())
    found += only([case.quantity("A9", "margin_db")])  # type: ignore[arg-type]
    return min(found, key=lower, default=None)


def _offset(case: Case) -> Iterator[Choice]:
    if case.use is not UseCase.VOICE_AGENT:
        yield Choice("vad_threshold_offset_db", 0.0, "no turn detector decides anything")
        return
    found = margin(case)
    if case.value("full_duplex") is not True:
        why = "the microphone is closed while the assistant speaks"
        yield Choice("vad_threshold_offset_db", 0.0, why)
        return
    if found is None:
        yield Choice("vad_threshold_offset_db", 0.0, "not measured", would_tell=("A9",))
        return
    missing = WANTED_MARGIN_DB - lower(found)
    value = round(min(max(missing, 0.0), MAX_OFFSET_DB), 1)
    why = f"{found.value:.1f} dB to spare, {WANTED_MARGIN_DB:.0f} dB wanted"
    yield Choice("vad_threshold_offset_db", value, why, (found,))


RULES = (
    Rule(
        "duplex.hint", ("aec_delay_hint_ms",),
        "always", "the echo's delay, at most 500 ms, for a software canceller",
        ("A1", "L1", "L3"), ("F10", "audio_processing_impl.cc"), _hint,
    ),
    Rule(
        "duplex.filters", ("aec_filters",),
        "always", "as many of AEC3's filters as reach the latest echo; 5 reach 480 ms",
        ("A1", "L1", "L3"), ("F9", "aec3_common.h"), _filters,
    ),
    Rule(
        "duplex.tail", ("aec_tail_ms",),
        "always", "spread between opens, wander and 60 ms of room; 200 ms unmeasured",
        ("L1", "L4"), ("F10", "pjsua.h"), _tail,
    ),
    Rule(
        "duplex.of_use", ("full_duplex", "max_safe_volume"),
        "always", "half duplex for an assistant, open for the others; 25 % volume",
        (), ("proposal", "livekit/agents#315"), _duplex_of_use,
    ),
    Rule(
        "duplex.barge_in", ("full_duplex", "max_safe_volume"),
        "A9 judged barge-in",
        "what A9 says, only the volume for a call; safe at no volume: half duplex, volume not set",
        ("A9",), ("openclaw PR#127305", "livekit/agents#315"), _barge_in, ("duplex.of_use",),
    ),
    Rule(
        "duplex.hears_itself", ("full_duplex", "max_safe_volume"),
        "A8 counted false turns below that volume",
        "the loudest volume without one; without any: half duplex, volume not set",
        ("A8",), ("elevenlabs/packages#267",), _hears_itself,
        ("duplex.of_use", "duplex.barge_in"),
    ),
    Rule(
        "duplex.too_late", ("full_duplex",),
        "assistant, software canceller, echo later than 480 ms", "half duplex",
        ("A1", "L1", "L3"), ("F9",), _too_late,
        ("duplex.of_use", "duplex.barge_in", "duplex.hears_itself"),
    ),
    Rule(
        "duplex.clipping", ("max_safe_volume",),
        "V4: more than 1 % of the samples clip at full volume", "75 %",
        ("V4",), ("V4",), _clipping, ("duplex.of_use", "duplex.barge_in", "duplex.hears_itself"),
    ),
    Rule(
        "duplex.holdoff", ("mic_holdoff_ms",),
        "always", "until A4 or A9 saw it converge; 1 s unmeasured; 0 without barge-in",
        ("A4", "A9"), ("swift-realtime-openai#24",), _holdoff,
    ),
    Rule(
        "duplex.detector", ("vad_threshold_offset_db",),
        "always", "what is missing to 6 dB of margin, at most 12 dB",
        ("A8", "A9"), ("livekit/agents#3758",), _offset,
    ),
)  # fmt: skip
"""In order."""
