"""Bulk advice and export, and how few rules give every model its settings."""

from __future__ import annotations

import gc
import itertools
import json
import random
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import export_items
import model_stores

from profiler.cli.advising import advise_model, load_base, load_scene
from profiler.export import (
    MANIFEST,
    export_all,
    item_of,
    manifest_bytes,
    wanted_targets,
    write_folder,
)
from profiler.export.minimise import minimal_rules
from profiler.export.signal_rules import (
    Environment,
    SignalSettings,
    in_force,
    override,
    parse_rules,
)
from profiler.recommend import advice_sha256

MODELS = 1000
SEEDS = (200, 201, 202, 203, 204)
"""The ways rules are made were chosen on seeds 0 to 3."""
FLEETS = {
    "10 % of phones differ": (0.1, 0.02),
    "20 % of phones differ": (0.2, 0.03),
    "30 % of phones differ": (0.3, 0.05),
}
"""How often a phone differs from its series, and a regional variant from its phone (2 to 5 %)."""
LIMIT_S = 5.0
RULES_LIMIT_S = 2.0
RULES_SHARE = 0.30
ENVIRONMENTS = [
    {"api_level": api, "has_platform_aec": aec, "has_platform_ns": ns, "has_low_latency": low,
     "product": product}
    for api, aec, ns, low, product in itertools.product(
        (28, 34), (False, True), (False, True), (False, True), ("", "lineage")
    )
]  # fmt: skip
DEFAULT = SignalSettings()
Row = tuple[str, str, str, bool]


def rows() -> Iterator[Row]:
    """Bulk speed, then minimisation."""
    yield from bulk()
    for name, (phone, region) in FLEETS.items():
        fleets = [
            export_items.signal_fleet(MODELS, seed, phone=phone, region=region) for seed in SEEDS
        ]
        yield minimised(f"rules, {name}", fleets, RULES_SHARE)
    yield minimised("rules, settings by dice", [by_dice(seed) for seed in SEEDS], None)


def bulk() -> Iterator[Row]:
    """CPU seconds of one thread, as the command spends them."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "models.db"
        model_stores.make_store(store, MODELS, SEEDS[0])
        args = Namespace(db=str(store), use="voice-agent", network="good", networks=None)
        now = datetime.now(UTC)
        gc.disable()  # as the command does
        began = time.process_time()
        base = load_base(args)
        read = time.process_time()
        scene = replace(load_scene(args), pipelines={})  # as the command does
        advice = [advise_model(args, base, facts, now, scene) for facts in base.models()]
        items = [item_of(a, advice_sha256(a), (), expires_days=180, now=now) for a in advice]
        advised = time.process_time()
        made = export_all(items, wanted_targets("all")[0])
        files = {f.name: f.content for m in made for f in m.files}
        write_folder(Path(folder) / "out", {**files, MANIFEST: manifest_bytes(items, made)})
        ended = time.process_time()
        gc.enable()
    size_mb = sum(map(len, files.values())) / 1e6
    yield (
        f"recommend + export {len(items)} models, {len(made)} targets, {size_mb:.0f} MB",
        f"{advised - read:.1f} + {ended - advised:.1f} s",
        f"<= {LIMIT_S:g} s",
        ended - read <= LIMIT_S,
    )
    yield "    reading their store before", f"{read - began:.1f} s", "–", True


def by_dice(seed: int) -> dict[str, SignalSettings]:
    """No series has anything in common: what cannot be made smaller."""
    dice = random.Random(seed)
    models = export_items.series_models(MODELS, seed)
    return {model: dice.choice(export_items.SIGNAL_STATES) for _, model, _ in models}


def minimised(what: str, fleets: list[dict[str, SignalSettings]], most: float | None) -> Row:
    """Worst share of names against one rule a model, worst time, and models gone wrong."""
    shares, times, counts, wrong = [], [], [], 0
    for wanted in fleets:
        began = time.process_time()
        rules = minimal_rules(wanted, custom=False)
        times.append(time.process_time() - began)
        naive = sum(value != DEFAULT for value in wanted.values())
        shares.append(sum(len(r.include) + len(r.exclude) for r in rules) / naive)
        counts.append(len(rules))
        wrong += mistaken(json.dumps([r.as_json() for r in rules]), wanted)
    ok = wrong == 0 and max(times) <= RULES_LIMIT_S and max(shares) <= (most or 1.0)
    limit = f"{100 * (most or 1.0):.0f} % / 0 / {RULES_LIMIT_S:g} s"
    reached = f"{100 * max(shares):.0f} % / {wrong} / {max(times):.2f} s"
    return f"{what}: {max(counts)} rules; names, wrong models, time", reached, f"<= {limit}", ok


def mistaken(config: str, wanted: Mapping[str, SignalSettings]) -> int:
    """Models that get anything but their settings in any environment."""
    rules = parse_rules(config) or ()
    wrong = 0
    for model, value in wanted.items():
        for more in ENVIRONMENTS:
            here = Environment(model, **more)  # type: ignore[arg-type]
            right = override(DEFAULT if here.is_custom_rom else value, here)
            if in_force(rules, here) != right:
                wrong += 1
                break
    return wrong
