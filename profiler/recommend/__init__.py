"""From what is known of a model to what an app should set: an ordered table of rules.

:data:`RULES` is the table; docs/recommend.md prints it. Pure: equal input gives equal output.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from profiler.budget import (
    DEFAULT_MOUTH_TO_EAR,
    Known,
    Pipeline,
    ends,
    load_pipelines,
    mouth_to_ear,
    turn,
)
from profiler.model import Advice, Budget, Caution, Knowledge, NetworkScenario, Setting, UseCase
from profiler.recommend import (
    agent,
    browser,
    buffer,
    codec,
    duplex,
    echo,
    inputs,
    playout,
    routes,
    session,
    streams,
)
from profiler.recommend.case import Case
from profiler.recommend.rule import Rule, apply
from profiler.recommend.stack import defaults
from profiler.recommend.supported import support

__all__ = ["RULES", "Rule", "advice_sha256", "advise", "defaults"]

RULES: tuple[Rule, ...] = (
    *streams.RULES,
    *inputs.RULES,
    *buffer.RULES,
    *browser.RULES,
    *echo.RULES,
    *codec.RULES,
    *duplex.RULES,
    *playout.RULES,
    *session.RULES,
    *agent.RULES,
    *routes.RULES,
)
"""Every rule, in the order in which they decide."""


def advise(
    knowledge: Knowledge,
    use: UseCase,
    network: NetworkScenario,
    *,
    pipelines: Mapping[str, Pipeline] | None = None,
) -> Advice:
    """The recommendation for one model, one use and one network.

    ``pipelines`` are those whose budgets are wanted, by name; ``None`` = the built-in ones.
    """
    known = Known(knowledge)
    case = Case(known, use, network, defaults(known, use))
    apply(RULES, case)
    settings = tuple(case.settings.values())
    wanted = load_pipelines() if pipelines is None else pipelines
    return Advice(
        facts=knowledge.facts,
        use=use,
        network=network.name,
        settings=settings,
        budgets=_budgets(case, tuple(wanted.values())),
        cautions=_cautions(knowledge, case),
        level=knowledge.level,
        confidence=support(settings).confidence,
        devices=knowledge.devices,
        runs=knowledge.runs,
        oldest_at=knowledge.oldest_at,
        newest_at=knowledge.newest_at,
        os_builds=knowledge.os_builds,
        tool_versions=knowledge.tool_versions,
        probe_versions=knowledge.probe_versions,
    )


def _budgets(case: Case, pipelines: Sequence[Pipeline]) -> tuple[Budget, ...]:
    """Mouth to ear, the same with the stack's defaults, then each pipeline that fits the use."""
    between = ends(case.known, case.values(), case.network)
    usual = ends(case.known, case.defaults, case.network)
    found = [mouth_to_ear(between), mouth_to_ear(usual, kind=DEFAULT_MOUTH_TO_EAR)]
    for pipeline in pipelines:
        if pipeline.kind == "transport":
            found.append(mouth_to_ear(between, pipeline=pipeline))
        elif case.use is UseCase.VOICE_AGENT:
            found.append(turn(between, pipeline))
    return tuple(found)


def _cautions(knowledge: Knowledge, case: Case) -> tuple[Caution, ...]:
    """What makes the knowledge doubtful, then what the rules found."""
    return tuple(dict.fromkeys((*knowledge.cautions, *case.cautions)))


def advice_sha256(advice: Advice) -> str:
    """Identity of what is recommended: settings, use, network and model key, nothing else.

    Reasons, evidence and dates may change without a new verification.
    """
    key = advice.facts.key
    said = {
        "model": [key.manufacturer, key.model, key.soc, key.os_build],
        "use": advice.use.value,
        "network": advice.network,
        "settings": {s.key: _identity(s) for s in advice.settings},
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _identity(setting: Setting) -> list[object]:
    """A value with its type: 1, 1.0 and true are three things."""
    return [type(setting.value).__name__, setting.value]
