"""Which paths a kind of device has: audio modes and presets are a phone app's, effects also a
browser's; a sound interface has neither."""

from __future__ import annotations

from dataclasses import replace

from profiler.model import DeviceFacts, EffectState, Platform, TrialRequest

CALL_PRESET = "voice_communication"
WEB_API = "web_audio"
"""The plain path of a browser; what is stored never says ``default`` there."""
_APPS = (Platform.ANDROID, Platform.IOS, Platform.VIRTUAL)


def has_modes(facts: DeviceFacts) -> bool:
    """Whether an app on the device chooses an audio mode and an input preset."""
    return facts.platform in _APPS


def has_effects(facts: DeviceFacts) -> bool:
    """Whether the device has an echo canceller, noise suppression and gain control to ask for."""
    return facts.platform is not Platform.HOST


def on_web(facts: DeviceFacts) -> bool:
    """Whether the device is a browser: no modes, no presets, no volume but a digital gain."""
    return facts.platform is Platform.WEB


def takes_frames(facts: DeviceFacts) -> bool:
    """Whether an output buffer is asked for in frames; phone apps ask for bursts."""
    return facts.platform in (Platform.HOST, Platform.WEB)


def call_path(facts: DeviceFacts, plain: TrialRequest) -> TrialRequest:
    """The path of a call, the plain one where there are no modes; a preset of the plan stays."""
    if not has_modes(facts):
        return plain
    preset = CALL_PRESET if plain.input_preset == "default" else plain.input_preset
    return replace(plain, audio_mode="communication", input_preset=preset)


def with_effects(request: TrialRequest, state: EffectState) -> TrialRequest:
    """With echo canceller, noise suppression and gain control in one state."""
    return replace(request, aec=state, ns=state, agc=state)
