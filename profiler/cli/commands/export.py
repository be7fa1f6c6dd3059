"""``chirpbench export``: advice for stored models as files that real stacks load."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from db.knowledge import verifications
from profiler.cli.advising import advise_model, load_base, load_scene
from profiler.cli.export_tables import show_export
from profiler.cli.jsonlines import print_json
from profiler.cli.place import open_to_read
from profiler.cli.text import clean, model_text, plural
from profiler.errors import InputError
from profiler.export import (
    FLAGS,
    MANIFEST,
    SUFFIX,
    Item,
    check_replaceable,
    export_all,
    forbidden,
    item_of,
    load_private_key,
    manifest_bytes,
    nothing_for,
    signature,
    wanted_targets,
    write_folder,
)
from profiler.model import Exported, ModelFacts, Verification
from profiler.recommend import advice_sha256
from profiler.summary import KnowledgeBase
from profiler.summary.collecting import without_collecting

MAX_NAMED = 5
"""Refused models in a message."""


def execute(args: Namespace) -> int:
    """Advise, translate, write, and say what no target could express."""
    with without_collecting():
        return _execute(args)


def _execute(args: Namespace) -> int:
    folder = Path(args.out)
    names, warnings = wanted_targets(args.format)
    key = load_private_key(Path(args.sign)) if args.sign else None
    check_replaceable(folder)
    base = load_base(args)
    wanted = _wanted(args, base)
    items = _items(args, base, wanted)
    kept = _allowed(args, items, warnings)
    exported_keys = {item.advice.facts.key for item in kept}
    others = [facts for facts in base.models() if facts.key not in exported_keys]
    exported = export_all(kept, names, others=others)
    files = {file.name: file.content for made in exported for file in made.files}
    files[MANIFEST] = manifest_bytes(kept, exported)
    if key is not None:
        files |= {f"{name}{SUFFIX}": signature(key, content) for name, content in files.items()}
    write_folder(folder, files)
    for warning in warnings:
        print(f"chirpbench export: {clean(warning)}", file=sys.stderr)
    if args.json:
        _print(folder, kept, exported, signed=key is not None)
    else:
        show_export(folder, kept, exported, signed=key is not None)
    return 0


def _wanted(args: Namespace, base: KnowledgeBase) -> list[ModelFacts]:
    """The models the user named, each once, else every stored one. Raises :class:`InputError`."""
    found = [base.find(text) for text in args.models] or list(base.models())
    if not found:
        raise InputError("no model has results", hint="measure one with 'chirpbench run'")
    return list({facts.key: facts for facts in found}.values())


def _items(args: Namespace, base: KnowledgeBase, wanted: Sequence[ModelFacts]) -> list[Item]:
    now = datetime.now(UTC)
    # An agent's turn depends on its pipeline, not on the phone: 'recommend' shows those budgets.
    scene = replace(load_scene(args), pipelines={})
    advice = (advise_model(args, base, facts, now, scene) for facts in wanted)
    advised = {advice_sha256(a): a for a in advice}
    proofs: defaultdict[str, list[Verification]] = defaultdict(list)
    with open_to_read(args) as store:
        for proof in verifications(store, advice_sha256=advised):
            proofs[proof.advice_sha256].append(proof)
    return [
        item_of(advice, sha256, proofs[sha256], expires_days=args.expires_days, now=now)
        for sha256, advice in advised.items()
    ]


def _allowed(args: Namespace, items: Sequence[Item], warnings: list[str]) -> list[Item]:
    """The items that may be exported.

    Raises :class:`InputError` when a model that was named is refused, or nothing is left.
    """
    flags = {"--allow-virtual": args.allow_virtual, "--allow-custom-rom": args.allow_custom_rom,
             "--allow-stale": args.allow_stale}  # fmt: skip
    refused = forbidden(items, [mark for mark, flag in FLAGS.items() if flags[flag]])
    if not refused:
        return list(items)
    text = _refusal(refused)
    out = {id(item) for item, _ in refused}
    kept = [item for item in items if id(item) not in out]
    if args.models or not kept:
        needed = sorted({FLAGS[mark] for _, marks in refused for mark in marks})
        raise InputError(text, hint=f"allow it with {' '.join(needed)}: they are marked then")
    warnings.append(text)
    return kept


def _refusal(refused: Sequence[tuple[Item, list[str]]]) -> str:
    named = [
        f"{model_text(item.advice.facts.key, 80)} ({', '.join(f'{m}: {FLAGS[m]}' for m in marks)})"
        for item, marks in refused[:MAX_NAMED]
    ]
    more = f" and {len(refused) - MAX_NAMED} more" if len(refused) > MAX_NAMED else ""
    return f"{plural(len(refused), 'model')} not exported: {'; '.join(named)}{more}"


def _print(
    folder: Path, items: Sequence[Item], exported: Sequence[Exported], *, signed: bool
) -> None:
    for made in exported:
        print_json(
            {
                "kind": "export",
                "target": made.target,
                "files": [{"name": f.name, "bytes": len(f.content)} for f in made.files],
                "nothing_for": nothing_for(made.target, [i.advice.facts for i in items]),
                "unsupported": made.unsupported,
                "notes": made.notes,
            }
        )
    print_json(
        {"kind": "exported", "folder": folder, "models": len(items), "manifest": MANIFEST,
         "signed": signed}
    )  # fmt: skip
