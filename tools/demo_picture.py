"""Draw docs/img/demo.svg: every stream open of a smoke run over the packaged virtual phones.

The numbers come from the run that this script makes, on the fast virtual clock.
Run: ``python tools/demo_picture.py``
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

OUT = Path(__file__).resolve().parent.parent / "docs" / "img" / "demo.svg"
CHIRPBENCH = Path(sys.executable).parent / "chirpbench"
WIDTH, LEFT, RIGHT, ROW, TOP = 860, 190, 230, 34, 66
FIRST_MS, LAST_MS = 20.0, 500.0
# The same colour means the same verdict everywhere; readable on white and on black.
COLOURS = {"pass": "#2e8b57", "marginal": "#c98a00", "fail": "#d0454c", "not_measurable": "#8a63c9"}
GREY = "#808080"


def chirpbench(folder: str, *words: str) -> list[dict[str, Any]]:
    """Run a command in ``folder``; its JSON lines."""
    done = subprocess.run(  # noqa: S603 - our own program, words of ours
        [CHIRPBENCH, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def measured() -> list[dict[str, Any]]:
    """One row a phone: its summary and the latency of each L1 open."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 - our own program
            [CHIRPBENCH, "run", "--virtual", "--fast"], cwd=folder, check=True, capture_output=True
        )
        opens = {}
        for run in chirpbench(folder, "results", "--json"):
            lines = chirpbench(folder, "results", run["run_uuid"], "--json")
            opens[json.dumps(run["model_key"])] = [
                t["estimate"]["round_trip_latency_ms"]
                for t in lines
                if t["kind"] == "trial" and t["test_id"] == "L1" and t["estimate"]["valid"]
            ]
        rows = chirpbench(folder, "models", "--json")
    for row in rows:
        row["opens"] = opens[json.dumps(row["model_key"])]
    return sorted(rows, key=lambda r: r["median_ms"] or math.inf)


def x_of(ms: float) -> float:
    """Logarithmic axis."""
    share = math.log(ms / FIRST_MS) / math.log(LAST_MS / FIRST_MS)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def text(
    x: float, y: float, words: str, *, size: int = 13, colour: str = GREY, more: str = ""
) -> str:
    """A line of text; everything from a device is escaped."""
    place = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" {more}'
    return f"<text {place}>{escape(words)}</text>"


def line(x: float, y1: float, y2: float, *, colour: str, more: str) -> str:
    """A vertical line."""
    return f'<line x1="{x:.1f}" y1="{y1:.0f}" x2="{x:.1f}" y2="{y2:.0f}" stroke="{colour}" {more}/>'


def axis(height: float) -> Iterator[str]:
    """Title, grid and units."""
    yield text(16, 26, "Round trip of each stream open, by virtual phone (make demo)", size=16)
    for ms in (20, 50, 100, 200, 500):
        x = x_of(ms)
        yield line(x, TOP - 12, height - 34, colour=GREY, more='stroke-opacity="0.3"')
        yield text(x, height - 16, f"{ms} ms", more='text-anchor="middle"')
    yield text(WIDTH - RIGHT + 24, TOP - 18, "median ± 1σ of one open; L1 verdict", size=11)


def phone(y: float, row: dict[str, Any]) -> Iterator[str]:
    """Name, a dot an open, the median as a line, the number and the verdict."""
    l1 = next(t for t in row["tests"] if t["test_id"] == "L1")
    colour = COLOURS[l1["verdict"]]
    yield text(16, y, row["marketing_name"])
    yield text(16, y + 13, row["model_key"]["soc"], size=10)
    for ms in row["opens"]:
        at = f'cx="{x_of(ms):.1f}" cy="{y - 2:.0f}"'
        yield f'<circle {at} r="5" fill="{colour}" fill-opacity="0.55"/>'
    number = "no number"
    if row["median_ms"] is not None:
        x = x_of(row["median_ms"])
        yield line(x, y - 11, y + 7, colour=colour, more='stroke-width="2"')
        number = f"{row['median_ms']:.2f} ± {row['uncertainty_us'] / 1000:.3f} ms"
    yield text(WIDTH - RIGHT + 24, y, number)
    reasons = ", ".join(l1["reasons"][:2]).replace("_", " ")
    words = l1["verdict"].replace("_", " ") + (f": {reasons}" if reasons else "")
    yield text(WIDTH - RIGHT + 24, y + 13, words, size=10, colour=colour)


def picture(rows: Iterable[dict[str, Any]]) -> str:
    """The whole SVG."""
    rows = list(rows)
    height = TOP + ROW * len(rows) + 44
    parts = list(axis(height))
    for i, row in enumerate(rows):
        parts.extend(phone(TOP + 12 + ROW * i, row))
    size = f'viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    return "\n".join([head, *parts, "</svg>", ""])


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(picture(measured()), encoding="utf-8")
