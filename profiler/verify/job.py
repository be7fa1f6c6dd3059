"""A session as both processes know it: what is asked for and what came back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from profiler.model import NetworkScenario
from profiler.verify.stack import StackSettings

RATE_HZ = 48_000
BLOCK_S = 0.01
"""libwebrtc takes and gives 10 ms at a time."""
WARM_UP_S = 2.0
"""NetEq starts with 80 ms and needs about so long to learn the network; not judged."""
SETUP_S = 10.0
"""Longest time for ICE and DTLS."""

Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Job:
    """One session."""

    scenario: NetworkScenario
    seed: int
    settings: StackSettings
    samples: Path
    """16-bit samples at 48 kHz, shape (frames, channels), as .npy."""
    seconds: float

    def write(self, path: Path) -> None:
        """Write it for the process that runs it."""
        tree = {
            "scenario": asdict(self.scenario),
            "seed": self.seed,
            "settings": asdict(self.settings),
            "samples": str(self.samples),
        }
        path.write_text(json.dumps(tree), encoding="utf-8")

    @property
    def deadline_s(self) -> float:
        """Longer than this, and the session hangs: a slow machine's start is in it."""
        return SETUP_S + 20.0 + self.seconds + tail_s(self.scenario)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What a session's process saw."""

    heard: Int16
    """What the receiver's track delivered, one channel at 48 kHz."""
    out_s: float
    """When its first sample came out, on the sender's clock with the first sample's capture at
    0."""
    blocks_late_ms: npt.NDArray[np.float64]
    """How much later than a steady clock each block came out."""
    write_late_ms: npt.NDArray[np.float64]
    warm: Mapping[str, float]
    """The receiver's inbound-rtp statistics after the warm-up."""
    stats: Mapping[str, float]
    """The same at the end."""
    proxy: Mapping[str, Any]


def tail_s(scenario: NetworkScenario) -> float:
    """How long to listen after the last word: the way, its jitter, and a full jitter buffer."""
    longest = max(p.delay_ms + 4.0 * p.jitter_ms for p in scenario.phases)
    return 1.0 + min(longest, 10_000.0) / 1000.0


def read_record(path: Path) -> SessionRecord:
    """Read what a session's process wrote. Raises ``OSError`` or ``ValueError``."""
    with np.load(path, allow_pickle=False) as data:
        heard, times_us = data["heard"], data["times_us"]
        record = json.loads(str(data["record"]))
    if not heard.size:
        raise ValueError("the receiver delivered nothing")
    out_s = times_us / 1e6 - np.arange(times_us.size) * BLOCK_S
    # The steady clock behind the blocks: most come within 0.2 ms of it, some late, none early.
    steady_s = float(np.quantile(out_s, 0.25))
    # A block is captured during the 10 ms before it is handed over.
    captured_s = record["begin_s"] - BLOCK_S
    return SessionRecord(
        heard=heard,
        out_s=steady_s - captured_s,
        blocks_late_ms=(out_s - steady_s) * 1000.0,
        write_late_ms=np.array(record["write_late_ms"]),
        warm=record["warm"],
        stats=record["stats"],
        proxy=record["proxy"],
    )
