"""What usbmuxd and WebDriverAgent say, as typed values or malformed; nothing here needs a phone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.fields import Malformed
from device_probes.ios.answers import (
    MAX_ALERT_CHARS,
    MAX_BUTTONS,
    Alert,
    AppState,
    read_alert,
    read_app_state,
    read_health,
    read_image,
    read_status,
)
from device_probes.ios.door import (
    MAX_PHONES,
    Notice,
    Seen,
    best,
    read_devices,
    read_notice,
    read_seen,
    socket_address,
)
from profiler.errors import InputError

PHONE = "00008110-000A1B2C3D4E5F67"

# A property list's or JSON's values, nested; names that matter are likely.
_NAMES = st.sampled_from(
    ["DeviceList", "MessageType", "Properties", "SerialNumber", "DeviceID", "ConnectionType",
     "value", "ready", "os", "build", "version", "level", "thermalState"]
) | st.text(max_size=8)  # fmt: skip
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)
    | st.binary(max_size=20) | st.sampled_from(["Attached", "Detached", "USB", PHONE])
)  # fmt: skip
VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=25,
)


def record(udid: Any = PHONE, number: Any = 7, connection: Any = "USB") -> dict[str, Any]:
    properties = {"SerialNumber": udid, "ConnectionType": connection, "ProductID": 0x12A8}
    return {"MessageType": "Attached", "DeviceID": number, "Properties": properties}


# --- usbmuxd --------------------------------------------------------------------------------------


def test_a_phone_is_read() -> None:
    assert read_seen(record()) == Seen(PHONE, 7, "usb")
    assert read_devices({"DeviceList": [record(connection="Network")]}) == (
        Seen(PHONE, 7, "network"),
    )


@pytest.mark.parametrize(
    "udid", ["", "-u", "../../etc", "a b", "x\n", "x" * 65, "\u202eabc", "a;b", b"abc", None, 7]
)
def test_a_serial_number_that_no_phone_has_is_refused(udid: Any) -> None:
    with pytest.raises(Malformed):
        read_seen(record(udid))


def test_one_phone_without_sense_hides_no_other() -> None:
    bad = [record("$(reboot)"), record(number=-1), record(connection="Carrier pigeon"), {}, 7, None]
    assert read_devices({"DeviceList": [*bad, record(), {"Properties": []}]}) == (
        Seen(PHONE, 7, "usb"),
    )


def test_the_list_is_bounded() -> None:
    many = [record(f"phone{n}", n) for n in range(MAX_PHONES * 3)]
    assert len(read_devices({"DeviceList": many})) == MAX_PHONES


def test_a_cable_wins_over_the_network_whatever_comes_first() -> None:
    cable, air = Seen(PHONE, 1, "usb"), Seen(PHONE, 2, "network")
    other = Seen("b", 3, "network")
    assert best((air, other, cable)) == (cable, other)
    assert best((cable, other, air)) == (cable, other)


@pytest.mark.parametrize("answer", [None, [], {}, {"DeviceList": {}}, {"DeviceList": "x"}, b""])
def test_an_answer_without_a_list_is_malformed(answer: object) -> None:
    with pytest.raises(Malformed):
        read_devices(answer)


def test_notices_are_read() -> None:
    assert read_notice(record()) == Notice(7, Seen(PHONE, 7, "usb"))
    assert read_notice({"MessageType": "Detached", "DeviceID": 7}) == Notice(7, None)
    assert read_notice({"MessageType": "Paired", "DeviceID": 7}) is None
    assert read_notice(record("../x")) is None


@given(VALUES)
def test_usbmuxd_may_say_anything(value: object) -> None:
    for answer in (value, {"DeviceList": value}, {"DeviceList": [value, record(), value]}):
        try:
            seen = read_devices(answer)
        except Malformed:
            continue
        assert len(seen) <= MAX_PHONES
        assert all(one.connection in ("usb", "network") for one in seen)
    notice = read_notice(value)
    assert notice is None or 0 <= notice.mux_id < 2**32


@pytest.mark.parametrize(
    ("spelled", "address"),
    [
        ("/var/run/usbmuxd", "/var/run/usbmuxd"),
        ("UNIX:/tmp/x:1", "/tmp/x:1"),
        ("UNIX:mux", "mux"),
        ("./mux", "./mux"),
        ("127.0.0.1:27015", ("127.0.0.1", 27015)),
        ("[::1]:27015", ("::1", 27015)),
    ],
)
def test_usbmuxds_address_is_read_as_libusbmuxd_does(spelled: str, address: object) -> None:
    assert socket_address(spelled)[1] == address


@pytest.mark.parametrize(
    "spelled",
    ["UNIX:", "usbmuxd", ":1", "host:", "host:0", "host:65536", "host:١", "/" + "x" * 107],
)
def test_an_address_that_cannot_be_is_named(spelled: str) -> None:
    with pytest.raises(InputError, match=r"usbmuxd"):
        socket_address(spelled)


# --- WebDriverAgent -------------------------------------------------------------------------------


def test_a_status_is_read_with_any_part_absent() -> None:
    full = {"ready": True, "os": {"version": "17.5.1"}, "build": {"version": "16.7.0"}}
    status = read_status({"value": full, "sessionId": None})
    assert (status.ready, status.version, status.ios) == (True, "16.7.0", "17.5.1")
    old = read_status({"value": {"state": "success", "os": None}})
    assert (old.ready, old.version, old.ios) == (True, "", "")
    assert not read_status({"value": {"ready": False, "state": "success"}}).ready
    assert not read_status({"value": {"state": "starting"}}).ready


def test_states_of_an_app() -> None:
    assert [read_app_state({"value": n}) for n in range(5)] == list(AppState)
    for value in (5, -1, True, 1.0, "4", None):
        with pytest.raises(Malformed):
            read_app_state({"value": value})


def test_battery_and_heat() -> None:
    health = read_health(({"level": 0.8123, "state": 2}, {"thermalState": 2}))
    assert (health.battery_percent, health.thermal_status) == (81.2, "severe")
    unknown = read_health(({"level": -1, "state": 0}, {}))
    assert (unknown.battery_percent, unknown.thermal_status) == (None, None)
    for level in (1.5, float("nan"), "1", None, True):
        with pytest.raises(Malformed):
            read_health(({"level": level}, {}))
    with pytest.raises(Malformed):
        read_health(({"level": 1}, {"thermalState": 4}))


def test_an_alert_is_kept_as_it_came_for_it_is_compared_and_handed_back() -> None:
    words = ("“X” möchte auf das Mikrofon zugreifen\nGrund", ["Don’t Allow", "\u200fسماح"])
    assert read_alert(words) == Alert(words[0], tuple(words[1]))
    assert read_alert((None, None)) == Alert("", ())


@pytest.mark.parametrize(
    ("said", "buttons"),
    [
        ("x" * (MAX_ALERT_CHARS + 1), []),
        ("x", ["OK"] * (MAX_BUTTONS + 1)),
        ("x", ["y" * 201]),
        ("x", [7]),
        ("x", "OK"),
        (["x"], []),
    ],
)
def test_an_alert_is_bounded(said: object, buttons: object) -> None:
    with pytest.raises(Malformed):
        read_alert((said, buttons))


def test_a_screenshot_is_an_image() -> None:
    for data in (b"\x89PNG\r\n\x1a\n..", b"\xff\xd8\xff\xe0"):
        assert read_image(data) == data
    for other in (b"", b"<html>", "text", None):
        with pytest.raises(Malformed):
            read_image(other)


@given(VALUES, VALUES)
def test_webdriveragent_may_say_anything(one: Any, two: Any) -> None:
    readers = (
        lambda: read_status(one),
        lambda: read_status({"value": one}),
        lambda: read_app_state({"value": one}),
        lambda: read_health((one, two)),
        lambda: read_health(({"level": one}, {"thermalState": two})),
        lambda: read_alert((one, two)),
        lambda: read_image(one),
    )
    for read in readers:
        try:
            read()
        except Malformed as exc:
            assert "\n" not in str(exc)  # noqa: PT017 - most values raise, some do not
