"""What a target cannot express: every setting that it does not name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from profiler.export.target import Item
from profiler.model import SETTINGS, SettingValue, Unsupported


def unsupported(
    expressed: Collection[str], why: Mapping[str, str], *, otherwise: str
) -> tuple[Unsupported, ...]:
    """Every setting of :data:`profiler.model.SETTINGS` that is not ``expressed``, with the reason.

    ``why`` gives reasons of single settings. Raises :class:`ValueError` for a name that is no
    setting or that is both expressed and explained: a mistake in the target.
    """
    unknown = (set(expressed) | set(why)) - set(SETTINGS)
    if unknown:
        raise ValueError(f"no such settings: {sorted(unknown)}")
    both = set(expressed) & set(why)
    if both:
        raise ValueError(f"expressed and unsupported: {sorted(both)}")
    return tuple(
        Unsupported(name, why.get(name, otherwise)) for name in SETTINGS if name not in expressed
    )


def route_limited(
    items: Sequence[Item], expressed: Collection[str], why: str = "no value per route"
) -> tuple[Unsupported, ...]:
    """Settings of one route in ``items`` that the target can only express for all routes."""
    keys = {
        setting.key
        for item in items
        for setting in item.advice.settings
        if setting.route and setting.name in expressed
    }
    return tuple(Unsupported(key, why) for key in sorted(keys))


def left_out(
    items: Sequence[Item], why: Mapping[tuple[str, SettingValue], str]
) -> tuple[Unsupported, ...]:
    """The values in ``items`` that the target cannot express although it knows the setting.

    ``why`` maps (setting, value) to the reason; the entry is named ``setting=value``.
    """
    names = {name for name, _ in why}
    found = {
        (setting.name, setting.value)
        for item in items
        for setting in item.advice.settings
        if setting.name in names
    }
    return tuple(Unsupported(f"{n}={v}", text) for (n, v), text in why.items() if (n, v) in found)
