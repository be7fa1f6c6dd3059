"""What a whole advice rests on: how many settings were measured where, and which is the weakest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.model import Caution, Confidence, Setting, SupportLevel
from profiler.recommend.confidence import CAPS, ENOUGH_RESULTS, ORDER, concerns, weakest

_CAPPED = {
    "contradictory": "its results contradict each other",
    "emulator": "all results are of emulators",
    "too_few_runs": "too few runs",
    "only_virtual": "all results are of simulated phones",
    "stale": "old results",
    "partly_stale": "old results",
    "custom_rom": "a custom ROM",
}
"""Of each of ``CAPS``, for a line."""


def would_tell(setting: Setting) -> tuple[str, ...]:
    """The tests that would decide a setting which nothing measured; empty = it needs none.

    What is measured is decided, though the rule may name a test that would say more.
    """
    return setting.would_tell if setting.confidence is Confidence.ASSUMED else ()


@dataclass(frozen=True, slots=True)
class Support:
    """The settings that hold everywhere, by what they rest on."""

    own: tuple[Setting, ...]
    """Measured on this very build."""
    other_build: tuple[Setting, ...]
    """Measured on another build of the model."""
    relatives: tuple[Setting, ...]
    """Measured on other models."""
    unmeasured: tuple[Setting, ...]
    """Cautious values, because nothing measured what a test would tell."""
    free: tuple[Setting, ...]
    """What use case and network decide, or what no test of this system can: there is nothing to
    measure."""

    @property
    def measured(self) -> tuple[Setting, ...]:
        """Here or on a relative."""
        return (*self.own, *self.other_build, *self.relatives)

    @property
    def decidable(self) -> int:
        """How many settings a measurement decides, made or not."""
        return len(self.measured) + len(self.unmeasured)

    @property
    def would_tell(self) -> tuple[str, ...]:
        """Tests that would decide what is unmeasured."""
        return tuple(dict.fromkeys(t for s in self.unmeasured for t in would_tell(s)))

    @property
    def confidence(self) -> Confidence:
        """What at least half of the settings reach that a measurement decides.

        Unmeasured ones count as assumed and a relative's as low at best, so that no phone is
        trusted beyond what was measured on it, and one more measurement never lowers it.
        """
        far = (*self.other_build, *self.relatives)
        grades = [s.confidence for s in self.own]
        grades += [weakest((s.confidence, Confidence.LOW)) for s in far]
        grades += [Confidence.ASSUMED] * len(self.unmeasured)
        ordered = sorted(grades, key=ORDER.index, reverse=True)
        return ordered[math.ceil(len(ordered) / 2) - 1] if ordered else Confidence.ASSUMED

    @property
    def weakest(self) -> tuple[Setting, ...]:
        """The measured settings of least confidence, those that an app must change first."""
        least = weakest([s.confidence for s in self.measured])
        found = [s for s in self.measured if s.confidence is least]
        return tuple(sorted(found, key=lambda s: not s.changed))


def support(settings: Sequence[Setting]) -> Support:
    """Of an advice's settings; those of single routes are left out."""
    groups: dict[str, list[Setting]] = {name: [] for name in Support.__dataclass_fields__}
    for setting in settings:
        if not setting.route:
            groups[_group(setting)].append(setting)
    return Support(**{name: tuple(found) for name, found in groups.items()})


def _group(setting: Setting) -> str:
    if setting.confidence is Confidence.ASSUMED:
        return "unmeasured" if would_tell(setting) else "free"
    if setting.level is SupportLevel.SAME_BUILD:
        return "own"
    return "other_build" if setting.level is SupportLevel.SAME_MODEL else "relatives"


def why_no_more(setting: Setting, cautions: Sequence[Caution]) -> str:
    """Why the confidence of a measured setting is not higher, in a few words."""
    if setting.level is not SupportLevel.SAME_BUILD:
        return "measured on a relative, not on this build"
    tests = set(setting.test_ids)
    for caution in cautions:
        if CAPS.get(caution.code) is setting.confidence and concerns(caution, tests):
            return _CAPPED[caution.code]
    if setting.confidence is Confidence.LOW:
        # What measured it would decide it in more runs: so far it did not.
        undecided = set(setting.test_ids).intersection(setting.would_tell)
        return setting.reason if undecided else f"only indirect evidence: {setting.reason}"
    if setting.results < ENOUGH_RESULTS:
        return f"fewer than {ENOUGH_RESULTS} results"
    return "a marginal verdict"
