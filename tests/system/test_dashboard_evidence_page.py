"""Evidence on real recordings: everything that can be stored can be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dashboard_trials as trials
import pytest
from dashboard_pages import run_page, words
from dashboard_stores import HOSTILE, add_hostile
from streamlit.testing.v1 import AppTest

from dashboard import source
from db.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evidence") / "bench.db"
    trials.recorded(path)
    return path


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    source.current().close()


def shown(path: Path, **params: str) -> AppTest:
    return run_page("evidence", path, **params)


def charts(at: AppTest) -> int:
    return len(at.get("vega_lite_chart"))


def test_a_trial_of_chirps_shows_everything(store: Path) -> None:
    at = shown(store, trial="chirps")
    said = words(at)
    assert "L1 #1 on Acme A1" in said
    assert "round trip 43.2" in said
    assert "Correlation with what was played" in said
    assert "Latency of each chirp" in said
    assert charts(at) == 4  # waveform, spectrogram, correlation, chirps
    assert "Louder copy" in said
    assert "Former analyses" in said
    assert len(at.get("audio")) == 2
    assert len(at.get("download_button")) == 2
    assert at.query_params["trial"] == "chirps"
    at.toggle(key="evidence_lags").set_value(True).run()
    assert not at.exception
    assert charts(at) == 4


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ("eight", "NaN or Inf in 2 samples of this channel"),
        ("minute", "60.00 s at 48 kHz"),
        ("silent", "The recording is digital silence"),
        ("silent", "Nothing but zeros: there is no spectrogram"),
        ("tiny", "The recording is too short for a spectrogram"),
        ("missing", "The recording cannot be shown"),
        ("damaged", "evidence is damaged"),
        ("none", "This trial has no recording"),
        ("echo", "This trial plays no train of chirps"),
    ],
)
def test_every_sort_of_recording_is_handled(store: Path, trial: str, said: str) -> None:
    at = shown(store, trial=trial)
    assert said in words(at)
    assert not at.error or trial == "none"
    assert "Requested, granted, reported, measured" in words(at)


def test_stored_numbers_remain_without_the_file(store: Path) -> None:
    at = shown(store, trial="damaged")
    said = words(at)
    assert "Latency of each chirp" in said
    assert "restore this file from a copy" in said
    missing = shown(store, trial="missing")
    assert "nothing can be downloaded" in words(missing)
    assert len(missing.get("download_button")) == 1  # the JSON


def test_another_channel_can_be_chosen(store: Path) -> None:
    at = shown(store, trial="eight")
    at.selectbox(key="evidence_channel").set_value(7).run()
    assert not at.exception
    assert "NaN" not in words(at).split("Waveform")[0].split("samples of this channel")[-1]
    assert "samples of this channel are NaN" not in words(at)


def test_without_a_name_the_newest_trial_is_shown_and_filters_choose(store: Path) -> None:
    at = shown(store)
    assert at.query_params["trial"]
    assert not at.dataframe  # the list costs a third of the page's time: it comes when wanted
    at.session_state["evidence_open"] = True
    at.run()
    at.selectbox(key="evidence_test").set_value("A1").run()
    assert not at.exception
    (table,) = [d for d in at.dataframe if "round trip, ms" in d.value.columns]
    assert set(table.value["test"]) == {"A1 #8"}
    at.selectbox(key="evidence_reason").set_value("clipped").run()
    assert "No trial fits these filters" in words(at)
    at.session_state["evidence_open"] = False
    at.run()
    at.session_state["evidence_open"] = True
    at.run()
    assert at.selectbox(key="evidence_reason").value == "clipped"


def test_an_unknown_trial_and_an_empty_store_help(store: Path, tmp_path: Path) -> None:
    assert "No trial no-such-one is in this store" in words(shown(store, trial="no-such-one"))
    empty = tmp_path / "empty.db"
    Store.open(empty).close()
    said = words(shown(empty))
    assert "No trial is stored yet" in said
    assert "chirpbench run" in said


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    add_hostile(path)
    for i in range(len(HOSTILE)):
        at = shown(path, trial=f"hostile-{i}-0")
        for block in (*at.markdown, *at.subheader, *at.success, *at.warning):
            assert "<script>" not in str(block.value)
            assert "](javascript" not in str(block.value)
            assert "\u202e" not in str(block.value)
