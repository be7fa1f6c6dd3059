"""What an app may ask of its input, one table per system: the tests vary what is in it.

Words that a system does not have are not tried on it. Where it says why, see docs/android.md
and docs/ios.md; the probe app of an iPhone refuses everything else (``ProbeApp/Core/words.c``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from profiler.model import DeviceFacts, EffectState, Platform, TrialRequest

EFFECTS = ("aec", "ns", "agc")
ALL_EFFECTS: dict[str, int | str] = dict.fromkeys(EFFECTS, EffectState.ON.value)
REMOTE_IO, VOICE_PROCESSING = "coreaudio_remote_io", "coreaudio_voice_processing"
Change = Mapping[str, int | str]
"""Fields of a request that differ from the plain one's; effects by the word of their state."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one system offers an app. Empty: the system has no such choice."""

    apis: tuple[str, ...] = ()
    """The default one first; used where the probe does not list its own."""
    presets: tuple[Change, ...] = ()
    """Every preset, with the API where it is not the default one (L8; D1 has an API apart)."""
    voice_presets: tuple[str, ...] = ()
    """Presets beside the default one whose level an app compares before a call (V1)."""
    performance_modes: tuple[str, ...] = ()
    sharings: tuple[str, ...] = ()
    """Beside the default one."""
    sessions: tuple[str, ...] = ("default",)
    """``audio_session``, each of which may or may not get the canceller (A6)."""
    pairs: tuple[Change, ...] = ()
    """Combinations that have to be seen not to be silent (D1), those most met first; one with a
    route is tried when the route is there."""
    echo_apis: tuple[str, ...] | None = None
    """APIs through which a canceller can be asked for; ``None``: every one (A6)."""
    effects_alone: bool = True
    """Whether noise suppression and gain control can be had without the canceller."""

    @property
    def preset_words(self) -> tuple[str, ...]:
        """The presets without their APIs, each once."""
        return tuple(dict.fromkeys(str(p["input_preset"]) for p in self.presets))


_ANDROID = Inputs(
    presets=tuple(
        {"input_preset": word}
        for word in (
            "generic", "camcorder", "voice_recognition", "voice_communication", "unprocessed",
            "voice_performance",
        )
    ),
    voice_presets=("voice_recognition", "unprocessed"),
    performance_modes=("low_latency", "none", "power_saving"),
    sharings=("exclusive",),
    sessions=("default", "none", "shared"),
    pairs=(
        {"rate_hz": 16_000, "performance_mode": "low_latency"},  # oboe#1320, Galaxy S10
        {"rate_hz": 24_000, "input_preset": "voice_communication"},  # openclaw PR#124083
        {"audio_mode": "communication", "input_preset": "voice_communication"},
        {"sharing": "exclusive", "performance_mode": "low_latency"},  # oboe#1229, Note 20
        {"sharing": "exclusive", "input_preset": "camcorder"},  # Oboe's quirk of Exynos
        {"rate_hz": 16_000, "input_preset": "voice_communication"},
        {"rate_hz": 8000, "audio_mode": "communication"},
    ),
)  # fmt: skip
_CALL: dict[str, int | str] = {
    "audio_mode": "communication", "input_preset": "voice_communication",
    "api": VOICE_PROCESSING, **ALL_EFFECTS,
}  # fmt: skip
"""How an app with calls opens an iPhone's microphone: session mode voiceChat, the voice unit."""
_IOS = Inputs(
    apis=(REMOTE_IO, VOICE_PROCESSING),
    presets=(
        {"input_preset": "generic"},
        {"input_preset": "unprocessed"},
        {"input_preset": "voice_communication"},
        {"input_preset": "video_chat"},
        {"input_preset": "voice_communication", "api": VOICE_PROCESSING},
        {"input_preset": "video_chat", "api": VOICE_PROCESSING},
    ),
    voice_presets=("unprocessed", "video_chat"),
    pairs=(
        {"api": VOICE_PROCESSING, **ALL_EFFECTS},
        _CALL,
        {"rate_hz": 16_000, **_CALL},  # voice services
        {"rate_hz": 44_100, "api": VOICE_PROCESSING, **ALL_EFFECTS},  # AudioKit#2606
        {"rate_hz": 24_000, **_CALL},
        {"rate_hz": 8000, **_CALL},
        {"api": VOICE_PROCESSING, "input_preset": "video_chat", **ALL_EFFECTS},
        {"api": VOICE_PROCESSING, "input_preset": "unprocessed"},
        {"input_channels": 2, "api": VOICE_PROCESSING},
        {"route": "bluetooth_sco", "rate_hz": 16_000},  # Hands-Free Profile: mSBC
        {"route": "bluetooth_sco", "rate_hz": 8000},  # CVSD
        {"route": "bluetooth_sco", "rate_hz": 24_000},  # what Apple's own headsets have
        {"route": "bluetooth_sco", "rate_hz": 16_000, **_CALL},
    ),
    echo_apis=("default", VOICE_PROCESSING),
    effects_alone=False,
)
_NOTHING = Inputs()
_OF = {Platform.ANDROID: _ANDROID, Platform.IOS: _IOS}
_FAMILIES = {"android": _ANDROID, "ios": _IOS}


def system_of(facts: DeviceFacts) -> Platform:
    """Whose rules hold for an app on the device: those of the system that a virtual phone plays."""
    if facts.platform is not Platform.VIRTUAL:
        return facts.platform
    is_apple = facts.raw.get("apis", "").startswith("coreaudio_")
    return Platform.IOS if is_apple else Platform.ANDROID


def inputs_of(facts: DeviceFacts) -> Inputs:
    """The table of the device's system; an empty one for sound interfaces and browsers."""
    return _OF.get(system_of(facts), _NOTHING)


def inputs_of_family(family: str) -> Inputs:
    """The same for advice, which knows of a model no more than its family (``android``, ``ios``,
    ``web``, ``host``): it names no test for a choice that the system does not have."""
    return _FAMILIES.get(family, _NOTHING)


def requested(plain: TrialRequest, changes: Change) -> TrialRequest:
    """The plain request with these changes."""
    typed = {n: EffectState(str(v)) if n in EFFECTS else v for n, v in changes.items()}
    return replace(plain, **typed)  # type: ignore[arg-type]
