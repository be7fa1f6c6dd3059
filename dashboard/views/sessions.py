"""Opens as the store lists them, in the form in which summaries take them."""

from __future__ import annotations

from collections.abc import Iterable

from db.points import LatencyPoint
from profiler.model import SessionRow


def sessions(points: Iterable[LatencyPoint]) -> list[SessionRow]:
    """As :func:`profiler.summary.compare` and ``summarise`` take them; single chirps are not among
    the points, so nothing can be said of the scatter within an open."""
    return [
        SessionRow(
            trial_uuid=p.trial_uuid, run_uuid=p.run_uuid, device_uid=p.device_uid,
            test_id=p.test_id, model_key=p.key, marketing_name="", path=p.path, rate_hz=p.rate_hz,
            verdict=p.verdict, reasons=(), latency_ms=p.latency_ms,
            uncertainty_us=p.uncertainty_us, per_chirp_ms=(), per_chirp_time_s=(), jumps=(),
            is_virtual=p.is_virtual, started_at=p.started_at,
        )
        for p in points
    ]  # fmt: skip
