"""L3: what was granted, and whether the latency the system reports is the one measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from profiler.catalogue import limits
from profiler.catalogue.inputs import inputs_of
from profiler.catalogue.judging import Ruling, measured, nothing_measured, own, unique
from profiler.catalogue.kinds import CatalogueTest, Page, PlannedTrial, TrialOptions, numbered
from profiler.catalogue.latency import l1
from profiler.catalogue.latency.stamps import claimed
from profiler.catalogue.paths import WEB_API, on_web, takes_frames
from profiler.catalogue.trains import class_train
from profiler.model import (
    DeviceFacts,
    GrantedStream,
    Measurement,
    Reason,
    TestResult,
    TrialRecord,
    TrialRequest,
    Verdict,
    worst,
)

TEST_ID = "L3"
WARMUP_S = 1.0
SHORT_WARMUP_S = 0.5
TAIL_S = 1.0
SHORT_TAIL_S = 0.6
SHORT_RATES_HZ = (16_000, 44_100)
BURSTS = (1, 2, 4, 8)
SHORT_BURSTS = (2,)
FRAMES = (128, 512, 2048)
SHORT_FRAMES = (256,)
HINTS = ("low_latency", "none", "power_saving")
"""A browser's ``latencyHint`` by performance mode: interactive, its default, balanced, playback."""
OTHER_MODES = ("none", "low_latency")
"""The one that is not the plain path's, where a system has both."""
HINT_OPENS = 3
"""Opens of each where there is time: those of a browser differ by tens of ms."""
MAX_APIS = 6


def trials(facts: DeviceFacts, options: TrialOptions) -> tuple[PlannedTrial, ...]:
    """One short open per variant; L1's opens serve as the plain variant when the run has them.

    A browser's hints get more opens, because its opens differ more than its hints.
    """
    few = options.short or options.brief or not on_web(facts)
    hint_opens = 1 if few else HINT_OPENS
    usual = options.base.performance_mode
    pairs = [
        (request, class_train(options.seed, request.rate_hz))
        for request in variants(facts, options)
        for _ in range(1 if request.performance_mode == usual else hint_opens)
    ]
    return numbered(TEST_ID, pairs, tail_s=SHORT_TAIL_S if options.short else TAIL_S)


def variants(facts: DeviceFacts, options: TrialOptions) -> tuple[TrialRequest, ...]:
    """Requests that differ from the plain one in rate, buffer, API or performance mode."""
    plain = options.plain(facts, SHORT_WARMUP_S if options.short else WARMUP_S)
    few = options.short or options.brief
    rates = options.rates_hz or (SHORT_RATES_HZ if few else options.sweep_hz(facts))
    found = [] if l1.TEST_ID in options.tests else [plain]
    found += [replace(plain, rate_hz=r) for r in rates]
    if takes_frames(facts):
        frames = options.buffer_frames or (SHORT_FRAMES if options.short else FRAMES)
        found += [replace(plain, buffer_frames=n) for n in frames]
    else:
        bursts = options.buffer_bursts or (SHORT_BURSTS if few else BURSTS)
        found += [replace(plain, buffer_bursts=n) for n in bursts]
    found += [replace(plain, performance_mode=p) for p in _other_modes(facts, plain)]
    others = options.apis or l1.offered_apis(facts)[: 1 if options.short else MAX_APIS]
    found += [replace(plain, api=api) for api in others]
    once = dict.fromkeys(found)
    if l1.TEST_ID in options.tests:
        opened = (plain,) if few else (plain, *l1.other_paths(facts, plain))
        for request in opened:
            once.pop(request, None)
    return tuple(once)


def _other_modes(facts: DeviceFacts, plain: TrialRequest) -> tuple[str, ...]:
    if on_web(facts):
        usual = HINTS[0] if plain.performance_mode == "default" else plain.performance_mode
        return tuple(m for m in HINTS if m != usual)
    offered = inputs_of(facts).performance_modes
    return tuple(m for m in OTHER_MODES if m in offered and m != plain.performance_mode)[:1]


def judge(run_uuid: str, records: Sequence[TrialRecord]) -> TestResult:
    """Per variant: median of |reported - measured|; the worst variant decides."""
    records = [*own(records, TEST_ID), *own(records, l1.TEST_ID)]
    answered = [r for r in records if r.report is not None]
    differs = unique(d for r in answered for d in granted_differences(r))
    refused = [r for r in records if r.report is None and r.verdict is Verdict.NOT_MEASURABLE]
    numbers = [
        Measurement("variants", len({_variant(r) for r in records}), "1"),
        Measurement("variants_refused", len({_variant(r) for r in refused}), "1"),
        Measurement("grants_that_differ", len(differs), "1"),
    ]
    ruling = _judge_claims(records)
    text, notes = ruling.text, [*ruling.reasons]
    if differs:
        notes.append(Reason.GRANTED_DIFFERS)
        text += "; granted is not requested: " + ", ".join(differs[:3])
        text += " …" if len(differs) > 3 else ""
    failed = [r for r in records if r.verdict is Verdict.ERROR]
    notes += [x for r in (*refused, *failed) for x in r.reasons]
    return Ruling(
        Verdict.ERROR if failed else ruling.verdict,
        unique(notes),
        text,
        (*numbers, *_round_trips(records), *_reported(records), *ruling.measurements),
    ).result(run_uuid, TEST_ID, records)


Claims = dict[str, list[tuple[float, float]]]
"""(claimed minus measured, 1σ) in ms of every open, by variant."""


def _judge_claims(records: Sequence[TrialRecord]) -> Ruling:
    """The reported latency and the timestamps, each against the measured round trip."""
    reported, stamped, faults = _claims(records)
    if not reported and not stamped and not faults:
        if measured(records):
            why = (str(Reason.NO_TIMESTAMPS),)
            text = "the system reports no latency"
            if _reported(records):
                text = "the system reports the latency of one direction, and no round trip"
            return Ruling(Verdict.NOT_MEASURABLE, why, text)
        return nothing_measured(records, "no round trip to compare with")
    parts = [
        _judge_one(claims, name)
        for name, claims in (("reported", reported), ("timestamps", stamped))
        if claims
    ]
    if faults:
        why = (str(Reason.TIMESTAMPS_UNTRUSTED),)
        parts.append(Ruling(Verdict.MARGINAL, why, f"timestamps: {', '.join(faults)}"))
    trusted = all(p.verdict is Verdict.PASS for p in parts) and bool(stamped)
    return Ruling(
        worst(p.verdict for p in parts),
        unique(w for p in parts for w in p.reasons),
        "; ".join(p.text for p in parts),
        (
            *(m for p in parts for m in p.measurements),
            Measurement("timestamps_trusted", float(trusted), "1"),
        ),
    )


def _claims(records: Sequence[TrialRecord]) -> tuple[Claims, Claims, tuple[str, ...]]:
    reported: Claims = {}
    stamped: Claims = {}
    faults: list[str] = []
    for record, estimate in measured(records):
        if record.report is None or estimate.round_trip_latency_ms is None:
            continue
        latency_ms = estimate.round_trip_latency_ms
        sigma_ms = (estimate.uncertainty_us or 0.0) / 1000
        said = record.report.reported_latency_ms
        if said is not None:
            reported.setdefault(_variant(record), []).append((said - latency_ms, sigma_ms))
        stamps = claimed(record.report)
        faults += stamps.faults
        if stamps.round_trip_ms is not None:
            both_ms = math.hypot(sigma_ms, stamps.sigma_ms)
            diff_ms = stamps.round_trip_ms - latency_ms
            stamped.setdefault(_variant(record), []).append((diff_ms, both_ms))
    return reported, stamped, unique(faults)


def _judge_one(claims: Claims, name: str) -> Ruling:
    """One way of claiming; the worst variant decides."""
    typical = {variant: statistics.median(d for d, _ in pairs) for variant, pairs in claims.items()}
    graded = [
        limits.grade(TEST_ID, "reported_diff_ms", _bounds(pairs)) for pairs in claims.values()
    ]
    at_worst = max(typical, key=lambda n: abs(typical[n]))
    return Ruling(
        worst(verdict for verdict, _ in graded),
        unique(w for _, why in graded for w in why),
        f"{name} minus measured {typical[at_worst]:+.1f} ms at worst ({at_worst})",
        tuple(
            Measurement(f"{name}_minus_measured_ms[{n}]", diff, "ms") for n, diff in typical.items()
        ),
    )


_VARIED = (
    ("api", "api"), ("rate_hz", "rate"), ("performance_mode", "performance"),
    ("sharing", "sharing"), ("audio_mode", "mode"), ("input_preset", "preset"),
    ("route", "route"), ("buffer_bursts", "bursts"), ("buffer_frames", "frames"),
)  # fmt: skip
"""What a request varies, and how measurements name it (as D1 does)."""


def _round_trips(records: Sequence[TrialRecord]) -> list[Measurement]:
    """The measured round trip of every variant that the system took; the plain one is ``rtl_ms``
    without a name.

    1σ is that of the median; fewer
    opens than :data:`limits.MIN_REPEATS` do not show how opens scatter: the scatter of the plain
    ones counts where it is larger.
    """
    opens: dict[str, list[tuple[float, float]]] = {}
    plain = _plain_of(records)
    for record, estimate in measured(records):
        if (
            plain is not None
            and estimate.round_trip_latency_ms is not None
            and _taken(record, plain.request)
        ):
            name = _changed(record.request, plain.request)
            sigma_ms = (estimate.uncertainty_us or 0.0) / 1000
            opens.setdefault(name, []).append((estimate.round_trip_latency_ms, sigma_ms))
    plain_mad_ms = limits.mad([v for v, _ in opens[""]]) if "" in opens else 0.0
    found = []
    for name, pairs in opens.items():
        values = [v for v, _ in pairs]
        few = len(values) < limits.MIN_REPEATS
        scatter_ms = max(limits.mad(values), plain_mad_ms if few else 0.0)
        sigma_ms = limits.sigma_of_median(
            scatter_ms, len(values), statistics.median(s for _, s in pairs)
        )
        label = f"rtl_ms[{name}]" if name else "rtl_ms"
        found.append(Measurement(label, statistics.median(values), "ms", sigma_ms))
    return found


def _reported(records: Sequence[TrialRecord]) -> list[Measurement]:
    """What the system says of each direction alone, the median of every variant."""
    plain = _plain_of(records)
    said: dict[str, list[float]] = {}
    for record in records:
        if record.report is None or plain is None:
            continue
        name = _changed(record.request, plain.request)
        for way in ("output", "input"):
            value = getattr(record.report, f"reported_{way}_latency_ms")
            if value is not None:
                label = f"reported_{way}_ms[{name}]" if name else f"reported_{way}_ms"
                said.setdefault(label, []).append(value)
    return [Measurement(label, statistics.median(found), "ms") for label, found in said.items()]


def _plain_of(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The first of the plain request: L1's first, without L1 the first of L3."""
    return next((r for r in records if r.test_id == l1.TEST_ID), records[0] if records else None)


def _changed(request: TrialRequest, plain: TrialRequest) -> str:
    """What differs from the plain request; empty = nothing that a round trip depends on."""
    pairs = ((label, getattr(request, name), getattr(plain, name)) for name, label in _VARIED)
    return ",".join(f"{label}={value}" for label, value, usual in pairs if value != usual)


def _taken(record: TrialRecord, plain: TrialRequest) -> bool:
    """Whether a mode other than the plain one was granted to either stream, or nothing is known:
    a refused one is the plain stream again, and its number says nothing of what was asked for."""
    report = record.report
    for name in ("performance_mode", "sharing"):
        asked = getattr(record.request, name)
        if report is None or asked in ("default", getattr(plain, name)):
            continue
        granted = {getattr(side, name) for side in (report.output, report.input)} - {None}
        if granted and asked not in granted:
            return False
    return True


def _bounds(pairs: list[tuple[float, float]]) -> limits.Bounded:
    """Bounds of the typical |difference|: order statistics with five opens, else the method's σ."""
    sizes = [abs(d) for d, _ in pairs]
    sigma_ms = statistics.median(s for _, s in pairs)
    if len(sizes) >= limits.MIN_REPEATS:
        return limits.median_bounds(sizes)
    low = limits.normal_magnitude(min(sizes), sigma_ms).low
    high = limits.normal_magnitude(max(sizes), sigma_ms).high
    return limits.Bounded(statistics.median(sizes), low, high)


def _variant(record: TrialRecord) -> str:
    """What a request varies, as a short name."""
    request = record.request
    parts = [request.api, f"{request.rate_hz} Hz"]
    if request.audio_mode != "media":
        parts.append(request.audio_mode)
    if request.performance_mode != "default":
        parts.append(f"performance {request.performance_mode}")
    if request.buffer_frames is not None:
        parts.append(f"{request.buffer_frames} frames")
    elif request.buffer_bursts is not None:
        parts.append(f"{request.buffer_bursts} bursts")
    return " ".join(parts)


def granted_differences(record: TrialRecord) -> tuple[str, ...]:
    """Requested against granted, as ``name asked → granted``; unknown values do not differ."""
    if record.report is None:
        return ()
    found: list[str] = []
    wanted = record.request
    for side, granted, channels in (
        ("out", record.report.output, wanted.output_channels),
        ("in", record.report.input, wanted.input_channels),
    ):
        pairs: list[tuple[str, object, object]] = [
            (f"{side} rate", wanted.rate_hz, granted.rate_hz),
            (f"{side} channels", channels, granted.channels),
            (f"{side} sharing", _chosen(wanted.sharing), granted.sharing),
            (f"{side} performance", _chosen(wanted.performance_mode), granted.performance_mode),
            (f"{side} route", _route(wanted) if side == "out" else None, granted.route),
        ]
        if side == "out":
            pairs.append(("buffer", _buffer(wanted, granted), granted.buffer_frames))
        found += [
            f"{name} {asked} → {got}"
            for name, asked, got in pairs
            if asked is not None and got is not None and asked != got
        ]
    return tuple(found)


def _chosen(value: str) -> str | None:
    return None if value == "default" else value


def _route(wanted: TrialRequest) -> str | None:
    """A browser tells its devices' labels instead of the route."""
    return None if wanted.api == WEB_API else _chosen(wanted.route)


def _buffer(wanted: TrialRequest, granted: GrantedStream) -> int | None:
    """Frames asked for: given as frames, or as bursts of the size that was granted."""
    if wanted.buffer_frames is not None:
        return wanted.buffer_frames
    if wanted.buffer_bursts is None or granted.frames_per_burst is None:
        return None
    return wanted.buffer_bursts * granted.frames_per_burst


PAGE = Page(
    question="Is the granted stream the requested one, and is the latency the system reports the "
    "measured one?",
    hardware="H0",
    stimulus="one short train per rate, buffer, API and performance mode (in a browser three opens "
    "of each latencyHint)",
    measured="round trip of each variant; what is reported of each direction; reported minus "
    "measured latency, timestamps minus measured latency; every granted value that is not the "
    "requested one",
    method="The system's own output and input latency are added and compared with the measured "
    "round trip of the same stream; so is the round trip of the timestamps, taken from both "
    "directions at a common moment. A difference above the limit, or timestamps that are stuck, "
    "scatter or say -1, mean that they must not be used for an echo canceller's delay or for lip "
    "sync.",
    drives=("latency_source", "native_rate", "buffer_bursts"),
    sources=("oboe#1430", "oboe#1562", "oboe#1563", "oboe#1808"),
)

TEST = CatalogueTest(
    TEST_ID, "granted and reported against measured", trials, judge, PAGE, also=(l1.TEST_ID,)
)
