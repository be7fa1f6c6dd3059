"""What phones print, in the forms of Android 8 to 16, and anything a hostile one prints."""

from __future__ import annotations

import pytest

from device_probes.android import parsers
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
