"""Members newer than API 26 that the app uses where the phone has them: the level of each.

Levels from Android's public reference ("Added in API level ..."). The gate checks that each is
public by then, that API 26 lacks it, and that only a class ``ApiNN`` of that level names it.
"""

from __future__ import annotations

_AUDIO = "android/media/AudioManager"
_CODEC = "android/media/MediaCodecInfo"
_DEVICE = "Landroid/media/AudioDeviceInfo;"
_MICROPHONE = "android/media/MicrophoneInfo"
_RECORDING = "android/media/AudioRecordingConfiguration"
_POWER = "android/os/PowerManager"
_STRING = "Ljava/lang/String;"

NEWER: dict[int, tuple[str, ...]] = {
    27: (
        "android/app/Activity.setShowWhenLocked(Z)V",
        "android/app/Activity.setTurnScreenOn(Z)V",
    ),
    28: (
        f"{_AUDIO}.getMicrophones()Ljava/util/List;",
        f"{_AUDIO}.getStreamMinVolume(I)I",
        _MICROPHONE,
        f"{_MICROPHONE}.getDescription(){_STRING}",
        f"{_MICROPHONE}.getDirectionality()I",
        f"{_MICROPHONE}.getLocation()I",
        f"{_MICROPHONE}.getType()I",
    ),
    29: (
        f"{_CODEC}.getCanonicalName(){_STRING}",
        f"{_CODEC}.isAlias()Z",
        f"{_CODEC}.isHardwareAccelerated()Z",
        f"{_CODEC}.isSoftwareOnly()Z",
        f"{_CODEC}.isVendor()Z",
        f"{_POWER}.getCurrentThermalStatus()I",
        f"{_RECORDING}.getEffects()Ljava/util/List;",
        f"{_RECORDING}.isClientSilenced()Z",
    ),
    30: (f"{_POWER}.getThermalHeadroom(I)F",),
    31: (
        f"android/os/Build.SOC_MANUFACTURER#{_STRING}",
        f"android/os/Build.SOC_MODEL#{_STRING}",
        "android/os/Build$VERSION.MEDIA_PERFORMANCE_CLASS#I",
        f"{_AUDIO}.clearCommunicationDevice()V",
        f"{_AUDIO}.getAvailableCommunicationDevices()Ljava/util/List;",
        f"{_AUDIO}.getCommunicationDevice(){_DEVICE}",
        f"{_AUDIO}.setCommunicationDevice({_DEVICE})Z",
    ),
}

GUARDED_OTHERWISE: dict[str, str] = {}
"""Why a method may call an ``ApiNN`` class though neither it nor its callers read SDK_INT."""
