"""``dumpsys activity activities`` and ``exit-info``."""

from __future__ import annotations

import time

from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.dumps.energy import flag
from device_probes.virtual.adbd.dumps.windows import focused_window, handle, hash_of, record
from device_probes.virtual.adbd.system import PROBE_PACKAGE


def activity(phone: PhoneCore, args: list[str]) -> str:
    """ActivityManagerService.dump for the parts a driver asks for."""
    part = args[0] if args else "activities"
    if part in ("activities", "a"):
        old = phone.state.api_level < 29
        return _stacks(phone) if old else _tasks(phone)
    if part == "exit-info" and phone.state.api_level >= 30:
        return _exits(phone, args[1] if len(args) > 1 else "")
    if part in ("top", "processes", "services"):
        return f"ACTIVITY MANAGER {part.upper()} (dumpsys activity {part})\n  (nothing)\n"
    return f"Bad activity command, or no activities match: {part}\n"


def _stacks(phone: PhoneCore) -> str:
    """Android 8 and 9: a stack of its own for the launcher, each with its resumed activity."""
    state = phone.state
    text = "ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)\n"
    text += "Display #0 (activities from top to bottom):\n"
    for component in reversed(state.activities):
        package = component.partition("/")[0]
        number = hash_of(component) % 200
        text += (
            f"\n  Stack #{number}: type=standard mode=fullscreen\n"
            "  isSleeping=false\n"
            f"    * TaskRecord{{{handle(package)} #{100 + number} A={package} U=0 sz=1}}\n"
            f"      * Hist #0: {record(phone, component)}\n"
            f"          packageName={package} processName={package}\n"
        )
        if component == state.top and state.awake:
            text += f"    mResumedActivity: {record(phone, component)}\n"
        text += f"    mLastPausedActivity: {record(phone, component)}\n"
    if state.awake:
        text += f"\n  mResumedActivity: {record(phone, state.top)}\n"
    return f"{text}  mFocusedStack=ActivityStack{{{handle('focus')} stackId=1}}\n"


def _tasks(phone: PhoneCore) -> str:
    """Android 10 and newer."""
    state = phone.state
    text = "ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)\n"
    text += "Display #0 (activities from top to bottom):\n"
    for component in reversed(state.activities):
        package = component.partition("/")[0]
        number = hash_of(component) % 200
        on_top = component == state.top and state.awake
        shown = flag(on_top)
        text += (
            f"  * Task{{{handle(package)} #{100 + number} type=standard A=10234:{package} U=0 "
            f"visible={shown} visibleRequested={shown} mode=fullscreen translucent=false sz=1}}\n"
            f"    mLastPausedActivity: {record(phone, component)}\n"
            f"    isSleeping={flag(not state.awake)}\n"
        )
        if on_top:
            text += f"    {_resumed(phone)}\n"
        text += (
            f"    * Hist  #0: {record(phone, component)}\n"
            f"      packageName={package} processName={package}\n"
            f"      state={'RESUMED' if on_top else 'STOPPED'} finishing=false\n\n"
        )
    if state.awake:
        text += "  Resumed activities in task display areas (from top to bottom):\n"
        text += f"    Resumed: {record(phone, state.top)}\n\n"
        text += f"  ResumedActivity: {record(phone, state.top)}\n\n"
    text += "ActivityTaskSupervisor state:\n"
    text += f"  mCurrentFocus={focused_window(phone)}\n"
    text += f"  mFocusedApp={record(phone, state.top)}\n"
    text += (
        "  KeyguardController:\n"
        f"    mKeyguardShowing={flag(state.keyguard_showing)}\n"
        "    mAodShowing=false\n"
        f"    mOccluded={flag(state.occluded)}\n"
    )
    return text


def _resumed(phone: PhoneCore) -> str:
    api, shown = phone.state.api_level, record(phone, phone.state.top)
    return f"topResumedActivity={shown}" if api >= 31 else f"mResumedActivity: {shown}"


def _exits(phone: PhoneCore, package: str) -> str:
    """``exit-info`` (Android 11 and newer), newest first."""
    text = "ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)\n"
    text += f"Last Timestamp of Persistence Into Persistent Storage: {_stamp(time.time())}\n"
    exits = phone.state.exits
    if not exits or package not in ("", PROBE_PACKAGE):
        return text
    text += f"  package: {PROBE_PACKAGE}\n    Historical Process Exit for uid={exits[0].uid}\n"
    for i, e in enumerate(exits):
        text += (
            f"        ApplicationExitInfo #{i}:\n"
            f"          timestamp={_stamp(e.when_s)} pid={e.pid} realUid={e.uid} "
            f"packageUid={e.uid} definingUid={e.uid} user=0\n"
            f"          process={PROBE_PACKAGE} reason={e.reason} ({e.name}) "
            f"subreason={e.subreason} ({e.subname}) status={e.status}\n"
            f"          importance=100 pss=0.00 rss=0.00 description={e.description} "
            f"state=empty trace={e.trace}\n"
        )
    return text


def _stamp(when_s: float) -> str:
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when_s))
    return f"{text}.{int(when_s * 1000) % 1000:03d}"
