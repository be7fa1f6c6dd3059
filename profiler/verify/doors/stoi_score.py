"""STOI, short-time objective intelligibility: the only door to ``pystoi``."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt


def intelligibility(sent: npt.NDArray[np.float64], heard: npt.NDArray[np.float64]) -> float | None:
    """STOI of two signals at 16 kHz, 0 to 1; ``None`` when there is too little speech."""
    from pystoi import stoi  # noqa: PLC0415 - an extra

    if not (sent.any() and heard.any()):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # its way to say that speech is missing
        try:
            return float(stoi(sent, heard, 16_000))
        except (RuntimeWarning, ValueError):
            return None
