"""What a bench was about to change on an iPhone: a small file on this computer, one a phone.

An app cannot leave a file on an iPhone for the next host to find (decision 0010 is Android's), and
little is changed: the probe is launched in place of what was in front. The volume is put back by
the app itself as soon as its host is gone. The note says how the app was found, so that whoever
comes after a bench that was killed can give the phone back. It is read as untrusted input.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from device_probes.fields import Malformed, loads, shown
from device_probes.ios.answers import AppState
from device_probes.ios.bundles import is_bundle
from profiler.errors import DeviceError

_MAX_BYTES = 2000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_FOUND = {state.name.lower(): state for state in (AppState.NOT_RUNNING, AppState.FOREGROUND)}


@dataclass(frozen=True, slots=True)
class Before:
    """How a phone was before a bench launched the probe on it."""

    bundle: str
    """The app that was launched."""
    found: AppState
    """``FOREGROUND``: somebody had it open, and it is to be open again; else ``NOT_RUNNING``."""


class Notes:
    """The notes of one folder. Whoever writes one holds the phone's lease."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "iphones"

    def keep(self, key: str, before: Before) -> None:
        """Write it down, on the disk before this returns.

        Raises :class:`~profiler.errors.DeviceError` when that cannot be.
        """
        file = self._file(key)
        text = json.dumps(
            {"version": 1, "bundle": before.bundle, "found": before.found.name.lower()}
        )
        part = file.with_suffix(".part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            part.replace(file)
        except OSError as exc:
            raise DeviceError(
                f"{file} cannot be written ({shown(str(exc.strerror))}): nothing is started that "
                "could not be given back", device=key,
                hint="make that folder writable, or set XDG_STATE_HOME",
            ) from exc  # fmt: skip

    def read(self, key: str) -> Before | None:
        """What is written; ``None`` for nothing, and for what :meth:`keep` does not write."""
        file = self._file(key)
        try:
            if file.stat().st_size > _MAX_BYTES:
                return None
            values = loads(file.read_bytes())
        except (OSError, Malformed):
            return None
        bundle, found = values.get("bundle"), values.get("found")
        if values.get("version") != 1 or not isinstance(bundle, str) or not is_bundle(bundle):
            return None
        return Before(bundle, _FOUND[found]) if found in tuple(_FOUND) else None

    def forget(self, key: str) -> None:
        """The phone is as it was found. Never raises."""
        with suppress(OSError):
            self._file(key).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        return self._folder / f"{_UNSAFE.sub('_', key)[:40]}-{digest}.json"
