"""The C library and its Java face fit each other, and the build gives what phones can load."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest
from android_native import native_rig as rig

from tools.apk import layout, native, programs

JAVA = (rig.JAVA / "NativeAudio.java").read_text("utf-8")
NATIVE_METHODS = set(re.findall(r"static native \w+ (\w+)\(", JAVA))
CONSTANTS = {
    name: -(2**31) if value == "Integer.MIN_VALUE" else int(value)
    for name, value in re.findall(r"static final int (\w+) = (-?\d+|Integer\.MIN_VALUE);", JAVA)
}
ELSEWHERE = {
    **{"AAUDIO_ERROR_DISCONNECTED": "AAUDIO_ERROR_DISCONNECTED", "OUTPUT": "AAUDIO_OUTPUT"},
    **{"INPUT": "AAUDIO_INPUT", "FORMAT_INT16": "AAUDIO_INT16"},
    **{"FORMAT_FLOAT32": "AAUDIO_FLOAT32", "SESSION_SHARED": "AAUDIO_SESSION_ALLOCATE"},
}
"""Name in Java -> name in C, where they differ."""
PASSED_ON = re.compile(r"SHARING_|PERFORMANCE_|PRESET_|USAGE_|CONTENT_")
"""Numbers that the C code hands to AAudio as they come."""

needs_clang = rig.apt(*rig.CLANG, *rig.JDK)
needs_gcc = rig.apt(*rig.GCC)
STYLE = [
    *sorted(native.SOURCES.rglob("*.[ch]")),
    *sorted(rig.HERE.glob("*.[ch]")),
    *sorted(rig.HERE.glob("*.java")),
    *(rig.JAVA / name for name in ("NativeAudio.java", "NativeCodes.java")),
]


def marked(marks):
    """Several marks as one decorator."""

    def decorate(test):
        for mark in marks:
            test = mark(test)
        return test

    return decorate


def compile_and_run(source: Path, folder: Path) -> list[str]:
    """Lines printed by a C program beside the library's own sources."""
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{native.SOURCES}")
    program = folder / "program"
    files = [source, native.SOURCES / "samples.c"]
    rig.run(["gcc", *rig.WARNINGS, *flags, *files, "-o", program])
    return rig.run([program])[0].splitlines()


@marked(needs_gcc)
def test_constants_are_the_same_in_java_and_c(tmp_path: Path) -> None:
    assert len(CONSTANTS) > 90
    names = {java: ELSEWHERE.get(java, java) for java in CONSTANTS if not PASSED_ON.match(java)}
    lines = [f'printf("{java} %d\\n", (int){c});' for java, c in names.items()]
    source = tmp_path / "constants.c"
    includes = "#include <stdio.h>\n#include <session.h>\n"
    source.write_text(f"{includes}int main(void)\n{{\n{' '.join(lines)}\nreturn 0;\n}}\n")
    found = dict(line.split() for line in compile_and_run(source, tmp_path))
    assert {name: int(value) for name, value in found.items()} == {
        name: CONSTANTS[name] for name in names
    }


def test_every_optional_setter_has_its_own_bit() -> None:
    bits = [value for name, value in CONSTANTS.items() if name.startswith("F_")]
    assert sorted(bits) == [1, 2, 4, 8]


@marked(needs_gcc)
def test_histogram_and_samples(tmp_path: Path) -> None:
    lines = compile_and_run(rig.HERE / "units.c", tmp_path)
    table = JAVA.split("HISTOGRAM_EDGES_US = {")[1].split("}")[0]
    edges = [int(edge) for edge in re.findall(r"\d+", table)]
    assert len(edges) + 1 == CONSTANTS["H_COUNT"]
    assert edges == sorted(set(edges))
    assert all(1.08 < high / low < 1.16 for low, high in itertools.pairwise(edges))
    assert lines[: len(edges)] == [f"{edge} {i} {i + 1}" for i, edge in enumerate(edges)]
    assert lines[len(edges)] == f"0 {len(edges)}"
    converted = [0, 32767, -32768, 32767, -32768, 16384, 1, -1, 32767, -32768, 0, 32767]
    assert lines[len(edges) + 1 : -1] == [f"{value} {value}" for value in converted]
    assert lines[-1] == "3 2"


@marked(needs_clang)
@pytest.mark.needs_apt("binutils", "readelf")
@pytest.mark.parametrize("abi", native.TARGETS)
def test_only_the_native_methods_are_exported_and_only_the_list_is_imported(
    tmp_path: Path, abi: str
) -> None:
    library = native.build_abi(abi, tmp_path)
    symbols = rig.run(["readelf", "-W", "--dyn-syms", library])[0].splitlines()
    rows = [row.split() for row in symbols if re.match(r"\s*\d+: .* (GLOBAL|WEAK) ", row)]
    exported = {row[7] for row in rows if row[6] != "UND"}
    prefix = "Java_org_chirpbench_probe_NativeAudio_"
    assert exported == {prefix + name for name in NATIVE_METHODS}
    imported = {row[7].split("@")[0] for row in rows if row[6] == "UND"}
    assert imported <= {name for names in native.LIBRARIES.values() for name in names}
    assert library.stat().st_size < 30_000


@marked(needs_clang)
@pytest.mark.parametrize("abi", native.TARGETS)
def test_the_bytes_do_not_depend_on_the_folder(tmp_path: Path, abi: str) -> None:
    copies = [tmp_path / "one" / "c", tmp_path / "a folder with another name"]
    for copy in copies:
        shutil.copytree(native.SOURCES, copy)
    built = [native.build_abi(abi, copy.parent / "out", copy).read_bytes() for copy in copies]
    assert built[0] == built[1]
    assert str(tmp_path).encode() not in built[0]
    assert b".c\0" not in built[0]


@marked(needs_clang)
def test_a_function_that_is_not_on_the_list_fails_the_build(tmp_path: Path) -> None:
    sources = tmp_path / "c"
    shutil.copytree(native.SOURCES, sources)
    (sources / "more.c").write_text(
        "char *getenv(const char *name);\nchar *more(void);\n"
        '__attribute__((visibility("default"))) char *more(void) { return getenv("HOME"); }\n'
    )
    with pytest.raises(programs.BuildFailed, match="undefined symbol: getenv"):
        native.build_abi("arm64-v8a", tmp_path / "out", sources)
    assert not (tmp_path / "out").exists()


@marked(needs_clang)
def test_a_warning_fails_the_build(tmp_path: Path) -> None:
    sources = tmp_path / "c"
    shutil.copytree(native.SOURCES, sources)
    (sources / "more.c").write_text("static int nobody_calls(void) { return 1; }\n")
    with pytest.raises(programs.BuildFailed, match="nobody_calls"):
        native.build_abi("armeabi-v7a", tmp_path / "out", sources)


def test_what_cannot_be_built_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(programs.BuildFailed, match=r"'mips'.*arm64-v8a"):
        native.build_abi("mips", tmp_path)
    with pytest.raises(programs.BuildFailed, match="holds no C source"):
        native.build_abi("x86_64", tmp_path, tmp_path)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(programs.BuildFailed, match=r"include/jni\.h"):
        native.jni_includes()


@marked(needs_clang)
@pytest.mark.needs_apt("binutils", "nm")
def test_the_callback_can_reach_no_lock_no_memory_no_file_and_no_log(tmp_path: Path) -> None:
    """All that its objects import, and all that it calls of AAudio."""
    imports = set()
    for name in ("callback", "samples"):
        source, target = native.SOURCES / f"{name}.c", tmp_path / f"{name}.o"
        flags = (*native.TARGETS["arm64-v8a"].flags, *native.COMPILE_FLAGS)
        command = ["clang-14", "--target=aarch64-linux-android26", *flags]
        rig.run([*command, *rig.jni_flags(), "-c", source, "-o", target])
        symbols = rig.run(["nm", "-u", target])[0].split()
        imports |= {symbol for symbol in symbols if symbol != "U"}
    own = {"aaudio", "histogram_bin", "samples_all_zero", "samples_write"}
    assert imports == own | {"clock_gettime", "memmove", "memset"}
    text = (native.SOURCES / "callback.c").read_text("utf-8")
    assert re.findall(r"aaudio\(\)->(\w+)", text) == ["read"]


def test_targets_are_the_abis_of_the_apk() -> None:
    assert list(native.TARGETS) == [abi.name for abi in layout.ABIS]


@pytest.mark.parametrize("path", STYLE, ids=lambda path: path.name)
def test_files_and_functions_stay_short(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 400
    assert max(map(len, lines)) <= 100
    indent = "    " if path.suffix == ".java" else ""
    started = 0
    for number, line in enumerate(lines):
        if line == f"{indent}{{" or (indent and re.match(r"    \S.*\) (throws .*)?\{$", line)):
            started = number
        if line == f"{indent}}}" and started:
            assert number - started < 40, f"{path}:{started + 1}"
            started = 0
