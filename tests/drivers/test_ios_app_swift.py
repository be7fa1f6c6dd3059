"""The iOS probe's Swift, run: session, routes, volume, screen and what a phone does in a trial.

The app is the one that Xcode compiles, on Linux, over fakes of Apple's frameworks
(tests/fakes/ios_swift); real hosts talk to it. That Apple's frameworks are as the fakes say, only a
phone shows.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from adb_servers import until
from ios_native import ios_rig as rig
from ios_swift import app_rig
from ios_swift.app_rig import Running
from ios_swift.app_trials import LONG, PART, PLAIN, PLAYS, VOICE, connected, nothing, once, refusal

from device_probes.client import ProbeClient
from device_probes.driver import Capture
from profiler.errors import DeviceLost, ProbeRefused
from profiler.model import EffectState, TrialRequest
from tools.swift import app

pytestmark = [pytest.mark.needs_apt(*package) for package in rig.GCC]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> app.Program:
    return app_rig.build(tmp_path_factory.mktemp("app"))


def trial(program: app.Program, words: str, request: TrialRequest, *before: str) -> Capture:
    """One trial, after what happened ``before``."""
    with app_rig.running(program, words) as running, connected(running) as client:
        for what in before:
            running.happen(what)
        return client.run(request, PLAYS, nothing)


# --- what it says ---------------------------------------------------------------------------------


def test_the_screen_follows_the_session(program: app.Program) -> None:
    with app_rig.running(program) as running:
        assert running.screens[0][0] == "chirpbench probe 0.1.0"
        assert running.screens[-1][-1].startswith("Leave the phone like this")
        with connected(running) as client:
            running.shows("status: Connected to chirpbench over USB")
            client.run(PART, PLAYS, once(lambda: running.shows("status: Playing and recording")))
            running.shows("last_trial: The last trial ended well")
            assert refusal(running, client, replace(PLAIN, route="wired")).code == "unsupported"
            running.shows("last_trial: The last trial was refused: unsupported, the route wired")
        running.shows("status: Waiting for chirpbench")


def test_facts_are_the_phones(program: app.Program) -> None:
    with app_rig.running(program, "burst=256") as running, connected(running) as client:
        facts = client.facts()
        running.happen("plug")
        later = client.facts()
    assert (facts.model, facts.os_name, facts.os_version, facts.os_build) == (
        "iPhone14,7", "iOS", "17.0", "21A329",
    )  # fmt: skip
    assert (facts.native_rate_hz, facts.frames_per_burst) == (48_000, 256)
    assert (facts.is_virtual, facts.is_emulator) == (False, False)
    assert facts.raw["routes"] == "speaker, earpiece"
    assert facts.raw["hw.model"] == "D27AP"
    assert facts.raw["apis"] == "coreaudio_remote_io,coreaudio_voice_processing"
    assert later.raw["routes"] == "speaker, earpiece, wired"
    assert later.raw["audio.inputs"] == "MicrophoneBuiltIn+MicrophoneWired"


# --- the session ----------------------------------------------------------------------------------

MODES = {
    "generic": ("default", "Default"),
    "measurement": ("measurement", "Measurement"),
    "voice_chat": ("voiceChat", "VoiceChat"),
    "video_chat": ("videoChat", "VideoChat"),
}


@pytest.mark.parametrize("preset", MODES)
@pytest.mark.parametrize("api", [PLAIN.api, VOICE.api])
def test_every_mode_is_asked_for_and_told(program: app.Program, preset: str, api: str) -> None:
    report = trial(program, "", replace(PLAIN, api=api, input_preset=preset)).report
    observed = report.observed
    assert observed["session_mode_granted"] == f"AVAudioSessionMode{MODES[preset][1]}"
    assert observed["session_category"] == "AVAudioSessionCategoryPlayAndRecord"
    assert observed["api"] == api
    states = {name: effect.state for name, effect in report.effects.items()}
    off, unknown = EffectState.OFF, EffectState.UNKNOWN
    clean = off if preset == "measurement" or api == VOICE.api else unknown
    assert states == {"aec": off, "ns": clean, "agc": clean}


def test_effects_are_as_the_unit_reads_them_back(program: app.Program) -> None:
    on = replace(VOICE, aec=EffectState.ON, ns=EffectState.ON, agc=EffectState.ON)
    report = trial(program, "", on).report
    assert {name: effect.state for name, effect in report.effects.items()} == dict.fromkeys(
        ("aec", "ns", "agc"), EffectState.ON
    )
    assert "iOS cancels echo and suppresses noise in one unit" in report.notes


def test_a_preferred_buffer_is_asked_for_and_the_granted_one_told(program: app.Program) -> None:
    wanted = replace(PLAIN, buffer_frames=512)
    granted = trial(program, "any_buffer=1", wanted).report
    assert (granted.output.frames_per_burst, granted.output.buffer_frames) == (512, 512)
    assert granted.callback_histogram_ms[0][0] == pytest.approx(512 / 48, abs=0.8)
    kept = trial(program, "", wanted).report
    assert (kept.output.frames_per_burst, kept.input.frames_per_burst) == (192, 192)
    assert kept.observed["requested_io_buffer_ms"] == "10.6667"
    assert kept.observed["io_buffer_ms"] == "4.0000"
    bursts = trial(program, "any_buffer=1", replace(PLAIN, buffer_bursts=4)).report
    assert bursts.output.buffer_frames == 4 * 192


def test_another_rate_of_the_hardware_is_said_and_taken(program: app.Program) -> None:
    with app_rig.running(program, "") as running, connected(running) as client:
        capture = client.run(replace(PLAIN, rate_hz=16_000), PLAYS, nothing)
    assert (capture.audio.rate_hz, capture.report.output.rate_hz) == (48_000, 48_000)
    assert capture.report.observed["requested_rate_hz"] == "16000"


def test_a_session_that_does_not_open_is_refused_with_what_ios_said(program: app.Program) -> None:
    with pytest.raises(ProbeRefused, match="NSOSStatusErrorDomain 561017449") as caught:
        trial(program, "inactive=561017449", PLAIN)
    assert caught.value.code == "open_failed"


@pytest.mark.parametrize(
    ("state", "words"), [("denied", "Settings, Privacy"), ("undetermined", "allow the microphone")]
)
def test_without_the_microphone_nothing_is_recorded(
    program: app.Program, state: str, words: str
) -> None:
    with app_rig.running(program, f"permission={state}") as running, connected(running) as client:
        running.shows("microphone: The microphone is not allowed")
        found = refusal(running, client, PLAIN)
    assert found.code == "permission"
    assert words in found.message


def test_a_muted_input_is_told(program: app.Program) -> None:
    assert trial(program, "", PLAIN).report.input_silenced is False
    report = trial(program, "", PLAIN, "mute").report
    assert report.input_silenced is True
    assert (report.battery_percent, report.thermal_status) == (85.0, "none")


# --- routes ---------------------------------------------------------------------------------------

ROUTES = {
    "speaker": ((), "speaker", "Speaker", "MicrophoneBuiltIn"),
    "earpiece": ((), "earpiece", "Receiver", "MicrophoneBuiltIn"),
    "default": ((), "earpiece", "Receiver", "MicrophoneBuiltIn"),
    "wired": (("plug",), "wired", "Headphones", "MicrophoneWired"),
    "bluetooth_sco": (("pair",), "bluetooth_sco", "BluetoothHFP", "BluetoothHFP"),
    "bluetooth_a2dp": (("pair",), "bluetooth_a2dp", "BluetoothA2DPOutput", "MicrophoneBuiltIn"),
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_taken_and_told(program: app.Program, route: str) -> None:
    before, word, output, into = ROUTES[route]
    report = trial(program, "", replace(PLAIN, route=route), *before).report
    assert report.output.route == word
    assert report.observed["output_device"] == output
    assert report.observed["input_device"] == into


@pytest.mark.parametrize("route", ["wired", "usb", "bluetooth_sco", "bluetooth_le"])
def test_a_route_that_is_not_there_is_unsupported(program: app.Program, route: str) -> None:
    with app_rig.running(program) as running, connected(running) as client:
        found = refusal(running, client, replace(PLAIN, route=route))
        assert found.code == "unsupported"
        assert f"the route {route} is not there: Receiver / MicrophoneBuiltIn" in found.message
        client.run(PLAIN, PLAYS, nothing)


def test_a_plugged_headset_does_not_take_a_trial_of_the_speaker(program: app.Program) -> None:
    report = trial(program, "", PLAIN, "plug").report
    assert (report.output.route, report.input.route) == ("speaker", "builtin_mic")


def test_a_route_is_changed_in_a_trial_when_the_host_asks(program: app.Program) -> None:
    def asked() -> None:
        client.act("route", "earpiece")
        client.act("route", "carrier_pigeon")
        client.act("dance", "now")

    with app_rig.running(program) as running, connected(running) as client:
        capture = client.run(PART, PLAYS, once(asked))
    observed = capture.report.observed
    assert observed["route_1"] == "earpiece"
    assert observed["route_2"] == "refused: iOS has no route carrier_pigeon"
    assert observed["acts_unknown"] == "1"
    assert 0 <= int(observed["route_1_ms"]) < 120_000
    assert observed["output_device"] == "Receiver"


# --- the volume -----------------------------------------------------------------------------------


def test_the_volume_is_set_for_the_trial_and_given_back(program: app.Program) -> None:
    with app_rig.running(program) as running, connected(running) as client:
        running.happen("volume 0.3125")
        capture = client.run(replace(PLAIN, volume=0.8), PLAYS, nothing)
        assert capture.report.observed["output_volume"] == "0.8000"
        assert float(client.facts().raw["audio.volume"]) == pytest.approx(0.3125)


def test_a_volume_that_a_call_brings_with_it_is_set_and_given_back(program: app.Program) -> None:
    request = replace(VOICE, input_preset="voice_chat", volume=0.8, aec=EffectState.ON)
    with app_rig.running(program, "call_volume=0.3") as running, connected(running) as client:
        capture = client.run(request, PLAYS, nothing)
        assert capture.report.observed["output_volume"] == "0.8000"
        again = client.run(replace(request, volume=None), PLAYS, nothing)
        assert again.report.observed["output_volume"] == "0.3000"
        assert client.facts().raw["audio.volume"] == "0.5"


def test_the_volume_is_given_back_when_the_host_goes(program: app.Program) -> None:
    with app_rig.running(program) as running:
        with connected(running) as client, pytest.raises(Exception, match="ios"):
            client.run(replace(LONG, volume=0.8), PLAYS, once(client.close))
        running.shows("status: Waiting for chirpbench")
        with connected(running) as client:
            assert client.facts().raw["audio.volume"] == "0.5"


def test_a_volume_that_does_not_come_is_unsupported(program: app.Program) -> None:
    with app_rig.running(program, "stuck_volume=1") as running, connected(running) as client:
        found = refusal(running, client, replace(PLAIN, volume=0.8))
    assert found.code == "unsupported"
    assert "it is 0.50: press the volume keys" in found.message


# --- what a phone does in the middle of a trial ---------------------------------------------------

FAULTS = {
    "interrupt": "the system interrupted the sound: a call, an alarm, another app",
    "plug": "the route moved from Receiver / MicrophoneBuiltIn to Headphones / MicrophoneWired",
    "lost": "the system's media services were lost",
    "reset": "the system's media services were reset",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_system_ends_the_trial_with_its_name(
    program: app.Program, fault: str
) -> None:
    with app_rig.running(program) as running, connected(running) as client:
        found = refusal(running, client, replace(LONG, route="default"), when_playing=fault)
        assert found.code == "stream_lost"
        assert FAULTS[fault] in found.message
        client.run(PLAIN, PLAYS, nothing)


def test_a_change_that_moves_nothing_is_a_note(program: app.Program) -> None:
    with app_rig.running(program) as running, connected(running) as client:
        capture = client.run(PART, PLAYS, once(lambda: running.happen("resume")))
    assert capture.report.observed["interruptions"] == "1"
    assert "an interruption ended" in capture.report.notes


def test_an_app_that_leaves_the_screen_ends_the_trial_unless_it_may(program: app.Program) -> None:
    with app_rig.running(program) as running, connected(running) as client:
        assert refusal(running, client, LONG, when_playing="leave").code == "background"
        found = refusal(running, client, PLAIN)
        assert "not in front on the phone's screen" in found.message
        running.happen("return")

        def away() -> None:
            running.happen("leave")
            running.happen("return")

        capture = client.run(replace(PART, background="continue"), PLAYS, once(away))
    observed = capture.report.observed
    assert 0 <= int(observed["left_front_ms"]) <= int(observed["came_front_ms"]) < 120_000


# --- in the background ----------------------------------------------------------------------------


def port_is_open(running: Running) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", running.port)) == 0


def test_before_it_sleeps_the_app_hangs_up_and_listens_no_more(program: app.Program) -> None:
    with app_rig.running(program, "background_s=0.3") as running:
        with connected(running) as client:
            running.happen("leave")
            running.sleeps()
            with pytest.raises(DeviceLost):
                client.facts()
        assert not port_is_open(running)
        running.happen("return")
        until(lambda: port_is_open(running), 10, "the app listens again")
        with connected(running) as client:
            client.run(PLAIN, PLAYS, nothing)


def test_a_trial_that_may_go_on_is_told_to_its_end_before_the_app_sleeps(
    program: app.Program,
) -> None:
    request = replace(PART, background="continue", volume=0.8)
    with app_rig.running(program, "background_s=4") as running:
        with connected(running) as client:
            capture = client.run(request, PLAYS, once(lambda: running.happen("leave")))
        running.sleeps()
        running.happen("return")
        with connected_soon(running) as client:
            assert client.facts().raw["audio.volume"] == "0.5"
    assert capture.audio.samples.shape == (120 * 48_000, 1)


def test_a_trial_that_may_not_is_refused_before_the_app_sleeps(program: app.Program) -> None:
    with app_rig.running(program, "background_s=4") as running:
        with connected(running) as client:
            found = refusal(running, client, replace(LONG, volume=0.8), when_playing="leave")
            assert found.code == "background"
        running.sleeps()


@contextmanager
def connected_soon(running: Running) -> Iterator[ProbeClient]:
    until(lambda: port_is_open(running), 10, "the app listens again")
    with connected(running) as client:
        yield client


# --- hosts and sockets ----------------------------------------------------------------------------


def test_a_second_host_is_told_that_the_probe_is_busy(program: app.Program) -> None:
    with app_rig.running(program) as running, connected(running) as client:
        with pytest.raises(ProbeRefused) as caught, connected(running):
            pass
        assert caught.value.code == "busy"
        client.run(PLAIN, PLAYS, nothing)


def test_a_token_is_asked_for(program: app.Program) -> None:
    with app_rig.running(program, "token=5eed") as running:
        with pytest.raises(ProbeRefused) as caught, connected(running, "beef"):
            pass
        assert caught.value.code == "unauthorized"
        with connected(running, "5eed") as client:
            assert client.facts().manufacturer == "Apple"


def test_an_app_whose_socket_the_system_took_listens_again(program: app.Program) -> None:
    with app_rig.running(program) as running:
        for _ in range(2):
            running.happen("take_sockets")
            with connected_soon(running) as client:
                assert client.facts().manufacturer == "Apple"


def test_a_port_that_is_taken_is_said_on_the_screen(program: app.Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        wanted = f"status: Cannot listen: port {port} cannot be used: Address already in use"
        with app_rig.running(program, port=port, ready=wanted) as running:
            assert len(running.screens) >= 1
