"""Every error a driver may raise has one meaning."""

from __future__ import annotations

import pytest

from device_probes.protocol import RefusedCode
from profiler.bench import faults
from profiler.bench.faults import fault_of, refuses_rate
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceNotFound,
    DeviceNotReady,
    DeviceTimeout,
    InstallFailed,
    ProbeBackground,
    ProbeCrashed,
    ProbeError,
    ProbePermission,
    ProbeProtocolError,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import DeviceState, Reason, RunStatus, Verdict


def test_every_refusal_of_the_contract_is_known() -> None:
    assert {code.value for code in RefusedCode} <= set(faults._REFUSED)


@pytest.mark.parametrize(
    ("error", "reason", "retry", "ends_run"),
    [
        (DeviceError, Reason.DEVICE_LOST, True, RunStatus.DEVICE_LOST),
        (DeviceLost, Reason.DEVICE_LOST, True, RunStatus.DEVICE_LOST),
        (DeviceNotFound, Reason.DEVICE_LOST, True, RunStatus.DEVICE_LOST),
        (DeviceTimeout, Reason.DEVICE_TIMEOUT, True, RunStatus.DEVICE_LOST),
        (ProbeError, Reason.PROBE_PROTOCOL, False, None),
        (ProbeProtocolError, Reason.PROBE_PROTOCOL, False, None),
        (ProbeVersionMismatch, Reason.PROBE_VERSION, False, RunStatus.ERROR),
        (ProbePermission, Reason.PERMISSION, False, RunStatus.ERROR),
        (ProbeBackground, Reason.PROBE_BACKGROUND, True, RunStatus.ERROR),
        (ProbeCrashed, Reason.PROBE_CRASHED, True, None),
    ],
)
def test_errors(
    error: type[DeviceError], reason: Reason, retry: bool, ends_run: RunStatus | None
) -> None:
    fault = fault_of(error("x", device="A"))
    assert (fault.reason, fault.retry, fault.ends_run) == (reason, retry, ends_run)
    assert fault.verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("state", "reason", "retry"),
    [
        (DeviceState.UNAUTHORIZED, Reason.NOT_AUTHORIZED, False),
        (DeviceState.NO_PERMISSION, Reason.NO_USB_PERMISSION, False),
        (DeviceState.LOCKED, Reason.DEVICE_LOCKED, False),
        (DeviceState.QUARANTINED, Reason.QUARANTINED, False),
        (DeviceState.BUSY, Reason.DEVICE_BUSY, False),
        (DeviceState.OFFLINE, Reason.DEVICE_LOST, True),
        ("a state of tomorrow", Reason.DEVICE_LOST, True),
    ],
)
def test_states_that_wait_for_a_person_are_not_tried_again(
    state: str, reason: Reason, retry: bool
) -> None:
    fault = fault_of(DeviceNotReady("x", device="A", state=state))
    assert (fault.reason, fault.retry) == (reason, retry)
    assert fault.ends_run is not None


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("INSTALL_FAILED_USER_RESTRICTED", Reason.INSTALL_FAILED),
        ("INSTALL_FAILED_INSUFFICIENT_STORAGE", Reason.DISK_FULL),
        ("disk_full", Reason.DISK_FULL),
    ],
)
def test_a_refused_install_ends_the_run(word: str, reason: Reason) -> None:
    fault = fault_of(InstallFailed("x", device="A", reason=word))
    assert (fault.reason, fault.retry, fault.ends_run) == (reason, False, RunStatus.ERROR)


@pytest.mark.parametrize(
    ("code", "verdict", "reason", "retry"),
    [
        ("unsupported", Verdict.NOT_MEASURABLE, Reason.REQUEST_REFUSED, False),
        ("rate_differs", Verdict.NOT_MEASURABLE, Reason.RATE_REFUSED, False),
        ("a code of tomorrow", Verdict.NOT_MEASURABLE, Reason.REQUEST_REFUSED, False),
        ("stream_lost", Verdict.ERROR, Reason.STREAM_LOST, True),
        ("busy", Verdict.ERROR, Reason.DEVICE_BUSY, True),
        ("permission", Verdict.ERROR, Reason.PERMISSION, False),
        ("background", Verdict.ERROR, Reason.PROBE_BACKGROUND, True),
        ("malformed", Verdict.ERROR, Reason.PROBE_PROTOCOL, False),
    ],
)
def test_refusals(code: str, verdict: Verdict, reason: Reason, retry: bool) -> None:
    fault = fault_of(ProbeRefused("x", device="A", code=code))
    assert (fault.verdict, fault.reason, fault.retry) == (verdict, reason, retry)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("16000 Hz does not open", True),
        ("no input of 1 channels at 16000 Hz", True),
        ("the browser does not play at 16000 Hz: NotSupportedError", True),
        ("the input does not open so: AAUDIO_ERROR_INVALID_RATE (-893)", True),
        ("this sample rate is not supported", True),
        ("no microphone is as asked (OverconstrainedError: sampleRate)", True),
        ("the microphone cannot be opened (NotReadableError: Could not start audio source)", False),
        ("the input does not open: AAUDIO_ERROR_UNAVAILABLE (-889)", False),
        ("the output opens at 116000 Hz", False),
        ("generated noise is not operated", False),
    ],
)
def test_a_refusal_is_about_the_rate_when_it_names_it(text: str, about: bool) -> None:
    error = ProbeRefused(
        f"the probe refused: {text}", device="A", code="open_failed",
        hint="record for a shorter time or at a lower rate",
    )  # fmt: skip
    assert refuses_rate(error, 16_000) is about
    assert not refuses_rate(DeviceLost("16000 Hz", device="A"), 16_000)
