"""Buffers of the virtual phones: how many bursts they need, and what happens with fewer."""

import threading

import numpy as np
import pytest
from sounding_phones import make_phone, sounds_of, trial

from device_probes.virtual.buffers import Condition, conditions, needed_bursts
from device_probes.virtual.opening import PhoneState, open_session, settled
from device_probes.virtual.spec_streams import Buffers
from profiler.model import TrialRequest

NONE = np.zeros(0, np.float32)
NEEDS = "safe_bursts = 2\nload_bursts = 1\nidle_bursts = 2\nheat_bursts = 1\nheat_after_min = 1"


def glitches(phone, duration_s, *, trials=6, actions=(), **asked):
    """Glitches of some opens, without any sound, and what they needed."""
    request = TrialRequest(duration_s=duration_s, **asked)
    count, needed = 0, set()
    for i in range(trials):
        state = PhoneState()
        session = open_session(phone.spec, request, 48_000, trial=i, unit_seed=(1, 2), state=state)
        truth = settled(session, actions).truth
        assert truth.buffer_glitches == len(truth.events)
        count += truth.buffer_glitches
        needed.add(truth.safe_bursts)
    assert len(needed) == 1
    return count, needed.pop()


def test_the_need_is_the_sum_of_what_makes_it_hard():
    spec = Buffers(safe_bursts=2, load_bursts=1, idle_bursts=2, heat_bursts=4)
    assert needed_bursts(spec) == 2
    assert needed_bursts(spec, loaded=True) == 3
    assert needed_bursts(spec, idle=True) == 4
    assert needed_bursts(spec, loaded=True, idle=True, hot=True) == 9
    assert needed_bursts(Buffers(load_bursts=3), loaded=True) == 0  # it does not matter


@pytest.mark.parametrize("bursts", range(1, 8))
def test_it_glitches_below_the_need_and_not_above(bursts):
    phone = make_phone(buffers="safe_bursts = 4\nglitches_per_minute = 30")
    count, needed = glitches(phone, 60.0, trials=20, buffer_bursts=bursts)
    assert needed == 4
    missing = max(4 - bursts, 0)
    wanted = 20 * 30 * 2 ** (missing - 1) if missing else 0
    # A twentieth is lost to the distance that glitches keep.
    assert count == pytest.approx(wanted, rel=0.2)


def test_load_needs_more_only_above_its_limit():
    phone = make_phone(buffers=NEEDS)
    short = {"buffer_bursts": 2, "duration_s": 15.0}
    assert glitches(phone, **short, cpu_load=0.5) == (0, 2)
    count, needed = glitches(phone, **short, cpu_load=0.5, cpu_threads=2)
    assert needed == 3
    assert count == pytest.approx(60, rel=0.4)
    assert glitches(phone, 15.0, buffer_bursts=3, cpu_load=0.9) == (0, 3)


def test_an_idle_screen_needs_more_from_when_it_is_idle():
    phone = make_phone(buffers=NEEDS)
    assert glitches(phone, 20.0, buffer_bursts=2) == (0, 2)
    count, needed = glitches(phone, 60.0, buffer_bursts=3, trials=20)
    assert needed == 4
    assert count == pytest.approx(20 * 40 * 40 / 60, rel=0.2)
    touched = [(at_s, "touch", "") for at_s in (15.0, 30.0, 45.0)]
    assert glitches(phone, 60.0, buffer_bursts=2, actions=touched) == (0, 2)
    off = [(5.0, "screen_off", ""), (10.0, "screen_on", "")]
    request = TrialRequest(duration_s=20.0)
    spans = conditions(phone.spec.buffers, request, actions=off)
    assert [(c.begin_s, c.end_s, c.idle) for c in spans] == [
        (0.0, 5.0, False), (5.0, 10.0, True), (10.0, 20.0, False),
    ]  # fmt: skip
    assert conditions(phone.spec.buffers, request, screen_off=True) == (
        Condition(0.0, 20.0, idle=True),
    )


def test_heat_comes_with_the_time_under_load_and_goes_without():
    phone = make_phone(buffers=NEEDS)
    loaded = {"buffer_bursts": 3, "cpu_load": 1.0, "warmup_s": 0.0}
    needs = [trial(phone, 18.0, NONE, rate_hz=8000, **loaded)[2] for _ in range(5)]
    assert [t.safe_bursts for t in needs] == [3, 3, 3, 4, 4]
    assert sum(t.buffer_glitches for t in needs[:3]) == 0
    events = [e.time_s for e in needs[3].events]
    assert all(t > 60 - 3 * 18 for t in events)
    assert needs[4].buffer_glitches > 3
    for _ in range(3):
        trial(phone, 18.0, NONE, rate_hz=8000)
    assert trial(phone, 18.0, NONE, rate_hz=8000, **loaded)[2].safe_bursts == 3


def test_glitches_are_in_the_sound_where_the_truth_says():
    phone = make_phone(buffers='safe_bursts = 3\nkinds = ["hole"]', noise="white_dbfs = -40")
    _, samples, truth = trial(phone, 10.0, NONE, buffer_bursts=2)
    assert truth.buffer_glitches > 1
    silent = np.flatnonzero(samples[:, 0] == 0)
    for event in truth.events:
        first = round(event.time_s * 48_000)
        size = round(event.duration_ms * 48)
        assert 240 <= size <= 480  # one to two bursts
        assert np.isin(np.arange(first, first + size), silent).all()


@pytest.mark.parametrize(("counter", "says"), [("honest", True), ("zero", False), ("noise", False)])
def test_the_counter_says_what_it_says(counter, says):
    reported = f'xrun_counter = "{counter}"'
    phone = make_phone(buffers="safe_bursts = 3", reported=reported)
    counted, real = 0, 0
    for _ in range(6):
        report, _, truth = trial(phone, 10.0, NONE, rate_hz=8000, buffer_bursts=2)
        counted += report.xruns_output
        real += truth.buffer_glitches
    assert real > 10
    assert (counted == real) is says
    assert (counted == 0) is (counter == "zero")
    quiet = make_phone(reported=reported)
    assert (trial(quiet, 1.0, NONE)[0].xruns_input > 0) is (counter == "noise")


def test_callbacks_come_late_under_load_and_when_idle():
    phone = make_phone(buffers="safe_bursts = 2\nlate_factor = 5\nidle_after_s = 5")

    def late(report):
        return sum(n for edge_ms, n in report.callback_histogram_ms if edge_ms > 130)

    normal = trial(phone, 4.0, NONE, rate_hz=8000, buffer_bursts=2)[0]
    idle = trial(phone, 10.0, NONE, rate_hz=8000, buffer_bursts=2)[0]
    loaded = trial(phone, 4.0, NONE, rate_hz=8000, cpu_load=1.0, buffer_bursts=2)[0]
    assert late(normal) == 0
    assert late(idle) == pytest.approx(0.45 * 10 * 8000 / 240, rel=0.05)
    assert late(loaded) == pytest.approx(0.9 * 4 * 8000 / 240, rel=0.1)
    total = sum(n for _, n in idle.callback_histogram_ms)
    assert total == int(10 * 8000 / 240)


def test_a_step_of_the_latency_moves_the_sound():
    latency = "steps_ms = [[2.0, 25.0], [4.0, -15.0]]"
    _, plain, _ = trial(make_phone(), 6.0, rate_hz=16_000)
    _, moved, truth = trial(make_phone(latency=latency), 6.0, rate_hz=16_000)
    assert [(e.time_s, e.delta_ms) for e in truth.events] == [(2.0, 25.0), (4.0, -15.0)]
    assert truth.buffer_glitches == 0
    np.testing.assert_array_equal(moved[:32_000], plain[:32_000])
    assert not moved[32_000:32_400].any()
    np.testing.assert_allclose(moved[32_400:64_000], plain[32_000 : 64_000 - 400], atol=3e-3)


def test_a_trial_that_is_only_opened_keeps_the_phones_order():
    phone = make_phone(buffers="safe_bursts = 3")
    _, truth = sounds_of(phone, 2.0, NONE, buffer_bursts=3)
    assert truth.safe_bursts == truth.bursts == 3
    report, _ = phone.run(TrialRequest(duration_s=1.0), [], lambda *_: None, threading.Event())
    assert report.output.buffer_frames == 480
