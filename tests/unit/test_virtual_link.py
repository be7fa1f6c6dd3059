"""What the ways to a virtual phone share: its loop, its moments, the process of its probe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from device_probes.virtual.link.loop import HomeLoop, LoopThread, end_other_tasks
from device_probes.virtual.link.moments import Moments

SAFE_S = 10.0
"""Never waited for when all is well."""


class Phone:
    """What actions are done to."""

    def __init__(self) -> None:
        self.home = HomeLoop()
        self.pulled = 0
        self.done: list[str] = []
        self.moments = Moments(self, self.home, lambda: self.pulled)

    def pull(self) -> None:
        self.pulled += 1

    def note(self) -> None:
        self.done.append(threading.current_thread().name)


@pytest.fixture
def settled() -> Iterator[Phone]:
    """A phone whose loop runs in a thread."""
    phone, thread = Phone(), LoopThread("phone-home")

    async def begin() -> None:
        phone.home.settle()

    async def end() -> None:
        phone.moments.end()
        await phone.home.end_background()
        await end_other_tasks()

    thread.start(begin)
    yield phone
    thread.stop(end)
    thread.stop(end)
    assert not thread.alive


def test_without_a_loop_everything_happens_here() -> None:
    phone = Phone()
    phone.moments.triggers.on("probe:run", "note")
    phone.moments.event_here("probe:run")
    assert phone.home.call(lambda: 7) == 7
    assert phone.done == [threading.current_thread().name]


def test_without_a_loop_nothing_is_waited_for() -> None:
    phone, begun = Phone(), []

    async def work() -> None:
        begun.append(1)

    assert phone.home.wait_for(work()) is None
    phone.home.in_background(work())
    assert begun == []


def test_an_action_is_done_on_the_loops_thread(settled: Phone) -> None:
    settled.moments.triggers.on("probe:run", "note")
    settled.moments.event_here("probe:run")
    settled.moments.event_here("probe:run")
    settled.home.call(settled.note)
    assert settled.done == ["phone-home", "phone-home"]


def test_a_coroutine_is_run_on_the_loop_and_waited_for(settled: Phone) -> None:
    async def who() -> tuple[str, bool]:
        return threading.current_thread().name, settled.home.is_here

    assert settled.home.wait_for(who()) == ("phone-home", True)
    assert not settled.home.is_here


def test_what_pulls_the_cable_does_not_happen() -> None:
    phone = Phone()
    phone.moments.triggers.on("shell:", "pull")
    with pytest.raises(ConnectionResetError, match="unplugged at shell:ls"):
        asyncio.run(phone.moments.event("shell:ls"))
    asyncio.run(phone.moments.event("shell:ls"))


def test_a_frozen_phone_holds_up_its_probe_until_it_thaws(settled: Phone) -> None:
    settled.moments.freeze()
    held = threading.Thread(target=settled.moments.event_here, args=("probe:run",))
    held.start()
    held.join(0.05)
    assert held.is_alive()
    settled.moments.thaw()
    held.join(SAFE_S)
    assert not held.is_alive()


def test_the_end_of_the_phone_lets_nobody_wait(settled: Phone) -> None:
    settled.moments.freeze()
    settled.home.call(settled.moments.end)
    settled.moments.event_here("probe:run")


def test_what_the_first_word_raises_is_raised_and_the_thread_ends() -> None:
    thread = LoopThread("phone-home")

    async def fails() -> None:
        raise OSError("no port")

    async def nothing() -> None:
        pass

    with pytest.raises(OSError, match="no port"):
        thread.start(fails)
    thread.stop(nothing)
    assert not thread.alive


def test_a_thread_that_was_never_started_is_closed() -> None:
    async def never() -> None:
        raise AssertionError

    LoopThread("phone-home").stop(never)
