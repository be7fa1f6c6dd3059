"""Both sides of an advice through a bench whose sessions are already known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from known_models import MEASURED_AT, advice, knowledge, network

from profiler.model import Advice, Difference, Outcome, PartSource, UseCase
from profiler.verify import (
    DeviceDelay,
    EchoFacts,
    StackBench,
    Stamp,
    device_delay,
    verify,
    wanted_keys,
)
from profiler.verify.bench import Measured
from profiler.verify.proofs import OPUS_TYPE, RED_TYPE, Seen
from profiler.verify.sessions import Failed
from profiler.verify.stack import StackSettings

LOSSY = network("lossy", delay_ms=40, loss_percent=10, jitter_ms=5)
STAMP = Stamp("f" * 64, MEASURED_AT, "0.1.0", False)
SEEDS = range(1, 7)


def seen(settings: StackSettings, seed: int) -> Seen:
    """As a session would show it that did what was asked."""
    pauses = {19_200: 3} if settings.dtx else {}
    rate = (settings.bitrate_bps or 32_000) / 1000 * (2 if settings.red else 1)
    return Seen(
        network_lost=60 + seed,
        network_sent=600,
        receiver_lost=60 + seed,
        receiver_jitter_ms=5,
        frame_steps={settings.frame_samples: 599, **pauses},
        types={RED_TYPE if settings.red else OPUS_TYPE: 600},
        bitrate_kbps=rate,
        fec_packets=0 if settings.fec is False else 300,
        target_ms=60,
    )


def bench(made: Advice, *, spoilt: dict[str, object] | None = None) -> StackBench:
    found = StackBench()
    for settings, scenario, seed, seconds in wanted_keys(made, LOSSY, SEEDS, 12.0):
        values = {"stack_delay_ms": 140.0 + seed, "pesq": 3.4 + 0.01 * seed, "stoi": 0.97}
        shown = replace(seen(settings, seed), **(spoilt or {}))  # type: ignore[arg-type]
        found.done[settings, scenario, seed, seconds] = Measured(values, shown)
    return found


def run(made: Advice, device: DeviceDelay, at: StackBench | None = None):
    return verify(made, scenario=LOSSY, device=device, stamp=STAMP, bench=at or bench(made))


@pytest.fixture(scope="module")
def made() -> Advice:
    return advice(knowledge({("L1", "rtl_ms"): 120.0}), UseCase.CALL, LOSSY)


def test_the_phones_own_part_is_added_to_each_side(made: Advice):
    found = run(made, DeviceDelay(90.0, 210.0, ("L3 says", "L1 says")))
    ours, theirs = (
        next(m for m in side.metrics if m.name == "mouth_to_ear_ms")
        for side in (found.recommended, found.default)
    )
    assert ours.values == tuple(140.0 + s + 90 for s in SEEDS)
    assert theirs.values == tuple(140.0 + s + 210 for s in SEEDS)
    shift = next(d for d in found.differences if d.name == "mouth_to_ear_ms")
    assert shift.median == pytest.approx(-120)
    assert shift.difference is Difference.BETTER
    assert found.outcome is Outcome.BETTER
    assert any("90 ms are the phone's own part: L3 says" in p for p in found.recommended.proofs)


def test_an_unknown_phone_is_judged_by_the_stack_alone(made: Advice):
    found = run(made, DeviceDelay(90.0, None))
    assert "mouth_to_ear_ms" not in {d.name for d in found.differences}
    assert "stack_delay_ms" in {d.name for d in found.differences}
    assert any("not known" in p for p in found.default.proofs)
    assert run(made, DeviceDelay(None, None)).predicted_mouth_to_ear_ms is None


def test_what_was_verified_is_recorded(made: Advice):
    found = run(made, DeviceDelay(90.0, 210.0))
    assert (found.advice_sha256, found.network, found.use) == ("f" * 64, "lossy", UseCase.CALL)
    assert found.model_key == made.facts.key
    assert found.recommended.settings["opus_frame_ms"] == made.value("opus_frame_ms")
    assert found.stack["wrtc"]
    assert found.predicted_mouth_to_ear_ms == pytest.approx(300, abs=150)


def test_settings_the_stack_does_not_take_are_named(made: Advice):
    assert made.value("opus_complexity") is not None
    found = run(made, DeviceDelay(90.0, 210.0))
    assert any("opus_complexity" in p and "not verified" in p for p in found.recommended.proofs)


def test_a_network_that_lost_nothing_verifies_nothing(made: Advice):
    spoilt = bench(made, spoilt={"receiver_lost": 0.0})
    found = run(made, DeviceDelay(90.0, 210.0), spoilt)
    assert found.outcome is Outcome.NOT_VERIFIED
    assert "the receiver missed 0" in found.text


def test_one_failed_session_of_six_is_too_few_and_its_reason_is_kept(made: Advice):
    spoilt = bench(made)
    key = next(iter(spoilt.done))
    spoilt.done[key] = Failed("this machine was too busy")
    found = run(made, DeviceDelay(90.0, 210.0), spoilt)
    assert found.outcome is Outcome.NOT_VERIFIED
    proofs = (*found.recommended.proofs, *found.default.proofs)
    assert any("too busy" in line for line in proofs)


def test_echo_is_compared_where_both_sides_have_a_canceller(made: Advice):
    echo = EchoFacts(delay_ms=90.0, hardware_erle_db=4.0)
    found = run(made, DeviceDelay(90.0, 210.0, echo=echo))
    erle = [m for side in (found.recommended, found.default) for m in side.metrics
            if m.name == "erle_db"]  # fmt: skip
    who = {made.value("aec"), made.setting("aec").default}  # type: ignore[union-attr]
    assert len(erle) == 2
    assert who <= {"software", "hardware", "both"}


def test_the_phones_part_comes_from_budgets_that_rest_on_measurements(made: Advice):
    facts = knowledge(
        {
            ("A1", "erle_db[volume=0.5]"): 30.0,
            ("A1", "erle_db[volume=1]"): 12.0,
            ("A1", "echo_delay_ms[volume=1]"): 150.0,
            ("L5", "skew_ppm"): 14.0,
        }
    )
    found = device_delay(made, facts)
    assert found.recommended_ms is not None
    assert found.echo == EchoFacts(150.0, 14.0, 12.0)
    guessed = advice(knowledge(), UseCase.CALL, LOSSY)
    parts = [p for b in guessed.budgets for p in b.parts if p.name == "device"]
    assert {p.source for p in parts} == {PartSource.ASSUMED}
    assert device_delay(guessed, knowledge()).recommended_ms is None


def test_a_bound_stands_in_where_the_canceller_left_nothing(made: Advice):
    facts = knowledge({("A1", "erle_low_db[volume=1]"): 35.0})
    assert device_delay(made, facts).echo.hardware_erle_db == 35.0
