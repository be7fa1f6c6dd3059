"""Running and former benches: what each device does, as rows and as one HTML table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape
from types import MappingProxyType

from dashboard import links, look, text
from dashboard.views.names import MARK
from db.points import TrialLine
from db.progress import DeviceProgress
from profiler.model import Platform, RunStatus, TestResult, Verdict

STALE_S = 45.0
"""A bench that lives renews its rows far more often (db.progress)."""
NAME_CHARS = 70
"""A model's name with its SoC (dashboard.views.names) is not longer."""
ENDED_WELL = RunStatus.OK.value
_MAX_CHARS = 1000
"""So much of a test's text a bench tells (profiler.bench.progress)."""


class BenchState(StrEnum):
    """What is known of a bench."""

    RUNNING = "running"
    STALE = "interrupted?"
    """Nobody said that it ended, and it says nothing any more."""
    STOPPED = "stopped"
    """By a user, before its end."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Bench:
    """One call of ``chirpbench run`` and its devices."""

    bench_uuid: str
    suite: str
    state: BenchState
    lines: tuple[DeviceProgress, ...]
    started_at: datetime
    updated_at: datetime

    @property
    def trials_done(self) -> int:
        """Finished trials of all devices; a running one is not finished."""
        return sum(_done(line) for line in self.lines)

    @property
    def trials_total(self) -> int:
        """Of the devices that have answered."""
        return sum(line.trials_total for line in self.lines)

    @property
    def fraction(self) -> float:
        """0..1, the parts of running trials included; a device that ended counts as done."""
        if not self.lines:
            return 0.0
        return sum(fraction_of(line) for line in self.lines) / len(self.lines)


def _done(line: DeviceProgress) -> int:
    if line.ended and line.state == ENDED_WELL:
        return line.trials_total
    return max(line.position - (0 if line.ended or line.fraction >= 1.0 else 1), 0)


def fraction_of(line: DeviceProgress) -> float:
    """How much of its run a device has behind it, 0..1."""
    if line.ended:
        return 1.0
    if line.trials_total <= 0:
        return 0.0
    inside = 0.0 if line.fraction >= 1.0 else min(max(line.fraction, 0.0), 1.0)
    return min((_done(line) + inside) / line.trials_total, 1.0)


def benches(lines: Iterable[DeviceProgress], now: datetime) -> list[Bench]:
    """The benches, newest first, as :func:`db.progress.progress` gives their lines."""
    grouped: dict[str, list[DeviceProgress]] = {}
    for line in lines:
        grouped.setdefault(line.bench_uuid, []).append(line)
    return [_bench(name, tuple(found), now) for name, found in grouped.items()]


def _bench(name: str, lines: tuple[DeviceProgress, ...], now: datetime) -> Bench:
    updated = max(line.updated_at for line in lines)
    state = BenchState.RUNNING
    if all(line.ended for line in lines):
        stopped = any(line.state == RunStatus.CANCELLED.value for line in lines)
        state = BenchState.STOPPED if stopped else BenchState.ENDED
    elif (now - updated).total_seconds() > STALE_S:
        state = BenchState.STALE
    started = min(line.started_at for line in lines)
    return Bench(name, lines[0].suite, state, lines, started, updated)


def headline(bench: Bench, now: datetime) -> str:
    """One line of Markdown: whether it runs or when it ended, what it is, how far it came."""
    devices = text.plural(len(bench.lines), "device")
    suite = f"{text.md(bench.suite, 40)} on {devices}" if bench.suite else devices
    trials = f"{bench.trials_done:,} of {text.plural(bench.trials_total, 'trial')}"
    last = f"{look.when(bench.updated_at)}, {look.ago(bench.updated_at, now)}"
    if bench.state in (BenchState.ENDED, BenchState.STOPPED):
        took = lasted((bench.updated_at - bench.started_at).total_seconds())
        lost = sum(line.state not in (ENDED_WELL, "partner") for line in bench.lines)
        short = f"; {lost} of {devices} did not finish" if lost else ""
        return (
            f"**{bench.state.value.capitalize()}** {last}, after {took}: {suite}, {trials}{short}"
        )
    ended = sum(line.ended for line in bench.lines)
    parts = [f"{suite}, {trials}", f"{ended} of {devices} done"]
    if bench.state is BenchState.STALE:
        return f"**Interrupted?** Last news {last}: {', '.join(parts)}"
    parts.append(f"began {look.ago(bench.started_at, now)}")
    if (left_s := seconds_left(bench, now)) is not None:
        parts.append(f"about {lasted(left_s)} left at this pace")
    return f"**Running:** {', '.join(parts)}"


def seconds_left(bench: Bench, now: datetime) -> float | None:
    """At the pace so far; ``None`` while too little is done to tell."""
    elapsed_s = (now - bench.started_at).total_seconds()
    if bench.fraction < 0.1 or elapsed_s < 5:
        return None
    slowest = min(fraction_of(line) for line in bench.lines)
    if slowest < 0.02:
        return None
    return elapsed_s * (1 - slowest) / slowest


def lasted(seconds: float) -> str:
    """``40 s``, ``3 min``, ``1 h 20 min``."""
    seconds = max(seconds, 0.0)
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def stale_text(bench: Bench, now: datetime) -> str:
    """Markdown that says what a silent bench may be, and how to go on with it."""
    silent = lasted((now - bench.updated_at).total_seconds())
    short = re.sub(r"[^0-9A-Za-z-]", "", bench.bench_uuid)[:8]
    return (
        f"**No news of this bench for {silent}: was it killed?** Nothing that was measured is "
        f"lost. Give the same command again with `--resume={short}`: it goes on where it stopped."
    )


# --- the table ------------------------------------------------------------------------------------

STYLE = """<style>
.cb-live{width:100%;border-collapse:collapse;font-size:.9rem;line-height:1.35}
.cb-live th{text-align:left;font-weight:400;opacity:.7;padding:.2rem .9rem .35rem 0;
white-space:nowrap}
.cb-live td{padding:.42rem .9rem .42rem 0;vertical-align:top;overflow-wrap:anywhere;
border-top:1px solid color-mix(in srgb,currentColor 16%,transparent)}
.cb-live .n{white-space:nowrap;font-variant-numeric:tabular-nums;overflow-wrap:normal}
.cb-live .s{opacity:.68;font-size:.82rem}
.cb-bar{max-width:9rem;height:.5rem;margin-top:.42rem;border-radius:.25rem;overflow:hidden;
background:color-mix(in srgb,currentColor 14%,transparent)}
.cb-bar i{display:block;height:100%;border-radius:.25rem}
.cb-v{font-weight:600;white-space:nowrap}
.cb-devices{table-layout:fixed}
.cb-tests{width:auto}.cb-tests td,.cb-tests th{padding-right:1.6rem}
.cb-tests a{text-decoration:none}.cb-tests .cb-v{font-size:1.05rem}
</style>"""


DEVICE, TRIALS, LAST = "Device", "Trials", "Last result"
NOW = {False: "Now", True: "How it ended"}
NEWS = {False: "Last news", True: "Ended"}
"""Titles of a bench that runs, and of one that does not run any more."""
_WIDTHS = (21, 20, 7, 12, 31, 9)
"""In percent: nothing moves when a text becomes longer."""


def _titles(bench: Bench) -> tuple[str, ...]:
    over = bench.state in (BenchState.ENDED, BenchState.STOPPED)
    now = "Last seen doing" if bench.state is BenchState.STALE else NOW[over]
    return DEVICE, now, TRIALS, "", LAST, NEWS[over]


def device_table(
    bench: Bench, virtual: Iterable[str], now: datetime, results: Iterable[TestResult] = ()
) -> str:
    """The devices of a bench as HTML, in the order of the bench.

    ``virtual`` are the uids of those that are known to be simulated. ``results`` of the bench tell
    the verdict of a test from that of a trial.
    """
    own = (line.device_uid for line in bench.lines)
    begin = f"{Platform.VIRTUAL.value}:"
    simulated = frozenset((*virtual, *(uid for uid in own if uid.startswith(begin))))
    known = frozenset(map(_said_by_test, results))
    titles = zip(_titles(bench), _WIDTHS, strict=True)
    head = "".join(f'<th style="width:{width}%">{title}</th>' for title, width in titles)
    body = "".join(
        _row(bench, line, line.device_uid in simulated, now, is_test=_said(line) in known)
        for line in bench.lines
    )
    return (
        f'{STYLE}<table class="cb-live cb-devices"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


_Said = tuple[str | None, str, Verdict | None, str]


def _said_by_test(result: TestResult) -> _Said:
    return result.run_uuid, result.test_id, result.verdict, result.text[:_MAX_CHARS]


def _said(line: DeviceProgress) -> _Said:
    return line.run_uuid, line.last_test, line.last_verdict, line.last_text


def _row(
    bench: Bench, line: DeviceProgress, is_virtual: bool, now: datetime, *, is_test: bool
) -> str:
    name = text.html(_called(line).removesuffix(MARK), NAME_CHARS)
    mark = " · ◇ virtual" if is_virtual else ""
    alone = line.zone in ("", line.device_uid)  # in a box of its own: nobody shares its air
    zone = "" if alone else f" · zone {text.html(line.zone, 30)}"
    trial = f"{_done(line)}/{line.trials_total}" if line.trials_total else "–"
    cells = (
        f'<b>{name}</b><br><span class="s">{text.html(line.device_uid, 48)}{mark}{zone}</span>',
        _now_cell(line),
        f'<span class="n">{trial}</span>',
        _bar(fraction_of(line), _bar_color(bench, line)),
        _last_cell(line, is_test=is_test),
        f'<span class="n s">{escape(look.ago(line.updated_at, now))}</span>',
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _called(line: DeviceProgress) -> str:
    return line.device_name or line.device_uid


def _now_cell(line: DeviceProgress) -> str:
    state = text.html(line.state, 60)
    if line.ended:
        state = "done" if line.state == ENDED_WELL else state
        return f'<span style="color:{_state_color(line)}" class="cb-v">{state}</span>{_why(line)}'
    test = f"<b>{text.html(line.test_id, 12)}</b> " if line.test_id else ""
    return f"{test}{state}{_why(line)}"


def _why(line: DeviceProgress) -> str:
    if not line.message:
        return ""
    return f'<br><span class="s">{text.html(line.message, 240)}</span>'


def _last_cell(line: DeviceProgress, *, is_test: bool) -> str:
    """A test's verdict on the phone, or what one recording is worth: never one for the other."""
    verdict, test = line.last_verdict, text.html(line.last_test, 12)
    if verdict is None:
        return '<span class="s">–</span>'
    said = text.html(line.last_text, 200)
    if is_test:
        mark, of = _marked(look.verdict_words(verdict), look.VERDICT_COLORS[verdict]), "test"
    else:
        mark, of = _marked(look.trial_words(verdict), look.TRIAL_COLORS[verdict]), "one trial of"
    return f"{mark} · {of} <b>{test}</b>{f': {said}' if said else ''}"


def _marked(words: str, color: str) -> str:
    return f'<span class="cb-v" style="color:{color}">{words}</span>'


def _bar(fraction: float, color: str) -> str:
    percent = round(100 * min(max(fraction, 0.0), 1.0))
    inner = f'<i style="width:{percent}%;background:{color}"></i>'
    return f'<div class="cb-bar" title="{percent} %">{inner}</div>'


def _bar_color(bench: Bench, line: DeviceProgress) -> str:
    if line.ended:
        return _state_color(line)
    return look.MUTED if bench.state is BenchState.STALE else look.MAIN


def _state_color(line: DeviceProgress) -> str:
    """How a run ended is no verdict on the phone: neither green nor a failed test's red."""
    if line.state == ENDED_WELL:
        return look.VALID
    stopped = line.state in (RunStatus.CANCELLED.value, "partner")
    return look.VERDICT_COLORS[Verdict.SKIPPED if stopped else Verdict.ERROR]


# --- tests of a bench -----------------------------------------------------------------------------


def matrix(bench: Bench, results: Sequence[TestResult], titles: Mapping[str, str]) -> str:
    """Devices by tests as HTML: a sign a cell, the reasons when the mouse rests on it."""
    if not results:
        return ""
    tests = sorted({r.test_id for r in results})
    by_run: dict[str, dict[str, TestResult]] = {}
    for result in results:
        by_run.setdefault(result.run_uuid, {})[result.test_id] = result
    rows = []
    names = Counter(line.device_name for line in bench.lines)
    for line in bench.lines:
        mine = by_run.get(line.run_uuid or "", {})
        name = f"<b>{text.html(_called(line), NAME_CHARS)}</b>"
        if names[line.device_name] > 1:  # twins
            name += f' <span class="s">{text.html(line.device_uid, 48)}</span>'
        cells = "".join(f'<td class="n">{_cell(mine.get(test_id))}</td>' for test_id in tests)
        rows.append(f"<tr><td>{name}</td>{cells}</tr>")
    head = "".join(
        f'<th title="{text.html(titles.get(test_id, ""))}">{text.html(test_id, 12)}</th>'
        for test_id in tests
    )
    return (
        f'{STYLE}<table class="cb-live cb-tests"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(result: TestResult | None) -> str:
    if result is None:
        return '<span class="s">·</span>'
    color = look.VERDICT_COLORS[result.verdict]
    reasons = ", ".join(result.reasons)
    said = text.html(f"{look.VERDICT_WORDS[result.verdict]}: {result.text} ({reasons})", 400)
    sign = f'<span class="cb-v" style="color:{color}" title="{said}">' + (
        look.VERDICT_SIGNS[result.verdict] + "</span>"
    )
    if not result.trial_uuids:
        return sign
    return f'<a href="{escape(links.link_to("evidence", trial=result.trial_uuids[-1]))}">{sign}</a>'


def tally(results: Iterable[TestResult]) -> str:
    """``● 13 pass  ◐ 8 marginal`` as HTML: the tests of a bench."""
    counts = Counter(r.verdict for r in results)
    parts = (
        f'<span class="cb-v" style="color:{look.VERDICT_COLORS[v]};margin-right:1.1rem">'
        f"{look.VERDICT_SIGNS[v]} {counts[v]} {look.VERDICT_WORDS[v]}</span>"
        for v in look.VERDICT_WORDS
        if counts[v]
    )
    return f"{STYLE}<div>{''.join(parts)}</div>"


MATRIX_WORDS = (
    "What each test says of its phone. Rest the mouse on a sign for the reasons, click it for its "
    "newest recording; · not finished, or not part of this bench."
)
TRIALS_WORDS = (
    f"A trial is one recording. {look.trial_words(Verdict.PASS)}: it can be used. Whether the "
    "phone is good says its test, which takes all of its trials together."
)

# --- lists ----------------------------------------------------------------------------------------


def choice_words(bench: Bench) -> str:
    """A bench in a list to choose from."""
    devices = text.plural(len(bench.lines), "device")
    state = f", {bench.state.value}"
    suite = text.plain(bench.suite, 40) or "run"
    short = text.plain(bench.bench_uuid, 80)[:8]
    return f"{look.when(bench.started_at)} · {suite} · {devices}{state} · {short}"


def trial_rows(
    lines: Sequence[TrialLine], now: datetime, names: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, object]]:
    """The newest trials, one row each; ``Evidence`` is the address of its page. ``names`` are
    those of models, by run."""
    return [
        {
            "When": look.ago(line.started_at, now),
            "Device": text.plain(
                names.get(line.run_uuid) or line.marketing_name or line.device_uid, NAME_CHARS
            ),
            "Test": text.plain(line.test_id, 12),
            "Recording": look.trial_words(line.verdict),
            "Round trip (ms)": line.latency_ms,
            "Reasons": ", ".join(text.plain(r, 40) for r in line.reasons),
            "Evidence": links.link_to("evidence", trial=line.trial_uuid),
        }
        for line in lines
    ]
