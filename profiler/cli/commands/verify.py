"""``chirpbench verify MODEL``: recommended and default settings in the real stack."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from db.knowledge import save_verification
from profiler import __version__
from profiler.cli.advising import advise_model, asked_model, load_base, load_scene
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.place import open_store, store_url
from profiler.cli.tables import console, show, table
from profiler.cli.text import clean, model_text
from profiler.model import Difference, MetricDifference, Outcome, Side, Verification

STYLES = {
    Outcome.BETTER: "green",
    Outcome.SAME: "green",
    Outcome.WORSE: "bold red",
    Outcome.NOT_VERIFIED: "yellow",
}
_DIFFERENCES = {
    Difference.BETTER: "green",
    Difference.SAME: "",
    Difference.WORSE: "red",
    Difference.UNCLEAR: "yellow",
}
_CODES = {Outcome.WORSE: 1, Outcome.NOT_VERIFIED: 1}


def execute(args: Namespace) -> int:
    """Verify, print, store; 1 when the recommendation is worse or could not be verified."""
    from profiler.recommend import advice_sha256
    from profiler.verify import Stamp, at_once, device_delay, require, verify

    require()
    base = load_base(args)
    facts = asked_model(args, base)
    now, scene = datetime.now(UTC), load_scene(args)
    knowledge = base.knowledge(facts, now)
    advice = advise_model(args, base, facts, now, scene)
    if not args.json:
        print(
            f"chirpbench verify: {args.sessions} sessions a side of {args.seconds:g} s, "
            f"{at_once()} at a time",
            file=sys.stderr,
        )
    found = verify(
        advice,
        scenario=scene.network,
        device=device_delay(advice, knowledge),
        stamp=Stamp(advice_sha256(advice), now, __version__, advice.is_virtual),
        sessions=args.sessions,
        seconds=args.seconds,
        seed=args.seed,
        notify=_notify(quiet=args.json),
    )
    with open_store(store_url(args), create=False) as store:
        save_verification(store, found)
    if args.json:
        print_json({"kind": "verification", **plain(found)})
    else:
        report(found)
    return _CODES.get(found.outcome, 0)


def _notify(*, quiet: bool) -> Callable[[int, int], None] | None:
    """Progress on stderr: a line that rewrites itself on a terminal, none when piped."""
    if quiet or not sys.stderr.isatty():
        return None

    def show_progress(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\rchirpbench verify: {done} of {total} sessions", end=end, file=sys.stderr)
        sys.stderr.flush()

    return show_progress


def report(found: Verification) -> None:
    """Both sides, their differences, what proves them, and the outcome."""
    show(_comparison(found))
    show(_settings(found))
    screen = console()
    for side in (found.recommended, found.default):
        screen.print(Text(f"{side.name}:"))
        for line in side.proofs:
            screen.print(Text(f"  {clean(line, 300)}"))
    measured = next((m for m in found.recommended.metrics if m.name == "mouth_to_ear_ms"), None)
    if measured is not None and found.predicted_mouth_to_ear_ms is not None:
        screen.print(
            Text(
                f"mouth to ear predicted {found.predicted_mouth_to_ear_ms:.0f} ms, "
                f"measured {measured.median:.0f} ms"
            )
        )
    screen.print(Text(clean(found.text, 600), style=STYLES[found.outcome]))


def _comparison(found: Verification) -> Table:
    from profiler.verify import judged_of

    mark = " (virtual phones)" if found.is_virtual else ""
    title = (
        f"{model_text(found.model_key)}{mark}: {found.use.value} on network {found.network}, "
        f"{found.sessions} sessions a side"
    )
    columns = (
        "median, 95 %", ">recommended", ">default", ">difference", ">margin", "which is",
    )  # fmt: skip
    judged = frozenset(d.name for d in judged_of(found.differences))
    return table(title, columns, [_row(found, d, judged) for d in found.differences])


def _row(found: Verification, d: MetricDifference, judged: frozenset[str]) -> tuple[object, ...]:
    unit = "" if d.unit in ("1", "%") or d.name.endswith(f"_{d.unit.lower()}") else f"\n{d.unit}"
    cells: list[object] = [Text(d.name + unit)]
    digits = 1 if d.margin >= 1 else 2
    for side in (found.recommended, found.default):
        metric = next(m for m in side.metrics if m.name == d.name)
        cells.append(_with_interval(f"{metric.median:.{digits}f}", metric.ci95, digits))
    said = Text(d.difference.value, style=_DIFFERENCES[d.difference])
    if d.name not in judged:
        said = Text(f"({d.difference.value})", style="dim")
    return (
        *cells,
        _with_interval(f"{d.median:+.{digits}f}", d.ci95, digits),
        f"{d.margin:g}",
        said,
    )


def _with_interval(value: str, ci: tuple[float, float] | None, digits: int) -> Text:
    """Two lines: side by side they would not fit a terminal."""
    interval = "–" if ci is None else f"{ci[0]:.{digits}f} … {ci[1]:.{digits}f}"
    return Text(f"{value}\n{interval}")


def _settings(found: Verification) -> Table:
    """The settings in which the sides differ; what is left to the system is the default."""
    ours, theirs = found.recommended.settings, found.default.settings
    names = [n for n, value in ours.items() if value is not None and value != theirs.get(n)]
    rows = [(name, _value(found.recommended, name), _value(found.default, name)) for name in names]
    return table("settings that differ", ("setting", "recommended", "default"), rows)


def _value(side: Side, name: str) -> str:
    value = side.settings.get(name)
    return "–" if value is None else str(value)
