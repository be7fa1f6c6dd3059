"""Answers whether a member exists: in the real framework of API 26, and in the public lists."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from tools.apk import classfile, layout
from tools.apk.gates import signatures

API = layout.TOOLCHAIN / "api"
FRAMEWORK_26 = API / "android-all-8.0.0_r4-robolectric-r1.jar"
LISTED_LEVELS = (26, 32, 34)
"""API levels whose list of public methods is published."""
OBJECT = "java/lang/Object"


def list_path(level: int) -> Path:
    """Where ``tools/apk/fetch.py api`` puts the list of one level."""
    return API / f"gummy-bears-api-{level}-0.12.0.signature"


class Classes(Protocol):
    """Classes of a platform by internal name."""

    def get(self, name: str) -> signatures.PublicClass | None:
        """One class; None when the platform has none of that name."""
        ...


JAVA = ("java/", "javax/")


class Framework:
    """The classes of a framework jar, with their hidden members; read when asked for.

    The jar has no Java library of its own (it runs on a JDK's): those classes are ``library``'s.
    """

    def __init__(self, jar: Path, library: Classes) -> None:
        self._jar = zipfile.ZipFile(jar)
        self._library = library
        self._known: dict[str, signatures.PublicClass | None] = {}

    def get(self, name: str) -> signatures.PublicClass | None:
        """One class; None when the jar has none of that name."""
        if name.startswith(JAVA):
            return self._library.get(name)
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> signatures.PublicClass | None:
        try:
            found = classfile.parse(self._jar.read(f"{name}.class"))
        except KeyError:
            return None
        usable = (m for m in found.members if not m.access & classfile.ACC_PRIVATE)
        names = frozenset(member.signature for member in usable)
        return signatures.PublicClass(found.parent, found.interfaces, names)

    def close(self) -> None:
        """Close the jar."""
        self._jar.close()


def lineage(classes: Classes, name: str) -> Iterator[signatures.PublicClass]:
    """A class, its parents and every interface of theirs; interfaces also have Object's methods."""
    waiting, seen = [name], set()
    while waiting:
        current = waiting.pop(0)
        found = None if current in seen else classes.get(current)
        seen.add(current)
        if found is not None:
            yield found
            waiting += [*([found.parent] if found.parent else []), *found.interfaces]
            if current != OBJECT:
                waiting.append(OBJECT)


def has(classes: Classes, owner: str, signature: str) -> bool:
    """Whether ``owner`` has or inherits the member; an empty signature asks for the class only."""
    if not signature:
        return classes.get(owner) is not None
    own_only = signature.startswith("<init>")
    for place, found in enumerate(lineage(classes, owner)):
        if signature in found.signatures:
            return True
        if own_only and place == 0:
            return False
    return False


class Platform:
    """API 26 as it is, and what is public at each listed level."""

    def __init__(self) -> None:
        self._public: Mapping[int, Mapping[str, signatures.PublicClass]] = {
            level: signatures.read(list_path(level)) for level in LISTED_LEVELS
        }
        self._real = Framework(FRAMEWORK_26, self._public[layout.MIN_SDK])

    def at_minimum(self, owner: str, signature: str) -> str:
        """Why an app for API 26 may not use the member; empty when it may.

        Both are asked: the framework also holds what is hidden from apps, and the list is another's
        work. For java.* the list alone knows. It has a few methods of Java 9 and later that
        Google's dexer replaces and ours does not; ``javac --release 8`` refuses those.
        """
        if not has(self._real, owner, signature):
            return f"API {layout.MIN_SDK} does not have it"
        if not has(self._public[layout.MIN_SDK], owner, signature):
            return f"hidden in API {layout.MIN_SDK}"
        return ""

    def is_public(self, owner: str, signature: str, level: int) -> bool:
        """Whether the first list of ``level`` or later has the member."""
        listed = min((have for have in LISTED_LEVELS if have >= level), default=None)
        return listed is not None and has(self._public[listed], owner, signature)

    def close(self) -> None:
        """Close the framework's jar."""
        self._real.close()
