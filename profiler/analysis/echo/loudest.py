"""The loudest moment of what is left: what a voice detector's gate has to stay above."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from profiler.analysis.echo.coherence import BLOCK_S
from profiler.analysis.echo.levels import (
    CLEAR,
    Levels,
    Split,
    coherent_part,
    held,
    noise_track,
    to_db,
)
from profiler.analysis.voice import FRAME_S, GATE_DBFS, MIN_FRAMES, VOICE_RATE_HZ, Voice

LINEAR, HEARD = 0.5, 100.0
"""With less than the first coherent, a sound is no plain image of speech but what a suppressor lets
through in bursts. If it rises above the noise of the band by the second (20 dB) no noise hides it:
the detector hears speech there as well as without noise (docs/echo.md), and what it did not take
for speech counts as no louder than that."""
RISEN = 0.8
"""Rise over the noise, in its units, from which a moment stands clear of it: less than what a level
needs, because noise alone never holds it for 0.1 s, and what is missed is not bounded by anything
(5 dB were missed with 1.5)."""
MARGIN_LIMIT_DB = 60.0
FRAMES_PER_BLOCK = round(BLOCK_S / FRAME_S)

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def margin_db(part: Split, levels: Levels, voice: Voice, samples: F64) -> float:
    """How far the loudest moment of the echo lies below what counts as a turn.

    The echo's own peaks and what the detector takes for speech, whichever is louder: noise may
    hide an echo now that is heard in a quieter room. ``samples``, shape (frames,), are what the
    detector heard.
    """
    rows, noise = _curve(part, samples)
    wide, seen = _wide(part, rows, noise)
    unseen = max(levels.coherent_high, levels.hidden)
    level = (unseen if levels.echo is None else levels.echo) * _crest(part)
    peaks = [level, wide, _narrow(part, seen)]
    if voice.loudest_dbfs is not None:
        peaks.append(10 ** (voice.loudest_dbfs / 10) - float(noise[part.late].mean()))
    margin = GATE_DBFS - to_db(max(peaks))
    return round(min(max(margin, -MARGIN_LIMIT_DB), MARGIN_LIMIT_DB), 2)


def _crest(part: Split) -> float:
    """Loudest moment of the far end over its active level."""
    power, late = part.a.power, part.late
    return float(held(power)[late].max()) / float(power[part.a.active & late].mean())


def _curve(part: Split, samples: F64) -> tuple[F64, F64]:
    """The level a detector goes by, shape (blocks, 10), and its noise, shape (blocks,).

    The mean square of the 0.1 s around each 10 ms, of the whole band: the gate counts all of it.
    """
    size = round(FRAME_S * VOICE_RATE_HZ)
    x = np.clip(samples, -1.0, 1.0)
    power = np.mean(x[: x.size // size * size].reshape(-1, size) ** 2, axis=1)
    around = np.convolve(power, np.full(MIN_FRAMES, 1 / MIN_FRAMES), "same")
    rows = np.zeros((part.late.size, FRAMES_PER_BLOCK))
    rows.reshape(-1)[: around.size] = around[: rows.size]
    noise = noise_track(rows.mean(axis=1), part.a.pause)
    return rows, np.zeros(part.late.size) if noise is None else noise


def _wide(part: Split, rows: F64, noise: F64) -> tuple[float, Bools]:
    """The most that is held as long as a turn and stands clear of the noise, in the whole band.

    Also the blocks that such moments touch: nothing is to be looked for in a part of the band.
    """
    rise = rows - noise[:, None]
    clear = rise > RISEN * noise[:, None]
    rise = np.where(clear, _believed(part, rise), 0.0)
    rise[part.a.pause] = 0.0
    # A turn counts that ends after settling.
    begins = max(0, int(np.argmax(part.late)) * FRAMES_PER_BLOCK - MIN_FRAMES + 1)
    rise.reshape(-1)[:begins] = 0.0
    lasting = np.lib.stride_tricks.sliding_window_view(rise.reshape(-1), MIN_FRAMES).min(axis=1)
    touched = np.convolve(lasting > 0, np.ones(MIN_FRAMES)).reshape(rows.shape).max(axis=1)
    return float(lasting.max()), np.asarray(touched > 0.5)


def _narrow(part: Split, seen: Bools) -> float:
    """The same of blocks in the band of speech, where white noise is 3 dB weaker."""
    p, noise = part.p, part.noise
    above = p.total
    if noise is not None:
        rise = p.total - noise
        above = np.where(rise > CLEAR * noise, _believed(part, rise[:, None])[:, 0], 0.0)
    return float(np.max(held(np.where(seen, 0.0, above))[part.late & ~part.a.pause], initial=0.0))


def _believed(part: Split, rise: F64) -> F64:
    """``rise``, shape (blocks, n), where it may be speech: see :data:`HEARD`."""
    if part.noise is None:
        return rise
    linear = coherent_part(part.p)[0] > LINEAR * (part.p.smoothed - part.noise)
    return np.where(linear[:, None], rise, np.minimum(rise, HEARD * part.noise[:, None]))
