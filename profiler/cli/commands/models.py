"""``chirpbench models``: round-trip latency per model and path."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from db import queries
from db.queries import Filter
from profiler.cli.jsonlines import print_json
from profiler.cli.lookup import LATENCY_TESTS, fits
from profiler.cli.place import open_to_read
from profiler.cli.summary_table import footnotes, summary_fields, summary_table
from profiler.cli.tables import console, show
from profiler.cli.text import clean
from profiler.model import ModelKey, TestResult
from profiler.summary import summarise


def execute(args: Namespace) -> int:
    """Summarise every stored session of the latency test."""
    with open_to_read(args) as store:
        found = summarise(queries.sessions(store, Filter(test_ids=LATENCY_TESTS)))
        tests = tests_by_model(queries.latest_tests(store))
        place = store.name
    if args.model:
        found = [s for s in found if fits(args.model, s.model_key, s.marketing_name)]
    if args.json:
        for summary in found:
            print_json(summary_fields(summary, tests.get(summary.model_key, ())))
    elif found:
        show(summary_table("", found, tests))
        for line in footnotes(found):
            console().print(line)
    else:
        what = f" that fit {clean(args.model, 60)!r}" if args.model else ""
        console().print(f"no measured models{what} in {place}")
    return 0


def tests_by_model(latest: Sequence[queries.LatestTest]) -> dict[ModelKey, list[TestResult]]:
    """The newest result of each test on each device, by model."""
    found: dict[ModelKey, list[TestResult]] = {}
    for entry in latest:
        found.setdefault(entry.facts.model_key, []).append(entry.result)
    return found
