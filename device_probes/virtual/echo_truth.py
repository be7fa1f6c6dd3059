"""What became of one sound among others: its levels before and after, and when it settled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

BLOCK_S = 0.25
ACTIVE_DB = 30.0
"""A block this much below the loudest one counts as a pause."""
FLOOR_DBFS = -200.0
SETTLED_DB = 6.0
"""CATALOGUE A4: within 6 dB of the final level."""
_LEAST_DBFS = -120.0
_FINE_S, _SMOOTH = 0.05, 11
"""Convergence is seen in blocks of 50 ms, each with the median of eleven: the end of a word, whose
last echo drowns in what is always left, is no loss of convergence."""
_LOUD_DB = 20.0
"""Only blocks this near to the loudest count for it."""


@dataclass(frozen=True, slots=True, eq=False)
class EchoTruth:
    """The echo of one recording, apart from everything else in it.

    Levels are RMS in dBFS per block of ``block_s``, from frame 0 of the recording on.
    """

    block_s: float
    rate_hz: int
    far_active: tuple[bool, ...]
    """The echo at the microphone lies within 30 dB of its loudest block."""
    echo_dbfs: tuple[float, ...]
    """At the microphone, before any processing."""
    off_dbfs: tuple[float, ...]
    """In the same recording if the canceller were off, after all other processing."""
    residual_dbfs: tuple[float, ...]
    """In the recording, after all processing."""
    erle_db: float | None
    """Echo power with the canceller off over echo power left, over the last third of the active
    blocks; ``None`` without active blocks, and in a silent recording."""
    convergence_s: float | None
    """From the first echo at the microphone until the residual stays within 6 dB of where it ends,
    level of the far end taken out."""
    clean_echo: npt.NDArray[np.float32]
    """The echo at the microphone, shape (frames,)."""
    clean_off: npt.NDArray[np.float32]
    """What :attr:`off_dbfs` is of."""
    clean_residual: npt.NDArray[np.float32]
    """The echo part of the recording alone, shape (frames,): no noise, nobody else."""

    @property
    def nbytes(self) -> int:
        """Memory of the sounds."""
        return self.clean_echo.nbytes + self.clean_off.nbytes + self.clean_residual.nbytes

    def erle_after(self, time_s: float) -> float | None:
        """As :attr:`erle_db`, over the active blocks that begin at ``time_s`` or later."""
        first = math.ceil(time_s / self.block_s - 1e-9)
        blocks = [i for i in range(first, len(self.far_active)) if self.far_active[i]]
        return ratio_db(self.off_dbfs, self.residual_dbfs, blocks)

    def convergence_after(self, time_s: float, end_s: float = math.inf) -> float | None:
        """As :attr:`convergence_s`, but of what begins at ``time_s``: after an action, say."""
        return converged_s(self.clean_off, self.clean_residual, self.rate_hz, time_s, end_s)


@dataclass(frozen=True, slots=True, eq=False)
class NearTruth:
    """What other devices do at the microphone, apart from everything else in the recording."""

    block_s: float
    rate_hz: int
    active: tuple[bool, ...]
    near_dbfs: tuple[float, ...]
    """At the microphone."""
    left_dbfs: tuple[float, ...]
    """In the recording, ``processing_delay_ms`` later."""
    attenuation_db: float | None
    """Near-end power in over near-end power left, over all active blocks."""
    clean: npt.NDArray[np.float32]
    """The near-end part of the recording alone, shape (frames,)."""

    @property
    def nbytes(self) -> int:
        """Memory of the sound."""
        return self.clean.nbytes


class SoundTruth(Protocol):
    """The sounds of one trial, taken apart when somebody asks."""

    @property
    def echo(self) -> EchoTruth:
        """Of the phone's own loudspeaker."""
        ...

    @property
    def near(self) -> NearTruth:
        """Of everybody else's."""
        ...


def levels_dbfs(sound: npt.NDArray[np.float32], rate_hz: int, block_s: float) -> list[float]:
    """RMS of each whole block of ``sound``, shape (frames,)."""
    size = max(1, round(block_s * rate_hz))
    rows = sound[: sound.size // size * size].reshape(-1, size)
    power = np.einsum("ij,ij->i", rows, rows, dtype=np.float64) / size
    levels: list[float] = (10 * np.log10(power + 10 ** (FLOOR_DBFS / 10))).tolist()
    return levels


def active_blocks(levels: list[float]) -> tuple[bool, ...]:
    """Which blocks are not pauses."""
    least = max(max(levels, default=FLOOR_DBFS) - ACTIVE_DB, _LEAST_DBFS)
    return tuple(level > least for level in levels)


def last_third(active: tuple[bool, ...]) -> list[int]:
    """Indices of the last third of the active blocks, at least one if there is any."""
    there = [i for i, is_active in enumerate(active) if is_active]
    return there[-max(1, len(there) // 3) :] if there else []


def ratio_db(into: Sequence[float], left: Sequence[float], blocks: list[int]) -> float | None:
    """Energy of ``into`` over that of ``left`` (both dBFS) over ``blocks``."""
    if not blocks:
        return None
    energies = [sum(10 ** (levels[i] / 10) for i in blocks) for levels in (into, left)]
    return 10 * math.log10(energies[0] / energies[1])


def converged_s(
    off: npt.NDArray[np.float32],
    residual: npt.NDArray[np.float32],
    rate_hz: int,
    begin_s: float = 0.0,
    end_s: float = math.inf,
) -> float | None:
    """Time from the first loud echo in ``begin_s``..``end_s`` until its attenuation stays within
    6 dB of that of the last third of its blocks; ``None`` without echo.

    The attenuation, not the residual itself, because the far end has loud and soft moments.
    """
    first, last = (round(min(t, 1e6) * rate_hz) for t in (begin_s, end_s))
    into = levels_dbfs(off[first:last], rate_hz, _FINE_S)
    left = levels_dbfs(residual[first:last], rate_hz, _FINE_S)
    loudest = max(into, default=FLOOR_DBFS)
    active = np.flatnonzero(np.array(into) > max(loudest - _LOUD_DB, _LEAST_DBFS))
    if not active.size:
        return None
    powers = [10 ** (np.array(levels)[active] / 10) for levels in (into, left)]
    attenuation = 10 * np.log10(powers[0] / powers[1])
    padded = np.pad(attenuation, _SMOOTH // 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH), axis=1)
    third = max(1, active.size // 3)
    final = 10 * math.log10(float(powers[0][-third:].sum() / powers[1][-third:].sum()))
    late = np.flatnonzero(smooth < final - SETTLED_DB)
    # What is seen in the last third is its own fluctuation, not convergence.
    late = late[late < active.size - third]
    if not late.size:
        return 0.0
    return float(active[late[-1]] + 1 - active[0]) * _FINE_S
