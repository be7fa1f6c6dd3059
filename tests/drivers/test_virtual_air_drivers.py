"""Two virtual phones exchange trains through real drivers: nothing but the air joins them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from adbd_phones import fleet_toml
from air_sounds import arrival_s, two_way_s
from android_benches import rig

from device_probes.android import PrivateServer
from device_probes.driver import Capture, Driver, Play
from device_probes.virtual import Clock, TrialTruth
from device_probes.virtual.driver import fleet_from_toml
from profiler.cli.phones import virtual_phones
from profiler.model import TrialRequest
from profiler.stimulus import make_train

TRAIN = make_train(5, rate_hz=16_000, chirps=3, chirp_s=0.2, lead_in_s=0.0, tail_s=0.0)
OWN_M, DISTANCE_M = 0.12, 0.3
REQUEST = TrialRequest(rate_hz=16_000, warmup_s=0.5, duration_s=15.0)
PLAYS_AT_S = (5.0, 10.0)
"""Half of the recording apart: the phones need not begin at the same time, only within 5 s."""
SPEED = 10.0


def together(
    drivers: Sequence[Driver], plays_at_s: Sequence[float | None] = PLAYS_AT_S
) -> list[Capture]:
    """Run both parts at once, each from a thread of its own; ``None`` only listens."""
    ready = threading.Barrier(len(drivers))

    def part(driver: Driver, at_s: float | None) -> Capture:
        ready.wait(30)
        plays = () if at_s is None else (Play(TRAIN, at_s),)
        return driver.run(REQUEST, plays, lambda _: None)

    with ThreadPoolExecutor(len(drivers)) as threads:
        return list(threads.map(part, drivers, plays_at_s))


def check_exchange(captures: Sequence[Capture], truths: Sequence[TrialTruth]) -> None:
    """Each phone's own latency comes out, in both directions."""
    for i, j in ((0, 1), (1, 0)):
        (at_one,), (at_other,) = truths[i].heard, truths[j].heard
        sounds = [c.audio.samples[:, 0].astype(float) for c in captures]
        arrivals = (
            arrival_s(sounds[i], 16_000, at_one.offset_s + PLAYS_AT_S[j], TRAIN),
            arrival_s(sounds[j], 16_000, at_other.offset_s + PLAYS_AT_S[i], TRAIN),
            arrival_s(sounds[j], 16_000, truths[j].latency_ms / 1000 + PLAYS_AT_S[j], TRAIN),
        )
        found_s = two_way_s(
            arrivals, PLAYS_AT_S[i], own_loop=1.0, skew=1.0,
            partner_m=OWN_M, distance_m=DISTANCE_M,
        )  # fmt: skip
        truth_ms = truths[i].output_ms + truths[i].input_ms
        assert 1000 * found_s == pytest.approx(truth_ms, abs=0.01)
        assert np.abs(at_one.offset_s) < 5


def test_two_phones_in_this_process() -> None:
    fleet = fleet_from_toml(fleet_toml("A1", "A2", zone="left"), "test fleet")
    drivers = fleet.drivers(Clock(SPEED))
    try:
        for driver in drivers:
            driver.connect()
        captures = together(drivers)
        check_exchange(captures, [d.phone.truths[-1] for d in drivers])
    finally:
        for driver in drivers:
            driver.close()


def test_two_phones_behind_a_real_adb_server(server: PrivateServer) -> None:
    with rig("A1", "A2", clock=Clock(SPEED), on=server, zone="left") as made:
        drivers = made.drivers()
        for driver in drivers:
            driver.connect()
        captures = together(drivers)
        known = {p.serial: p.phone.truths[-1] for p in made.phones}
        check_exchange(captures, [known[d.ref.serial] for d in drivers])


@pytest.mark.parametrize("apart", [False, True])
def test_the_phones_of_a_fleet_process_are_together_or_apart(apart: bool, tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(fleet_toml("A1", "A2", zone="left"), "utf-8")
    with virtual_phones(str(file), Clock(SPEED), apart=apart) as drivers:
        try:
            for driver in drivers:
                driver.connect()
            listener, _ = together(drivers, (None, 7.0))
        finally:
            for driver in drivers:
                driver.close()
    blocks = listener.audio.samples[:, 0].astype(float).reshape(-1, 1600) / 2**15
    levels_db = 10 * np.log10((blocks**2).mean(axis=1))
    heard = bool(levels_db.max() > levels_db.min() + 20)
    assert heard is not apart
