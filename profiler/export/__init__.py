"""Advice as files that real stacks load, one module a target."""

from profiler.export.diff import (
    Change,
    ExportDiff,
    FileChange,
    ModelChange,
    SettingChange,
    compare_exports,
)
from profiler.export.exporting import (
    export_all,
    missing_package,
    nothing_for,
    wanted_targets,
)
from profiler.export.items import FLAGS, forbidden, item_of
from profiler.export.manifest import (
    MANIFEST,
    SUFFIX,
    FileEntry,
    Manifest,
    damaged_files,
    manifest_bytes,
    read_manifest,
)
from profiler.export.registry import TARGETS
from profiler.export.sign import (
    bad_signatures,
    load_private_key,
    load_public_key,
    signature,
)
from profiler.export.target import Item, Target
from profiler.export.writing import check_replaceable, write_folder

__all__ = [
    "FLAGS",
    "MANIFEST",
    "SUFFIX",
    "TARGETS",
    "Change",
    "ExportDiff",
    "FileChange",
    "FileEntry",
    "Item",
    "Manifest",
    "ModelChange",
    "SettingChange",
    "Target",
    "bad_signatures",
    "check_replaceable",
    "compare_exports",
    "damaged_files",
    "export_all",
    "forbidden",
    "item_of",
    "load_private_key",
    "load_public_key",
    "manifest_bytes",
    "missing_package",
    "nothing_for",
    "read_manifest",
    "signature",
    "wanted_targets",
    "write_folder",
]
