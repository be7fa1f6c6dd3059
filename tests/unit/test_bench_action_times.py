"""Where a running trial is, by its progress events."""

from __future__ import annotations

import math
import threading

from device_probes.driver import Progress
from profiler.bench.actions import Timeline


def test_nothing_is_known_before_it_plays() -> None:
    timeline = Timeline(warmup_s=1.0, duration_s=3.0)
    timeline.note(Progress("opening", 0.0))
    timeline.note(Progress("warming", 0.2))
    assert timeline.now_s() is None


def test_the_first_event_says_how_late_it_is() -> None:
    timeline = Timeline(warmup_s=1.0, duration_s=3.0)
    timeline.note(Progress("playing", 0.5))
    now_s = timeline.now_s()
    assert now_s is not None
    assert now_s >= 1.0
    assert timeline.wait_until(1.0)


def test_a_fraction_that_is_early_is_frame_0() -> None:
    timeline = Timeline(warmup_s=1.0, duration_s=3.0)
    timeline.note(Progress("playing", 0.1))
    assert timeline.wait_until(0.0)


def test_the_pace_of_a_virtual_phone_is_seen_in_its_fractions() -> None:
    timeline = Timeline(warmup_s=1.0, duration_s=3600.0)
    timeline.note(Progress("playing", 0.0))
    for fraction in (0.1, 0.2, 0.9):
        timeline.note(Progress("playing", fraction))
    assert timeline.wait_until(3000.0), "an hour that passes in a moment"


def test_a_trial_that_ends_wakes_who_waits() -> None:
    timeline = Timeline(warmup_s=1.0, duration_s=3.0)
    timeline.note(Progress("playing", 0.25))
    threading.Timer(0.05, timeline.end).start()
    assert not timeline.wait_until(1000.0)
    assert not timeline.wait_until(0.0)


def test_a_phone_that_never_waits_is_everywhere_at_once() -> None:
    timeline = Timeline(warmup_s=1.0, duration_s=3.0, pace=math.inf)
    timeline.note(Progress("opening", 0.0))
    assert timeline.now_s() is None
    timeline.note(Progress("warming", 0.0))
    assert timeline.wait_until(2.9)
