"""Make the speech material: ``python -m tools.speech.make``.

espeak-ng speaks each line of ``sentences.toml``; the result is brought to 16 kHz, cut to where
sound is, and scaled to one active level. The same version of espeak-ng gives the same samples.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from scipy import signal

HERE = Path(__file__).parent
MATERIAL = HERE.parents[1] / "profiler" / "stimulus" / "material"
RATE_HZ = 16_000
SPEED_WPM, PITCH = 175, 50
HIGHPASS_HZ = 80.0
EDGE_S = 0.02
"""Silence that stays before and after, and the length of the fades in it."""
BLOCK_S = 0.02
ACTIVE_DB = 30.0
"""A block counts as active within so much of the loudest one."""
PEAK = 0.25
"""Peak of the loudest sentence of all: 14 bits are enough for synthesised speech, and small."""
CREST_DB = 16.0
"""Peaks above this over the active level are pressed down, so that no sentence sets the level of
all others."""

F64 = npt.NDArray[np.float64]


def espeak_version() -> str:
    """The version of espeak-ng, e.g. ``1.51``."""
    said = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True)  # noqa: S607
    return said.stdout.split("text-to-speech:")[-1].split()[0]


def spoken(line: dict[str, Any]) -> F64:
    """One sentence at 16 kHz, active level 1, shape (frames,)."""
    command = [
        "espeak-ng", "--stdout", "-v", line["voice"],
        "-s", str(line.get("speed", SPEED_WPM)), "-p", str(line.get("pitch", PITCH)),
    ]  # fmt: skip
    said = line["text"].encode()
    wav = subprocess.run(command, input=said, check=True, capture_output=True)  # noqa: S603
    # A WAV written to a pipe does not know its own length: the samples begin after "data".
    raw, at = wav.stdout, wav.stdout.index(b"data")
    rate = int.from_bytes(raw[24:28], "little")
    whole = np.frombuffer(raw[at + 8 : at + 8 + (len(raw) - at - 8) // 2 * 2], "<i2")
    samples = whole.astype(np.float64) / 32768
    g = int(np.gcd(rate, RATE_HZ))
    high = signal.butter(2, HIGHPASS_HZ, "high", fs=RATE_HZ, output="sos")
    x = signal.sosfilt(high, signal.resample_poly(samples, RATE_HZ // g, rate // g))
    x = trimmed(x)
    return pressed(x / active_rms(x))


def trimmed(x: F64) -> F64:
    """From just before the first to just after the last active block, faded at both ends."""
    levels = block_rms(x)
    loud = np.flatnonzero(levels > levels.max() * 10 ** (-40 / 20))
    size, edge = round(BLOCK_S * RATE_HZ), round(EDGE_S * RATE_HZ)
    cut = x[max(0, loud[0] * size - edge) : (loud[-1] + 1) * size + edge].copy()
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    cut[:edge] *= ramp
    cut[-edge:] *= ramp[::-1]
    return cut


def block_rms(x: F64) -> F64:
    """RMS of each 20 ms block."""
    size = round(BLOCK_S * RATE_HZ)
    rows = x[: x.size // size * size].reshape(-1, size)
    return np.asarray(np.sqrt(np.mean(rows**2, axis=1)))


def active_rms(x: F64) -> float:
    """RMS over the blocks within 30 dB of the loudest."""
    levels = block_rms(x)
    return float(np.sqrt(np.mean(levels[levels > levels.max() * 10 ** (-ACTIVE_DB / 20)] ** 2)))


def pressed(x: F64) -> F64:
    """Peaks above the crest limit bent smoothly, the level kept."""
    limit = 10 ** (CREST_DB / 20)
    knee = 0.7 * limit
    over = np.abs(x) > knee
    bent = np.sign(x) * (knee + (limit - knee) * np.tanh((np.abs(x) - knee) / (limit - knee)))
    y = np.where(over, bent, x)
    return np.asarray(y / active_rms(y))


def material() -> list[tuple[dict[str, Any], npt.NDArray[np.int16]]]:
    """Every line with its 16-bit samples."""
    lines = tomllib.loads((HERE / "sentences.toml").read_text(encoding="utf-8"))["sentence"]
    voices = [spoken(line) for line in lines]
    scale = PEAK * 32767 / max(float(np.abs(v).max()) for v in voices)
    return [
        (line, np.round(v * scale).astype(np.int16)) for line, v in zip(lines, voices, strict=True)
    ]


def entry(line: dict[str, Any], pcm: npt.NDArray[np.int16]) -> tuple[str, dict[str, Any]]:
    """Name (with the hash of the samples) and row of the index."""
    digest = hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()
    return f"{line['name']}-{digest[:12]}", {
        "sha256": digest,
        "language": line["name"].split("-")[0],
        "voice": line["voice"],
        "text": line["text"],
        "frames": int(pcm.size),
        "duration_s": round(pcm.size / RATE_HZ, 4),
        "active_dbfs": round(20 * float(np.log10(active_rms(pcm / 32768.0))), 2),
    }


def main() -> int:
    """Write every file and the index anew."""
    MATERIAL.mkdir(exist_ok=True)
    for old in MATERIAL.glob("*.flac"):
        old.unlink()
    rows = {}
    for line, pcm in material():
        name, row = entry(line, pcm)
        rows[name] = row
        buffer = io.BytesIO()
        soundfile.write(
            buffer, pcm, RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=1.0
        )
        (MATERIAL / f"{name}.flac").write_bytes(buffer.getvalue())
    index = {
        "espeak_ng": espeak_version(),
        "rate_hz": RATE_HZ,
        "peak": PEAK,
        "sentences": rows,
    }
    text = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    (MATERIAL / "index.json").write_text(text, encoding="utf-8")
    size = sum(p.stat().st_size for p in MATERIAL.iterdir())
    seconds = sum(row["duration_s"] for row in rows.values())
    sys.stdout.write(f"{len(rows)} sentences, {seconds:.1f} s, {size / 1000:.0f} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
