"""Whether code for newer phones runs on those only: the lint's half about ``SDK_INT``.

A class ``ApiNN`` of the app holds what API NN brought; whoever calls it must have compared
``Build.VERSION.SDK_INT`` first, itself or in each method that calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tools.apk import layout
from tools.apk.gates.dexfile import Class, DexFile, Method, Reference

SDK_INT = Reference("Landroid/os/Build$VERSION;", "SDK_INT#I")
_HOLDER = re.compile(r"L" + layout.PACKAGE.replace(".", "/") + r"/Api(\d\d)(\$.*)?;")
MAX_LEVEL = 99
"""A larger constant beside SDK_INT is no API level."""


def holder_level(name: str) -> int:
    """29 for the app's class ``Api29`` and the classes in it; the minimum level for others."""
    found = _HOLDER.fullmatch(name)
    return int(found.group(1)) if found else layout.MIN_SDK


def name_of(user: Class, method: Method) -> str:
    """``org/chirpbench/probe/Routing.use()V``: how complaints and excuses name a method."""
    return f"{user.name[1:-1]}.{method.signature}"


def complaints(dex: DexFile, excused: Mapping[str, str]) -> list[str]:
    """Unguarded calls of ``ApiNN`` classes, and excuses (method -> reason) that nobody needs."""
    guards = _Guards(dex, excused)
    found, needed = [], set()
    for user, method, level in guards.calls():
        name = name_of(user, method)
        if guards.hold(user, method, level, set()):
            continue
        needed.add(name)
        if name not in excused:
            found.append(
                f"{name} uses Api{level}, and neither it nor each of its callers compares "
                f"SDK_INT with {level} or more"
            )
    unused = sorted(excused.keys() - needed)
    return found + [f"levels.py excuses {name}, which needs no excuse" for name in unused]


class _Guards:
    """The calls among the app's own methods."""

    def __init__(self, dex: DexFile, excused: Mapping[str, str]) -> None:
        self._excused = excused
        self._methods = [(user, method) for user in dex.classes for method in user.methods]
        self._callers: dict[Reference, list[tuple[Class, Method]]] = {}
        for user, method in self._methods:
            for use in method.uses:
                self._callers.setdefault(use, []).append((user, method))

    def calls(self) -> Iterator[tuple[Class, Method, int]]:
        """Methods outside the ``ApiNN`` classes that use one, with the highest NN."""
        for user, method in self._methods:
            level = max((holder_level(use.owner) for use in method.uses), default=0)
            if level > layout.MIN_SDK and holder_level(user.name) == layout.MIN_SDK:
                yield user, method, level

    def hold(self, user: Class, method: Method, level: int, seen: set[str]) -> bool:
        """Whether the method runs on ``level`` and up only; ``seen`` are those asked already."""
        if _asks_for(method, level) or holder_level(user.name) >= level:
            return True
        name = name_of(user, method)
        if name in seen:
            return True  # a circle: the callers outside of it decide
        calling = self._callers.get(Reference(user.name, method.signature), [])
        if not method.direct or not calling:
            return False  # the system, or an interface, may call it on any phone
        inner = seen | {name}
        return all(
            name_of(*caller) in self._excused or self.hold(*caller, level, inner)
            for caller in calling
        )


def _asks_for(method: Method, level: int) -> bool:
    """Whether the method reads SDK_INT and has a constant of ``level`` or more.

    "> 28" does not count as "at least 29": in the bytecode it looks like ">= 28".
    """
    admits = range(level, MAX_LEVEL)
    return SDK_INT in method.uses and any(number in admits for number in method.numbers)
