"""Gate: the libraries load on pages of 4 and 16 KiB, import what is allowed, export only JNI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tools.apk import layout
from tools.apk.gates import elf

NEEDED = frozenset({"libc.so", "libdl.so", "liblog.so"})
IMPORTS = frozenset(
    {
        *("__android_log_print", "clock_gettime", "dlopen", "dlsym", "free", "malloc"),
        *("memcpy", "memmove", "memset", "usleep"),
    }
)
"""All in Android's libraries since API 21. Another one is a reason to look, then to add it here."""
ARM_IMPORTS = frozenset(
    f"__aeabi_mem{name}{size}" for name in ("clr", "cpy", "move", "set") for size in ("", "4", "8")
)
"""What the compiler calls for the above on 32-bit ARM."""
EXPORT_PREFIX = "Java_" + layout.PACKAGE.replace("_", "_1").replace(".", "_") + "_"


def complaints(entries: Mapping[str, bytes]) -> list[str]:
    """What is wrong with the libraries among the APK's ``entries``."""
    found = []
    for abi in layout.ABIS:
        name = f"lib/{abi.name}/{layout.LIBRARY}"
        if name not in entries:
            found.append(f"{name}: missing")
            continue
        try:
            library = elf.parse(entries[name])
        except ValueError as error:
            found.append(f"{name}: {error}")
            continue
        found += [f"{name}: {wrong}" for wrong in (*_names(library, abi), *_memory(library))]
    return found


def _names(library: elf.Library, abi: layout.Abi) -> Iterator[str]:
    """Processor, libraries and symbols."""
    if (library.bits, library.machine) != (abi.elf_class, abi.machine):
        yield f"is for machine {library.machine} ({library.bits} bits), not {abi.machine}"
    is_arm = abi.machine == 40
    if is_arm and library.flags & elf.ARM_HARD_FLOAT:
        yield "is for the hard-float calling convention, which Android does not have"
    if library.soname != layout.LIBRARY:
        yield f"calls itself {library.soname!r}"
    if more := sorted(set(library.needed) - NEEDED):
        yield f"needs the libraries {', '.join(more)}"
    allowed = IMPORTS | ARM_IMPORTS if is_arm else IMPORTS
    if more := sorted(library.imported - allowed):
        yield f"imports {', '.join(more)}, not on the allow-list"
    if more := sorted(name for name in library.exported if not name.startswith(EXPORT_PREFIX)):
        yield f"exports {', '.join(more)}, which no Java method calls"
    if not library.exported:
        yield "exports nothing"


def _memory(library: elf.Library) -> Iterator[str]:
    """Alignment and protection of what is loaded."""
    page = layout.PAGE_BYTES
    loads = library.of_kind(elf.PT_LOAD)
    if not loads:
        yield "has no segment to load"
    for segment in loads:
        if segment.alignment < page or segment.alignment % page:
            yield f"LOAD segment aligned to {segment.alignment} bytes, not to 16 KiB"
        if (segment.offset - segment.address) % page:
            yield f"LOAD segment at {segment.offset:#x} cannot be mapped in pages of 16 KiB"
        if segment.flags & elf.PF_W and segment.flags & elf.PF_X:
            yield "LOAD segment both writable and executable"
    relro = library.of_kind(elf.PT_GNU_RELRO)
    if not relro:
        yield "has no RELRO segment"
    for segment in relro:
        if (segment.address + segment.memory_bytes) % page:
            yield "RELRO does not end on 16 KiB: the loader would protect its neighbour too"
    if any(stack.flags & elf.PF_X for stack in library.of_kind(elf.PT_GNU_STACK)):
        yield "asks for an executable stack"
    tags = dict(library.dynamic)
    flags, flags_1 = tags.get(elf.DT_FLAGS, 0), tags.get(elf.DT_FLAGS_1, 0)
    if elf.DT_TEXTREL in tags or flags & elf.DF_TEXTREL:
        yield "has text relocations, which Android refuses"
    if not (elf.DT_BIND_NOW in tags or flags & elf.DF_BIND_NOW or flags_1 & elf.DF_1_NOW):
        yield "is not bound at load time (-z now)"
