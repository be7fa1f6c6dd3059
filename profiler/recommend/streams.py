"""Rules for the API, its mode and sharing, and what the streams say they are for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from profiler.catalogue.inputs import inputs_of_family
from profiler.model import SETTINGS, Quantity, UseCase, Verdict
from profiler.recommend.case import Case, Choice, Evidence, faster, lower, only, upper
from profiler.recommend.limits import ERLE_BAD_DB, MIN_GAIN_MS, MODE_GAIN_MS
from profiler.recommend.rule import Rule

_FAST_APIS = ("aaudio", "opensles")
"""Android APIs that know a performance mode of their own."""


_COMPARED = {"api": "was made and left no other to choose",
             "performance_mode": "was made and got no other mode"}  # fmt: skip
"""What L3 compares, and what is said when it was made and could not."""


def _stack(case: Case) -> Iterator[Choice]:
    offered = inputs_of_family(case.family)
    others = {
        "api": case.family == "android" and len(case.facts.apis) != 1,
        "sharing": bool(offered.sharings),
        "performance_mode": len(offered.performance_modes) > 1,
    }
    for name, some in others.items():
        value, got = case.defaults[name], _COMPARED.get(name)
        if case.family == "web":
            yield Choice(name, value, "the one API a page measures and plays with")
        elif not some:
            yield Choice(name, value, "the default stack's own: the system has no other")
        elif got is None:
            why = "the default stack's own: only AAudio in low latency has another"
            yield Choice(name, value, why)
        else:
            why = "the default stack's own: no other was compared on this model"
            yield Choice(name, value, why, would_tell=("L3",), telling="would", got=got)


def _mode_of_use(case: Case) -> Iterator[Choice]:
    if case.family == "web":
        yield Choice("audio_mode", None, "a page has no audio modes")
    elif case.use is UseCase.MUSIC:
        why = "music needs no echo canceller, and a call's path is slower and narrower"
        yield Choice("audio_mode", "media", why)
    else:
        why = "platform cancellers work in the communication mode only (flutter-webrtc#1433)"
        yield Choice("audio_mode", "communication", why)
    if case.family == "android":
        usage = "media" if case.use is UseCase.MUSIC else "voice_communication"
        yield Choice("usage", usage, "follows the audio mode, so that volume keys and route do")


def _ios_path(case: Case) -> Iterator[Choice]:
    if case.family != "ios":
        return
    if case.voice:
        why = "only the voice-processing unit cancels echo on iOS"
        yield Choice("api", "coreaudio_voice_processing", why)
    else:
        why = "music takes the unit without voice processing"
        yield Choice("api", "coreaudio_remote_io", why)


def compared_ms(case: Case) -> dict[str, Quantity]:
    """Round trip of each API that was measured, the probe's own first."""
    found = {}
    own, plain = case.probed_api, case.quantity("L1", "rtl_ms")
    if own is not None and plain is not None:
        found[own] = plain
    for label, q in case.variants("L3", "rtl_ms").items():
        if label.startswith("api=") and "," not in label:
            found[label.removeprefix("api=")] = q
    # A probe may list anything; only what a setting can name is a choice.
    return {api: q for api, q in found.items() if api in SETTINGS["api"].allowed}


def unfit(case: Case, api: str) -> tuple[str, Evidence] | None:
    """Why an API must not be used, with the proof; ``None`` = nothing was found against it."""
    dead = case.silent(f"api={api}")
    if dead is not None:
        return "its microphone delivers runs of zeros", dead
    glitches = case.test("G1")
    if api == case.probed_api and glitches is not None and glitches.verdict is Verdict.FAIL:
        return "it glitches at every buffer size", glitches
    cell = canceller_on(case, api) if case.voice else None
    if cell is not None and lower(cell) < ERLE_BAD_DB and _worth_keeping(case):
        return f"the canceller removes only {cell.value:.0f} dB there", cell
    return None


def _worth_keeping(case: Case) -> bool:
    """Whether the platform's canceller works through any API: else a software one is used, and no
    API is the worse for it."""
    cells = (canceller_on(case, api) for api in compared_ms(case))
    return any(cell is not None and lower(cell) >= ERLE_BAD_DB for cell in cells)


def canceller_on(case: Case, api: str) -> Quantity | None:
    """What A6 says is removed through an API with the system's session, or with its best one."""
    label = "default" if api == case.probed_api else api
    cells = {
        name: case.quantity("A6", f"erle_db[{name}]") or q
        for name, q in case.variants("A6", "erle_low_db").items()
        if name.startswith(f"api={label},")
    }
    plain = cells.get(f"api={label},session=default")
    return plain or max(cells.values(), key=lambda q: q.value, default=None)


def _fastest_api(case: Case) -> Iterator[Choice]:
    found = compared_ms(case)
    if case.family != "android" or len(found) < 2:
        return
    rejected = {api: fault for api in found if (fault := unfit(case, api)) is not None}
    others = {a: q for a, q in found.items() if a not in rejected}
    if not others:
        case.caution("no_fit_api", "every API that was measured has a fault: " + _listed(rejected))
        return
    stack = str(case.defaults["api"])
    best = min(others, key=lambda a: (upper(others[a]), a != stack))
    against = found.get(stack)
    evidence: tuple[Evidence, ...] = (others[best], *only([against]))
    words = ", ".join(f"{a} {q.value:.0f} ms" for a, q in sorted(found.items()))
    if best != stack and stack in others and not faster(others[best], others[stack]):
        why = f"no API is faster by {MIN_GAIN_MS:.0f} ms for sure: {words}"
        yield Choice("api", stack, why, evidence)
        return
    why = f"fastest of {words}"
    if rejected:
        why += f"; not {_listed(rejected)}"
        evidence = (*evidence, *(proof for _, proof in rejected.values()))
    yield Choice("api", best, why, evidence)


def _listed(rejected: dict[str, tuple[str, Evidence]]) -> str:
    return ", ".join(f"{api}: {why}" for api, (why, _) in sorted(rejected.items()))


def _performance(case: Case) -> Iterator[Choice]:
    api = case.value("api")
    if api not in _FAST_APIS:
        return
    slow, plain = case.quantity("L3", "rtl_ms[performance=none]"), case.quantity("L1", "rtl_ms")
    dead = case.silent("performance=low_latency")
    if dead is not None and not case.silent("rate=48000"):
        why = "the microphone delivers runs of zeros in the low-latency mode"
        yield Choice("performance_mode", "none", why, (dead,))
    elif slow is None or plain is None or api != case.probed_api:
        # Asking for the fast mode cannot fail: the system grants what it has.
        why = "asked for by every voice app on this API; what it saves was not measured"
        # L3 compares the modes of the probe's own API, and of no other.
        told_by = () if case.off_path else ("L3",)
        yield Choice(
            "performance_mode", "low_latency", why,
            would_tell=told_by, telling="would", got=_COMPARED["performance_mode"],
        )  # fmt: skip
    else:
        yield _measured_mode(case, plain, slow)


def _measured_mode(case: Case, fast: Quantity, slow: Quantity) -> Choice:
    """What L3 measured with the mode (``fast``) and without it (``slow``), where the difference is
    more than opens of one and the same mode have."""
    saved_ms = slow.value - fast.value
    doubt_ms = _mode_doubt_ms(case, fast, slow)
    words = f"{fast.value:.0f} ms with it, {slow.value:.0f} ms without it"
    if saved_ms <= -doubt_ms:
        why = f"the low-latency mode is slower here: {words} (± {doubt_ms:.0f} ms)"
        return Choice("performance_mode", "none", why, (slow, fast))
    if saved_ms >= doubt_ms:
        why = f"the low-latency mode is faster here: {words} (± {doubt_ms:.0f} ms)"
        return Choice("performance_mode", "low_latency", why, (fast, slow))
    why = (
        f"undecided: {words}, no more than two opens may differ by anyway ({doubt_ms:.0f} ms); it "
        "stays what Android's guide asks of interactive sound"
    )
    return Choice(
        "performance_mode", "low_latency", why, (fast, slow), doubtful=True,
        would_tell=("L3",), telling="in more runs would decide", again=True,
    )  # fmt: skip


def _mode_doubt_ms(case: Case, fast: Quantity, slow: Quantity) -> float:
    """From which difference on the mode is to be thanked, or blamed, for it.

    L3 opens a variant once a run, so that its number errs by what single opens differ by: taken as
    L1's whole range (of six opens about 2.5 σ; 95 % of further ones lie within 2.8 σ).
    """
    low, high = (case.quantity("L1", f"rtl_{end}_ms") for end in ("min", "max"))
    ends = [max(q.value - q.low, q.high - q.value) for q in (fast, slow)]
    opens_ms = MODE_GAIN_MS
    if low is not None and high is not None:
        opens_ms = max(upper(high) - lower(low), 0.0) / math.sqrt(max(slow.results, 1))
    return max(MIN_GAIN_MS, math.hypot(*ends), opens_ms)


def _sharing(case: Case) -> Iterator[Choice]:
    if case.value("api") != "aaudio" or case.value("performance_mode") != "low_latency":
        return
    dead, heard = case.silent("sharing=exclusive"), case.heard("sharing=exclusive")
    if dead is not None and not case.silent("rate=48000"):
        yield Choice(
            "sharing", "shared", "the exclusive microphone delivers runs of zeros", (dead,)
        )
    elif heard is not None:
        why = "exclusive delivers here; where it is refused the system falls back to shared"
        yield Choice("sharing", "exclusive", why, (heard,))
    elif dead is None:
        why = "the default stack's own: exclusive was not heard on this model"
        short = case.known.made("D1") and not _tried_all(case)
        telling = "tried rates only, in the quick suite it would tell" if short else "would tell"
        yield Choice(
            "sharing", "shared", why,
            would_tell=("D1",), telling=telling, again=short, got="was made and could not open it",
        )  # fmt: skip


def _tried_all(case: Case) -> bool:
    """Whether D1 was made beyond the rates that are all of it in ``smoke``."""
    labels = case.variants("D1", "zero_run_ms")
    return any("," in label or not label.startswith("rate=") for label in labels)


RULES = (
    Rule(
        "streams.stack", ("api", "sharing", "performance_mode"),
        "always", "the default stack's API, sharing and mode",
        (), ("JavaAudioDeviceModule", "RTCAudioSession"), _stack,
    ),
    Rule(
        "streams.mode_of_use", ("audio_mode", "usage"),
        "always", "communication for voice, media for music",
        (), ("flutter-webrtc#1433",), _mode_of_use,
    ),
    Rule(
        "streams.ios_unit", ("api",),
        "iOS", "voice-processing unit for voice, remote I/O for music",
        (), ("pipecat-ai/pipecat#4509",), _ios_path, ("streams.stack",),
    ),
    Rule(
        "streams.fastest_api", ("api",),
        "Android, two or more APIs measured",
        "the fastest without runs of zeros (D1), glitches (G1) or, where the canceller works "
        "through another API, a failing one (A6); the stack's "
        f"own unless another is faster by {MIN_GAIN_MS:.0f} ms and by more than both errors",
        ("L1", "L3", "D1", "G1", "A6"), ("oboe#386", "oboe#1405"),
        _fastest_api, ("streams.stack",),
    ),
    Rule(
        "streams.performance", ("performance_mode",),
        "AAudio or OpenSL ES chosen",
        "low latency unless it delivers runs of zeros (D1) or L3 found it slower by more than both "
        f"errors, than opens differ by (L1's range, {MODE_GAIN_MS:.0f} ms unmeasured) and than "
        f"{MIN_GAIN_MS:.0f} ms; a smaller difference leaves it undecided, with low confidence",
        ("L1", "L3", "D1"), ("Oboe",), _performance, ("streams.stack",),
    ),
    Rule(
        "streams.sharing", ("sharing",),
        "AAudio in low latency", "exclusive where D1 heard it, else shared",
        ("D1",), ("Oboe QuirksManager",), _sharing, ("streams.stack",),
    ),
)  # fmt: skip
"""In order."""
