"""What an iPhone is: lockdown's word on model and system, the probe's on its sound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from device_probes.codec import raw_table
from device_probes.ios.lockdown import LockdownFacts
from device_probes.ios.models import UNKNOWN, device_facts
from profiler.model import DeviceFacts, Platform


def merged(
    said: LockdownFacts | None, told: DeviceFacts, platform: Platform, how: str
) -> DeviceFacts:
    """One set of facts of both sources; ``how`` the probe was started is kept in ``raw``.

    Lockdown is the system's own table, so it wins for model and build; what the table of models
    does not know is taken from the probe, as is everything about sound.
    """
    raw = {**told.raw, "probe_start": how}
    virtual = told.is_virtual or platform is Platform.VIRTUAL
    if said is None or not said.product_type:
        return replace(told, platform=platform, is_virtual=virtual, raw=raw_table(raw))
    base = device_facts(said, datetime.now(UTC))
    known = base.soc != UNKNOWN
    return replace(
        told,
        platform=platform,
        is_virtual=virtual,
        manufacturer=told.manufacturer or base.manufacturer,
        model=base.model,
        marketing_name=base.marketing_name if known else told.marketing_name or base.marketing_name,
        soc=base.soc if known else told.soc or base.soc,
        os_name=told.os_name or base.os_name,
        os_version=base.os_version or told.os_version,
        os_build=base.os_build or told.os_build,
        raw=raw_table({**raw, **base.raw}),
        collected_at=told.collected_at or base.collected_at,
    )


def inspected(said: LockdownFacts, platform: Platform, label: str = "") -> DeviceFacts:
    """What is known without a probe.

    Of a virtual phone the maker, the system's name and the model's are its probe's to tell: what
    the table says of Apple's phones is not said of it.
    """
    found = replace(device_facts(said, datetime.now(UTC)), platform=platform)
    if platform is not Platform.VIRTUAL:
        return found
    return replace(
        found, is_virtual=True, manufacturer="", marketing_name=label or found.model, soc="",
        os_name="",
    )  # fmt: skip
