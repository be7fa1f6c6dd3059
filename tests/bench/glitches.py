"""Accuracy of the glitch analysis and of the tests that rest on it, on truths never tuned on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from catalogue_runs import phone, run_test
from tones import HOSTILE, OUTPUT, PLAIN, Case, make_case, make_empty

from profiler.analysis.glitches import find_glitches
from profiler.catalogue import TrialOptions
from profiler.model import GlitchFindings, TestResult, Verdict
from profiler.stimulus import tone

Row = tuple[str, str, str, bool]
ACCEPT_SEED = 700_000
REACH_S = 0.02
"""A report within this of the truth is that glitch."""
KINDS = ("hole", "skip", "insert", "repeat")
PRESETS = ("camcorder", "unprocessed", "voice_recognition", "generic", "voice_performance")


# --- recordings ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """Glitches of one recording: reported and true, found, called by the right name."""

    found: int = 0
    false: int = 0
    missed: int = 0
    named: int = 0
    refused: int = 0

    def __add__(self, other: Score) -> Score:
        names = ("found", "false", "missed", "named", "refused")
        return Score(*(getattr(self, n) + getattr(other, n) for n in names))

    @property
    def precision(self) -> float:
        return self.found / max(1, self.found + self.false)

    @property
    def recall(self) -> float:
        return self.found / max(1, self.found + self.missed)


def score(case: Case, findings: GlitchFindings) -> Score:
    """Each truth takes the first report that meets it."""
    if findings.verdict is Verdict.NOT_MEASURABLE:
        return Score(refused=1, missed=len(case.truth))
    low, high = case.analysable_s
    reports = [g for g in findings.glitches if g.glitch != "noise"]
    used: set[int] = set()
    found = missed = named = 0
    for true in case.truth:
        if not low < true.time_s < high:
            continue
        end_s = true.time_s + true.duration_ms / 1000
        near = [
            i for i, g in enumerate(reports)
            if i not in used and g.time_s < end_s + REACH_S
            and g.time_s + g.duration_ms / 1000 > true.time_s - REACH_S
        ]  # fmt: skip
        if not near:
            missed += 1
            continue
        used.add(near[0])
        found += 1
        named += reports[near[0]].glitch == true.kind
    false = [g for i, g in enumerate(reports) if i not in used and low < g.time_s < high]
    return Score(found, len(false), missed, named)


def one_case(job: tuple[int, str]) -> Score:
    seed, flavour = job
    case = make_case(seed, flavour)
    return score(case, find_glitches(case.audio, case.spec))


def one_clean(seed: int) -> tuple[float, int]:
    """Minutes analysed and glitches reported where there is none."""
    case = make_case(seed, HOSTILE, glitches=0)
    findings = find_glitches(case.audio, case.spec)
    return findings.analysed_s / 60, sum(g.glitch != "noise" for g in findings.glitches)


def one_empty(seed: int) -> bool:
    """Whether a recording without the tone was given a number of glitches."""
    audio = make_empty(seed)
    findings = find_glitches(audio, tone(audio.rate_hz, audio.duration_s - 0.5))
    return findings.verdict is not Verdict.NOT_MEASURABLE


# --- phones --------------------------------------------------------------------------------------


def phone_text(rng: np.random.Generator, safe: int) -> tuple[str, str]:
    """Head and tables of a phone that needs ``safe`` bursts."""
    burst = int(rng.choice([96, 144, 192, 240, 256, 480, 960]))
    kinds = ", ".join(f'"{k}"' for k in rng.permutation(KINDS)[: int(rng.integers(1, 5))])
    head = f"frames_per_burst = {burst}"
    text = f"""
[phone.clock]
drift_ppm = {rng.uniform(-120, 120):.1f}
[phone.acoustics]
level_dbfs = {rng.uniform(-40, -18):.1f}
highpass_hz = {rng.uniform(150, 600):.0f}
drive = {rng.choice([0.0, 1.0, 2.0])}
rt60_s = {rng.uniform(0.2, 0.6):.2f}
reverb_db = {rng.uniform(-16, -8):.1f}
[phone.noise]
white_dbfs = {rng.uniform(-85, -62):.1f}
pink_dbfs = {rng.uniform(-85, -62):.1f}
[phone.buffers]
safe_bursts = {safe}
kinds = [{kinds}]
"""
    return head, text


def one_buffer(seed: int, *, brief: bool = False) -> tuple[int, int | None]:
    """True and measured smallest safe buffer of one phone: 20 s a size, 10 s in ``quick``."""
    rng = np.random.default_rng((seed, 43))
    safe = int(rng.integers(1, 8))
    head, text = phone_text(rng, safe)
    with phone(text, head=head, seed=seed) as (driver, facts):
        options = TrialOptions(seed=seed, tests=("G1",), brief=brief, thorough=not brief)
        result, _ = run_test(driver, facts, "G1", options)
    return safe, _measured(result)


def one_brief(seed: int) -> tuple[int, int | None]:
    return one_buffer(seed, brief=True)


def _measured(result: TestResult) -> int | None:
    values = [m.value for m in result.measurements if m.name == "safe_bursts"]
    return round(values[0]) if values else None


def one_silent(seed: int) -> tuple[int, int, int]:
    """(silent configurations tried, found, others accused) of one phone, all variants of D1."""
    rng = np.random.default_rng((seed, 44))
    where = [
        f"rates_hz = [{rng.choice([8000, 16_000, 24_000, 44_100])}]",
        f'presets = ["{rng.choice(PRESETS)}"]',
        'sharing = ["exclusive"]',
        f'performance_modes = ["{rng.choice(["none", "low_latency"])}"]',
        'rates_hz = [16000]\nperformance_modes = ["low_latency"]',
        'rates_hz = [24000]\npresets = ["voice_communication"]',
        'modes = ["communication"]\npresets = ["voice_communication"]',
    ]
    some = rng.permutation(where)[: int(rng.integers(1, 4))]
    text = "[phone.streams]\nrates_hz = [48000, 44100, 24000, 16000, 8000]\n"
    text += "".join(f"[[phone.streams.silent]]\n{one}\n" for one in some)
    options = TrialOptions(seed=seed, tests=("D1",), brief=seed % 2 == 0)
    with phone(text, seed=seed) as (driver, facts):
        result, records = run_test(driver, facts, "D1", options)
        silent = {r.index for r, t in zip(records, driver.phone.truths, strict=True) if t.silent}
    zero = {m.name: m.value for m in result.measurements if m.name.startswith("zero_run_ms")}
    found = {r.index for r in records if zero[f"zero_run_ms[{r.setup.note}]"] > 500}
    accused = len(found - silent) + (result.verdict is Verdict.FAIL and not silent)
    return len(silent), len(silent & found), accused


# --- rows ----------------------------------------------------------------------------------------


def rows(
    base: int = ACCEPT_SEED, recordings: int = 320, phones: int = 80, processes: int = 2
) -> Iterator[Row]:
    """(what, reached, target, whether it is) for the table."""
    seeds = range(base, base + recordings)
    with get_context("spawn").Pool(processes) as pool:
        for flavour, target in ((PLAIN, 0.98), (HOSTILE, 0.98), (OUTPUT, 0.95)):
            each = pool.map(one_case, [(s, flavour) for s in seeds], chunksize=8)
            yield from _accuracy(flavour, sum(each, Score()), target)
        clean = pool.map(one_clean, [s + 50_000 for s in seeds], chunksize=8)
        minutes, false = sum(m for m, _ in clean), sum(n for _, n in clean)
        yield (
            f"G: false glitches in {minutes:.0f} min with clicks, voices, hum",
            f"{false / minutes:.2f} / min", "<= 0.1 / min", false <= 0.1 * minutes,
        )  # fmt: skip
        claimed = sum(pool.map(one_empty, seeds, chunksize=8))
        yield f"G: counted without a tone, of {recordings}", str(claimed), "0", claimed == 0
        ours = range(base, base + phones)
        yield from _buffers("20 s a size", pool.map(one_buffer, ours, chunksize=4), 0.0)
        yield from _buffers("quick", pool.map(one_brief, ours, chunksize=4), 0.02)
        yield from _silent(pool.map(one_silent, range(base, base + phones // 2), chunksize=4))


def _accuracy(flavour: str, total: Score, target: float) -> Iterator[Row]:
    where = {PLAIN: "quiet room", HOSTILE: "clicks, voices, hum, room, AGC, wander"}
    true = total.found + total.missed
    yield (
        f"G: glitches, {where.get(flavour, 'made before the loudspeaker')} ({true}): "
        "precision / recall",
        f"{total.precision:.4f} / {total.recall:.4f}", f">= {target} / {target}",
        total.precision >= target and total.recall >= target and not total.refused,
    )  # fmt: skip


def _buffers(
    budget: str, pairs: Sequence[tuple[int, int | None]], may_be_small: float
) -> Iterator[Row]:
    """A phone that glitches 40 times a minute does not do so in one of 400 stretches of 9 s."""
    exact = sum(true == got for true, got in pairs)
    small = sum(got is not None and got < true for true, got in pairs)
    yield (
        f"G1, {budget}: smallest safe buffer of {len(pairs)} phones: exact / too small",
        f"{100 * exact / len(pairs):.1f} % / {small}",
        f">= 95 % / {may_be_small:.0%}",
        exact >= 0.95 * len(pairs) and small <= may_be_small * len(pairs),
    )  # fmt: skip


def _silent(found: Sequence[tuple[int, int, int]]) -> Iterator[Row]:
    there, seen, accused = (sum(f[i] for f in found) for i in range(3))
    yield (
        f"D1: all-zero configurations ({there}) found / others accused",
        f"{100 * seen / max(1, there):.1f} % / {accused}", "100 % / 0",
        seen == there and accused == 0,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=int, default=ACCEPT_SEED)
    parser.add_argument("--recordings", type=int, default=320)
    parser.add_argument("--phones", type=int, default=80)
    args = parser.parse_args()
    for what, reached, target, ok in rows(args.base, args.recordings, args.phones):
        print(f"{what:90s} {reached:>20s}   {target:14s} {'ok' if ok else 'MISSED'}", flush=True)


if __name__ == "__main__":
    main()
