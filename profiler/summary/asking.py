"""A model as a person describes it, stored or not: what its parts leave open is taken from the
stored model of that name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.errors import InputError
from profiler.model import ModelFacts, ModelKey, Platform
from profiler.summary.words import one_line

_BROWSER = re.compile(
    r"\((chrom(e|ium)|safari|firefox|edge|opera|samsung internet|webview|brave)[^()]*\)\s*\Z",
    re.IGNORECASE,
)
"""How the name of a model ends that was measured in a browser."""


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a model before anything of it is measured; empty = not said."""

    model: str
    """As Build.MODEL spells it."""
    manufacturer: str = ""
    soc: str = ""
    os_build: str = ""
    api_level: int | None = None


def named(known: Sequence[ModelFacts], asked: Described) -> tuple[ModelFacts, ...]:
    """Those of ``known``, newest last, with the model code that is asked for, ignoring case, newest
    first; a manufacturer that is not said may be any."""
    maker, model = asked.manufacturer.casefold(), asked.model.casefold()
    return tuple(
        facts
        for facts in reversed(known)
        if facts.key.model.casefold() == model
        and (not maker or facts.key.manufacturer.casefold() == maker)
    )


def facts_of_described(asked: Described, those: Sequence[ModelFacts]) -> ModelFacts:
    """The model that is meant.

    ``those``: stored models with this code (:func:`named`), newest first. Raises
    :class:`InputError` when they differ in more than their OS build, when nobody says who makes
    it, and for a browser, which no relative speaks for.
    """
    soc = asked.soc.casefold()
    fitting = [f for f in those if not soc or f.key.soc.casefold() == soc]
    if len({(f.key.manufacturer, f.key.model, f.key.soc) for f in fitting}) > 1:
        names = "; ".join(sorted({one_line(" / ".join(f.key.known_parts)) for f in fitting}))
        raise InputError(
            f"several stored models are named {one_line(asked.model)!r}: {names}",
            hint="say which by its manufacturer and SoC (--manufacturer, --soc)",
        )
    return _another_build(fitting, asked) if fitting else _unknown(asked, those)


def _another_build(fitting: Sequence[ModelFacts], asked: Described) -> ModelFacts:
    """The stored model as described: its own build, or another one of it."""
    for facts in fitting:
        same_build = asked.os_build in ("", facts.key.os_build)
        if same_build and asked.api_level in (None, facts.api_level):
            return facts
    newest = fitting[0]
    return replace(
        newest,
        key=replace(newest.key, os_build=asked.os_build),
        api_level=asked.api_level or newest.api_level,
        os_version=newest.os_version if asked.api_level in (None, newest.api_level) else "",
    )


def _unknown(asked: Described, those: Sequence[ModelFacts]) -> ModelFacts:
    """A model that no result is of."""
    if _BROWSER.search(asked.model):
        raise InputError(
            f"{one_line(asked.model)}: a browser is known by its own results only",
            hint="measure it with 'chirpbench run --probe web'",
        )
    maker = asked.manufacturer or (those[0].key.manufacturer if those else "")
    if not maker:
        raise InputError(
            f"{one_line(asked.model)}: its manufacturer is not known",
            hint="give the manufacturer (--manufacturer), as Build.MANUFACTURER spells it",
        )
    apple = maker.casefold() == "apple"
    return ModelFacts(
        key=ModelKey(maker, asked.model, asked.soc, asked.os_build),
        marketing_name=asked.model,
        platform=Platform.IOS if apple else Platform.ANDROID,
        os_name="iOS" if apple else "Android",
        os_version="",
        api_level=asked.api_level,
        board="",
        native_rate_hz=None,
        frames_per_burst=None,
        low_latency=None,
        pro_audio=None,
        is_virtual=False,
        is_emulator=False,
        is_custom_rom=False,
    )
