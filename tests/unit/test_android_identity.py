"""Which phone is which: equal serials, dummy serials, one phone by cable and by Wi-Fi."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.android.identity import Answers, identify, is_sane_serial
from device_probes.android.listing import Listed, listed_devices
from profiler.model import DeviceState

BOOT_A, BOOT_B = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"


def usb(serial: str, path: str, number: int, word: str = "device") -> Listed:
    return Listed(serial, word, {"usb": path, "transport_id": str(number)})


def network(address: str, number: int) -> Listed:
    return Listed(address, "device", {"transport_id": str(number)})


def test_a_sane_serial_is_the_identity() -> None:
    (seen,) = identify([(usb("2A021FDH2005ZK", "1-4", 1), Answers("2A021FDH2005ZK"))], "bench")
    assert (seen.key, seen.duplicate_of, seen.note) == ("2A021FDH2005ZK", "", "")


@pytest.mark.parametrize(
    "serial",
    ["", "0123456789ABCDEF", "unknown", "null", "00000000", "1111111111", "a b", "x" * 65, "$(id)",
     "../etc", "ab"],
)  # fmt: skip
def test_serials_that_identify_nothing(serial: str) -> None:
    assert not is_sane_serial(serial)


def test_a_dummy_serial_is_the_place_where_the_phone_is_plugged_in() -> None:
    rows = [
        (usb("0123456789ABCDEF", "1-4.1", 1), Answers("0123456789ABCDEF", BOOT_A)),
        (usb("0123456789ABCDEF", "1-4.2", 2), Answers("0123456789ABCDEF", BOOT_B)),
    ]
    first, second = identify(rows, "bench")
    assert (first.key, second.key) == ("bench@usb:1-4.1", "bench@usb:1-4.2")
    assert not first.duplicate_of
    assert not second.duplicate_of


def test_a_serial_seen_twice_is_two_phones_and_says_so() -> None:
    rows = [
        (usb("R58M12ABCDE", "1-1", 1), Answers("R58M12ABCDE", BOOT_A)),
        (usb("R58M12ABCDE", "1-2", 2), Answers("R58M12ABCDE", BOOT_B)),
    ]
    first, second = identify(rows, "bench")
    assert first.key != second.key
    assert "2 phones say the serial R58M12ABCDE" in first.note
    alone = identify(rows[:1], "bench")[0]
    assert alone.key == "R58M12ABCDE"
    assert alone.is_same(first), "it is found again when its twin comes or goes"
    assert not alone.is_same(second)


def test_one_phone_by_cable_and_by_wifi_is_one_and_the_cable_wins() -> None:
    rows = [
        (network("192.168.1.5:5555", 1), Answers("2A021FDH2005ZK", BOOT_A)),
        (usb("2A021FDH2005ZK", "1-4", 2), Answers("2A021FDH2005ZK", BOOT_A)),
    ]
    wifi, cable = identify(rows, "bench")
    assert (cable.key, wifi.key) == ("2A021FDH2005ZK", "2A021FDH2005ZK")
    assert (wifi.duplicate_of, cable.duplicate_of) == ("usb:1-4", "")
    assert (wifi.listed.link, cable.listed.link) == ("wifi", "usb")


def test_the_boot_id_joins_two_ways_to_a_phone_with_a_dummy_serial() -> None:
    rows = [
        (usb("0123456789ABCDEF", "1-4", 1), Answers("unknown", BOOT_A)),
        (network("10.0.0.7:5555", 2), Answers("unknown", BOOT_A)),
        (network("10.0.0.8:5555", 3), Answers("unknown", BOOT_B)),
    ]
    cable, wifi, other = identify(rows, "bench")
    assert cable.key == wifi.key == "bench@usb:1-4"
    assert wifi.duplicate_of
    assert other.key == "bench@10.0.0.8:5555"


def test_without_boot_ids_a_network_twin_is_a_phone_of_its_own() -> None:
    rows = [(network(f"10.0.0.{i}:5555", i), Answers("SAMESERIAL1")) for i in (7, 8)]
    assert len({s.key for s in identify(rows, "bench") if not s.duplicate_of}) == 2
    rows = [(usb("SAMESERIAL1", "1-1", 1), Answers("SAMESERIAL1")), *rows[:1]]
    assert len({s.key for s in identify(rows, "bench") if not s.duplicate_of}) == 1


def test_known_phones_keep_their_names() -> None:
    rows = [(network(f"127.0.0.1:{port}", port), Answers()) for port in (6001, 6002)]
    names = {"127.0.0.1:6001": "pixel-7-1", "127.0.0.1:6002": "pixel-7-2"}
    assert [s.key for s in identify(rows, "bench", names)] == ["pixel-7-1", "pixel-7-2"]
    assert {s.listed.link for s in identify(rows, "bench", names)} == {"adb"}


_serials = st.sampled_from(
    ["SERIAL0001", "0123456789ABCDEF", "", "x;rm -rf /", "\x1b[2J", "A" * 300]
)
_rows = st.lists(
    st.tuples(
        st.builds(
            Listed,
            _serials | st.sampled_from(["10.0.0.7:5555", "127.0.0.1:6001"]),
            st.sampled_from(["device", "offline", "unauthorized", "no permissions"]),
            st.fixed_dictionaries(
                {"transport_id": st.integers(1, 9).map(str)},
                optional={"usb": st.sampled_from(["1-1", "1-2", "$(x)"])},
            ),
        ),
        st.builds(Answers, _serials, st.sampled_from(["", BOOT_A, BOOT_B])),
    ),
    max_size=8,
)


@given(_rows)
def test_whatever_is_listed_every_phone_has_one_connection_and_a_safe_name(
    rows: list[tuple[Listed, Answers]],
) -> None:
    seen = identify(rows, "bench")
    assert [s.listed for s in seen] == [listed for listed, _ in rows]
    for sighting in seen:
        assert sighting.key
        assert set(sighting.key) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-"
        )
        same = [s for s in seen if s.key == sighting.key]
        if sighting.duplicate_of:
            assert any(not s.duplicate_of for s in same)


LIST = """\
2A021FDH2005ZK         device usb:1-4.2 product:panther model:Pixel_7 device:panther transport_id:3
192.168.1.5:5555       offline transport_id:4
adb-2A02-xyz._adb-tls-connect._tcp unauthorized transport_id:5
????????????           no permissions (user in plugdev group; are your udev rules wrong?); see \
[http://developer.android.com/tools/device.html] usb:1-5 transport_id:6
(no serial number)     no permissions (missing udev rules? user is in the plugdev group); see \
[http://developer.android.com/tools/device.html] usb:1-6 transport_id:7
emulator-5554          device product:sdk_gphone64_x86_64 model:sdk_gphone64_x86_64 transport_id:8
R58                    recovery usb:2-1 transport_id:9
"""


def test_the_servers_list_is_read_in_all_its_forms() -> None:
    listed = listed_devices(LIST)
    assert [(one.serial, one.state, one.link, one.transport_id) for one in listed] == [
        ("2A021FDH2005ZK", DeviceState.READY, "usb", 3),
        ("192.168.1.5:5555", DeviceState.OFFLINE, "wifi", 4),
        ("adb-2A02-xyz._adb-tls-connect._tcp", DeviceState.UNAUTHORIZED, "wifi", 5),
        ("", DeviceState.NO_PERMISSION, "usb", 6),
        ("", DeviceState.NO_PERMISSION, "usb", 7),
        ("emulator-5554", DeviceState.READY, "adb", 8),
        ("R58", DeviceState.OFFLINE, "usb", 9),
    ]
    assert listed[0].model == "Pixel_7"
    assert [one.usb_path for one in listed] == ["1-4.2", "", "", "1-5", "1-6", "", "2-1"]


@given(st.text(max_size=2000))
def test_no_list_breaks_the_reader(text: str) -> None:
    for one in listed_devices(text):
        assert one.state in DeviceState
        assert one.transport_id >= 0
        assert "\x1b" not in one.serial
