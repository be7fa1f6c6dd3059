"""``chirpbench export-diff OLD NEW``: what changed for apps that load the files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from profiler.cli.export_tables import show_diff
from profiler.cli.jsonlines import plain, print_json
from profiler.export import compare_exports, read_manifest


def execute(args: Namespace) -> int:
    """Compare two exported folders by their manifests; exit code 0 also when they differ."""
    old, new = Path(args.old), Path(args.new)
    diff = compare_exports(read_manifest(old), read_manifest(new))
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
