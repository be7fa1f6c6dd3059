"""The command line's grammar, its help and its page."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.cli.arguments import bind_optional_values, build_parser

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "devices", "doctor", "run", "stimulus", "exchange-plan", "analyze", "reanalyze", "results",
    "models", "compare", "recommend", "verify", "export", "verify-export", "export-diff",
    "dashboard",
}  # fmt: skip
UUID = "0b0f4a7e-8f2c-4c53-9a1d-0d4f7c5b1a2e"


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def test_the_commands_are_the_promised_ones() -> None:
    assert set(commands()) == COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_and_has_a_module(name: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert f"## chirpbench {name}\n" in page
    parser = commands()[name]
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{name} {action.dest} has no help"
    assert (ROOT / "profiler" / "cli" / "commands" / f"{name.replace('-', '_')}.py").is_file()


@pytest.mark.parametrize("name", sorted(COMMANDS - {"analyze", "dashboard"}))
def test_every_command_that_prints_data_has_json(name: str) -> None:
    assert "--json" in commands()[name]._option_string_actions


@pytest.mark.parametrize(
    ("words", "bound"),
    [
        (["run", "--virtual"], ["run", "--virtual="]),
        (["run", "--virtual", "VP1"], ["run", "--virtual=", "VP1"]),
        (["run", "--virtual", "f.toml", "VP1"], ["run", "--virtual=f.toml", "VP1"]),
        (["run", "--virtual=f.toml"], ["run", "--virtual=f.toml"]),
        (["run", "--resume", "--virtual"], ["run", "--resume=", "--virtual="]),
        (["run", "--resume", UUID], ["run", f"--resume={UUID}"]),
        (["run", "--resume", "VP1"], ["run", "--resume=", "VP1"]),
        ([], []),
    ],
)
def test_optional_values(words: list[str], bound: list[str]) -> None:
    assert bind_optional_values(words) == bound


@given(st.lists(st.text(max_size=12), max_size=6))
def test_words_are_neither_lost_nor_reordered(words: list[str]) -> None:
    plain = [w for w in words if w not in ("--virtual", "--resume")]
    assert bind_optional_values(plain) == plain


def test_run_parses_what_the_documents_show() -> None:
    words = ["run", "A", "B", "--virtual", "--probe", "host,virtual", "--fast", "--seed", "7"]
    args = build_parser().parse_args(bind_optional_values(words))
    assert (args.serials, args.virtual, args.probe) == (["A", "B"], "", ("host", "virtual"))
    assert (args.fast, args.speed, args.seed, args.suite) == (True, None, 7, None)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--probe", "toaster"],
        ["run", "--probe", ","],
        ["run", "--speed", "nan"],
        ["run", "--speed", "inf"],
        ["run", "--speed", "-1"],
        ["run", "--fast", "--speed", "3"],
        ["run", "--seed", "9" * 5000],
        ["analyze", "a.wav"],
        ["analyze", "--stimulus", "s.wav"],
        ["analyze", "a.wav", "--stimulus", "s.wav", "--jobs", "0"],
        ["analyze", "a.wav", "--stim", "s.wav"],
        ["stimulus", "--out", "s.wav", "--amplitude", "nan"],
        ["stimulus", "--out", "s.wav", "--chirp", "9"],
        ["compare", "one"],
        ["nonsense\x1b[2J"],
        [],
    ],
)
def test_wrong_words_are_one_line_and_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(bind_optional_values(words))
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--help" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (["doctor", "--probe", "ios"], "chirpbench doctor --help"),
        (["analyze", "a.wav", "--stim", "s.wav"], "chirpbench analyze --help"),
        (["--probe", "doctor"], "chirpbench --help"),
    ],
)
def test_an_unknown_option_is_sent_to_the_help_of_its_command(
    words: list[str], page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(words)
    said = capsys.readouterr().err
    assert said.startswith(f"{page.removesuffix(' --help')}: unrecognized arguments: --")
    assert f"see '{page}'" in said


@pytest.mark.parametrize(
    ("given", "usual", "url", "more"),
    [
        (None, None, "chirpbench.db", ""),
        (None, "b.db", "b.db", ""),
        ("x.db", None, "x.db", " --db x.db"),
        ("my x.db", "my x.db", "my x.db", " --db 'my x.db'"),
        (None, "b.db", "plan.db", " --db plan.db"),
        ("pg://u:pw@h/d", None, "pg://u:pw@h/d", " --db 'pg://u:***@h/d'"),
    ],
)
def test_where_to_look_again_names_the_store_that_was_used(
    given: str | None, usual: str | None, url: str, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from profiler.cli.place import same_store

    monkeypatch.delenv("CHIRPBENCH_DB", raising=False)
    if usual is not None:
        monkeypatch.setenv("CHIRPBENCH_DB", usual)
    args = argparse.Namespace(db=given)
    assert same_store(args, url, url.replace(":pw@", ":***@")) == more


def test_the_store_comes_from_the_nearest_word(monkeypatch: pytest.MonkeyPatch) -> None:
    from profiler.cli.place import store_url

    args = build_parser().parse_args(["models"])
    monkeypatch.delenv("CHIRPBENCH_DB", raising=False)
    assert store_url(args) == "chirpbench.db"
    monkeypatch.setenv("CHIRPBENCH_DB", "elsewhere.db")
    assert store_url(args) == "elsewhere.db"
    assert store_url(args, "plan.db") == "plan.db"
    args = build_parser().parse_args(["models", "--db", "x.db"])
    assert store_url(args, "plan.db") == "x.db"
