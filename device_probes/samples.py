"""Samples as they travel, and as arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device_probes.protocol import PcmFormat


def samples_of(data: bytearray, form: PcmFormat, channels: int) -> npt.NDArray[np.float32]:
    """Wire bytes as float32 of shape (frames, channels); int16 full scale is 1.0, exact."""
    if form is PcmFormat.FLOAT32:
        return np.frombuffer(data, "<f4").astype(np.float32, copy=False).reshape(-1, channels)
    samples = np.frombuffer(data, "<i2").astype(np.float32)
    samples *= np.float32(1 / 32768)
    return samples.reshape(-1, channels)
