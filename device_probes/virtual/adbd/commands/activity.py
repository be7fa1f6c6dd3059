"""``am`` and ``cmd activity``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from device_probes.virtual.adbd.commands.package import java_exception
from device_probes.virtual.adbd.packages import Installed
from device_probes.virtual.adbd.shell import Call, CommandFunction
from device_probes.virtual.adbd.system import (
    LAUNCHER,
    PERMISSION_DIALOG,
    PROBE_ACTIVITY,
    PROBE_PACKAGE,
)

log = logging.getLogger(__name__)

_WARM_MS = 40


_VIEW, _MAIN = "android.intent.action.VIEW", "android.intent.action.MAIN"
_LAUNCHER_CATEGORY = "android.intent.category.LAUNCHER"
_TEXTS = {"-a": "action", "-c": "category", "-d": "data", "-p": "package"}


@dataclass(slots=True)
class _Intent:
    component: str = ""
    action: str = ""
    category: str = ""
    data: str = ""
    package: str = ""
    extras: dict[str, str] = field(default_factory=dict)
    wait: bool = False
    stop: bool = False

    def __str__(self) -> str:
        parts = [f"act={self.action}"] if self.action else []
        parts += [f"cat=[{self.category}]"] if self.category else []
        parts += [f"dat={self.data}"] if self.data else []
        parts += [f"pkg={self.package}"] if self.package else []
        parts += [f"cmp={self.component}"] if self.component else []
        parts += ["(has extras)"] if self.extras else []
        return f"Intent {{ {' '.join(parts)} }}"


class _BadIntent(Exception):
    """What ``Intent.parseCommandArgs`` throws."""


def _read_intent(args: list[str]) -> _Intent:
    intent = _Intent()
    left = list(args)

    def take(option: str) -> str:
        if not left:
            text = f'java.lang.IllegalArgumentException: Argument expected after "{option}"'
            raise _BadIntent(text)
        return left.pop(0)

    while left:
        word = left.pop(0)
        if word == "-W":
            intent.wait = True
        elif word == "-S":
            intent.stop = True
        elif word == "-n":
            intent.component = _short(take(word))
        elif word in ("--es", "-e", "--ez", "--ei", "--el", "--ef"):
            key = take(word)
            intent.extras[key] = take(word)
        elif word in _TEXTS:
            setattr(intent, _TEXTS[word], take(word))
        elif word in ("-t", "-f", "--user", "-R", "--display"):
            take(word)
        elif word.startswith("-"):
            raise _BadIntent(f"java.lang.IllegalArgumentException: Unknown option: {word}")
        else:
            intent.component = _short(word) if "/" in word else intent.component
    return intent


def _short(component: str) -> str:
    """``package/.Class`` as the system prints it."""
    package, _, name = component.partition("/")
    return f"{package}/{name.removeprefix(package)}" if name.startswith(package) else component


async def _start(call: Call, args: list[str]) -> int:
    phone = call.phone
    try:
        intent = _read_intent(args)
    except _BadIntent as exc:
        return java_exception(call, "start", str(exc))
    if not intent.component:
        return await _start_browser(call, intent)
    package, _, name = intent.component.partition("/")
    found = phone.packages.installed.get(package)
    if intent.stop and found:
        call.out(f"Stopping: {package}\n")
        phone.kill_package(package, 10, "USER REQUESTED", f"stop {package} due to from pid 8396")
    call.out(f"Starting: {intent}\n")
    whole = package + name if name.startswith(".") else name
    if found is None or whole not in found.apk.activities:
        call.err(f"Error type 3\nError: Activity class {{{package}/{whole}}} does not exist.\n")
        return 1 if phone.state.api_level >= 33 else 0
    return await _launch(call, intent, found)


async def _launch(call: Call, intent: _Intent, found: Installed) -> int:
    phone, state = call.phone, call.phone.state
    on_top = state.top == intent.component
    running = phone.app.pid is not None
    here = intent.component in state.activities
    ms = _WARM_MS if running else phone.spec.android.launch_ms
    if on_top:
        call.err(
            "Warning: Activity not started, intent has been delivered to currently running "
            "top-most instance.\n"
        )
    elif here:
        call.err("Warning: Activity not started, its current task has been brought to the front\n")
    state.wake()  # turnScreenOn, and showWhenLocked over a keyguard
    state.show(intent.component)
    await phone.moments.event("probe:start")
    if intent.component == PROBE_ACTIVITY:
        loop = asyncio.get_running_loop()
        try:  # a probe in a process of its own takes its time to start
            await loop.run_in_executor(None, phone.app.start, found, intent.extras)
        except Exception as exc:  # whatever a test's launcher raises is a probe that does not start
            log.exception("the probe of %s did not start", phone.serial)
            state.hide(intent.component)
            return java_exception(call, "start", f"java.lang.RuntimeException: {exc}")
    await asyncio.sleep(state.real_s(ms / 1000))
    if intent.extras.get("restore") == "true":
        phone.app.restore()
        phone.app.stop()
        state.hide(intent.component)
    elif intent.component == PROBE_ACTIVITY and not phone.packages.allowed(PROBE_PACKAGE):
        state.show(PERMISSION_DIALOG)
    if intent.wait:
        _told(call, intent, ms, on_top=on_top, warm=running)
    return 0


async def _start_browser(call: Call, intent: _Intent) -> int:
    """An intent that names no activity: a link to show, or the browser as its icon starts it."""
    phone, browser = call.phone, call.phone.browser
    call.out(f"Starting: {intent}\n")
    is_link = intent.action == _VIEW and intent.data.startswith(("http://", "https://"))
    is_icon = intent.action == _MAIN and intent.category == _LAUNCHER_CATEGORY
    named = browser is not None and intent.package in ("", browser.package)
    found = phone.packages.installed.get(browser.package) if browser is not None else None
    if browser is None or not found or not found.enabled or not named or not (is_link or is_icon):
        call.err(f"Error: Activity not started, unable to resolve {intent}\n")
        return 1
    await phone.moments.event("browser:view")
    browser.view(intent.data if is_link else "")
    found.stopped = False
    phone.state.show(browser.component)  # behind a keyguard, if one is up
    return 0


def _told(call: Call, intent: _Intent, ms: int, *, on_top: bool, warm: bool) -> None:
    api = call.phone.state.api_level
    lines = ["Status: ok"]
    if api >= 29:
        lines.append(f"LaunchState: {'UNKNOWN (0)' if on_top else 'HOT' if warm else 'COLD'}")
    lines.append(f"Activity: {intent.component}")
    if not on_top and api < 29:
        lines.append(f"ThisTime: {ms}")
    lines += [f"TotalTime: {0 if on_top else ms}", f"WaitTime: {ms + 6}", "Complete"]
    call.out("\n".join(lines) + "\n")


async def _am(call: Call) -> int:
    verb, args = (call.args[:1] or [""])[0], call.args[1:]
    phone = call.phone
    if verb in ("start", "start-activity"):
        return await _start(call, args)
    if verb in ("force-stop", "kill"):
        names = [a for a in args if a[:1] != "-" and "." in a]
        if not names:
            return java_exception(call, verb, "java.lang.IllegalArgumentException: no package")
        why = f"stop {names[0]} due to from pid 8396"
        if verb == "force-stop" or not phone.state.top.startswith(names[0] + "/"):
            phone.kill_package(names[0], 10, "USER REQUESTED", why)
        return 0
    if verb == "get-current-user":
        call.out("0\n")
    elif verb == "broadcast":
        call.out("Broadcasting: Intent { }\nBroadcast completed: result=0\n")
    elif verb == "home":
        phone.state.show(LAUNCHER)
    else:
        call.err(f"Unknown command: {verb}\n")
        return 255
    return 0


COMMANDS: Mapping[str, CommandFunction] = {"am": _am}
