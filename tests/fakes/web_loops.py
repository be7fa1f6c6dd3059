"""A real PulseAudio loop for browsers: what Chromium plays comes back as its microphone."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audio_servers import PulseServer, pulse_server

from device_probes.web.chromium import CHOSEN

SOURCES = Path(__file__).with_name("web_audio")
CFLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


@dataclass(frozen=True, slots=True)
class WebLoop:
    """A running loop."""

    server: PulseServer
    env: dict[str, str]
    """For a browser that is to play and record through it."""


@contextlib.contextmanager
def web_loop(folder: Path, *, right_late_frames: int | None = None) -> Iterator[WebLoop]:
    """A loop at 48 kHz, stereo; with ``right_late_frames`` the right channel comes so much later.

    The loop's own delay is not known and differs between sessions; that between its channels is
    exact.
    """
    with pulse_server(folder) as server:
        if right_late_frames is not None:
            plugin = _plugin(folder)
            late = ("sink_name=late", "sink_master=loop", "rate=48000", "channels=2")
            control = f"control={right_late_frames}"
            server.pactl(
                "load-module", "module-ladspa-sink", *late,
                f"plugin={plugin}", "label=delay_right", control,
            )  # fmt: skip
            server.pactl("set-default-sink", "late")
        # Browsers do not list a bare monitor.
        server.pactl(
            "load-module", "module-remap-source", "master=loop.monitor", "source_name=mic",
            "source_properties=device.description=Loop",
        )  # fmt: skip
        server.pactl("set-default-source", "mic")
        # The server's usual buffers: what a browser asks for is what it gets.
        env = {k: v for k, v in server.env.items() if k != "PULSE_LATENCY_MSEC"}
        yield WebLoop(server, {**env, CHOSEN: str(_browser(folder))})


def _browser(folder: Path) -> Path:
    """Chromium ahead of whatever else the machine does, as far as this user may say so."""
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec nice -n -15 "{shutil.which("chromium")}" "$@"\n')
    program.chmod(0o755)
    return program


def _plugin(folder: Path) -> Path:
    built = folder / "delay_right.so"
    subprocess.run(
        ["gcc", *CFLAGS, "-o", str(built), str(SOURCES / "delay_right.c")], check=True, timeout=60
    )
    return built
