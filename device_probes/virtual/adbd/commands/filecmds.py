"""Commands about files, with toybox's words."""

from __future__ import annotations

import hashlib
import posixpath
import stat
import time
from collections.abc import Mapping

from device_probes.virtual.adbd.commands.options import BadOption, split
from device_probes.virtual.adbd.files import BLOCK_BYTES, Node
from device_probes.virtual.adbd.shell import Call, CommandFunction

_OWNERS = {0: "root", 1000: "system", 2000: "shell"}


def _complain(call: Call, path: str, exc: OSError) -> int:
    call.err(f"{call.argv[0]}: {path}: {exc.strerror}\n")
    return 1


async def _cat(call: Call) -> int:
    code = 0
    paths = [a for a in call.args if a != "-u"]
    for path in paths:
        try:
            call.out(call.phone.files.read(path))
        except OSError as exc:
            code = _complain(call, path, exc)
        await call.flush()
    if not paths:
        while data := await call.stdin.read():
            call.out(data)
            await call.flush()
    return code


def _ls(call: Call) -> int:
    try:
        options = split(call.args, flags="laAd1hRZ")
    except BadOption as exc:
        call.err(f"ls: Unknown option '{str(exc).lstrip('-')}' (see \"ls --help\")\n")
        return 1
    files = call.phone.files
    code = 0
    for path in options.rest or ["/"]:
        try:
            node = files.find(path)
            if node.is_dir and "d" not in options.flags:
                names = [n for n in files.names(path) if n[:1] != "." or options.flags & {"a", "A"}]
                rows = [(n, files.get(posixpath.join(path, n)) or Node(0o100644)) for n in names]
                if "l" in options.flags:
                    call.out("total 0\n")
            else:
                rows = [(path, node)]
        except OSError as exc:
            code = _complain(call, path, exc)
            continue
        for name, found in rows:
            call.out(f"{_long(found)} {name}\n" if "l" in options.flags else f"{name}\n")
    return code


def _long(node: Node) -> str:
    owner, group = _OWNERS.get(node.uid, "u0_a1"), _OWNERS.get(node.gid, "u0_a1")
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(node.mtime_s))
    return f"{stat.filemode(node.mode)} 1 {owner:6} {group:6} {node.size:8d} {when}"


def _rm(call: Call) -> int:
    try:
        options = split(call.args, flags="rRfi")
    except BadOption as exc:
        call.err(f"rm: Unknown option '{str(exc).lstrip('-')}'\n")
        return 1
    code = 0
    for path in options.rest:
        try:
            call.phone.files.remove(path, recursive=bool(options.flags & {"r", "R"}))
        except FileNotFoundError as exc:
            if "f" not in options.flags:
                code = _complain(call, path, exc)
        except OSError as exc:
            code = _complain(call, path, exc)
    return code


def _mkdir(call: Call) -> int:
    code = 0
    for path in (a for a in call.args if a != "-p"):
        try:
            if call.phone.files.get(path) and "-p" not in call.args:
                call.err(f"mkdir: '{path}': File exists\n")
                code = 1
                continue
            call.phone.files.mkdir(path)
        except OSError as exc:
            call.err(f"mkdir: '{path}': {exc.strerror}\n")
            code = 1
    return code


def _touch(call: Call) -> int:
    code = 0
    for path in call.args:
        try:
            node = call.phone.files.get(path) or call.phone.files.create(path)
            node.mtime_s = time.time()
        except OSError as exc:
            code = _complain(call, path, exc)
    return code


def _chmod(call: Call) -> int:
    if len(call.args) < 2:
        call.err("chmod: Needs 2 arguments\n")
        return 1
    code = 0
    for path in call.args[1:]:
        try:
            node = call.phone.files.find(path)
            if call.args[0].isdecimal():
                node.mode = stat.S_IFMT(node.mode) | (int(call.args[0], 8) & 0o777)
        except (OSError, ValueError) as exc:
            call.err(f"chmod: '{path}': {exc}\n")
            code = 1
    return code


def _stat(call: Call) -> int:
    try:
        options = split(call.args, flags="Lf", valued=("-c",))
    except BadOption:
        call.err('stat: Unknown option (see "stat --help")\n')
        return 1
    code = 0
    for path in options.rest:
        try:
            node = call.phone.files.find(path)
        except OSError as exc:
            call.err(f"stat: '{path}': {exc.strerror}\n")
            code = 1
            continue
        form = options.values.get("-c", "  File: %n\n  Size: %s\tBlocks: %b\tIO Blocks: 4096")
        call.out(_formatted(form, path, node) + "\n")
    return code


def _formatted(form: str, path: str, node: Node) -> str:
    for key, value in {
        "%n": path,
        "%s": str(node.size),
        "%b": str(-(-node.size // 512)),
        "%a": f"{stat.S_IMODE(node.mode):o}",
        "%f": f"{node.mode:x}",
        "%Y": str(int(node.mtime_s)),
        "%u": str(node.uid),
        "%U": _OWNERS.get(node.uid, "u0_a1"),
        "%F": "directory" if node.is_dir else "regular file",
    }.items():
        form = form.replace(key, value)
    return form


def _digest(call: Call) -> int:
    make = {"md5sum": hashlib.md5, "sha1sum": hashlib.sha1}.get(call.argv[0], hashlib.sha256)
    code = 0
    for path in (a for a in call.args if a not in ("-b", "--")):
        try:
            value = make(call.phone.files.read(path)).hexdigest()
        except OSError as exc:
            code = _complain(call, path, exc)
            continue
        call.out(f"{value}\n" if "-b" in call.args else f"{value}  {path}\n")
    return code


def _df(call: Call) -> int:
    files = call.phone.files
    path = next((a for a in call.args if a[:1] != "-"), "/data")
    if files.get(path) is None:
        call.err(f"df: {path}: No such file or directory\n")
        return 1
    total, free = files.total_bytes, files.free_bytes
    used = total - free
    percent = -(-100 * used // total)
    if "-h" in call.args:
        sizes = [f"{n / 2**30:.0f}G" for n in (total, used, free)]
        call.out("Filesystem        Size  Used Avail Use% Mounted on\n")
        row = f"/dev/block/dm-52  {sizes[0]:>4}  {sizes[1]:>4} {sizes[2]:>5} {percent:3d}%"
    else:
        call.out("Filesystem       1K-blocks      Used Available Use% Mounted on\n")
        blocks = [n // BLOCK_BYTES * (BLOCK_BYTES // 1024) for n in (total, used, free)]
        row = f"/dev/block/dm-52 {blocks[0]:9d} {blocks[1]:9d} {blocks[2]:9d} {percent:3d}%"
    mount = "/data/user/0" if call.phone.state.api_level >= 30 else "/data"
    call.out(f"{row} {mount}\n")
    return 0


def _copy(call: Call) -> int:
    paths = [a for a in call.args if a[:1] != "-"]
    if len(paths) != 2:
        call.err(f"{call.argv[0]}: Needs 2 arguments\n")
        return 1
    files = call.phone.files
    source, target = paths
    try:
        node = files.find(source)
        data = files.read(source)
        there = files.get(target)
        if there is not None and there.is_dir:
            target = posixpath.join(target, posixpath.basename(source))
        files.append(files.create(target, node.mode), data)
        if call.argv[0] == "mv":
            files.remove(source)
    except OSError as exc:
        call.err(f"{call.argv[0]}: bad '{source}': {exc.strerror}\n")
        return 1
    return 0


COMMANDS: Mapping[str, CommandFunction] = {
    "cat": _cat,
    "ls": _ls,
    "rm": _rm,
    "mkdir": _mkdir,
    "touch": _touch,
    "chmod": _chmod,
    "stat": _stat,
    "sha256sum": _digest,
    "sha1sum": _digest,
    "md5sum": _digest,
    "df": _df,
    "cp": _copy,
    "mv": _copy,
}
