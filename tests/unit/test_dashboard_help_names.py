"""Whatever a page calls something, Help explains it, in the words that the page itself uses."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import store_records as records
from store_records import NOON

import dashboard
from dashboard import look
from dashboard.pages import compare as compare_page
from dashboard.pages import fleet as fleet_page
from dashboard.pages import model as model_page
from dashboard.views import advice, advice_budget, compare, compare_features, live
from dashboard.views import evidence_words as words
from dashboard.views import help as view
from dashboard.views.fleet import drawn, peers, select, strip, table
from dashboard.views.fleet.scale import Scale
from dashboard.views.model import data, granted, history, latency, verdicts
from db.overview import PathRow
from profiler.model import AudioPath, ModelKey, Verdict
from profiler.summary.effects import CLIFF

PAGES = Path(dashboard.__file__).parent / "pages"
FLEET = table.table([], {}, Scale(10.0, 500.0), datetime.now(UTC)).columns
COMPARED = {*compare.LATENCY_SHOWN, *compare.SHIFT_SHOWN}
BENCHES = [
    live.Bench("b", "quick", state, (), NOON, NOON) for state in live.BenchState
]  # fmt: skip


def plain(name: str) -> str:
    """Without its unit and its case."""
    name = re.sub(r", (?:ms|dB|Hz|bursts|s)$| \((?:ms|dB)\)$", "", name)
    return name.replace("_", " ").strip().casefold()


def explained(page: str) -> set[str]:
    """Names that Help has for a page, or for all of them."""
    return {
        plain(name)
        for entry in view.entries()
        if entry.group == "Words" or (entry.group == "Figures" and entry.where == page)
        for name in view.names(entry)
    }


def missing(page: str, names: Iterable[str]) -> set[str]:
    return {name for name in names if name and plain(name) not in explained(page)}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("Fleet", [*FLEET, *select.TESTS.values(), strip.USUAL, strip.OUT, strip.OTHER]),
        ("Model", granted.COLUMNS),
        ("Model", verdicts.COLUMNS),
        ("Model", [*model_page.PARTS.values(), latency.BETWEEN, latency.WITHIN, data.BUFFER]),
        ("Compare", [compare_page._TITLES.get(n, (n,))[0] for n in COMPARED - {"note"}]),
        ("Evidence", words.TRIAL_COLUMNS),
        ("Advice", advice._SETTINGS),
        ("Advice", ["Settings", "Delay budgets", "Proof", "Export"]),
        ("Advice", ["budget", "total", *advice_budget.FEASIBLE_WORDS.values()]),
        ("Live bench", [title for b in BENCHES for title in live._titles(b)]),
        ("Live bench", [state.value for state in live.BenchState]),
        ("Live bench", ["When", "Device", "Test", "Recording", "Round trip (ms)", "Reasons",
                        "Evidence"]),
    ],
)  # fmt: skip
def test_every_column_and_tab_is_explained(page: str, names: Iterable[str]) -> None:
    assert missing(page, names) == set()


HEADING = re.compile(r'st\.subheader\(\s*"([^"]+)"|st\.markdown\("\*\*([A-Z][^*]+)\*\*"\)')


@pytest.mark.parametrize(
    ("page", "modules"),
    [
        ("Fleet", ["fleet"]), ("Model", ["model", "model_sections"]), ("Compare", ["compare"]),
        ("Evidence", ["evidence", "evidence_recording"]), ("Advice", ["advice"]),
        ("Live bench", ["live"]),
    ],
)  # fmt: skip
def test_every_heading_is_explained(page: str, modules: list[str]) -> None:
    source = "".join((PAGES / f"{module}.py").read_text("utf-8") for module in modules)
    assert missing(page, [a or b for a, b in HEADING.findall(source)]) == set()


@pytest.mark.parametrize("feature", [f.label for f in compare_features.FEATURES])
def test_every_feature_that_is_compared_is_explained(feature: str) -> None:
    assert [e for e in view.search(feature) if e.where == "Compare"]


@pytest.mark.parametrize("row", list(words.numbers_frame(records.estimate())["what"]))
def test_every_number_of_an_estimate_is_explained(row: str) -> None:
    first = re.split(r"[,(/]", row)[0].removesuffix(" at t = 0 ").strip()
    assert view.search(first), first


@pytest.mark.parametrize(
    "word",
    [
        "burst", "open", "stream open", "session", "half duplex", "barge-in", "Hodges-Lehmann",
        "Pettitt", "change point", "terminal", "ERLE", "silent capture", "xrun", "glitch",
        "safe buffer", "jitter", "jitter buffer", "Mann-Whitney", "Cliff's delta", "median",
        "interval", "SoC", "trial", "test", "run", "bench", "zone", "partner", "probe", "preset",
        "clock drift", "dBFS", "canceller", "converge", "NetEq", "VAD", "MAD", "virtual", "path",
    ],
)  # fmt: skip
def test_the_words_that_newcomers_ask_for_are_there(word: str) -> None:
    titles = {plain(name) for entry in view.of_group("Words") for name in view.names(entry)}
    assert plain(word) in titles
    assert view.search(word)[0].title.casefold().count(word.casefold())


# --- what pages print and Help repeats is one text ----------------------------------------------


def body(title: str, page: str) -> str:
    found = [e for e in view.of_group("Figures") if e.where == page and title in view.names(e)]
    (entry,) = found
    return entry.body


def test_legends_and_rules_are_the_pages_own() -> None:
    assert view.inline(drawn.LEGEND) in body("Median", "Fleet")
    assert view.inline(drawn.LEGEND) in body("Round trip by path", "Model")
    assert view.inline(peers.RULE.replace("*", "")) in body("Stands out", "Fleet")
    assert view.inline(history.RULE.replace("*", "")) in body("Change points", "Model")
    assert view.inline(fleet_page._limits_words()) in body("Median", "Fleet")
    for limit, _ in CLIFF[:-1]:
        assert f"{limit:g}" in body("Cliff's delta", "Compare")


def test_what_stands_out_is_defined_once() -> None:
    """Fences are of peers on a path; nothing else in Help may draw another line."""
    defining = [e for e in view.entries() if "stands out when" in e.words]
    assert [e.title for e in defining] == ["Stands out · Peers"]


PATH = PathRow(
    key=ModelKey("a", "b", "c", "d"), is_virtual=False,
    path=AudioPath("speaker", "media", "aaudio", "default"),
    rate_hz=48_000, test_id="L1", devices=1, runs=1, sessions=9, rejected=0, median_ms=30.0,
    ci95_ms=(25.0, 35.0), p05_ms=10.0, p25_ms=20.0, p75_ms=40.0, p95_ms=60.0, between_sd_ms=1.0,
    uncertainty_us=1.0, verdict=Verdict.PASS, last_at=NOON,
)  # fmt: skip


def test_the_bar_is_called_by_what_is_seen() -> None:
    """The interval's bar is darker and thinner than the box around it."""
    svg = b64decode(drawn.picture(PATH, Scale(5.0, 100.0), {}, "").split(",")[1]).decode()
    bars = re.findall(r'height="([\d.]+)" fill="[^"]+" fill-opacity="([\d.]+)"', svg)
    _, box, interval = [(float(tall), float(dark)) for tall, dark in bars]
    assert interval[0] < box[0]
    assert interval[1] > box[1]
    assert "pale box" in drawn.LEGEND
    assert "dark bar in it" in drawn.LEGEND


def test_trials_and_tests_have_verdicts_of_their_own() -> None:
    titles = {e.title: e.where for e in view.of_group("Verdicts")}
    for verdict in look.TRIAL_VERDICTS:
        assert look.trial_words(verdict) in titles
    assert titles[look.trial_words(Verdict.PASS)] == view.OF_A_TRIAL
    assert titles[look.verdict_words(Verdict.PASS)] == view.OF_A_TEST


def test_nothing_of_markdown_is_left_in_what_is_shown() -> None:
    assert [e.title for e in view.entries() if re.search(r"\*\w", e.body)] == []
