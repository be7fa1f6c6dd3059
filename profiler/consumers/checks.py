"""How a check is made: values are compared one by one, the result is one line."""

from __future__ import annotations

from dataclasses import dataclass, field

from profiler.model import ConsumerCheck

ACCEPTED = "accepted"
REJECTED = "rejected"
UNAVAILABLE = "unavailable"
NO_CONSUMER = "no_consumer"
MAX_SHOWN = 3
"""Differences named in a line."""


class Unreadable(Exception):
    """An exported file cannot be read as its format says; the text says which and why."""


@dataclass(slots=True)
class Comparison:
    """Collects what a consumer has in force against what was exported."""

    target: str
    consumer: str
    checked: int = 0
    wrong: list[str] = field(default_factory=list)

    def same(self, what: str, wanted: object, got: object) -> None:
        """Compare one value."""
        self.checked += 1
        if type(wanted) is not type(got) or wanted != got:
            self.wrong.append(f"{what} is {_short(got)}, exported {_short(wanted)}")

    def true(self, what: str, holds: bool) -> None:
        """Check one statement; ``what`` says what is wrong when it does not hold."""
        self.checked += 1
        if not holds:
            self.wrong.append(what)

    def result(self, text: str) -> ConsumerCheck:
        """The check; ``text`` says what was compared. Nothing compared is never accepted."""
        if self.wrong:
            shown = "; ".join(self.wrong[:MAX_SHOWN])
            more = len(self.wrong) - MAX_SHOWN
            tail = f"; and {more} more" if more > 0 else ""
            return ConsumerCheck(
                self.target, self.consumer, REJECTED, self.checked, f"{shown}{tail}"
            )
        if not self.checked:
            return ConsumerCheck(self.target, self.consumer, ACCEPTED, 0, "holds no model")
        return ConsumerCheck(self.target, self.consumer, ACCEPTED, self.checked, text)


def rejected(target: str, consumer: str, why: str) -> ConsumerCheck:
    """The file cannot be what the consumer takes."""
    return ConsumerCheck(target, consumer, REJECTED, 0, why)


def unavailable(target: str, consumer: str, install: str) -> ConsumerCheck:
    """The consumer is not on this machine; ``install`` is the command that brings it."""
    return ConsumerCheck(target, consumer, UNAVAILABLE, 0, f"not on this machine: {install}")


def no_consumer(target: str, consumer: str, why: str) -> ConsumerCheck:
    """No program on a bench can load the file."""
    return ConsumerCheck(target, consumer, NO_CONSUMER, 0, why)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:60]}…{shown[-18:]}"
