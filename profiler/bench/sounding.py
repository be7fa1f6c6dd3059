"""Running one planned trial on a device: alone, with a partner, or only asking it something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from device_probes.driver import Capture, CodesSpeech, Progress, pace_of
from profiler.bench.actions import Acting, acting
from profiler.bench.context import Bench
from profiler.bench.driving import (
    Half,
    PartnerFailed,
    failed_partner,
    play_together,
    plays_of,
    schedule,
    watchdog,
)
from profiler.bench.events import Log, PartnerProgress
from profiler.bench.gates import gate_crossed, health_of
from profiler.bench.link import DeviceLink, Heard, Made, now
from profiler.bench.zones import Turn
from profiler.catalogue import PlannedTrial
from profiler.errors import DeviceError, ProbeRefused

OnStage = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller wants to be told, and who has just failed it."""

    on_stage: OnStage
    failed: str


def run_trial(
    bench: Bench, link: DeviceLink, planned: PlannedTrial, on_stage: OnStage, *, failed: str = ""
) -> Made | None:
    """Run one trial, on a fresh connection if the last one failed; ``None`` when stopped.

    The zone is given back as soon as the probes stop playing, so that fetching, storing and
    analysing overlap with the next device's sound; the lock of each link is kept until its
    driver has come back. ``failed`` is the uid of a partner that has just failed at this trial.
    Raises :class:`~profiler.errors.DeviceError` for what is the device's fault and
    :class:`PartnerFailed` for what is the partner's.
    """
    fresh = planned.setup.fresh_process
    if planned.setup.rest_s:
        on_stage("waiting", 0.0)
        if bench.stop.wait(planned.setup.rest_s / pace_of(link.driver)):
            return None
    with link.lock:  # not yet the zone's turn: connecting takes seconds and makes no sound
        link.ready(fresh=fresh)
        if planned.setup.codec is not None:
            return _ask_codec(bench, link, planned)
    on_stage("waiting", 0.0)
    with bench.zones.turn(link.zone, bench.stop) as turn:
        if turn is None:
            return None
        with link.lock:
            link.ready(fresh=fresh)  # it may have helped another device meanwhile
            if planned.setup.partner is None:
                return _alone(bench, link, planned, turn, on_stage)
            return _with_partner(bench, link, planned, turn, _Asked(on_stage, failed))


def _ask_codec(bench: Bench, link: DeviceLink, planned: PlannedTrial) -> Made:
    began, driver = now(), link.driver
    assert planned.setup.codec is not None
    if not isinstance(driver, CodesSpeech):
        raise ProbeRefused(
            "this probe codes no speech", device=str(link.ref), code="unsupported",
            hint="leave the test out for this device",
        )  # fmt: skip
    limit_s = planned.audio_s + bench.plan.timeouts.trial_margin_s
    with link.calling(), watchdog(driver, limit_s):
        return Made(began, codec=driver.codec_cost(planned.setup.codec))


def _alone(
    bench: Bench, link: DeviceLink, planned: PlannedTrial, turn: Turn, on_stage: OnStage
) -> Made:
    began, driver = now(), link.driver

    with acting(driver, planned) as acts:

        def on_progress(progress: Progress) -> None:
            acts.note(progress)
            if progress.stage == "fetching":
                turn.release()
            on_stage(progress.stage, progress.fraction)

        limit_s = planned.audio_s + bench.plan.timeouts.trial_margin_s
        with link.calling(), watchdog(driver, limit_s):
            capture = driver.run(planned.request, plays_of(planned), on_progress)
    return Made(began, capture, actions=acts.outcomes)


def _with_partner(
    bench: Bench, link: DeviceLink, planned: PlannedTrial, turn: Turn, asked: _Asked
) -> Made | None:
    wait_s = bench.plan.timeouts.trial_margin_s
    with bench.partners.borrowed(link, bench.stop, wait_s=wait_s, last=asked.failed) as helper:
        if bench.stop.requested:
            return None
        if helper is None:
            raise PartnerFailed("no partner in its zone is free and able to help")
        _make_ready(helper)
        began = now()
        try:
            with acting(link.driver, planned) as acts:
                told = _Both(bench, (link, helper), turn, acts, asked.on_stage)
                own, other = _exchange(bench, link, helper, planned, told)
        finally:
            bench.observe(PartnerProgress(helper.ref, link.ref, "done", 1.0))
        _look_at_gates(bench, helper, other)
        return Made(began, own, Heard(helper.ref.uid, other), acts.outcomes)


def _make_ready(helper: DeviceLink) -> None:
    """Reach the partner if it is not connected. Raises :class:`PartnerFailed`."""
    try:
        helper.ready()
    except DeviceError as exc:
        helper.blame(exc)
        raise failed_partner(helper.driver, exc) from exc
    if helper.facts is not None and helper.facts.is_emulator:
        helper.unfit = "an emulator hears nothing"
        raise PartnerFailed("the partner is an emulator", uid=helper.ref.uid)


def _exchange(
    bench: Bench, link: DeviceLink, helper: DeviceLink, planned: PlannedTrial, told: _Both
) -> tuple[Capture, Capture]:
    part = planned.setup.partner
    assert part is not None
    limit_s = planned.audio_s + bench.plan.timeouts.trial_margin_s
    own = Half(link.driver, planned.request, plays_of(planned), told.by_own, limit_s)
    other = Half(
        helper.driver, part.request, schedule(part.stimulus, part.at_s), told.by_partner, limit_s
    )
    try:
        return play_together(own, other, bench.stop)
    except PartnerFailed as exc:
        if isinstance(exc.cause, DeviceError):
            helper.blame(exc.cause)
        raise
    finally:
        link.came_back(own.error)
        helper.came_back(other.error)


def _look_at_gates(bench: Bench, helper: DeviceLink, capture: Capture) -> None:
    """A partner that gets hot or empty helps no more."""
    crossed = gate_crossed(health_of(capture.report), bench.plan.gates)
    if crossed is not None:
        helper.unfit = crossed[1]
        bench.observe(Log("warning", f"helps no more: {crossed[1]}", helper.ref))


class _Both:
    """What the two devices of an exchange tell; gives the zone back when neither plays."""

    def __init__(
        self,
        bench: Bench,
        pair: tuple[DeviceLink, DeviceLink],
        turn: Turn,
        acts: Acting,
        on_stage: OnStage,
    ) -> None:
        self._bench, (self._link, self._helper) = bench, pair
        self._turn, self._acts, self._on_stage = turn, acts, on_stage
        self._playing = {"own", "partner"}

    def by_own(self, progress: Progress) -> None:
        """The device under test."""
        self._acts.note(progress)
        if progress.stage == "fetching":
            self._silent("own")
        self._on_stage(progress.stage, progress.fraction)

    def by_partner(self, progress: Progress) -> None:
        """Its partner."""
        if progress.stage == "fetching":
            self._silent("partner")
        self._bench.observe(
            PartnerProgress(self._helper.ref, self._link.ref, progress.stage, progress.fraction)
        )

    def _silent(self, who: str) -> None:
        self._playing.discard(who)
        if not self._playing:
            self._turn.release()
