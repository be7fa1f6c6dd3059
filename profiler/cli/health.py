"""What ``doctor`` looks at: each check says how it is and, if need be, the next step."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import scipy
import soundfile

from db.store import Store
from device_probes.android import adb_path, probe_package
from device_probes.host.driver import discover
from device_probes.virtual import load_fleet
from device_probes.web.chromium import find_program
from profiler import __version__
from profiler.errors import ChirpbenchError

MIN_FREE_BYTES = 200_000_000
"""A smoke run of one device keeps about 20 MB of recordings."""
LOW_FREE_BYTES = 5_000_000_000
MAX_CLOCK_STEP_S = 1e-5
"""Progress and time-outs need far less; a coarser clock is a sign of an odd machine."""
MIN_PYTHON = (3, 11)
IOS_PROGRAMS = ("ideviceinfo", "ideviceprovision", "pymobiledevice3")
"""Optional: they ask a paired phone what usbmux alone does not tell."""
WEB_PACKAGES = ("websockets", "playwright", "cryptography", "segno")
UDEV_FOLDERS = ("/etc/udev/rules.d", "/lib/udev/rules.d", "/usr/lib/udev/rules.d")
SOUND_SERVERS = {"pipewire": "PipeWire", "pulseaudio": "PulseAudio", "jackd": "JACK"}


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``doctor``."""

    check: str
    health: Health
    found: str
    next_step: str = ""


def examine(db_url: str) -> Iterator[Finding]:
    """Every check, in order. Only ``fail`` means that chirpbench cannot work here."""
    checks: tuple[Callable[[], Finding], ...] = (
        python_version,
        libraries,
        clock,
        lambda: disk(db_url),
        lambda: store(db_url),
        virtual_fleet,
        portaudio,
        sound_servers,
        android,
        usb_rules,
        web,
        ios,
    )
    for check in checks:
        yield check()


def python_version() -> Finding:
    """chirpbench needs Python 3.11."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < MIN_PYTHON:
        return Finding("python", Health.FAIL, found, "install Python 3.11 or newer")
    if sys.prefix == sys.base_prefix:
        step = "install chirpbench in a venv of its own: its packages have short names"
        return Finding("python", Health.WARN, f"{found}, no venv", step)
    return Finding("python", Health.OK, found)


def libraries() -> Finding:
    """The libraries that were imported to get here, with libsndfile's own version."""
    found = (
        f"chirpbench {__version__}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"soundfile {soundfile.__version__} with {soundfile.__libsndfile_version__}"
    )
    if "FLAC" not in soundfile.available_formats():
        return Finding("libraries", Health.FAIL, found, "install a libsndfile with FLAC")
    return Finding("libraries", Health.OK, found)


def clock() -> Finding:
    """Resolution of the monotonic clock, as announced and as seen."""
    announced_s = time.get_clock_info("perf_counter").resolution
    seen_s = min(_clock_step_s() for _ in range(20))
    found = f"{announced_s * 1e9:.0f} ns announced, {seen_s * 1e9:.0f} ns seen"
    if max(announced_s, seen_s) > MAX_CLOCK_STEP_S:
        return Finding("clock", Health.WARN, found, "timings of progress will be coarse")
    return Finding("clock", Health.OK, found)


def _clock_step_s() -> float:
    start = now = time.perf_counter()
    while now == start:
        now = time.perf_counter()
    return now - start


def disk(db_url: str) -> Finding:
    """Room where the recordings will be kept."""
    folder = _store_folder(db_url)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        step = "name another store with --db"
        return Finding("disk", Health.FAIL, f"{folder}: {exc.strerror}", step)
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if free < MIN_FREE_BYTES:
        return Finding("disk", Health.FAIL, found, "free some space or name another store (--db)")
    if free < LOW_FREE_BYTES:
        return Finding("disk", Health.WARN, found, "a long bench fills this: recordings are kept")
    return Finding("disk", Health.OK, found)


def store(db_url: str) -> Finding:
    """The store opens with this version's schema, or can be created."""
    file = _store_file(db_url)
    if file is not None and not file.exists():
        if os.access(_store_folder(db_url), os.W_OK):
            return Finding("store", Health.OK, f"{file} does not exist yet; 'run' creates it")
        step = "give a folder you may write to with --db"
        return Finding("store", Health.FAIL, f"{file} cannot be created", step)
    try:
        with Store.open(db_url, create=False) as opened:
            found = f"{opened.name} opens"
    except ChirpbenchError as exc:
        return Finding("store", Health.FAIL, exc.message, exc.hint)
    if file is not None and not os.access(file, os.W_OK):
        return Finding("store", Health.WARN, f"{found}, read-only", "'run' cannot store into it")
    return Finding("store", Health.OK, found)


def _store_file(db_url: str) -> Path | None:
    """The SQLite file, ``None`` for a server."""
    if "://" not in db_url:
        return Path(db_url)
    kind, _, rest = db_url.partition("://")
    return Path(rest.removeprefix("/")) if kind.startswith("sqlite") else None


def _store_folder(db_url: str) -> Path:
    file = _store_file(db_url)
    return file.absolute().parent if file is not None else Path.cwd()


def virtual_fleet() -> Finding:
    """The packaged fleet loads: what ``run --virtual`` needs."""
    try:
        serials = load_fleet().serials
    except ChirpbenchError as exc:
        return Finding("virtual fleet", Health.FAIL, exc.message, "install chirpbench again")
    return Finding("virtual fleet", Health.OK, f"{len(serials)} virtual phones")


def portaudio() -> Finding:
    """PortAudio answers and lists interfaces: what ``--probe host`` needs."""
    try:
        found = discover()
    except ChirpbenchError as exc:
        return Finding("host probe", Health.WARN, exc.message, exc.hint)
    if not found:
        step = "connect a sound interface, or start a sound server; only --probe host needs it"
        return Finding("host probe", Health.WARN, "no interface that records and plays", step)
    names = ", ".join(ref.serial for ref in found)
    return Finding("host probe", Health.OK, names)


def sound_servers() -> Finding:
    """Which sound servers are installed; the virtual bench needs none."""
    found = [name for program, name in SOUND_SERVERS.items() if shutil.which(program)]
    if found:
        said = f"{', '.join(found)} (installed; whether one runs, 'devices --probe host,web' says)"
        return Finding("sound server", Health.OK, said)
    step = "only needed for --probe host and web; ALSA devices work without one"
    return Finding("sound server", Health.WARN, "none installed", step)


def android() -> Finding:
    """The adb program and the Android probe that came with chirpbench; no server is started."""
    try:
        probe, program = probe_package(), adb_path()
    except ChirpbenchError as exc:
        return Finding("android", Health.WARN, exc.message, exc.hint)
    size_kb = len(probe.data) / 1000
    found = f"probe {probe.version_name} ({size_kb:.0f} kB, protocol {probe.protocol}), {program}"
    return Finding("android", Health.OK, found)


def usb_rules() -> Finding:
    """On Linux a user needs the right to open phones on USB."""
    if platform.system() != "Linux" or os.geteuid() == 0:
        return Finding("usb", Health.OK, "no rules needed")
    if any(any(Path(p).glob("*android*.rules")) for p in UDEV_FOLDERS):
        return Finding("usb", Health.OK, "udev rules for phones are installed")
    step = "if a phone shows as no_permission: apt install android-sdk-platform-tools-common"
    return Finding("usb", Health.WARN, "no udev rules for phones", step)


def web() -> Finding:
    """The packages that serve the probe's page, and a Chromium; nothing is started."""
    lacking = [name for name in WEB_PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        found = f"not installed: {', '.join(lacking)}"
        return Finding("web probe", Health.WARN, found, "pip install 'chirpbench[web]'")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in WEB_PACKAGES)
    try:
        program = find_program()
    except ChirpbenchError as exc:
        step = f"{exc.hint}; browsers of phones need none"
        return Finding("web probe", Health.WARN, f"{exc.message}; {versions}", step)
    return Finding("web probe", Health.OK, f"{program}, {versions}")


def ios() -> Finding:
    """facebook-wda, and whether a usbmuxd answers; Debian's runs only while a phone is there."""
    from device_probes.ios.bench import IosBench
    from device_probes.ios.bundles import Bundles, chosen
    from device_probes.ios.errors import plainly

    try:
        apps = chosen()
        bench = IosBench(bundles=apps)
    except ChirpbenchError as exc:
        return Finding("ios", Health.WARN, exc.message, exc.hint)
    found = f"facebook-wda {importlib.metadata.version('facebook-wda')}"
    helpers = [name for name in IOS_PROGRAMS if shutil.which(name)]
    found += f", {', '.join(helpers)}" if helpers else ""
    found += f", the apps are {apps.probe} and {apps.wda}" if apps != Bundles() else ""
    try:
        bench.start()
        trouble = bench.trouble
    finally:
        bench.close()
    if trouble is not None:
        return Finding("ios", Health.WARN, f"{found}; {plainly(trouble)}", trouble.hint)
    if not helpers:
        step = "apt install libimobiledevice-utils: it tells trust, Developer Mode and signatures"
        return Finding("ios", Health.OK, f"{found}; {step}")
    return Finding("ios", Health.OK, found)
