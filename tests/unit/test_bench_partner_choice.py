"""Who is asked to help, in which order, and what happens when everybody is busy."""

from __future__ import annotations

import threading
from pathlib import Path

import bench_fleets as fleets
import pytest

from profiler.bench.context import Bench
from profiler.bench.events import nobody
from profiler.bench.link import DeviceLink
from profiler.bench.partners import Partners
from profiler.bench.stop import Stop
from profiler.bench.zones import Zones
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbePermission,
    ProbeRefused,
)
from profiler.model import DeviceState
from profiler.plan import BenchPlan, DevicePlan, PartnerPlan

BOXES = (*(DevicePlan(s, zone="left") for s in "ABC"), DevicePlan("X", zone="right"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return made(tmp_path)


def made(tmp_path: Path, **changes: object) -> Bench:
    plan = fleets.plan(devices=BOXES, **changes)
    with fleets.open_store(tmp_path) as store:
        return Bench("bench-1", plan, store, Zones(), Partners(), Stop(), nobody)


def links(bench: Bench, serials: str = "ABCX") -> list[DeviceLink]:
    return [DeviceLink(bench, driver) for driver in fleets.phones(*serials)]


def order(bench: Bench, link: DeviceLink, last: str = "") -> str:
    return "".join(o.ref.serial for o in bench.partners.candidates(link, last=last))


def test_only_others_of_the_same_zone_that_are_fit(bench: Bench) -> None:
    a, b, c, x = links(bench)
    assert order(bench, a) == "BC"
    assert order(bench, x) == ""
    b.unfit = "an emulator"
    assert order(bench, a) == "C"
    assert order(bench, b) == "AC", "it may be helped all the same"
    assert order(bench, c) == "A"


def test_a_device_that_has_finished_is_asked_first_and_one_that_failed_last(bench: Bench) -> None:
    a, _, c, _ = links(bench)
    c.finished = True
    assert order(bench, a) == "CB"
    assert order(bench, a, last=c.ref.uid) == "BC"


def test_who_helped_before_helps_again(bench: Bench) -> None:
    a, b, c, _ = links(bench)
    stop = Stop()
    with b.lock, bench.partners.borrowed(a, stop, wait_s=0.0) as helper:
        assert helper is c, "the first choice is busy, and nobody is waited for"
    assert not c.lock.locked()
    assert order(bench, a) == "CB"
    b.finished = True
    assert order(bench, a) == "CB"
    with bench.partners.borrowed(a, stop, wait_s=60.0) as helper:
        assert helper is c


def test_the_plans_partner_comes_before_all(tmp_path: Path) -> None:
    bench = made(tmp_path, partner=PartnerPlan("virtual", "P", "left"))
    a, b, _, x, p = links(bench, "ABCXP")
    b.finished = True
    assert order(bench, a) == "PBC"
    assert order(bench, x) == ""
    assert not p.may_ask
    assert p.finished
    assert bench.partners.best(a) == p.ref


def test_nobody_to_ask_and_everybody_busy(bench: Bench) -> None:
    a, b, c, x = links(bench)
    stop = Stop()
    with bench.partners.borrowed(x, stop, wait_s=60.0) as helper:
        assert helper is None
    assert bench.partners.best(x) is None
    with b.lock, c.lock, bench.partners.borrowed(a, stop, wait_s=0.0) as helper:
        assert helper is None
    stop.request()
    with bench.partners.borrowed(a, stop, wait_s=60.0) as helper:
        assert helper is None, "the bench is being stopped"


def test_the_first_choice_is_waited_for(bench: Bench) -> None:
    a, b, _, _ = links(bench)
    b.lock.acquire()
    release = threading.Timer(0.05, b.lock.release)
    release.start()
    with bench.partners.borrowed(a, Stop(), wait_s=60.0) as helper:
        assert helper is b
    release.join()


def test_devices_are_given_back_when_nobody_can_need_them(bench: Bench) -> None:
    a, b, c, x = links(bench)
    for link in (a, b, c, x):
        assert link.reach() is None
    a.may_ask, c.may_ask = True, False
    bench.partners.done(x)
    assert not connected(x), "nobody shares its zone"
    bench.partners.done(b)
    assert connected(b), "A may still need it"
    bench.partners.done(a)
    assert not connected(a)
    assert not connected(b)
    assert connected(c), "its own run goes on"
    bench.partners.close_all()
    assert not connected(c)


def connected(link: DeviceLink) -> bool:
    return getattr(link.driver, "_client") is not None  # noqa: B009 - a driver has no such word


def test_the_plan_says_who_only_helps() -> None:
    helper, phone = (d.ref for d in fleets.phones("P", "A"))
    plan = BenchPlan(partner=PartnerPlan("virtual", "P", "left"))
    assert plan.only_partner(helper)
    assert not plan.wants(helper)
    assert plan.zone(helper) == "left"
    assert plan.wants(phone)
    measured = BenchPlan(partner=plan.partner, devices=(DevicePlan("P", zone="right"),))
    assert not measured.only_partner(helper)
    assert measured.wants(helper)
    assert measured.zone(helper) == "right"
    assert not BenchPlan(partner=PartnerPlan("host")).only_partner(helper)


@pytest.mark.parametrize(
    ("error", "asked_again"),
    [
        (DeviceNotReady("rests", device="B", state=DeviceState.QUARANTINED), False),
        (DeviceNotReady("locked", device="B", state=DeviceState.LOCKED), False),
        (ProbePermission("no microphone", device="B"), False),
        (DeviceLost("went away", device="B"), True),
        (DeviceTimeout("does not answer", device="B"), True),
        (ProbeRefused("no", device="B", code="rate_refused"), True),
    ],
)
def test_who_waits_for_a_person_is_not_asked_again(
    bench: Bench, error: DeviceError, asked_again: bool
) -> None:
    a, b, _, _ = links(bench)
    b.blame(error)
    assert ("B" in order(bench, a)) is asked_again
