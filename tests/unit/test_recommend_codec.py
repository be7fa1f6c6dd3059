"""Opus and the jitter buffer by network and use: knowledge in, setting out."""

from __future__ import annotations

import pytest
from known_models import QUIET, advice, facts, knowledge, network, setting

from profiler.model import NetworkScenario, SettingValue, UseCase
from profiler.networks import load_networks

AGENT, CALL, MUSIC = UseCase.VOICE_AGENT, UseCase.CALL, UseCase.MUSIC
KNOWN = load_networks()
FIVE = network("five", delay_ms=40, loss_percent=5)
BURSTY = network("burst", delay_ms=40, burst_enter_percent=6, burst_leave_percent=50)


def value(
    name: str,
    on: NetworkScenario,
    use: UseCase = CALL,
    numbers: dict | None = None,  # type: ignore[type-arg]
) -> SettingValue:
    return setting(advice(knowledge(numbers), use, on), name).value


def test_what_the_use_asks_for() -> None:
    for use, application, frame, bitrate, channels, dtx in (
        (CALL, "voip", 20, 32_000, 1, True),
        (AGENT, "voip", 20, 32_000, 1, False),
        (MUSIC, "audio", 10, 128_000, 2, False),
    ):
        assert value("opus_application", QUIET, use) == application
        assert value("opus_frame_ms", QUIET, use) == frame
        assert value("opus_bitrate_bps", QUIET, use) == bitrate
        assert value("opus_channels", QUIET, use) == channels
        assert value("opus_dtx", QUIET, use) is dtx
        assert value("opus_cbr", QUIET, use) is False


@pytest.mark.parametrize(
    ("loss", "fec", "told"), [(0, False, 0), (0.9, False, 0), (1, True, 1), (9.2, True, 10)]
)
def test_fec_by_loss(loss: float, fec: bool, told: int) -> None:
    on = network(loss_percent=loss)
    assert value("opus_fec", on) is fec
    assert value("opus_packet_loss_percent", on) == told
    assert value("opus_fec", on, MUSIC) is False


def test_bits_for_the_copy_where_there_is_room() -> None:
    assert value("opus_bitrate_bps", network(loss_percent=4)) == 32_000
    assert value("opus_bitrate_bps", FIVE) == 48_000
    narrow = network(loss_percent=5, rate_kbps=100)  # 2 * (48 + 20) do not fit
    assert value("opus_bitrate_bps", narrow) == 32_000


def test_a_narrow_link_gets_long_frames_then_fewer_bits() -> None:
    fits = network(rate_kbps=52)  # 32 + 400 / 20
    assert value("opus_frame_ms", fits) == 20
    tight = network(rate_kbps=51)
    assert (value("opus_frame_ms", tight), value("opus_bitrate_bps", tight)) == (60, 32_000)
    tighter = network(rate_kbps=30)  # 400 / 60 = 6.67 for headers
    assert (value("opus_frame_ms", tighter), value("opus_bitrate_bps", tighter)) == (60, 23_000)
    hopeless = network(rate_kbps=1)
    assert value("opus_bitrate_bps", hopeless) == 6_000
    assert value("opus_fec", network(rate_kbps=15, loss_percent=5)) is False  # 8 kbps hold no copy
    assert value("opus_frame_ms", network(loss_percent=25, rate_kbps=100)) == 60
    assert value("opus_frame_ms", network(loss_percent=25)) == 20


def test_bursts_call_for_redundancy() -> None:
    assert (value("red", FIVE), value("dred_ms", FIVE)) == (False, 0)
    assert (value("red", BURSTY), value("dred_ms", BURSTY)) == (True, 80)  # 2 * 2 * 20 ms
    narrow = network(burst_enter_percent=6, burst_leave_percent=50, rate_kbps=80)
    assert (value("red", narrow), value("dred_ms", narrow)) == (False, 80)
    assert (value("red", FIVE, MUSIC), value("dred_ms", FIVE, MUSIC)) == (True, 0)
    assert value("red", QUIET, MUSIC) is False


def test_complexity_is_the_largest_that_fits_and_falls_only_under_need() -> None:
    fits, at_5 = ("G5", "opus_complexity"), ("G5", "encode_p95_ms[complexity=5,pace=call]")
    assert value("opus_complexity", QUIET) == 5
    assert value("opus_complexity", QUIET, numbers={fits: 10.0}) == 10
    assert value("opus_complexity", QUIET, numbers={fits: 0.0, at_5: 6.0}) == 5
    assert value("opus_complexity", QUIET, numbers={fits: 0.0, at_5: 14.0}) == 0


def test_short_frames_only_where_everything_allows_them() -> None:
    slow = {("L1", "rtl_ms"): 250.0, ("G5", "opus_complexity"): 10.0}
    assert value("opus_frame_ms", QUIET, numbers=slow) == 10
    assert value("opus_bitrate_bps", QUIET, numbers=slow) == 48_000
    fast = slow | {("L1", "rtl_ms"): 20.0, ("L3", "rtl_ms[api=java]"): 15.0}
    assert value("opus_frame_ms", QUIET, numbers=fast) == 20
    assert value("opus_frame_ms", FIVE, numbers=slow) == 20
    assert value("opus_frame_ms", network(rate_kbps=80), numbers=slow) == 20
    assert value("opus_frame_ms", QUIET, numbers={("L1", "rtl_ms"): 250.0}) == 20


def test_band_follows_microphone_and_path() -> None:
    assert value("opus_max_playback_hz", QUIET) == 48_000
    dead = {("D1", "zero_run_ms[rate=48000]"): 1312.0, ("D1", "zero_run_ms[rate=16000]"): 0.0}
    assert value("opus_max_playback_hz", QUIET, numbers=dead) == 16_000
    edge = {("V5", "edge_hi_hz[mode=communication]"): 5_600.0}
    assert value("opus_max_playback_hz", QUIET, numbers=edge) == 16_000
    assert value("opus_max_playback_hz", QUIET, MUSIC, edge) == 48_000


def test_the_ceiling_of_the_use_is_raised_by_the_network() -> None:
    quick = {("L1", "rtl_ms"): 30.0}
    for use, most in ((AGENT, 100), (CALL, 200), (MUSIC, 60)):
        assert value("jitter_buffer_max_ms", QUIET, use, quick) == most
        assert value("jitter_buffer_min_ms", QUIET, use) == 0
        assert value("jitter_buffer_target_ms", QUIET, use) is None
    far = setting(advice(knowledge(quick), AGENT, KNOWN["international"]), "jitter_buffer_max_ms")
    assert far.rule == "playout.network"
    assert isinstance(far.value, int)
    assert far.value >= 200  # jitter of 100 ms, Pareto


def test_the_goal_lowers_the_ceiling_or_is_impossible() -> None:
    # 400 - (250 + 33.5 + 10) leave 106.5 ms: in steps of 40.
    known = knowledge({("L1", "rtl_ms"): 250.0}, of=facts(apis=("java",)))
    made = advice(known, CALL, QUIET)
    ceiling = setting(made, "jitter_buffer_max_ms")
    assert (ceiling.value, ceiling.rule) == (80, "playout.budget")
    assert "budget_impossible" not in [c.code for c in made.cautions]
    slow = advice(knowledge({("L1", "rtl_ms"): 390.0}), CALL, QUIET)
    (caution,) = [c for c in slow.cautions if c.code == "budget_impossible"]
    assert "device takes 390 ms" in caution.text
    assert setting(slow, "jitter_buffer_max_ms").value == 200


def test_music_says_headphones() -> None:
    assert "headphones" in [c.code for c in advice(knowledge(), MUSIC).cautions]
    assert "headphones" not in [c.code for c in advice(knowledge(), CALL).cautions]
