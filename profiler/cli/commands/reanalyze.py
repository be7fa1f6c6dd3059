"""``chirpbench reanalyze``: today's analysis on the recordings of stored trials."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterator

from rich.progress import Progress

from db import queries
from db.queries import ALL, Filter
from db.store import Store
from profiler.bench.reanalyse import OnTrial, Reanalysis, reanalyse
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.lookup import find_runs
from profiler.cli.place import open_to_read
from profiler.cli.tables import console
from profiler.cli.text import clean, plural

EXIT_EVIDENCE = 1


def execute(args: Namespace) -> int:
    """Analyse what is asked for; 1 when a recording is missing or damaged."""
    with open_to_read(args) as store:
        filters = [one for text in args.uuids for one in _filters(store, text)] or [ALL]
        with _progress() as observe:
            done = [
                reanalyse(store, where, workers=args.jobs, observe=observe) for where in filters
            ]
    total = Reanalysis(
        trials=sum(r.trials for r in done),
        changed=sum(r.changed for r in done),
        tests_changed=sum(r.tests_changed for r in done),
        problems=tuple(line for r in done for line in r.problems),
    )
    for line in total.problems:
        print(f"chirpbench reanalyze: {clean(line)}", file=sys.stderr)
    if args.json:
        print_json({"kind": "reanalysis", **plain(total)})
    else:
        console().print(
            f"{plural(total.trials, 'trial')} analysed again, {total.changed} changed; "
            f"{plural(total.tests_changed, 'test')} judged differently"
        )
    return EXIT_EVIDENCE if total.problems else 0


def _filters(store: Store, text: str) -> list[Filter]:
    """A trial by its whole UUID, else runs as ``results`` finds them."""
    trial = queries.trials(store, Filter(trial_uuid=text))
    if trial:
        return [Filter(run_uuid=trial[0].run_uuid, trial_uuid=text)]
    return [Filter(run_uuid=run.run_uuid) for run in find_runs(store, text)]


@contextlib.contextmanager
def _progress() -> Iterator[OnTrial | None]:
    if not sys.stderr.isatty():
        yield None
        return
    with Progress(console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("trials", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
