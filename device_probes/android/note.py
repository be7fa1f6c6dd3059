"""The note on a phone that says how it was before we changed it.

Whoever comes next, from whatever computer, can put the phone back from it. It is a file that
anybody with adb can write: it is read strictly, and means nothing but the values below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from device_probes.android import commands

_MAX_VOLUMES, _MAX_MICROPHONES, _MAX_REVERSED = 16, 4, 4
_NOTE = re.compile(
    r"chirpbench-restore 1\n"
    rf"global {commands.STAY_ON} (null|[0-9]{{1,3}})\n"
    rf"((?:volume [0-9]{{1,2}} [0-9]{{1,3}}\n){{0,{_MAX_VOLUMES}}})"
    rf"((?:microphone [a-z0-9_.]{{1,64}}\n){{0,{_MAX_MICROPHONES}}})"
    rf"((?:reverse [0-9]{{1,5}} [0-9]{{1,5}}\n){{0,{_MAX_REVERSED}}})"
    r"end\n?\Z"
)


@dataclass(frozen=True, slots=True)
class Before:
    """What was in force before we changed it."""

    stay_on: int | None
    """``None``: the setting did not exist."""
    volumes: tuple[tuple[int, int], ...] = ()
    """(stream, index), while keys are pressed that move some of them."""
    microphones: tuple[str, ...] = ()
    """Browsers that did not have the microphone, and were given it."""
    reversed: tuple[tuple[int, int], ...] = ()
    """(port of the phone, port of this computer): ways back that were not there."""

    def text(self) -> str:
        """As it is written on the phone."""
        value = "null" if self.stay_on is None else str(self.stay_on)
        lines = [
            "chirpbench-restore 1",
            f"global {commands.STAY_ON} {value}",
            *(f"volume {stream} {index}" for stream, index in self.volumes),
            *(f"microphone {package}" for package in self.microphones),
            *(f"reverse {phone} {host}" for phone, host in self.reversed),
            "end\n",
        ]
        return "\n".join(lines)

    @classmethod
    def read(cls, text: str) -> Before | None:
        """Read back; ``None`` for anything but what :meth:`text` writes, whole."""
        match = _NOTE.match(text)
        before = cls.of(match[1]) if match else None
        if match is None or before is None:
            return None
        volumes, ports = _pairs(match[2]), _pairs(match[4])
        microphones = tuple(line.split()[1] for line in match[3].splitlines())
        fits = (
            all(s <= commands.MAX_STREAM and i <= commands.MAX_VOLUME_INDEX for s, i in volumes)
            and set(microphones) <= commands.BROWSERS.keys()
            and all(0 < port < 65_536 for pair in ports for port in pair)
        )
        return cls(before.stay_on, volumes, microphones, ports) if fits else None

    @classmethod
    def of(cls, value: str) -> Before | None:
        """From what ``settings get`` says; ``None`` for a value we could not put back."""
        if value == "null":
            return cls(None)
        return cls(int(value)) if re.fullmatch(r"[0-9]{1,3}", value) and int(value) < 256 else None


def _pairs(lines: str) -> tuple[tuple[int, int], ...]:
    words = (line.split()[1:] for line in lines.splitlines())
    return tuple((int(first), int(second)) for first, second in words)
