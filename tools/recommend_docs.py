"""Write the tables of docs/recommend.md again; ``--check`` fails when the file is not current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from profiler.budget import GOALS, load_pipelines
from profiler.model import Knowledge, ModelFacts, ModelKey, Platform, SupportLevel, UseCase
from profiler.recommend import RULES, defaults

TARGET = Path(__file__).resolve().parent.parent / "docs" / "recommend.md"
_TOPICS = {
    "streams": "API, sharing, mode",
    "inputs": "Preset, rates, channels",
    "buffer": "Buffer",
    "browser": "In a browser",
    "echo": "Echo, noise, level",
    "codec": "Codec",
    "duplex": "Echo delay and barge-in",
    "playout": "Jitter buffer",
    "session": "Session",
    "agent": "Agent fields",
    "routes": "Routes",
}


def rules() -> str:
    """A table a topic, rows in the order in which they decide."""
    lines: list[str] = []
    topic = ""
    for rule in RULES:
        head, _, name = rule.id.partition(".")
        if head != topic:
            topic = head
            columns = "| rule | sets | when | then | reads | sources |"
            lines += ["", f"### {_TOPICS[topic]} (`{topic}.…`)", "", columns, "|---" * 6 + "|"]
        sets = ", ".join(f"`{s}`" for s in rule.sets) or "–"
        over = ", ".join(f"`{r.partition('.')[2]}`" for r in rule.overrides)
        then = f"{rule.then}; replaces {over}" if over else rule.then
        cells = (sets, rule.when, then, " ".join(rule.reads) or "–", ", ".join(rule.sources))
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines).strip("\n")


def stack() -> str:
    """What the default stack of Android and of iOS does."""
    android, ios = (_defaults(platform) for platform in (Platform.ANDROID, Platform.IOS))
    lines = ["| setting | Android | iOS |", "|---|---|---|"]
    lines += [f"| `{name}` | {_word(android[name])} | {_word(ios[name])} |" for name in android]
    return "\n".join(lines)


def _defaults(platform: Platform) -> dict[str, object]:
    name = "iOS" if platform is Platform.IOS else "Android"
    facts = ModelFacts(
        ModelKey("", "", "", ""), "", platform, name, "", None, "", 48_000, None, None, None,
        False, False, False,
    )  # fmt: skip
    nothing = Knowledge(
        facts, SupportLevel.DEFAULT, (), 0, 0, (), (), (), None, None, (), (), ()
    )  # fmt: skip
    return dict(defaults(nothing, UseCase.VOICE_AGENT))


def _word(value: object) -> str:
    return "the system's" if value is None else f"`{str(value).lower()}`"


def goals() -> str:
    """The goals with where they are from."""
    lines = ["| goal | limit | of | origin |", "|---|---|---|---|"]
    lines += [f"| `{g.name}` | {g.limit_ms:.0f} ms | `{g.scope}` | {g.origin} |" for g in GOALS]
    return "\n".join(lines)


def pipelines() -> str:
    """The built-in pipelines: figures, what they hold, where they are from."""
    head = "| pipeline | kind | parts in ms | its figures hold | source |"
    lines = [head, "|---|---|---|---|---|"]
    for p in load_pipelines().values():
        parts = ", ".join(
            f"{x.name} {x.ms:.0f} ({x.low_ms:.0f} to {x.high_ms:.0f}, {x.basis.value})"
            for x in p.parts
        )
        lines.append(f"| `{p.name}` | {p.kind} | {parts or '–'} | {p.contains} | {p.source} |")
    return "\n".join(lines)


TABLES = {"rules": rules, "stack": stack, "goals": goals, "pipelines": pipelines}


def render(page: str) -> str:
    """``page`` with every table between its marks written again."""
    for name, made in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, mark, rest = page.partition(begin)
        _, closing, after = rest.partition(end)
        if not mark or not closing:
            raise SystemExit(f"{TARGET.name}: the marks of table {name} are missing")
        page = f"{before}{begin}{made()}\n{end}{after}"
    return page


def main() -> int:
    """Write, or compare with ``--check``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the file is not current")
    args = parser.parse_args()
    page = TARGET.read_text("utf-8")
    wanted = render(page)
    if args.check and page != wanted:
        sys.stderr.write("docs/recommend.md is not current: run 'make docs'\n")
        return 1
    if not args.check:
        TARGET.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
