"""``chirpbench verify-export DIR``: every exported file loaded by the program it is for."""

from __future__ import annotations

import difflib
from argparse import Namespace
from pathlib import Path

from profiler.cli.consumer_table import show_checks
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.text import clean, plural
from profiler.consumers import ACCEPTED, CONSUMERS, NO_CONSUMER, REJECTED, UNAVAILABLE
from profiler.errors import InputError
from profiler.export import (
    MANIFEST,
    SUFFIX,
    Manifest,
    bad_signatures,
    damaged_files,
    load_public_key,
    read_manifest,
)
from profiler.model import ConsumerCheck

ALL = "all"
FILES = "files"
"""In the table: what is checked of all files before any is loaded."""


def execute(args: Namespace) -> int:
    """Check hashes and signatures, then load what is as it was exported."""
    folder = Path(args.folder)
    key = load_public_key(Path(args.public_key)) if args.public_key else None
    manifest = read_manifest(folder)
    names = wanted(args.format, manifest)
    damaged = damaged_files(manifest)
    checks = [_files(manifest, damaged)]
    if key is not None:
        checks.append(_signatures(manifest, bad_signatures(manifest, key)))
    for name in names:
        checks += _loaded(manifest, name, damaged)
    counts = {status: sum(c.status == status for c in checks)
              for status in (ACCEPTED, REJECTED, UNAVAILABLE, NO_CONSUMER)}  # fmt: skip
    failed = counts[REJECTED] + (counts[UNAVAILABLE] if args.require_all else 0)
    loaded = loaded_targets(checks)
    if args.json:
        for check in checks:
            print_json({"kind": "consumer_check", **plain(check)})
        print_json({"kind": "verified_export", "folder": folder, "loaded": loaded, **counts,
                    "signed": _is_signed(manifest), "ok": not failed})  # fmt: skip
    else:
        show_checks(clean(folder), checks, _summary(manifest, names, loaded, counts, key is None))
    return 1 if failed else 0


def wanted(formats: str, manifest: Manifest) -> list[str]:
    """The targets to load, in the order of the manifest.

    Raises :class:`InputError` for one that is not known, or that the export does not hold.
    """
    asked = [word for word in (w.strip() for w in formats.split(",")) if word]
    if not asked:
        raise InputError("no format is named", hint=f"the export holds {_held(manifest)}")
    for name in asked:
        if name != ALL and name not in manifest.targets:
            near = difflib.get_close_matches(name, manifest.targets, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise InputError(
                f"the export holds no {clean(name)!r}",
                file=str(manifest.folder),
                hint=f"{meant}it holds {_held(manifest)}",
            )
    return [name for name in manifest.targets if ALL in asked or name in asked]


def loaded_targets(checks: list[ConsumerCheck]) -> list[str]:
    """Targets that a program loaded and none refused."""
    refused = {check.target for check in checks if check.status == REJECTED}
    # An empty file is accepted, but nothing of it was compared.
    accepted = dict.fromkeys(c.target for c in checks if c.status == ACCEPTED and c.checked)
    return [name for name in accepted if name not in refused and name != FILES]


def _loaded(manifest: Manifest, name: str, damaged: list[str]) -> list[ConsumerCheck]:
    if name not in CONSUMERS:
        text = "chirpbench knows no such format: the export is of another version"
        return [ConsumerCheck(name, "–", REJECTED, 0, text)]
    # The manifest's own files only: what is not as it was exported is not given to any program.
    spoilt = [file for file in manifest.targets[name]
              if any(line.startswith(f"{file}: ") for line in damaged)]  # fmt: skip
    if spoilt:
        text = f"not loaded: {spoilt[0]} is not the file that was exported"
        return [ConsumerCheck(name, "–", REJECTED, 0, text)]
    return CONSUMERS[name](manifest.folder)


def _files(manifest: Manifest, damaged: list[str]) -> ConsumerCheck:
    count = len(manifest.files)
    if damaged:
        more = f"; and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        return ConsumerCheck(FILES, f"{MANIFEST}, SHA-256", REJECTED, count, f"{damaged[0]}{more}")
    text = f"{plural(count, 'file')} as exported by chirpbench {clean(manifest.tool_version)}"
    return ConsumerCheck(FILES, f"{MANIFEST}, SHA-256", ACCEPTED, count, text)


def _signatures(manifest: Manifest, bad: list[str]) -> ConsumerCheck:
    count = len(manifest.files) + 1
    if bad:
        more = f"; and {len(bad) - 1} more" if len(bad) > 1 else ""
        return ConsumerCheck(FILES, "Ed25519", REJECTED, count, f"{bad[0]}{more}")
    return ConsumerCheck(FILES, "Ed25519", ACCEPTED, count, "every signature fits the key")


def _summary(
    manifest: Manifest,
    names: list[str],
    loaded: list[str],
    counts: dict[str, int],
    is_unsigned: bool,
) -> list[str]:
    lines = [f"{len(loaded)} of {plural(len(names), 'format')} loaded by a program they are for"]
    if counts[UNAVAILABLE]:
        lines.append(f"{plural(counts[UNAVAILABLE], 'consumer')} not on this machine")
    if is_unsigned and _is_signed(manifest):
        lines.append("the signatures were not checked: name the key with --public-key")
    return lines


def _is_signed(manifest: Manifest) -> bool:
    return (manifest.folder / f"{MANIFEST}{SUFFIX}").exists()


def _held(manifest: Manifest) -> str:
    return ", ".join(clean(name) for name in manifest.targets) or "nothing"
