"""What an error of a device means for its trial and for its run."""

from __future__ import annotations

from dataclasses import dataclass

from profiler.errors import (
    DeviceError,
    DeviceTimeout,
    ProbeError,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import Reason, RunStatus, Verdict


@dataclass(frozen=True, slots=True)
class Fault:
    """``retry``: try the same trial again; ``ends_run``: the status the run ends with if the
    trial still fails, ``None`` when the next trial can be tried."""

    verdict: Verdict
    reason: Reason
    retry: bool = False
    ends_run: RunStatus | None = None


_LOST = Fault(Verdict.ERROR, Reason.DEVICE_LOST, True, RunStatus.DEVICE_LOST)
_GARBAGE = Fault(Verdict.ERROR, Reason.PROBE_PROTOCOL)
_BLOCKED = Fault(Verdict.ERROR, Reason.PERMISSION, False, RunStatus.ERROR)
_UNABLE = Fault(Verdict.NOT_MEASURABLE, Reason.REQUEST_REFUSED)

# The codes of the probe contract, which are text here: any probe may answer any of them.
_REFUSED = {
    "rate_refused": Fault(Verdict.NOT_MEASURABLE, Reason.RATE_REFUSED),
    "rate_differs": Fault(Verdict.NOT_MEASURABLE, Reason.RATE_REFUSED),
    "unsupported": _UNABLE,
    "open_failed": _UNABLE,
    "too_large": _UNABLE,
    "permission": _BLOCKED,
    "unauthorized": _BLOCKED,
    "busy": Fault(Verdict.ERROR, Reason.DEVICE_BUSY, True, RunStatus.ERROR),
    "stream_lost": Fault(Verdict.ERROR, Reason.STREAM_LOST, True),
    "cancelled": Fault(Verdict.ERROR, Reason.STREAM_LOST, True),  # nobody here asked for it
    "not_loaded": _GARBAGE,
    "malformed": _GARBAGE,
}


def fault_of(error: DeviceError) -> Fault:
    """Classify an error a driver raised.

    Only what may pass by itself is retried (LAB section 6): a lost device, a time-out, a stream
    the system took away. Blocks that wait for a person and answers against the contract are not.
    """
    if isinstance(error, ProbeRefused):
        return _REFUSED.get(error.code, _UNABLE)
    if isinstance(error, ProbeVersionMismatch):
        return Fault(Verdict.ERROR, Reason.PROBE_VERSION, False, RunStatus.ERROR)
    if isinstance(error, ProbeError):
        return _GARBAGE
    if isinstance(error, DeviceTimeout):
        return Fault(Verdict.ERROR, Reason.DEVICE_TIMEOUT, True, RunStatus.DEVICE_LOST)
    return _LOST
