"""``dumpsys audio``, ``sensor_privacy``, ``media.audio_flinger``, ``media.audio_policy`` and
``media.player``."""

from __future__ import annotations

import time

from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.dumps.energy import flag
from device_probes.virtual.adbd.system import STREAM_NAMES, Recorder


def audio(phone: PhoneCore, _: list[str]) -> str:
    """AudioService.dump, without its event logs."""
    state = phone.state
    clock = time.strftime("%H:%M:%S", time.gmtime())
    text = f"MediaFocusControl dump time: {clock}\n\n"
    text += "Audio Focus stack entries (last is top of stack):\n\n No external focus policy\n\n"
    text += "Stream volumes (device: index)\n"
    for number, volume in state.volumes.items():
        text += (
            f"- {STREAM_NAMES[number]}:\n"
            f"   Muted: {flag(volume.index == 0)}\n"
            f"   Min: {volume.minimum}\n"
            f"   Max: {volume.maximum}\n"
            f"   streamVolume:{volume.index}\n"
            f"   Current: 2 (speaker): {volume.index}, 40000000 (default): {volume.index}\n"
            f"   Devices: speaker{'(2)' if state.api_level >= 33 else ''} \n\n"
        )
    text += "Ringer mode: \n- mode (internal) = NORMAL\n- mode (external) = NORMAL\n\n"
    text += _modes(phone)
    text += f"RecordActivityMonitor dump time: {clock}\n\n"
    text += "".join(_recording(phone, i, r) for i, r in enumerate(list(state.recorders)))
    text += "\n\nEvents log: recording activity received by AudioService\n"
    stamp = time.strftime("%m-%d %H:%M:%S", time.gmtime())
    text += (
        f"{stamp}:101 rec start riid:15 uid:10161 session:2217 src:VOICE_RECOGNITION not silenced "
        "pack:com.example.assistant\n"
        f"{stamp}:907 rec stop riid:15 uid:10161 session:2217 src:VOICE_RECOGNITION not silenced "
        "pack:com.example.assistant\n"
    )
    return text


def _modes(phone: PhoneCore) -> str:
    state = phone.state
    if state.api_level >= 31:
        owner = f"   {state.audio_mode_pid}" if state.audio_mode_pid else "   None"
        return (
            "Audio mode: \n"
            f"- Requested mode = {state.audio_mode}\n"
            f"- Actual mode = {state.audio_mode}\n"
            f"- Mode owner: \n{owner}\n\n"
            f"  mic mute FromSwitch={flag(state.mic_toggle_off)} FromRestrictions=false "
            f"FromApi=false from system={flag(state.mic_toggle_off)}\n\n"
        )
    return f"  mMode={state.audio_mode}\n  mModeOwnerPid={state.audio_mode_pid}\n\n"


def _recording(phone: PhoneCore, number: int, recorder: Recorder) -> str:
    """AudioRecordingConfiguration.toLogFriendlyString (Android 10 has ``riid``, 9 has not)."""
    form = f"1ch {recorder.rate_hz}Hz ENCODING_PCM_16BIT"
    old = phone.state.api_level < 29
    # "dev=" behind the source is the device's format; so says AOSP's own code.
    source = f"source:{recorder.source}" if old else f"source client={recorder.source}, dev={form}"
    text = (
        f"  session:{recorder.session} -- {source} -- uid:{recorder.uid} -- patch:{51 + number} "
        f"-- pack:{recorder.package} -- format client={form}, dev={form}"
    )
    if old:
        return text + "\n"
    text += f" -- silenced:{flag(recorder.silenced)} -- effects client=, dev="
    return f"riid {31 + 8 * number}; active? true\n{text}\n"


def sensor_privacy(phone: PhoneCore, _: list[str]) -> str | None:
    """SensorPrivacyService.dump: nothing before Android 10, one switch for all sensors up to 11,
    the microphone's own (sensor 1) from 12 on."""
    state = phone.state
    if state.api_level < 29:
        return None
    head = "SENSOR PRIVACY MANAGER STATE (dumpsys sensor_privacy)\n"
    off = state.mic_toggle_off
    if state.api_level < 31:
        return f"{head}{{\n  is_enabled=false\n}}\n"
    if state.api_level < 33:
        rows = ["users={", "  user_id=0", "  is_enabled=false"]
        if off:
            rows += ["  individual_enabled_sensor={", "    sensor=1", "    is_enabled=true", "  }"]
        rows.append("}")
    else:
        rows = [
            "storage_implementation=com.android.server.sensorprivacy."
            "SensorPrivacyStateControllerImpl",
            "users={",
            "  user_id=0",
            "  sensors=[",
            *_sensor(1, off),
            *_sensor(2, False),
            "  ]",
            "}",
        ]
    return head + "{\n" + "".join(f"  {row}\n" for row in rows) + "}\n"


def _sensor(number: int, off: bool) -> list[str]:
    rows = [
        "{",
        f"  sensor={number}",
        "  toggles={",
        "    toggle_type=1",
        f"    state_type={1 if off else 2}",
        "    last_change=1732603561234",
        "  }",
        "}",
    ]
    return [f"    {row}" for row in rows]


def flinger(phone: PhoneCore, _: list[str]) -> str:
    """AudioFlinger.dump: the fast output and a deep buffer one."""
    spec = phone.spec
    rate, burst = spec.native_rate_hz, spec.frames_per_burst
    fast = ("FAST", "PRIMARY") if spec.low_latency else ("PRIMARY",)
    text = "Libraries NOT loaded:\nLibraries loaded:\n Library bundle\n"
    text += "Hardware status: 0\n"
    for name, frames, flags in (("D", burst, fast), ("15", 4 * burst, ("DEEP_BUFFER",))):
        words = "|".join(f"AUDIO_OUTPUT_FLAG_{flag}" for flag in flags)
        text += (
            f"\nOutput thread 0x7b3c0{name.lower()}d018, name AudioOut_{name}, tid 1482, type 0 "
            "(MIXER):\n"
            "  I/O handle: 13\n"
            "  Standby: yes\n"
            f"  Sample rate: {rate} Hz\n"
            f"  HAL frame count: {frames}\n"
            "  HAL format: 0x1 (AUDIO_FORMAT_PCM_16_BIT)\n"
            f"  HAL buffer size: {4 * frames} bytes\n"
            "  Channel count: 2\n"
            "  Channel mask: 0x00000003 (front-left, front-right)\n"
            "  Output devices: 0x2 (AUDIO_DEVICE_OUT_SPEAKER)\n"
            f"  AudioStreamOut: 0x7b3c4e flags 0x6 ({words})\n"
        )
    return text


def policy(phone: PhoneCore, _: list[str]) -> str:
    """AudioPolicyManager.dump, its head."""
    call = phone.state.audio_mode == "MODE_IN_COMMUNICATION"
    return (
        "AudioPolicyService dump:\n"
        f" Phone state: {'AUDIO_MODE_IN_COMMUNICATION' if call else 'AUDIO_MODE_NORMAL'}\n"
        " Available output devices:\n  1. Speaker, type AUDIO_DEVICE_OUT_SPEAKER\n"
        " Available input devices:\n  1. Built-In Mic, type AUDIO_DEVICE_IN_BUILTIN_MIC\n"
    )


def player(phone: PhoneCore, _: list[str]) -> str:
    """MediaPlayerService.dump: the codec list."""
    android = phone.spec.android
    blocks = [
        ("audio/mp4a-latm", ("c2.android.aac.encoder",), ("c2.android.aac.decoder",)),
        ("audio/opus", android.opus_encoders, android.opus_decoders),
    ]
    text = " Clients\n Files opened and/or mapped:\n\nMedia type info:\n\n"
    for kind, index in (("Decoder", 2), ("Encoder", 1)):
        text += f"{kind} infos by media types:\n============================\n"
        for block in blocks:
            names = block[index]
            if not names:
                continue
            text += f"Media type '{block[0]}':\n"
            for name in names:
                text += (
                    f'  {kind} "{name}" supports\n'
                    "    aliases: [\n    ]\n"
                    "    attributes: 0xa: [\n"
                    f"      encoder: {int(kind == 'Encoder')},\n"
                    "      vendor: 0,\n      software-only: 1,\n      hw-accelerated: 0 ]\n"
                    '    owner: "codec2::software"\n    rank: 512\n'
                )
            text += "\n"
    return text
