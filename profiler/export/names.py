"""File names made of model names, which are untrusted: they never become paths unchecked."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from profiler.model import ModelKey

_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_OTHER = re.compile(r"[^a-z0-9]+")
MAX_STEM = 40
"""Characters of a model's name in a file name; the digest behind them keeps names apart."""


def is_safe(name: str) -> bool:
    """Whether ``name`` stays below its folder on every system: no ``..``, no hidden file."""
    return len(name) <= 200 and _SAFE.fullmatch(name) is not None and ".." not in name


def file_stem(key: ModelKey) -> str:
    """A file name for a model: readable, lower case, and different for different keys."""
    text = unicodedata.normalize("NFKD", f"{key.manufacturer} {key.model}").lower()
    slug = _OTHER.sub("-", text).strip("-")[:MAX_STEM].rstrip("-") or "model"
    fields = (key.manufacturer, key.model, key.soc, key.os_build)
    joined = "\0".join(f"{len(f)}:{f}" for f in fields)
    digest = hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug}-{digest[:10]}"
