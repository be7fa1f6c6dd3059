"""Virtual Android phones for tests, with and without an adb server."""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple

from device_probes.virtual import Clock
from device_probes.virtual.adbd import VirtualAndroid, make_phones
from device_probes.virtual.adbd.commands import COMMANDS
from device_probes.virtual.adbd.shell import Capture, Held, Interpreter
from device_probes.virtual.driver import fleet_from_toml

PHONE = """
[[phone]]
serial = "{serial}"
manufacturer = "Acme"
model = "A 1"
marketing_name = "Acme One"
soc = "S9"
os_name = "Android"
os_version = "14"
os_build = "acme/a1:14/AP1A/1:user"
api_level = {api_level}
low_latency = true
{head}
[phone.latency]
api_ms = {{ aaudio = 31.5, java = 90.0 }}
spread = "none"
{latency}
[phone.acoustics]
reflections = []
[phone.android]
launch_ms = 0
install_ms = 0
{android}
"""
SOCKET = "chirpbench_0123456789abcdef"
TOKEN = "00112233445566778899aabbccddeeff"
START = (
    f"am start -W -S -n org.chirpbench.probe/.ProbeActivity --es socket {SOCKET} --es token {TOKEN}"
)


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


def fleet_toml(
    *serials: str,
    api_level: int = 34,
    head: str = "",
    android: str = "",
    latency: str = "",
    seed: int = 3,
    zone: str | None = None,
) -> str:
    """Plain phones; ``head``, ``latency`` and ``android`` are TOML for all of them, ``zone`` their
    zone."""
    top = f"version = 1\nseed = {seed}\n"
    if zone is not None:
        top += f'[[zone]]\nname = "{zone}"\n'
        head += f'\nzone = "{zone}"\n'
    return top + "".join(
        PHONE.format(serial=s, api_level=api_level, head=head, android=android, latency=latency)
        for s in serials
    )


def phones(
    *serials: str, clock: Clock | None = None, launcher=None, **more
) -> list[VirtualAndroid]:
    """Phones that do not listen yet; without a clock they never wait."""
    fleet = fleet_from_toml(fleet_toml(*serials, **more), "test fleet")
    return make_phones(fleet, clock or Clock(math.inf), launcher=launcher)


def one_phone(**more) -> VirtualAndroid:
    (phone,) = phones("A1", **more)
    return phone


def shell(phone: VirtualAndroid, line: str, stdin: bytes = b"") -> Said:
    """Run a command line in the phone's shell, without adb."""
    out, err = Capture(), Capture()
    interpreter = Interpreter(phone, COMMANDS, {1: out, 2: err})
    code = asyncio.run(interpreter.run(line, Held(stdin)))
    return Said(code, out.data.decode("utf-8", "replace"), err.data.decode("utf-8", "replace"))
