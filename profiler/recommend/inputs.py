"""Rules for what the microphone is opened with: preset, rates, channels, conversion."""

from __future__ import annotations

from collections.abc import Iterator

from profiler.model import Quantity, UseCase
from profiler.recommend.case import Case, Choice, Evidence, first, numbered, only, upper
from profiler.recommend.limits import (
    CHANNEL_PITCH_RATIO,
    PITCH_PERCENT,
    RATE_COST_MS,
    SILENT_MS,
)
from profiler.recommend.rule import Rule

_VOICE_PRESETS = ("voice_communication", "voice_recognition", "generic", "camcorder")
_MUSIC_PRESETS = ("unprocessed", "voice_performance", "generic", "voice_recognition")
ZEROS = "runs of zeros"
"""What D1 and L8 prove: a dead microphone, or a path without any noise between sounds."""
PLAIN_RATE_HZ = 48_000
"""At which D1 tries presets, APIs and modes."""
_RATES_HZ = (48_000, 44_100, 16_000, 24_000, 8_000)
"""Best first: full band, then what voice services take."""


def plain_is_silent(case: Case) -> bool:
    """Whether D1's plain configuration is dead: then its one-thing-changed ones say nothing."""
    return case.silent(f"rate={PLAIN_RATE_HZ}") is not None


def _preset_of_use(case: Case) -> Iterator[Choice]:
    if case.family != "android":
        return
    if case.voice:
        why = "the preset that platform cancellers attach to"
        yield Choice("input_preset", "voice_communication", why)
    else:
        why = "music is recorded without processing"
        yield Choice("input_preset", "unprocessed", why)


def dead_preset(case: Case, preset: str) -> Quantity | None:
    """The proof that a preset delivers zeros in the mode the use has."""
    l8 = case.quantity("L8", f"zero_run_ms[preset={preset}]")
    if l8 is not None and l8.worst >= SILENT_MS and not plain_is_silent(case):
        return l8
    if case.voice and preset == "voice_communication":
        in_call = case.silent("mode=communication,preset=voice_communication")
        if in_call is not None and not plain_is_silent(case):
            return in_call
    return None if plain_is_silent(case) else case.silent(f"preset={preset}")


def living_preset(case: Case, wanted: str) -> tuple[str, tuple[Evidence, ...]] | None:
    """The next preset that delivers when ``wanted`` is dead; ``None`` = it is not dead."""
    dead = dead_preset(case, wanted)
    if dead is None:
        return None
    order = _VOICE_PRESETS if case.voice else _MUSIC_PRESETS
    for preset in order:
        heard = case.heard(f"preset={preset}")
        if preset != wanted and heard is not None and dead_preset(case, preset) is None:
            return preset, (dead, heard)
    return None


def _preset_not_silent(case: Case) -> Iterator[Choice]:
    wanted = case.value("input_preset")
    found = living_preset(case, wanted) if isinstance(wanted, str) else None
    if found is not None:
        preset, evidence = found
        yield Choice("input_preset", preset, f"{wanted} delivers {ZEROS}", evidence)


def _preset_fastest(case: Case) -> Iterator[Choice]:
    if case.use is not UseCase.MUSIC:
        return
    plain = {
        preset: q
        for preset in ("unprocessed", "voice_performance")
        if (q := case.quantity("L8", f"rtl_ms[preset={preset}]")) is not None
        and dead_preset(case, preset) is None
    }
    if len(plain) == 2 and case.value("input_preset") in plain:
        best = min(plain, key=lambda p: upper(plain[p]))
        words = ", ".join(f"{p} {q.value:.0f} ms" for p, q in plain.items())
        yield Choice("input_preset", best, f"faster of {words}", tuple(plain.values()))


def _native_rate(case: Case) -> Iterator[Choice]:
    rate_hz = case.facts.native_rate_hz
    known = rate_hz is not None and 8_000 <= rate_hz <= 192_000
    why = "the device's own rate" if known else "the device names no rate; most phones have this"
    for name in ("output_rate_hz", "capture_rate_hz"):
        yield Choice(name, rate_hz if known else PLAIN_RATE_HZ, why)


def bad_rate(case: Case, rate_hz: int) -> tuple[str, Quantity] | None:
    """What is wrong with a capture rate, with the proof."""
    for test_id in ("D1", "L7"):
        zeros = case.quantity(test_id, f"zero_run_ms[rate={rate_hz}]")
        if zeros is None or zeros.worst < SILENT_MS:
            continue
        if _round_trip_at(case, rate_hz, zeros) is None:
            return ZEROS, zeros
    pitch = case.quantity("L7", f"pitch_error_percent[rate={rate_hz}]")
    if pitch is not None and max(abs(pitch.worst), abs(pitch.least)) >= PITCH_PERCENT:
        return f"{pitch.value:+.2g} % off pitch", pitch
    return None


def _round_trip_at(case: Case, rate_hz: int, zeros: Quantity) -> Quantity | None:
    """The round trip that proves that the runs of zeros at a rate are no silence.

    Where some opens delivered without them and others did not, it may be that of the former, and
    a relative's says nothing of this model.
    """
    label = f"[rate={rate_hz}]"
    swept = case.quantity("D1", f"rtl_ms{label}")
    if swept is not None and zeros.test_id == "D1" and swept.results >= zeros.results:
        return swept
    if zeros.least < SILENT_MS:
        return None
    found = [
        swept,
        case.quantity("L3", f"rtl_ms{label}"),
        case.quantity("L7", f"added_ms{label}"),
    ]
    if rate_hz == (case.facts.native_rate_hz or PLAIN_RATE_HZ):  # at which L1 opens
        found += [case.quantity(test_id, "rtl_ms") for test_id in ("L1", "L3")]
    return next((q for q in found if q is not None and q.level is zeros.level), None)


def _good_rate(case: Case) -> Iterator[Choice]:
    """The first rate that delivers; among these a slow one comes last."""
    heard = {int(r): q for r, q in numbered(case.variants("D1", "zero_run_ms"), "rate").items()}
    if not heard:
        return
    wanted = case.value("capture_rate_hz")
    own = wanted if isinstance(wanted, int) else PLAIN_RATE_HZ
    order = [r for r in dict.fromkeys((own, *_RATES_HZ)) if r in heard]
    faults = {r: fault for r in heard if (fault := bad_rate(case, r)) is not None}
    good = [r for r in order if r not in faults]
    if not good:
        every = ", ".join(f"{r} Hz: {what}" for r, (what, _) in sorted(faults.items()))
        case.caution("no_fit_rate", f"no capture rate works on this model: {every}")
        return
    best = min(good, key=lambda r: (_cost_ms(case, r) > RATE_COST_MS, good.index(r)))
    why = f"the microphone delivers at {best} Hz"
    proofs = [heard[best]]
    if heard[best].worst >= SILENT_MS:
        why += f" (a round trip was measured in spite of {ZEROS})"
        proof = _round_trip_at(case, best, heard[best])
        proofs += [] if proof is None else [proof]
    if own in faults:
        what, proof = faults[own]
        why += f"; at {own} Hz only {what}" if what == ZEROS else f"; {own} Hz is {what}"
        proofs.append(proof)
    elif best != own:
        why += f"; {own} Hz adds {_cost_ms(case, own):.0f} ms"
    yield Choice("capture_rate_hz", best, why, tuple(proofs), doubtful=case.off_path)


def _cost_ms(case: Case, rate_hz: int) -> float:
    added = case.quantity("L7", f"added_ms[rate={rate_hz}]")
    return 0.0 if added is None else upper(added)


def _channels(case: Case) -> Iterator[Choice]:
    """A "mono" stream that holds two interleaved channels is opened as what it is."""
    preset = case.value("input_preset")
    mono, stereo = (
        first(
            *(
                case.quantity("D2", f"pitch_ratio[channels={n},preset={p}]")
                for p in (preset, "default")
            )
        )
        for n in (1, 2)
    )
    if mono is None:
        yield Choice(
            "input_channels", 1, "a voice needs one",
            would_tell=("D2",), telling="would show a false one",
        )  # fmt: skip
    elif not _true_pitch(mono) and (stereo is None or _true_pitch(stereo)):
        why = f"the mono stream holds two channels (pitch times {mono.value:.2f}): take the first"
        yield Choice("input_channels", 2, why, only((mono, stereo)))
    else:
        yield Choice("input_channels", 1, "the mono stream holds one channel", (mono,))


def _true_pitch(q: Quantity) -> bool:
    return 1 / CHANNEL_PITCH_RATIO <= q.value <= CHANNEL_PITCH_RATIO


def _conversion(case: Case) -> Iterator[Choice]:
    rate_hz, native_hz = case.value("capture_rate_hz"), case.facts.native_rate_hz
    if case.family != "android" or case.value("api") not in ("aaudio", "opensles"):
        return
    if rate_hz != native_hz:
        why = "the rate is not the device's: without conversion in the app some add 180 to 250 ms"
        cost = case.quantity("L7", f"added_ms[rate={rate_hz}]")
        yield Choice("src_quality", "medium", why, only([cost]))
    else:
        yield Choice("src_quality", "none", "streams open at the device's own rate")


RULES = (
    Rule(
        "inputs.preset_of_use", ("input_preset",),
        "Android", "voice_communication for voice, unprocessed for music",
        (), ("ndk-samples#154", "proposal"), _preset_of_use,
    ),
    Rule(
        "inputs.preset_not_silent", ("input_preset",),
        "the chosen preset delivers zeros (D1, L8) while the plain microphone does not",
        "the next preset that delivers",
        ("D1", "L8"), ("oboe#1110",), _preset_not_silent, ("inputs.preset_of_use",),
    ),
    Rule(
        "inputs.preset_fastest", ("input_preset",),
        "music, both unprocessed presets measured", "the faster one",
        ("L8",), ("ndk-samples#154",), _preset_fastest,
        ("inputs.preset_of_use", "inputs.preset_not_silent"),
    ),
    Rule(
        "inputs.native_rate", ("output_rate_hz", "capture_rate_hz"),
        "always", "the device's own rate, 48 kHz where it names none",
        (), ("oboe PR#2021",), _native_rate,
    ),
    Rule(
        "inputs.rate_that_delivers", ("capture_rate_hz",),
        "D1 tried rates",
        "the first of own rate, 48, 44.1, 16, 24, 8 kHz that is not off pitch and delivers no runs "
        "of zeros, or a round trip in spite of them; one that adds more than "
        f"{RATE_COST_MS:.0f} ms comes last",
        ("D1", "L7", "L3", "L1"), ("openclaw PR#124083", "oboe#1320"), _good_rate,
        ("inputs.native_rate",),
    ),
    Rule(
        "inputs.channels", ("input_channels",),
        "always", "one; two where D2 shows that the mono stream holds two",
        ("D2",), ("oboe#824", "oboe#1247"), _channels,
    ),
    Rule(
        "inputs.conversion", ("src_quality",),
        "AAudio or OpenSL ES", "medium in the app when the rate is not the device's, else none",
        ("L7",), ("oboe PR#2021",), _conversion,
    ),
)  # fmt: skip
"""In order."""
