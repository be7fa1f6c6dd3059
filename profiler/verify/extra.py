"""What the optional extra brings, and what to say when it is not there."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata, util

from profiler.errors import InputError

HINT = "pip install 'chirpbench[verify]'"
MODULES = {
    "webrtc": "wrtc",
    "pesq": "pesq",
    "pystoi": "pystoi",
    "speechmos": "speechmos",
    "onnxruntime": "onnxruntime",
    "pywebrtc_audio": "pywebrtc-audio",
}
"""Import name to distribution."""


def require(modules: Iterable[str] = MODULES) -> None:
    """Raises :class:`InputError` that names every package that is not installed."""
    missing = [MODULES[name] for name in modules if util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"verification needs {', '.join(missing)}, which is not installed", hint=HINT
        )


def versions() -> dict[str, str]:
    """Installed version of every package, by distribution."""
    found = {}
    for name in MODULES.values():
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
