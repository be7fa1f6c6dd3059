"""``dumpsys window`` (all, ``policy``, ``displays``, ``windows``)."""

from __future__ import annotations

from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.dumps.energy import flag


def handle(text: str) -> str:
    """An object's identity hash, the same at each dump."""
    return f"{hash_of(text):x}"


def hash_of(text: str) -> int:
    """A small number that belongs to ``text``."""
    value = 7
    for c in text:
        value = (value * 31 + ord(c)) & 0xFFFFFFF
    return value or 1


def window(phone: PhoneCore, args: list[str]) -> str:
    """WindowManagerService.dump."""
    part = next((a for a in args if a[:1] != "-"), "")
    if part in ("policy", "p"):
        return _policy(phone)
    if part in ("displays", "d"):
        return _displays(phone)
    if part in ("windows", "w", "visible"):
        return _windows(phone)
    return _policy(phone) + "\n" + _displays(phone) + "\n" + _windows(phone)


def _policy(phone: PhoneCore) -> str:
    state = phone.state
    api, awake, showing = state.api_level, state.awake, state.keyguard_showing
    lines = [
        "    mSafeMode=false mSystemReady=true mSystemBooted=true",
        f"    mAwake={flag(awake)} mScreenOnEarly={flag(awake)} mScreenOnFully={flag(awake)}",
        "    mKeyguardDrawComplete=true mWindowManagerDrawComplete=true",
        f"    mKeyguardOccluded={flag(state.occluded)} mKeyguardOccludedChanged=false",
    ]
    if api < 29:
        lines += [
            f"    mShowingLockscreen={flag(showing)} mShowingDream=false "
            f"mDreamingLockscreen={flag(showing)} mDreamingSleepToken=null",
            f"    mStatusBar=Window{{{handle('StatusBar')} u0 StatusBar}} "
            f"isStatusBarKeyguard={flag(showing and not state.occluded)}",
        ]
    lines += ["    KeyguardServiceDelegate", *_delegate(phone)]
    return "WINDOW MANAGER POLICY STATE (dumpsys window policy)\n" + "\n".join(lines) + "\n"


def _delegate(phone: PhoneCore) -> list[str]:
    """KeyguardServiceDelegate.dump and the KeyguardStateMonitor below it."""
    state = phone.state
    awake, showing, secure = state.awake, state.keyguard_showing, state.keyguard == "pin"
    screen = f"SCREEN_STATE_{'ON' if awake else 'OFF'}"
    interactive = f"INTERACTIVE_STATE_{'AWAKE' if awake else 'SLEEP'}"
    if state.api_level < 28:  # numbers before they had names
        screen, interactive = ("2", "2") if awake else ("0", "0")
    rows = [
        f"showing={flag(showing)}",
        f"showingAndNotOccluded={flag(showing and not state.occluded)}",
        f"inputRestricted={flag(showing)}",
        f"occluded={flag(state.occluded)}",
        f"secure={flag(secure)}",
        "dreaming=false",
        "systemIsReady=true",
        "deviceHasKeyguard=true",
        "enabled=true",
        "offReason=OFF_BECAUSE_OF_USER" if state.api_level >= 28 else "offReason=2",
        "currentUser=-10000",
        "bootCompleted=true",
        f"screenState={screen}",
        f"interactiveState={interactive}",
    ]
    monitor = [
        f"mIsShowing={flag(showing)}",
        "mSimSecure=false",
        f"mInputRestricted={flag(showing)}",
        "mTrusted=false",
        "mCurrentUserId=0",
    ]
    return [
        *(f"      {row}" for row in rows),
        "      KeyguardStateMonitor",
        *(f"        {row}" for row in monitor),
    ]


def full_name(component: str) -> str:
    """``package/package.Class``, as windows are titled."""
    package, _, name = component.partition("/")
    return f"{package}/{package + name if name.startswith('.') else name}"


def focused_window(phone: PhoneCore) -> str:
    """The window that has the focus, as ``mCurrentFocus`` prints it."""
    state = phone.state
    if not state.awake:
        return "null"
    title = full_name(state.top)
    if state.keyguard_showing and not state.occluded:
        title = "NotificationShade" if state.api_level >= 30 else "StatusBar"
    return f"Window{{{handle(title)} u0 {title}}}"


def record(phone: PhoneCore, component: str) -> str:
    """An ``ActivityRecord{…}`` as dumps print it."""
    task = 100 + hash_of(component) % 400
    return f"ActivityRecord{{{handle(component + phone.serial)} u0 {component} t{task}}}"


def _displays(phone: PhoneCore) -> str:
    state = phone.state
    width, height = phone.spec.android.screen
    showing = state.keyguard_showing
    focus = focused_window(phone)
    bars = handle("StatusBar")
    return (
        "WINDOW MANAGER DISPLAY CONTENTS (dumpsys window displays)\n"
        "  Display: mDisplayId=0\n"
        f"    init={width}x{height} 420dpi cur={width}x{height} app={width}x{height - 136}\n"
        "    deferred=false mLayoutNeeded=false\n"
        "  mLayoutSeq=108\n"
        f"  mCurrentFocus={focus}\n"
        f"  mFocusedApp={record(phone, state.top)}\n\n"
        "  DisplayPolicy\n"
        f"    mAwake={flag(state.awake)} mScreenOnEarly={flag(state.awake)} "
        f"mScreenOnFully={flag(state.awake)}\n"
        f"    mShowingDream=false mDreamingLockscreen={flag(showing)}\n"
        f"    mStatusBar=Window{{{bars} u0 StatusBar}}\n"
        f"    isKeyguardShowing={flag(showing)}\n"
        f"    mFocusedWindow={focus}\n"
        "  KeyguardController:\n"
        f"    mKeyguardShowing={flag(showing)}\n"
        "    mAodShowing=false\n"
        "    mKeyguardGoingAway=false\n"
    )


def _windows(phone: PhoneCore) -> str:
    state = phone.state
    rows = [
        f"  Window #{i} Window{{{handle(full_name(a))} u0 {full_name(a)}}}:\n"
        f"    mOwnerUid=10134 package={a.partition('/')[0]} appop=NONE\n"
        for i, a in enumerate(reversed(state.activities))
    ]
    return (
        "WINDOW MANAGER WINDOWS (dumpsys window windows)\n"
        + "".join(rows)
        + f"\n  mCurrentFocus={focused_window(phone)}\n"
        f"  mFocusedApp={record(phone, state.top)}\n"
    )
