"""From the store and the arguments to advice: what recommend, verify and export have in common."""

from __future__ import annotations

import gc
import re
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from db.knowledge import known_results
from profiler.cli.place import open_to_read
from profiler.cli.text import clean
from profiler.errors import InputError
from profiler.model import Advice, ModelFacts, ModelKey, NetworkScenario, Platform, UseCase
from profiler.summary import KnowledgeBase

_BROWSER = re.compile(
    r"\((chrom(e|ium)|safari|firefox|edge|opera|samsung internet|webview|brave)[^()]*\)\s*\Z",
    re.IGNORECASE,
)
"""How the name of a model ends that was measured in a browser."""


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
    with open_to_read(args) as store, _without_collecting():
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
    stored = base.named(args.manufacturer or "", args.model)
    fitting = [f for f in stored if args.soc is None or f.key.soc.casefold() == args.soc.casefold()]
    if len({(f.key.manufacturer, f.key.model, f.key.soc) for f in fitting}) > 1:
        names = "; ".join(sorted({clean(f.key, 120) for f in fitting}))
        raise InputError(
            f"several stored models are named {clean(args.model, 60)!r}: {names}",
            hint="say which with --manufacturer and --soc",
        )
    if fitting:
        return _another_build(fitting, args)
    return _unknown(args, stored)


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
    with _without_collecting():
        return [advise_model(args, base, facts, now, scene) for facts in models]


@contextmanager
def _without_collecting() -> Iterator[None]:
    """No cyclic collections inside: hundreds of thousands of objects are made that all stay, and
    each collection walks all of them for nothing (a third of the time for 1,000 models)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _path(args: Namespace, name: str) -> Path | None:
    text = getattr(args, name, None)
    return Path(text) if text else None


def _another_build(fitting: list[ModelFacts], args: Namespace) -> ModelFacts:
    """The stored model as described: its own build, or another one of it."""
    for facts in fitting:
        same_build = args.os_build in (None, facts.key.os_build)
        if same_build and args.api_level in (None, facts.api_level):
            return facts
    newest = fitting[0]
    return replace(
        newest,
        key=replace(newest.key, os_build=args.os_build or ""),
        api_level=args.api_level or newest.api_level,
        os_version=newest.os_version if args.api_level in (None, newest.api_level) else "",
    )


def _unknown(args: Namespace, stored: tuple[ModelFacts, ...]) -> ModelFacts:
    """A model that no result is of."""
    if _BROWSER.search(args.model):
        raise InputError(
            f"{clean(args.model, 60)}: a browser is known by its own results only",
            hint="measure it with 'chirpbench run --probe web'",
        )
    maker = args.manufacturer or (stored[0].key.manufacturer if stored else "")
    if not maker:
        raise InputError(
            f"{clean(args.model, 60)}: its manufacturer is not known",
            hint="give --manufacturer, as Build.MANUFACTURER spells it",
        )
    apple = maker.casefold() == "apple"
    return ModelFacts(
        key=ModelKey(maker, args.model, args.soc or "", args.os_build or ""),
        marketing_name=args.model,
        platform=Platform.IOS if apple else Platform.ANDROID,
        os_name="iOS" if apple else "Android",
        os_version="",
        api_level=args.api_level,
        board="",
        native_rate_hz=None,
        frames_per_burst=None,
        low_latency=None,
        pro_audio=None,
        is_virtual=False,
        is_emulator=False,
        is_custom_rom=False,
    )
