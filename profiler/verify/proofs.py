"""What must be seen in a side's sessions before they are believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from profiler.model import NetworkScenario
from profiler.verify.judging import Proof
from profiler.verify.stack import FRAME_MS, FRAMES_MS, RTP_KHZ, StackSettings

MIN_JITTER_MS = 2.0
"""Of a network's jitter, from which the receiver's own figure must show it."""
SEEN_JITTER_SHARE = 0.2
"""Of it, that the receiver's RFC 3550 figure must reach: correlated delays give it little."""
BITRATE_RANGE = (0.5, 1.3)
"""Of the asked bit rate, that speech with pauses may take (variable rate)."""
FLOOR_SHARE = 0.9
RED_TYPE = 63
OPUS_TYPE = 111
"""libwebrtc's own payload types."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one session shows of the network and of the settings in force."""

    network_lost: int
    network_sent: int
    receiver_lost: float
    receiver_jitter_ms: float
    frame_steps: dict[int, int]
    """Timestamp steps in samples at 48 kHz to how often."""
    types: dict[int, int]
    bitrate_kbps: float
    """Of the payload, while it was sent."""
    fec_packets: float
    target_ms: float
    """Mean target of the jitter buffer."""


def proofs(
    seen: Sequence[Seen], settings: StackSettings, scenario: NetworkScenario
) -> tuple[Proof, ...]:
    """Every proof of a side."""
    if not seen:
        return (Proof("sessions", False, "no session ended well"),)
    return tuple(_all(seen, settings, scenario))


def _all(
    seen: Sequence[Seen], settings: StackSettings, scenario: NetworkScenario
) -> Iterator[Proof]:
    yield _loss(seen, scenario)
    yield _jitter(seen, scenario)
    yield _frame(seen, settings)
    yield _bitrate(seen, settings)
    yield _fec(seen, settings)
    yield _red(seen, settings)
    yield _dtx(seen, settings)
    yield _floor(seen, settings)


def _loss(seen: Sequence[Seen], scenario: NetworkScenario) -> Proof:
    asked = any(p.loss_percent > 0 or p.burst_enter_percent > 0 for p in scenario.phases)
    took, sent = sum(s.network_lost for s in seen), sum(s.network_sent for s in seen)
    missed = sum(s.receiver_lost for s in seen)
    text = f"the receiver missed {missed:.0f} of {sent} packets, the network took {took}"
    if not asked and not took:
        return Proof("loss", None, text)
    return Proof("loss", missed > 0 and abs(missed - took) <= 3 + 0.2 * took, text)


def _jitter(seen: Sequence[Seen], scenario: NetworkScenario) -> Proof:
    wanted_ms = scenario.phases[-1].jitter_ms
    shown_ms = float(np.median([s.receiver_jitter_ms for s in seen]))
    text = f"the receiver reports {shown_ms:.0f} ms of jitter at the end, {wanted_ms:g} ms asked"
    if wanted_ms < MIN_JITTER_MS:
        return Proof("jitter", None, text)
    return Proof("jitter", shown_ms >= SEEN_JITTER_SHARE * wanted_ms, text)


def _frame(seen: Sequence[Seen], settings: StackSettings) -> Proof:
    asked = settings.frame_ms or FRAME_MS
    steps: dict[int, int] = {}
    for session in seen:
        for step, count in session.frame_steps.items():
            steps[step] = steps.get(step, 0) + count
    usual_ms = max(steps, key=lambda k: steps[k]) / RTP_KHZ if steps else 0.0
    text = f"packets of {usual_ms:g} ms, {asked} ms asked"
    if asked not in FRAMES_MS:
        text += f"; libwebrtc makes {', '.join(map(str, FRAMES_MS))}"
    return Proof("frame", usual_ms == asked, text)


def _bitrate(seen: Sequence[Seen], settings: StackSettings) -> Proof:
    shown = float(np.median([s.bitrate_kbps for s in seen]))
    if settings.bitrate_bps is None:
        return Proof("bitrate", None, f"{shown:.1f} kbps, the stack's own choice")
    asked = settings.bitrate_bps / 1000.0 * (2 if settings.red else 1)
    low, high = BITRATE_RANGE
    text = f"{shown:.1f} kbps of payload, {asked:g} kbps asked{' with RED' * settings.red}"
    quiet = settings.dtx is True  # silence is left out
    return Proof("bitrate", shown <= high * asked and (quiet or shown >= low * asked), text)


def _fec(seen: Sequence[Seen], settings: StackSettings) -> Proof:
    packets, lost = sum(s.fec_packets for s in seen), sum(s.network_lost for s in seen)
    text = f"{packets:.0f} packets carried a copy of the one before"
    if settings.red:
        return Proof("fec", None, f"{text}; RED carries them")
    if settings.fec is False:
        return Proof("fec", packets == 0, text)
    if lost == 0:
        return Proof("fec", None, f"{text}; without loss the encoder sends none")
    return Proof("fec", packets > 0, text)


def _red(seen: Sequence[Seen], settings: StackSettings) -> Proof:
    wrapped = sum(s.types.get(RED_TYPE, 0) for s in seen)
    text = f"{wrapped} packets with redundancy (RFC 2198)"
    if not settings.red:
        return Proof("red", None if wrapped == 0 else False, text)
    return Proof("red", wrapped > 0, text)


def _dtx(seen: Sequence[Seen], settings: StackSettings) -> Proof:
    pauses = sum(
        n for s in seen for step, n in s.frame_steps.items() if step > settings.frame_samples
    )
    text = f"{pauses} pauses without packets"
    if settings.dtx is None:
        return Proof("dtx", None, text)
    return Proof("dtx", (pauses > 0) == settings.dtx, text)


def _floor(seen: Sequence[Seen], settings: StackSettings) -> Proof:
    shown_ms = float(np.median([s.target_ms for s in seen]))
    text = f"mean target {shown_ms:.0f} ms, at least {settings.floor_ms} ms asked"
    if not settings.floor_ms:
        return Proof("jitter_buffer", None, text)
    return Proof("jitter_buffer", shown_ms >= FLOOR_SHARE * settings.floor_ms, text)
