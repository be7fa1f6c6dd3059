"""PESQ (ITU-T P.862.2, wide band): the only door to ``pesq``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pesq_wide_band(sent: npt.NDArray[np.float64], heard: npt.NDArray[np.float64]) -> float | None:
    """MOS-LQO of two signals at 16 kHz, 1.0 to 4.6; ``None`` when it finds no speech."""
    from pesq import NoUtterancesError, PesqError, pesq  # noqa: PLC0415 - an extra

    if not (sent.any() and heard.any()):
        return None
    try:
        return float(pesq(16_000, sent.astype(np.float32), heard.astype(np.float32), "wb"))
    except (NoUtterancesError, PesqError, ZeroDivisionError):
        return None
