"""What a catalogue test is made of: options in, planned trials out, a judgement at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from profiler.catalogue.paths import WEB_API, on_web
from profiler.model import (
    DeviceFacts,
    DeviceRef,
    Reason,
    Stimulus,
    TestResult,
    TrialRecord,
    TrialRequest,
    TrialSetup,
)
from profiler.wav import MAX_RATE_HZ, MIN_RATE_HZ

SWEEP_RATES_HZ = (8000, 16_000, 24_000, 44_100, 48_000)
"""Capture rates phones are asked for in the field (CATALOGUE L7, D1)."""
DEFAULT_RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """What a plan says about one device's trials. Empty tuples mean the test's own default."""

    seed: int
    """Chooses the gap pattern of every train of this device."""
    tests: tuple[str, ...] = ()
    """The tests of this run, so that one test can leave a recording to another."""
    repeats: int = 6
    """Fresh stream opens per latency number (CATALOGUE rule 8: at least 5)."""
    rates_hz: tuple[int, ...] = ()
    volumes: tuple[float, ...] = ()
    buffer_bursts: tuple[int, ...] = ()
    buffer_frames: tuple[int, ...] = ()
    apis: tuple[str, ...] = ()
    base: TrialRequest = TrialRequest()  # noqa: RUF009 - frozen
    """Path of every trial; a test changes only what it varies."""
    short: bool = False
    """The ``smoke`` budget: shorter trains and fewer variants."""
    brief: bool = False
    """The ``quick`` budget: as few repeats and variants as a test allows."""
    thorough: bool = False
    """Beyond the ``standard`` budget: as long as the bounds want."""
    partner: DeviceRef | None = None
    """Who can take the other part of an exchange: in the same acoustic zone, effects off."""
    partner_distance_m: float = 0.0
    """Between the device and its partner; 0 = not known."""
    operator: bool = False
    """Somebody stands at the bench and does what the run asks for (cover, flip, plug in)."""
    abilities: frozenset[str] = frozenset()
    """What the device's driver can do beside a trial: ``codec``, ``fresh_process``, and
    ``action:NAME`` for every :class:`~profiler.model.TimedAction` it knows."""

    def rate_hz(self, facts: DeviceFacts) -> int:
        """Rate of the latency trials: the plan's first, else the device's own, else 48 kHz."""
        if self.rates_hz:
            return self.rates_hz[0]
        native = facts.native_rate_hz or 0
        return native if MIN_RATE_HZ <= native <= MAX_RATE_HZ else DEFAULT_RATE_HZ

    def plain(self, facts: DeviceFacts, warmup_s: float) -> TrialRequest:
        """The request a test varies: the plan's path at the plan's first rate and volume."""
        volume = self.volumes[0] if self.volumes else self.base.volume
        named = self.base.api == "default" and on_web(facts)
        return replace(
            self.base,
            api=WEB_API if named else self.base.api,
            rate_hz=self.rate_hz(facts),
            volume=volume,
            warmup_s=warmup_s,
        )

    def sweep_hz(self, facts: DeviceFacts) -> tuple[int, ...]:
        """Rates of a sweep, ascending: the plan's, else the field's and the device's own."""
        return tuple(sorted(set(self.rates_hz or (*SWEEP_RATES_HZ, self.rate_hz(facts)))))


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One trial to be run: the configuration, what is played when, and how it is read."""

    test_id: str
    index: int
    """Position among the trials of its test; with the run it identifies the trial."""
    request: TrialRequest
    stimulus: Stimulus | None
    """``None``: nothing is played (``codec`` trials, recordings of the room)."""
    setup: TrialSetup = TrialSetup()  # noqa: RUF009 - frozen

    @property
    def audio_s(self) -> float:
        """Time the streams are open: warm-up and recording; for a codec trial its own length."""
        if self.setup.codec is not None:
            return self.setup.codec.frames * self.setup.codec.frame_ms / 1000
        own = self.request.warmup_s + self.request.duration_s
        partner = self.setup.partner
        return max(own, partner.request.warmup_s + partner.request.duration_s) if partner else own

    @property
    def key(self) -> tuple[str, int]:
        """What names this trial within its run."""
        return self.test_id, self.index


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a test is not made on a device."""

    reason: Reason
    text: str
    """What it would need, one plain line."""


Planner = Callable[[DeviceFacts, TrialOptions], "tuple[PlannedTrial, ...] | Skip"]
Judge = Callable[[str, Sequence[TrialRecord]], TestResult]


@dataclass(frozen=True, slots=True)
class Page:
    """What ``docs/tests/`` says of a test, beside its limits."""

    question: str
    """What an app team wants to know."""
    hardware: str
    """``H0`` the phone only, ``H1`` with a partner, ``H3`` with a headset or a second phone."""
    stimulus: str
    measured: str
    method: str
    """How the number comes about, and what it does not say; a paragraph."""
    drives: tuple[str, ...] = ()
    """Settings it decides."""
    sources: tuple[str, ...] = ()
    """Where users suffered from it, or where the method is from."""


@dataclass(frozen=True, slots=True)
class CatalogueTest:
    """One entry of the catalogue. ``judge(run_uuid, records)`` is pure: it can be repeated."""

    test_id: str
    title: str
    trials: Planner
    judge: Judge
    page: Page
    needs: tuple[str, ...] = ()
    """Tests whose recordings it is judged on; they are planned with it."""
    also: tuple[str, ...] = ()
    """Tests whose recordings it uses when the run has them."""
    partner: bool = False
    """It has a better method when another device of the zone helps."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Every test whose trials :attr:`judge` may be given."""
        return (self.test_id, *self.needs, *self.also)


def numbered(
    test_id: str,
    pairs: Sequence[tuple[TrialRequest, Stimulus]],
    *,
    tail_s: float,
    setup: TrialSetup | Sequence[TrialSetup] = TrialSetup(),  # noqa: B008 - frozen
) -> tuple[PlannedTrial, ...]:
    """Number the trials of a test; each records its stimulus and ``tail_s`` more.

    ``setup`` is one for all trials or one for each.
    """
    setups = [setup] * len(pairs) if isinstance(setup, TrialSetup) else list(setup)
    return tuple(
        PlannedTrial(
            test_id, i, replace(request, duration_s=round(spec.duration_s + tail_s, 3)), spec, one
        )
        for i, ((request, spec), one) in enumerate(zip(pairs, setups, strict=True))
    )
