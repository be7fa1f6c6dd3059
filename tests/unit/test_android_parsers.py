"""What phones print, in the forms of Android 8 to 16, and anything a hostile one prints."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.android import dumps, parsers
from device_probes.android.dumps import Battery, NativeStream, Screen
from device_probes.android.parsers import InstallResult

GETPROP = """\
[ro.build.fingerprint]: [google/panther/panther:14/UP1A.231005.007/10754064:user/release-keys]
[ro.product.model]: [Pixel 7]
[ro.hostile]: [a] and [b]: [c]
[ro.many.lines]: [first
second [x]: [y
third]
[ro.empty]: []
[ro.last]: [1]
"""


def test_properties_also_over_several_lines() -> None:
    found = parsers.properties(GETPROP)
    assert found["ro.product.model"] == "Pixel 7"
    assert found["ro.many.lines"] == "first\nsecond [x]: [y\nthird"
    assert found["ro.hostile"] == "a] and [b]: [c"
    assert found["ro.empty"] == ""
    assert found["ro.last"] == "1"


def test_sections_come_in_their_order_and_cannot_be_forged_backwards() -> None:
    text = "noise\n@@a\n1\n@@b\n@@a\nnot a again\n@@x\n2\n@@c\n3\n"
    assert parsers.sections(text, ("a", "b", "c")) == {
        "a": "1", "b": "@@a\nnot a again\n@@x\n2", "c": "3\n",
    }  # fmt: skip
    assert parsers.sections("@@c\n1", ("a", "b", "c")) == {"c": "1"}
    assert parsers.sections("", ("a",)) == {}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("package:/data/app/~~Xk-3_w==/org.chirpbench.probe-aB==/base.apk\n",
         "/data/app/~~Xk-3_w==/org.chirpbench.probe-aB==/base.apk"),
        ("package:/data/app/org.chirpbench.probe-1/base.apk\r\n",
         "/data/app/org.chirpbench.probe-1/base.apk"),
        ("package:/data/app/x/split_config.apk\npackage:/data/app/x/base.apk",
         "/data/app/x/base.apk"),
        ("package:/data/app/$(reboot)/base.apk\n", ""),
        ("package:/data/app/../../system/base.apk\n", ""),
        ("package:/data/app/a;b/base.apk\n", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_only_a_harmless_path_of_the_probe_is_taken(text: str, path: str) -> None:
    assert parsers.apk_path(text) == path


PACKAGE = """\
Activity Resolver Table:
  Non-Data Actions:
      android.intent.action.MAIN:
        7e8b5a5 org.chirpbench.probe/.ProbeActivity filter 21d9d7a
Packages:
  Package [org.chirpbench.probe] (8a6e6b3):
    userId=10234
    codePath=/data/app/~~a==/org.chirpbench.probe-b==
    versionCode=7 minSdk=26 targetSdk=34
    versionName=0.3.0
    requested permissions:
      android.permission.RECORD_AUDIO
    install permissions:
      android.permission.MODIFY_AUDIO_SETTINGS: granted=true
    User 0: ceDataInode=131 installed=true hidden=false suspended=false stopped=false
      runtime permissions:
        android.permission.RECORD_AUDIO: granted={granted}, flags=[ USER_SET|USER_SENSITIVE]
        android.permission.BLUETOOTH_CONNECT: granted=false
    User 10: ceDataInode=0 installed=false
      runtime permissions:
        android.permission.RECORD_AUDIO: granted={other}
Hidden system packages:
  Package [org.chirpbench.probe] (1):
    versionCode=3 minSdk=26 targetSdk=34
"""


@pytest.mark.parametrize("granted", ["true", "false"])
def test_the_package_manager_on_the_probe(granted: str) -> None:
    other = "false" if granted == "true" else "true"
    info = parsers.package(PACKAGE.format(granted=granted, other=other))
    assert info is not None
    assert (info.version_code, info.version_name) == (7, "0.3.0")
    assert info.granted["android.permission.RECORD_AUDIO"] is (granted == "true")
    assert info.granted["android.permission.MODIFY_AUDIO_SETTINGS"] is True
    assert parsers.package("Unable to find package: org.chirpbench.probe\n") is None


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Success\n", InstallResult(True)),
        ("Performing Streamed Install\nSuccess\n", InstallResult(True)),
        ("Failure [INSTALL_FAILED_USER_RESTRICTED: Install canceled by user]\n",
         InstallResult(False, "INSTALL_FAILED_USER_RESTRICTED", "Install canceled by user")),
        ("Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: Existing package org.chirpbench.probe "
         "signatures do not match newer version; ignoring!]",
         InstallResult(False, "INSTALL_FAILED_UPDATE_INCOMPATIBLE",
                       "Existing package org.chirpbench.probe signatures do not match newer "
                       "version; ignoring!")),
        ("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]",
         InstallResult(False, "INSTALL_FAILED_INSUFFICIENT_STORAGE")),
        ("Exception occurred while executing 'install':\njava.lang.SecurityException: You need the "
         "android.permission.INSTALL_GRANT_RUNTIME_PERMISSIONS permission",
         InstallResult(False, "GRANT_REFUSED", "SecurityException: You need the "
                       "android.permission.INSTALL_GRANT_RUNTIME_PERMISSIONS permission")),
        ("", InstallResult(False, "UNKNOWN", "")),
        ("Error: failed to write\x1b[2J; tmp", InstallResult(False, "UNKNOWN",
                                                           "Error: failed to write�[2J; tmp")),
    ],
)  # fmt: skip
def test_what_an_install_said(text: str, result: InstallResult) -> None:
    assert parsers.install_result(text) == result


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("Filesystem     1K-blocks    Used Available Use% Mounted on\n"
         "/dev/block/dm-5 112301584 9341232 102829280   9% /data\n", 102829280),
        ("Filesystem      1K-blocks  Used Available Use% Mounted on\n/data 10 10 0 100% /data", 0),
        ("df: /data/local/tmp: No such file or directory\n", None),
        ("Filesystem 1K-blocks Used Available Use% Mounted on\nx y z lots", None),
        ("", None),
    ],
)  # fmt: skip
def test_free_space(text: str, free: int | None) -> None:
    assert parsers.free_kib(text) == free


def test_digests_boot_ids_serials_and_settings() -> None:
    sha = "ab" * 32
    assert parsers.digest(f"{sha}  /data/x.apk\n", 64) == sha
    assert parsers.digest(f"{sha}  /data/x.apk\n", 32) == ""
    assert parsers.digest("/system/bin/sh: sha256sum: inaccessible or not found", 64) == ""
    boot = "d6b8a2f0-1b1c-4b5e-9f3a-0123456789ab"
    assert parsers.boot_id(f"{boot}\n") == boot
    assert parsers.boot_id("cat: /proc/sys/kernel/random/boot_id: Permission denied") == ""
    assert parsers.serial_number("2A021FDH2005ZK\n") == "2A021FDH2005ZK"
    assert parsers.serial_number("$(reboot)\n") == ""
    assert [parsers.setting(t) for t in ("7\n", "null\n", "Invalid\n", "")] == ["7", "null", "", ""]
    assert parsers.pid("4242 4250\n") == "4242"
    assert parsers.pid("") == ""


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("Starting: Intent { cmp=org.chirpbench.probe/.ProbeActivity (has extras) }\nStatus: ok\n"
         "LaunchState: COLD\nActivity: org.chirpbench.probe/.ProbeActivity\nTotalTime: 312\n"
         "WaitTime: 316\nComplete\n", ""),
        ("Starting: Intent { cmp=x }\nError type 3\nError: Activity class {x} does not exist.\n",
         "missing"),
        ("Starting: Intent { cmp=x }\nWarning: Activity not started, its current task has been "
         "brought to the front\nStatus: ok\n", ""),
        ("Exception occurred while executing 'start':\njava.lang.SecurityException: no\n",
         "Exception occurred while executing 'start':"),
    ],
)  # fmt: skip
def test_what_a_start_said(text: str, failure: str) -> None:
    assert parsers.start_failure(text) == failure


JAVA_CRASH = """\
--------- beginning of crash
E/AndroidRuntime( 900): FATAL EXCEPTION: main
E/AndroidRuntime( 900): Process: com.other.app, PID: 900
E/AndroidRuntime( 900): java.lang.RuntimeException: not ours
E/AndroidRuntime( 4242): FATAL EXCEPTION: chirpbench-trial
E/AndroidRuntime( 4242): Process: org.chirpbench.probe, PID: 4242
E/AndroidRuntime( 4242): java.lang.IllegalStateException: the audio server \x1b[31mdied
E/AndroidRuntime( 4242): \tat org.chirpbench.probe.Session.run(Session.java:211)
"""
NATIVE_CRASH = """\
F/libc    ( 4300): Fatal signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0 in tid 4310
F/DEBUG   ( 4400): *** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***
F/DEBUG   ( 4400): Build fingerprint: 'google/panther/panther:14/UP1A/1:user/release-keys'
F/DEBUG   ( 4400): pid: 4300, tid: 4310, name: AudioTrack  >>> org.chirpbench.probe <<<
F/DEBUG   ( 4400): signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0
F/DEBUG   ( 4400):       #00 pc 0000000000012345  libchirpbench_probe.so
"""


def test_the_last_words_of_a_probe() -> None:
    java = "java.lang.IllegalStateException: the audio server �[31mdied"
    assert parsers.crash_line(JAVA_CRASH) == java
    assert parsers.crash_line(JAVA_CRASH, "4242") == java
    assert parsers.crash_line(JAVA_CRASH, "4999") == "", "an older crash explains nothing"
    native = "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0"
    assert parsers.crash_line(JAVA_CRASH + NATIVE_CRASH) == native
    assert parsers.crash_line(NATIVE_CRASH, "4300") in (
        native,
        native.replace("signal", "Fatal signal"),
    )
    assert parsers.crash_line("--------- beginning of main\n") == ""


# --- dumpsys --------------------------------------------------------------------------------------


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
         "      interactiveState=INTERACTIVE_STATE_AWAKE\n", Screen(True, True)),
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


# --- anything at all ------------------------------------------------------------------------------

_READERS: tuple[Callable[[str], object], ...] = (
    parsers.properties, parsers.boot_id, parsers.serial_number, parsers.apk_path, parsers.package,
    parsers.features, parsers.setting, parsers.free_kib, parsers.install_result,
    parsers.start_failure, parsers.crash_line, parsers.pid, dumps.battery, dumps.thermal_status,
    dumps.device_locked, dumps.screen, dumps.microphone_off, dumps.recorders, dumps.foreground,
    dumps.native_stream, dumps.coders, dumps.effects,
    lambda text: parsers.digest(text, 64),
    lambda text: parsers.sections(text, ("a", "b")),
)  # fmt: skip
_SEEDS = (
    GETPROP, PACKAGE, JAVA_CRASH, NATIVE_CRASH, PRIVACY_12, PRIVACY_13, AUDIO, ACTIVE, FLINGER,
    "package:/data/app/x/base.apk\n", "Failure [", "@@a\n", "<effect name=\"aec\" uuid=\"",
    "\x1b]0;title\x07", "'; DROP TABLE devices; --", "<script>alert(1)</script>", "$(reboot)`id`",
)  # fmt: skip


@st.composite
def _hostile(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(_SEEDS) | st.text(max_size=60), max_size=6))
    text = "".join(parts)
    if text and draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=20)) + text[draw(st.integers(at, len(text))) :]
    return text


@given(_hostile())
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in _READERS:
        read(text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    ["\n", " ", "\t\n", "[a]: [", "@@a\n", "<", "<effect ", "<!--", "<library name=\"", "Failure [",
     "Package [org.chirpbench.probe]\n", "User 1:\n", "riid 1; active? true\n", "sensor=1\n",
     "RecordActivityMonitor dump time", "topResumedActivity=ActivityRecord{", "Output thread ",
     "(current):", "Media type 'a':\n", "E/AndroidRuntime( 1): x\n", "9" * 50, "a" * 50 + ": "],
)  # fmt: skip
def test_a_flood_is_read_in_linear_time(piece: str) -> None:
    """A square in the length would take an hour; the time-out of the test is the check."""
    text = piece * (400_000 // len(piece))
    for read in _READERS:
        read(text)
