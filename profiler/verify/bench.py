"""Stack runs and what they measured; equal runs are made once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from profiler.model import NetworkScenario
from profiler.stimulus import render_speech, speech, spoken_spans_s
from profiler.verify.doors.mos import dnsmos, plcmos
from profiler.verify.doors.pesq_score import pesq_wide_band
from profiler.verify.doors.stoi_score import intelligibility
from profiler.verify.hearing import fitted, follow, low
from profiler.verify.job import RATE_HZ, Job, SessionRecord
from profiler.verify.proofs import Seen
from profiler.verify.sessions import ATTEMPTS, Failed, Notify, run_sessions
from profiler.verify.stack import FRAME_MS, StackSettings

LEVEL = 0.5
"""Peak of the speech: room for the codec."""
NOISE = 10 ** (-70 / 20)
"""Under the speech: a silent source looks concealed to the statistics (RECOMMEND 4.3)."""
_MARGIN_S = 6.0
"""Speech is made longer than the session, so that it never ends in silence."""

F64 = npt.NDArray[np.float64]
Key = tuple[StackSettings, NetworkScenario, int, float]


@dataclass(frozen=True, slots=True)
class Material:
    """What is said in a session."""

    samples: npt.NDArray[np.int16]
    """One channel at 48 kHz."""
    spans_s: tuple[tuple[float, float], ...]

    @property
    def sent(self) -> F64:
        """The same at 16 kHz, full scale 1."""
        return low(self.samples.astype(float) / 32768.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One session's numbers and what proves them."""

    values: dict[str, float]
    seen: Seen


def material(seed: int, seconds: float) -> Material:
    """Speech for one session over low noise; every seed says something else."""
    spec = speech(RATE_HZ, seed, seconds + _MARGIN_S)
    wave = LEVEL * render_speech(spec, RATE_HZ)[: round(seconds * RATE_HZ)].astype(np.float64)
    wave += NOISE * np.random.default_rng(seed).standard_normal(wave.size)
    spans = tuple((b, min(e, seconds)) for b, e in spoken_spans_s(spec) if b < seconds)
    pcm = np.clip(np.round(wave * 32768.0), -32768, 32767).astype(np.int16)
    return Material(pcm, spans)


@dataclass(slots=True)
class StackBench:
    """Runs sessions and remembers them: the stack knows nothing of the phone, so phones with
    equal settings share their runs."""

    workers: int | None = None
    attempts: int = ATTEMPTS
    """Of each session; more where others use the machine, too."""
    done: dict[Key, Measured | Failed] = field(default_factory=dict)

    def measure(self, keys: Iterable[Key], notify: Notify | None = None) -> None:
        """Run those that were not run before. Equal seeds run side by side."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self.done]
        wanted.sort(key=lambda key: key[2])
        with tempfile.TemporaryDirectory(prefix="chirpbench-verify-") as folder:
            jobs = [_job(key, Path(folder)) for key in wanted]
            for index, result in run_sessions(
                jobs, Path(folder), workers=self.workers, notify=notify, attempts=self.attempts
            ):
                self.done[wanted[index]] = _measured(wanted[index], result)


def _job(key: Key, folder: Path) -> Job:
    settings, scenario, seed, seconds = key
    file = folder / f"speech-{seed}-{seconds:g}-{settings.channels}.npy"
    if not file.exists():
        one = material(seed, seconds).samples
        np.save(file, np.repeat(one[:, np.newaxis], settings.channels, axis=1))
    return Job(scenario, seed, settings, file, seconds)


def _measured(key: Key, result: SessionRecord | Failed) -> Measured | Failed:
    if isinstance(result, Failed):
        return result
    settings, _, seed, seconds = key
    return analyse(material(seed, seconds), settings, result)


def analyse(said: Material, settings: StackSettings, record: SessionRecord) -> Measured:
    """A session's numbers. A quality that cannot be told is left out."""
    sent = said.sent
    track = follow(sent, record)
    clean, heard = fitted(sent, record, track, said.spans_s)
    found: dict[str, float | None] = {"stack_delay_ms": track.mean_ms()}
    if heard.size:
        found["pesq"] = pesq_wide_band(clean, heard)
        found["stoi"] = intelligibility(clean, heard)
        found["plcmos"] = plcmos(heard)
        found["dnsmos"] = dnsmos(heard)
    seen = _seen(settings, record)
    found["lost_percent"] = 100.0 * seen.network_lost / max(1, seen.network_sent)
    found["bitrate_kbps"] = seen.bitrate_kbps
    found.update(_buffer(record))
    return Measured({name: v for name, v in found.items() if v is not None}, seen)


def _buffer(record: SessionRecord) -> dict[str, float]:
    """NetEq's own figures after the warm-up."""
    return {
        "jitter_buffer_ms": _per_sample_ms(record, "jitter_buffer_delay"),
        "concealed_percent": 100.0
        * _grown(record, "concealed_samples")
        / max(1.0, _grown(record, "total_samples_received")),
    }


def _grown(record: SessionRecord, name: str) -> float:
    return record.stats.get(name, 0.0) - record.warm.get(name, 0.0)


def _per_sample_ms(record: SessionRecord, name: str) -> float:
    return 1000.0 * _grown(record, name) / max(1.0, _grown(record, "jitter_buffer_emitted_count"))


def _seen(settings: StackSettings, record: SessionRecord) -> Seen:
    packets = record.stats.get("packets_received", 0.0)
    frame_s = (settings.frame_ms or FRAME_MS) / 1000.0
    size = record.stats.get("bytes_received", 0.0) / max(1.0, packets)
    proxy = record.proxy
    return Seen(
        network_lost=int(proxy["lost"]),
        network_sent=int(proxy["sent"]),
        receiver_lost=float(record.stats.get("packets_lost", 0.0)),
        receiver_jitter_ms=1000.0 * record.stats.get("jitter", 0.0),
        frame_steps={int(k): int(v) for k, v in proxy["steps"].items()},
        types={int(k): int(v) for k, v in proxy["types"].items()},
        bitrate_kbps=8.0 * size / frame_s / 1000.0,
        fec_packets=float(record.stats.get("fec_packets_received", 0.0)),
        target_ms=_per_sample_ms(record, "jitter_buffer_target_delay"),
    )
