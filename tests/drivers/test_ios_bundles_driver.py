"""A bench whose apps have bundle ids of its own: launched, found, given back and named by them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ios_fleets import Table, as_found, connect_and_try, table

from device_probes.ios.bundles import Bundles
from profiler.errors import DeviceNotReady
from profiler.model import DeviceState

MINE = "com.example.me.probe"
_PHONE = "device_probes.virtual.usbmuxd"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """A phone on which the probe was installed under another id."""
    for module in ("state", "probe_app", "iphone", "lockdown", "wda"):
        monkeypatch.setattr(f"{_PHONE}.{module}.PROBE_BUNDLE", MINE)
    with table("I1") as made:
        yield made


def test_it_is_launched_and_given_back_by_its_name(own: Table) -> None:
    driver = own.driver(bundles=Bundles(probe=MINE))
    connect_and_try(driver)
    assert own.phone.state.front == MINE
    driver.restart()
    driver.close()
    assert {bundle for bundle, _ in own.phone.state.launches} == {MINE}
    as_found(own.phone)


def test_under_another_name_it_is_not_there_and_the_name_is_said(own: Table) -> None:
    driver = own.driver()
    with pytest.raises(DeviceNotReady, match=r"not on the phone \(org\.chirpbench\.probe\)") as why:
        driver.connect()
    assert why.value.state == DeviceState.PROBE_MISSING
    assert "CHIRPBENCH_IOS_PROBE_BUNDLE" in why.value.hint
    assert not own.phone.app.runs


def test_one_that_a_person_opened_is_taken_over_and_opened_again(own: Table) -> None:
    own.phone.open_probe()
    driver = own.driver(bundles=Bundles(probe=MINE))
    driver.connect()
    assert own.phone.app.token
    driver.close()
    assert own.phone.app.runs
    assert own.phone.app.token == ""
