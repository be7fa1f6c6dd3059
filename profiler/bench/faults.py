"""What an error of a device means for its trial and for its run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from profiler.errors import (
    DeviceError,
    DeviceNotReady,
    DeviceTimeout,
    InstallFailed,
    ProbeBackground,
    ProbeCrashed,
    ProbeError,
    ProbePermission,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import DeviceState, Reason, RunStatus, Verdict


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
_COVERED = Fault(Verdict.ERROR, Reason.PROBE_BACKGROUND, True, RunStatus.ERROR)
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
    "background": _COVERED,
    "busy": Fault(Verdict.ERROR, Reason.DEVICE_BUSY, True, RunStatus.ERROR),
    "stream_lost": Fault(Verdict.ERROR, Reason.STREAM_LOST, True),
    "cancelled": Fault(Verdict.ERROR, Reason.STREAM_LOST, True),  # nobody here asked for it
    "not_loaded": _GARBAGE,
    "malformed": _GARBAGE,
}

# States that wait for a person, or for a pause, are not tried again.
_NOT_READY = {
    DeviceState.UNAUTHORIZED: Reason.NOT_AUTHORIZED,
    DeviceState.NO_PERMISSION: Reason.NO_USB_PERMISSION,
    DeviceState.LOCKED: Reason.DEVICE_LOCKED,
    DeviceState.QUARANTINED: Reason.QUARANTINED,
    DeviceState.UNSUITABLE: Reason.UNSUITABLE,
    DeviceState.BUSY: Reason.DEVICE_BUSY,
    DeviceState.NO_USBMUXD: Reason.NO_USBMUXD,
    DeviceState.UNTRUSTED: Reason.UNTRUSTED,
    DeviceState.NO_DEVELOPER_MODE: Reason.NO_DEVELOPER_MODE,
    DeviceState.WDA_MISSING: Reason.WDA_MISSING,
    DeviceState.WDA_EXPIRED: Reason.WDA_EXPIRED,
    DeviceState.PROBE_MISSING: Reason.PROBE_MISSING,
    DeviceState.PROBE_EXPIRED: Reason.PROBE_EXPIRED,
}
# These may pass by themselves, or by starting the probe once more.
_NOT_READY_YET = {
    DeviceState.WDA_HUNG: Reason.WDA_HUNG,
    DeviceState.PORT_CLOSED: Reason.PORT_CLOSED,
}
_OURS: dict[type[DeviceError], Fault] = {
    ProbeVersionMismatch: Fault(Verdict.ERROR, Reason.PROBE_VERSION, False, RunStatus.ERROR),
    ProbePermission: _BLOCKED,
    ProbeBackground: _COVERED,
    ProbeCrashed: Fault(Verdict.ERROR, Reason.PROBE_CRASHED, True),
    DeviceTimeout: Fault(Verdict.ERROR, Reason.DEVICE_TIMEOUT, True, RunStatus.DEVICE_LOST),
}
_RATE = re.compile(r"(?<![a-z])(sample[ _-]?)?rate(?![a-z])", re.IGNORECASE)
"""Words for a sample rate, AAudio's ``INVALID_RATE`` included."""
DISK_FULL = ("disk_full", "INSTALL_FAILED_INSUFFICIENT_STORAGE")
"""Reasons of :class:`InstallFailed` that mean there is no room."""


def fault_of(error: DeviceError) -> Fault:
    """Classify an error a driver raised.

    Only what may pass by itself is retried (LAB section 6): a lost device, a time-out, a stream
    the system took away. Blocks that wait for a person and answers against the contract are not.
    """
    if isinstance(error, ProbeRefused):
        return _REFUSED.get(error.code, _UNABLE)
    if isinstance(error, DeviceNotReady):
        return _not_ready(error.state)
    if isinstance(error, InstallFailed):
        full = error.reason in DISK_FULL
        why = Reason.DISK_FULL if full else Reason.INSTALL_FAILED
        return Fault(Verdict.ERROR, why, False, RunStatus.ERROR)
    known = _OURS.get(type(error))
    if known is not None:
        return known
    return _GARBAGE if isinstance(error, ProbeError) else _LOST


def _not_ready(state: str) -> Fault:
    """The fault for a device in ``state``; one that is not in the tables is as good as lost."""
    for table, retry in ((_NOT_READY, False), (_NOT_READY_YET, True)):
        reason = next((reason for known, reason in table.items() if known == state), None)
        if reason is not None:
            return Fault(Verdict.ERROR, reason, retry, RunStatus.ERROR)
    return _LOST


def refuses_rate(error: DeviceError, rate_hz: int) -> bool:
    """Whether a refused request was refused for its sample rate: its text names it.

    A test that varies the rate varies more than that on a device that refuses everything.
    """
    if not isinstance(error, ProbeRefused):
        return False
    named = re.search(rf"(?<!\d){rate_hz} ?Hz\b", error.message) is not None
    return named or _RATE.search(error.message) is not None
