"""A trial's verdict is said of its recording, its test's of the phone; nobody mixes them up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import store_records as records

from dashboard import look
from dashboard.views import evidence_words as words
from dashboard.views import names
from db.points import TrialLine
from profiler.model import (
    AudioPath,
    EffectReport,
    EffectState,
    ModelKey,
    Recording,
    TrialRequest,
    Verdict,
)

REASONS = Path(__file__).parents[2] / "docs" / "reasons.md"
RECORDING = Recording("ab" * 32, "ab/ab.flac", 48_000, 1, 48_000, "int16", 1000)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.PASS, "✓ Valid recording"),
        (Verdict.MARGINAL, "⚑ Valid recording, with a warning"),
        (Verdict.NOT_MEASURABLE, "○ Not measurable"),
        (Verdict.ERROR, "▲ Error"),
        (Verdict.SKIPPED, "– Skipped"),
        (Verdict.FAIL, "⊘ Rejected recording"),  # by no analysis of ours; a store may hold it
    ],
)
def test_what_a_recording_is_worth(verdict: Verdict, said: str) -> None:
    assert words.worth(records.trial(verdict=verdict, recording=RECORDING)) == said


def test_what_was_measured_without_a_recording_is_none() -> None:
    """The cost of a speech coder is asked of the phone; nothing is recorded."""
    trial = records.trial(verdict=Verdict.PASS, recording=None)
    assert words.worth(trial) == "✓ Valid measurement"


def test_the_words_are_those_of_the_document() -> None:
    said = " ".join(REASONS.read_text("utf-8").split())
    assert "recording `pass` means measured with nothing to say, `marginal` measured with" in said


def test_the_phones_verdict_is_its_tests() -> None:
    trial = records.trial(test_id="L1", verdict=Verdict.PASS)
    slow = records.result(
        "run-1", test_id="L1", verdict=Verdict.FAIL, text="412 ms <b>", trial_uuids=("a", "b")
    )
    other = records.result("run-1", test_id="A1", verdict=Verdict.PASS)
    said = words.of_the_phone(trial, [slow, other])
    assert "✖ fail" in said
    assert look.VERDICT_COLORS[Verdict.FAIL] in said
    assert "(2 trials)" in said
    assert "412 ms &lt;b&gt;" in said
    assert "has not said yet" in words.of_the_phone(trial, [other])


def test_the_list_of_trials_praises_no_phone() -> None:
    line = TrialLine(
        "t1", "run-1", "android:AB", None, "Pixel 7", False, "L1", 0, 1, Verdict.PASS, (),
        AudioPath("speaker", "media", "aaudio", "default"), 48_000, 412.0, records.NOON, True,
    )  # fmt: skip
    (row,) = words.trials_frame([line], {}).to_dict("records")
    assert row["recording"] == "✓ valid"
    assert row["file"] == "kept"
    assert not any("pass" in str(cell) for cell in row.values())


@dataclass(frozen=True)
class Row:
    """A stored model."""

    key: ModelKey
    marketing_name: str = "Pixel 7"
    is_virtual: bool = False


def test_trials_of_models_called_alike_carry_the_soc() -> None:
    one, two = (ModelKey("Google", "GVU6C", soc, "b1") for soc in ("Tensor", "Exynos"))
    newer = ModelKey("Google", "GVU6C", "Tensor", "b2")
    other = Row(ModelKey("Acme", "A1", "S", "b"), "Acme One")
    rows = [Row(one), Row(newer), Row(two), other]
    found = names.names_of({(one, False), (other.key, False)}, rows)
    assert found[one, False] == "Pixel 7 · Tensor", "its twin is in the store, if not in the list"
    assert found[other.key, False] == "Acme One"
    alone = names.names_of({(one, False)}, [Row(one), Row(newer), other])
    assert alone[one, False] == "Pixel 7", "another build is the same model"
    line = TrialLine(
        "t1", "run-1", "android:AB", one, "Pixel 7", False, "L1", 0, 1, Verdict.PASS, (),
        AudioPath("speaker", "media", "aaudio", "default"), 48_000, 412.0, records.NOON, True,
    )  # fmt: skip
    (row,) = words.trials_frame([line], found).to_dict("records")
    assert row["model"] == "Pixel 7 · Tensor"


def test_former_analyses_speak_of_the_recording_too() -> None:
    frame = words.superseded_frame([records.estimate(verdict=Verdict.PASS)], records.trial())
    assert next(iter(frame["recording"])) == "✓ valid"


def test_whose_effect_it_is_is_not_part_of_its_state() -> None:
    effect = EffectReport(EffectState.OFF, implementor="The Android Open Source Project")
    report = records.report(effects={"aec": effect, "ns": EffectReport(EffectState.ON)})
    request = TrialRequest(api="default", duration_s=7.0, aec=EffectState.ON)
    frame = words.states_frame(records.trial(request=request, report=report))
    said = dict(zip(frame["what"], frame["reported"], strict=True))
    assert said["AEC"] == "≠ off (by The Android Open Source Project)"
    assert said["NS"].endswith("on"), "nobody is named"


@pytest.mark.parametrize(
    ("asked", "opened", "granted"),
    [("default", "aaudio", "aaudio"), ("aaudio", "java", "≠ java"), ("aaudio", None, "–")],
)
def test_the_interface_that_was_opened_is_what_was_granted(
    asked: str, opened: str | None, granted: str
) -> None:
    report = records.report(observed={"api": opened} if opened else {})
    request = TrialRequest(api=asked, duration_s=7.0)
    frame = words.states_frame(records.trial(request=request, report=report))
    (row,) = frame[frame["what"] == "API"].to_dict("records")
    assert (row["requested"], row["granted"], row["reported"]) == (asked, granted, "–")
