"""Loads exported files with the programs they are for, each in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from profiler.consumers import (
    baresip,
    firebase,
    linphone,
    livekit,
    openai_realtime,
    pipecat,
    pjsua2,
    profile,
    signal,
    tables,
    webrtc,
)
from profiler.consumers.checks import ACCEPTED, NO_CONSUMER, REJECTED, UNAVAILABLE
from profiler.consumers.on_phones import check_of
from profiler.model import ConsumerCheck

__all__ = ["ACCEPTED", "CONSUMERS", "NO_CONSUMER", "REJECTED", "UNAVAILABLE", "Check"]

Check = Callable[[Path], list[ConsumerCheck]]
"""Takes the export folder. Raises nothing that a file can cause: what is wrong with it is a
``rejected``."""

CONSUMERS: dict[str, Check] = {
    "profile": profile.check,
    "webrtc": webrtc.check,
    "signal": signal.check,
    "android": check_of("android"),
    "apple": check_of("apple"),
    "linphone": linphone.check,
    "baresip": baresip.check,
    "pjsua2": pjsua2.check,
    "livekit": livekit.check,
    "firebase": firebase.check,
    "openai_realtime": openai_realtime.check,
    "pipecat": pipecat.check,
    "agora": check_of("agora"),
    "csv": tables.check_csv,
    "parquet": tables.check_parquet,
}
"""Every target's check, in the order of the targets."""
