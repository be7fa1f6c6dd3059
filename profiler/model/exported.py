"""What an export target made of advice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file with its exact bytes."""

    name: str
    """Below the export folder; only letters, digits, ``.-_/``."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A setting that a target cannot express."""

    setting: str
    why: str


@dataclass(frozen=True, slots=True)
class Exported:
    """Everything one target made."""

    target: str
    files: tuple[ExportFile, ...]
    unsupported: tuple[Unsupported, ...]
    notes: tuple[str, ...]
    """For people: e.g. unprofiled models that a wildcard rule would catch."""


@dataclass(frozen=True, slots=True)
class ConsumerCheck:
    """What the real consumer of an exported file said."""

    target: str
    consumer: str
    """Name and version of the program that loaded it."""
    status: str
    """``accepted``, ``rejected``, ``unavailable`` (it could be installed here) or ``no_consumer``
    (no program on a bench can load the file)."""
    checked: int
    """Values compared with what was exported."""
    text: str
    """One plain line: what was compared, or what to install."""
