"""A recommendation as tables, bars and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from dashboard import links, look, text
from profiler.budget import Pipeline
from profiler.budget.showing import budget_name
from profiler.model import (
    Advice,
    Budget,
    Confidence,
    Setting,
    SettingValue,
)
from profiler.recommend import saying
from profiler.recommend.saying import LEVEL_WORDS

CONFIDENCE_SIGNS: Final[Mapping[Confidence, str]] = {
    Confidence.HIGH: "●●● high",
    Confidence.MEDIUM: "●●○ medium",
    Confidence.LOW: "●○○ low",
    Confidence.ASSUMED: "○○○ assumed",
}


# -- words --------------------------------------------------------------------------------------


def value_words(value: SettingValue) -> str:
    """As a person reads it."""
    if value is None:
        return "system's"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text.plain(value, 60)


def budget_words(budget: Budget, pipelines: Mapping[str, Pipeline]) -> str:
    """What a budget is of."""
    return text.plain(budget_name(budget, pipelines), 100)


def origin_words(advice: Advice) -> str:
    """Which level answered, and how much it rests on."""
    if advice.newest_at is None:
        return "never measured, and neither was a relative: every setting is a cautious default"
    first, last = advice.oldest_at, advice.newest_at
    since = "" if first is None or first.date() == last.date() else f"{first:%Y-%m-%d} to "
    return (
        f"from {LEVEL_WORDS[advice.level]}, {text.plural(advice.devices, 'device')}, "
        f"{text.plural(advice.runs, 'run')}, {since}{advice.newest_at:%Y-%m-%d}"
    )


# -- settings -----------------------------------------------------------------------------------


def settings_frame(advice: Advice) -> pd.DataFrame:
    """A row a setting; equal ones of several routes are one row."""
    rows = [_setting_row(s, routes) for s, routes in _grouped(advice.settings)]
    return pd.DataFrame(rows, columns=[*_SETTINGS])


def change_words(advice: Advice) -> str:
    """``20 settings to change, and 2 on some routes only``: the first is the conclusion's count."""
    lines = [routes for s, routes in _grouped(advice.settings) if s.changed]
    routed = sum(bool(routes) for routes in lines)
    more = f", and {routed} on some routes only" if routed else ""
    return f"{text.plural(len(lines) - routed, 'setting')} to change{more}"


def count_words(advice: Advice) -> str:
    """``All 45 settings, 53 with those of single routes``."""
    return f"All {saying.count_words(advice)}"


def changed_lines(advice: Advice) -> pd.DataFrame:
    """The settings that differ from the default, as Markdown for a table whose lines wrap."""
    rows = []
    for s, routes in _grouped(advice.settings):
        if not s.changed:
            continue
        row = _setting_row(s, routes)
        link = row["evidence"]
        rows.append(
            {
                "setting": text.md(row["setting"], 160),
                "value": f"**{text.md(row['value'])}**",
                "default": text.md(row["default"]),
                "why": text.md(row["why"], 400),
                "confidence": f"{row['confidence']}, {text.md(row['from'])}"
                if row["results"]
                else row["confidence"],
                "evidence": f"[trial]({link})" if link else "–",
            }
        )
    return pd.DataFrame(
        rows, columns=["setting", "value", "default", "why", "confidence", "evidence"]
    )


_SETTINGS: Final = (
    "changed", "setting", "value", "default", "why", "confidence", "from", "results", "interval",
    "evidence", "rule",
)  # fmt: skip


def _grouped(settings: Sequence[Setting]) -> list[tuple[Setting, tuple[str, ...]]]:
    """Settings that hold everywhere, then those of routes, equal ones together."""
    routed: dict[tuple[str, SettingValue, str], list[Setting]] = {}
    for s in settings:
        if s.route:
            routed.setdefault((s.name, s.value, s.reason), []).append(s)
    alone: list[tuple[Setting, tuple[str, ...]]] = [(s, ()) for s in settings if not s.route]
    return alone + [(group[0], tuple(s.route for s in group)) for group in routed.values()]


def _setting_row(s: Setting, routes: Sequence[str]) -> dict[str, Any]:
    tests = ", ".join(text.plain(t, 8) for t in s.test_ids)
    measured = s.confidence is not Confidence.ASSUMED
    low, high = s.ci95 or (None, None)
    trial = s.trial_uuids[0] if s.trial_uuids else ""
    return {
        "changed": "✓" if s.changed else "",
        "setting": f"{s.name} @ {', '.join(routes)}" if routes else s.name,
        "value": value_words(s.value),
        "default": value_words(s.default) if s.value != s.default else "same",
        "why": text.plain(s.reason, 400),
        "confidence": CONFIDENCE_SIGNS[s.confidence],
        "from": f"{LEVEL_WORDS[s.level]}, {tests}" if measured else "not measured",
        "results": s.results if measured else None,
        "interval": "" if low is None else look.interval(low, high, unit=""),
        "evidence": links.link_to("evidence", trial=trial) if trial else None,
        "rule": s.rule,
    }


def evidence_frame(advice: Advice) -> pd.DataFrame:
    """Every recording behind the settings, once, with the settings that rest on it."""
    behind: dict[str, list[str]] = {}
    for s in advice.settings:
        for trial in s.trial_uuids:
            names = behind.setdefault(trial, [])
            if s.name not in names:
                names.append(s.name)
    return pd.DataFrame(
        [
            {"trial": text.plain(trial, 40), "settings": ", ".join(names),
             "open": links.link_to("evidence", trial=trial)}
            for trial, names in behind.items()
        ],
        columns=["trial", "settings", "open"],
    )  # fmt: skip
