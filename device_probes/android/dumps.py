"""``dumpsys`` of several services, read. The forms of Android 8 to 16 differ; each is named.

Every function is total (see ``parsers.py``): ``None`` or an empty value means "not known".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from device_probes.android.commands import PACKAGE
from device_probes.fields import clean

_MAX_XML_CHARS = 200_000
_MAX_SHORT_CHARS = 200_000
"""Of dumps that take a screen or two: what a phone pads them with is not worth anybody's time."""
_MAX_LINE_CHARS = 256
_NUMBER = r"(-?\d{1,6})"
_BATTERY = {
    name: re.compile(rf"^[ \t]{{0,60}}{name}:[ \t]{{0,9}}{_NUMBER}[ \t]{{0,60}}$", re.M)
    for name in ("level", "scale", "temperature")
}
_THERMAL = re.compile(r"^[ \t]{0,60}Thermal Status:[ \t]{0,9}(\d)[ \t]{0,60}$", re.M)
_THERMAL_WORDS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_CURRENT_USER = re.compile(r"\(current\):[^\n]{0,200}?\bdeviceLocked=([01])")
_ANY_USER = re.compile(r"\bdeviceLocked=([01])")
_SHOWING = re.compile(
    r"^[ \t]{0,60}(?:showing|mIsShowing|mShowingLockscreen|keyguardShowing|isKeyguardShowing)"
    r"=(true|false)",
    re.M,
)
_SCREEN = re.compile(r"\bscreenState=SCREEN_STATE_(ON|OFF)|\bmScreenOnFully=(true|false)")
_INTERACTIVE = re.compile(r"\binteractiveState=INTERACTIVE_STATE_([A-Z]+)|\bmAwake=(true|false)")
_PAIR = re.compile(r"([a-z_]{1,32})=(?:\{|\[|(-?\w{1,24})|$)")
_RECORDER = re.compile(
    r"-- source(?: client=|:)([A-Z_]{1,32})|\briid (\d{1,9}); active\? (true|false)"
)
_PACK = re.compile(r"-- pack:([A-Za-z0-9_.]{0,200})")
_RESUMED = re.compile(
    r"\b(?:topResumedActivity|mResumedActivity|ResumedActivity|mFocusedActivity)"
    r"(?:=|: )ActivityRecord\{\S{1,40}(?: u\d{1,6})? ([A-Za-z0-9_.]{1,200})/"
)
_NO_MICROPHONE = frozenset(
    {"HOTWORD", "REMOTE_SUBMIX", "ECHO_REFERENCE", "RADIO_TUNER", "FM_TUNER", "VOICE_DOWNLINK"}
)
"""Sources that take nothing away from a probe: a listener for its name, inner loops, a radio."""
_STREAM = re.compile(r"^[ \t]{0,8}- STREAM_([A-Z_]{1,32}):", re.M)
_SECTION_END = re.compile(r"^(?![ \t-])[^\n]", re.M)
_STREAM_VOLUME = re.compile(r"^[ \t]{0,60}streamVolume:[ \t]{0,9}(\d{1,3})\b", re.M)
_STREAM_MAX = re.compile(r"^[ \t]{0,60}Max:[ \t]{0,9}(\d{1,3})\b", re.M)
_CURRENT = re.compile(r"^[ \t]{0,60}Current:[ \t]{0,9}([^\n]{1,1000})", re.M)
_DEVICES = re.compile(r"^[ \t]{0,60}Devices:[ \t]{0,9}([^\n]{1,200})", re.M)
_DEVICE_INDEX = re.compile(r"\(([a-z0-9_]{1,32})\): (\d{1,3})\b")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SECURE = re.compile(r"^[ \t]{0,60}secure=(true|false)", re.M)
_THREAD = re.compile(r"^(?:Output|output) thread ", re.M)
_RATE = re.compile(r"^[ \t]{0,60}Sample rate:[ \t]{0,9}(\d{4,6}) Hz", re.M)
_FRAMES = re.compile(r"^[ \t]{0,60}HAL frame count:[ \t]{0,9}(\d{1,6})[ \t]{0,60}$", re.M)
_FAST = re.compile(r"\bFast ?[mM]ixer command|\bAUDIO_OUTPUT_FLAG_FAST\b|\bMMAP\b")
_SPEAKER = re.compile(
    r"^[ \t]{0,60}Output devices?:[ \t]{0,9}(?:0x2\b|[^\n]{0,80}OUT_SPEAKER)", re.M
)
_MEDIA_TYPE = re.compile(r"^[ \t]{0,60}Media type '([a-z0-9./+-]{1,64})':", re.M)
_CODER = re.compile(r'^[ \t]{0,60}(Decoder|Encoder) "([A-Za-z0-9_.-]{1,128})" supports', re.M)
_ELEMENT = re.compile(r"<(library|effect|effectProxy)\s([^<>]{1,600})>")
_ATTRIBUTE = re.compile(r'\b(name|library|path|uuid)="([^"<>]{1,128})"')
_VOICE_EFFECT = re.compile(r"aec|echo|(?:^|_)ns(?:$|_)|noise|agc|gain", re.I)


@dataclass(frozen=True, slots=True)
class Battery:
    """``dumpsys battery``."""

    percent: float | None = None
    temperature_c: float | None = None


def battery(text: str) -> Battery:
    """Level (of ``scale``, 100 where it is not said) and temperature (given in 0.1 °C)."""
    short = text[:_MAX_SHORT_CHARS]
    found = {name: pattern.search(short) for name, pattern in _BATTERY.items()}
    value = {name: int(match[1]) for name, match in found.items() if match}
    level, scale, heat = value.get("level"), value.get("scale") or 100, value.get("temperature")
    percent = 100 * level / scale if level is not None else None
    if percent is not None and not 0 <= percent <= 100:
        percent = None
    degrees = heat / 10 if heat is not None and -400 <= heat <= 1500 else None
    return Battery(percent, degrees)


def thermal_status(text: str) -> str | None:
    """``dumpsys thermalservice`` (Android 10+): ``none`` … ``shutdown``."""
    match = _THERMAL.search(text[:_MAX_SHORT_CHARS])
    code = int(match[1]) if match else len(_THERMAL_WORDS)
    return _THERMAL_WORDS[code] if code < len(_THERMAL_WORDS) else None


def device_locked(text: str) -> bool | None:
    """``dumpsys trust``: whether the current user's PIN, pattern or password is asked for."""
    short = text[:_MAX_SHORT_CHARS]
    match = _CURRENT_USER.search(short) or _ANY_USER.search(short)
    return match[1] == "1" if match else None


@dataclass(frozen=True, slots=True)
class Screen:
    """``dumpsys window policy``; ``None`` = not said in a form known."""

    keyguard: bool | None = None
    awake: bool | None = None
    secure: bool | None = None
    """Whether the keyguard asks for a PIN, a pattern or a password when it is up."""


def screen(text: str) -> Screen:
    """Whether the keyguard (of any kind) is up, and whether the phone is awake."""
    short = text[:_MAX_SHORT_CHARS]
    guard = _SHOWING.search(short)
    awake: list[bool] = []
    for lit, fully in _SCREEN.findall(short)[:8]:
        awake.append(lit == "ON" or fully == "true")
    for word, flag in _INTERACTIVE.findall(short)[:8]:
        awake.append(word in ("AWAKE", "WAKING") or flag == "true")
    secure = _SECURE.search(short)
    return Screen(
        guard[1] == "true" if guard else None,
        all(awake) if awake else None,
        secure[1] == "true" if secure else None,
    )


def microphone_off(text: str) -> bool | None:
    """``dumpsys sensor_privacy``: whether the microphone switch of the first user is off.

    Sensor 1 is the microphone. Android 12 says ``is_enabled=true`` (privacy on) for it; 13 and
    later ``state_type=1`` (2 = microphone may be used), once for each kind of switch.
    """
    sensor: str | None = None
    user: str | None = None
    known = False
    for line in text.split("\n")[:5000]:
        match = _PAIR.search(line[:_MAX_LINE_CHARS])
        if match is None:
            continue
        key, value = match[1], match[2]
        if key in ("user_id", "id"):
            if user is not None and value != user:
                break
            user, sensor = value, None
        elif key == "sensor":
            sensor = value
        elif sensor in ("1", "MICROPHONE") and key in ("is_enabled", "state_type", "state"):
            known = True
            if value in ("true", "1", "ENABLED"):
                return True
    return False if known else None


def recorders(text: str, own: str = PACKAGE) -> tuple[str, ...]:
    """``dumpsys audio``: apps that record from the microphone now, beside ``own``.

    Only the live part counts, not the log below it. Android 8 and 9 list active recordings
    only, with ``source:``; later ones say ``riid N; active? true`` in front of each.
    """
    at = text.find("RecordActivityMonitor dump time")
    if at < 0:
        return ()
    part = text[at:].split("Events log", 1)[0]
    found: list[str] = []
    active = True
    for line in part.split("\n")[:2000]:
        for source, riid, state in _RECORDER.findall(line)[:8]:
            if riid:
                active = state == "true"
                continue
            pack = _PACK.search(line)
            name = pack[1] if pack and pack[1] else "an app of the system"
            if active and source not in _NO_MICROPHONE and name != own and name not in found:
                found.append(name)
    return tuple(found[:8])


@dataclass(frozen=True, slots=True)
class StreamVolume:
    """One stream's volume on the device it plays through."""

    index: int
    maximum: int | None = None


STREAMS = (
    "voice_call", "system", "ring", "music", "alarm", "notification", "bluetooth_sco",
    "system_enforced", "dtmf", "tts", "accessibility", "assistant",
)  # fmt: skip
"""``AudioSystem.STREAM_*`` by number."""


def volumes(text: str) -> dict[str, StreamVolume]:
    """``dumpsys audio``: the volume index of every stream, by a word of :data:`STREAMS`.

    Newer systems say ``streamVolume:``; older ones only list an index for each device, and which
    device the stream uses.
    """
    at = text.find("Stream volumes")
    if at < 0:
        return {}
    # It ends where a line follows that is neither indented nor a stream's name.
    lines = text[at : at + _MAX_SHORT_CHARS].partition("\n")[2]
    parts = _STREAM.split(_SECTION_END.split(lines, maxsplit=1)[0])
    found: dict[str, StreamVolume] = {}
    for name, body in zip(parts[1:33:2], parts[2:34:2], strict=False):
        word, index = name.lower(), _stream_index(body)
        if word in STREAMS and index is not None:
            most = _STREAM_MAX.search(body)
            found.setdefault(word, StreamVolume(index, int(most[1]) if most else None))
    return found


def _stream_index(body: str) -> int | None:
    direct = _STREAM_VOLUME.search(body)
    if direct:
        return int(direct[1])
    current, used = _CURRENT.search(body), _DEVICES.search(body)
    if not current:
        return None
    by_name = {name: int(index) for name, index in _DEVICE_INDEX.findall(current[1])[:32]}
    for device in _WORD.findall(used[1] if used else "")[:8]:
        if device in by_name:
            return by_name[device]
    return by_name.get("default")


def foreground(text: str) -> str | None:
    """``dumpsys activity activities``: the package in front.

    Android 8–9 say ``mResumedActivity:`` (once a display stack), 10+ ``ResumedActivity:`` and
    ``topResumedActivity=`` for the one on top of all.
    """
    top: str | None = None
    for match in _RESUMED.finditer(text):
        if match[0].startswith("topResumedActivity"):
            return match[1]
        top = top or match[1]
    return top


@dataclass(frozen=True, slots=True)
class NativeStream:
    """The output a low-latency stream gets."""

    rate_hz: int
    frames_per_burst: int


def native_stream(text: str) -> NativeStream | None:
    """``dumpsys media.audio_flinger``: rate and HAL frames of the fast output, else the first.

    A guess for the list of phones; the probe's own answer is better.
    """
    best: tuple[int, NativeStream] | None = None
    for part in _THREAD.split(text)[1:65]:
        rate, frames = _RATE.search(part), _FRAMES.search(part)
        if rate is None or frames is None or not int(frames[1]):
            continue
        rank = 2 * bool(_SPEAKER.search(part)) + bool(_FAST.search(part))
        if best is None or rank > best[0]:
            best = rank, NativeStream(int(rate[1]), int(frames[1]))
    return best[1] if best else None


def coders(text: str, media_type: str = "audio/opus") -> dict[str, tuple[str, ...]]:
    """``dumpsys media.player``: names of ``Encoder`` and ``Decoder`` for a media type."""
    found: dict[str, list[str]] = {"Encoder": [], "Decoder": []}
    marks = list(_MEDIA_TYPE.finditer(text))[:2000]
    for i, mark in enumerate(marks):
        if mark[1] != media_type:
            continue
        end = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        for kind, name in _CODER.findall(text, mark.end(), end):
            if name not in found[kind] and len(found[kind]) < 16:
                found[kind].append(name)
    return {kind: tuple(names) for kind, names in found.items()}


@dataclass(frozen=True, slots=True)
class Effect:
    """A voice effect the vendor's file names; whether it does anything is for trials to show."""

    name: str
    uuid: str
    library: str


def effects(text: str) -> tuple[Effect, ...]:
    """Echo cancellers, noise suppressors and gain controls of ``audio_effects*.xml``."""
    # Comments end at "-->"; what comes before one is the rest of the last comment.
    body = "".join(
        part.split("-->", 1)[-1] if i else part
        for i, part in enumerate(text[:_MAX_XML_CHARS].split("<!--"))
    )
    paths: dict[str, str] = {}
    found: list[Effect] = []
    for kind, words in _ELEMENT.findall(body)[:1000]:
        a = dict(_ATTRIBUTE.findall(words))
        name, uuid = a.get("name", ""), a.get("uuid", "")
        if kind == "library":
            paths[name] = a.get("path", "")
        elif uuid and _VOICE_EFFECT.search(name):
            library = paths.get(a.get("library", "")) or a.get("library", "")
            found.append(Effect(clean(name), clean(uuid.lower()), clean(library)))
    return tuple(found[:24])
