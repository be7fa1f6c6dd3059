"""DNSMOS and PLCMOS, quality of speech without its original: the only door to the models in
``speechmos`` and to ``onnxruntime``.

Only the packaged models are used: the package's own DNSMOS module needs librosa for a score that
is not used here, and its PLCMOS draws the rater at random.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from profiler.errors import InputError
from profiler.verify.extra import HINT

RATE_HZ = 16_000
DNSMOS_S = 9.01
"""Length that its model takes."""
_OVERALL = (-0.06766283, 1.11546468, 0.04602535)
"""Calibration of the overall score (speechmos 0.0.1.1, not personalised)."""
_RATERS = 5
"""Rater embeddings that PLCMOS averages over, drawn once and for all."""
_DFT, _HOP = 512, 256
_FLOOR_LN = 12.0 * float(np.log(10.0))
"""120 dB, as a natural logarithm of power."""

F64 = npt.NDArray[np.float64]


def dnsmos(samples: F64) -> float | None:
    """Overall quality (P.835 style, 1 to 5) of speech at 16 kHz; ``None`` = no samples."""
    size = int(DNSMOS_S * RATE_HZ)
    if not samples.size:
        return None
    filled = np.resize(samples, max(size, samples.size))  # repeats what is too short
    model = _model("dnsmos_models/sig_bak_ovr.onnx")
    scores = []
    for begin in range(0, filled.size - size + 1, RATE_HZ):
        piece = filled[begin : begin + size].astype(np.float32)[np.newaxis, :]
        scores.append(float(np.polyval(_OVERALL, model.run(None, {"input_1": piece})[0][0][2])))
    return float(np.mean(scores))


def plcmos(samples: F64) -> float | None:
    """Quality under packet loss concealment (PLCMOS v2, 1 to 5) of speech at 16 kHz."""
    if samples.size < _DFT:
        return None
    features = _log_power(samples)[np.newaxis, np.newaxis, ...].astype(np.float32)
    model = _model("plcmos_models/plcmos_v2.onnx")
    raters = np.random.default_rng(0).normal(size=(_RATERS, 1, 64)).astype(np.float32)
    scores = [
        np.ravel(model.run(None, {"degraded_audio": features, "rater_embed": rater})[0])[0]
        for rater in raters
    ]
    return float(np.mean(scores))


def _log_power(samples: F64) -> F64:
    """Log power of the magnitude spectrum, Hamming, half overlapping, first frame half empty."""
    window = np.hamming(_DFT + 1)[:-1]
    frames = -(-(samples.size + _DFT - _HOP) // _HOP)
    padded = np.zeros((frames - 1) * _HOP + _DFT)
    padded[_HOP : _HOP + samples.size] = samples
    rows = np.lib.stride_tricks.sliding_window_view(padded, _DFT)[::_HOP] * window
    power = np.abs(np.fft.rfft(rows, _DFT)) ** 2
    positive = power[power > 0]
    if not positive.size:
        return np.full(power.shape, -8.0 * float(np.log(10.0)) / 20.0)
    lowest = float(np.log(positive.min())) - _FLOOR_LN
    made: F64 = np.where(power > 0, np.log(np.maximum(power, positive.min())), lowest) / 20.0
    return made


@lru_cache(maxsize=4)
def _model(path: str) -> Any:
    import onnxruntime  # noqa: PLC0415 - an extra

    package = util.find_spec("speechmos")
    if package is None or package.origin is None:
        raise InputError("verification needs speechmos, which is not installed", hint=HINT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    file = Path(package.origin).parent / path
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
