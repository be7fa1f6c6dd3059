"""Splitting a command's arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


class BadOption(Exception):
    """An option the command does not have, or one without its value."""


@dataclass(slots=True)
class Options:
    """Flags, options with values (the last one counts), and what is left."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)


def split(
    args: Iterable[str], *, flags: str = "", valued: Iterable[str] = (), anywhere: bool = True
) -> Options:
    """Read options: ``flags`` are the letters that may be joined (``-la``), ``valued`` are whole
    words (``-n``, ``--user``) that take the next argument. Raises :class:`BadOption`.

    Without ``anywhere`` the first argument that is no option ends them.
    """
    found = Options()
    left = list(args)
    with_value = set(valued)
    while left:
        word = left.pop(0)
        if word in with_value:
            if not left:
                raise BadOption(word)
            found.values[word] = left.pop(0)
        elif len(word) > 1 and word[0] == "-" and set(word[1:]) <= set(flags):
            found.flags |= set(word[1:])
        elif word == "--":
            found.rest += left
            break
        elif len(word) > 1 and word[0] == "-" and not word[1:].isdecimal():
            raise BadOption(word)
        else:
            found.rest.append(word)
            if not anywhere:
                found.rest += left
                break
    return found
