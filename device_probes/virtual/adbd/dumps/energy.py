"""``dumpsys battery``, ``thermalservice``, ``power`` and ``trust``."""

from __future__ import annotations

import time

from device_probes.virtual.adbd.core import PhoneCore


def flag(value: object) -> str:
    """A boolean as Java prints it."""
    return "true" if value else "false"


def battery(phone: PhoneCore, args: list[str]) -> str:
    """BatteryService.dump; ``set level N``, ``unplug`` and ``reset`` change what it says."""
    state = phone.state
    if args[:2] == ["set", "level"] and len(args) == 3 and args[2].isdecimal():
        state.set_battery(percent=min(float(args[2]), 100.0))
        return ""
    if args[:1] in (["unplug"], ["reset"]):
        state.usb_powered = args[0] == "reset" and phone.spec.android.battery.usb_powered
        return ""
    level = round(state.battery_percent)
    full = level >= 100
    lines = ["AC powered: false", f"USB powered: {flag(state.usb_powered)}"]
    lines.append("Wireless powered: false")
    if state.api_level >= 33:
        lines.append("Dock powered: false")
    lines += [
        f"Max charging current: {500_000 if state.usb_powered else 0}",
        f"Max charging voltage: {5_000_000 if state.usb_powered else 0}",
        f"Charge counter: {level * 45_000}",
        f"status: {(5 if full else 2) if state.usb_powered else 3}",
        "health: 2",
        "present: true",
        f"level: {level}",
        "scale: 100",
        f"voltage: {3400 + 9 * level}",
        f"temperature: {round(state.battery_temperature_c * 10)}",
        "technology: Li-ion",
    ]
    if state.api_level >= 34:
        lines += ["Charging state: 0", "Charging policy: 1"]
    return "Current Battery Service state:\n" + "".join(f"  {line}\n" for line in lines)


def thermal(phone: PhoneCore, _: list[str]) -> str | None:
    """ThermalManagerService.dump (Android 10 and newer)."""
    state = phone.state
    if state.api_level < 29:
        return None
    status, heat = state.thermal_status, state.battery_temperature_c
    rows = [
        f"Temperature{{mValue={heat + 9.4:.6f}, mType=0, mName=CPU0, mStatus=0}}",
        f"Temperature{{mValue={heat:.1f}, mType=2, mName=battery, mStatus=0}}",
        f"Temperature{{mValue={heat + 3.2:.6f}, mType=3, mName=skin, mStatus={status}}}",
    ]
    listed = "".join(f"\t{row}\n" for row in rows)
    return (
        "IsStatusOverride: false\n"
        "ThermalEventListeners:\n\tcallbacks: 2\n\tkilled: false\n\tbroadcasts count: -1\n"
        "ThermalStatusListeners:\n\tcallbacks: 4\n\tkilled: false\n\tbroadcasts count: -1\n"
        f"Thermal Status: {status}\n"
        f"Cached temperatures:\n{listed}"
        "HAL Ready: true\n"
        "HAL connection:\n\tThermalHAL 2.0 connected: yes\n"
        f"Current temperatures from HAL:\n{listed}"
        "Current cooling devices from HAL:\n"
        "\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}\n"
    )


def power(phone: PhoneCore, _: list[str]) -> str:
    """PowerManagerService.dump, the part about the screen."""
    state = phone.state
    awake = state.awake
    stay = state.settings["global"].get("stay_on_while_plugged_in", "0")
    timeout = state.settings["system"].get("screen_off_timeout", "60000")
    now = int(time.monotonic() * 1000)
    return (
        "POWER MANAGER (dumpsys power)\n\n"
        "Power Manager State:\n"
        "  mDirty=0x0\n"
        f"  mWakefulness={'Awake' if awake else 'Asleep'}\n"
        "  mWakefulnessChanging=false\n"
        f"  mIsPowered={flag(state.usb_powered)}\n"
        f"  mPlugType={2 if state.usb_powered else 0}\n"
        f"  mBatteryLevel={round(state.battery_percent)}\n"
        f"  mStayOn={flag(state.stays_on)}\n"
        "  mProximityPositive=false\n"
        "  mBootCompleted=true\n"
        "  mSystemReady=true\n"
        f"  mLastUserActivityTime={now} (0 ms ago)\n"
        f"  mHoldingDisplaySuspendBlocker={flag(awake)}\n"
        "\nSettings and Configuration:\n"
        f"  mScreenOffTimeoutSetting={timeout}\n"
        f"  mStayOnWhilePluggedInSetting={stay}\n"
        "  mScreenBrightnessSetting=128\n"
        "\nSleep timeout: -1 ms\n"
        f"Screen off timeout: {timeout} ms\n"
        "Screen dim duration: 7000 ms\n"
        "\nWake Locks: size=0\n"
        f"\nDisplay Power: state={'ON' if awake else 'OFF'}\n"
    )


def trust(phone: PhoneCore, _: list[str]) -> str:
    """TrustManagerService.dump."""
    state = phone.state
    locked = state.keyguard == "pin" and state.keyguard_showing
    head = (
        ' User "Owner" (id=0, flags=0xc13) (current): trustState=UNTRUSTED, '
        if state.api_level >= 34
        else ' User "Owner" (id=0, flags=0xc13) (current): trusted=0, trustManaged=0, '
    )
    return (
        "Trust manager state:\n"
        f"{head}deviceLocked={int(locked)}, strongAuthRequired=0x0\n"
        "   Enabled agents:\n    none\n"
        "   Events:\n"
    )
