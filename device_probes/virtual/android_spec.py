"""What a fleet file says of an Android phone beside its sound: ``[phone.android]``.

Everything has a default, taken from the phone's other keys where they say it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Property = Annotated[str, Field(max_length=91)]
"""A system property's value (Android's own limit is 91 bytes for most)."""
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Percent = Annotated[float, Field(ge=0, le=100)]
Abi = Literal["arm64-v8a", "armeabi-v7a", "x86_64"]
Reason = Annotated[str, Field(pattern=r"^INSTALL_[A-Z0-9_]{3,60}$")]
Package = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=100)]


class Section(BaseModel):
    """Unknown keys are mistakes; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class VoiceEffect(Section):
    """A platform effect: the vendor's echo canceller, noise suppressor or gain control."""

    kind: Literal["aec", "ns", "agc"]
    uuid: Uuid
    implementor: Property
    library: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")] = "libqcomvoiceprocessing.so"


class Battery(Section):
    """Battery and heat at the start, and how they go on (on the phone's own clock)."""

    percent: Percent = 80.0
    drain_percent_per_h: Annotated[float, Field(ge=-100, le=1000)] = 0.0
    """Negative: it charges."""
    temperature_c: Annotated[float, Field(ge=-20, le=90)] = 28.0
    heat_c_per_min: Annotated[float, Field(ge=-10, le=10)] = 0.0
    thermal_status: Annotated[int, Field(ge=0, le=6)] = 0
    """``PowerManager.THERMAL_STATUS_*``: 0 none … 3 severe … 6 shutdown."""
    usb_powered: bool = True


class AtStart(Section):
    """The state the phone is found in."""

    unauthorized: bool = False
    """It asks whether this computer may debug it; a test or a person accepts."""
    offline: bool = False
    """It is connected and never answers."""
    awake: bool = True
    keyguard: Literal["none", "swipe", "pin"] = "none"
    """``pin`` cannot be dismissed without the PIN."""
    screen_off_timeout_ms: Annotated[int, Field(ge=1000, le=2**31 - 1)] = 60_000
    stay_on_while_plugged_in: Annotated[int, Field(ge=0, le=15)] | None = 0
    """``None``: the setting was never written."""
    music_volume: Percent = 40.0
    call_volume: Percent = 60.0
    """Of the stream's range."""
    install_refused: Reason | None = None
    """Every ``pm install`` ends with this, e.g. ``INSTALL_FAILED_USER_RESTRICTED``."""
    grant_refused: bool = False
    """The vendor took GRANT_RUNTIME_PERMISSIONS away from the shell."""
    mic_toggle_off: bool = False
    """The privacy switch of Android 12 and newer."""
    other_recorder: Package | None = None
    """An app that records, and keeps the microphone when the probe wants it."""
    free_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    legacy_adbd: bool = False
    """adbd as of 2012: no shell protocol 2, checksums, 4 KiB packets."""


class Android(Section):
    """An Android phone's system, seen through adb."""

    serialno: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] | None = None
    """``ro.serialno`` when it is not the fleet's serial: two phones may have the same."""
    brand: Property | None = None
    device: Property | None = None
    """Code name, e.g. ``mx9pro``; default: from the build's fingerprint."""
    board_platform: Property | None = None
    """``ro.board.platform``; default: the SoC in lower case."""
    hardware: Property | None = None
    soc_manufacturer: Property = "Acme Silicon"
    abis: Annotated[tuple[Abi, ...], Field(min_length=1)] = ("arm64-v8a", "armeabi-v7a")
    security_patch: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\d$")] = "2025-01-05"
    marketing_property: Annotated[str, Field(pattern=r"^[a-z0-9_.]{3,60}$")] | None = None
    """The vendor's property with the marketing name, e.g. ``ro.product.marketname``; most
    vendors have none."""
    build_tags: Literal["release-keys", "test-keys", "dev-keys"] = "release-keys"
    """``test-keys`` is how custom systems are known."""
    mmap_policy: Literal["never", "auto", "always"] | None = None
    """``aaudio.mmap_policy``; ``None``: the property is not there."""
    mmap_exclusive_policy: Literal["never", "auto", "always"] | None = None
    media_performance_class: Annotated[int, Field(ge=0, le=100)] = 0
    features: tuple[Property, ...] = ()
    """System features beside those that the phone's other keys mean."""
    opus_encoders: tuple[Property, ...] = ("c2.android.opus.encoder",)
    opus_decoders: tuple[Property, ...] = ("c2.android.opus.decoder",)
    opus_encode_ms: Annotated[float, Field(gt=0, le=100)] = 0.9
    """Median wall time to code 20 ms of mono speech at complexity 5; the truth of ``codec``."""
    opus_decode_ms: Annotated[float, Field(gt=0, le=100)] = 0.25
    effects: tuple[VoiceEffect, ...] = ()
    launch_ms: Annotated[int, Field(ge=0, le=60_000)] = 240
    """From ``am start`` to the probe's first frame, on the phone's clock."""
    install_ms: Annotated[int, Field(ge=0, le=60_000)] = 150
    volume_keys_in_call: Literal["voice_call", "music", "ring"] = "voice_call"
    """Which stream the volume keys move while the phone is in communication mode."""
    background_mute_s: Annotated[float, Field(ge=0, le=3600)] | Literal["never"] = 5.0
    """So long after the probe left the foreground (another app, a dark screen) its microphone
    gives exact zeros."""
    screen: tuple[int, int] = (1080, 2400)
    total_mb: Annotated[int, Field(ge=1000, le=4_000_000)] = 112_000
    battery: Battery = Battery()
    at_start: AtStart = AtStart()
