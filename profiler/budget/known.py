"""Quick look-ups in what is known of a model: finite numbers only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property

from profiler.catalogue.systems import in_brackets, that_run_on
from profiler.model import Knowledge, ModelFacts, Platform, Quantity, SupportLevel, Verdict

ANDROID_APIS = ("aaudio", "java", "opensles")
IOS_APIS = ("coreaudio_remote_io", "coreaudio_voice_processing")
WOULD_TELL = "would tell"
DID_NOT_TELL = "was made and did not tell"
_MEASURED = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)
_COUNT = "1"
"""Unit of what a test counts: a test of which nothing worked has such numbers, too."""


def family(facts: ModelFacts) -> str:
    """``android``, ``ios``, ``web`` or ``host``: whose stack a model runs."""
    if facts.platform in (Platform.WEB, Platform.HOST):
        return facts.platform.value
    if facts.platform is Platform.IOS:
        return "ios"
    if facts.platform is Platform.ANDROID or facts.os_name.strip().casefold() == "android":
        return "android"
    return "ios" if facts.os_name else "android"


class Known:
    """A :class:`~profiler.model.Knowledge` with an index; numbers that are not finite are left
    out."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.facts = knowledge.facts
        self.family = family(knowledge.facts)
        self._plain: dict[tuple[str, str], Quantity] = {}
        self._variants: dict[tuple[str, str], dict[str, Quantity]] = {}
        for q in knowledge.quantities:
            if all(map(math.isfinite, (q.value, q.low, q.high, q.worst, q.least))):
                self._add(q)

    def _add(self, q: Quantity) -> None:
        if (q.test_id, q.name) in self._plain:
            return  # the first, as Knowledge.quantity has it
        self._plain[q.test_id, q.name] = q
        head, bracket, rest = q.name.partition("[")
        if bracket and rest.endswith("]"):
            self._variants.setdefault((q.test_id, head), {})[rest[:-1]] = q

    def quantity(self, test_id: str, name: str) -> Quantity | None:
        """A number of a test."""
        return self._plain.get((test_id, name))

    def variants(self, test_id: str, name: str) -> dict[str, Quantity]:
        """``name[VARIANT]`` of a test, by VARIANT."""
        return self._variants.get((test_id, name), {})

    @cached_property
    def _made(self) -> frozenset[str]:
        """Tests that measured something on this very build."""
        here = SupportLevel.SAME_BUILD
        known = self.knowledge
        judged = {t.test_id for t in known.tests if t.level is here and t.verdict in _MEASURED}
        numbers = {q.test_id for q in self._plain.values() if q.level is here and q.unit != _COUNT}
        return frozenset(judged | numbers)

    def made(self, test_id: str) -> bool:
        """Whether a test measured something on this very build: the same test again says no more,
        and what it did not compare it will not."""
        return test_id in self._made

    def telling(
        self, test_ids: Iterable[str], would: str = WOULD_TELL, got: str = DID_NOT_TELL
    ) -> tuple[tuple[str, ...], str]:
        """Those of ``test_ids`` that a device of this family can run and that were not made on this
        build, and an end for the text that names them: what they ``would``, and what those that
        were made ``got``."""
        able = that_run_on(test_ids, self.family)
        left = tuple(t for t in able if not self.made(t))
        return left, in_brackets(left, would, ([t for t in able if self.made(t)], got))

    @cached_property
    def probed_api(self) -> str | None:
        """The API behind the probe's ``default``.

        The first that the probe lists; where it lists none, the first that no variant names.
        ``None`` = neither, so nothing can be said.
        """
        if self.facts.apis:
            return self.facts.apis[0]
        named = {
            label.removeprefix("api=").partition(",")[0]
            for test_id, name in (("L3", "rtl_ms"), ("D1", "zero_run_ms"))
            for label in self.variants(test_id, name)
            if label.startswith("api=")
        }
        apis = {"android": ANDROID_APIS, "ios": IOS_APIS}.get(self.family, ())
        return next((api for api in apis if api not in named), None) if named else None
