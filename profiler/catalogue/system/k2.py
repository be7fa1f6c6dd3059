"""K2: two apps want the microphone."""

from __future__ import annotations

from profiler.catalogue.kinds import Page
from profiler.catalogue.system.needing import needing
from profiler.model import Reason

PAGE = Page(
    question="What does an app hear when a second one opens the microphone?",
    hardware="H3",
    stimulus="short sweeps, a second app begins to record in the middle",
    measured="silence, an error, or both record",
    method="Not made: it needs a second recording app on the phone that is started on command. "
    "Where one records by itself, every trial says so: the reason mic_silenced, from the system's "
    "own word (isClientSilenced, Android 10 and later).",
    drives=("poll_client_silenced",),
    sources=("nitro-sound#614", "HBRecorder#194", "dicio#245"),
)

TEST = needing(
    "K2",
    "two apps on one microphone",
    Reason.NEEDS_SECOND_APP,
    "needs a second app on the phone that records on command",
    PAGE,
)
