"""A fleet file's iPhones are described in words that an iPhone has; others are named at once."""

from __future__ import annotations

import re

import ios_fleets
import pytest
from adbd_phones import fleet_toml

from device_probes.virtual.driver import fleet_from_toml
from device_probes.virtual.fleet_words import COMBINATIONS
from device_probes.virtual.usbmuxd import words
from profiler.errors import PlanError
from profiler.model import TrialRequest

IPHONE = ios_fleets.fleet_toml("I1", "I2")
ROUTES = 'routes = ["speaker", "earpiece"]\n'


def changed(old: str, new: str) -> str:
    """The fleet with another line for its second phone."""
    head, mark, tail = IPHONE.partition('serial = "I2"')
    assert tail.count(old) == 1
    return head + mark + tail.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "key", "word", "allowed"),
    [
        ("coreaudio_remote_io =", "aaudio = 9.0, coreaudio_remote_io =", "latency.api_ms", "aaudio",
         "coreaudio_remote_io, coreaudio_voice_processing"),
        (ROUTES, f'{ROUTES}silent = [{{ apis = ["java"] }}]\n', "streams.silent[0].apis", "java",
         "coreaudio_remote_io"),
        (ROUTES, f'{ROUTES}mono_is_stereo = [{{}}, {{ presets = ["camcorder"] }}]\n',
         "streams.mono_is_stereo[1].presets", "camcorder", "video_chat"),
        (ROUTES, f'{ROUTES}silent = [{{ sharing = ["exclusive"] }}]\n',
         "streams.silent[0].sharing", "exclusive", "shared"),
        (ROUTES, 'routes = ["speaker", "hearing_aid"]\n', "streams.routes", "hearing_aid",
         "earpiece"),
        (ROUTES, f'{ROUTES}granted_route = "hdmi"\n', "streams.granted_route", "hdmi", "wired"),
        (ROUTES, f'{ROUTES}refused_modes = ["ringtone"]\n', "streams.refused_modes", "ringtone",
         "communication"),
        (ROUTES, f'{ROUTES}performance_modes = ["low_latency", "none"]\n',
         "streams.performance_modes", "none", "low_latency"),
        ('spread = "none"', 'performance_extra_ms = [["power_saving", 3]]',
         "latency.performance_extra_ms", "power_saving", "low_latency"),
        ("reflections = []", '[phone.processing.canceller]\nkind = "ideal"\n'
         '[phone.processing.canceller.works_only_in]\nsessions = ["shared"]',
         "processing.canceller.works_only_in.sessions", "shared", "default"),
        ("reflections = []", "[phone.routes.telephone]\nlevel_db = -3", "routes", "telephone",
         "bluetooth_sco"),
        ("reflections = []", "[phone.android]", "android", "[phone.android]", "no such table"),
    ],
)  # fmt: skip
def test_a_word_of_androids_is_named(old: str, new: str, key: str, word: str, allowed: str) -> None:
    with pytest.raises(PlanError) as caught:
        fleet_from_toml(changed(old, new), "mine.toml")
    said = str(caught.value)
    for part in ("mine.toml", f"phone[1].{key}", word, "I2", "usbmux", allowed):
        assert part in said, said


def test_words_that_an_iphone_has_are_taken() -> None:
    where = (
        'apis = ["coreaudio_voice_processing"], presets = ["video_chat"], routes = ["speaker"], '
        'performance_modes = ["low_latency"], sharing = ["shared"], modes = ["communication"]'
    )
    fleet = fleet_from_toml(changed(ROUTES, f"{ROUTES}silent = [{{ {where} }}]\n"), "mine.toml")
    assert fleet.spec.phone[1].streams.silent[0].presets == ("video_chat",)


def test_a_phone_behind_adb_has_no_units_of_apples() -> None:
    text = re.sub("java = ", "coreaudio_remote_io = ", fleet_toml("A1"))
    with pytest.raises(PlanError, match=r"coreaudio_remote_io.*aaudio, java"):
        fleet_from_toml(text, "mine.toml")
    fleet_from_toml(text.replace("[phone.latency]", 'link = "direct"\n[phone.latency]', 1)
                    .split("[phone.android]")[0], "mine.toml")  # fmt: skip


@pytest.mark.parametrize("field", ["api", "input_preset", "route", "sharing", "performance_mode",
                                   "audio_session"])  # fmt: skip
def test_what_is_allowed_is_what_the_app_takes(field: str) -> None:
    """Every word the check allows for a request's field is one that the virtual app takes."""
    lists = {"api": "apis", "input_preset": "presets", "route": "routes", "sharing": "sharing",
             "performance_mode": "performance_modes", "audio_session": "sessions"}  # fmt: skip
    for word in COMBINATIONS[lists[field]]:
        assert words.fault(TrialRequest(**{field: word})) == ""  # type: ignore[arg-type]
