"""Which tests a kind of device can run at all, for texts that name a test as what would tell.

The tests' own planners decide and say why (``not_on_this_probe``, ``needs_coder``, ``needs_adb``);
the table here repeats them by family, as advice knows of a model no more. A test of the catalogue
holds the two beside each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

NEVER: Mapping[str, frozenset[str]] = {
    "android": frozenset({"W1"}),
    "ios": frozenset({"A6", "G5", "R4", "V6", "W1"}),
    "web": frozenset({"A6", "G5", "K1", "L8", "R1", "R4", "V2", "V4"}),
    "host": frozenset({
        "A1", "A3", "A5", "A6", "A7", "A8", "G5", "K1", "L2", "L8", "R1", "R4", "V2", "V6", "W1",
    }),
}  # fmt: skip
"""By family (``android``, ``ios``, ``web``, ``host``): tests that none of its devices can run,
whatever stands on the bench."""


def runs_on(test_id: str, family: str) -> bool:
    """Whether a device of this family can run a test, given what it needs beside it."""
    return test_id not in NEVER.get(family, frozenset())


def that_run_on(test_ids: Iterable[str], family: str) -> tuple[str, ...]:
    """Those of ``test_ids`` that a device of this family can run."""
    return tuple(t for t in test_ids if runs_on(t, family))


def in_brackets(
    test_ids: Sequence[str], telling: str = "would tell", *others: tuple[Sequence[str], str]
) -> str:
    """`` (A1 or L1 would tell; V6 was made and found none)``, to end a text with; ``others`` are
    further tests with their words. Nothing without tests or without words."""
    said = ((test_ids, telling), *others)
    parts = [f"{' or '.join(tests)} {words}" for tests, words in said if tests and words]
    return f" ({'; '.join(parts)})" if parts else ""
