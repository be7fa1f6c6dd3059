"""Help as entries to look through: figures, verdicts, reasons, tests with their limits, colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from dashboard import look
from dashboard.text import no_paths
from dashboard.views.figures import FIGURES, SEPARATOR
from dashboard.views.glossary import WORDS
from profiler.budget.showing import PART_COLORS, part_name
from profiler.catalogue import LIMITS, SUITES, TESTS, CatalogueTest, Limit
from profiler.model import Verdict
from profiler.summary.reason_words import REASON_WORDS

GROUPS = ("Figures", "Verdicts", "Reasons", "Tests", "Words", "Colours")

OF_A_TEST, OF_A_TRIAL = "Of a test: what the phone is worth", "Of a trial: what its recording is"
VERDICTS = {
    Verdict.PASS: "The number is within the limit of the test, its whole 95 % interval included.",
    Verdict.MARGINAL: "Between the limits, or the interval reaches over one, or it was measured "
    "too seldom to prove more.",
    Verdict.FAIL: "Beyond the limit with the whole 95 % interval, or for what its reasons name: "
    "no_safe_buffer, for example, is given at any rate when no size was free of glitches.",
    Verdict.NOT_MEASURABLE: "There is no number, because the signal does not support one. The "
    "reasons say why.",
    Verdict.ERROR: "There is no measurement: the device or the tool failed.",
    Verdict.SKIPPED: "Not tried, because something it needs was not there.",
}
TRIAL_VERDICTS = {
    Verdict.PASS: "It was measured and there is nothing to say. A slow phone gives valid "
    "recordings, too: whether the phone is good says the test. (`pass` in exported files.)",
    Verdict.MARGINAL: "It was measured; the reasons say what to know about it, such as a lost "
    "frame or noise. (`marginal` in exported files.)",
    Verdict.NOT_MEASURABLE: "The recording supports no number. Opens of this sort are the ones "
    "that are counted as rejected.",
    Verdict.ERROR: "There is no recording, or it was lost: the device or the tool failed.",
    Verdict.SKIPPED: "Not tried.",
}
_HARDWARE = {
    "H0": "the phone only",
    "H1": "a partner in the same zone: the bench's sound interface or another phone",
    "H3": "a Bluetooth headset or a second phone",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is explained."""

    group: str
    title: str
    where: str
    """The page of a figure, the suites of a test; may be empty."""
    body: str
    """HTML made of our own texts."""
    words: str
    """What a search looks through, in lower case."""


@cache
def entries() -> tuple[Entry, ...]:
    """Everything, in the order of :data:`GROUPS`."""
    found = [
        _entry("Figures", title, said, where=page)
        for page, figures in FIGURES.items()
        for title, said in figures.items()
    ]
    found += [
        _entry(
            "Verdicts", look.verdict_words(v), said, where=OF_A_TEST, color=look.VERDICT_COLORS[v]
        )
        for v, said in VERDICTS.items()
    ]
    found += [
        _entry("Verdicts", look.trial_words(v), said, where=OF_A_TRIAL, color=look.TRIAL_COLORS[v])
        for v, said in TRIAL_VERDICTS.items()
    ]
    found += [
        _entry("Reasons", reason, no_paths(said), code=True)
        for reason, said in REASON_WORDS.items()
    ]
    found += [_test(test) for test in TESTS.values()]
    found += [_entry("Words", title, said) for title, said in WORDS.items()]
    return (*found, *_colours())


def search(text: str, found: Iterable[Entry] | None = None) -> list[Entry]:
    """The entries that hold every word of ``text``: first what is called so, then those that hold
    it in their title."""
    asked = text.casefold().strip()
    words = asked.split()
    pool = entries() if found is None else found
    hits = [e for e in pool if all(w in e.words for w in words)]

    def order(entry: Entry) -> tuple[bool, bool]:
        title = entry.title.casefold()
        return asked not in title.split(SEPARATOR), not all(w in title for w in words)

    return sorted(hits, key=order)


def names(entry: Entry) -> tuple[str, ...]:
    """What an entry explains: each of the names in its title."""
    return tuple(entry.title.split(SEPARATOR))


def of_group(group: str) -> list[Entry]:
    """The entries of one group."""
    return [e for e in entries() if e.group == group]


def _entry(
    group: str, title: str, said: str, *, where: str = "", color: str = "", code: bool = False
) -> Entry:
    head = f"<code>{escape(title)}</code>" if code else escape(title)
    if color:
        head = f'<span style="color:{color}">{head}</span>'
    body = f"<dt>{head}</dt><dd>{inline(said)}</dd>"
    return Entry(group, title, where, body, f"{title} {where} {said}".casefold())


def inline(said: str) -> str:
    """Our own text with `code` and *emphasis* in it as HTML."""
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(said.split())))
    return re.sub(r"(?<!\w)\*(\w[^*<>]*\w)\*(?!\w)", r"<em>\1</em>", coded)


def _test(test: CatalogueTest) -> Entry:
    page = test.page
    suites = [name for name, tests in SUITES.items() if test.test_id in tests]
    limits = [limit for (test_id, _), limit in LIMITS.items() if test_id == test.test_id]
    rows = (
        ("needs", f"{page.hardware}: {_HARDWARE[page.hardware[:2]]}"),
        ("plays", page.stimulus),
        ("measures", page.measured),
        ("how", page.method),
        ("decides", ", ".join(f"`{s}`" for s in page.drives) or "–"),
        ("suites", ", ".join(suites) or "none; name it in `tests` of bench.toml"),
    )
    lines = "".join(f"<tr><td>{name}</td><td>{inline(said)}</td></tr>" for name, said in rows)
    body = (
        f"<dt>{test.test_id} · {inline(test.title)}</dt><dd>{inline(page.question)}"
        f"<details><summary>how, and its limits</summary><table>{lines}</table>"
        f"{_limits(limits)}</details></dd>"
    )
    title = f"{test.test_id} {test.title}"
    said = " ".join((page.question, *(said for _, said in rows), *(x.quantity for x in limits)))
    return Entry("Tests", title, ", ".join(suites), body, f"{title} {said}".casefold())


def _limits(rows: Sequence[Limit]) -> str:
    if not rows:
        return "<p>No limits: what is found is described.</p>"
    head = "".join(f"<th>{t}</th>" for t in ("quantity", "pass", "fail", "sources"))
    lines = "".join(
        f"<tr><td><code>{escape(row.quantity)}</code></td><td>{inside} {row.pass_limit:g} "
        f"{escape(row.unit)}</td><td>{beyond} {row.fail_limit:g} {escape(row.unit)}</td>"
        f"<td>{inline(row.pass_source)}; {inline(row.fail_source)}</td></tr>"
        for row in rows
        for inside, beyond in (map(escape, _signs(row)),)
    )
    return f"<table><tr>{head}</tr>{lines}</table>"


def _signs(row: Limit) -> tuple[str, str]:
    larger = row.larger_is_better
    inside = ("≥" if larger else "≤") if row.pass_includes else (">" if larger else "<")
    beyond = ("≤" if larger else "≥") if row.fail_includes else ("<" if larger else ">")
    return inside, beyond


def _colours() -> list[Entry]:
    legend = {
        "Verdicts of a test": {
            look.verdict_words(v): color for v, color in look.VERDICT_COLORS.items()
        },
        "A trial's recording": {
            look.trial_words(v): look.TRIAL_COLORS[v] for v in look.TRIAL_VERDICTS
        },
        "Charts": {
            "one thing alone: a latency, a curve": look.MAIN,
            "the rest of the fleet, what is outside the choice": look.MUTED,
            "unlike its peers (no verdict)": look.STANDS_OUT,
            "dashed: from here on it is marginal": look.VERDICT_COLORS[Verdict.MARGINAL],
            "dashed: from here on it fails; a goal of a delay budget": look.LIMIT,
            "granted something else than requested": look.GRANTED,
            "removed by the echo canceller": look.ECHO_ON,
        },
        "Compare": {f"{i + 1}. in the order of choice": c for i, c in enumerate(look.SERIES)},
        "Delay budgets": {part_name(name): color for name, color in PART_COLORS.items()},
    }  # fmt: skip
    return [
        Entry(
            "Colours",
            title,
            where,
            f'<dt><i style="background:{color}"></i>{escape(title)}</dt>',
            f"{title} {where} colour color".casefold(),
        )
        for where, colors in legend.items()
        for title, color in colors.items()
    ]


STYLE = """<style>
.cb-help,.cb-help dl{margin:0;padding:0;max-width:62rem}
.cb-help dt{font-weight:600;margin-top:.75rem}
.cb-help dd{margin:.1rem 0 0;opacity:.9}
.cb-help dt i{display:inline-block;width:1rem;height:1rem;border-radius:.2rem;margin-right:.5rem;
vertical-align:-.12rem}
.cb-help summary{cursor:pointer;opacity:.7;margin-top:.15rem}
.cb-help table{border-collapse:collapse;margin:.3rem 0 .6rem}
.cb-help td,.cb-help th{text-align:left;vertical-align:top;font-weight:400;
padding:.2rem .9rem .2rem 0;border-top:1px solid color-mix(in srgb,currentColor 14%,transparent)}
.cb-help td:first-child,.cb-help th{opacity:.75;white-space:nowrap}
.cb-help h4{margin:1.4rem 0 0;padding:0;font-size:1.05rem}
.cb-colours dt{font-weight:400;margin-top:.3rem}
</style>"""


_PARTED = ("Figures", "Verdicts", "Colours")
"""Groups whose entries belong to pages or kinds."""


def page_html(found: Sequence[Entry], *, with_groups: bool = False) -> str:
    """The entries as one definition list; a heading at each new page, or with groups each group."""
    parts: list[str] = []
    last = ""
    for entry in found:
        heading = entry.group if with_groups else (entry.where if entry.group in _PARTED else "")
        if heading and heading != last:
            parts.append(f"</dl><h4>{escape(heading)}</h4><dl>")
            last = heading
        parts.append(entry.body)
    kind = "cb-help cb-colours" if found and found[0].group == "Colours" else "cb-help"
    return f"{STYLE}<div class='{kind}'><dl>{''.join(parts)}</dl></div>"
