"""Every exception chirpbench raises on purpose.

::

    ChirpbenchError(message, hint)
      InputError(file)             a file the user named cannot be used
        StimulusError              a stimulus or its description is wrong
        PlanError(key, value, allowed)   bench.toml or a fleet file is wrong
      DeviceError(device)          a device cannot do what was asked
        DeviceNotFound  DeviceLost  DeviceTimeout
        DeviceNotReady(state)  InstallFailed(reason)
        ProbeError(device)         the probe answered, but wrongly
          ProbeVersionMismatch  ProbeProtocolError  ProbeRefused(code)
          ProbePermission  ProbeCrashed  ProbeBackground
      StoreError                   the store cannot be read or written
        SchemaTooNew  SchemaTooOld  EvidenceError

A poor measurement is none of these: it is a verdict with reasons.
Each message says what happened, where, and with which value; ``hint`` says what to do next.
"""

from __future__ import annotations


class ChirpbenchError(Exception):
    """Root of the tree. ``str()`` is one line for people; ``hint`` is the next step."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InputError(ChirpbenchError):
    """A file or an argument the user gave cannot be used."""

    exit_code = 2

    def __init__(self, message: str, *, file: str = "", hint: str = "") -> None:
        super().__init__(f"{file}: {message}" if file else message, hint=hint)
        self.file = file


class StimulusError(InputError):
    """A stimulus or its description is unreadable, inconsistent or out of range."""


class PlanError(InputError):
    """A plan file holds a wrong key or value."""

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        key: str = "",
        value: object = None,
        allowed: str = "",
    ) -> None:
        where = f"{key}: {message}" if key else message
        if value is not None:
            where += f" (got {value!r})"
        super().__init__(where, file=file, hint=f"allowed: {allowed}" if allowed else "")
        self.key = key
        self.value = value
        self.allowed = allowed


class DeviceError(ChirpbenchError):
    """A device is missing, lost, silent or refuses."""

    def __init__(self, message: str, *, device: str, hint: str = "") -> None:
        super().__init__(f"{device}: {message}", hint=hint)
        self.device = device


class DeviceNotFound(DeviceError):
    """No such device is connected."""


class DeviceLost(DeviceError):
    """The device went away while it was in use."""


class DeviceTimeout(DeviceError):
    """The device did not answer within its deadline."""


class DeviceNotReady(DeviceError):
    """The device is there and waits for a person; ``state`` is a ``DeviceState`` value."""

    def __init__(self, message: str, *, device: str, state: str, hint: str = "") -> None:
        super().__init__(message, device=device, hint=hint)
        self.state = state


class InstallFailed(DeviceError):
    """The probe could not be put on the device.

    ``reason`` is the system's own word, e.g. ``INSTALL_FAILED_USER_RESTRICTED``, or
    ``disk_full``.
    """

    def __init__(self, message: str, *, device: str, reason: str, hint: str = "") -> None:
        super().__init__(message, device=device, hint=hint)
        self.reason = reason


class ProbeError(DeviceError):
    """The probe on the device answered, but not as the contract says."""


class ProbeVersionMismatch(ProbeError):
    """The probe speaks another version of the contract."""


class ProbeProtocolError(ProbeError):
    """The probe sent something the contract does not allow."""


class ProbePermission(ProbeError):
    """The probe may not record: the permission is refused or the microphone is switched off."""


class ProbeCrashed(ProbeError):
    """The probe's process ended while it was in use."""


class ProbeBackground(ProbeError):
    """Another app came in front of the probe: the system then feeds it silence."""


class ProbeRefused(ProbeError):
    """The probe understood the request and says that the device cannot do it."""

    def __init__(self, message: str, *, device: str, code: str, hint: str = "") -> None:
        super().__init__(message, device=device, hint=hint)
        self.code = code


class StoreError(ChirpbenchError):
    """The store cannot be opened, read or written."""


class SchemaTooNew(StoreError):
    """The database was written by a newer chirpbench."""


class SchemaTooOld(StoreError):
    """The database was written by an older chirpbench, and whoever opened it may not upgrade it."""


class EvidenceError(StoreError):
    """An evidence file is missing, damaged or cannot be written."""
