"""Names of exported files as downloads: two targets may call their file the same."""

from __future__ import annotations

from dashboard import text

MAX_CHARS = 120


def download_name(stem: str, target: str, file_name: str) -> str:
    """``Acme-A1-webrtc-sessions.json`` of ``Acme-A1-sessions.json``: what lies in one folder of
    downloads says which target it is for. ``stem`` names the model and is where names begin."""
    rest = file_name.removeprefix(f"{stem}-")
    if not rest.startswith((f"{target}.", f"{target}-", f"{target}_")):
        rest = f"{target}-{rest}"
    return text.file_name(stem, f"-{rest}", MAX_CHARS - len(rest))
