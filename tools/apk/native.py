"""Compiles the probe's C for Android's ABIs, without an NDK.

There is no Android libc here: the library is linked against stubs made from :data:`LIBRARIES`, and
``-z defs`` proves that it needs nothing else. The bytes depend on the sources and on the tools'
versions, not on any folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.apk import layout, programs

SOURCES = layout.APP / "src" / "main" / "c"
CLANG = "clang-14"
LINKER = "lld-14"

LIBRARIES: dict[str, tuple[str, ...]] = {
    "libc.so": (
        *("clock_gettime", "free", "malloc", "memcpy", "memmove", "memset", "usleep"),
        # what a compiler for 32-bit ARM calls for the above
        *("__aeabi_memclr", "__aeabi_memclr4", "__aeabi_memclr8", "__aeabi_memcpy"),
        *("__aeabi_memcpy4", "__aeabi_memcpy8", "__aeabi_memmove", "__aeabi_memmove4"),
        *("__aeabi_memmove8", "__aeabi_memset", "__aeabi_memset4", "__aeabi_memset8"),
    ),
    "libdl.so": ("dlopen", "dlsym"),
    "liblog.so": ("__android_log_print",),
}
"""Library of the phone -> the only functions of it that ours may import."""


@dataclass(frozen=True, slots=True)
class Target:
    """What clang calls an ABI of Android, and the flags that ABI needs."""

    triple: str
    flags: tuple[str, ...]


TARGETS = {
    # no outline atomics: they call a helper library that is not linked
    "arm64-v8a": Target(f"aarch64-linux-android{layout.MIN_SDK}", ("-mno-outline-atomics",)),
    "armeabi-v7a": Target(f"armv7a-linux-androideabi{layout.MIN_SDK}", ("-mthumb",)),
    "x86_64": Target(f"x86_64-linux-android{layout.MIN_SDK}", ("-mstackrealign",)),
}
"""ABI -> target; the ABIs of ``layout.ABIS``."""

COMPILE_FLAGS = (
    *("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden"),
    *("-ffreestanding", "-nostdlibinc", "-fno-stack-protector", "-fno-ident"),
)
LINK_FLAGS = (
    *("-nostdlib", f"-fuse-ld={LINKER}", "-shared", f"-Wl,-soname,{layout.LIBRARY}"),
    f"-Wl,-z,max-page-size={layout.PAGE_BYTES}",
    f"-Wl,-z,common-page-size={layout.PAGE_BYTES}",
    *("-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,-z,defs"),
    *("-Wl,--hash-style=gnu", "-Wl,--build-id=sha1", "-Wl,--as-needed", "-Wl,--strip-all"),
)


def jni_includes() -> tuple[Path, Path]:
    """Folders of ``jni.h`` and ``jni_md.h``: below ``$JAVA_HOME``, else beside the ``javac`` found.

    Raises:
        BuildFailed: there is no JDK.
    """
    home = os.environ.get("JAVA_HOME")
    root = Path(home) if home else Path(programs.find("javac")).resolve().parents[1]
    include = root / "include"
    if not (include / "jni.h").is_file():
        raise programs.BuildFailed(f"no include/jni.h below {root}: a JDK is needed, not a JRE")
    return include, include / "linux"


def build_native(sources: Path, into: Path) -> dict[str, Path]:
    """ABI -> finished library, for every ABI; see :func:`build_abi`."""
    return {abi: build_abi(abi, into, sources) for abi in TARGETS}


def build_abi(abi: str, into: Path, sources: Path = SOURCES) -> Path:
    """Compile and link ``sources/*.c`` for one key of TARGETS; path of ``into/<abi>/lib….so``.

    Raises:
        BuildFailed: a tool is missing or said no; nothing is written then.
    """
    if abi not in TARGETS:
        raise programs.BuildFailed(f"unknown ABI {abi!r}; known are {', '.join(TARGETS)}")
    files = sorted(sources.resolve().glob("*.c"))
    if not files:
        raise programs.BuildFailed(f"{sources} holds no C source")
    includes = jni_includes()
    with tempfile.TemporaryDirectory(prefix="chirpbench-native-") as folder:
        work = Path(folder)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(_make_stub, abi, library, work) for library in LIBRARIES]
            jobs += [pool.submit(_compile, abi, file, work, includes) for file in files]
            for job in jobs:
                job.result()
        _link(abi, [f"{file.stem}.o" for file in files], work)
        target = into / abi / layout.LIBRARY
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(work / layout.LIBRARY, target)
    return target


def _make_stub(abi: str, library: str, work: Path) -> None:
    """A library with the phone's name and the allowed functions, to link against and throw away."""
    source = work / f"{library}.c"
    source.write_text("".join(f"void {name}(void) {{}}\n" for name in LIBRARIES[library]), "utf-8")
    flags = ("-shared", "-nostdlib", "-ffreestanding", "-fno-builtin", f"-fuse-ld={LINKER}", "-w")
    target = f"--target={TARGETS[abi].triple}"
    command = (CLANG, target, *flags, f"-Wl,-soname,{library}", source.name, "-o", library)
    programs.run(command, folder=work)


def _compile(abi: str, source: Path, work: Path, includes: Sequence[Path]) -> None:
    """One object file in ``work``; names in it are relative to the source's folder."""
    target = TARGETS[abi]
    command = [CLANG, f"--target={target.triple}", *target.flags, *COMPILE_FLAGS]
    command += [f"-ffile-prefix-map={source.parent}=.", "-Icompat"]
    command += [part for folder in includes for part in ("-isystem", str(folder))]
    command += ["-c", source.name, "-o", str(work / f"{source.stem}.o")]
    programs.run(command, folder=source.parent)


def _link(abi: str, objects: Sequence[str], work: Path) -> None:
    """The shared library in ``work``, of objects and stubs there."""
    stubs = [f"-l{name.removeprefix('lib').removesuffix('.so')}" for name in LIBRARIES]
    command = [CLANG, f"--target={TARGETS[abi].triple}", *LINK_FLAGS, "-L.", *objects, *stubs]
    programs.run([*command, "-o", layout.LIBRARY], folder=work)
