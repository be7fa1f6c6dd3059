"""``pm`` and ``cmd package``."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping

from device_probes.virtual.adbd.apk import ApkRefused
from device_probes.virtual.adbd.commands.options import BadOption, split
from device_probes.virtual.adbd.packages import NO_SPACE, InstallFlags, ShellException
from device_probes.virtual.adbd.shell import Call, CommandFunction
from device_probes.virtual.adbd.stream import StreamClosed

_VALUED = ("-S", "-i", "--user", "--abi", "--install-location", "--installer", "--pkg")
_MAX_APK_BYTES = 128 * 2**20
_SYSTEM_PACKAGES = ("android", "com.android.systemui", "com.android.settings")


def java_exception(call: Call, verb: str, line: str) -> int:
    """A Java exception as ``ShellCommand`` prints it; returns the exit code."""
    doing = f" '{verb}'" if call.phone.state.api_level >= 30 else ""
    call.err(
        f"\nException occurred while executing{doing}:\n{line}\n"
        "\tat android.app.ContextImpl.enforce(ContextImpl.java:2384)\n"
        "\tat android.os.Binder.shellCommand(Binder.java:1068)\n"
        "\tat android.os.Binder.execTransactInternal(Binder.java:1344)\n"
    )
    return 255


async def _pm(call: Call) -> int:
    verb, args = (call.args[:1] or [""])[0], call.args[1:]
    if verb in ("install", "install-create", "install-streamed"):
        return await _install(call, args)
    simple = {
        "path": _path,
        "uninstall": _uninstall,
        "grant": _grant,
        "revoke": _grant,
        "list": _list,
        "clear": _clear,
    }.get(verb)
    if simple is None:
        call.err(f"Unknown command: {verb}\n")
        return 255
    if args[:1] == ["--user"]:
        args = args[2:]
    return simple(call, args)


async def _install(call: Call, args: list[str]) -> int:
    phone = call.phone
    known = ("--full", "--dont-kill", "--bypass-low-target-sdk-block", "--force-queryable")
    try:
        options = split([a for a in args if a not in known], flags="rtgdfR", valued=_VALUED)
    except BadOption as exc:
        call.err(f"Error: Unknown option: {exc}\n")
        return 1
    flags = InstallFlags(
        replace="R" not in options.flags,
        test="t" in options.flags,
        grant="g" in options.flags,
        downgrade="d" in options.flags,
    )
    try:
        data = await _apk_bytes(call, options.values.get("-S", ""), options.rest)
        await phone.moments.event("install:verify")
        await asyncio.sleep(phone.state.real_s(phone.spec.android.install_ms / 1000))
        apk = phone.packages.check(data, flags)
        await phone.moments.event("install:commit")
        phone.packages.commit(apk, data, flags)
    except ApkRefused as exc:
        text = f": {exc.text}" if exc.text else ""
        call.out(f"Failure [{exc.reason}{text}]\n")
        return 1
    except ShellException as exc:
        return java_exception(call, "install", str(exc))
    except FileNotFoundError as exc:
        call.err(f"Error: Unable to open file: {exc.filename}\n")
        call.err("Consider using a file under /data/local/tmp/\nError: Can't open file: ")
        call.err(f"{exc.filename}\n")
        return 1
    except OSError:
        return java_exception(call, "install", NO_SPACE)
    phone.kill_package(apk.package, 10, "USER REQUESTED", f"installPackageLI: {apk.package}")
    call.out("Success\n")
    return 0


async def _apk_bytes(call: Call, size: str, paths: list[str]) -> bytes:
    """The APK, from a file of the phone or, with ``-S SIZE``, from stdin."""
    if paths and paths[0] != "-":
        return call.phone.files.read(paths[0])
    wanted = int(size) if size.isdecimal() else 0
    if not 0 < wanted <= _MAX_APK_BYTES:
        raise ShellException("java.lang.IllegalArgumentException: must either specify a size")
    data = bytearray()
    while len(data) < wanted:
        part = await call.stdin.read()
        if not part:
            raise StreamClosed("the APK ended early")
        async for piece in call.phone.moments.pieces("install:data", part):
            data += piece
    return bytes(data[:wanted])


def _path(call: Call, args: list[str]) -> int:
    found = call.phone.packages.installed.get(args[0]) if args else None
    if found is None:
        return 1
    call.out(f"package:{found.path}\n")
    return 0


def _uninstall(call: Call, args: list[str]) -> int:
    names = [a for a in args if a[:1] != "-"]
    phone = call.phone
    if not names or names[0] not in phone.packages.installed:
        call.out("Failure [DELETE_FAILED_INTERNAL_ERROR]\n")
        return 1
    phone.kill_package(names[0], 10, "USER REQUESTED", "deletePackageX")
    phone.packages.uninstall(names[0])
    call.out("Success\n")
    return 0


def _grant(call: Call, args: list[str]) -> int:
    verb = call.args[0]
    if len(args) != 2:
        call.err("Error: no permission specified\n")
        return 1
    change = call.phone.packages.grant if verb == "grant" else call.phone.packages.revoke
    try:
        change(*args)
    except ShellException as exc:
        return java_exception(call, verb, str(exc))
    if verb == "revoke":  # Android ends an app that loses a permission
        call.phone.kill_package(args[0], 8, "PERMISSION CHANGE", "permissions revoked")
    return 0


def _list(call: Call, args: list[str]) -> int:
    kind, rest = (args[:1] or [""])[0], args[1:]
    phone = call.phone
    if kind == "features":
        call.out("".join(f"feature:{name}\n" for name in phone.system_features))
        call.out("feature:reqGlEsVersion=0x30002\n")
    elif kind == "packages":
        wanted = next((a for a in rest if a[:1] != "-"), "")
        names = [*_SYSTEM_PACKAGES, *phone.packages.installed]
        if "-3" in rest:
            names = list(phone.packages.installed)
        for name in names:
            if wanted in name:
                found = phone.packages.installed.get(name)
                where = f"{found.path}=" if found and "-f" in rest else ""
                uid = f" uid:{found.uid}" if found and "-U" in rest else ""
                call.out(f"package:{where}{name}{uid}\n")
    elif kind == "users":
        call.out("Users:\n\tUserInfo{0:Owner:c13} running\n")
    else:
        call.err(f"Error: unknown list type '{kind}'\n")
        return 255
    return 0


def _clear(call: Call, args: list[str]) -> int:
    phone = call.phone
    found = phone.packages.installed.get(posixpath.basename(args[-1])) if args else None
    if found is None:
        call.out("Failed\n")
        return 1
    phone.kill_package(found.apk.package, 10, "USER REQUESTED", "clear data")
    found.granted.clear()
    phone.app.journal = None
    call.out("Success\n")
    return 0


COMMANDS: Mapping[str, CommandFunction] = {"pm": _pm}
