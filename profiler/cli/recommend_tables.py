"""A recommendation for people: settings against defaults, cautions, budgets, one plain line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from profiler.budget import DEFAULT_MOUTH_TO_EAR, MOUTH_TO_EAR, TURN, Pipeline
from profiler.cli.summary_table import VIRTUAL_MARK
from profiler.cli.tables import console, show, table
from profiler.cli.text import clean, plural
from profiler.model import (
    Advice,
    Budget,
    Confidence,
    Feasibility,
    Goal,
    Setting,
    SettingValue,
    SupportLevel,
)

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
_LEVELS = {
    SupportLevel.SAME_BUILD: "this build",
    SupportLevel.SAME_MODEL: "other build",
    SupportLevel.SAME_SOC: "same SoC",
    SupportLevel.SAME_MAKER: "same maker",
    SupportLevel.DEFAULT: "not measured",
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
        return f"{clean(advice.facts.key, 200)}: never measured"
    days = "" if advice.oldest_at is None else f"{advice.oldest_at:%Y-%m-%d} to "
    return (
        f"{clean(advice.facts.key, 200)}: from {_LEVELS[advice.level]}, "
        f"{plural(advice.devices, 'device')}, {plural(advice.runs, 'run')}, "
        f"{days}{advice.newest_at:%Y-%m-%d}"
    )


def _settings(advice: Advice) -> Table:
    columns = ("setting", "value", "default", "why", "confidence")
    rows = [_row(s) for group in _grouped(advice.settings) for s in group]
    return table(heading(advice), columns, rows)


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
    changed = s.value != s.default
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
        cell.append(f" {_LEVELS[s.level]}, {tests}", style="dim")
    return cell


def value(setting: SettingValue) -> str:
    """As a person reads it."""
    if setting is None:
        return "system's"
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    return clean(setting, 60)


def budget_name(budget: Budget, pipelines: Mapping[str, Pipeline]) -> str:
    """What a budget is of."""
    if budget.kind == DEFAULT_MOUTH_TO_EAR:
        return "mouth to ear, stack's defaults"
    if budget.kind == MOUTH_TO_EAR and not budget.pipeline:
        return "mouth to ear"
    pipeline = pipelines.get(budget.pipeline)
    title = budget.pipeline if pipeline is None else pipeline.title
    return f"{'mouth to ear over' if budget.kind == MOUTH_TO_EAR else 'turn:'} {clean(title, 80)}"


def _budgets(advice: Advice, pipelines: Mapping[str, Pipeline]) -> Table:
    columns = ("budget", ">ms", ">95 %", "parts in ms", "goals in ms")
    rows = [
        (
            budget_name(budget, pipelines),
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
            limits = ", ".join(f"{_scope(g)}{g.limit_ms:.0f}" for g in found)
            blamed = dict.fromkeys(part_name(g.blame) for g in found if g.blame)
            why = f" ({', '.join(blamed)})" if blamed else ""
            line.append("; " if line else "").append(f"{word} {limits}{why}", style=style)
    return line


def _scope(goal: Goal) -> str:
    """3GPP's goals are the terminal's: they leave the network out."""
    return "terminal " if goal.name.startswith("3gpp") else ""


def part_name(name: str) -> str:
    """A part of a budget in words."""
    return clean(name.replace("_", " "), 32)


def conclusion(advice: Advice) -> str:
    """One plain line: what changes, what it saves, what cannot be, how sure that is."""
    everywhere = [s for s in advice.settings if not s.route]
    changed = [s for s in everywhere if s.value != s.default]
    measured = [s for s in advice.settings if s.confidence is not Confidence.ASSUMED]
    words = [
        f"{len(changed)} of {plural(len(everywhere), 'setting')} differ from the stack's defaults",
        _saved(advice),
        *_impossible(advice),
        f"{len(measured)} of {len(advice.settings)} settings rest on measurements, "
        f"confidence {advice.confidence.value}",
    ]
    return "; ".join(w for w in words if w)


def _saved(advice: Advice) -> str:
    own = {b.kind: b for b in advice.budgets if not b.pipeline}
    ours, usual = own.get(MOUTH_TO_EAR), own.get(DEFAULT_MOUTH_TO_EAR)
    if ours is None or usual is None:
        return ""
    if round(ours.total_ms) == round(usual.total_ms):
        return f"mouth to ear {ours.total_ms:.0f} ms, as with the defaults"
    return f"mouth to ear {ours.total_ms:.0f} ms instead of {usual.total_ms:.0f} ms"


def _impossible(advice: Advice) -> list[str]:
    """The strictest goal of each kind that no budget can keep, and the part to blame."""
    words = []
    for kind, name in ((MOUTH_TO_EAR, "mouth to ear"), (TURN, "a turn")):
        budgets = [b for b in advice.budgets if b.kind == kind]
        lost = _lost(budgets)
        if lost is not None:
            words.append(
                f"{_scope(lost) or name + ' of '}{lost.limit_ms:.0f} ms is impossible, "
                f"blame {part_name(lost.blame)}"
            )
    return words


def _lost(budgets: Sequence[Budget]) -> Goal | None:
    """The loosest goal that every budget misses, of the budget that comes nearest."""
    if not budgets:
        return None
    nearest = min(budgets, key=lambda b: b.total_ms)
    missed = [g for g in nearest.goals if g.feasibility is Feasibility.IMPOSSIBLE]
    return max(missed, key=lambda g: g.limit_ms, default=None)
