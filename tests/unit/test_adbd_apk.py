"""Reading APKs and installing them, on the phone's side."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import apk_maker
import pytest
from adbd_phones import one_phone, shell
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.virtual.adbd.apk import ApkRefused, read_apk
from device_probes.virtual.adbd.axml import BadXml, read_elements

PROBE = "org.chirpbench.probe"
REMOTE = "/data/local/tmp/x.apk"
SHIPPED = Path(__file__).parents[2] / "device_probes" / "android" / "assets" / "probe.apk"


@pytest.mark.parametrize("utf8", [True, False])
def test_a_manifest_is_read_in_both_encodings(utf8):
    apk = read_apk(apk_maker.make_apk(code=77, name="7.7 ü", utf8=utf8, debuggable=True))
    assert (apk.package, apk.version_code, apk.version_name) == (PROBE, 77, "7.7 ü")
    assert (apk.min_sdk, apk.target_sdk, apk.debuggable, apk.test_only) == (26, 34, True, False)
    assert apk.permissions == apk_maker.PERMISSIONS
    assert apk.activities == (f"{PROBE}.ProbeActivity",)
    assert apk.abis == ("arm64-v8a", "armeabi-v7a")
    assert apk.scheme == "v2"


def test_who_signed_is_the_certificates_digest():
    one, two = (read_apk(apk_maker.make_apk(certificate=c)) for c in (b"one", b"two"))
    assert one.signer != two.signer
    assert len(one.signer) == 64


@pytest.mark.needs_apt("apksigner", "apksigner")
def test_the_shipped_probe_reads_as_apksigner_and_its_own_table_say():
    apk = read_apk(SHIPPED.read_bytes())
    assert apk.package == PROBE
    assert f"{PROBE}.ProbeActivity" in apk.activities
    said = subprocess.run(
        [shutil.which("apksigner") or "", "verify", "--print-certs", str(SHIPPED)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert apk.signer in said


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda d: b"not a zip", "INSTALL_PARSE_FAILED_NOT_APK"),
        (lambda d: b"", "INSTALL_PARSE_FAILED_NOT_APK"),
        (lambda d: d[: len(d) // 2], "INSTALL_PARSE_FAILED_NOT_APK"),
        (lambda d: d.replace(b"AndroidManifest.xml", b"androidManifest.xml"),
         "INSTALL_PARSE_FAILED_NOT_APK"),
        (lambda d: d.replace(b"arm64-v8aP", b"arm64-v8bP"),
         "INSTALL_PARSE_FAILED_NO_CERTIFICATES"),
        (lambda d: d.replace(b"APK Sig Block 42", b"APK Sig Block 43"),
         "INSTALL_PARSE_FAILED_NO_CERTIFICATES"),
        (lambda _: apk_maker.make_apk(signed=False), "INSTALL_PARSE_FAILED_NO_CERTIFICATES"),
        (lambda _: apk_maker.make_apk(package="nodots"),
         "INSTALL_PARSE_FAILED_MANIFEST_MALFORMED"),
    ],
)  # fmt: skip
def test_a_damaged_apk_is_refused_with_androids_reason(damage, reason):
    data = damage(apk_maker.make_apk())
    with pytest.raises(ApkRefused) as caught:
        read_apk(data)
    assert caught.value.reason == reason


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_one_changed_byte_is_never_installed_as_it_was(at, change):
    good = apk_maker.make_apk()
    data = bytearray(good)
    data[at % len(data)] ^= change
    try:
        outcome = read_apk(bytes(data)).package
    except ApkRefused as exc:
        outcome = exc.reason
    # Taken, only what the scheme itself does not cover may have changed.
    assert outcome == PROBE or outcome.startswith("INSTALL_")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_compiled_xml_or_not(data):
    head = b"\x03\x00\x08\x00" + (len(data) + 8).to_bytes(4, "little")
    for whole in (data, head + data):
        with suppress(BadXml):
            assert isinstance(read_elements(whole), list)


# --- pm ------------------------------------------------------------------------------------------


def install(phone, data, flags="-r -t -g"):
    phone.files.put(REMOTE, data)
    return shell(phone, f"pm install {flags} {REMOTE}")


def test_an_installed_probe_is_there_with_its_version_hash_and_permission():
    phone = one_phone()
    data = apk_maker.make_apk()
    assert shell(phone, f"pm path {PROBE}") == (1, "", "")
    assert install(phone, data) == (0, "Success\n", "")
    path = shell(phone, f"pm path {PROBE}").out.removeprefix("package:").strip()
    assert path.startswith("/data/app/~~")
    assert path.endswith("==/base.apk")
    assert phone.files.read(path) == data
    dump = shell(phone, f"dumpsys package {PROBE}").out
    assert "versionCode=5 minSdk=26 targetSdk=34" in dump
    assert "versionName=0.5" in dump
    assert "android.permission.RECORD_AUDIO: granted=true" in dump
    assert shell(phone, f"pm uninstall {PROBE}").out == "Success\n"
    assert shell(phone, f"pm path {PROBE}").code == 1
    assert shell(phone, f"pm uninstall {PROBE}") == (
        1, "Failure [DELETE_FAILED_INTERNAL_ERROR]\n", ""
    )  # fmt: skip
    assert "Unable to find package" in shell(phone, f"dumpsys package {PROBE}").out


def test_permissions_are_kept_over_an_update_and_granted_on_request():
    phone = one_phone()
    install(phone, apk_maker.make_apk(code=5), "-r")
    assert "RECORD_AUDIO: granted=false" in shell(phone, f"dumpsys package {PROBE}").out
    grant = f"pm grant {PROBE} android.permission."
    assert shell(phone, grant + "RECORD_AUDIO") == (0, "", "")
    install(phone, apk_maker.make_apk(code=6), "-r")
    assert "RECORD_AUDIO: granted=true" in shell(phone, f"dumpsys package {PROBE}").out
    for permission, words in (
        ("MODIFY_AUDIO_SETTINGS", "is not a changeable permission type"),
        ("CAMERA", "has not requested permission"),
    ):
        said = shell(phone, grant + permission)
        assert said.code == 255
        assert said.err.startswith("\nException occurred while executing 'grant':\n")
        assert words in said.err


@pytest.mark.parametrize(
    ("have", "new", "flags", "reason"),
    [
        ({}, {"certificate": b"other"}, "-r", "INSTALL_FAILED_UPDATE_INCOMPATIBLE"),
        ({"code": 9}, {"code": 8}, "-r", "INSTALL_FAILED_VERSION_DOWNGRADE"),
        ({"code": 9}, {"code": 8}, "-r -d", "INSTALL_FAILED_VERSION_DOWNGRADE"),
        (None, {"min_sdk": 35}, "-r", "INSTALL_FAILED_OLDER_SDK"),
        (None, {"abis": ("mips",)}, "-r", "INSTALL_FAILED_NO_MATCHING_ABIS"),
        (None, {"testOnly": True}, "-r", "INSTALL_FAILED_TEST_ONLY"),
        ({}, {}, "-R", "INSTALL_FAILED_ALREADY_EXISTS"),
    ],
)
def test_what_package_manager_refuses(have, new, flags, reason):
    phone = one_phone()
    if have is not None:
        assert install(phone, apk_maker.make_apk(**have)).code == 0
    before = shell(phone, f"pm path {PROBE}").out
    said = install(phone, apk_maker.make_apk(**new), flags)
    assert said.code == 1
    assert said.out.startswith(f"Failure [{reason}: ")
    assert said.out.endswith("]\n")
    assert shell(phone, f"pm path {PROBE}").out == before


def test_downgrades_of_debuggable_packages_and_test_packages_go_with_their_flags():
    phone = one_phone()
    install(phone, apk_maker.make_apk(code=9, debuggable=True))
    assert install(phone, apk_maker.make_apk(code=8), "-r -d").out == "Success\n"
    assert install(phone, apk_maker.make_apk(code=9, testOnly=True), "-r -t").code == 0


def test_vendors_and_full_phones_refuse_in_their_own_words():
    phone = one_phone(android='[phone.android.at_start]\ninstall_refused = '
                              '"INSTALL_FAILED_USER_RESTRICTED"\ngrant_refused = true')  # fmt: skip
    data = apk_maker.make_apk()
    said = install(phone, data)
    assert said.code == 255
    assert "INSTALL_GRANT_RUNTIME_PERMISSIONS" in said.err
    assert install(phone, data, "-r -t").out == (
        "Failure [INSTALL_FAILED_USER_RESTRICTED: Install canceled by user]\n"
    )
    phone.refuse_installs(None)
    assert install(phone, data, "-r -t").out == "Success\n"
    said = shell(phone, f"pm grant {PROBE} android.permission.RECORD_AUDIO")
    assert "Neither user 2000 nor current process has" in said.err
    phone.allow_microphone()
    assert phone.packages.allowed(PROBE)
    phone.fill_disk(1000)
    said = install(phone, data, "-r -t")
    assert "Requested internal only, but not enough space" in said.err
    phone.clear_disk()
    assert install(phone, data, "-r -t").code == 0


def test_an_apk_comes_by_stdin_too_and_must_be_there():
    phone = one_phone()
    data = apk_maker.make_apk()
    said = shell(phone, f"cmd package install -r -g -S {len(data)}", stdin=data)
    assert said == (0, "Success\n", "")
    missing = shell(phone, "pm install -r /data/local/tmp/nowhere.apk")
    assert missing.code == 1
    assert "/data/local/tmp/nowhere.apk" in missing.err
    for bad in ("-S 0", "-S x", "-S 999999999999", ""):
        assert shell(phone, f"cmd package install {bad}").code != 0


def test_an_update_ends_the_running_probe():
    phone = one_phone()
    install(phone, apk_maker.make_apk())
    shell(phone, f"am start -n {PROBE}/.ProbeActivity --es socket s --es token t")
    assert phone.app.pid is not None
    install(phone, apk_maker.make_apk(code=6))
    assert phone.app.pid is None
    assert not phone.state.probe_on_top
