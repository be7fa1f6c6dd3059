"""A probe's refusal: as a device in Python says it, and what it means for people."""

from __future__ import annotations

from device_probes.fields import clean
from device_probes.protocol import Refused, RefusedCode
from profiler.errors import ProbeBackground, ProbeError, ProbePermission, ProbeRefused

CANCELLED = Refused(RefusedCode.CANCELLED, "the trial was cancelled")
_NEXT_STEP = {
    RefusedCode.UNSUPPORTED: "leave this configuration out of the plan",
    RefusedCode.OPEN_FAILED: "close other apps that use sound, or choose another configuration",
    RefusedCode.PERMISSION: "allow the microphone on the device, then run again",
    RefusedCode.BACKGROUND: "leave the probe on the screen until the run has ended",
    RefusedCode.BUSY: "let the other trial end, or start the probe again",
    RefusedCode.STREAM_LOST: "see what took the sound away (a call, a headset), then run again",
    RefusedCode.TOO_LARGE: "record for a shorter time or at a lower rate",
    RefusedCode.MALFORMED: "correct that value in the plan",
    RefusedCode.UNAUTHORIZED: "start the probe again from this chirpbench",
}


class TrialRefused(Exception):
    """A probe device does not do what was asked; ``text`` is one plain line."""

    def __init__(self, code: RefusedCode, text: str, *, granted_rate_hz: int | None = None) -> None:
        super().__init__(text)
        self.refused = Refused(code, clean(text)[:300], granted_rate_hz)


def refusal(refused: Refused, device: str) -> ProbeRefused:
    """The error for a refusal, with the next step."""
    return ProbeRefused(
        f"the probe refused: {refused.text} ({refused.code.value})",
        device=device,
        code=refused.code.value,
        hint=_NEXT_STEP.get(refused.code, ""),
    )


def by_name(refused: ProbeRefused, device: str) -> ProbeError:
    """The error a bench tells apart for refusals that wait for a person; else ``refused``."""
    kinds: dict[str, type[ProbeError]] = {
        RefusedCode.BACKGROUND: ProbeBackground,
        RefusedCode.PERMISSION: ProbePermission,
    }
    kind = kinds.get(refused.code)
    if kind is None:
        return refused
    return kind(refused.message.split(": ", 1)[-1], device=device, hint=refused.hint)
