"""From the store and the arguments to advice: what recommend, verify and export have in common."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from db.knowledge import known_results
from profiler.cli.place import open_to_read
from profiler.model import Advice, ModelFacts, NetworkScenario, UseCase
from profiler.summary import KnowledgeBase
from profiler.summary.asking import Described, facts_of_described
from profiler.summary.collecting import without_collecting


@dataclass(frozen=True, slots=True)
class Scene:
    """For what is advised: read once, however many models there are."""

    use: UseCase
    network: NetworkScenario
    pipelines: Mapping[str, Any]


def load_base(args: Namespace) -> KnowledgeBase:
    """What the store the user named knows.

    Raises :class:`InputError` when there is no store, :class:`~profiler.errors.StoreError` when
    it cannot be read.
    """
    with open_to_read(args) as store, without_collecting():
        return KnowledgeBase(known_results(store))


def load_scene(args: Namespace) -> Scene:
    """The use case, network and pipelines the user named. Raises :class:`InputError`."""
    from profiler.budget import load_pipelines
    from profiler.networks import find_network, load_networks

    networks = load_networks(_path(args, "networks"))
    return Scene(
        UseCase(args.use),
        find_network(args.network, networks),
        load_pipelines(_path(args, "pipelines")),
    )


def asked_model(args: Namespace, base: KnowledgeBase) -> ModelFacts:
    """The model the user named, or described with ``--manufacturer``, ``--soc``, ``--os-build``
    and ``--api-level``.

    What is not described is taken from the stored model of this name, if there is one. Raises
    :class:`InputError` when neither says who makes it, or the name fits none or several.
    """
    if not any((args.manufacturer, args.soc, args.os_build, args.api_level)):
        return base.find(args.model)
    asked = Described(
        model=args.model,
        manufacturer=args.manufacturer or "",
        soc=args.soc or "",
        os_build=args.os_build or "",
        api_level=args.api_level,
    )
    return facts_of_described(asked, base.named(asked.manufacturer, asked.model))


def advise_model(
    args: Namespace,
    base: KnowledgeBase,
    facts: ModelFacts,
    now: datetime,
    scene: Scene | None = None,
) -> Advice:
    """The recommendation for one model.

    ``scene`` is that of ``args`` when it is not given; ``now`` decides what is stale.
    """
    from profiler.recommend import advise

    scene = scene or load_scene(args)
    knowledge = base.knowledge(facts, now)
    return advise(knowledge, scene.use, scene.network, pipelines=scene.pipelines)


def advise_models(
    args: Namespace, base: KnowledgeBase, models: Iterable[ModelFacts], now: datetime
) -> list[Advice]:
    """The recommendations for many models."""
    scene = load_scene(args)
    with without_collecting():
        return [advise_model(args, base, facts, now, scene) for facts in models]


def _path(args: Namespace, name: str) -> Path | None:
    text = getattr(args, name, None)
    return Path(text) if text else None
