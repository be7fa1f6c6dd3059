"""Every method, field and type that the shipped dex names exists on every phone it may run on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.apk import layout
from tools.apk.gates import guards
from tools.apk.gates.dexfile import Class, DexFile, Reference
from tools.apk.gates.levels import GUARDED_OTHERWISE, NEWER
from tools.apk.gates.platform import Platform

_NAMED_TYPES = re.compile(r"L[^;]+;")


def internal(descriptor: str) -> str:
    """``Landroid/os/Build;`` -> ``android/os/Build``; "" for numbers and arrays of them.

    An array has the members of Object.
    """
    element = descriptor.lstrip("[")
    return element[1:-1] if element.startswith("L") else ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is known to be newer than the minimum level, and how it is kept from older phones."""

    newer: Mapping[int, tuple[str, ...]]
    guarded_otherwise: Mapping[str, str]


ALLOWED = Allowed(NEWER, GUARDED_OTHERWISE)


def complaints(dex: DexFile, platform: Platform, allowed: Allowed = ALLOWED) -> list[str]:
    """What in ``dex`` does not exist, is hidden, is too new, or is not guarded by SDK_INT."""
    own = {c.name: c for c in dex.classes}
    levels = {member: level for level, members in allowed.newer.items() for member in members}
    found: dict[str, None] = {}
    used: set[str] = set()
    for user in dex.classes:
        for where, reference in _references(user):
            outside = _outside(own, reference)
            if outside is None:
                continue
            owner, signature = outside
            member = f"{owner}.{signature}" if signature else owner
            used.add(member)
            if not platform.at_minimum(owner, signature):
                continue
            if wrong := _guarded(platform, levels, user, owner, signature):
                found[f"{where} uses {member}: {wrong}"] = None
    found |= dict.fromkeys(guards.complaints(dex, allowed.guarded_otherwise))
    found |= dict.fromkeys(_stale(levels, used, platform))
    return list(found)


def _references(user: Class) -> Iterator[tuple[str, Reference]]:
    """(where, what) of a class: parents, types of its own members, and its code."""
    name = internal(user.name)
    for parent in (user.parent, *user.interfaces):
        if parent:
            yield name, Reference(parent, "")
    described = [*user.fields, *(method.signature for method in user.methods)]
    for signature in described:
        for named in _NAMED_TYPES.findall(re.sub(r"^[^(#]*", "", signature)):
            yield f"{name}.{signature}", Reference(named, "")
    for method in user.methods:
        for reference in method.uses:
            yield f"{name}.{method.signature}", reference


def _outside(own: Mapping[str, Class], reference: Reference) -> tuple[str, str] | None:
    """Owner and member outside the app that the reference leads to; None when it is the app's."""
    if reference.owner.startswith("[") and reference.signature:
        return None  # clone() of an array
    owner = internal(reference.owner)
    if not owner:
        return None
    current = own.get(f"L{owner};")
    while current is not None:
        members = {m.signature for m in current.methods} | set(current.fields)
        if not reference.signature or reference.signature in members:
            return None
        # An app's interface may declare what its class inherits from the framework.
        for interface in current.interfaces:
            inherited = own.get(interface)
            if inherited and reference.signature in {m.signature for m in inherited.methods}:
                return None
        owner = internal(current.parent or "Ljava/lang/Object;")
        current = own.get(f"L{owner};")
    return owner, reference.signature


def _guarded(
    platform: Platform, levels: Mapping[str, int], user: Class, owner: str, signature: str
) -> str:
    """Why the class ``user`` may not use a member that API 26 lacks; empty when it may."""
    member = f"{owner}.{signature}" if signature else owner
    level = levels.get(member)
    if level is None:
        return (
            f"API {layout.MIN_SDK} does not have it for apps, and tools/apk/gates/levels.py "
            "does not list it"
        )
    if not platform.is_public(owner, signature, level):
        return f"not public in API {level}"
    if guards.holder_level(user.name) < level:
        return f"came with API {level}: move it to the class Api{level}"
    return ""


def _stale(levels: Mapping[str, int], used: set[str], platform: Platform) -> Iterator[str]:
    """Rows of ``levels.py`` that say nothing."""
    for member in levels:
        owner, _, signature = member.partition(".")
        if member not in used:
            yield f"levels.py lists {member}, which the app does not use"
        elif not platform.at_minimum(owner, signature):
            yield f"levels.py lists {member}, which API {layout.MIN_SDK} already has"
