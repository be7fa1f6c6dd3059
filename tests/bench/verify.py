"""The virtual fleet's recommendations beside the stack's defaults, in the real stack.

Every model x use x network is judged on its own. The stack knows nothing of the phone: sessions
with equal settings, network and seed are run once and shared, and each phone's own part is added
to them. So the same sessions stand in many comparisons; what is counted are comparisons.

``CHIRPBENCH_FLEET_STORE`` names a store of the fleet's standard suite; without it one is made.
``CHIRPBENCH_FLEET_SESSIONS`` names a file that keeps the sessions' numbers from one run to the
next: after a change of the rules only what is new is run. Delete it after a change in verify.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import speed

from db.knowledge import known_results
from db.store import Store
from profiler import __version__
from profiler.budget import load_pipelines
from profiler.model import Advice, Outcome, UseCase, Verification
from profiler.networks import load_networks
from profiler.recommend import advice_sha256, advise
from profiler.summary import KnowledgeBase
from profiler.verify import DeviceDelay, StackBench, Stamp, device_delay, verify, wanted_keys
from profiler.verify.bench import Measured

NETWORKS = ("good", "4g", "lossy", "bursty", "international")
SESSIONS, SECONDS = 6, 12.0
SEED = 15_000
"""Seeds of the networks and of the speech; the predictor was tuned on 11 to 42, and its own dice
begin at 500."""
CHEAP = ("K12", "Tab S5", "TA-7", "B1", "B0 Lite")
"""The fleet's phones of the lower price classes (fleet.toml)."""


class Rows(Protocol):
    def row(self, what: str, reached: str, target: str, ok: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison to make."""

    advice: Advice
    device: DeviceDelay
    network: str


def measure(table: Rows) -> None:
    """Rows against the issue's targets; takes 10 to 25 minutes on two cores."""
    with fleet_store() as url:
        cases = fleet_cases(url)
    found = verify_all(cases)
    for line in _details(found):
        print(line, file=sys.stderr)
    verdicts(table, found)
    latency(table, found)
    prediction(table, found)


@contextmanager
def fleet_store() -> Iterator[str]:
    """A store with the fleet's standard suite: what paths and APIs cost is measured there."""
    given = os.environ.get("CHIRPBENCH_FLEET_STORE")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "fleet.db")
        subprocess.run(
            [*speed.CHIRPBENCH, "run", "--virtual", "--suite", "standard", "--speed", "8",
             "--db", url],
            check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr,
            env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip
        yield url


def fleet_cases(url: str, networks: Sequence[str] = NETWORKS) -> list[Case]:
    """Every model, use and network of the store."""
    with Store.open(url, create=False) as store:
        base = KnowledgeBase(known_results(store))
    now, known, pipelines = datetime.now(UTC), load_networks(), load_pipelines(None)
    cases = []
    for facts in base.models():
        knowledge = base.knowledge(facts, now)
        for use in UseCase:
            for name in networks:
                advice = advise(knowledge, use, known[name], pipelines=pipelines)
                cases.append(Case(advice, device_delay(advice, knowledge), name))
    return cases


def verify_all(cases: Sequence[Case], bench: StackBench | None = None) -> list[Verification]:
    """Run what differs, then judge each comparison on its own."""
    bench, known = bench or StackBench(attempts=8), load_networks()
    seeds = range(SEED, SEED + SESSIONS)
    keys = [key for c in cases for key in wanted_keys(c.advice, known[c.network], seeds, SECONDS)]
    print(f"    {len(set(keys))} sessions for {len(cases)} comparisons", file=sys.stderr)
    kept = os.environ.get("CHIRPBENCH_FLEET_SESSIONS")
    if kept and Path(kept).exists():
        bench.done.update(pickle.loads(Path(kept).read_bytes()))
    bench.measure(keys, _progress)
    if kept:
        good = {key: run for key, run in bench.done.items() if isinstance(run, Measured)}
        Path(kept).write_bytes(pickle.dumps(good))
    now = datetime.now(UTC)
    return [
        verify(
            case.advice,
            scenario=known[case.network],
            device=case.device,
            stamp=Stamp(advice_sha256(case.advice), now, __version__, True),
            sessions=SESSIONS,
            seconds=SECONDS,
            seed=SEED,
            bench=bench,
        )
        for case in cases
    ]


def _progress(done: int, total: int) -> None:
    if done % 12 == 0 or done == total:
        print(f"    {done} of {total} sessions", file=sys.stderr, flush=True)


def verdicts(table: Rows, found: Sequence[Verification]) -> None:
    """Share of better and equal, and how many are worse."""
    counts = Counter(v.outcome for v in found)
    good = counts[Outcome.BETTER] + counts[Outcome.SAME]
    words = ", ".join(f"{counts[o]} {o.value}" for o in Outcome)
    table.row(
        f"fleet x 3 uses x {len(NETWORKS)} networks ({words}): better or same",
        f"{100 * good / len(found):.1f} %",
        ">= 95 %",
        good >= 0.95 * len(found),
    )
    worse = counts[Outcome.WORSE]
    table.row("recommendations that verify worse", str(worse), "0", worse == 0)


def latency(table: Rows, found: Sequence[Verification]) -> None:
    """Mouth to ear and PESQ of cheap phones."""
    cheap = [v for v in found if v.model_key.model in CHEAP]
    shares = [s for v in cheap if (s := _share(v, "mouth_to_ear_ms")) is not None]
    change = 100 * float(np.median(shares)) if shares else float("nan")
    table.row(
        f"cheap phones ({len(shares)} of {len(cheap)} with a measured part): mouth to ear, median",
        f"{change:+.1f} %", "<= -20 %", change <= -20,
    )  # fmt: skip
    pesq = [d.median for v in cheap for d in v.differences if d.name == "pesq"]
    shift = float(np.median(pesq)) if pesq else float("nan")
    table.row("cheap phones: PESQ, median change", f"{shift:+.2f}", ">= 0", shift >= 0)


def _share(v: Verification, name: str) -> float | None:
    """Change of a metric against the default's median."""
    base = next((m.median for m in v.default.metrics if m.name == name), None)
    shift = next((d.median for d in v.differences if d.name == name), None)
    return None if not base or shift is None else shift / base


def prediction(table: Rows, found: Sequence[Verification]) -> None:
    """Predicted mouth to ear against what was measured, median of six sessions."""
    errors = [
        abs(v.predicted_mouth_to_ear_ms - m.median)
        for v in found
        for m in v.recommended.metrics
        if m.name == "mouth_to_ear_ms" and v.predicted_mouth_to_ear_ms is not None
    ]
    middle, p95 = (float(np.quantile(errors, q)) if errors else float("nan") for q in (0.5, 0.95))
    table.row(
        f"predicted against measured mouth to ear ({len(errors)}): median / p95 error",
        f"{middle:.1f} / {p95:.1f} ms", "<= 15 / 40 ms", middle <= 15 and p95 <= 40,
    )  # fmt: skip


def _details(found: Sequence[Verification]) -> Iterator[str]:
    """Each model's change by use, then every comparison that is not better or the same."""
    for model in dict.fromkeys(v.model_key for v in found):
        words = []
        for use in UseCase:
            mine = [v for v in found if (v.model_key, v.use) == (model, use)]
            shares = [s for v in mine if (s := _share(v, "mouth_to_ear_ms")) is not None]
            change = f"{100 * np.median(shares):+.0f} %" if shares else "unknown"
            words.append(f"{use.value} {change}")
        yield f"    {model.model} / {model.soc}: mouth to ear {', '.join(words)}"
    for v in found:
        if v.outcome not in (Outcome.BETTER, Outcome.SAME):
            yield f"    look at: {v.model_key.model}, {v.use.value}, {v.network}: {v.text}"
