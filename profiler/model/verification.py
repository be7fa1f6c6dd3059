"""Recommended settings beside the defaults in the real stack: what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from profiler.model.advice import SettingValue, UseCase
from profiler.model.device import ModelKey
from profiler.model.results import Difference


@dataclass(frozen=True, slots=True)
class Metric:
    """One quantity over repeated sessions."""

    name: str
    """e.g. ``mouth_to_ear_ms``, ``pesq``, ``concealed_percent``, ``erle_db``."""
    unit: str
    values: tuple[float, ...]
    """One per session, in the order of their seeds."""
    median: float
    ci95: tuple[float, float] | None
    """Of the median; ``None`` = too few sessions."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that were compared."""

    name: str
    """``recommended`` or ``default``."""
    settings: Mapping[str, SettingValue]
    metrics: tuple[Metric, ...]
    proofs: tuple[str, ...]
    """What shows that the settings and the network were really in force."""


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """Recommended against default in one metric, session by session of equal seeds."""

    name: str
    unit: str
    median: float
    ci95: tuple[float, float] | None
    margin: float
    """Smallest difference that counts."""
    difference: Difference


class Outcome(StrEnum):
    """Whether a recommendation holds."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    NOT_VERIFIED = "not_verified"
    """The network or a setting was not in force, or too few sessions ended well."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One comparison in the real stack."""

    verification_uuid: str
    advice_sha256: str
    """Of the settings that were verified: another recommendation is not verified by it."""
    model_key: ModelKey
    use: UseCase
    network: str
    sessions: int
    recommended: Side
    default: Side
    differences: tuple[MetricDifference, ...]
    outcome: Outcome
    text: str
    """One plain line."""
    predicted_mouth_to_ear_ms: float | None
    """Of the recommended side."""
    stack: Mapping[str, str]
    """Versions: libwebrtc, wrtc, AEC3, PESQ …"""
    verified_at: datetime
    tool_version: str
    is_virtual: bool
    """The phone's own measured part comes from a virtual phone."""
