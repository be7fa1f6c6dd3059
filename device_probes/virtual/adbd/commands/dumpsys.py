"""``dumpsys SERVICE``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.dumps import activities, audio, energy, package, windows
from device_probes.virtual.adbd.shell import Call, CommandFunction

Dump: TypeAlias = "Callable[[PhoneCore, list[str]], str | None]"
"""Text for the service's arguments; ``None``: this Android has no such service."""

SERVICES: Mapping[str, Dump] = {
    "battery": energy.battery,
    "thermalservice": energy.thermal,
    "power": energy.power,
    "trust": energy.trust,
    "window": windows.window,
    "activity": activities.activity,
    "package": package.package,
    "audio": audio.audio,
    "sensor_privacy": audio.sensor_privacy,
    "media.audio_flinger": audio.flinger,
    "media.audio_policy": audio.policy,
    "media.player": audio.player,
}


def _dumpsys(call: Call) -> int:
    args = list(call.args)
    while args and args[0] in ("-t", "-T", "--priority"):
        args = args[2:]
    if not args or args[0] == "-l":
        names = "".join(f"  {name}\n" for name in sorted(SERVICES))
        call.out(f"Currently running services:\n{names}")
        return 0
    dump = SERVICES.get(args[0])
    text = dump(call.phone, args[1:]) if dump else None
    if text is None:
        call.err(f"Can't find service: {args[0]}\n")
        return 0
    call.out(text)
    return 0


COMMANDS: Mapping[str, CommandFunction] = {"dumpsys": _dumpsys}
