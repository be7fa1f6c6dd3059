"""``chirpbench doctor``: what is wrong on this computer, and the next step."""

from __future__ import annotations

from argparse import Namespace

from rich.text import Text

from profiler.cli.health import Finding, Health, examine
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.place import store_url
from profiler.cli.tables import console
from profiler.cli.text import clean

_STYLES = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "bold red"}


def execute(args: Namespace) -> int:
    """Print a line for each check, as it is made; 1 when something required fails."""
    failed = False
    for finding in examine(store_url(args)):
        failed = failed or finding.health is Health.FAIL
        if args.json:
            print_json({"kind": "check", **plain(finding)})
        else:
            console().print(_line(finding), soft_wrap=True)
    return 1 if failed else 0


def _line(finding: Finding) -> Text:
    line = Text(f"{finding.health.value:<5}", style=_STYLES[finding.health])
    line.append(f"{finding.check:<14}{clean(finding.found)}", style="default")
    if finding.next_step:
        line.append(f"; {clean(finding.next_step)}", style="default")
    return line
