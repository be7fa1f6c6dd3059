"""R3: what happens when another app asks for the audio focus?"""

from __future__ import annotations

from profiler.catalogue.kinds import Page
from profiler.catalogue.system.needing import needing
from profiler.model import Reason

PAGE = Page(
    question="What becomes of a running call when another app plays?",
    hardware="H3",
    stimulus="short sweeps, another app asks for the audio focus in the middle",
    measured="whether the sound is ducked, paused or goes on",
    method="Not made: it needs a second app on the phone that asks for the focus on command; the "
    "probe itself holds it, and a trial that loses it ends with stream_lost.",
    drives=("focus_policy",),
    sources=("CATALOGUE R3",),
)

TEST = needing(
    "R3",
    "loss of the audio focus",
    Reason.NEEDS_SECOND_APP,
    "needs a second app on the phone that takes the audio focus on command",
    PAGE,
)
