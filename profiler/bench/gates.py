"""Battery and heat: when a device's run pauses (LAB section 7)."""

from __future__ import annotations

from profiler.model import DeviceHealth, ProbeReport, Reason
from profiler.plan import Gates

_THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")


def health_of(report: ProbeReport) -> DeviceHealth:
    """What a trial's report says of battery and heat."""
    return DeviceHealth(report.battery_percent, report.battery_temperature_c, report.thermal_status)


def gate_crossed(health: DeviceHealth, gates: Gates) -> tuple[Reason, str] | None:
    """The gate a device lies beyond, with a line for people."""
    battery, heat_c = health.battery_percent, health.battery_temperature_c
    if battery is not None and battery < gates.min_battery_percent:
        return (
            Reason.BATTERY_LOW,
            f"battery at {battery:.0f} %, below {gates.min_battery_percent:.0f} %",
        )
    if heat_c is not None and heat_c > gates.max_battery_temperature_c:
        return (
            Reason.DEVICE_HOT,
            f"battery at {heat_c:.1f} °C, above {gates.max_battery_temperature_c:.0f} °C",
        )
    status = health.thermal_status
    if status in _THERMAL and _THERMAL.index(status) > _THERMAL.index(gates.max_thermal_status):
        return Reason.DEVICE_HOT, f"thermal status {status}, above {gates.max_thermal_status}"
    return None
