"""Under which bundle ids the probe and WebDriverAgent are on the phones.

A free team cannot sign what somebody else has registered, so most benches have ids of their own
(docs/ios.md). They come from bench.toml or the environment and go to WebDriverAgent and into texts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from device_probes.fields import shown
from device_probes.ios.errors import PROBE_BUNDLE, WDA_BUNDLE
from profiler.errors import InputError

PROBE_VARIABLE = "CHIRPBENCH_IOS_PROBE_BUNDLE"
WDA_VARIABLE = "CHIRPBENCH_IOS_WDA_BUNDLE"
MAX_CHARS = 155
PATTERN = r"^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+$"
"""Letters, digits, hyphens and dots between them (Apple: CFBundleIdentifier)."""
ALLOWED = (
    "letters A to Z, digits and hyphens, at least one dot (none doubled, none at an end), a letter "
    "or digit first, at most 155 characters, e.g. com.example.probe"
)
_BUNDLE = re.compile(PATTERN[:-1] + r"\Z")
_RUNNER = ".xctrunner"


def is_bundle(text: str) -> bool:
    """Whether a text is a bundle id."""
    return len(text) <= MAX_CHARS and _BUNDLE.match(text) is not None


@dataclass(frozen=True, slots=True)
class Bundles:
    """The apps on the phones of one bench."""

    probe: str = PROBE_BUNDLE
    wda: str = WDA_BUNDLE
    """With Xcode's ``.xctrunner`` at the end, as the app is called on the phone."""


def chosen(
    probe: str | None = None, wda: str | None = None, env: Mapping[str, str] | None = None
) -> Bundles:
    """What the plan says, else the environment, else our own ids.

    Raises :class:`~profiler.errors.InputError` for what is no bundle id.
    """
    env = os.environ if env is None else env
    return Bundles(
        _checked(probe, "probe_bundle", env, PROBE_VARIABLE) or PROBE_BUNDLE,
        _runner(_checked(wda, "wda_bundle", env, WDA_VARIABLE)) or WDA_BUNDLE,
    )


def _checked(given: str | None, name: str, env: Mapping[str, str], variable: str) -> str:
    found, where = (given, name) if given else (env.get(variable, ""), variable)
    if found and not is_bundle(found):
        raise InputError(f"{where} is no bundle id: {shown(found, 60)!r}",
                         hint=f"allowed: {ALLOWED}")  # fmt: skip
    return found


def _runner(bundle: str) -> str:
    """Xcode adds the end to the id that is set in the project."""
    return bundle if not bundle or bundle.endswith(_RUNNER) else bundle + _RUNNER
