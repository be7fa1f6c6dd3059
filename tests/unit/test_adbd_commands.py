"""What a virtual phone says of itself and lets itself be told, by version of Android."""

from __future__ import annotations

import re

import apk_maker
import pytest
from adbd_phones import SOCKET, START, one_phone, shell

PROBE = "org.chirpbench.probe"
ACTIVITY = f"{PROBE}/.ProbeActivity"
LEVELS = (26, 28, 29, 30, 31, 33, 34, 35)


def probed_phone(**more):
    """A phone with the probe installed, and the microphone granted."""
    phone = one_phone(**more)
    phone.preinstall(apk_maker.make_apk())
    return phone


def in_front(phone) -> str | None:
    """The package in front, by each level's own words."""
    text = shell(phone, "dumpsys activity activities").out
    words = "topResumedActivity=" if phone.state.api_level >= 31 else "mResumedActivity: "
    found = re.search(rf"^\s*{words}ActivityRecord{{\S+ u0 ([\w.]+)/", text, re.M)
    return found[1] if found else None


def showing(phone) -> bool:
    """Whether the keyguard is up; the three places that say so must agree."""
    policy = shell(phone, "dumpsys window policy").out
    displays = shell(phone, "dumpsys window").out
    told = {
        re.search(r"^ +showing=(\w+)$", policy, re.M)[1],
        re.search(r"^ +mIsShowing=(\w+)$", policy, re.M)[1],
        re.search(r"^ +isKeyguardShowing=(\w+)$", displays, re.M)[1],
    }
    (word,) = told
    return word == "true"


def awake(phone) -> bool:
    power = shell(phone, "dumpsys power").out
    word = re.search(r"^  mWakefulness=(\w+)$", power, re.M)[1]
    lit = re.search(r"^Display Power: state=(\w+)$", power, re.M)[1]
    assert (word == "Awake") == (lit == "ON")
    return word == "Awake"


@pytest.mark.parametrize("api_level", LEVELS)
def test_screen_keyguard_and_front_follow_what_is_done(api_level):
    phone = probed_phone(
        api_level=api_level, android="[phone.android.at_start]\nawake = false\nkeyguard = 'swipe'"
    )
    assert (awake(phone), showing(phone), in_front(phone)) == (False, True, None)
    shell(phone, "wm dismiss-keyguard")  # does nothing while the screen is off
    assert showing(phone)
    shell(phone, "input keyevent KEYCODE_WAKEUP")
    assert (awake(phone), showing(phone)) == (True, True)
    shell(phone, "wm dismiss-keyguard")
    assert (showing(phone), in_front(phone)) == (False, "com.android.launcher3")
    said = shell(phone, START)
    assert in_front(phone) == PROBE
    assert "Status: ok\n" in said.out
    assert f"Activity: {ACTIVITY}\n" in said.out
    assert ("LaunchState: COLD" in said.out) is (api_level >= 29)
    phone.go_background("com.whatsapp/.HomeActivity")
    assert in_front(phone) == "com.whatsapp"
    again = shell(phone, START.replace("-S ", ""))
    assert in_front(phone) == PROBE
    assert "brought to the front" in again.err
    assert "delivered to currently running" in shell(phone, START.replace("-S ", "")).err
    shell(phone, f"am force-stop {PROBE}")
    assert in_front(phone) == "com.whatsapp"
    shell(phone, "input keyevent HOME")
    assert in_front(phone) == "com.android.launcher3"
    phone.lock()
    shell(phone, "input keyevent 224; wm dismiss-keyguard")
    assert (awake(phone), showing(phone)) == (True, True)
    assert "deviceLocked=1" in shell(phone, "dumpsys trust").out
    phone.unlock()
    assert "deviceLocked=0" in shell(phone, "dumpsys trust").out


def test_the_probe_shows_over_a_keyguard_and_keeps_the_screen_on():
    phone = probed_phone(android="[phone.android.at_start]\nawake = false\nkeyguard = 'pin'")
    shell(phone, START)
    assert awake(phone)
    policy = shell(phone, "dumpsys window policy").out
    assert "occluded=true" in policy
    assert "secure=true" in policy
    assert f"u0 {PROBE}/{PROBE}.ProbeActivity" in shell(phone, "dumpsys window displays").out
    assert phone.state.stays_on


def test_starting_what_is_not_there_says_so():
    phone = one_phone()
    said = shell(phone, START)
    assert said.err == (
        f"Error type 3\nError: Activity class {{{PROBE}/{PROBE}.ProbeActivity}} does not exist.\n"
    )
    assert "Status" not in said.out
    phone.preinstall(apk_maker.make_apk())
    assert "Error type 3" in shell(phone, f"am start -n {PROBE}/.Other").err
    assert "Unknown option: --zz" in shell(phone, f"am start --zz -n {ACTIVITY}").err


@pytest.mark.parametrize("api_level", LEVELS)
def test_battery_and_heat(api_level):
    phone = one_phone(api_level=api_level)
    text = shell(phone, "dumpsys battery").out
    assert text.startswith("Current Battery Service state:\n  AC powered: false\n")
    assert "\n  level: 80\n" in text
    assert "\n  temperature: 280\n" in text
    phone.heat(46.5, 3)
    phone.drain(14)
    text = shell(phone, "dumpsys battery").out
    assert "\n  level: 14\n" in text
    assert "\n  temperature: 465\n" in text
    thermal = shell(phone, "dumpsys thermalservice")
    if api_level < 29:
        assert thermal == (0, "", "Can't find service: thermalservice\n")
    else:
        assert "\nThermal Status: 3\n" in thermal.out
        assert "\tTemperature{mValue=46.5, mType=2, mName=battery, mStatus=0}\n" in thermal.out


def test_battery_drains_and_heats_on_its_schedule(monkeypatch):
    phone = one_phone(
        android="[phone.android.battery]\npercent = 50\ndrain_percent_per_h = 60\n"
        "temperature_c = 30\nheat_c_per_min = 2"
    )
    phone.state._made -= 600  # ten minutes ago
    assert phone.state.battery_percent == pytest.approx(40, abs=0.1)
    assert phone.state.battery_temperature_c == pytest.approx(50, abs=0.1)
    phone.state._made -= 3600
    assert phone.state.battery_percent == 0
    assert phone.state.battery_temperature_c == 60


@pytest.mark.parametrize("api_level", LEVELS)
def test_recorders_modes_and_the_microphone_switch(api_level):
    phone = probed_phone(api_level=api_level)
    quiet = shell(phone, "dumpsys audio").out
    live = quiet[quiet.index("RecordActivityMonitor dump time") : quiet.index("Events log: rec")]
    assert "pack:" not in live
    phone.other_app_records("com.example.notes")
    text = shell(phone, "dumpsys audio").out
    source = "source client=" if api_level >= 29 else "source:"
    assert f" -- {source}VOICE_COMMUNICATION" in text
    assert "-- pack:com.example.notes --" in text
    assert ("riid 31; active? true" in text) is (api_level >= 29)
    phone.other_app_records(None)
    assert "com.example.notes" not in shell(phone, "dumpsys audio").out
    word = "- Actual mode = MODE_NORMAL" if api_level >= 31 else "  mMode=MODE_NORMAL"
    assert word in quiet
    phone.switch_mic()
    privacy = shell(phone, "dumpsys sensor_privacy")
    if api_level < 29:
        assert "Can't find service" in privacy.err
    elif api_level < 31:
        assert privacy.out.endswith("{\n  is_enabled=false\n}\n")
    elif api_level < 33:
        assert re.search(r"sensor=1\n +is_enabled=true", privacy.out)
    else:
        assert re.search(r"sensor=1\n[^}]*toggle_type=1\n +state_type=1\n", privacy.out)
        assert re.search(r"sensor=2\n[^}]*state_type=2\n", privacy.out)
        assert shell(phone, "cmd sensor_privacy disable 0 microphone").code == 0
        assert not phone.state.mic_toggle_off


def test_settings_keep_null_apart_from_values():
    phone = one_phone(android="[phone.android.at_start]\n")
    stay = "global stay_on_while_plugged_in"
    assert shell(phone, f"settings get {stay}").out == "0\n"
    shell(phone, f"settings put {stay} 7")
    assert phone.state.stays_on
    assert shell(phone, f"settings delete {stay}").out == "Deleted 1 rows\n"
    assert shell(phone, f"settings get {stay}").out == "null\n"
    assert shell(phone, f"settings delete {stay}").out == "Deleted 0 rows\n"
    shell(phone, "svc power stayon usb")
    assert shell(phone, f"settings get {stay}").out == "2\n"
    assert shell(phone, "settings get nowhere x").code == 255
    assert not phone.state.stays_on or phone.state.usb_powered


def test_volumes_are_read_and_set_within_their_range():
    phone = one_phone(android="[phone.android.at_start]\nmusic_volume = 100\ncall_volume = 0")
    get = "cmd media_session volume --stream 3 --get"
    assert shell(phone, get).out == (
        "[V] will control stream=3 (STREAM_MUSIC)\n[V] will get volume\n"
        "[V] Connecting to AudioService\n[V] volume is 15 in range [0..15]\n"
    )
    shell(phone, "media volume --stream 3 --set 4")
    assert "volume is 4 in range" in shell(phone, get).out
    assert shell(phone, "media volume --stream 3 --set 99").code == 1
    assert "volume is 1 in range [1..15]" in shell(phone, "media volume --stream 0 --get").out
    assert "streamVolume:4\n" in shell(phone, "dumpsys audio").out


def test_a_crash_is_in_the_log_and_in_the_exits():
    phone = probed_phone()
    assert shell(phone, f"pidof {PROBE}").code == 1
    shell(phone, START)
    pid = int(shell(phone, f"pidof {PROBE}").out)
    assert phone.app.socket_name == SOCKET
    assert f"{pid:5d}" in shell(phone, "ps -A").out
    phone.crash_probe()
    assert shell(phone, f"pidof {PROBE}") == (1, "", "")
    log = shell(phone, "logcat -d -b crash -v brief").out
    assert log.startswith("--------- beginning of crash\nE/AndroidRuntime( ")
    assert f"E/AndroidRuntime({pid:5d}): Process: {PROBE}, PID: {pid}\n" in log
    exits = shell(phone, f"dumpsys activity exit-info {PROBE}").out
    assert f"pid={pid} realUid=10234" in exits
    assert "reason=4 (APP CRASH(EXCEPTION)) subreason=0 (UNKNOWN) status=0" in exits
    shell(phone, START)
    phone.crash_native()
    log = shell(phone, "logcat -d -t 400 -v brief -s AndroidRuntime:E DEBUG:F libc:F").out
    assert "F/libc    (" in log
    assert f">>> {PROBE} <<<" in log
    assert "ApplicationExitInfo #1" in shell(phone, "dumpsys activity exit-info").out
    assert shell(phone, "logcat -c; logcat -d -s X").out == "--------- beginning of main\n"
    assert shell(probed_phone(api_level=29), "dumpsys activity exit-info").out.startswith("Bad")


def test_properties_features_and_vendor_files_come_from_the_fleet_file():
    phone = one_phone(
        head="pro_audio = true",
        android='serialno = "0123456789ABCDEF"\nmarketing_property = "ro.product.marketname"\n'
        'mmap_policy = "auto"\nmedia_performance_class = 33\nfeatures = ["x.y.z"]\n'
        '[[phone.android.effects]]\nkind = "aec"\nuuid = "0f8d0d2a-59e5-45fe-b6e4-248c8a799109"\n'
        'implementor = "Acme"',
    )
    dump = shell(phone, "getprop").out
    for line in (
        "[ro.serialno]: [0123456789ABCDEF]",
        "[ro.product.marketname]: [Acme One]",
        "[ro.build.fingerprint]: [acme/a1:14/AP1A/1:user]",
        "[ro.product.device]: [a1]",
        "[ro.build.version.sdk]: [34]",
        "[ro.soc.model]: [S9]",
        "[aaudio.mmap_policy]: [2]",
        "[ro.odm.build.media_performance_class]: [33]",
    ):
        assert line in dump
    assert "[aaudio.mmap_exclusive_policy]" not in dump
    features = shell(phone, "pm list features").out
    assert "feature:android.hardware.audio.low_latency\n" in features
    assert "feature:android.hardware.audio.pro\nfeature:" in features
    assert "feature:x.y.z\n" in features
    xml = shell(phone, "cat /vendor/etc/audio_effects.xml").out
    assert 'name="aec" library="qcomvoiceprocessing" uuid="0f8d0d2a-59e5' in xml
    assert 'Encoder "c2.android.opus.encoder" supports' in shell(phone, "dumpsys media.player").out
    flinger = shell(phone, "dumpsys media.audio_flinger").out
    assert "  Sample rate: 48000 Hz\n  HAL frame count: 192\n" in flinger
    first, second = (shell(phone, "cat /proc/sys/kernel/random/boot_id").out for _ in range(2))
    assert first == second
    assert re.fullmatch(r"[0-9a-f-]{36}\n", first)


def test_every_service_a_phone_lists_answers():
    phone = probed_phone()
    names = [line.strip() for line in shell(phone, "dumpsys -l").out.splitlines()[1:]]
    assert len(names) >= 10
    for name in names:
        assert shell(phone, f"dumpsys -t 5 {name}").err == ""
    assert shell(phone, "dumpsys nosuch") == (0, "", "Can't find service: nosuch\n")
    assert shell(phone, "cmd nosuch x").code == 20
