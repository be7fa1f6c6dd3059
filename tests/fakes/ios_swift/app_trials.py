"""Hosts of the running app: how they connect, what they ask for, and when something happens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from ios_swift.app_rig import Running

from device_probes.client import ProbeClient
from device_probes.driver import Play
from profiler.errors import ProbeRefused
from profiler.model import TrialRequest
from profiler.stimulus import make_train

PLAIN = TrialRequest(api="coreaudio_remote_io", warmup_s=0.05, duration_s=0.5)
LONG = replace(PLAIN, duration_s=400.0)
PART = replace(PLAIN, duration_s=120.0)
"""The fake's clock is 25 times as fast as ours: time enough for what happens in the middle."""
VOICE = replace(PLAIN, api="coreaudio_voice_processing")
PLAYS = (Play(make_train(3, chirps=2), 0.0),)


@contextmanager
def connected(running: Running, token: str = "") -> Iterator[ProbeClient]:
    link = socket.create_connection(("127.0.0.1", running.port), 5.0)
    client = ProbeClient(link, "ios", token=token)
    try:
        client.handshake()
        yield client
    finally:
        client.close()


def nothing(progress: object) -> None:
    """Of a trial that nobody watches."""


def once(work: Callable[[], object]) -> Callable[[object], None]:
    """Do ``work`` when the trial plays."""
    done: list[object] = []

    def watch(progress: object) -> None:
        if getattr(progress, "stage", "") == "playing" and not done:
            done.append(work())

    return watch


def refusal(
    running: Running, client: ProbeClient, request: TrialRequest, *, when_playing: str = ""
) -> ProbeRefused:
    """What a trial is refused with; the next one, as good as any, is not."""
    watch = once(lambda: running.happen(when_playing)) if when_playing else nothing
    with pytest.raises(ProbeRefused) as caught:
        client.run(request, PLAYS, watch)
    return caught.value
