"""Named moments in the life of a virtual phone and of a bench, and what is done at them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from device_probes.virtual.adbd import VirtualAndroid
from profiler.bench import BenchEvent, BenchEvents, Log, TrialDone

TRIAL_MIDDLE = "probe:stage:playing"


class Moment(NamedTuple):
    """An event on a phone, the ``after + 1``-th one since ``armed_by`` happened often enough."""

    event: str
    after: int = 0
    armed_by: str = ""
    armed_after: int = 0

    def set(self, phone: VirtualAndroid, action: str | Callable[[Any], Any]) -> None:
        """Let it happen once."""
        if self.armed_by:
            alone = Moment(self.event, self.after)
            phone.on(self.armed_by, lambda p: alone.set(p, action), after=self.armed_after)
        else:
            phone.on(self.event, action, after=self.after)


BEFORE_TRIALS = {
    "contact": Moment("shell:dumpsys battery"),
    "push": Moment("sync:data", 50_000),
    "verify": Moment("install:verify"),
    "commit": Moment("install:commit"),
    "installed": Moment("shell-done:pm install"),
    "am_start": Moment("shell:am start"),
    "hello": Moment("probe:accept"),
    "facts": Moment("probe:facts"),
}
"""Each step of a first contact."""
IN_SECOND_TRIAL = {
    "load": Moment("stream:data:in", 5000, "probe:recorded"),
    "front": Moment("shell:dumpsys activity activities", 1, "probe:recorded"),
    "trial": Moment(TRIAL_MIDDLE, 0, "probe:recorded"),
    "recorded": Moment("probe:recorded", 1),
    "fetch": Moment("stream:data:out", 20_000, "probe:run", 1),
}
"""Each step of a trial, when one is in the store already."""
AT_CLOSE = Moment("shell:am force-stop")


def repeated(phone: VirtualAndroid, moment: str, action: str | Callable[[Any], Any]) -> None:
    """Do ``action`` every time that ``moment`` comes; the fault that does not go away."""

    def again(it: VirtualAndroid) -> None:
        it.on(moment, again)
        getattr(it, action)() if isinstance(action, str) else action(it)

    phone.on(moment, again)


class Once:
    """An observer that calls ``act`` at the first event that ``when`` accepts."""

    def __init__(self, when: Callable[[Any], bool], act: Callable[[Any], None]) -> None:
        self._when, self._act = when, act
        self.done = threading.Event()

    def __call__(self, event: BenchEvent) -> None:
        if not self.done.is_set() and self._when(event):
            self.done.set()
            self._act(event)


def on_warning(act: Callable[[Any], None]) -> Callable[[BenchEvent], None]:
    """Act when the bench says that it met a fault and tries again: the phone is still gone."""
    return Once(lambda e: isinstance(e, Log) and "trying again" in e.text, act)


def after_trials(count: int, act: Callable[[Any], None]) -> BenchEvents:
    """Act between the ``count``-th committed trial and the next one."""
    seen = iter(range(1, 10_000))
    return Once(lambda e: isinstance(e, TrialDone) and next(seen) == count, act)
