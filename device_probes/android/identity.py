"""Which phone is which: equal serials, dummy serials, one phone by cable and by Wi-Fi.

Pure: from what the adb server lists and what the phones answer to who they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from device_probes.android.listing import Listed

_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{3,63}\Z")
_DUMMIES = frozenset(
    {"0123456789abcdef", "0123456789", "123456789abcdef", "1234567890abcdef", "unknown", "null",
     "none", "default", "android", "serial", "serialno", "0000000000000000", "noserial", "unset"}
)  # fmt: skip
"""What makers leave in ``ro.serialno``; STF and adb-idea #100 met the first of them."""
_UNFIT = re.compile(r"[^A-Za-z0-9._:@-]")


def is_sane_serial(serial: str) -> bool:
    """Whether a serial number can tell one phone from another."""
    return (
        bool(_SANE.match(serial))
        and serial.lower() not in _DUMMIES
        and len(set(serial.strip("0"))) > 1
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """What a phone said of itself; empty where it did not."""

    serial: str = ""
    """``ro.serialno``."""
    boot_id: str = ""
    """The kernel's UUID of this boot: equal for two ways to one phone, never for two phones."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One connection of one phone."""

    key: str
    """Stable identity, of letters that are safe to show; a device's serial for all others."""
    listed: Listed
    serial: str = ""
    """The phone's own serial number when it is worth anything; twins share it."""
    path: str = ""
    """Where it is plugged in, or its address."""
    duplicate_of: str = ""
    """Address of the better connection to the same phone, which is the one to use."""
    note: str = ""
    """What a person should know of its identity."""

    def is_same(self, other: Sighting) -> bool:
        """Whether both are the same phone, also when a twin came or went in between."""
        if self.key == other.key:
            return True
        return bool(self.serial) and self.serial == other.serial and self.path == other.path


def identify(
    rows: Sequence[tuple[Listed, Answers]],
    host: str,
    names: Mapping[str, str] | None = None,
) -> tuple[Sighting, ...]:
    """One sighting a row, in order; exactly one of each phone is no duplicate.

    ``names`` gives known phones (adb serial → key) and wins over everything. A phone without a
    serial of its own is the place where it is plugged in: ``host@usb:1-4.2``.
    """
    names = names or {}
    base = [_sighting(listed, answers, names) for listed, answers in rows]
    clusters = _clusters(base, [answers.boot_id for _, answers in rows])
    phones: dict[str, int] = {}
    for members in clusters:
        serial = _serial_of(base, members)
        if serial:
            phones[serial] = phones.get(serial, 0) + 1
    found = list(base)
    keys: set[str] = set()
    for members in sorted(clusters, key=lambda group: not base[group[0]].key):  # the known first
        best = min(members, key=lambda i: (base[i].listed.link != "usb", i))
        serial = _serial_of(base, members)
        twins = phones.get(serial, 0)
        key = serial if twins == 1 else f"{host}@{base[best].path}"
        key = _unused(_UNFIT.sub("_", base[best].key or key)[:96], keys)
        note = f"{twins} phones say the serial {serial}" if twins > 1 else ""
        for i in members:
            other = base[best].path if i != best else ""
            found[i] = replace(
                base[i], key=key, serial=serial or base[i].serial, duplicate_of=other, note=note
            )
    return tuple(found)


def _unused(key: str, keys: set[str]) -> str:
    """``key``, or what tells it from an equal one: where two phones seem to be at one place, both
    count, and none takes the other's lock or its part in a bench."""
    name = next(
        n for i in range(len(keys) + 1) if (n := f"{key}.{i + 1}" if i else key) not in keys
    )
    keys.add(name)
    return name


def _serial_of(base: list[Sighting], members: list[int]) -> str:
    """A phone's serial: the one its cable says, else any."""
    return next((base[i].serial for i in members if base[i].serial), "")


def _sighting(listed: Listed, answers: Answers, names: Mapping[str, str]) -> Sighting:
    """What one row says by itself; the key only when it is a known phone."""
    known = names.get(listed.serial, "")
    candidates = [answers.serial] if listed.link != "usb" else [answers.serial, listed.serial]
    serial = next((s for s in candidates if is_sane_serial(s)), "")
    path = f"usb:{listed.usb_path}" if listed.usb_path else listed.serial or "usb"
    return Sighting(known, listed, "" if known else serial, path)


def _clusters(base: list[Sighting], boot_ids: list[str]) -> list[list[int]]:
    """Rows of the same phone together: by boot id; without one, one cable and its network."""
    groups: dict[str, list[int]] = {}
    loose: list[int] = []
    for i, sighting in enumerate(base):
        if sighting.key:
            groups[f"name {sighting.key} {i}"] = [i]
        elif boot_ids[i]:
            groups.setdefault(f"boot {boot_ids[i]}", []).append(i)
        elif sighting.listed.link == "usb":
            groups[f"cable {i}"] = [i]
        else:
            loose.append(i)
    for i in loose:
        same = [g for g in groups.values() if base[i].serial and _serial_of(base, g) ==
                base[i].serial]  # fmt: skip
        with_cable = [g for g in same if any(base[k].listed.link == "usb" for k in g)]
        if len(same) == 1 and with_cable:
            with_cable[0].append(i)
        else:  # two addresses that cannot be told apart are two phones until they can
            groups[f"address {i}"] = [i]
    return list(groups.values())
