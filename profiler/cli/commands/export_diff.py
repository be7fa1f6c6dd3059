"""``chirpbench export-diff OLD NEW``: what changed for apps that load the files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from profiler.cli.export_tables import show_diff
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.text import clean
from profiler.errors import InputError
from profiler.export import Manifest, compare_exports, damaged_files, read_manifest


def execute(args: Namespace) -> int:
    """Compare two exported folders by their manifests; exit code 0 also when they differ."""
    old, new = Path(args.old), Path(args.new)
    diff = compare_exports(_whole(old), _whole(new))
    if not args.json:
        show_diff(old, new, diff)
        return 0
    for model in diff.models:
        print_json({"kind": "model", **plain(model)})
    for setting in diff.settings:
        print_json({"kind": "setting", **plain(setting)})
    for file in diff.files:
        print_json({"kind": "file", **plain(file)})
    print_json(
        {"kind": "export_diff", "purpose": diff.purpose, "same_models": diff.same_models,
         "models": len(diff.models), "settings": len(diff.settings), "files": len(diff.files)}
    )  # fmt: skip
    return 0


def _whole(folder: Path) -> Manifest:
    """The manifest of a folder that holds what it says: manifests alone prove nothing."""
    manifest = read_manifest(folder)
    damaged = damaged_files(manifest)
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise InputError(
            f"{clean(damaged[0], 200)}{more}",
            file=str(folder),
            hint="export again; 'chirpbench verify-export' says more",
        )
    return manifest
