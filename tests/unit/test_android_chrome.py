"""What reaches a phone's shell about its browser, and what the note on the phone may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.android import chrome, commands, parsers
from device_probes.android.commands import BROWSERS, Command
from device_probes.android.note import Before

CHROME = "com.android.chrome"
TOKEN = "Rkd995sObWDrc5PI4sovNvJSByBz1-_U"
LINK = f"http://localhost:44001/?t={TOKEN}"
HEAD = "chirpbench-restore 1\nglobal stay_on_while_plugged_in 0\n"


# --- commands -------------------------------------------------------------------------------------


def test_a_link_is_quoted_and_never_named_in_a_message() -> None:
    command = commands.view(CHROME, LINK)
    assert f" -d '{LINK}' " in command.text
    assert TOKEN not in command.what
    assert commands.view(CHROME, "http://localhost:1/").text.count("'") == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:44001",
        "http://localhost/?t=" + TOKEN,
        "https://localhost:44001/?t=" + TOKEN,
        "http://127.0.0.1:44001/?t=" + TOKEN,
        "http://localhost:440011/?t=" + TOKEN,
        "http://localhost:44001/?t=short",
        f"http://localhost:44001/?t={TOKEN}&x=1",
        f"http://localhost:44001/?t={TOKEN}'",
        f"http://localhost:44001/?t={TOKEN}; reboot",
        f"http://localhost:44001/?t={TOKEN}$(reboot)",
        f"http://localhost:44001/?t={TOKEN}\n",
        f"http://localhost:44001/x?t={TOKEN}",
        f"http://localhost:44001/?t={TOKEN}#x",
        f"http://user@localhost:44001/?t={TOKEN}",
        "intent://x#Intent;end",
        "javascript:alert(1)",
    ],
)
def test_only_a_link_of_ours_gets_into_a_command(url: str) -> None:
    with pytest.raises(ValueError, match="not a link") as caught:
        commands.view(CHROME, url)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "echo 'x'",
        "am start -d 'http://localhost:1/",
        f"am start -d '{LINK}''",
        f"am start -d '{LINK}&y'",
        f"am start -d {LINK}",  # unquoted, its ? is a pattern
        "am start -d 'http://localhost:1/?t=a'",
    ],
)
def test_quotes_are_for_links_alone(text: str) -> None:
    with pytest.raises(ValueError, match="not a safe command"):
        Command(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda package: commands.view(package, LINK),
        lambda package: commands.microphone(package, allow=True),
        lambda package: commands.microphone(package, allow=False),
        commands.dump_browser,
        commands.pidof_browser,
        commands.browser_to_front,
    ],
)
def test_only_known_browsers_are_driven(make) -> None:
    for package in BROWSERS:
        assert package in make(package).text
    for package in ("", "com.example.bank", f"{CHROME}; reboot", "org.chirpbench.probe"):
        with pytest.raises(ValueError, match="not a browser"):
            make(package)


@given(st.text(max_size=120))
def test_whatever_a_url_is_it_is_a_link_or_no_command(url: str) -> None:
    try:
        text = commands.view(CHROME, url).text
    except ValueError:
        return
    assert text.count("'") == 2
    assert not set('$`"\\\n|&<>()*') & set(text)


def test_what_a_phone_says_of_a_link_is_told_without_its_token() -> None:
    said = f"Error: java.lang.SecurityException: dat={LINK} ({TOKEN})"
    told = chrome._without_token(said, LINK)
    assert TOKEN not in told
    assert "SecurityException" in told
    assert chrome._without_token("Error: no", "http://localhost:1/") == "Error: no"


# --- the note on the phone ------------------------------------------------------------------------

ports = st.tuples(st.integers(1, 65_535), st.integers(1, 65_535))
notes = st.builds(
    Before,
    st.none() | st.integers(0, 255),
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 255)), max_size=16).map(tuple),
    st.lists(st.sampled_from(sorted(BROWSERS)), max_size=4).map(tuple),
    st.lists(ports, max_size=4).map(tuple),
)


@given(notes)
def test_a_note_is_read_as_it_was_written(before: Before) -> None:
    assert Before.read(before.text()) == before
    assert Before.read(before.text()[:-5]) is None


@pytest.mark.parametrize(
    "lines",
    [
        "microphone com.example.bank\n",
        "microphone com.android.chrome; reboot\n",
        "microphone\n",
        "reverse 0 5\n",
        "reverse 70000 5\n",
        "reverse 5\n",
        "reverse 5 5 5\n",
        "reverse 5 5\nmicrophone com.android.chrome\n",  # not in our order
        "reverse 5 5\n" * 5,
    ],
)
def test_a_note_by_somebody_else_means_nothing(lines: str) -> None:
    """Whoever can write to the phone's folder can write that file."""
    assert Before.read(f"{HEAD}end\n") == Before(0)
    assert Before.read(f"{HEAD}{lines}end\n") is None


@given(st.text(alphabet="chirpbench-restore 1\nglobalmcopundx.0579", max_size=200))
def test_a_hostile_note_is_ours_to_the_letter_or_none(text: str) -> None:
    before = Before.read(HEAD + text)
    if before is not None:
        assert before.text().rstrip("\n") == (HEAD + text).rstrip("\n")


# --- what the package manager says ----------------------------------------------------------------


def dump(state: str = "installed=true hidden=false stopped=false enabled=0 instant=false") -> str:
    return (
        f"Packages:\n  Package [{CHROME}] (5d1e2):\n"
        "    versionCode=730004001 minSdk=29 targetSdk=35\n"
        "    versionName=150.0.7300.40\n"
        "    install permissions:\n"
        "      android.permission.INTERNET: granted=true\n"
        f"    User 0: ceDataInode=1 {state}\n"
        "      runtime permissions:\n"
        "        android.permission.RECORD_AUDIO: granted=true, flags=[ USER_SET]\n"
        "    User 10: ceDataInode=0 installed=false hidden=false enabled=3\n"
        "        android.permission.RECORD_AUDIO: granted=false\n"
    )


def test_a_browser_is_read_from_its_dump() -> None:
    found = chrome._browser(dump(), CHROME)
    assert found == chrome.Browser(CHROME, "150.0.7300.40", True)
    assert found.name == "Chrome"
    assert chrome._browser(dump(), "com.microsoft.emmx") is None
    assert parsers.package(dump()) is None, "the probe is another package"


@pytest.mark.parametrize(
    ("state", "usable"),
    [
        ("installed=true hidden=false enabled=1", True),
        ("installed=true hidden=false enabled=2", False),
        ("installed=true hidden=false enabled=3", False),
        ("installed=false hidden=false enabled=0", False),
        ("said otherwise", True),
    ],
)
def test_a_browser_that_is_switched_off_or_removed_does_not_count(state: str, usable: bool) -> None:
    assert (chrome._browser(dump(state), CHROME) is not None) is usable


@given(st.text(max_size=300))
def test_a_dump_of_a_hostile_phone_is_a_browser_or_none(text: str) -> None:
    for whole in (text, dump()[:150] + text, dump(text)):
        found = chrome._browser(whole, CHROME)
        assert found is None or "\n" not in found.version
