"""What this computer remembers of its phones: who holds one now, and which rest in quarantine."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from device_probes.android.errors import not_ready
from device_probes.android.states import Health
from device_probes.fields import Malformed, clean, loads, shown
from profiler.errors import DeviceError
from profiler.model import DeviceState

_MAX_FILE_BYTES = 1_000_000
_MAX_REASON_CHARS = 200
_LOOK_S = 0.05
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def state_folder(env: Mapping[str, str] | None = None) -> Path:
    """``$XDG_STATE_HOME/chirpbench``, by default ``~/.local/state/chirpbench``."""
    env = os.environ if env is None else env
    base = env.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local/state") / "chirpbench"


class Lease:
    """The sole use of one phone among all processes of this computer (``flock``).

    The kernel gives it back when the process ends, however it ends.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._file = folder / "locks" / f"{_name(key)}.lock"
        self._key = key
        self._held: IO[str] | None = None

    def take(self, wait_s: float = 0.5) -> None:
        """Take it; raises :class:`~profiler.errors.DeviceNotReady` (busy) when another has it.

        It waits a moment, as whoever looks whether it is taken holds it just as long.
        """
        if self._held is not None:
            return
        file = _opened(self._file, self._key)
        end = time.monotonic() + wait_s
        while not _locked(file):
            if time.monotonic() >= end:
                file.seek(0)
                holder = file.read(20).strip()
                file.close()
                who = f"process {holder}" if holder.isdigit() else "another process"
                raise not_ready(self._key, DeviceState.BUSY, f"{who} uses it")
            time.sleep(_LOOK_S)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._held = file

    @property
    def held(self) -> bool:
        """Whether this object has it."""
        return self._held is not None

    def taken_by_another(self) -> bool:
        """Whether some other holder has it just now."""
        if self._held is not None or not self._file.exists():
            return False
        with _opened(self._file, self._key) as file:
            return not _locked(file)

    def release(self) -> None:
        """Give it back. Never raises."""
        file, self._held = self._held, None
        if file is not None:
            with suppress(OSError):
                file.close()


class Ledger:
    """Failures and quarantines, in one small JSON file that several processes may share."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "phones.json"

    def health(self, key: str) -> Health:
        """How a phone has done lately; a file that cannot be read counts as empty."""
        return self._read().get(key, Health())

    def failed(self, key: str, reason: str) -> Health:
        """Count one failed run."""
        with self._changing(key) as all_of_them:
            before = all_of_them.get(key, Health())
            after = before.failed(clean(reason)[:_MAX_REASON_CHARS], time.time())
            all_of_them[key] = after
        return after

    def passed(self, key: str) -> None:
        """Forget the failures: a run passed, or a check by hand."""
        if key in self._read():
            with self._changing(key) as all_of_them:
                all_of_them.pop(key, None)

    def refuse_quarantined(self, key: str) -> None:
        """Raise :class:`~profiler.errors.DeviceNotReady` while a phone rests."""
        health, now_s = self.health(key), time.time()
        if health.quarantined(now_s):
            minutes = (health.until_s - now_s) / 60
            why = f"for {minutes:.0f} min more after {health.failures} failures: {health.reason}"
            raise not_ready(key, DeviceState.QUARANTINED, why)

    def _read(self) -> dict[str, Health]:
        try:
            if self._file.stat().st_size > _MAX_FILE_BYTES:
                return {}
            phones = loads(self._file.read_bytes()).get("phones")
        except (OSError, Malformed):
            return {}
        if not isinstance(phones, dict):
            return {}
        found = {key: _health(value) for key, value in phones.items()}
        return {key: health for key, health in found.items() if health is not None}

    @contextmanager
    def _changing(self, key: str) -> Iterator[dict[str, Health]]:
        """Read, change and replace the file while no other process does."""
        with _opened(self._file.with_suffix(".lock"), key) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            phones = self._read()
            yield phones
            text = json.dumps({"version": 1, "phones": {k: asdict(h) for k, h in phones.items()}},
                              indent=1)  # fmt: skip
            part = self._file.with_suffix(".part")
            try:
                part.write_text(text, "utf-8")
                part.replace(self._file)
            except OSError as exc:
                raise _unwritable(self._file, key, exc) from exc


def _health(value: Any) -> Health | None:
    if not isinstance(value, dict):
        return None
    failures, quarantines = value.get("failures"), value.get("quarantines")
    until, reason = value.get("until_s"), value.get("reason")
    counts = all(isinstance(n, int) and 0 <= n < 10**6 for n in (failures, quarantines))
    if not counts or not isinstance(until, int | float) or not isinstance(reason, str):
        return None
    return Health(int(failures or 0), int(quarantines or 0), float(until), clean(reason))


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _name(key: str) -> str:
    """A file name for an identity: readable, and never the same for two of them."""
    return f"{_UNSAFE.sub('_', key)[:40]}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _opened(file: Path, key: str) -> IO[str]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a+", encoding="utf-8")
    except OSError as exc:
        raise _unwritable(file, key, exc) from exc


def _unwritable(file: Path, key: str, exc: OSError) -> DeviceError:
    return DeviceError(
        f"{file} cannot be written ({shown(str(exc.strerror))})", device=key,
        hint="make that folder writable, or set XDG_STATE_HOME",
    )  # fmt: skip
