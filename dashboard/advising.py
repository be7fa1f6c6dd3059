"""From the open store to advice: read around one model, never all of the store.

What comes out is what ``chirpbench recommend`` says, because :mod:`profiler.summary.around` reads
every result that could take part (a test holds both equal).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from db.filters import Filter
from db.knowledge import known_results
from db.measured_models import known_models
from db.store import Store
from db.verifications import verifications
from profiler.budget import Pipeline, load_pipelines
from profiler.model import (
    Advice,
    Knowledge,
    KnownResult,
    ModelFacts,
    ModelKey,
    NetworkScenario,
    UseCase,
    Verification,
)
from profiler.networks import find_network, load_networks
from profiler.recommend import advice_sha256, advise
from profiler.summary.around import base_around
from profiler.summary.collecting import without_collecting

CLOCK = timedelta(hours=1)
"""Ages in cautions count days: an answer from memory may be so old."""


def settled_now(now: datetime | None = None) -> datetime:
    """The present hour: equal questions within it are answered from memory."""
    at = now or datetime.now(UTC)
    return at - (at - datetime.min.replace(tzinfo=UTC)) % CLOCK


def knowledge(store: Store, facts: ModelFacts, now: datetime) -> Knowledge:
    """All that is known of a model, from its own results and as few of its relatives' as will do.

    Raises :class:`~profiler.errors.StoreError`.
    """

    def read(keys: frozenset[ModelKey], without: tuple[str, ...]) -> list[KnownResult]:
        names = {(key.manufacturer, key.model) for key in keys}
        own = facts.key.model if names == {(facts.key.manufacturer, facts.key.model)} else None
        where = Filter(
            model=own,
            makers=tuple(sorted({key.manufacturer for key in keys})),
            socs=() if own else tuple(sorted({key.soc for key in keys})),
            without_tests=without,
        )
        return known_results(store, where)

    with without_collecting():
        return base_around(facts, known_models(store), read).knowledge(facts, now)


def advice(
    store: Store, facts: ModelFacts, use: UseCase, network: str, now: datetime
) -> tuple[Advice, str]:
    """The recommendation with its hash. Raises :class:`~profiler.errors.InputError` for a network
    that is not known, and :class:`~profiler.errors.StoreError`."""
    scenario = scene(network)
    made = advise(knowledge(store, facts, now), use, scenario, pipelines=pipelines())
    return made, advice_sha256(made)


def bare_advice(
    store: Store, facts: ModelFacts, use: UseCase, network: str, now: datetime
) -> Advice:
    """Without the agents' budgets, as ``chirpbench export`` takes it."""
    return advise(knowledge(store, facts, now), use, scene(network), pipelines={})


def proofs(store: Store, key: ModelKey, sha256: str) -> list[Verification]:
    """The verifications of exactly this advice, oldest first."""
    return verifications(store, Filter(model_key=key), advice_sha256=(sha256,))


def scene(name: str) -> NetworkScenario:
    """A built-in network. Raises :class:`~profiler.errors.InputError`."""
    return find_network(name, load_networks())


def pipelines() -> dict[str, Pipeline]:
    """The built-in pipelines by name."""
    return load_pipelines()
