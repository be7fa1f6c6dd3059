"""The gates that need Android's tools: the shipped APK passes, each planted fault is found."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from apk_parts import (
    AAPT,
    APKSIGNER,
    DEXDUMP,
    FRAMEWORK,
    JDK,
    MAVEN,
    ZIPALIGN,
    committed,
    copy_with_byte_changed,
    dex_of,
    entries_of,
    needs,
    toolchain,
)

from tools.apk import archive, build, java, layout, manifest, programs, sign
from tools.apk.gates import api, dexfile, package
from tools.apk.gates.platform import Platform

# The shipped APK


@needs(AAPT, APKSIGNER, DEXDUMP, JDK, ZIPALIGN)
def test_androids_tools_accept_the_committed_apk() -> None:
    assert package.complaints(layout.APK) == []


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    toolchain("build", "api")
    found = Platform()
    yield found
    found.close()


@needs(MAVEN)
def test_everything_the_committed_apk_uses_exists_on_its_phones(platform: Platform) -> None:
    assert api.complaints(dexfile.parse(committed()["classes.dex"]), platform) == []


@needs(DEXDUMP)
def test_our_dex_reader_sees_the_references_that_dexdump_prints(tmp_path: Path) -> None:
    (tmp_path / "classes.dex").write_bytes(committed()["classes.dex"])
    said = programs.run(["dexdump", "-d", tmp_path / "classes.dex"])
    calls = set(re.findall(r"invoke-\S+ \{.*?\}, (\S+?)\.([^\s.]+?):(\(\S+) // method@", said))
    fields = set(re.findall(r"[is](?:get|put)\S* .*?(L\S+?;)\.([^\s.]+?):(\S+) // field@", said))
    assert len(calls) > 300
    assert len(fields) > 100
    dex = dexfile.parse(committed()["classes.dex"])
    uses = {use for c in dex.classes for method in c.methods for use in method.uses}
    methods = {(u.owner, u.signature) for u in uses if "(" in u.signature}
    assert methods == {(owner, name + kind) for owner, name, kind in calls}
    named = {(u.owner, u.signature) for u in uses if "#" in u.signature}
    assert named == {(owner, f"{name}#{kind}") for owner, name, kind in fields}


# The lint of the platform's methods

GUARD = "if (android.os.Build.VERSION.SDK_INT >= 29)"
API_29 = """final class Api29 {
    static int status(android.os.PowerManager p) { return p.getCurrentThermalStatus(); }
}"""
THERMAL = "android/os/PowerManager.getCurrentThermalStatus()I"


def lint(
    platform: Platform, folder: Path, newer: dict[int, tuple[str, ...]], **sources: str
) -> list[str]:
    dex = dexfile.parse(dex_of(folder, **sources))
    return api.complaints(dex, platform, api.Allowed(newer, {}))


@needs(JDK, MAVEN)
@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("android.media.AudioSystem.getOutputLatency(3)", "AudioSystem.getOutputLatency"),
        ("p.getCurrentThermalStatus()", f"A.f.* uses {re.escape(THERMAL)}: API 26"),
        ("android.os.Build.VERSION.MEDIA_PERFORMANCE_CLASS", r"MEDIA_PERFORMANCE_CLASS#I: API 26"),
        ("((Object) p) instanceof android.media.MicrophoneInfo ? 1 : 0", "MicrophoneInfo: API 26"),
    ],
)
def test_lint_finds_hidden_and_newer_members(
    platform: Platform, tmp_path: Path, body: str, complaint: str
) -> None:
    found = lint(
        platform,
        tmp_path,
        {},
        A=f"class A {{ int f(android.os.PowerManager p) {{ return {body}; }} }}",
    )
    assert len(found) == 1
    assert re.search(complaint, found[0])


@needs(JDK, MAVEN)
def test_lint_takes_a_newer_member_behind_its_guard(platform: Platform, tmp_path: Path) -> None:
    a = f"class A {{ int f(android.os.PowerManager p) {{ {GUARD} return Api29.status(p);"
    a += " return 0; } }"
    assert lint(platform, tmp_path, {29: (THERMAL,)}, A=a, Api29=API_29) == []


@needs(JDK, MAVEN)
def test_lint_follows_a_guard_to_private_callees_only(platform: Platform, tmp_path: Path) -> None:
    a = f"""class A {{
        void start(android.os.PowerManager p) {{ {GUARD} {{ inner(p); open(p); }} }}
        private int inner(android.os.PowerManager p) {{ return Api29.status(p); }}
        int open(android.os.PowerManager p) {{ return Api29.status(p); }}
    }}"""
    (text,) = lint(platform, tmp_path, {29: (THERMAL,)}, A=a, Api29=API_29)
    assert text.startswith("org/chirpbench/probe/A.open(Landroid/os/PowerManager;)I uses Api29")


@needs(JDK, MAVEN)
@pytest.mark.parametrize(
    ("guard", "newer", "complaint"),
    [
        ("", {29: (THERMAL,)}, "compares SDK_INT with 29"),
        (GUARD.replace("29", "28"), {29: (THERMAL,)}, "compares SDK_INT with 29"),
        (GUARD, {30: (THERMAL,)}, "came with API 30: move it to the class Api30"),
        (GUARD, {}, "levels.py does not list it"),
        (GUARD, {29: (THERMAL, "android/os/Build.nothing()V")}, "which the app does not use"),
    ],
)
def test_lint_finds_missing_guards_and_wrong_levels(
    platform: Platform,
    tmp_path: Path,
    guard: str,
    newer: dict[int, tuple[str, ...]],
    complaint: str,
) -> None:
    a = f"class A {{ int f(android.os.PowerManager p) {{ {guard or 'if (p != null)'}"
    a += " return Api29.status(p); return 0; } }"
    found = lint(platform, tmp_path, newer, A=a, Api29=API_29)
    assert len(found) == 1
    assert complaint in found[0]


@needs(JDK, MAVEN)
def test_lint_looks_at_parents_fields_and_inherited_methods(
    platform: Platform, tmp_path: Path
) -> None:
    sources = {
        "A": "abstract class A extends android.app.Activity { android.media.MicrophoneInfo m; }",
        "B": "abstract class B extends A { void f() { getWindow(); setShowWhenLocked(true); } }",
        "C": "class C implements android.media.AudioRecordingMonitor {"
        " public void registerAudioRecordingCallback(java.util.concurrent.Executor e,"
        " android.media.AudioManager.AudioRecordingCallback c) {}"
        " public void unregisterAudioRecordingCallback("
        "android.media.AudioManager.AudioRecordingCallback c) {}"
        " public android.media.AudioRecordingConfiguration getActiveRecordingConfiguration()"
        " { return null; } }",
    }
    found = lint(platform, tmp_path, {}, **sources)
    assert sorted(re.sub(r".*/probe/(\S+) uses (\S+):.*", r"\1 \2", text) for text in found) == [
        "A.m#Landroid/media/MicrophoneInfo; android/media/MicrophoneInfo",
        "B.f()V android/app/Activity.setShowWhenLocked(Z)V",
        "C android/media/AudioRecordingMonitor",
    ]


# What dx cannot translate


@needs(JDK, MAVEN)
@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("class A { Runnable f() { return () -> { }; } }", "a lambda or method reference"),
        ("class A { Runnable f() { return this::g; } void g() { } }", "a lambda or method"),
        ("interface A { default int f() { return 1; } }", "a method body in an interface"),
        ("interface A { static int f() { return 1; } }", "a method body in an interface"),
    ],
)
def test_build_refuses_what_dx_cannot_translate(
    tmp_path: Path, source: str, complaint: str
) -> None:
    toolchain("build")
    with pytest.raises(ValueError, match=complaint):
        dex_of(tmp_path, A=source)


@needs(JDK, MAVEN)
def test_build_refuses_newer_class_files_and_says_what_javac_said(tmp_path: Path) -> None:
    toolchain("build")
    with pytest.raises(programs.BuildFailed, match="cannot find symbol"):
        dex_of(tmp_path / "a", A="class A { Object f() { return java.util.List.of(); } }")
    (tmp_path / "New.java").write_text("class New { }", "utf-8")
    programs.run(["javac", "--release", "11", "-d", tmp_path / "new", tmp_path / "New.java"])
    assert java.forbidden(tmp_path / "new") == ["New: class file version 55, at most 52"]


# The package


def packed(folder: Path, text: str, *, signed: bool = True) -> Path:
    """An APK with another manifest than ours and the rest of the committed one."""
    source = manifest.source(folder / "app")
    source.parent.mkdir(parents=True)
    source.write_text(text, "utf-8")
    contents = committed() | {
        "AndroidManifest.xml": manifest.compile_manifest(folder / "app", folder)
    }
    plain, done = folder / "plain.apk", folder / "done.apk"
    archive.write(entries_of(contents), plain)
    if not signed:
        return plain
    sign.sign(plain, done, folder)
    return done


NO_PERMISSION = '<uses-permission android:name="android.permission.RECORD_AUDIO" />'
INTERNET = '<uses-permission android:name="android.permission.INTERNET" />'


@needs(AAPT, APKSIGNER, FRAMEWORK, JDK)
@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (NO_PERMISSION, "", "list of permissions"),
        (NO_PERMISSION, NO_PERMISSION + INTERNET, "list of permissions"),
        ("<application", '<application android:debuggable="true"', "is debuggable"),
        ("android.intent.category.LAUNCHER", "android.intent.category.INFO", "launchable activity"),
        ('android:extractNativeLibs="false"', "", "extractNativeLibs"),
        ("</activity>", '</activity><service android:name=".S" />', "list of components"),
    ],
)
def test_package_gate_finds_a_changed_manifest(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = manifest.source(layout.APP).read_text("utf-8")
    assert old in text
    apk = packed(tmp_path, text.replace(old, new))
    found = [*package.badging(apk), *package.manifest(apk)]
    assert len(found) == 1
    assert complaint in found[0]


@needs(AAPT, FRAMEWORK)
def test_manifest_with_another_package_is_not_built(tmp_path: Path) -> None:
    text = manifest.source(layout.APP).read_text("utf-8")
    other = re.sub(
        r"<manifest\s",
        '<manifest package="org.other" ',
        text.replace(f'package="{layout.PACKAGE}"', ""),
    )
    with pytest.raises(programs.BuildFailed, match="package is not"):
        packed(tmp_path, other, signed=False)


@needs(APKSIGNER, JDK)
def test_signature_gate_finds_a_changed_byte_and_a_missing_signature(tmp_path: Path) -> None:
    changed = copy_with_byte_changed(layout.APK, tmp_path / "x.apk", "lib/x86_64/" + layout.LIBRARY)
    with pytest.raises(programs.BuildFailed, match="DOES NOT VERIFY"):
        list(package.signature(changed))
    archive.write(entries_of(committed()), tmp_path / "unsigned.apk")
    with pytest.raises(programs.BuildFailed, match="DOES NOT VERIFY"):
        list(package.signature(tmp_path / "unsigned.apk"))


@needs(APKSIGNER, JDK)
def test_signature_gate_finds_another_key_and_an_old_scheme(tmp_path: Path) -> None:
    store, plain = tmp_path / "other.p12", tmp_path / "plain.apk"
    words = ["keytool", "-genkeypair", "-keystore", store, "-storetype", "PKCS12"]
    words += ["-storepass", "secret", "-alias", "a", "-keyalg", "RSA", "-keysize", "3072"]
    programs.run([*words, "-dname", "CN=other"])
    archive.write(entries_of(committed()), plain)
    command: list[str | Path] = ["apksigner", "sign", "--ks", store, "--ks-pass", "pass:secret"]
    command += ["--min-sdk-version", "26", "--v3-signing-enabled", "false"]
    programs.run([*command, "--v4-signing-enabled", "false", "--out", tmp_path / "x.apk", plain])
    found = " ".join(package.signature(tmp_path / "x.apk"))
    assert "certificate is" in found
    assert "set of signature schemes is" in found
    assert "key is [('RSA', '3072')]" in found


@needs(DEXDUMP)
def test_dex_gate_finds_a_changed_byte_and_another_version(tmp_path: Path) -> None:
    dex = committed()["classes.dex"]
    middle = len(dex) // 2
    changed = dex[:middle] + bytes([dex[middle] ^ 0x55]) + dex[middle + 1 :]
    newer = bytearray(dex.replace(b"dex\n035", b"dex\n039", 1))
    newer[12:32] = hashlib.sha1(newer[32:]).digest()
    newer[8:12] = zlib.adler32(newer[12:]).to_bytes(4, "little")
    for name, data in (("changed", changed), ("newer", bytes(newer))):
        archive.write(entries_of({"classes.dex": data}), tmp_path / name)
    with pytest.raises(programs.BuildFailed, match="dexdump ended with"):
        list(package.dex(tmp_path / "changed"))
    assert list(package.dex(tmp_path / "newer")) == [
        "list of dex versions is ['039'], must be ['035']"
    ]


@needs(ZIPALIGN)
def test_zipalign_finds_a_library_off_the_page(tmp_path: Path) -> None:
    off = [archive.Entry("lib/x86_64/a.so", b"\x7fELF" * 100, stored=True, alignment=4)]
    archive.write([archive.Entry("a", b"1"), *off], tmp_path / "x.apk")
    with pytest.raises(programs.BuildFailed, match="zipalign"):
        list(package.alignment(tmp_path / "x.apk"))


# What a user without the tools is told


def test_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(programs.BuildFailed, match="apt install apksigner"):
        programs.run(["apksigner", "version"])


@needs(JDK, MAVEN)
def test_build_of_a_broken_app_ends_with_what_javac_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toolchain("build")
    place = tmp_path / "app" / "src" / "main" / "java" / "org" / "chirpbench" / "probe"
    place.mkdir(parents=True)
    (place / "A.java").write_text("package org.chirpbench.probe; class A { int x = y; }", "utf-8")
    code = build.main(["--app", str(tmp_path / "app"), "--out", str(tmp_path / "out")])
    assert code == 1
    assert "cannot find symbol" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
