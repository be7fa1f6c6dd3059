"""``chirpbench analyze``: recordings in files to numbers with verdicts."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from profiler.cli.jsonlines import STDOUT, dumps, open_output
from profiler.cli.offline import FileOutcome, json_fields, measure_files
from profiler.cli.offline_echo import analyze_echo
from profiler.cli.offline_exchange import analyze_exchange
from profiler.cli.offline_glitches import analyze_glitches
from profiler.cli.offline_table import offline_table
from profiler.cli.tables import show
from profiler.cli.text import clean
from profiler.errors import InputError
from profiler.model import StimulusSpec
from profiler.stimulus import read_stimulus

_AUDIO = (".wav", ".flac", ".ogg", ".aif", ".aiff", ".caf", ".w64")


def execute(args: Namespace) -> int:
    """Analyse every file; 2 when one could not be read, 1 when the tool failed on one."""
    _refuse_overwriting(args)
    if args.exchange or args.plan:
        return analyze_exchange(args)
    if args.glitches or args.tone_hz is not None:
        return analyze_glitches(args)
    if args.echo:
        return analyze_echo(args)
    spec = read_stimulus(Path(args.stimulus))
    outcomes = _as_json(args, spec) if args.json else _as_table(args, spec)
    if any(o.unreadable for o in outcomes):
        return 2
    return 1 if any(o.problem for o in outcomes) else 0


def _as_json(args: Namespace, spec: StimulusSpec) -> list[FileOutcome]:
    outcomes = []
    with open_output(args.json) as out:
        for outcome in measure_files(args.recordings, spec, channel=args.channel, jobs=args.jobs):
            out.write(dumps(json_fields(outcome, spec)) + "\n")
            outcomes.append(_reported(outcome))
    return outcomes


def _as_table(args: Namespace, spec: StimulusSpec) -> list[FileOutcome]:
    files = measure_files(args.recordings, spec, channel=args.channel, jobs=args.jobs)
    outcomes = [_reported(outcome) for outcome in files]
    measured = [o for o in outcomes if o.estimate]
    if measured:
        show(offline_table(measured))
    return outcomes


def _reported(outcome: FileOutcome) -> FileOutcome:
    if outcome.problem:
        print(f"chirpbench analyze: {clean(outcome.problem)}", file=sys.stderr)
    return outcome


def _refuse_overwriting(args: Namespace) -> None:
    """``--json`` takes the next word as its file: never a recording, nor the stimulus."""
    if args.json is None or args.json == STDOUT:
        return
    out = Path(args.json)
    named = [*args.recordings, *(args.echo or ()), *(args.exchange or ()), *(args.glitches or ())]
    named += [args.plan] if args.plan else []
    if args.stimulus is not None:
        named += [args.stimulus, str(Path(args.stimulus).with_suffix(".json"))]
    if out.suffix.lower() in _AUDIO or any(out.absolute() == Path(p).absolute() for p in named):
        raise InputError(
            "would be overwritten by --json", file=args.json, hint="give --json OUT.json, or -"
        )
