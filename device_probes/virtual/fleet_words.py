"""Words of a fleet file that a phone's system does not have: named before a run, not in a verdict.

Behind usbmuxd stands an app of iOS: it refuses a word of Android's whatever the fleet file says of
it, so that a phone described in such words would be another one than was meant, or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from device_probes.virtual.spec import FleetSpec, PhoneSpec
from device_probes.virtual.spec_words import Where
from profiler.errors import PlanError

REMOTE_IO, VOICE_PROCESSING = "coreaudio_remote_io", "coreaudio_voice_processing"
APPLE_APIS = (REMOTE_IO, VOICE_PROCESSING)
ANDROID_APIS = ("aaudio", "java")
MODES = {
    "generic": "default", "unprocessed": "measurement", "measurement": "measurement",
    "voice_communication": "voice_chat", "voice_chat": "voice_chat", "video_chat": "video_chat",
}  # fmt: skip
"""Mode of the AVAudioSession by the preset's word."""
ROUTES = (
    "default", "speaker", "earpiece", "wired", "usb", "bluetooth_sco", "bluetooth_a2dp",
    "bluetooth_le",
)  # fmt: skip
COMBINATIONS: Mapping[str, tuple[str, ...]] = {
    "apis": APPLE_APIS,
    "presets": ("default", *MODES),
    "modes": ("media", "communication"),
    "performance_modes": ("default", "low_latency"),
    "sharing": ("default", "shared"),
    "sessions": ("default",),
    "routes": ROUTES,
}
"""What an iPhone takes of each list of a combination."""
Found = tuple[str, str, tuple[str, ...]]
"""Key, word, what is allowed there."""


def check_words(spec: FleetSpec, name: str) -> None:
    """Raises :class:`~profiler.errors.PlanError` for the first word that a phone cannot mean."""
    for i, phone in enumerate(spec.phone):
        used = _of_iphone(phone) if phone.link == "usbmux" else _of_android(phone)
        for key, word, allowed in used:
            if word not in allowed:
                raise PlanError(
                    f'is nothing that {phone.serial}, a phone of link "{phone.link}", has',
                    file=name, key=f"phone[{i}].{key}", value=word,
                    allowed=", ".join(allowed) or "no such table for this link",
                )  # fmt: skip


def _of_iphone(phone: PhoneSpec) -> Iterator[Found]:
    yield from (("latency.api_ms", word, APPLE_APIS) for word in phone.latency.api_ms)
    streams = phone.streams
    yield from (("streams.routes", word, ROUTES) for word in streams.routes)
    if streams.granted_route is not None:
        yield "streams.granted_route", streams.granted_route, ROUTES
    yield from (
        ("streams.refused_modes", word, COMBINATIONS["modes"]) for word in streams.refused_modes
    )
    taken = COMBINATIONS["performance_modes"]
    yield from (("streams.performance_modes", w, taken) for w in streams.performance_modes)
    yield from (("latency.performance_extra_ms", w, taken) for w, _ in
                phone.latency.performance_extra_ms)  # fmt: skip
    yield from (("routes", word, ROUTES) for word in phone.routes)
    for key, where in _combinations(phone, ""):
        for field, allowed in COMBINATIONS.items():
            yield from ((f"{key}.{field}", word, allowed) for word in getattr(where, field))
    if "android" in phone.model_fields_set:
        yield "android", "[phone.android]", ()


def _of_android(phone: PhoneSpec) -> Iterator[Found]:
    """Only of one behind adb: a ``direct`` phone may play either system."""
    apple = (w for w in phone.latency.api_ms if w in APPLE_APIS and phone.link == "adb")
    yield from (("latency.api_ms", word, ANDROID_APIS) for word in apple)


def _combinations(section: BaseModel, key: str) -> Iterator[tuple[str, Where]]:
    """Every combination of a request in a phone's tables, with the key that leads to it."""
    for field in type(section).model_fields:
        value = getattr(section, field)
        path = f"{key}.{field}".removeprefix(".")
        many = value if isinstance(value, tuple) else (value,)
        for i, one in enumerate(many):
            here = f"{path}[{i}]" if isinstance(value, tuple) else path
            if isinstance(one, Where):
                yield here, one
            elif isinstance(one, BaseModel):
                yield from _combinations(one, here)
