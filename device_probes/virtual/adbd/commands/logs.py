"""``logcat``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from device_probes.virtual.adbd.commands.options import BadOption, split
from device_probes.virtual.adbd.shell import Call, CommandFunction
from device_probes.virtual.adbd.system import LogLine

_LEVELS = "VDIWEFS"
_POLL_S = 0.2


async def _logcat(call: Call) -> int:
    valued = ("-b", "-v", "-t", "-T", "--pid", "-e", "-m")
    try:
        options = split(call.args, flags="dcgsD", valued=valued)
    except BadOption as exc:
        call.err(f"logcat: Unrecognized option {exc}\n")
        return 1
    state = call.phone.state
    buffers = options.values.get("-b", "main,system,crash").split(",")
    if "c" in options.flags:
        state.log = [x for x in state.log if not _in(x, buffers)]
        return 0
    lowest = _filters(options.rest, silent="s" in options.flags)
    form = options.values.get("-v", "threadtime")

    def wanted(line: LogLine) -> bool:
        level = lowest.get(line.tag, lowest.get("*", "V"))
        pid = options.values.get("--pid")
        fits = _LEVELS.index(line.level) >= _LEVELS.index(level)
        return fits and _in(line, buffers) and pid in (None, str(line.pid))

    lines = [x for x in state.log if wanted(x)]
    count = options.values.get("-t", "")
    lines = lines[-int(count) :] if count.isdecimal() and int(count) else lines
    for name in ("main", "crash"):
        if any(x.buffer == name for x in lines) or (not lines and name == "main"):
            call.out(f"--------- beginning of {name}\n")
    call.out("".join(_text(x, form) for x in lines))
    if "d" in options.flags or "-t" in options.values:
        return 0
    return await _follow(call, wanted, form)


async def _follow(call: Call, wanted: Callable[[LogLine], bool], form: str) -> int:
    """Print new lines until the host leaves."""
    seen = len(call.phone.state.log)
    while True:
        await call.flush()
        await asyncio.sleep(_POLL_S)
        log = call.phone.state.log
        seen = min(seen, len(log))
        for line in log[seen:]:
            if wanted(line):
                call.out(_text(line, form))
        seen = len(log)


def _filters(words: list[str], *, silent: bool) -> dict[str, str]:
    """Lowest level by tag; ``*`` is every other one."""
    lowest = {"*": "S" if silent else "V"}
    for word in words:
        tag, _, level = word.partition(":")
        lowest[tag] = level.upper() if level.upper() in _LEVELS and level else "V"
    return lowest


def _in(line: LogLine, buffers: list[str]) -> bool:
    return "all" in buffers or "default" in buffers or line.buffer in buffers


def _text(line: LogLine, form: str) -> str:
    if form == "brief":
        return f"{line.level}/{line.tag:8}({line.pid:5d}): {line.text}\n"
    stamp = time.strftime("%m-%d %H:%M:%S", time.gmtime(line.when_s))
    ms = int(line.when_s * 1000) % 1000
    head = f"{stamp}.{ms:03d} {line.pid:5d} {line.tid:5d} {line.level} {line.tag:8}"
    return f"{head}: {line.text}\n"


COMMANDS: Mapping[str, CommandFunction] = {"logcat": _logcat}
