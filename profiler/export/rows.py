"""Advice as flat rows, one for each model and setting: what csv and parquet hold."""

from __future__ import annotations

from profiler.export.origin import is_verified, marks, timestamp
from profiler.export.target import Item
from profiler.model import Setting, SettingValue

Cell = str | int | float | bool | None

MODEL = (
    "manufacturer",
    "model",
    "soc",
    "os_build",
    "marketing_name",
    "platform",
    "use",
    "network",
)
SETTING = (
    "setting", "route", "value", "default", "confidence", "level", "rule", "reason", "test_ids",
    "results", "ci95_low", "ci95_high",
)  # fmt: skip
ORIGIN = (
    "devices", "runs", "oldest_at", "newest_at", "expires_at", "is_verified", "marks",
    "tool_versions", "probe_versions", "advice_sha256",
)  # fmt: skip
COLUMNS = (*MODEL, *SETTING, *ORIGIN)
"""Names of a row's cells. ``test_ids``, ``marks`` and versions are words with spaces between;
``value`` and ``default`` are texts of :func:`as_text`."""
INTEGERS = ("results", "devices", "runs")
NUMBERS = ("ci95_low", "ci95_high")
BOOLEANS = ("is_verified",)
_WORDS = {False: "false", True: "true"}


def as_text(value: SettingValue) -> str | None:
    """``true``, ``20``, ``software``; ``None`` stays ``None``: the system's own choice."""
    if value is None or isinstance(value, str):
        return value
    return _WORDS[value] if isinstance(value, bool) else str(value)


def model_cells(item: Item) -> tuple[Cell, ...]:
    """Under :data:`MODEL`: alike in all rows of an item."""
    advice, facts = item.advice, item.advice.facts
    key = facts.key
    return (
        key.manufacturer, key.model, key.soc, key.os_build, facts.marketing_name,
        facts.platform.value, advice.use.value, advice.network,
    )  # fmt: skip


def setting_cells(s: Setting) -> tuple[Cell, ...]:
    """Under :data:`SETTING`."""
    low, high = s.ci95 or (None, None)
    return (
        s.name, s.route, as_text(s.value), as_text(s.default), s.confidence.value, s.level.value,
        s.rule, s.reason, " ".join(s.test_ids), s.results, low, high,
    )  # fmt: skip


def origin_cells(item: Item) -> tuple[Cell, ...]:
    """Under :data:`ORIGIN`: alike in all rows of an item."""
    advice = item.advice
    return (
        advice.devices,
        advice.runs,
        timestamp(advice.oldest_at),
        timestamp(advice.newest_at),
        timestamp(item.expires_at),
        is_verified(item),
        " ".join(marks(item)),
        " ".join(advice.tool_versions),
        " ".join(advice.probe_versions),
        item.advice_sha256,
    )
