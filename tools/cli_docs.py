"""Write docs/cli.md from the parser; ``--check`` fails when the file is not current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from profiler.cli.arguments import build_parser

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """\
# The command line

This page is generated from the parser: run `make docs` after a change (`make check` fails until
then). Every command prints data as JSON
lines with `--json` (`analyze` to the file named there, `-` = the screen); numbers in JSON are
always finite, and what was not measured is `null`.

| exit code | meaning |
|---|---|
| 0 | done; a bad verdict is a result, not an error |
| 1 | a device, the store or the tool failed |
| 2 | a file, an argument or a serial cannot be used, or there is no device to measure |
| 130 | interrupted (Ctrl-C); every finished trial is stored, `run --resume` goes on |
| 141 | the reader of the output went away (`chirpbench results \\| head`) |

An error is one line on stderr that says what, where and what to do next; `CHIRPBENCH_DEBUG=1` adds
the traceback.
"""

NOTES = {
    "analyze": """\
Each JSON object has the fields `file`, `valid`, `verdict` (`pass`, `marginal`, `not_measurable`, or
`error` for a file that could not be read), `reasons`, `round_trip_latency_ms` (null when not
valid), `uncertainty_us` (1σ), `confidence` (0..1), `drift_ppm`, `snr_db`, `polarity` (+1 or -1),
`dropouts` (`time_s`, `duration_ms`, `kind`), `jumps` (`time_s`, `delta_ms`), `clipped_fraction`,
`band_hz` (low, high), `per_chirp_ms`, `tool_version`; and, beyond these, `analysis_version`,
`stimulus_id`, `rate_hz`, `duration_s`, `channel`, `error`.

The latency is the one at t = 0 of the recording, with frame 0 of the recording aligned to frame 0
of the stimulus file. Of a recording with several channels the first is analysed unless `--channel`
names another. Recordings are at most 15 minutes long. A recording that is too short or too quiet
is not an error: its verdict is `not_measurable`, with the reason. `--json OUT` appears under its
name only when it is complete.
""",
    "run": """\
`--virtual` needs no hardware. `--probe host` measures this computer's sound interface through a
loopback cable or over the air: the system's default one unless a SERIAL is given, as
`chirpbench devices` prints it. Without either, every Android phone that adb sees and every iPhone
that usbmuxd sees is measured ([android.md](android.md), [ios.md](ios.md)); with none connected it
says so and ends with exit code 2.

Progress goes to stderr: a live display on a terminal, a line an event elsewhere or with `--plain`.
The summary goes to stdout. With `--json` that is an object of `kind` `summary` for each model, path
and rate, one of `kind` `device` for each device, and one of `kind` `bench` at the end. The first
Ctrl-C cancels the running trials and keeps what is finished, the second ends at once; `--resume`
with the same options goes on with the devices of that run, or with those of them that are named.

Without `--bench`, virtual phones are in acoustic zones of their own and play at the same time,
unless a test of the suite wants a partner: then those of one zone of the fleet file hear each other
and take turns. With `--fast` nobody hears anybody ([virtual.md](virtual.md)).
""",
    "devices": """\
Without `--virtual` or `--probe` phones on adb, iPhones and the sound interfaces of this computer
are listed.
A phone is only asked, not woken and not changed. Exit code 0 also when there is none; 1 when
`--probe host` is given and the sound system does not answer, or `--probe web` and no browser is
here. With `--json`: `kind` `device`,
`uid`, `ref`, `facts` (null when it does not answer), `state` (`ready`, `unauthorized`,
`no_permission`, `offline`, `locked`, `busy`, `quarantined`, `unsuitable`, or `error`; of iPhones
also `untrusted`, `no_developer_mode`, `wda_missing`, `wda_expired`, `wda_hung`, `probe_missing`,
`probe_expired`, `port_closed`, see [ios.md](ios.md)), `problem` (what is wrong and the next step).
`--release` ends the rest of a phone that failed three runs in a row, when it answers. On an iPhone
it also closes the app that a killed bench left open ([ios.md](ios.md)).
""",
    "doctor": """\
Each line is `ok`, `warn` or `fail` with what was found and the next step. With `--json`: `kind`
`check`, `check`, `health`, `found`, `next_step`.
""",
    "stimulus": """\
With `--json` the description is printed as it is written to `S.json`, with `file` before it. The
same options always make the same files.
""",
    "reanalyze": """\
A trial whose estimate changes keeps the former one as superseded, and the tests of its run are
judged again. Exit code 1 when a recording is missing or damaged: its trial is left as it was.
""",
    "results": """\
UUID may be that of a run or of a whole bench, or its beginning. With `--json`: `kind` `run` for
each run and, when UUID is given, `kind` `trial` after it with `request` (what was asked), `report`
(what was granted and reported) and `estimate` (what was measured).
""",
    "models": """\
Only sessions of test L1 count. With `--json`: `kind` `summary`, one for each model, path and rate.
""",
    "compare": """\
For each path and rate that both were measured on: the shift A - B (Hodges-Lehmann) with its 95 %
interval, and whether A is `better`, `worse`, the `same` or `unclear`. On a path where they share no
rate each is taken at the rate with most sessions, with a caution: a part of the shift may be the
rate's. With `--json`: `kind` `comparison`, `rate_hz` of A, `rate_b_hz` of B.
""",
}


def render() -> str:
    """The whole page; it depends on the parser only, not on how this Python prints help."""
    parts = [HEAD]
    for name, command in subcommands(build_parser()).items():
        parts += [_section(name, command)]
    return "\n".join(parts)


def _section(name: str, command: argparse.ArgumentParser) -> str:
    shown = [a for a in command._actions if not isinstance(a, argparse._HelpAction)]
    usage = " ".join(["chirpbench", name, *(_usage(a) for a in shown)])
    rows = [f"| `{_name(a)}` | {(a.help or '').replace('|', chr(92) + '|')} |" for a in shown]
    head = f"## chirpbench {name}\n\n{command.description}\n\n"
    table = "\n".join(["| argument | meaning |", "|---|---|", *rows])
    note = NOTES.get(name, "")
    return f"{head}```text\n{usage}\n```\n\n{table}\n" + (f"\n{note}" if note else "")


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    value = str(action.metavar or action.dest.upper())
    return f"[={value}]" if action.nargs == "?" and action.option_strings else f" {value}"


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return _value(action).strip()
    return action.option_strings[-1] + _value(action)


def _usage(action: argparse.Action) -> str:
    name = _name(action)
    if not action.option_strings:
        name += " …" if action.nargs in ("*", "+") else ""
        return f"[{name}]" if action.nargs in ("*", "?") else name
    return name if action.required else f"[{name}]"


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every command's own parser by name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(action.choices)
    return found


def main() -> int:
    """Write the page, or compare it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    page = render()
    if not check:
        TARGET.write_text(page, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write("docs/cli.md is not current: run 'make docs'\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
