"""The virtual iPhone's app takes and refuses what the real one's C core does, word for word."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from ios_fleets import CANCELS, REQUEST, table, trial
from ios_native import ios_rig as rig

from device_probes.codec import request_to_json
from device_probes.virtual.usbmuxd import words
from profiler.model import CallPath, EffectState, TrialRequest

CHOICES = {
    "api": ("default", words.REMOTE_IO, words.VOICE_PROCESSING, "aaudio", "java"),
    "sharing": ("default", "shared", "exclusive"),
    "performance_mode": ("default", "low_latency", "none", "power_saving"),
    "input_preset": (
        "default", *words.MODES, "camcorder", "voice_recognition", "voice_performance",
    ),
    "audio_mode": ("media", "communication", "ringtone"),
    "usage": ("default", "media", "voice_communication", "game"),
    "audio_session": ("default", "none", "shared"),
    "route": (*words.ROUTES, "hearing_aid"),
}  # fmt: skip
MANY = 3000


def asked() -> list[TrialRequest]:
    """Every word alone, every state of the effects on every unit, and a random lot of the rest."""
    rng = random.Random(7)
    found = [TrialRequest(**{n: w}) for n, ws in CHOICES.items() for w in ws]  # type: ignore[arg-type]
    found += [
        TrialRequest(api=api, aec=aec, ns=ns, agc=agc)
        for api in CHOICES["api"][:3]
        for aec, ns, agc in itertools.product(EffectState, repeat=3)
    ]
    found += [TrialRequest(call=CallPath())]
    for _ in range(MANY):
        # Mostly words that it has, so that not all of them are refused.
        some = {n: rng.choice(ws if rng.random() < 0.1 else ws[:2]) for n, ws in CHOICES.items()}
        effects = {n: rng.choice(tuple(EffectState)) for n in ("aec", "ns", "agc")}
        found.append(TrialRequest(**some, **effects))  # type: ignore[arg-type]
    return [one for one in found if EffectState.UNKNOWN not in (one.aec, one.ns, one.agc)]


@rig.apt
def test_the_same_is_refused_and_the_rest_means_the_same(tmp_path: Path) -> None:
    program = rig.build_lines(tmp_path)
    requests = asked()
    lines = []
    for one in requests:
        header = {"type": "run", "rate_hz": 48_000, "plays": []}
        header["request"] = request_to_json(one) | {"duration_s": 1.0}
        lines.append(f"message {json.dumps(header).encode().hex()}")
    answers = rig.run([program], "\n".join(lines) + "\n").splitlines()
    taken = 0
    for one, answer in zip(requests, answers, strict=True):
        before, _, fault = answer.partition(" fault=")
        assert bool(fault) == bool(words.fault(one)), (one, fault, words.fault(one))
        if fault:
            continue
        taken += 1
        said = dict(word.split("=", 1) for word in before.split()[1:])
        assert said["mode"] == words.session_mode(one)
        assert said["voice"] == str(int(words.is_voice(one)))
    assert 200 < taken < len(requests) - 200


@pytest.mark.parametrize("aec", ["on", "off", "default"])
def test_what_the_units_have_then(aec: str) -> None:
    state = EffectState(aec)
    voice = words.taken(TrialRequest(api=words.VOICE_PROCESSING, aec=state))
    both = EffectState.OFF if state is EffectState.OFF else EffectState.ON
    assert (voice.aec, voice.ns) == (both, both)
    default = words.taken(TrialRequest(aec=state))
    assert default.api == (words.VOICE_PROCESSING if aec == "on" else words.REMOTE_IO)


UNKNOWN, ON, OFF = EffectState.UNKNOWN, EffectState.ON, EffectState.OFF


@pytest.mark.parametrize(
    ("asked", "mode", "aec", "ns", "agc"),
    [
        ({}, "Default", OFF, UNKNOWN, UNKNOWN),
        ({"audio_mode": "communication"}, "VoiceChat", OFF, UNKNOWN, UNKNOWN),
        ({"input_preset": "video_chat"}, "VideoChat", OFF, UNKNOWN, UNKNOWN),
        ({"input_preset": "unprocessed"}, "Measurement", OFF, OFF, OFF),
        ({"api": words.VOICE_PROCESSING, "aec": OFF}, "Default", OFF, OFF, OFF),
        ({"api": words.VOICE_PROCESSING, "aec": ON, "agc": OFF}, "Default", ON, ON, OFF),
    ],
)
def test_effects_and_session_are_told_as_the_app_tells_them(
    asked: dict[str, object], mode: str, aec: EffectState, ns: EffectState, agc: EffectState
) -> None:
    """As ``effects`` and ``observed`` of TrialReport.swift: through the driver, over the wire."""
    with table("I1", tail=CANCELS) as made:
        driver = made.driver()
        driver.connect()
        report = trial(driver, replace(REQUEST, **asked)).report  # type: ignore[arg-type]
    states = {name: effect.state for name, effect in report.effects.items()}
    assert states == {"aec": aec, "ns": ns, "agc": agc}
    assert not any(effect.uuid or effect.implementor for effect in report.effects.values())
    seen = report.observed
    assert seen["session_mode_granted"] == f"AVAudioSessionMode{mode}"
    assert seen["requested_rate_hz"] == "48000"
    assert seen["output_volume"] == "0.5000"
    assert float(seen["io_buffer_ms"]) > 0


def test_the_buffer_asked_for_is_a_burst_unless_the_trial_says_otherwise() -> None:
    asked = {
        None: TrialRequest(),
        3: TrialRequest(buffer_bursts=3),
        480: TrialRequest(buffer_frames=480),
    }
    found = [words.asked_buffer_s(one, 192, 48_000) for one in asked.values()]
    assert found == pytest.approx([0.004, 0.012, 0.01])
    with table("I1") as made:
        driver = made.driver()
        driver.connect()
        seen = trial(driver, replace(REQUEST, volume=0.25, buffer_bursts=3)).report.observed
        assert (seen["requested_io_buffer_ms"], seen["output_volume"]) == ("12.0000", "0.2500")
        assert made.phone.state.volume == 0.5
