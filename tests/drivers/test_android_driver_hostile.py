"""A hostile phone: whatever it says, nothing gets out of its place and every end has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import bad_probes
import pytest
from android_benches import (
    QUICK,
    Rig,
    connect_and_try,
    trial,
)

from device_probes.android import probe_package
from device_probes.virtual.adbd import VirtualAndroid
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    ProbeError,
    ProbeProtocolError,
)

PROBE = "org.chirpbench.probe"


NASTY = "\x1b]0;x\x07'; DROP TABLE devices; -- <script>alert(1)</script> $(reboot) `id` ../../etc"


def nasty_phone(made: Rig) -> VirtualAndroid:
    phone = made.phone
    for key in list(phone.properties):
        if key.startswith("ro.product") or key.startswith("ro.soc"):
            phone.properties[key] = NASTY
    phone.properties["ro.build.fingerprint"] = "x\n@@path\npackage:/data/app/$(reboot)/base.apk"
    return phone


def test_nothing_a_phone_says_gets_out_of_its_place(one: Rig) -> None:
    phone = nasty_phone(one)
    seen: list[str] = []
    phone.override("*", lambda words: seen.append(" ".join(words)))
    driver = one.driver(named=False, deadlines=QUICK)
    facts = driver.connect()
    for text in (facts.manufacturer, facts.model, facts.soc, facts.os_build, *facts.raw.values()):
        assert not any(ord(char) < 32 for char in text), text
        assert len(text) <= 128
    assert len(facts.raw) <= 256
    assert "reboot" not in "".join(seen)
    trial(driver)
    driver.close()


COMMANDS = (
    "dumpsys battery", "dumpsys audio", "dumpsys activity", "dumpsys trust", "dumpsys window",
    "dumpsys sensor_privacy", "dumpsys package", "getprop", "pm path", "settings get", "df",
    "sha256sum", "logcat", "pidof", "cat", "am start",
)  # fmt: skip
Answer = str | bytes | tuple[str, int]
_LIES: dict[str, Callable[[], Answer | Iterator[bytes]]] = {
    "unknown": lambda: ("", 127),
    "nonsense": lambda: "\xff\x00[a]: [b" * 500 + NASTY * 20,
}


@pytest.mark.parametrize("lie", _LIES)
def test_lies_lead_to_an_answer_or_a_named_error(one: Rig, lie: str) -> None:
    """Each command lies in turn; the last one is the start, after which nothing can be reached."""
    lying = [""]

    def answer(words: list[str]) -> Answer | None:
        return _LIES[lie]() if " ".join(words).startswith(lying[0] or "-") else None

    one.phone.override("*", answer)
    driver = one.driver(deadlines=QUICK)
    errors: list[DeviceError] = []
    for lying[0] in COMMANDS:
        try:
            connect_and_try(driver)
        except DeviceError as exc:
            errors.append(exc)
        driver.close()
    assert all(error.device and "\x1b" not in str(error) for error in errors)
    assert len(errors) < len(COMMANDS), "a lie about a detail stops nothing"


def test_a_command_that_never_ends_is_ended(one: Rig) -> None:
    def flood(_: list[str]) -> Iterator[bytes]:
        while True:
            yield b"x" * 60_000

    one.phone.override("dumpsys audio", flood)
    with pytest.raises((ProbeProtocolError, DeviceTimeout)):
        one.driver(deadlines=QUICK).connect()


@pytest.mark.parametrize(
    "script",
    [bad_probes.garbage, bad_probes.http, bad_probes.never_answers, bad_probes.closes_at_once,
     bad_probes.huge_header, bad_probes.huge_payload, bad_probes.truncated_hello],
    ids=lambda script: script.__name__,
)  # fmt: skip
def test_a_probe_that_is_none(one: Rig, script: bad_probes.Script) -> None:
    one.phone.hostile_probe = script
    with pytest.raises(DeviceError) as caught:
        one.driver(deadlines=QUICK).connect()
    assert isinstance(caught.value, ProbeError | DeviceTimeout | DeviceLost)


def test_a_phone_that_swaps_the_package_is_found_out(one: Rig) -> None:
    """The package that counts is the one that is installed, not the one that was sent."""
    one.phone.preinstall(probe_package().data)
    path = one.phone.packages.installed[PROBE].path
    seen: list[str] = []
    one.phone.override("pm install", lambda words: seen.append(" ".join(words)))
    one.phone.override("sha256sum " + path, lambda _: f"{'0' * 64}  {path}\n")
    one.driver(deadlines=QUICK).connect()
    assert len(seen) == 1
