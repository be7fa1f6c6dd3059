"""D1: silent-microphone sweep over capture configurations. A dead path delivers exact zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.catalogue import limits
from profiler.catalogue.inputs import ALL_EFFECTS, EFFECTS, Change, inputs_of, requested
from profiler.catalogue.judging import Ruling, listed, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.latency.l1 import offered_apis
from profiler.catalogue.paths import on_web
from profiler.catalogue.system.acts import offered_routes
from profiler.catalogue.table import LATE_SHARE
from profiler.catalogue.trains import sweep_train
from profiler.model import (
    CaptureQuality,
    DeviceFacts,
    EffectState,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
    Verdict,
    worst,
)

TEST_ID = "D1"
WARMUP_S = 0.3
TAIL_S = 0.2
BRIEF_PAIRS, BRIEF_MODES, BRIEF_APIS = 3, 2, 1
WEB_RATES_HZ = (16_000, 44_100)
"""In a browser all effects are tried at these rates, too: the voice services' and the music's."""
NAMES = {
    "rate_hz": "rate", "input_preset": "preset", "input_channels": "channels",
    "performance_mode": "performance", "audio_mode": "mode",
}  # fmt: skip


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One short open per configuration; only the rates in ``smoke`` and when the plan has some."""
    plain = options.plain(facts, WARMUP_S)
    pairs, setups = [], []
    for changes in configurations(facts, options, plain):
        request = requested(plain, changes)
        pairs.append((request, sweep_train(options.seed, request.rate_hz)))
        setups.append(TrialSetup(note=label(changes)))
    return numbered(TEST_ID, pairs, tail_s=TAIL_S, setup=setups)


def configurations(facts: DeviceFacts, options: TrialOptions, plain: TrialRequest) -> list[Change]:
    """What each trial changes of the plain request: one thing, or a combination of the table."""
    found: list[Change] = [{"rate_hz": r} for r in options.sweep_hz(facts)]
    if options.short or options.rates_hz:  # a plan that names its rates wants those
        return found
    found.append({"input_channels": 2})
    offered = inputs_of(facts)
    if offered.presets:
        modes = offered.performance_modes[: BRIEF_MODES if options.brief else None]
        apis = offered_apis(facts)[: BRIEF_APIS if options.brief else None]
        found += [{"input_preset": p} for p in offered.preset_words if p != plain.input_preset]
        found += [{"sharing": s} for s in offered.sharings if s != plain.sharing]
        found += [{"performance_mode": m} for m in modes if m != plain.performance_mode]
        found += [{"api": a} for a in apis]
        routes = (None, *offered_routes(facts))
        pairs = [pair for pair in offered.pairs if pair.get("route") in routes]
        found += pairs[: BRIEF_PAIRS if options.brief else None]
    if on_web(facts):
        found.append(ALL_EFFECTS)
        if not options.brief:
            found += [{name: EffectState.ON.value} for name in EFFECTS]
            found += [{"rate_hz": rate, **ALL_EFFECTS} for rate in WEB_RATES_HZ]
    return found


def label(changes: Change) -> str:
    """A configuration as its measurements are named."""
    if all(changes.get(name) == EffectState.ON.value for name in EFFECTS):
        changes = {n: v for n, v in changes.items() if n not in EFFECTS} | {"effects": "on"}
    return ",".join(f"{NAMES.get(name, name)}={value}" for name, value in changes.items())


@dataclass(frozen=True, slots=True)
class _Found:
    """One configuration judged."""

    verdict: Verdict
    reasons: tuple[str, ...]
    silent: str = ""
    holed: str = ""


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """The longest zero run of any configuration decides; refused ones are notes."""
    records = own(records, TEST_ID)
    heard = [(r, r.estimate.quality) for r in records if r.estimate is not None]
    if not heard:
        return nothing_measured(records, "no capture to look at").result(run_uuid, TEST_ID, records)
    found = [_judged(r, q) for r, q in heard]
    lost = [r for r in records if r.estimate is None]
    errors = [Verdict.ERROR for r in lost if r.verdict is Verdict.ERROR]
    reasons = [*(x for f in found for x in f.reasons), *(x for r in lost for x in r.reasons)]
    numbers = [Measurement(f"zero_run_ms[{_label(r)}]", _run_ms(q), "ms") for r, q in heard]
    numbers += _round_trips(records)
    silent = [f.silent for f in found if f.silent]
    numbers.append(Measurement("configurations_silent", len(silent), "1"))
    numbers.append(
        Measurement("configurations_fine", sum(f.verdict is Verdict.PASS for f in found), "1")
    )
    text = _text(records, silent, [f.holed for f in found if f.holed], lost)
    ruling = Ruling(
        worst((*(f.verdict for f in found), *errors)), unique(reasons), text, tuple(numbers)
    )
    return ruling.result(run_uuid, TEST_ID, records)


def _round_trips(records: Sequence[TrialRecord]) -> list[Measurement]:
    """Where the sweep was found, the microphone delivered: exact zeros between sounds or not."""
    return [
        Measurement(f"rtl_ms[{_label(r)}]", e.round_trip_latency_ms, "ms")
        for r, e in measured(records)
        if e.round_trip_latency_ms is not None
    ]


def _judged(record: TrialRecord, quality: CaptureQuality) -> _Found:
    name = _named(record)
    if quality.non_finite:
        return _Found(Verdict.FAIL, (Reason.NON_FINITE,), holed=f"{name} (NaN or Inf)")
    if quality.zero_fraction >= 1.0:
        return _Found(Verdict.FAIL, (Reason.SILENT_CAPTURE,), silent=name)
    run_ms = _run_ms(quality)
    verdict, why = limits.grade(TEST_ID, "zero_run_ms", limits.exact(run_ms))
    if why:
        return _Found(verdict, why, holed=f"{name} ({run_ms:.0f} ms)")
    late = quality.leading_zero_ms
    if late > LATE_SHARE * 1000 * quality.duration_s:
        return _Found(
            Verdict.MARGINAL, (Reason.LATE_START,), holed=f"{name} (awake after {late:.0f} ms)"
        )
    return _Found(verdict, ())


def _run_ms(quality: CaptureQuality) -> float:
    """Longest run of zeros after the microphone is awake."""
    if quality.zero_fraction >= 1.0:
        return quality.zero_run_ms
    if quality.inner_zero_run_ms is not None:
        return quality.inner_zero_run_ms
    # Recordings read by an older version: the run at the start hides shorter ones.
    return 0.0 if quality.zero_run_ms <= quality.leading_zero_ms else quality.zero_run_ms


def _label(record: TrialRecord) -> str:
    return record.setup.note or f"rate={record.request.rate_hz}"


def _named(record: TrialRecord) -> str:
    """A configuration for people, with the rate that was granted where it is another."""
    asked, granted = record.request.rate_hz, record.report.input.rate_hz if record.report else None
    rate = f"{asked} Hz" if granted in (None, asked) else f"{asked} → {granted} Hz"
    parts = _label(record).split(",")
    rest = [part.replace("=", " ") for part in parts if not part.startswith("rate=")]
    return " with ".join([rate, *rest] if len(rest) < len(parts) else rest)


def _text(
    records: Sequence[TrialRecord], silent: list[str], holed: list[str], lost: list[TrialRecord]
) -> str:
    parts = []
    if silent:
        parts.append(f"digital silence at {', '.join(silent)}")
    if holed:
        parts.append(f"runs of zeros at {', '.join(holed)}")
    heard = len(records) - len(lost)
    if not parts:
        rates = all(_label(r).startswith("rate=") and "," not in _label(r) for r in records)
        what = "rates" if rates else "configurations"
        parts.append(f"the microphone delivers at all {heard} {what} tried")
    if lost:
        names = ", ".join(_named(r) for r in lost)
        parts.append(f"no capture at {names} ({listed(x for r in lost for x in r.reasons)})")
    return "; ".join(parts)


PAGE = Page(
    question="Does the microphone deliver anything in this configuration?",
    hardware="H0",
    stimulus="about a second of quiet sweeps nearly without pauses, per configuration: every rate, "
    "preset, channel count, API, sharing and performance mode that the system has, one changed at "
    "a time, and combinations that were silent in the field; on an iPhone voice-processing I/O as "
    "calls use it at their rates, and a Bluetooth headset's microphone at the rates of the "
    "Hands-Free Profile when one is connected (`smoke`, and a plan with `rates_hz`: the rates); in "
    "a browser every rate and effect",
    measured="longest run of exact zeros after the first sound, round trip where the sweep is "
    "found, per configuration",
    method="A dead capture path delivers exact zeros while everything says it records; a quiet "
    "room never does. The stimulus keeps noise gates open. Zeros before the first sound are the "
    "start of the input and not counted here (L6 measures them). Zeros that the system feeds to "
    "an app it silences are not the phone's fault: such a trial is not judged. A headset whose "
    "earpiece does not lie on its microphone may gate itself to zeros.",
    drives=("capture_rate", "mmap_input", "input_preset"),
    sources=(
        "openclaw PR#124083 (Xiaomi 11T Pro)",
        "oboe#1320 (Galaxy S10)",
        "oboe#1229",
        "AudioKit#2606 (iPad, voice processing)",
    ),
)

TEST = CatalogueTest(TEST_ID, "silent-microphone sweep", trials, judge, PAGE)
