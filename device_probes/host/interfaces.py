"""Which inputs and outputs of a computer belong together, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

_ALSA_ADDRESS = re.compile(r"\s*\((?:plug)?hw:[^)]*\)\s*$")
_OUTER_NAME = re.compile(r"^[^(]*\((?P<inner>.+)\)\s*$")
_MAX_SLUG = 60
_SHORT_APIS = {"jack_audio_connection_kit": "jack"}


@dataclass(frozen=True, slots=True)
class HostInterface:
    """An input and an output that one duplex stream can open together."""

    serial: str
    """Stable over restarts: host API and device names, no index."""
    label: str
    api: str
    """Host API, lower_snake_case: ``alsa``, ``jack``, ``core_audio``, ``windows_wasapi`` …"""
    input_index: int
    output_index: int
    input_name: str
    output_name: str
    input_channels: int
    output_channels: int
    default_rate_hz: int
    is_default: bool
    """Whether it is what the host API (and, first of all, the system) calls its default."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def slug(name: str) -> str:
    """``name`` in lower_snake_case, ASCII, without ALSA's card numbers."""
    text = _ALSA_ADDRESS.sub("", name).lower()
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")[:_MAX_SLUG] or "unnamed"


def api_slug(name: str) -> str:
    """A host API's name as it stands in requests and serials."""
    return _SHORT_APIS.get(slug(name), slug(name))


def pair_up(
    apis: Sequence[Mapping[str, Any]], devices: Sequence[Mapping[str, Any]], default_api: int
) -> tuple[HostInterface, ...]:
    """Input/output pairs of every host API, the system's default first.

    ``apis`` and ``devices`` are PortAudio's own tables (``sounddevice.query_hostapis()``,
    ``query_devices()``). Within a host API these belong together: a device with both directions;
    an input and an output of one piece of hardware (same name, or the same name in brackets as
    Windows writes it: "Microphone (USB Audio)"); the API's default input and output.
    """
    found: list[HostInterface] = []
    order = sorted(range(len(apis)), key=lambda i: i != default_api)
    for number in order:
        api = apis[number]
        members = [int(i) for i in api["devices"]]
        ins = [i for i in members if devices[i]["max_input_channels"] > 0]
        outs = [i for i in members if devices[i]["max_output_channels"] > 0]
        default = (int(api["default_input_device"]), int(api["default_output_device"]))
        pairs = [(i, i) for i in ins if i in outs]
        pairs += _same_hardware(
            [i for i in ins if i not in outs], [o for o in outs if o not in ins], devices
        )
        if default[0] in ins and default[1] in outs:
            pairs = [default, *(p for p in pairs if p != default)]
        found += [_interface(str(api["name"]), i, o, devices, (i, o) == default) for i, o in pairs]
    return _unique(found)


def _same_hardware(
    ins: Sequence[int], outs: Sequence[int], devices: Sequence[Mapping[str, Any]]
) -> list[tuple[int, int]]:
    pairs, free = [], list(outs)
    for i in ins:
        for o in free:
            if _hardware(str(devices[i]["name"])) == _hardware(str(devices[o]["name"])):
                pairs.append((i, o))
                free.remove(o)
                break
    return pairs


def _hardware(name: str) -> str:
    match = _OUTER_NAME.match(_ALSA_ADDRESS.sub("", name))
    return match["inner"] if match else name


def _interface(
    api: str, i: int, o: int, devices: Sequence[Mapping[str, Any]], is_default: bool
) -> HostInterface:
    names = [_ALSA_ADDRESS.sub("", " ".join(str(devices[n]["name"]).split())) for n in (i, o)]
    label = names[0] if i == o or names[0] == names[1] else f"{names[1]} + {names[0]}"
    key = slug(names[0]) if names[0] == names[1] else f"{slug(names[1])}-{slug(names[0])}"
    return HostInterface(
        serial=f"{api_slug(api)}-{key}",
        label=label,
        api=api_slug(api),
        input_index=i,
        output_index=o,
        input_name=names[0],
        output_name=names[1],
        input_channels=int(devices[i]["max_input_channels"]),
        output_channels=int(devices[o]["max_output_channels"]),
        default_rate_hz=round(float(devices[o]["default_samplerate"])),
        is_default=is_default,
    )


def _unique(found: Sequence[HostInterface]) -> tuple[HostInterface, ...]:
    """Number equal names: two identical USB interfaces differ by their order only."""
    seen: dict[str, int] = {}
    named = []
    for one in found:
        seen[one.serial] = seen.get(one.serial, 0) + 1
        count = seen[one.serial]
        named.append(one if count == 1 else replace(one, serial=f"{one.serial}-{count}"))
    return tuple(named)
