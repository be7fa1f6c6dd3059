"""Every export target by the name that ``--format`` takes, in the order in which they are shown."""

from __future__ import annotations

from profiler.export import (
    agora,
    android,
    apple,
    baresip,
    csv,
    firebase,
    linphone,
    livekit,
    openai_realtime,
    parquet,
    pipecat,
    pjsua2,
    profile,
    signal,
    webrtc,
)
from profiler.export.target import Target

_TARGETS: tuple[Target, ...] = (
    profile,
    webrtc,
    signal,
    android,
    apple,
    linphone,
    baresip,
    pjsua2,
    livekit,
    firebase,
    openai_realtime,
    pipecat,
    agora,
    csv,
    parquet,
)
"""A target is a module; a new one needs a line here and an import above."""

FOR_PAGES = frozenset({
    "profile", "webrtc", "livekit", "openai_realtime", "pipecat", "csv", "parquet",
})  # fmt: skip
"""Targets that hold something for a web page, or for the service behind it; the others are loaded
by apps, whose streams a browser's numbers say nothing of."""

ONLY_FOR: dict[str, str] = {"signal": "android", "android": "android", "apple": "ios"}
"""Targets that hold models of one system: of any other their files are valid and empty."""

TARGETS: dict[str, Target] = {target.NAME: target for target in _TARGETS}
