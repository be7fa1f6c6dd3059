"""Optional programs that are paired with the phone and know more than lockdown tells a stranger.

``ideviceinfo`` and ``ideviceprovision`` (Debian: libimobiledevice-utils) and ``pymobiledevice3``
(GPL-3.0-or-later: only ever run as a program, never imported) are used when they are installed.
Each runs with a deadline, with bounded output and with no shell; what it prints came from a phone
and is read strictly. A program that is missing, fails or prints something else tells nothing.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from device_probes.fields import Malformed
from device_probes.ios.door import socket_address
from device_probes.ios.errors import LOCKDOWN_NUMBERS
from device_probes.ios.lockdown import Trust, trust_of
from device_probes.ios.plists import MAX_PLIST_BYTES
from device_probes.ios.signing import MAX_PROFILE_BYTES, Profile, read_profile

_UDID = re.compile(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}\Z|[0-9A-Fa-f]{40}\Z")
_AMFI = "com.apple.security.mac.amfi"
_ERROR = re.compile(r"\((-\d{1,3})\)\s*$|error code (-\d{1,3})\s*$", re.MULTILINE)
_PROFILE_ID = re.compile(r"^([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}) - ", re.M)
_MAX_PROFILES = 16
_END_S = 1.0


def is_udid(text: str) -> bool:
    """Whether a serial number may be handed to a program: usbmuxd passes on what the USB device
    says, and ``--help`` is no phone."""
    return bool(_UDID.match(text))


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended."""

    code: int | None
    """``None``: it was stopped, by the deadline or for printing too much."""
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class Privileges:
    """What only a paired computer can ask."""

    trust: Trust = Trust.UNKNOWN
    developer_mode: bool | None = None
    """``None``: not known, or an iOS before 16, which has none."""


Which = Callable[[str], str | None]


class Programs:
    """The programs of this computer, for the usbmuxd at ``socket_path``, which is spelled and left
    out as for :class:`.door.MuxDoor`; raises :class:`~profiler.errors.InputError` as that does.

    No method raises: these programs may only ever add to what is known.
    """

    def __init__(
        self, socket_path: str | None = None, *, timeout_s: float = 5.0, which: Which = shutil.which
    ) -> None:
        self._which = which
        self._timeout_s = timeout_s
        self._env = dict(os.environ, NO_COLOR="1", LC_ALL="C.UTF-8")
        spelled = socket_path or os.environ.get("USBMUXD_SOCKET_ADDRESS")
        if spelled:
            self._env |= _addresses(spelled)

    def privileges(self, udid: str) -> Privileges:
        """Trust and Developer Mode. An unpaired phone shows “Trust This Computer?” by this."""
        if not is_udid(udid):
            return Privileges()
        program = self._which("ideviceinfo")
        if program is not None:
            return self._by_ideviceinfo(program, udid)
        program = self._which("pymobiledevice3")
        if program is None:
            return Privileges()
        # Its start alone takes seconds, and it asks the same service.
        said = self._run([program, "amfi", "developer-mode-status", "--udid", udid], 3.0)
        if said.code != 0:
            return Privileges()
        mode = {b"true": True, b"false": False}.get(said.out.strip())
        return Privileges(Trust.UNKNOWN if mode is None else Trust.TRUSTED, mode)

    def profiles(self, udid: str) -> tuple[Profile, ...]:
        """The provisioning profiles on the phone; those that make no sense are left out.

        One by one and by an id that was checked: asked for all, ``ideviceprovision`` makes file
        names out of whatever ids the phone tells it.
        """
        program = self._which("ideviceprovision") if is_udid(udid) else None
        if program is None:
            return ()
        end_s = time.monotonic() + 2 * self._timeout_s
        listed = self._run([program, "-u", udid, "list"])
        ids = _PROFILE_ID.findall(listed.out.decode("utf-8", "replace"))
        found = []
        with (
            suppress(OSError),  # no room for the files: fewer are known
            tempfile.TemporaryDirectory(prefix="chirpbench-", ignore_cleanup_errors=True) as folder,
        ):
            for number in dict.fromkeys(ids[:_MAX_PROFILES]):
                if time.monotonic() > end_s:
                    break
                self._run([program, "-u", udid, "copy", number, folder])
                profile = _profile_in(Path(folder, f"{number}.mobileprovision"))
                if profile is not None:
                    found.append(profile)
        return tuple(found)

    def _by_ideviceinfo(self, program: str, udid: str) -> Privileges:
        said = self._run([program, "-u", udid, "-q", _AMFI, "-k", "DeveloperModeStatus"])
        if said.code is None:
            return Privileges()
        match = _ERROR.search(said.err)
        if match is not None:
            number = int(match[1] or match[2])
            return Privileges(trust_of(LOCKDOWN_NUMBERS.get(number, "")))
        if said.code != 0:
            return Privileges()
        mode = {b"true": True, b"false": False}.get(said.out.strip())
        return Privileges(Trust.TRUSTED, mode)  # it got past the handshake

    def _run(self, argv: Sequence[str], more: float = 1.0) -> Said:
        try:
            return run_bounded(argv, self._timeout_s * more, self._env)
        except OSError:
            return Said(None, b"", "")


def _addresses(spelled: str) -> dict[str, str]:
    """Where usbmuxd is, as libusbmuxd and as pymobiledevice3 read it."""
    family, where = socket_address(spelled)
    if family is socket.AF_UNIX:
        return {"USBMUXD_SOCKET_ADDRESS": f"UNIX:{where}", "PYMOBILEDEVICE3_USBMUX": where}
    return dict.fromkeys(("USBMUXD_SOCKET_ADDRESS", "PYMOBILEDEVICE3_USBMUX"), spelled)


def run_bounded(
    argv: Sequence[str], timeout_s: float, env: dict[str, str], max_bytes: int = MAX_PLIST_BYTES
) -> Said:
    """Run a program for at most ``timeout_s`` seconds and keep at most ``max_bytes`` of each of
    its outputs; what is left of it and of its children is killed. Raises ``OSError``."""
    end_s = time.monotonic() + timeout_s
    process = subprocess.Popen(  # noqa: S603 - no shell, and what a phone said is checked first
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    try:
        out, err, whole = _read_both(process, end_s, max_bytes)
        code = None
        if whole:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(max(end_s - time.monotonic(), 0.0))
        return Said(code, out, err.decode("utf-8", "replace"))
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _read_both(
    process: subprocess.Popen[bytes], end_s: float, max_bytes: int
) -> tuple[bytes, bytes, bool]:
    """Both outputs, and whether they ended by themselves within the bounds."""
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as ready:
        for pipe, buffer in ((process.stdout, out), (process.stderr, err)):
            assert pipe is not None
            ready.register(pipe, selectors.EVENT_READ, buffer)
        while ready.get_map() and (left_s := end_s - time.monotonic()) > 0:
            for key, _ in ready.select(left_s):
                part = os.read(key.fd, 65_536)
                key.data.extend(part)
                if len(key.data) > max_bytes:
                    return bytes(out[:max_bytes]), bytes(err[:max_bytes]), False
                if not part:
                    ready.unregister(key.fileobj)
        return bytes(out), bytes(err), not ready.get_map()


def _profile_in(path: Path) -> Profile | None:
    """The profile in a file that a program wrote."""
    try:
        if path.is_symlink() or path.stat().st_size > MAX_PROFILE_BYTES:
            return None
        return read_profile(path.read_bytes())
    except (OSError, Malformed):
        return None
