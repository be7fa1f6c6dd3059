"""D1, D2, G1, G2, G3 on virtual phones whose truth is known."""

from __future__ import annotations

import glitches
import pytest
from catalogue_runs import number, phone, run_test

from device_probes.virtual.buffers import conditions, needed_bursts
from profiler.catalogue import TrialOptions

BUFFERS = """
[phone.buffers]
safe_bursts = 2
load_bursts = 1
idle_bursts = 1
late_factor = 5
"""


def options(*tests: str, **changes: object) -> TrialOptions:
    return TrialOptions(seed=3, tests=tests, brief=True, **changes)  # type: ignore[arg-type]


def test_the_smallest_safe_buffer_of_a_phone_plain_and_loaded() -> None:
    with phone(BUFFERS, seed=3) as (driver, facts):
        some = {"buffer_bursts": (1, 2, 3, 4)}
        calm, records = run_test(driver, facts, "G1", options("G1", **some))
        assert number(calm, "safe_bursts") == needed_bursts(driver.phone.spec.buffers)
        for record, truth in zip(records, driver.phone.truths, strict=True):
            (needed,) = {
                needed_bursts(driver.phone.spec.buffers, loaded=c.loaded)
                for c in conditions(driver.phone.spec.buffers, record.request)
            }
            assert bool(truth.events) == (needed > (record.request.buffer_bursts or 0))
        loaded, _ = run_test(driver, facts, "G2", options("G2", **some), others=records)
        assert number(loaded, "safe_bursts[state=loaded]") == 3
        assert "glitches" in loaded.reasons


def test_an_untouched_phone() -> None:
    with phone(BUFFERS, seed=4) as (driver, facts):
        chosen = options("G1", "G3", buffer_bursts=(2, 3))
        _, fresh = run_test(driver, facts, "G1", options("G1", buffer_bursts=(2, 3, 4)))
        idle, records = run_test(driver, facts, "G3", chosen, others=fresh)
        assert number(idle, "callback_ratio") == pytest.approx(5.0, rel=0.1)
        assert "callbacks_late" in idle.reasons
        assert all(r.findings is not None for r in records)


def test_a_phone_that_grants_its_own_buffer() -> None:
    text = "[phone.streams]\nhonours_buffer = false\n" + BUFFERS
    with phone(text, seed=5) as (driver, facts):
        result, _ = run_test(driver, facts, "G1", options("G1", buffer_bursts=(1, 2, 3)))
        assert number(result, "safe_bursts") == 4
        assert "granted_differs" in result.reasons


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_every_silent_configuration_and_no_other(seed: int) -> None:
    there, found, accused = glitches.one_silent(seed)
    assert (found, accused) == (there, 0)
    assert there > 0


@pytest.mark.parametrize(
    ("streams", "verdict", "said"),
    [
        ('channels = "separate"', "pass", "two signals, the second -3.0 dB"),
        ('channels = "duplicated"', "pass", "the same signal in both"),
        ('channels = "first_only"', "marginal", "channel 2 of 2 is dead"),
        ("wrong_rates_hz = [[48000, 44100]]", "fail", "pitch times"),
        ("[[phone.streams.mono_is_stereo]]\npresets = ['voice_communication']", "fail",
         "two channels in one"),
    ],
)  # fmt: skip
def test_what_the_channels_hold(streams: str, verdict: str, said: str) -> None:
    with phone(f"[phone.streams]\n{streams}\n", seed=6) as (driver, facts):
        result, _ = run_test(driver, facts, "D2", options("D2"))
    assert (result.verdict, said in result.text) == (verdict, True), result.text


@pytest.mark.parametrize("seed", [11, 12])
def test_the_safe_buffer_of_drawn_phones_is_never_too_small(seed: int) -> None:
    true, measured = glitches.one_buffer(seed, brief=True)
    assert measured in (true, true + 1)
