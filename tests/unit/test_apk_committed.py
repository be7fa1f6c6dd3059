"""The APK in the repository is the one that its sources, versions and build-info.json describe.

No toolchain is needed: whoever changes the app and forgets ``make apk`` sees it at once.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from apk_parts import committed

from device_probes.protocol import PROTOCOL_VERSION
from profiler import __version__
from tools.apk import info, java, layout, manifest, programs, sign
from tools.apk.gates import container, dexfile, native

GRADLE = layout.APP / "build.gradle"


def test_apk_was_built_from_the_sources_beside_it() -> None:
    assert info.read()["source_sha256"] == info.source_digest(layout.APP), (
        "the app's sources, its key, the version or the protocol changed: run make apk"
    )


def test_source_digest_sees_every_kind_of_change(tmp_path: Path) -> None:
    app = tmp_path / "app"
    (app / "src/main/java").mkdir(parents=True)
    (app / "src/main/java/A.java").write_bytes(b"class A {}\n")
    (app / "src/main/AndroidManifest.xml").write_bytes(b"<manifest/>\n")
    first = info.source_digest(app)
    (app / "src/main/java/A.java").write_bytes(b"class A {}\r\n")
    assert info.source_digest(app) == first  # a checkout with other line ends
    (app / "src/main/java/A.java").write_bytes(b"class A { }\n")
    changed = info.source_digest(app)
    (app / "src/main/java/A.java").rename(app / "src/main/java/B.java")
    renamed = info.source_digest(app)
    (app / "src/main/java/C.java").write_bytes(b"")
    assert len({first, changed, renamed, info.source_digest(app)}) == 4


def test_build_info_describes_the_apk() -> None:
    told = info.read()
    assert container.differs_from_info(layout.APK, told) == []
    assert told["package"] == "org.chirpbench.probe"
    assert told["activity"] == "org.chirpbench.probe.ProbeActivity"
    assert (told["version_name"], told["protocol"]) == (__version__, PROTOCOL_VERSION)
    assert told["version_code"] == layout.version_code(__version__)
    assert (told["min_sdk"], told["target_sdk"]) == (26, 34)
    assert told["abis"] == ["arm64-v8a", "armeabi-v7a", "x86_64"]
    assert told["size"] <= 200_000


def test_build_info_names_no_folder_of_a_machine() -> None:
    text = layout.INFO.read_text("utf-8")
    assert "/" not in re.sub(r'"(lib/[^"]+)"', "", text)


def test_app_knows_its_version_and_protocol() -> None:
    path = java.build_info_path(layout.APP)
    assert path.read_text("utf-8") == java.build_info_text(), "run make apk"


def test_container_and_native_code_of_the_apk() -> None:
    assert container.complaints(layout.APK) == []
    assert native.complaints(committed()) == []


def test_dex_is_of_the_version_that_android_8_reads() -> None:
    dex = dexfile.parse(committed()["classes.dex"])
    assert dex.version == "035"
    names = {c.name for c in dex.classes}
    assert "Lorg/chirpbench/probe/ProbeActivity;" in names
    assert all(name.startswith("Lorg/chirpbench/probe/") for name in names)


def test_no_path_of_a_machine_in_the_apk() -> None:
    """Wherever it was built: no folder a build has, and not the one of this checkout."""
    folders = {"home", "opt", "root", "tmp", "usr", "var", Path(__file__).parts[1]}
    for name, data in committed().items():
        for text in (f"/{folder}/".encode() for folder in sorted(folders)):
            assert text not in data, f"{name} holds {text!r}"


@pytest.mark.parametrize(
    ("version", "code"),
    [("0.1.0", 100), ("1.2.3", 10203), ("0.2.0.dev1", 200), ("12.0.99", 120099)],
)
def test_version_code_grows_with_the_version(version: str, code: int) -> None:
    assert layout.version_code(version) == code


@pytest.mark.parametrize("version", ["1.2", "1.100.0", "x.y.z", ""])
def test_version_without_a_code(version: str) -> None:
    with pytest.raises(ValueError, match=r"version|invalid literal"):
        layout.version_code(version)


def test_key_says_that_it_is_public() -> None:
    for path in (layout.KEY, layout.CERTIFICATE):
        assert "PUBLIC TEST KEY" in path.read_text("ascii").splitlines()[0]
    certificate = sign.der(layout.CERTIFICATE, "CERTIFICATE")
    assert b"chirpbench public test key, gives no protection" in certificate
    with pytest.raises(programs.BuildFailed, match="no CERTIFICATE"):
        sign.der(layout.KEY, "CERTIFICATE")


def test_manifest_asks_for_what_the_gate_allows() -> None:
    root = ElementTree.parse(manifest.source(layout.APP)).getroot()
    name = f"{{{manifest.ANDROID}}}name"
    asked = [node.get(name) for node in root.iter("uses-permission")]
    assert sorted(map(str, asked)) == sorted(layout.PERMISSIONS)
    application = root.find("application")
    assert application is not None
    assert application.get(f"{{{manifest.ANDROID}}}debuggable") is None
    assert [n.tag for n in application if n.tag != "meta-data"] == ["activity"]


def gradle(pattern: str) -> list[str]:
    """What a pattern's group finds in build.gradle."""
    return re.findall(pattern, GRADLE.read_text("utf-8"))


def test_gradle_project_builds_the_same_app() -> None:
    """What an Android developer sees in the IDE is what tools/apk packs."""
    assert gradle(r"\bnamespace\s*=?\s*'([^']+)'") == [layout.PACKAGE]
    assert gradle(r"\bapplicationId\s*=?\s*'([^']+)'") == [layout.PACKAGE]
    assert gradle(r"\bminSdk\s*=?\s*(\d+)") == [str(layout.MIN_SDK)]
    assert gradle(r"\btargetSdk\s*=?\s*(\d+)") == [str(layout.TARGET_SDK)]
    assert gradle(r"JavaVersion\.(\w+)") == ["VERSION_1_8", "VERSION_1_8"]
    abis = re.findall(r"'([^']+)'", gradle(r"abiFilters(.*)")[0])
    assert abis == [abi.name for abi in layout.ABIS]
    assert gradle(r"major \* 10000 \+ minor \* 100 \+ patch")


def test_gradle_project_reads_the_version_where_it_is() -> None:
    place = gradle(r"file\('([^']+__init__\.py)'\)")
    assert place
    assert (layout.APP / place[0]).resolve() == layout.ROOT / "profiler" / "__init__.py"


def test_cmake_builds_every_c_file_with_aligned_segments() -> None:
    script = (layout.APP / gradle(r"path = file\('([^']+)'\)")[0]).read_text("utf-8")
    told = set(re.findall(r"src/main/c/(\w+\.c)", script))
    assert told == {path.name for path in (layout.APP / "src/main/c").glob("*.c")}
    library = layout.LIBRARY.removeprefix("lib").removesuffix(".so")
    assert f"add_library({library} SHARED" in script
    assert f"max-page-size={layout.PAGE_BYTES}" in script
