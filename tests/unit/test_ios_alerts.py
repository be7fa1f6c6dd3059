"""Which button is pressed on an iPhone, and above all which is not."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.fields import clean
from device_probes.ios.alerts import (
    MAX_ALERTS,
    answer,
    clear,
    described,
    is_about_microphone,
    languages,
    plain,
)
from profiler.errors import ProbeBackground, ProbePermission

APP = "chirpbench probe"
TABLE: dict[str, Any] = tomllib.loads(
    resources.files("device_probes.ios").joinpath("alerts.toml").read_text("utf-8")
)["microphone"]
CASES = [
    (code, title, allow, deny)
    for code, words in TABLE.items()
    for title, allow, deny in itertools.product(words["titles"], words["allow"], words["deny"])
]
ENGLISH = f"“{APP}” Would Like to Access the Microphone"


@dataclass(frozen=True)
class Shown:
    text: str
    buttons: tuple[str, ...]


def test_at_least_twenty_languages_are_known() -> None:
    codes = {language.code.split("-")[0] for language in languages()}
    assert len(codes) >= 20
    assert {"en", "de", "fr", "es", "it", "ja", "ko", "zh", "ar", "ru", "pt", "tr"} <= codes
    assert all(language.titles and language.allow and language.deny for language in languages())


@pytest.mark.parametrize(("code", "title", "allow", "deny"), CASES)
def test_every_language_is_allowed_by_its_own_label(
    code: str, title: str, allow: str, deny: str
) -> None:
    text = title.replace("{app}", APP) + "\nIt plays chirps and records them."
    assert answer(Shown(text, (deny, allow)), APP) == allow
    assert answer(Shown(text, (allow, deny)), APP) == allow
    assert is_about_microphone(Shown(text, ()))


def test_no_label_means_yes_in_one_language_and_no_in_another() -> None:
    yes = {label for language in languages() for label in language.allow}
    no = {label for language in languages() for label in language.deny}
    assert not yes & no


@pytest.mark.parametrize(
    ("text", "buttons", "pressed"),
    [
        (ENGLISH, ("Don't Allow", "OK"), "OK"),
        (ENGLISH, ("Don\u2019t Allow", "Allow"), "Allow"),
        (f'"{APP}" would like to access the microphone', ("Don’t Allow", "ALLOW"), "ALLOW"),
        (f"\n  {ENGLISH}.  \nwhy", ("Don’t\u00a0Allow", " Allow "), " Allow "),
        (f"«\u00a0{APP}\u00a0» souhaite accéder au micro.", ("Refuser", "Autoriser"), "Autoriser"),
        (f"« {APP} » souhaite accéder au micro", ("Ne pas autoriser", "OK"), "OK"),
        (f"\u200f{ENGLISH}\u200e", ("\u2068Don’t Allow\u2069", "Allow"), "Allow"),
    ],
)
def test_quotes_blanks_case_and_marks_do_not_matter(
    text: str, buttons: tuple[str, ...], pressed: str
) -> None:
    assert answer(Shown(text, buttons), APP) == pressed


@pytest.mark.parametrize(
    ("text", "buttons"),
    [
        ("“probe” Would Like to Access the Camera", ("Don’t Allow", "OK")),
        ("“probe” Would Like to Access the Microphone and the Camera", ("Don’t Allow", "Allow")),
        ("“probe” Would Like to Find Devices on Local Networks\nfor the microphone",
         ("Don’t Allow", "Allow")),
        # the app's own purpose says nothing of what is asked
        ("“probe” Would Like to Access the Camera\n“probe” Would Like to Access the Microphone",
         ("Don’t Allow", "Allow")),
        ("Would Like to Access the Microphone", ("Don’t Allow", "Allow")),
        ("Delete “probe”?\nThis app has access to the microphone", ("Cancel", "OK")),
        ("Trust This Computer?\nYour settings and data …", ("Trust", "Don’t Trust")),
        ("Software Update\nA new version is available", ("Later", "Install Tonight")),
        ("20% battery remaining", ("OK",)),
        (ENGLISH, ("OK",)),
        (ENGLISH, ()),
        (ENGLISH, ("Don’t Allow", "Allow", "Allow Once")),
        (ENGLISH, ("Don’t Allow", "Settings")),
        (ENGLISH, ("Cancel", "OK")),
        (ENGLISH, ("OK", "Allow")),
        (ENGLISH, ("Don’t Allow", "Don’t Allow")),
        (ENGLISH, ("Nicht erlauben", "Allow")),  # no phone mixes languages
        ("„probe“ möchte auf das Mikrofon zugreifen", ("Don’t Allow", "Allow")),
        ("", ("Don’t Allow", "Allow")),
    ],
)  # fmt: skip
def test_anything_else_is_left_alone(text: str, buttons: tuple[str, ...]) -> None:
    assert answer(Shown(text, buttons)) is None


def test_another_apps_question_is_left_alone() -> None:
    alert = Shown("“Voice Memos” Would Like to Access the Microphone", ("Don’t Allow", "Allow"))
    assert answer(alert) == "Allow"
    assert answer(alert, APP) is None


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_read_without_harm(text: str, buttons: list[str]) -> None:
    alert = Shown(text, tuple(buttons))
    assert answer(alert) in (None, *buttons)
    is_about_microphone(alert)
    assert clean(described(alert)) == described(alert)
    assert len(described(alert)) < 500


def test_a_huge_text_is_read_in_bounded_time() -> None:
    long = Shown(("a " * 500_000) + "would like to access the microphone", ("Don’t Allow", "OK"))
    assert answer(long) is None
    assert len(described(long)) < 400
    assert len(plain("x" * 10**6)) <= 4096


# --- alerts one after the other ---


class Screen:
    """A stack of alerts; a press takes the top away."""

    def __init__(self, *alerts: Shown, endless: bool = False) -> None:
        self.alerts = list(alerts)
        self.endless = endless
        self.pressed: list[str] = []

    def current(self) -> Shown | None:
        return self.alerts[0] if self.alerts else None

    def press(self, button: str) -> None:
        self.pressed.append(button)
        if not self.endless:
            self.alerts.pop(0)

    def clear(self) -> int:
        return clear(self.current, self.press, "X", app=APP, wait=lambda _: None)


QUESTION = Shown(f"{ENGLISH}\nIt records chirps.", ("Don’t Allow", "Allow"))
UPDATE = Shown("Software Update\nA new version is available.", ("Later", "Install Tonight"))


def test_the_question_is_answered_and_nothing_else_is_pressed() -> None:
    screen = Screen(QUESTION)
    assert screen.clear() == 1
    assert screen.pressed == ["Allow"]
    assert Screen().clear() == 0


def test_another_alert_is_named_and_not_touched() -> None:
    screen = Screen(QUESTION, UPDATE)
    with pytest.raises(ProbeBackground, match=r"X: .*Software Update.*“Later”, “Install Tonight”"):
        screen.clear()
    assert screen.pressed == ["Allow"]


def test_unknown_words_for_the_microphone_ask_for_a_person() -> None:
    screen = Screen(Shown("“probe” möchte das Mikrofon benutzen", ("Nein", "Ja")))
    with pytest.raises(ProbePermission, match="does not know") as caught:
        screen.clear()
    assert "allow it on the phone" in caught.value.hint
    assert screen.pressed == []


def test_a_storm_of_questions_ends() -> None:
    screen = Screen(QUESTION, endless=True)
    with pytest.raises(ProbeBackground, match=f"{MAX_ALERTS} alerts one after the other"):
        screen.clear()
    assert len(screen.pressed) == MAX_ALERTS


def test_as_many_alerts_as_are_allowed_are_no_storm() -> None:
    assert Screen(*[QUESTION] * MAX_ALERTS).clear() == MAX_ALERTS


def test_an_alert_cannot_break_the_line_it_is_named_in() -> None:
    text = described(Shown("a\x1b[31mb\u202e\n\nc", ("x\ny",)))
    assert text.isprintable()
    assert "a\ufffd[31mb" in text
