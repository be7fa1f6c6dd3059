"""Commands about nothing in particular: echo, true, id, date, grep, head …"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping

from device_probes.virtual.adbd.commands.options import BadOption, split
from device_probes.virtual.adbd.shell import Call, CommandFunction, ExitShell

_MAX_SLEEP_S = 3600.0
_MAX_PATTERN_CHARS = 2000
_MAX_INPUT_BYTES = 16 * 2**20


def _echo(call: Call) -> int:
    words = call.args
    newline = "\n"
    while words and words[0] in ("-n", "-e", "-E"):
        newline = "" if words[0] == "-n" else newline
        words = words[1:]
    call.out(" ".join(words) + newline)
    return 0


def _exit(call: Call) -> int:
    text = call.args[0] if call.args else "0"
    raise ExitShell(int(text) & 0xFF if text.isdecimal() else 1)


async def _sleep(call: Call) -> int:
    try:
        seconds = float(call.args[0].removesuffix("s"))
    except (IndexError, ValueError):
        call.err("sleep: Needs 1 argument\n")
        return 1
    await asyncio.sleep(call.phone.state.real_s(min(max(seconds, 0.0), _MAX_SLEEP_S)))
    return 0


def _id(call: Call) -> int:
    if call.args == ["-u"]:
        call.out("2000\n")
        return 0
    groups = "1004(input),1007(log),1011(adb),1015(sdcard_rw),1028(sdcard_r),3003(inet)"
    call.out(f"uid=2000(shell) gid=2000(shell) groups=2000(shell),{groups} context=u:r:shell:s0\n")
    return 0


def _whoami(call: Call) -> int:
    call.out("shell\n")
    return 0


def _date(call: Call) -> int:
    form = next((a[1:] for a in call.args if a.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    call.out(time.strftime(form[:200], time.gmtime()) + "\n")
    return 0


def _uptime(call: Call) -> int:
    up = int(time.time() - call.phone.state.booted_s)
    days, rest = divmod(up, 86_400)
    clock = time.strftime("%H:%M:%S", time.gmtime())
    call.out(
        f" {clock} up {days} days, {rest // 3600:2d}:{rest % 3600 // 60:02d},  0 users,  "
        "load average: 2.11, 1.98, 2.03\n"
    )
    return 0


def _uname(call: Call) -> int:
    call.out("Linux\n" if call.args != ["-m"] else "aarch64\n")
    return 0


async def everything(call: Call) -> bytes:
    """All of stdin, bounded."""
    data = bytearray()
    while part := await call.stdin.read():
        data += part
        if len(data) > _MAX_INPUT_BYTES:
            break
    return bytes(data)


async def _input_lines(call: Call, files: list[str]) -> list[bytes] | None:
    """Lines of the named files, or of stdin; ``None`` after saying what is missing."""
    data = b""
    for path in files:
        try:
            data += call.phone.files.read(path)
        except OSError as exc:
            call.err(f"{call.argv[0]}: {path}: {exc.strerror}\n")
            return None
    if not files:
        data = await everything(call)
    return data.splitlines(keepends=True)


async def _grep(call: Call) -> int:
    try:
        options = split(call.args, flags="EFivcqohHnwx", valued=("-e", "-m", "-A", "-B"))
    except BadOption as exc:
        call.err(f"grep: Unknown option '{exc}'\n")
        return 2
    rest = list(options.rest)
    pattern = options.values.get("-e") or (rest.pop(0) if rest else "")
    if len(pattern) > _MAX_PATTERN_CHARS:
        call.err("grep: bad REGEX\n")
        return 2
    # Patterns come from the host's own code; these are Python's, near enough to ERE.
    text = re.escape(pattern) if "F" in options.flags else pattern
    text = text if options.flags & {"E", "F"} else text.replace("\\|", "|")
    text = rf"\b(?:{text})\b" if "w" in options.flags else text
    try:
        wanted = re.compile(text.encode(), re.I if "i" in options.flags else 0)
    except re.error:
        call.err("grep: bad REGEX\n")
        return 2
    lines = await _input_lines(call, rest)
    if lines is None:
        return 2
    return _matching(call, lines, wanted, options.flags, int(options.values.get("-m", "0") or 0))


def _matching(
    call: Call, lines: list[bytes], wanted: re.Pattern[bytes], flags: set[str], most: int
) -> int:
    count = 0
    for line in lines:
        found = wanted.search(line.rstrip(b"\n"))
        if (found is None) != ("v" in flags):
            continue
        count += 1
        if not flags & {"q", "c"}:
            part = found[0] if found and "o" in flags else line.rstrip(b"\n")
            call.out(part + b"\n")
        if count == most:
            break
    if "c" in flags:
        call.out(f"{count}\n")
    return 0 if count else 1


def _number_of(call: Call) -> tuple[int, list[str]]:
    """``-n N``, ``-N`` or 10, and the file names."""
    args = [a if not re.fullmatch(r"-\d+", a) else f"-n{a[1:]}" for a in call.args]
    count, files = 10, []
    while args:
        word = args.pop(0)
        if word.startswith("-n"):
            text = word[2:] or (args.pop(0) if args else "")
            count = int(text) if text.isdecimal() else 10
        else:
            files.append(word)
    return count, files


async def _head(call: Call) -> int:
    count, files = _number_of(call)
    lines = await _input_lines(call, files)
    if lines is None:
        return 1
    chosen = lines[:count] if call.argv[0] == "head" else lines[max(len(lines) - count, 0) :]
    call.out(b"".join(chosen))
    return 0


async def _wc(call: Call) -> int:
    flags = [a for a in call.args if a[:1] == "-"]
    files = [a for a in call.args if a[:1] != "-"]
    lines = await _input_lines(call, files)
    if lines is None:
        return 1
    size = sum(len(line) for line in lines)
    words = sum(len(line.split()) for line in lines)
    shown = {"-l": f"{len(lines)}", "-c": f"{size}", "-w": f"{words}"}
    text = shown.get(flags[0], "") if flags else f"{len(lines):7d}{words:8d}{size:8d}"
    call.out(" ".join([text, *files]) + "\n")
    return 0


def _which(call: Call) -> int:
    names = [a for a in call.args if a != "-v"]
    found = [n for n in names if n in call.commands]
    call.out("".join(f"/system/bin/{n}\n" for n in found))
    return 0 if names and len(found) == len(names) else 1


async def _toybox(call: Call) -> int:
    """``toybox md5sum …``: the command inside the one binary."""
    inner = call.commands.get(call.args[0]) if call.args else None
    if inner is None:
        call.err(f"toybox: Unknown command {' '.join(call.args[:1])}\n")
        return 127
    call.argv = call.args
    result = inner(call)
    return result if isinstance(result, int) else await result


COMMANDS: Mapping[str, CommandFunction] = {
    "echo": _echo,
    "true": lambda _: 0,
    ":": lambda _: 0,
    "false": lambda _: 1,
    "exit": _exit,
    "sleep": _sleep,
    "id": _id,
    "whoami": _whoami,
    "date": _date,
    "uptime": _uptime,
    "uname": _uname,
    "grep": _grep,
    "head": _head,
    "tail": _head,
    "wc": _wc,
    "which": _which,
    "command": _which,
    "toybox": _toybox,
    "sync": lambda _: 0,
}
