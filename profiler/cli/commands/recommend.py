"""``chirpbench recommend MODEL``: settings with reasons, and what they cost in time."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from profiler.cli.advising import Scene, advise_model, asked_model, load_base, load_scene
from profiler.cli.jsonlines import plain, print_json
from profiler.cli.recommend_tables import show_advice
from profiler.model import Advice
from profiler.recommend import advice_sha256
from profiler.recommend.saying import conclusion, weakest_words
from profiler.recommend.supported import Support, support, would_tell

_LISTS = ("settings", "budgets", "cautions")


def execute(args: Namespace) -> int:
    """Advise on one model."""
    scene = _chosen(args, load_scene(args))
    if args.picture:
        from profiler.cli.budget_picture import checked

        checked(Path(args.picture))
    base = load_base(args)
    advice = advise_model(args, base, asked_model(args, base), datetime.now(UTC), scene)
    if args.json:
        _print_lines(advice)
    else:
        show_advice(advice, scene.pipelines)
    if args.picture:
        from profiler.cli.budget_picture import draw

        draw(advice, scene.pipelines, Path(args.picture))
    return 0


def _chosen(args: Namespace, scene: Scene) -> Scene:
    """Only the pipeline the user named. Raises :class:`InputError` for an unknown one."""
    if args.pipeline is None:
        return scene
    from profiler.budget import find_pipeline

    found = find_pipeline(args.pipeline, scene.pipelines)
    return replace(scene, pipelines={found.name: found})


def _print_lines(advice: Advice) -> None:
    """An ``advice`` line, then a line for each setting, caution and budget."""
    head = {f.name: getattr(advice, f.name) for f in fields(advice) if f.name not in _LISTS}
    print_json(
        {
            "kind": "advice",
            **head,
            "advice_sha256": advice_sha256(advice),
            "conclusion": conclusion(advice),
            "support": _support(support(advice.settings)),
            "weakest_words": weakest_words(advice),
        }
    )
    for setting in advice.settings:
        said = plain(setting)
        del said["would_tell"]  # of a measured setting too: programs ask what nothing decided
        more = {"changed": setting.changed, "would_tell": would_tell(setting)}
        print_json({"kind": "setting", "key": setting.key, **said, **more})
    for caution in advice.cautions:
        print_json({"kind": "caution", **plain(caution)})
    for budget in advice.budgets:
        # A budget has a kind of its own, which says what it is from and to.
        print_json({**plain(budget), "kind": "budget", "budget": budget.kind})


def _support(found: Support) -> dict[str, object]:
    """How many settings that hold everywhere rest on what."""
    return {
        "own": len(found.own),
        "other_build": len(found.other_build),
        "relatives": len(found.relatives),
        "unmeasured": len(found.unmeasured),
        "free": len(found.free),
        "weakest": [s.name for s in found.weakest],
        "would_tell": found.would_tell,
    }
