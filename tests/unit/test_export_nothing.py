"""A target whose files hold no model of a platform says so, wherever it is offered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import export_items as make
import pytest

from dashboard.views import advice_export as page
from profiler.cli.export_tables import show_export
from profiler.export import TARGETS, Item, export_all, nothing_for
from profiler.export.registry import ONLY_FOR
from profiler.model import SETTINGS, Platform

NAME = "Held77"
ITEMS = {
    "android": make.item(make.facts(NAME)),
    "ios": make.item(make.facts(NAME, "Apple", ios=True)),
    "web": make.item(replace(make.facts(NAME), platform=Platform.WEB)),
    "host": make.item(replace(make.facts(NAME), platform=Platform.HOST, api_level=None)),
}  # fmt: skip
READABLE = [name for name in TARGETS if name != "parquet"]
IPHONE, ANDROID = ITEMS["ios"], ITEMS["android"]
WORDS = "for Android phones only: nothing for an iPhone"


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("system", ITEMS)
def test_the_data_is_what_the_files_hold(name: str, system: str) -> None:
    (made,) = export_all([ITEMS[system]], [name])
    holds = any(NAME.encode() in file.content for file in made.files)
    assert holds == (not nothing_for(name, [ITEMS[system].advice.facts]))


def test_what_it_says() -> None:
    one, other, tab = (ITEMS[s].advice.facts for s in ("ios", "android", "web"))
    for name in ("android", "signal"):
        assert nothing_for(name, [one]) == WORDS
        assert nothing_for(name, [one, other]) == ""
    assert nothing_for("apple", [other]) == "for iPhones only: nothing for an Android phone"
    assert nothing_for("android", [one, tab]) == f"{WORDS} or a browser"
    assert nothing_for("baresip", [tab]) == "for apps only: nothing for a browser"
    assert nothing_for("csv", [tab]) == nothing_for("android", []) == ""
    assert set(ONLY_FOR) < set(TARGETS)


def shown(capsys: pytest.CaptureFixture[str], *items: Item) -> str:
    exported = export_all(items, ["android", "apple"])
    show_export(Path("out"), items, exported, signed=False)
    return " ".join(capsys.readouterr().out.split())


def test_the_table_says_it_instead_of_a_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert f"– {WORDS}" in shown(capsys, IPHONE)
    both = shown(capsys, IPHONE, ANDROID)
    assert "nothing for" not in both


def test_the_table_counts_the_settings_that_are_advised(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every name there is: an iPhone is not advised on what Android alone has."""
    monkeypatch.setenv("COLUMNS", "300")
    kept = tuple(s for s in ANDROID.advice.settings if s.name in ("api", "red", "dred_ms"))
    few = replace(ANDROID, advice=replace(ANDROID.advice, settings=kept))
    text = shown(capsys, few)
    assert ", 3 settings " in text
    line = text.partition(" android ")[2]
    assert " 2 " in line.partition(" apple ")[0]  # red and dred_ms


def test_the_page_says_it_beside_the_file() -> None:
    names = ("android", "apple")
    exported = export_all([IPHONE], names)
    titles = {one.target: one.title for one in page.downloads(IPHONE, exported)}
    assert titles == {"android": WORDS, "apple": TARGETS["apple"].TITLE}
    frame = page.unsupported_frame(IPHONE.advice, exported)
    assert set(frame["target"]) == {"apple"}


def test_the_page_counts_the_settings_that_are_advised() -> None:
    kept = tuple(s for s in IPHONE.advice.settings if s.name not in ("usage", "src_quality"))
    advice = replace(IPHONE.advice, settings=kept)
    exported = export_all([replace(IPHONE, advice=advice)], ["baresip", "csv"])
    frame = page.unsupported_frame(advice, exported)
    everywhere = [s for s in kept if not s.route]
    assert len(everywhere) < len(SETTINGS)
    assert "usage" not in set(frame["setting"])
    lost = {s.partition("@")[0].partition("=")[0] for s in frame["setting"]}
    words = page.lost_words(advice, frame)
    assert f"express: {len(lost)} of the {len(everywhere)} settings in one target" in words
