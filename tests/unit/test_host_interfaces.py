"""Pairs of inputs and outputs, from tables as PortAudio gives them on each system."""

from __future__ import annotations

from typing import Any

import pytest

from device_probes.host.interfaces import api_slug, pair_up, slug


def device(name: str, ins: int, outs: int, rate_hz: float = 48_000.0) -> dict[str, Any]:
    return {
        "name": name,
        "max_input_channels": ins,
        "max_output_channels": outs,
        "default_samplerate": rate_hz,
    }


def api(name: str, devices: list[int], default: tuple[int, int] = (-1, -1)) -> dict[str, Any]:
    return {
        "name": name,
        "devices": devices,
        "default_input_device": default[0],
        "default_output_device": default[1],
    }


def test_alsa_duplex_devices_default_first_without_card_numbers() -> None:
    devices = [
        device("HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 2),
        device("HDA Intel PCH: HDMI 0 (hw:0,3)", 0, 8),
        device("default", 32, 32),
    ]
    found = pair_up([api("ALSA", [0, 1, 2], (2, 2))], devices, 0)
    assert [(f.serial, f.is_default) for f in found] == [
        ("alsa-default", True),
        ("alsa-hda_intel_pch_alc257_analog", False),
    ]
    assert found[1].label == "HDA Intel PCH: ALC257 Analog"


def test_the_card_number_does_not_change_the_serial() -> None:
    names = ["Scarlett 2i2: USB Audio (hw:1,0)", "Scarlett 2i2: USB Audio (hw:3,0)"]
    one, other = (pair_up([api("ALSA", [0])], [device(n, 2, 2)], 0)[0] for n in names)
    assert one.serial == other.serial


def test_macs_default_microphone_and_speaker_are_a_pair() -> None:
    devices = [device("MacBook Pro Microphone", 1, 0), device("MacBook Pro Speakers", 0, 2)]
    (found,) = pair_up([api("Core Audio", [0, 1], (0, 1))], devices, 0)
    assert found.serial == "core_audio-macbook_pro_speakers-macbook_pro_microphone"
    assert (found.input_index, found.output_index, found.input_channels) == (0, 1, 1)


def test_windows_pairs_by_the_name_in_brackets_and_by_the_default_api() -> None:
    devices = [
        device("Microphone (USB Audio CODEC)", 1, 0),
        device("Speakers (Realtek(R) Audio)", 0, 2),
        device("Speakers (USB Audio CODEC)", 0, 2),
        device("Microphone (USB Audio CODEC)", 1, 0),
        device("Speakers (USB Audio CODEC)", 0, 2),
    ]
    apis = [api("MME", [0, 1, 2], (0, 1)), api("Windows WASAPI", [3, 4], (3, 4))]
    found = pair_up(apis, devices, 1)
    assert [(f.api, f.input_index, f.output_index) for f in found] == [
        ("windows_wasapi", 3, 4),
        ("mme", 0, 1),
        ("mme", 0, 2),
    ]


def test_equal_names_are_numbered() -> None:
    devices = [device("USB Audio (hw:1,0)", 2, 2), device("USB Audio (hw:2,0)", 2, 2)]
    found = pair_up([api("ALSA", [0, 1])], devices, 0)
    assert [f.serial for f in found] == ["alsa-usb_audio", "alsa-usb_audio-2"]


def test_no_devices_no_interfaces() -> None:
    assert pair_up([api("ALSA", []), api("OSS", [])], [], 0) == ()
    assert pair_up([], [], 0) == ()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("JACK Audio Connection Kit", "jack"),
        ("Windows WDM-KS", "windows_wdm_ks"),
        ("../../etc; rm", "etc_rm"),
        ("Überschall ☃", "berschall"),
        ("☃", "unnamed"),
        ("x" * 500, "x" * 60),
    ],
)
def test_slugs_are_short_and_plain(name: str, wanted: str) -> None:
    assert api_slug(name) == wanted
    assert slug(slug(name)) == slug(name)
