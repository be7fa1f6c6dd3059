"""Rules for who cancels the echo, suppresses noise and controls the level (F9)."""

from __future__ import annotations

from collections.abc import Iterator

from profiler.budget import COMMUNICATION_PATH
from profiler.model import Quantity, Reason, UseCase
from profiler.recommend.case import Case, Choice, Evidence, faster, lower, only, upper
from profiler.recommend.inputs import living_preset
from profiler.recommend.limits import (
    ERLE_BAD_DB,
    ERLE_GOOD_DB,
    ERLE_NOTHING_DB,
    MIN_GAIN_MS,
    NEAR_END_DB,
    ORDER_DB,
)
from profiler.recommend.rule import Rule
from profiler.recommend.streams import canceller_on

AGC_FOLLOWS_DB = 6.0
"""V3: a device whose gain follows a step of 12 dB by half controls the level itself."""


def _cautious(case: Case) -> Iterator[Choice]:
    value, telling = "software", "would tell"
    if case.family == "ios":
        why = "not measured; the voice-processing unit is the only canceller iOS offers"
        value, telling = "hardware", "tells"
    elif case.family == "web":
        why = "not measured; a page has no other canceller than the browser's"
    else:
        why = "not measured, and platform cancellers fail on a quarter of models"
    yield Choice("aec", value, why, would_tell=("A1",), telling=telling)


def _music(case: Case) -> Iterator[Choice]:
    if case.use is UseCase.MUSIC:
        why = "music is played on headphones and recorded without processing"
        yield Choice("aec", "off", why)


def erle(case: Case) -> Quantity | None:
    """What the measured canceller removes through the chosen API: at the loudest volume the value
    where A1 has one, else its lower bound; through another API than A1's what A6 saw."""
    api = case.value("api")
    if isinstance(api, str) and api != case.probed_api:
        there = canceller_on(case, api)
        if there is not None:
            return there
    bounds = case.variants("A1", "erle_low_db")
    if not bounds:
        return None
    loudest = max(bounds, key=_volume)
    return case.quantity("A1", f"erle_db[{loudest}]") or bounds[loudest]


def _volume(label: str) -> float:
    try:
        return float(label.removeprefix("volume="))
    except ValueError:
        return 0.0


def _false_speech(case: Case) -> Quantity | None:
    found = case.variants("A1", "voice_per_min").values()
    return max((q for q in found if q.worst > 0), key=lambda q: q.worst, default=None)


def _good_hardware(case: Case) -> Iterator[Choice]:
    """F9: what is measured good is used."""
    found = erle(case)
    if not case.voice or found is None or lower(found) < ERLE_BAD_DB:
        return
    speech = _false_speech(case)
    least = "at least " if found.name.startswith("erle_low") else ""
    removed = f"{case.whose} canceller removes {least}{found.value:.0f} dB {_volume_of(found)}"
    if speech is None:
        why = f"{removed} and nothing is taken for speech"
        yield Choice("aec", case.own_effect, why, only((found, case.test("A1"))))
    elif lower(found) >= ERLE_GOOD_DB:
        why = f"{removed}; what is left still counts as speech, so barge-in is limited"
        yield Choice("aec", case.own_effect, why, only((found, speech, case.test("A1"))))


def _volume_of(found: Quantity) -> str:
    return "at the volume as found" if "as_found" in found.name else "at full volume"


_NO_OTHER = {"ios": "iOS", "web": "a page"}


def _bad_hardware(case: Case) -> Iterator[Choice]:
    """F9: one that does not remove enough is replaced, or helped where it cannot be left out."""
    found, speech = erle(case), _false_speech(case)
    if not case.voice or found is None:
        return
    weak = lower(found) < ERLE_BAD_DB
    if not weak and (speech is None or lower(found) >= ERLE_GOOD_DB):
        return
    proofs = only((found, speech, case.test("A1")))
    removed = f"{case.whose} canceller removes {max(found.value, 0.0):.0f} dB {_volume_of(found)}"
    if case.family in _NO_OTHER:
        why = f"{removed}, and {_NO_OTHER[case.family]} has no other: half duplex on a loudspeaker"
        yield Choice("aec", case.own_effect, why, proofs)
    elif _stays_on(case) and lower(found) >= ERLE_NOTHING_DB:
        why = f"{removed} and cannot be left out: a software one behind it (Linphone's way)"
        yield Choice("aec", "both", why, proofs)
    else:
        yield Choice("aec", "software", f"{removed}: too little", proofs)


def _stays_on(case: Case) -> bool:
    """A1 saw an echo that was weak although the canceller was "off"."""
    test = case.test("A1")
    return test is not None and Reason.BASELINE_NOT_OFF.value in test.reasons


def _not_offered(case: Case) -> Iterator[Choice]:
    """F9: an effect that the stack will not switch on is no choice."""
    if not case.voice or case.family != "android" or case.value("aec") == "software":
        return
    aosp = case.quantity("A2", "aosp_software_effect")
    said = case.variants("A2", "reported_on")
    if aosp is not None and aosp.worst > 0:
        why = (
            "it is AOSP's software effect, which libwebrtc does not take for a canceller "
            "(WebRtcAudioEffects); WebRTC's own runs instead"
        )
        yield Choice("aec", "software", why, only((aosp, erle(case))))
    elif said and all(q.worst <= 0 for q in said.values()):
        why = "the system says that it switches no canceller on"
        yield Choice("aec", "software", why, tuple(said.values()))


def _idle_effect(case: Case) -> Iterator[Choice]:
    """A2: reported on and removing nothing, although A1 gave no number."""
    found = {
        label: case.quantity("A2", f"effective_db[{label}]") or q
        for label, q in case.variants("A2", "effective_low_db").items()
    }
    if not case.voice or case.family != "android" or not found or erle(case) is not None:
        return
    weakest = min(found.values(), key=lower)
    if upper(weakest) < ERLE_NOTHING_DB:
        why = f"the canceller that is reported on removes {weakest.value:.0f} dB"
        yield Choice("aec", "software", why, (weakest,))


def _damage(case: Case) -> Iterator[Choice]:
    """F9: a canceller that swallows the person who speaks is not used."""
    lost = case.quantity("A3", "attenuation_db")
    hardware = case.value("aec") == "hardware" and case.family != "ios"
    if case.voice and lost is not None and hardware and upper(lost) > NEAR_END_DB:
        why = f"the platform's canceller makes a person {lost.value:.0f} dB quieter meanwhile"
        yield Choice("aec", "software", why, (lost,))


def _noise(case: Case) -> Iterator[Choice]:
    aec = case.value("aec")
    if case.use is UseCase.MUSIC:
        yield Choice("ns", "off", "suppression takes music for noise")
        return
    lost = case.quantity("V6", "attenuation_db")
    if case.family == "web":
        bad = lost is not None and upper(lost) > NEAR_END_DB
        why = "the browser's, with its canceller"
        if lost is not None:
            why = f"the browser's suppressor takes {lost.value:.0f} dB of the voice"
        yield Choice(
            "ns", "off" if bad else "software", why, only([lost]),
            would_tell=() if lost is not None else ("V6",), telling="would measure it",
        )  # fmt: skip
    elif aec == "hardware" and lost is not None and upper(lost) > NEAR_END_DB:
        why = f"the platform's suppressor takes {lost.value:.0f} dB of the voice"
        yield Choice("ns", "software", why, (lost,))
    elif aec == "hardware":
        why = "with the platform's canceller, as libwebrtc does"
        if lost is not None:
            why += f"; it takes {lost.value:.0f} dB of the voice"
        yield Choice(
            "ns", "hardware", why, only([lost]),
            would_tell=() if lost is not None else ("V6",), telling="would measure it",
        )  # fmt: skip
    else:
        why = "with the software canceller (Signal's rules always set both)"
        yield Choice("ns", "software", why)


def _level(case: Case) -> Iterator[Choice]:
    if case.use is UseCase.MUSIC:
        yield Choice("agc", "off", "music keeps its own level")
        return
    if case.family == "ios":
        yield Choice("agc", "hardware", "part of the voice-processing unit")
        return
    if case.family == "web":
        why = "the browser's own: a page has no other"
        yield Choice("agc", "software", why, only([case.test("V3")]))
        return
    follows, test = case.quantity("V3", "gain_range_db"), case.test("V3")
    settles = test is not None and test.verdict.value == "pass"
    if follows is not None and settles and lower(follows) >= AGC_FOLLOWS_DB:
        why = f"the device's own control follows by {follows.value:.0f} dB and settles in time"
        yield Choice("agc", "hardware", why, only((follows, test)))
    else:
        why = "WebRTC's own; libwebrtc uses no platform control"
        if follows is not None:
            too_slow = test is not None and lower(follows) >= AGC_FOLLOWS_DB
            slow = " and does not settle in time" if too_slow else ""
            why += f"; the device's own follows by {follows.value:.0f} dB{slow}"
        yield Choice(
            "agc", "software", why, only([test or follows]),
            would_tell=() if follows is not None else ("V3",), telling="would find one",
            got="was made and found none",
        )  # fmt: skip


def _preset_beside_software(case: Case) -> Iterator[Choice]:
    """Where the platform's canceller is bad its preset is left, too."""
    if case.use is not UseCase.VOICE_AGENT or case.family != "android":
        return
    bad = erle(case)
    software = case.settings["aec"].rule in ("echo.bad_hardware", "echo.damage")
    if case.value("aec") != "software" or not software or bad is None:
        return
    evidence: tuple[Evidence, ...] = (bad,)
    preset = "voice_recognition"
    why = "leaves the bad platform canceller out of the path"
    other = living_preset(case, preset)
    if other is not None:
        preset, evidence = other[0], (bad, *other[1])
        why += "; voice_recognition delivers runs of zeros"
    yield Choice("input_preset", preset, why, evidence)


HEADSETS = ("bluetooth_sco", "bluetooth_le")
"""Their microphones are reached in communication mode only."""


def _media_beside_software(case: Case) -> Iterator[Choice]:
    """Without the platform's canceller the call path only costs time."""
    rules = ("echo.bad_hardware", "echo.not_offered", "echo.idle_effect", "echo.damage")
    replaced = case.value("aec") == "software" and case.settings["aec"].rule in rules
    if case.use is not UseCase.VOICE_AGENT or case.family != "android" or not replaced:
        return
    plain = case.quantity("L1", "rtl_ms")
    in_a_call = (
        case.quantity("L2", "rtl_off_ms")
        or case.quantity("L1", f"rtl_ms[{COMMUNICATION_PATH}]")
    )  # fmt: skip
    if plain is None or in_a_call is None or not faster(plain, in_a_call):
        return
    why = (
        f"the canceller is software, and the path of calls takes {in_a_call.value:.0f} ms "
        f"instead of {plain.value:.0f} ms"
    )
    yield Choice("audio_mode", "media", why, (in_a_call, plain))
    yield Choice("usage", "media", why, (in_a_call, plain))
    for route in HEADSETS:
        why = "a Bluetooth microphone is reached in communication mode only"
        yield Choice("audio_mode", "communication", why, route=route)
        yield Choice("usage", "voice_communication", why, route=route)


def _order(case: Case) -> Iterator[Choice]:
    found = case.variants("A7", "order_db")
    if not case.voice:
        yield Choice("restart_between_modes", False, "no canceller is used")
    elif not found and case.family == "web":
        yield Choice("restart_between_modes", False, "a page has no audio modes")
    elif not found:
        why = "not measured; some cancellers stay off after music"
        yield Choice("restart_between_modes", True, why, would_tell=("A7",))
    else:
        worst = max(found.values(), key=upper)
        bad = upper(worst) > ORDER_DB
        what = "worse" if bad else "more" if worst.value >= 0 else "less"
        why = f"after music or a change of mode {abs(worst.value):.1f} dB {what} echo is left"
        yield Choice("restart_between_modes", bad, why, only((worst, case.test("A7"))))


RULES = (
    Rule(
        "echo.cautious", ("aec",),
        "always", "software, in a page the browser's; on iOS the voice-processing unit",
        (), ("F9", "webrtc-aec-matrix article"), _cautious,
    ),
    Rule(
        "echo.music", ("aec",), "music", "off", (), ("proposal",), _music, ("echo.cautious",),
    ),
    Rule(
        "echo.good_hardware", ("aec",),
        f"A1: at least {ERLE_BAD_DB:.0f} dB removed at full volume and no false speech, or "
        f"{ERLE_GOOD_DB:.0f} dB", "hardware; in a page the browser's (software)",
        ("A1",), ("F9",), _good_hardware, ("echo.cautious",),
    ),
    Rule(
        "echo.bad_hardware", ("aec",),
        f"A1: less than {ERLE_BAD_DB:.0f} dB removed, or false speech below "
        f"{ERLE_GOOD_DB:.0f} dB",
        "software; both where the platform's canceller stays on and still does something; on iOS "
        "and in a page the one there is",
        ("A1",), ("F9", "Linphone HAS_BUILTIN_AEC_CRAPPY"), _bad_hardware,
        ("echo.cautious", "echo.good_hardware"),
    ),
    Rule(
        "echo.idle_effect", ("aec",),
        f"A2: reported on, and less than {ERLE_NOTHING_DB:.0f} dB removed", "software",
        ("A2",), ("oboe#1405",), _idle_effect, ("echo.cautious",),
    ),
    Rule(
        "echo.not_offered", ("aec",),
        "A2: AOSP's software effect, or none is switched on", "software",
        ("A2",), ("F9", "WebRtcAudioEffects.java"), _not_offered,
        ("echo.cautious", "echo.good_hardware", "echo.bad_hardware"),
    ),
    Rule(
        "echo.damage", ("aec",),
        f"A3: a person is more than {NEAR_END_DB:.0f} dB quieter in double talk", "software",
        ("A3",), ("F9",), _damage, ("echo.good_hardware", "echo.cautious", "echo.bad_hardware"),
    ),
    Rule(
        "echo.noise", ("ns",),
        "always",
        "with the canceller; software, in a page off, where V6 saw the voice damaged",
        ("V6",), ("Signal AudioDeviceConfig",), _noise,
    ),
    Rule(
        "echo.level", ("agc",),
        "always", "software; hardware where V3 saw it follow and settle; off for music",
        ("V3",), ("JavaAudioDeviceModule",), _level,
    ),
    Rule(
        "echo.preset_beside_software", ("input_preset",),
        "voice agent, and the platform's canceller is bad", "voice_recognition",
        ("A1", "A3", "D1"), ("proposal",), _preset_beside_software,
        ("inputs.preset_of_use", "inputs.preset_not_silent"),
    ),
    Rule(
        "echo.media_beside_software", ("audio_mode", "usage"),
        "voice agent, the canceller is software because the platform's is bad, and the path of "
        f"calls is slower by {MIN_GAIN_MS:.0f} ms and by more than both errors",
        "media; communication on Bluetooth", ("A1", "L1", "L2"), ("proposal",),
        _media_beside_software, ("streams.mode_of_use",),
    ),
    Rule(
        "echo.order", ("restart_between_modes",),
        "always", f"only where A7 saw {ORDER_DB:.0f} dB more echo; unmeasured: yes",
        ("A7",), ("livekit/client-sdk-flutter#678",), _order,
    ),
)  # fmt: skip
"""In order."""
