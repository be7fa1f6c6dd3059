"""The variants of W1, and what the call's own statistics say of them.

What is asked for in a call's SDP is not what is done. Each option is believed when the stack's
statistics (``observed`` of the report, texts of an untrusted page) show it at work.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from profiler.model import CallPath, TrialRecord

TARGET_MS = 200
LONG_PACKET_MS = 60
PACKET_ERROR_MS = 1.0
"""RTP timestamps say the length of a packet exactly."""
TARGET_ERROR = 0.1
"""Share by which the buffer's own target may miss the one it was given (proposal)."""
RISE_SHARE = 0.5
"""Share of the time asked for that must be found in the latency (proposal; sessions differ by a
packet or two, the target asks for eight)."""
DTX_SHARE = 0.8
"""With silence in two thirds of the time, DTX that leaves out less than a fifth of the packets is
none (proposal; Chromium's leaves out about half, measured)."""

PLAIN = CallPath()


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to set up a call."""

    note: str
    """Marks its trials, and its numbers in brackets."""
    call: CallPath
    silent: bool = False
    """Pauses are really silent: no noise beneath the train."""


DEFAULTS = Variant("defaults", PLAIN)
LONG_PACKETS = Variant(f"ptime={LONG_PACKET_MS}", replace(PLAIN, ptime_ms=LONG_PACKET_MS))
NO_FEC = Variant("fec=off", replace(PLAIN, fec=False))
DTX = Variant("dtx=on", replace(PLAIN, dtx=True), silent=True)
TARGET = Variant(f"target={TARGET_MS}", replace(PLAIN, jitter_buffer_target_ms=TARGET_MS))
VARIANTS = (DEFAULTS, LONG_PACKETS, TARGET, NO_FEC, DTX)


def of(records: Sequence[TrialRecord], variant: Variant) -> list[TrialRecord]:
    """The trials of a variant."""
    return [r for r in records if r.setup.note == variant.note]


def said(record: TrialRecord, name: str) -> float | None:
    """A number of the stack's statistics; ``None`` when it is not there or is none."""
    text = record.report.observed.get(f"call_{name}", "") if record.report else ""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def middle(records: Sequence[TrialRecord], name: str) -> float | None:
    """The median of :func:`said` over those that say it."""
    values = [v for r in records if (v := said(r, name)) is not None]
    return statistics.median(values) if values else None


def _shows_packets(records: Sequence[TrialRecord]) -> bool:
    found = [said(r, "ptime_ms") for r in records]
    return all(v is not None and abs(v - LONG_PACKET_MS) <= PACKET_ERROR_MS for v in found)


def _shows_target(records: Sequence[TrialRecord]) -> bool:
    found = middle(records, "jitter_buffer_target_end_ms")
    return found is not None and abs(found - TARGET_MS) <= TARGET_ERROR * TARGET_MS


def _shows_dtx(records: Sequence[TrialRecord]) -> bool:
    return all((share := sent_share(r)) is not None and share <= DTX_SHARE for r in records)


def _shows_no_fec(records: Sequence[TrialRecord]) -> bool:
    agreed = (r.report.observed.get("call_fec") if r.report else None for r in records)
    return all(word == "off" for word in agreed) and not any(
        said(r, "fec_packets") for r in records
    )


def sent_share(record: TrialRecord) -> float | None:
    """Packets sent against those that a call without DTX sends in the same time."""
    sent, call = said(record, "packets_sent"), record.request.call
    if sent is None or call is None:
        return None
    return sent * call.ptime_ms / 1000 / record.request.duration_s


_PROOFS: dict[str, Callable[[Sequence[TrialRecord]], bool]] = {
    LONG_PACKETS.note: _shows_packets,
    TARGET.note: _shows_target,
    DTX.note: _shows_dtx,
    NO_FEC.note: _shows_no_fec,
}


def is_shown(variant: Variant, records: Sequence[TrialRecord]) -> bool:
    """Whether the statistics of these trials (at least one) show the variant's option at work."""
    return bool(records) and _PROOFS[variant.note](records)
