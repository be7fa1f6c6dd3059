"""R2: does the sound come back after a call or an alarm?"""

from __future__ import annotations

from profiler.catalogue.kinds import Page
from profiler.catalogue.system.needing import needing
from profiler.model import Reason

PAGE = Page(
    question="Does the sound come back after a call, an alarm or an assistant has interrupted it?",
    hardware="H3",
    stimulus="short sweeps, a call of 5 s in the middle",
    measured="time until the sound is back, and its level against before",
    method="Not made: no probe can call a phone, and starting an alarm looks different on every "
    "vendor's phone. It needs a second phone that calls on command. Until then: call the phone by "
    "hand during a run of L4 and look at its jumps.",
    drives=("reassert_session_on_resume",),
    sources=("client-sdk-swift#886", "opentok#167", "stream-video-swift PR#1174"),
)

TEST = needing(
    "R2",
    "interruption by a call or an alarm",
    Reason.NEEDS_CALL,
    "needs a second phone that calls this one on command (or a person who does)",
    PAGE,
)
