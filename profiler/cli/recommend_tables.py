"""A recommendation for people: settings against defaults, cautions, budgets, one plain line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from profiler.budget import Pipeline
from profiler.budget.showing import budget_name, goal_scope, part_name
from profiler.cli.summary_table import VIRTUAL_MARK
from profiler.cli.tables import console, show, table
from profiler.cli.text import clean, model_text, plural
from profiler.model import (
    Advice,
    Budget,
    Confidence,
    Feasibility,
    Setting,
    SettingValue,
)
from profiler.recommend.saying import LEVEL_WORDS, conclusion, count_words, weakest_words

_CONFIDENCE = {
    Confidence.HIGH: "green",
    Confidence.MEDIUM: "",
    Confidence.LOW: "yellow",
    Confidence.ASSUMED: "dim",
}
_FEASIBLE = {
    Feasibility.POSSIBLE: ("keeps", "green"),
    Feasibility.UNCERTAIN: ("may keep", "yellow"),
    Feasibility.IMPOSSIBLE: ("misses", "red"),
}
MAX_REASON = 300


def show_advice(advice: Advice, pipelines: Mapping[str, Pipeline]) -> None:
    """Print it all; the conclusion last."""
    out = console()
    out.print(Text(_origin(advice)))
    show(_settings(advice))
    for caution in advice.cautions:
        line = Text(f"{clean(caution.code, 40)}: ", style="yellow")
        out.print(line.append(clean(caution.text), style="default"))
    show(_budgets(advice, pipelines))
    weakest = weakest_words(advice)
    if weakest:
        out.print(Text(clean(weakest, 1200)))
    out.print(Text(clean(conclusion(advice), 1200), style="bold"))


def heading(advice: Advice) -> str:
    """Whose settings, for what, on which network."""
    key = advice.facts.key
    name = advice.facts.marketing_name or f"{key.manufacturer} {key.model}"
    mark = f" ({VIRTUAL_MARK})" if advice.facts.is_virtual else ""
    return (
        f"{clean(name, 60)}{mark}, {clean(key.soc, 40) or 'SoC unknown'}: "
        f"{advice.use.value} on network {clean(advice.network, 40)}"
    )


def _origin(advice: Advice) -> str:
    """Which level answered, and how much it rests on."""
    if advice.newest_at is None:
        return f"{model_text(advice.facts.key)}: never measured"
    days = "" if advice.oldest_at is None else f"{advice.oldest_at:%Y-%m-%d} to "
    return (
        f"{model_text(advice.facts.key)}: from {LEVEL_WORDS[advice.level]}, "
        f"{plural(advice.devices, 'device')}, {plural(advice.runs, 'run')}, "
        f"{days}{advice.newest_at:%Y-%m-%d}"
    )


def _settings(advice: Advice) -> Table:
    columns = ("setting", "value", "default", "why", "confidence")
    rows = [_row(s) for group in _grouped(advice.settings) for s in group]
    return table(f"{heading(advice)}, {count_words(advice)}", columns, rows)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Equal settings of several routes, as one row."""

    setting: Setting
    routes: tuple[str, ...]


def _grouped(settings: Sequence[Setting]) -> list[list[_Shown]]:
    """Settings that hold everywhere, then those of routes, equal ones together."""
    everywhere = [_Shown(s, ()) for s in settings if not s.route]
    by_row: dict[tuple[str, SettingValue, str], list[Setting]] = {}
    for s in settings:
        if s.route:
            by_row.setdefault((s.name, s.value, s.reason), []).append(s)
    routed = [_Shown(group[0], tuple(s.route for s in group)) for group in by_row.values()]
    return [everywhere, routed]


def _row(shown: _Shown) -> tuple[object, ...]:
    s = shown.setting
    changed = s.changed
    name = f"{s.name} @ {', '.join(shown.routes)}" if shown.routes else s.name
    return (
        Text(name, style="bold" if changed else ""),
        Text(value(s.value), style="bold" if changed else ""),
        value(s.default) if changed else Text("same", style="dim"),
        clean(s.reason, MAX_REASON),
        _confidence(s),
    )


def _confidence(s: Setting) -> Text:
    cell = Text(s.confidence.value, style=_CONFIDENCE[s.confidence])
    if s.confidence is not Confidence.ASSUMED:
        tests = " ".join(clean(t, 8) for t in s.test_ids)
        cell.append(f" {LEVEL_WORDS[s.level]}, {tests}", style="dim")
    return cell


def value(setting: SettingValue) -> str:
    """As a person reads it."""
    if setting is None:
        return "system's"
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    return clean(setting, 60)


def _budgets(advice: Advice, pipelines: Mapping[str, Pipeline]) -> Table:
    columns = ("budget", ">ms", ">95 %", "parts in ms", "goals in ms")
    rows = [
        (
            clean(budget_name(budget, pipelines), 100),
            f"{budget.total_ms:.0f}",
            f"{budget.low_ms:.0f} … {budget.high_ms:.0f}",
            ", ".join(f"{part_name(p.name)} {p.ms:.0f}" for p in budget.parts),
            _goals(budget),
        )
        for budget in advice.budgets
    ]
    return table("budgets, and the goals that they keep, may keep or miss", columns, rows)


def _goals(budget: Budget) -> Text:
    """``keeps 400; may keep 197 (device); misses 150, 157 (device)``."""
    line = Text()
    for feasibility, (word, style) in _FEASIBLE.items():
        found = sorted(
            (g for g in budget.goals if g.feasibility is feasibility), key=lambda g: g.limit_ms
        )
        if found:
            limits = ", ".join(f"{goal_scope(g)}{g.limit_ms:.0f}" for g in found)
            blamed = dict.fromkeys(part_name(g.blame) for g in found if g.blame)
            why = f" ({', '.join(blamed)})" if blamed else ""
            line.append("; " if line else "").append(f"{word} {limits}{why}", style=style)
    return line
