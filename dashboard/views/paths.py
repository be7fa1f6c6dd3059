"""Names of paths for people."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.text import plain
from profiler.model import AudioPath

USUAL = ("default", "generic")
"""Presets that go without saying."""


def path_words(path: AudioPath) -> str:
    """``aaudio, media``; preset and route only where they are not the usual ones."""
    api = plain(path.api, 24)
    parts = ["default interface" if path.api == "default" else api, plain(path.audio_mode, 24)]
    if path.input_preset not in USUAL and path.input_preset != f"voice_{path.audio_mode}":
        parts.append(f"{plain(path.input_preset, 24)} preset")
    if path.route != "speaker":
        parts.append(plain(path.route, 24))
    return ", ".join(parts)


def path_full(path: AudioPath) -> str:
    """All four parts, to choose from."""
    preset = f"{plain(path.input_preset, 24)} preset"
    parts = (plain(path.api, 24), plain(path.audio_mode, 24), preset, plain(path.route, 24))
    return ", ".join(parts)


def path_short(path: AudioPath) -> str:
    """``speaker, communication, aaudio``: each word once, without those left to the system."""
    words = dict.fromkeys((path.route, path.audio_mode, path.api, path.input_preset))
    return ", ".join(plain(w, 24) for w in words if w != "default") or "default"


def usual_path(known: Sequence[AudioPath]) -> AudioPath:
    """Of the paths, the one most models have first, the media path: L1's verdict is of it."""
    return next((path for path in known if path.audio_mode == "media"), known[0])
