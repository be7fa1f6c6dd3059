"""What to run for a section that has nothing to show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.text import code, md, no_paths, plain
from dashboard.views.model.measured import own_results
from profiler.catalogue import SUITES
from profiler.model import KnownResult, ModelKey, Platform
from profiler.summary.reason_words import in_words

MAX_REASONS = 3


def smallest_suite(test_ids: Iterable[str]) -> str:
    """The first suite, from the shortest on, that holds all of these tests."""
    wanted = set(test_ids)
    return next(name for name, tests in SUITES.items() if wanted <= set(tests))


def command(test_ids: Iterable[str], platform: Platform, *, virtual: bool) -> str:
    """What to type, e.g. ``chirpbench run --suite quick``."""
    suite = smallest_suite(test_ids)
    if virtual:
        return f"chirpbench run --virtual --suite {suite} --speed 8"
    kind = {Platform.WEB: " --probe web", Platform.HOST: " --probe host"}.get(platform, "")
    return f"chirpbench run{kind} --suite {suite}"


def _meant(tried: Iterable[KnownResult]) -> str:
    """What the reasons mean, which says what to change."""
    codes = dict.fromkeys(code for known in tried for code in known.result.reasons)
    said = [f"{plain(c, 40)}: {no_paths(w)}" for c in codes if (w := in_words(c))]
    return f" What to change: {'; '.join(said[:MAX_REASONS])}." if said else ""


@dataclass(frozen=True, slots=True)
class Need:
    """Why there is nothing to show, and what to type."""

    why: str
    command: str
    then: str

    @property
    def plain(self) -> str:
        """As text."""
        return f"{self.why} `{self.command}` {self.then}"

    @property
    def parts(self) -> tuple[str, str, str]:
        """What stands before the command, the command, and what stands after it, as text."""
        return f"{self.why} ", self.command, f" {self.then}"

    @property
    def markdown(self) -> str:
        """With the command as code."""
        return f"{md(self.why, 1600)} {code(self.command)} {md(self.then, 100)}"


def need(
    what: str,
    test_ids: tuple[str, ...],
    results: Iterable[KnownResult],
    key: ModelKey,
    platform: Platform,
    *,
    virtual: bool,
) -> Need:
    """Why ``what`` is not there, which tests give it, and the command."""
    results = list(results)
    line = command(test_ids, platform, virtual=virtual)
    tried = [r for t in test_ids for r in own_results(results, key, t)[:1]]
    if not tried:
        tests = " and ".join(test_ids)
        return Need(
            f"{what} was not measured on this build: test {tests} was not made.", line, "gives it."
        )
    said = "; ".join(
        f"{r.result.test_id} ended {r.result.verdict.value.replace('_', ' ')} on "
        f"{r.recorded_at:%Y-%m-%d} ({plain(no_paths(r.result.text), 160)})"
        for r in tried
    )
    return Need(
        f"{what} has no number on this build: {said}.{_meant(tried)} Afterwards",
        line, "measures it again.",
    )  # fmt: skip
