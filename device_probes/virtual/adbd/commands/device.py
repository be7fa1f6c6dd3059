"""Commands about the device: getprop, settings, input, wm, svc, ps, the small ``cmd`` services."""

from __future__ import annotations

from collections.abc import Mapping

from device_probes.virtual.adbd.midtrial import press_volume_key
from device_probes.virtual.adbd.shell import Call, CommandFunction
from device_probes.virtual.adbd.system import LAUNCHER

_KEYS = {
    "KEYCODE_HOME": 3,
    "KEYCODE_POWER": 26,
    "KEYCODE_MENU": 82,
    "KEYCODE_SLEEP": 223,
    "KEYCODE_WAKEUP": 224,
    "KEYCODE_BACK": 4,
    "KEYCODE_VOLUME_UP": 24,
    "KEYCODE_VOLUME_DOWN": 25,
}
_STAY_ON = {"true": "15", "false": "0", "ac": "1", "usb": "2", "wireless": "4", "dock": "8"}
_NAMESPACES = ("system", "secure", "global")
_MAX_SETTINGS = 500


def _getprop(call: Call) -> int:
    properties = call.phone.properties
    names = [a for a in call.args if a[:1] != "-"]
    if names:
        default = names[1] if len(names) > 1 else ""
        call.out(f"{properties.get(names[0], default)}\n")
    else:
        call.out("".join(f"[{k}]: [{v}]\n" for k, v in sorted(properties.items())))
    return 0


def _setprop(call: Call) -> int:
    if len(call.args) != 2:
        call.err("setprop: Needs 2 arguments\n")
        return 1
    name, value = call.args
    if not name.startswith(("debug.", "log.")):
        call.err(f"Failed to set property '{name}' to '{value}'.\nSee dmesg for error reason.\n")
        return 1
    call.phone.properties[name] = value
    return 0


def _settings(call: Call) -> int:
    args = list(call.args)
    if args[:1] == ["--user"]:
        args = args[2:]
    if args[1:2] == ["--user"]:
        args = args[:1] + args[3:]
    verb, space, rest = (args[:1] or [""])[0], (args[1:2] or [""])[0], args[2:]
    if space not in _NAMESPACES:
        call.err(f"Invalid namespace '{space}'\n")
        return 255
    table = call.phone.state.settings[space]
    if verb == "get" and rest:
        call.out(f"{table.get(rest[0], 'null')}\n")
    elif verb == "put" and len(rest) >= 2 and len(table) < _MAX_SETTINGS:
        table[rest[0]] = rest[1]
    elif verb == "delete" and rest:
        call.out(f"Deleted {int(table.pop(rest[0], None) is not None)} rows\n")
    elif verb == "list":
        call.out("".join(f"{k}={v}\n" for k, v in sorted(table.items())))
    else:
        call.err(f"Invalid command: {verb}\n")
        return 255
    return 0


def _input(call: Call) -> int:
    args = [a for a in call.args if a not in ("keyboard", "touchscreen", "--longpress")]
    verb, rest = (args[:1] or [""])[0], args[1:]
    state = call.phone.state
    if verb == "keyevent" and rest:
        for key in rest:
            _press(call, key)
    elif verb == "swipe" and len(rest) >= 4:
        state.touch()
        if state.awake and state.keyguard == "swipe":
            state.dismiss_keyguard()
    elif verb in ("tap", "text"):
        state.touch()
    else:
        call.err(f"Error: Unknown command: {verb}\n")
        return 255
    return 0


def _press(call: Call, key: str) -> None:
    state = call.phone.state
    name = key if key.startswith("KEYCODE_") or key.isdecimal() else f"KEYCODE_{key}"
    code = int(name) if name.isdecimal() else _KEYS.get(name, 0)
    if code == 26:
        (state.sleep if state.awake else state.wake)()
    elif code == 223:
        state.sleep()
    elif code == 224:
        state.wake()
    elif not state.awake:
        return  # other keys do nothing while the screen is off
    elif code == 82:
        state.dismiss_keyguard()
    elif code == 3 and not state.keyguard_showing:
        state.show(LAUNCHER)
    elif code == 4 and not state.keyguard_showing:
        state.hide(state.top)
    elif code in (24, 25):
        keys = call.phone.spec.android.volume_keys_in_call
        press_volume_key(state, keys, 1 if code == 24 else -1, call.phone.app.trial)
    state.touch()


def _wm(call: Call) -> int:
    verb = (call.args[:1] or [""])[0]
    width, height = call.phone.spec.android.screen
    if verb == "size":
        call.out(f"Physical size: {width}x{height}\n")
    elif verb == "density":
        call.out("Physical density: 420\n")
    elif verb == "dismiss-keyguard":
        call.phone.state.dismiss_keyguard()
    else:
        call.err(f"Unknown command: {verb}\n")
        return 255
    return 0


def _svc(call: Call) -> int:
    if call.args[:2] == ["power", "stayon"] and len(call.args) == 3:
        value = _STAY_ON.get(call.args[2])
        if value is not None:
            call.phone.state.settings["global"]["stay_on_while_plugged_in"] = value
            return 0
    if call.args[:1] in (["wifi"], ["data"]):
        return 0
    call.err("Control the power manager\n\nusage: svc power stayon [true|false|usb|ac|wireless]\n")
    return 1


def _pidof(call: Call) -> int:
    names = [a for a in call.args if a[:1] != "-"]
    pids = [str(p) for p, name in call.phone.processes().items() if name in names]
    if pids:
        call.out(" ".join(pids) + "\n")
    return 0 if pids else 1


def _ps(call: Call) -> int:
    rows = [(1, "root", "init"), (1542, "system", "system_server"), (2961, "u0_a134", "launcher3")]
    installed = call.phone.packages.installed
    for pid, name in call.phone.processes().items():
        found = installed.get(name)
        user = f"u0_a{found.uid - 10_000}" if found else "u0_a187"
        rows.append((pid, user, name))
    if "-p" in call.args:
        at = call.args.index("-p") + 1
        wanted = call.args[at].split(",") if at < len(call.args) else []
        rows = [row for row in rows if str(row[0]) in wanted]
    if any(a.upper().startswith("PID,") for a in call.args):
        call.out("  PID NAME\n" + "".join(f"{pid:5d} {name}\n" for pid, _, name in rows))
        return 0
    call.out("USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME\n")
    for pid, user, name in rows:
        call.out(f"{user:12} {pid:5d}   890 5873456 131072 0                   0 S {name}\n")
    return 0


def other_service(call: Call) -> int:
    """``cmd SERVICE …``; package, activity and media_session are in modules of their own."""
    service, rest = (call.args[:1] or [""])[0], call.args[1:]
    state = call.phone.state
    if service == "sensor_privacy" and state.api_level >= 31:
        if len(rest) == 3 and rest[0] in ("enable", "disable") and rest[2] == "microphone":
            state.mic_toggle_off = rest[0] == "enable"
            return 0
        call.err("Unknown command\n")
        return 255
    if service == "thermalservice" and rest[:1] == ["override-status"] and len(rest) == 2:
        state.thermal_status = min(max(int(rest[1]) if rest[1].isdecimal() else 0, 0), 6)
        return 0
    if service == "thermalservice" and rest[:1] == ["reset"]:
        state.thermal_status = call.phone.spec.android.battery.thermal_status
        return 0
    if service in ("statusbar", "audio", "battery", "uimode"):
        return 0
    call.err(f"cmd: Can't find service: {service}\n")
    return 20


def _screencap(call: Call) -> int:
    call.err("screencap: a virtual phone has no picture\n")
    return 1


COMMANDS: Mapping[str, CommandFunction] = {
    "getprop": _getprop,
    "setprop": _setprop,
    "settings": _settings,
    "input": _input,
    "wm": _wm,
    "svc": _svc,
    "pidof": _pidof,
    "ps": _ps,
    "screencap": _screencap,
}
