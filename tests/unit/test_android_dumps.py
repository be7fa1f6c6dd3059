"""What dumpsys prints, in the forms of Android 8 to 16."""

from __future__ import annotations

import pytest
from adbd_phones import one_phone, shell

from device_probes.android import dumps
from device_probes.android.dumps import Battery, NativeStream, Screen, StreamVolume


@pytest.mark.parametrize(
    ("text", "battery"),
    [
        ("Current Battery Service state:\n  AC powered: false\n  USB powered: true\n"
         "  status: 2\n  level: 83\n  scale: 100\n  voltage: 4211\n  temperature: 287\n",
         Battery(83.0, 28.7)),
        ("  level: 45\n  scale: 50\n  temperature: -35\n", Battery(90.0, -3.5)),
        ("  level: 300\n  temperature: 99999\n", Battery(None, None)),
        ("  level: nan\n", Battery(None, None)),
        ("", Battery(None, None)),
    ],
)  # fmt: skip
def test_battery(text: str, battery: Battery) -> None:
    assert dumps.battery(text) == battery


def test_thermal_status() -> None:
    text = "IsStatusOverride: false\nThermal Status: 3\nCached temperatures:\n\tTemperature{…}\n"
    assert dumps.thermal_status(text) == "severe"
    assert dumps.thermal_status("Thermal Status: 9\n") is None
    assert dumps.thermal_status("Can't find service: thermalservice\n") is None


def test_locked_by_a_secret() -> None:
    line = ' User "Owner" (id=0, flags=0x13){current}: trusted=0, trustManaged=1, deviceLocked={n}'
    assert dumps.device_locked(line.format(current=" (current)", n=1)) is True
    two = line.format(current="", n=1) + "\n" + line.format(current=" (current)", n=0)
    assert dumps.device_locked(two) is False, "the user in front counts"
    assert dumps.device_locked("Can't find service: trust") is None


@pytest.mark.parametrize(
    ("text", "screen"),
    [
        ("    KeyguardServiceDelegate\n      showing=true\n      showingAndNotOccluded=true\n"
         "      secure=true\n      screenState=SCREEN_STATE_ON\n"
         "      interactiveState=INTERACTIVE_STATE_AWAKE\n", Screen(True, True, True)),
        ("      showing=false\n      screenState=SCREEN_STATE_OFF\n"
         "      interactiveState=INTERACTIVE_STATE_SLEEP\n", Screen(False, False)),
        ("      showing=false\n      screenState=SCREEN_STATE_ON\n"
         "      interactiveState=INTERACTIVE_STATE_WAKING\n", Screen(False, True)),
        ("    mAwake=true mScreenOnEarly=true mScreenOnFully=true\n    mIsShowing=false\n",
         Screen(False, True)),
        ("    mShowingDream=false mDreamingLockscreen=true\n", Screen(None, None)),
    ],
)  # fmt: skip
def test_screen_and_keyguard(text: str, screen: Screen) -> None:
    assert dumps.screen(text) == screen


PRIVACY_12 = """\
SENSOR PRIVACY MANAGER STATE (dumpsys sensor_privacy)
users={
  user_id=0
  is_enabled=true
  individual_enabled_sensor={
    sensor=2
    is_enabled=true
  }
  individual_enabled_sensor={
    sensor=1
    is_enabled=%s
  }
}
"""
PRIVACY_13 = """\
SENSOR PRIVACY MANAGER STATE (dumpsys sensor_privacy)
storage_implementation=com.android.server.sensorprivacy.SensorPrivacyStateControllerImpl
users=[
  {
    user_id=0
    sensors=[
      {
        sensor=1
        toggles={
          toggle_type=1
          state_type=%s
          last_change=1698409613529
        }
      }
      {
        sensor=2
        toggles={
          toggle_type=1
          state_type=1
          last_change=1
        }
      }
    ]
  }
  {
    user_id=10
    sensors={
      sensor=1
      toggles={
        toggle_type=1
        state_type=1
      }
    }
  }
]
"""


@pytest.mark.parametrize(
    ("text", "off"),
    [(PRIVACY_12 % "true", True), (PRIVACY_12 % "false", False), (PRIVACY_13 % "1", True),
     (PRIVACY_13 % "2", False), ("SENSOR PRIVACY MANAGER STATE (dumpsys sensor_privacy)\n", None),
     ("Can't find service: sensor_privacy\n", None)],
)  # fmt: skip
def test_the_microphone_switch(text: str, off: bool | None) -> None:
    assert dumps.microphone_off(text) is off


AUDIO = """\
  mic mute FromSwitch=false FromRestrictions=false FromApi=false from system=false

RecordActivityMonitor dump time: 8:40:05 PM
%s

Events log: recording activity received by AudioService
08-19 14:52:14:271 rec start riid:31 uid:10123 session:57 src:MIC not silenced pack:com.log.app
"""
ACTIVE = (
    "riid 31; active? {active}\n  session:57 -- source client={source}, dev=MIC  -- uid:10123 "
    "-- patch:50 -- pack:{pack} -- format client=[...] -- silenced:false"
)


@pytest.mark.parametrize(
    ("entries", "packages"),
    [
        ("", ()),
        (ACTIVE.format(active="true", source="MIC", pack="com.other.app"), ("com.other.app",)),
        (ACTIVE.format(active="false", source="MIC", pack="com.other.app"), ()),
        (ACTIVE.format(active="true", source="HOTWORD", pack="com.google.search"), ()),
        (ACTIVE.format(active="true", source="MIC", pack="org.chirpbench.probe"), ()),
        (ACTIVE.format(active="true", source="VOICE_COMMUNICATION", pack=""),
         ("an app of the system",)),
        ("  session:57 -- source client=CAMCORDER -- uid:10114 -- patch:3 -- pack:de.a.b -- x",
         ("de.a.b",)),  # Android 8 and 9
    ],
)  # fmt: skip
def test_who_else_records(entries: str, packages: tuple[str, ...]) -> None:
    assert dumps.recorders(AUDIO % entries) == packages
    assert dumps.recorders("no such part") == ()


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("    mResumedActivity: ActivityRecord{2baae81 u0 com.example.app/.ui.Main t24 d0}\n",
         "com.example.app"),
        ("  ResumedActivity: ActivityRecord{1 u0 com.a.b/.M t1}\n"
         "  topResumedActivity=ActivityRecord{77b u0 org.chirpbench.probe/.ProbeActivity t90}\n",
         "org.chirpbench.probe"),
        ("  ResumedActivity: null\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_who_is_in_front(text: str, package: str | None) -> None:
    assert dumps.foreground(text) == package


FLINGER = """\
Output thread 0xb400, name AudioOut_D, tid 1201, type 0 (MIXER):
  Sample rate: 48000 Hz
  HAL frame count: 960
  Output devices: 0x2 (AUDIO_DEVICE_OUT_SPEAKER)
  AudioStreamOut: 0xeea flags 0x2 (AUDIO_OUTPUT_FLAG_PRIMARY)
Output thread 0xb401, name AudioOut_1D, tid 1202, type 0 (MIXER):
  Sample rate: 48000 Hz
  HAL frame count: 192
  Output devices: 0x2 (AUDIO_DEVICE_OUT_SPEAKER)
  FastMixer command=COLD_IDLE writeSequence=4 framesWritten=0
Output thread 0xb402, name AudioOut_25, tid 1203, type 0 (MIXER):
  Sample rate: 96000 Hz
  HAL frame count: 512
  Output devices: 0x10000 (AUDIO_DEVICE_OUT_TELEPHONY_TX)
"""


def test_the_native_output() -> None:
    assert dumps.native_stream(FLINGER) == NativeStream(48_000, 192)
    assert dumps.native_stream("output thread 0x1, name AudioOut_D:\n") is None


def test_coders_of_one_media_type() -> None:
    text = (
        "Decoder infos by media types:\n=====\nMedia type 'audio/opus':\n"
        '  Decoder "c2.android.opus.decoder" supports\n    aliases: [\n'
        "Media type 'audio/vorbis':\n  Decoder \"c2.android.vorbis.decoder\" supports\n"
        "Encoder infos by media types:\n=====\nMedia type 'audio/opus':\n"
        '  Encoder "c2.android.opus.encoder" supports\n'
        '  Encoder "c2.vendor.opus.encoder" supports\n'
    )
    assert dumps.coders(text) == {
        "Decoder": ("c2.android.opus.decoder",),
        "Encoder": ("c2.android.opus.encoder", "c2.vendor.opus.encoder"),
    }


def test_effects_of_the_vendors_file() -> None:
    text = """\
<audio_effects_conf version="2.0"><libraries>
  <library name="pre_processing" path="libaudiopreprocessing.so"/>
  <!-- <library name="qcom" path="old.so"/> --><library name="qcom" path="libqcomvoice.so"/>
</libraries><effects>
  <effect name="reverb" library="bundle" uuid="4a387fc0-8ab3-11df-8bad-0002a5d5c51b"/>
  <!-- <effect name="aec" library="gone" uuid="00000000-0000-0000-0000-000000000000"/> -->
  <effect name="aec" library="qcom" uuid="0F8D0D2A-59E5-45FE-B6E4-248C8A799109"/>
  <effect name="ns" library="qcom" uuid="1d97bb0b-9e2f-4403-9ae3-58c2554306f8"/>
  <effect name="agc" library="pre_processing" uuid="aa8130e0-66fc-11e0-bad0-0002a5d5c51b"/>
</effects></audio_effects_conf>"""
    assert [(e.name, e.library) for e in dumps.effects(text)] == [
        ("aec", "libqcomvoice.so"), ("ns", "libqcomvoice.so"),
        ("agc", "libaudiopreprocessing.so"),
    ]  # fmt: skip
    assert dumps.effects(text)[0].uuid == "0f8d0d2a-59e5-45fe-b6e4-248c8a799109"


VOLUMES_14 = """\
Audio Focus stack entries (last is top of stack):

Stream volumes (device: index)
- STREAM_VOICE_CALL:
   Muted: false
   Muted Internally: false
   Min: 1
   Max: 7
   streamVolume:5
   Current: 1 (earpiece): 3, 2 (speaker): 5, 40000000 (default): 5
   Devices: speaker(2)
   Volume Group: AUDIO_STREAM_VOICE_CALL
- STREAM_MUSIC:
   Muted: true
   Min: 0
   Max: 15
   streamVolume:0
   Current: 2 (speaker): 0, 40000000 (default): 7
   Devices: speaker(2)
- STREAM_ASSISTANT:
   Max: 15
   streamVolume:9

Ringer mode:
- mode (internal) = NORMAL
- STREAM_ALARM:
   streamVolume:3
"""
VOLUMES_8 = """\
Stream volumes (device: index)
- STREAM_VOICE_CALL:
   Muted: false
   Min: 1
   Max: 5
   Current: 1 (earpiece): 4, 2 (speaker): 2, 40000000 (default): 3
   Devices: earpiece
- STREAM_MUSIC:
   Max: 15
   Current: 40000000 (default): 7
   Devices: speaker
"""


@pytest.mark.parametrize(
    ("text", "volumes"),
    [
        (VOLUMES_14, {"voice_call": StreamVolume(5, 7), "music": StreamVolume(0, 15),
                      "assistant": StreamVolume(9, 15)}),
        (VOLUMES_8, {"voice_call": StreamVolume(4, 5), "music": StreamVolume(7, 15)}),
        ("Can't find service: audio\n", {}),
        ("Stream volumes (device: index)\n- STREAM_MUSIC:\n   Devices: speaker\n", {}),
        ("Stream volumes\n- STREAM_MINE:\n   streamVolume:3\n", {}),
    ],
)  # fmt: skip
def test_the_volume_of_every_stream(text: str, volumes: dict[str, StreamVolume]) -> None:
    assert dumps.volumes(text) == volumes


@pytest.mark.parametrize("api_level", [26, 29, 31, 34])
def test_the_volumes_of_a_virtual_phone(api_level: int) -> None:
    phone = one_phone(api_level=api_level)
    found = dumps.volumes(shell(phone, "dumpsys audio").out)
    assert found["music"] == StreamVolume(phone.state.volumes[3].index, 15)
    assert found["voice_call"].index == phone.state.volumes[0].index
    assert len(found) == len(phone.state.volumes)
