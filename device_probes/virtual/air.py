"""The air between virtual phones of one process: who hears whose loudspeaker, and when.

Every phone has two clocks that run wrong by a constant ratio: it plays frame n of a timeline that
began at world time w at ``w + L_out + n/(f·r_out)``, and what its microphone takes in at world
time t becomes frame m with ``t = w - L_in + m/(f·r_in)``. A phone's own loop is the special case
where both are the same phone's.

World time is that of the phones' :class:`~device_probes.virtual.clock.Clock`. A phone announces
all it is going to play when it opens its streams, at least a warm-up before the first sound, and
asks what it heard after its own last frame: what is announced later begins later. With a clock
that never waits no two trials overlap, and nobody hears anybody.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from device_probes.virtual.acoustics import SPEED_OF_SOUND_M_S, Timing, capture
from device_probes.virtual.clock import Clock, Stopwatch
from device_probes.virtual.spec import Acoustics, PhoneSpec, Zone
from device_probes.virtual.truth import HeardTruth, Session

Float32 = npt.NDArray[np.float32]
_LINGER_S = 4.0
"""How long after its end a timeline may still be heard: the longest way out (1.9 s), the longest
way in, and a room."""
_PUNCTUAL_S = 0.001
"""A trial that ends this much early was not cut short: timers round."""
_NEAR_M = 0.05
"""The law of distance holds from here on; a microphone is beside its loudspeaker, not in it."""


@dataclass(slots=True, eq=False)
class Presence:
    """One trial of one phone, as the air knows it. Made by :meth:`Air.enter`."""

    serial: str
    session: Session
    played: Float32
    """The output timeline after volume and mixer to its last sound, shape (frames,)."""
    watch: Stopwatch
    """Started in the same moment in which the others learnt of the trial."""
    begin_s: float
    """World time of frame 0 of both timelines."""
    end_s: float = math.inf
    """World time at which the streams were closed."""

    @property
    def playback_ratio(self) -> float:
        """Seconds of the playback clock in a second of the world."""
        return 1 + self.session.spec.clock.ppm * 1e-6

    @property
    def capture_ratio(self) -> float:
        """Seconds of the capture clock in a second of the world."""
        return self.playback_ratio * (1 + self.session.timing.drift_ppm * 1e-6)

    @property
    def output_s(self) -> float:
        """From the app to the loudspeaker, in the world's seconds."""
        return self.session.truth.output_ms / 1000 / self.capture_ratio

    @property
    def input_s(self) -> float:
        """From the microphone to the app, in the world's seconds."""
        return self.session.truth.input_ms / 1000 / self.capture_ratio

    @property
    def emitted(self) -> Float32:
        """What of the timeline was played before the streams were closed."""
        played_s = self.end_s - self.begin_s
        if played_s >= self.session.truth.request.duration_s - _PUNCTUAL_S:
            return self.played
        return self.played[: max(0, int(played_s * self.session.truth.output_rate_hz))]

    def hears(self, other: Presence, zone: Zone) -> bool:
        """Whether anything of ``other`` arrives while this one records."""
        sound_s = zone.distance_m / SPEED_OF_SOUND_M_S
        first_s = other.begin_s + other.output_s + sound_s
        rate_hz = other.session.truth.output_rate_hz
        last_s = first_s + other.emitted.size / rate_hz / other.playback_ratio
        opened_s = self.begin_s - self.input_s
        closed_s = opened_s + self.session.truth.request.duration_s / self.capture_ratio
        tail_s = zone.rt60_s or 0.0
        return first_s < closed_s and last_s + tail_s > opened_s and bool(other.emitted.any())

    def timing(self, other: Presence, distance_m: float) -> Timing:
        """When playback times of ``other`` arrive on this one's capture clock."""
        gap_s = other.begin_s + other.output_s + distance_m / SPEED_OF_SOUND_M_S
        gap_s -= self.begin_s - self.input_s
        skew = self.capture_ratio / other.playback_ratio - 1
        return replace(
            self.session.timing, latency_s=gap_s * self.capture_ratio, drift_ppm=skew * 1e6
        )


class Air:
    """What the phones of one process share. Safe from several threads."""

    def __init__(self, clock: Clock, zones: Sequence[Zone] = ()) -> None:
        self._clock = clock
        self._zones = {zone.name: zone for zone in zones} if clock.passes else {}
        self._lock = threading.Lock()
        self._present: list[Presence] = []

    def enter(self, serial: str, session: Session, played: Float32, opening_s: float) -> Presence:
        """A phone opens its streams: frame 0 of its timelines comes ``opening_s`` from now.

        ``played``, shape (frames,), is not changed by anybody from here on.
        """
        sounds = np.flatnonzero(played)
        played = played[: int(sounds[-1]) + 1 if sounds.size else 0].copy()
        with self._lock:
            watch = self._clock.start()
            entered = Presence(serial, session, played, watch, watch.began_s + opening_s)
            if session.spec.zone in self._zones:
                self._forget(watch.began_s)
                self._present.append(entered)
        return entered

    def leave(self, who: Presence) -> None:
        """Its streams are closed, at their end or before; calling it again does nothing."""
        with self._lock:
            who.end_s = min(who.end_s, self._clock.now_s())

    def company(self, who: Presence) -> bool:
        """Whether another phone is heard that is known already."""
        return bool(self._others(who))

    def hear(self, who: Presence, frames: int) -> tuple[Float32 | None, tuple[HeardTruth, ...]]:
        """What the loudspeakers of the others do at ``who``'s microphone.

        To be asked at the end of the trial. Shape (frames,) at the input's rate, or ``None`` when
        there is silence, and the truth of it.
        """
        total: Float32 | None = None
        heard = []
        for other in self._others(who):
            zone = self._zones[who.session.spec.zone or ""]
            timing = who.timing(other, zone.distance_m)
            sound = capture(
                other.emitted,
                other.session.truth.output_rate_hz,
                frames,
                who.session.truth.input_rate_hz,
                acoustics=across(other.session.spec, who.session.spec, zone),
                timing=timing,
                room_seed=zlib.crc32(f"{zone.name}:{other.serial}>{who.serial}".encode()),
            )
            total = sound if total is None else total + sound
            truth = (other.serial, other.session.truth.trial, timing.latency_s, timing.drift_ppm)
            heard.append(HeardTruth(*truth, zone.distance_m))
        return total, tuple(heard)

    def _others(self, who: Presence) -> list[Presence]:
        zone = self._zones.get(who.session.spec.zone or "")
        if zone is None:
            return []
        with self._lock:
            there = [p for p in self._present if p is not who and p.session.spec.zone == zone.name]
            return [p for p in there if p.serial != who.serial and who.hears(p, zone)]

    def _forget(self, now_s: float) -> None:
        """Drop what no trial that runs can hear any more."""
        open_s = [p.begin_s for p in self._present if math.isinf(p.end_s)]
        oldest_s = min((now_s, *open_s)) - _LINGER_S
        self._present = [p for p in self._present if p.end_s > oldest_s]


def across(speaker: PhoneSpec, microphone: PhoneSpec, zone: Zone) -> Acoustics:
    """The way from one phone's loudspeaker to another's microphone.

    Level: that of the speaker at its own microphone, less the law of distance (6 dB for each
    doubling: a small source in free field) and what stands between.
    """
    own, ear = speaker.acoustics, microphone.acoustics
    near_m = max(own.distance_m, _NEAR_M)
    law_db = 20 * math.log10(max(zone.distance_m, _NEAR_M) / near_m)
    return Acoustics(
        level_dbfs=min(max(own.level_dbfs - law_db - zone.loss_db, -90.0), 10.0),
        distance_m=min(zone.distance_m, 5.0),
        highpass_hz=own.highpass_hz,
        highpass_order=own.highpass_order,
        resonances=own.resonances,
        drive=own.drive,
        rt60_s=zone.rt60_s,
        reverb_db=zone.reverb_db,
        inverted=ear.inverted,
        capture_band_hz=ear.capture_band_hz,
    )
