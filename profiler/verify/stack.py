"""Which settings libwebrtc takes through its public interface, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from profiler.model import SettingValue

FRAME_MS = 20
BITRATE_BPS = 32_000
"""libwebrtc's own for one channel at full band (audio_encoder_opus.cc)."""
RTP_KHZ = 48
FRAMES_MS = (10, 20, 40, 60, 120)
"""Packet lengths that libwebrtc's Opus encoder makes."""
NOT_TAKEN = {
    "opus_complexity": "fixed by the platform (9 here, 5 on phones)",
    "opus_packet_loss_percent": "libwebrtc takes it from the receiver's reports",
    "opus_application": "follows from the number of channels",
    "jitter_buffer_max_ms": "no public interface sets it",
    "dred_ms": "this libwebrtc has no DRED",
}
"""Settings that no session can put into force; a verification does not speak of them."""


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What a session puts into force; ``None`` = the stack's own choice."""

    frame_ms: int | None = None
    bitrate_bps: int | None = None
    channels: int = 1
    max_playback_hz: int | None = None
    fec: bool | None = None
    dtx: bool | None = None
    cbr: bool | None = None
    red: bool = False
    floor_ms: int = 0
    """Least delay of the jitter buffer: libwebrtc's target is a floor."""

    @property
    def frame_samples(self) -> int:
        """Length of a packet in samples of the RTP clock."""
        return (self.frame_ms or FRAME_MS) * RTP_KHZ

    @property
    def fmtp(self) -> str:
        """Parameters of Opus (RFC 7587) that ask a sender for these settings."""
        wanted: list[tuple[str, int | None]] = [
            ("minptime", 10),
            ("useinbandfec", 1 if self.fec is None else int(self.fec)),
            ("ptime", self.frame_ms),
            ("maxaveragebitrate", self.bitrate_bps),
            ("maxplaybackrate", self.max_playback_hz),
            ("usedtx", int(self.dtx) if self.dtx is not None else None),
            ("cbr", int(self.cbr) if self.cbr is not None else None),
            ("stereo", 1 if self.channels == 2 else None),
            ("sprop-stereo", 1 if self.channels == 2 else None),
        ]
        return ";".join(f"{name}={value}" for name, value in wanted if value is not None)


def stack_settings(values: Mapping[str, SettingValue]) -> StackSettings:
    """The part of a side's settings that the stack takes."""
    floors = [_whole(values.get(f"jitter_buffer_{which}_ms")) for which in ("min", "target")]
    return StackSettings(
        frame_ms=_whole(values.get("opus_frame_ms")),
        bitrate_bps=_whole(values.get("opus_bitrate_bps")),
        channels=_whole(values.get("opus_channels")) or 1,
        max_playback_hz=_whole(values.get("opus_max_playback_hz")),
        fec=_flag(values.get("opus_fec")),
        dtx=_flag(values.get("opus_dtx")),
        cbr=_flag(values.get("opus_cbr")),
        red=_flag(values.get("red")) or False,
        floor_ms=max(ms or 0 for ms in floors),
    )


def not_taken(values: Mapping[str, SettingValue]) -> tuple[str, ...]:
    """A line for each setting that is asked for and that the stack cannot be given."""
    return tuple(
        f"{name} = {values[name]}: not verified, {why}"
        for name, why in NOT_TAKEN.items()
        if values.get(name) not in (None, 0, False)
    )


def without_candidates(sdp: str) -> str:
    """The description without addresses: only the proxy's is handed over."""
    return _kept(sdp, lambda line: not line.startswith(("a=candidate", "a=end-of-candidates")))


def without_bandwidth_estimation(sdp: str) -> str:
    """The description without transport-wide feedback: the bit rate is the one asked for.

    With it a sender probes a lossy network with up to 130 kbps of padding, which is neither
    reproducible nor part of the settings.
    """
    words = ("transport-wide-cc", "abs-send-time", "transport-cc", "goog-remb")
    return _kept(sdp, lambda line: not any(word in line for word in words))


def asking(sdp: str, settings: StackSettings) -> str:
    """An answer that asks the other end to send with these settings."""
    opus = re.search(r"^a=rtpmap:(\d+) opus/48000/2\r?$", sdp, re.M | re.I)
    if opus is None:
        return sdp
    lines = []
    for line in _lines(sdp):
        if line.startswith("m=audio"):
            line = _preferring(line, sdp, opus[1], settings.red)  # noqa: PLW2901
        if line.startswith(f"a=fmtp:{opus[1]} "):
            line = f"a=fmtp:{opus[1]} {settings.fmtp}"  # noqa: PLW2901
        lines.append(line)
    if settings.frame_ms is not None:
        lines += [f"a=ptime:{settings.frame_ms}", f"a=maxptime:{max(60, settings.frame_ms)}"]
    return _joined(lines)


def _preferring(media: str, sdp: str, opus: str, redundant: bool) -> str:
    """The media line with Opus first, or its redundant form before it."""
    red = re.search(r"^a=rtpmap:(\d+) red/48000/2\r?$", sdp, re.M | re.I)
    head, types = media.split(" ")[:3], media.split(" ")[3:]
    first = [red[1], opus] if redundant and red is not None else [opus]
    return " ".join([*head, *first, *(t for t in types if t not in first)])


def _kept(sdp: str, keep: Callable[[str], bool]) -> str:
    return _joined([line for line in _lines(sdp) if keep(line)])


def _lines(sdp: str) -> list[str]:
    return [line for line in sdp.splitlines() if line]


def _joined(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"


def _whole(value: SettingValue) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value)


def _flag(value: SettingValue) -> bool | None:
    return value if isinstance(value, bool) else None
