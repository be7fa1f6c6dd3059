"""``adb reverse``: a port of the phone's own that leads to a port of this computer.

To a browser on the phone the page then comes from ``localhost``, which it trusts without a
certificate. The way ends with the phone's connection, also when nobody removes it.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from device_probes.android.errors import ServiceRefused
from device_probes.android.shell import Shell, exactly
from device_probes.fields import shown
from profiler.errors import DeviceError, ProbeProtocolError

_MAX_ANSWER_BYTES = 65_535
"""Four hex digits of length allow no more."""
_LISTED = re.compile(r"^\S{0,128} tcp:(\d{1,5}) tcp:(\d{1,5})$", re.M)
_WHAT = "adb reverse"


class PortTaken(DeviceError):
    """The phone's port is used by something else."""


def add(shell: Shell, phone_port: int, host_port: int) -> None:
    """Let ``phone_port`` on the phone lead to ``host_port`` here; never takes over another's.

    Raises :class:`PortTaken`, :class:`~profiler.errors.DeviceError` when the phone has no such
    thing, and what the shell raises.
    """
    try:
        refusal = _ask(shell, f"forward:norebind:tcp:{phone_port:d};tcp:{host_port:d}")
    except ServiceRefused as exc:
        raise DeviceError(
            "its adb daemon does not know adb reverse", device=shell.device,
            hint="reach its browser over Wi-Fi: chirpbench run --browser link --listen ADDRESS",
        ) from exc  # fmt: skip
    if refusal:
        raise PortTaken(
            f"the phone's port {phone_port} cannot be had ({shown(refusal, 80)})",
            device=shell.device, hint="close what listens there on the phone, then run again",
        )  # fmt: skip


def listed(shell: Shell) -> dict[int, int]:
    """The ways there are: port of the phone → port of this computer."""
    text = shell.adb.use(
        shell.transport_id, "reverse:list-forward", device=shell.device, what=_WHAT,
        timeout_s=shell.timeout_s, work=_counted,
    )  # fmt: skip
    return {int(phone): int(host) for phone, host in _LISTED.findall(text)}


def remove(shell: Shell, phone_port: int, host_port: int) -> None:
    """Take a way of ours back; one that is gone, or is another's by now, is left as it is."""
    with suppress(ServiceRefused):  # a phone that has none of them
        if listed(shell).get(phone_port) == host_port:
            _ask(shell, f"killforward:tcp:{phone_port:d}")


def _ask(shell: Shell, command: str) -> str:
    """``""`` when it was done, else why not."""

    def work(sock: socket.socket) -> str:
        status = exactly(sock, 4)
        if status == b"OKAY":
            return ""
        if status == b"FAIL":
            return _counted(sock) or "no reason given"
        raise ProbeProtocolError(
            f"{_WHAT} was answered with {shown(repr(status))}", device=shell.device,
            hint="this is no ordinary phone; leave it out",
        )  # fmt: skip

    return shell.adb.use(
        shell.transport_id, f"reverse:{command}", device=shell.device, what=_WHAT,
        timeout_s=shell.timeout_s, work=work,
    )  # fmt: skip


def _counted(sock: socket.socket) -> str:
    """Text behind its length in four hex digits."""
    size = int(exactly(sock, 4), 16)
    return exactly(sock, min(size, _MAX_ANSWER_BYTES)).decode("utf-8", "replace")
