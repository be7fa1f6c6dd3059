"""``chirpbench results``: what was measured, newest first."""

from __future__ import annotations

from argparse import Namespace

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.cli.causes import cause_of
from profiler.cli.jsonlines import print_json
from profiler.cli.lookup import find_runs
from profiler.cli.place import open_to_read
from profiler.cli.result_tables import StoredRun, run_heading, runs_table, tests_table, trials_table
from profiler.cli.tables import console, show
from profiler.model import RunRecord, TrialRecord


def execute(args: Namespace) -> int:
    """List the runs, or show those that are named with their trials."""
    with open_to_read(args) as store:
        if args.uuid:
            found = [_stored(store, run) for run in find_runs(store, args.uuid)]
            trials = {r.run.run_uuid: queries.trials_of(store, r.run.run_uuid) for r in found}
            _show_runs(found, trials, as_json=args.json)
        else:
            where = Filter(device_uid=args.device, limit=args.limit)
            newest = [_stored(store, run) for run in reversed(queries.runs(store, where))]
            _list_runs(newest, store.name, as_json=args.json)
    return 0


def _stored(store: Store, run: RunRecord) -> StoredRun:
    return StoredRun(
        run=run,
        facts=queries.facts_of(store, run.run_uuid),
        tests=tuple(queries.results(store, Filter(run_uuid=run.run_uuid))),
    )


def _list_runs(found: list[StoredRun], place: str, *, as_json: bool) -> None:
    if as_json:
        for stored in found:
            print_json(_run_fields(stored))
    elif found:
        show(runs_table(found))
    else:
        console().print(f"no runs in {place}")


def _show_runs(
    found: list[StoredRun], trials: dict[str, list[TrialRecord]], *, as_json: bool
) -> None:
    for stored in found:
        records = trials[stored.run.run_uuid]
        if as_json:
            print_json(_run_fields(stored))
            for trial in records:
                print_json(_trial_fields(trial))
        else:
            console().print(run_heading(stored, cause_of(records, stored.run.device_uid)))
            show(tests_table("tests", stored.tests))
            show(trials_table(records))


def _run_fields(stored: StoredRun) -> dict[str, object]:
    facts = stored.facts
    return {
        "kind": "run",
        **{name: getattr(stored.run, name) for name in RunRecord.__slots__},
        "model_key": facts.model_key if facts else None,
        "marketing_name": facts.marketing_name if facts else None,
        "is_virtual": facts.is_virtual if facts else None,
        "tests": stored.tests,
    }


def _trial_fields(trial: TrialRecord) -> dict[str, object]:
    return {"kind": "trial", **{name: getattr(trial, name) for name in TrialRecord.__slots__}}
