"""Cautions on a page: no dead path, the whole command, and what a reason means."""

from dashboard.text import no_paths
from dashboard.views import cautions
from profiler.model import Caution
from profiler.summary.cautions import SEE_REASONS


def code(line: str) -> str:
    return f"`{line} --db /x.db`"


def bare(markdown: str) -> str:
    return markdown.replace("\\", "").replace("\u2060", "")


def test_a_command_carries_its_store_and_nothing_else_becomes_one() -> None:
    run = Caution("only_virtual", "no real device; measure one with 'chirpbench run'")
    said = bare(cautions.markdown([run], code))
    assert said == (
        "- **only virtual**: no real device; measure one with `chirpbench run --db /x.db`"
    )
    web = Caution("x", "use 'chirpbench run --probe web' now")
    assert " `chirpbench run --probe web --db /x.db` now" in cautions.markdown([web], code)
    evil = Caution("x", "neither 'chirpbench run; rm -rf /' nor `a` was measured")
    assert "--db" not in cautions.markdown([evil], code)
    assert "\\`a\\`" in cautions.markdown([evil], code)


def test_reasons_are_explained_where_they_stand() -> None:
    tried = Caution(
        "not_measurable",
        f"tried on this build without a number: A4 (echo_left, no_stimulus), A1 (echo_left); "
        f"{SEE_REASONS}",
        ("A4", "A1"),
    )  # fmt: skip
    said = bare(cautions.markdown([tried], code))
    assert "docs/" not in said
    assert said.count("    - `echo_left`: the echo canceller leaves more echo") == 1
    assert "    - `no_stimulus`: the chirps were not found" in said
    paper = cautions.plain(tried)
    assert "docs/" not in paper
    assert "echo_left: the echo canceller leaves more echo" in paper
    named = Caution("inherited", "numbers come from X (clipped)")
    assert "flat tops" not in cautions.markdown([named], code)
    assert cautions.reasons_in("A1 (no_such_reason), Phone (X)") == []


def test_our_own_words_lose_their_paths() -> None:
    assert no_paths("build and install it (docs/ios.md)") == "build and install it"
    assert no_paths("add a partner (docs/bench.md), the") == "add a partner, the"
    assert no_paths("a phone (docs)") == "a phone (docs)"
