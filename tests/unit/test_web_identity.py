"""Whose results a browser's are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.codec import MAX_RAW_ENTRIES
from device_probes.web.identity import browser_name, identify
from profiler.model import DeviceFacts, Platform

PAGE = DeviceFacts(
    platform=Platform.WEB,
    manufacturer="",
    model="Pixel 8 (Chrome)",
    marketing_name="Pixel 8 (Chrome)",
    soc="",
    os_name="Android",
    os_version="15",
    os_build="Chrome 156.0.1",
    native_rate_hz=48_000,
    raw={"apis": "web_audio", "user_agent": "x"},
)
PHONE = DeviceFacts(
    platform=Platform.ANDROID,
    manufacturer="Google",
    model="G9BQD",
    marketing_name="Pixel 8",
    soc="Tensor G3",
    os_name="Android",
    os_version="15",
    os_build="google/shiba/shiba:15/AP4A",
    api_level=35,
    native_rate_hz=44_100,
    raw={"ro.board.platform": "zuma", "ro.secret": "x"},
)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Pixel 8 (Chrome)", "Chrome"),
        ("iPhone (Safari) ", "Safari"),
        ("A (B) (Samsung Internet)", "Samsung Internet"),
        ("no brackets", "browser"),
        ("", "browser"),
        ("(" * 60, "browser"),
    ],
)
def test_the_browsers_name_is_what_the_page_says_last(model: str, name: str) -> None:
    assert browser_name(replace(PAGE, model=model)) == name


def test_over_adb_the_phone_names_the_model_and_the_browser_the_build() -> None:
    found = identify(PAGE, PHONE)
    assert str(found.model_key) == "Google G9BQD (Chrome) / Tensor G3 / Chrome 156.0.1"
    assert found.marketing_name == "Pixel 8 (Chrome)"
    assert found.native_rate_hz == 48_000, "the browser's, not the phone's"
    assert found.raw["phone.ro.board.platform"] == "zuma"
    assert found.raw["phone.os_build"] == PHONE.os_build
    assert "phone.ro.secret" not in found.raw
    assert found.model_key != PHONE.model_key


def test_without_a_phone_the_page_is_believed() -> None:
    assert identify(PAGE, None) == PAGE


def test_a_page_cannot_pass_for_an_app() -> None:
    assert identify(replace(PAGE, platform=Platform.ANDROID), None).platform is Platform.WEB
    assert identify(replace(PAGE, platform=Platform.ANDROID), PHONE).platform is Platform.WEB


def test_a_simulated_phone_stays_one() -> None:
    assert identify(PAGE, replace(PHONE, is_virtual=True)).is_virtual
    assert identify(PAGE, replace(PHONE, is_emulator=True)).is_emulator


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=200, max_size=256))
def test_the_table_stays_within_its_bounds(raw: dict[str, str]) -> None:
    found = identify(replace(PAGE, raw=raw), PHONE)
    assert len(found.raw) <= MAX_RAW_ENTRIES
    assert found.raw["phone.os_build"] == PHONE.os_build
