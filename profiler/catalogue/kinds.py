"""What a catalogue test is made of: options in, planned trials out, a judgement at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from profiler.model import DeviceFacts, StimulusSpec, TestResult, TrialRecord, TrialRequest
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

    def rate_hz(self, facts: DeviceFacts) -> int:
        """Rate of the latency trials: the plan's first, else the device's own, else 48 kHz."""
        if self.rates_hz:
            return self.rates_hz[0]
        native = facts.native_rate_hz or 0
        return native if MIN_RATE_HZ <= native <= MAX_RATE_HZ else DEFAULT_RATE_HZ

    def plain(self, facts: DeviceFacts, warmup_s: float) -> TrialRequest:
        """The request a test varies: the plan's path at the plan's first rate and volume."""
        volume = self.volumes[0] if self.volumes else self.base.volume
        return replace(self.base, rate_hz=self.rate_hz(facts), volume=volume, warmup_s=warmup_s)

    def sweep_hz(self, facts: DeviceFacts) -> tuple[int, ...]:
        """Rates of a sweep, ascending: the plan's, else the field's and the device's own."""
        return tuple(sorted(set(self.rates_hz or (*SWEEP_RATES_HZ, self.rate_hz(facts)))))


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One trial to be run: the configuration and what is played from frame 0 on."""

    test_id: str
    index: int
    """Position among the trials of its test; with the run it identifies the trial."""
    request: TrialRequest
    stimulus: StimulusSpec

    @property
    def audio_s(self) -> float:
        """Time the streams are open: warm-up and recording."""
        return self.request.warmup_s + self.request.duration_s

    @property
    def key(self) -> tuple[str, int]:
        """What names this trial within its run."""
        return self.test_id, self.index


Planner = Callable[[DeviceFacts, TrialOptions], tuple[PlannedTrial, ...]]
Judge = Callable[[str, Sequence[TrialRecord]], TestResult]


@dataclass(frozen=True, slots=True)
class CatalogueTest:
    """One entry of the catalogue. ``judge(run_uuid, records)`` is pure: it can be repeated."""

    test_id: str
    title: str
    trials: Planner
    judge: Judge
    needs: tuple[str, ...] = ()
    """Tests whose recordings it is judged on; they are planned with it."""
    also: tuple[str, ...] = ()
    """Tests whose recordings it uses when the run has them."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Every test whose trials :attr:`judge` may be given."""
        return (self.test_id, *self.needs, *self.also)


def numbered(
    test_id: str, pairs: Sequence[tuple[TrialRequest, StimulusSpec]], *, tail_s: float
) -> tuple[PlannedTrial, ...]:
    """Number the trials of a test; each records its train and ``tail_s`` more for the latency."""
    return tuple(
        PlannedTrial(
            test_id, i, replace(request, duration_s=round(spec.duration_s + tail_s, 3)), spec
        )
        for i, (request, spec) in enumerate(pairs)
    )
