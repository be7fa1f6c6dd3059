"""``cmd`` itself, and volumes by ``media volume`` and ``cmd media_session volume``."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from device_probes.virtual.adbd.commands import activity, device, package
from device_probes.virtual.adbd.shell import Call, CommandFunction
from device_probes.virtual.adbd.system import STREAM_MUSIC, STREAM_NAMES


def _volume(call: Call) -> int:
    words = call.args[1:]
    found = dict(zip(words, [*words[1:], ""], strict=True))
    stream = found.get("--stream", str(STREAM_MUSIC))
    volume = call.phone.state.volumes.get(int(stream) if stream.isdecimal() else -1)
    if volume is None:
        call.err("Error: invalid stream\n")
        return 1
    if "--stream" in words:
        call.out(f"[V] will control stream={stream} ({STREAM_NAMES[int(stream)]})\n")
    if "--set" in words:
        value = int(found["--set"]) if found["--set"].isdecimal() else -1
        call.out(f"[V] will set volume to index={value}\n")
        if not volume.minimum <= value <= volume.maximum:
            call.err(f"Error: invalid volume index {value} ({volume.minimum}..{volume.maximum})\n")
            return 1
        volume.index = value
    if "--adj" in words:
        step = {"raise": 1, "lower": -1}.get(found["--adj"], 0)
        volume.index = min(max(volume.index + step, volume.minimum), volume.maximum)
    if "--get" in words:
        call.out("[V] will get volume\n[V] Connecting to AudioService\n")
        call.out(f"[V] volume is {volume.index} in range [{volume.minimum}..{volume.maximum}]\n")
    return 0


def _media(call: Call) -> int:
    if call.args[:1] == ["volume"]:
        return _volume(call)
    call.err(f"Error: unknown command '{' '.join(call.args[:1])}'\n")
    return 1


def _cmd(call: Call) -> int | Awaitable[int]:
    inner = {
        "package": package.COMMANDS["pm"],
        "activity": activity.COMMANDS["am"],
        "media_session": _media,
        "settings": device.COMMANDS["settings"],
        "window": device.COMMANDS["wm"],
        "input": device.COMMANDS["input"],
    }.get((call.args[:1] or [""])[0])
    if inner is None:
        return device.other_service(call)
    call.argv = call.args
    return inner(call)


COMMANDS: Mapping[str, CommandFunction] = {"media": _media, "cmd": _cmd}
