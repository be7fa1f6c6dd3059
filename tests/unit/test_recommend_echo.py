"""Canceller, delay hint, barge-in and the session: knowledge in, setting out."""

from __future__ import annotations

import pytest
from known_models import advice, facts, knowledge, network, quantity, said, setting

from profiler.budget import COMMUNICATION_PATH
from profiler.model import Confidence, SettingValue, UseCase, Verdict
from profiler.recommend.duplex import filters_for

AGENT, CALL, MUSIC = UseCase.VOICE_AGENT, UseCase.CALL, UseCase.MUSIC
GOOD = {
    ("A1", "erle_low_db[volume=0.5]"): 28.0,
    ("A1", "erle_low_db[volume=1]"): 36.0,
    ("A1", "voice_per_min[volume=1]"): 0.0,
}
WEAK = {
    ("A1", "erle_low_db[volume=1]"): 19.0,
    ("A1", "erle_db[volume=1]"): 20.0,
    ("A1", "voice_per_min[volume=1]"): 4.0,
}
BAD = {
    ("A1", "erle_low_db[volume=1]"): 3.0,
    ("A1", "erle_db[volume=1]"): 5.0,
    ("A1", "voice_per_min[volume=1]"): 15.0,
}


def value(name: str, numbers: dict, use: UseCase = AGENT, **more: object) -> SettingValue:  # type: ignore[type-arg]
    return setting(advice(knowledge(numbers, **more), use), name).value  # type: ignore[arg-type]


def rule(name: str, numbers: dict, use: UseCase = AGENT, **more: object) -> tuple[object, str]:  # type: ignore[type-arg]
    found = setting(advice(knowledge(numbers, **more), use), name)  # type: ignore[arg-type]
    return found.value, found.rule


def test_who_cancels() -> None:
    assert rule("aec", {}) == ("software", "echo.cautious")
    assert rule("aec", {}, of=facts(ios=True)) == ("hardware", "echo.cautious")
    assert rule("aec", GOOD, MUSIC) == ("off", "echo.music")
    assert rule("aec", GOOD) == ("hardware", "echo.good_hardware")
    assert rule("aec", BAD) == ("software", "echo.bad_hardware")
    assert rule("aec", WEAK) == ("software", "echo.bad_hardware")
    quiet = WEAK | {("A1", "voice_per_min[volume=1]"): 0.0}
    assert rule("aec", quiet) == ("hardware", "echo.good_hardware")
    loud = GOOD | {("A1", "voice_per_min[volume=1]"): 2.0}
    assert rule("aec", loud) == ("hardware", "echo.good_hardware")
    assert rule("aec", BAD, of=facts(ios=True)) == ("hardware", "echo.bad_hardware")


def test_a_canceller_that_stays_on_is_helped() -> None:
    stays = said("A1", Verdict.MARGINAL, reasons=["erle_baseline_not_aec_off"])
    assert rule("aec", WEAK, tests=[stays]) == ("both", "echo.bad_hardware")
    nothing = BAD | {("A1", "erle_db[volume=1]"): 2.0, ("A1", "erle_low_db[volume=1]"): 1.0}
    assert rule("aec", nothing, tests=[stays]) == ("software", "echo.bad_hardware")


def test_effects_that_the_stack_does_not_take() -> None:
    aosp = {("A2", "aosp_software_effect"): 1.0}
    made = advice(knowledge(GOOD | aosp))
    found = setting(made, "aec")
    assert (found.value, found.default, found.rule) == ("software", "software", "echo.not_offered")
    assert setting(advice(knowledge(GOOD)), "aec").default == "hardware"
    own = {("A2", "aosp_software_effect"): 0.0, ("A2", "reported_on[volume=1]"): 1.0}
    assert rule("aec", GOOD | own) == ("hardware", "echo.good_hardware")
    refused = {("A2", "reported_on[volume=1]"): 0.0, ("A2", "reported_on[volume=0.5]"): 0.0}
    assert rule("aec", GOOD | refused) == ("software", "echo.not_offered")
    idle = {("A2", "effective_low_db[volume=1]"): 0.5, ("A2", "effective_db[volume=1]"): 1.0}
    assert rule("aec", idle) == ("software", "echo.idle_effect")
    assert rule("aec", GOOD | aosp, of=facts(ios=True))[0] == "hardware"


def test_a_canceller_that_swallows_people_is_not_used() -> None:
    assert rule("aec", GOOD | {("A3", "attenuation_db"): 14.0}) == ("software", "echo.damage")
    assert rule("aec", GOOD | {("A3", "attenuation_db"): 2.0})[0] == "hardware"


def test_the_path_of_calls_is_left_where_its_canceller_is() -> None:
    slow = {("L1", "rtl_ms"): 100.0, ("L2", "rtl_off_ms"): 140.0}
    assert rule("audio_mode", BAD | slow) == ("media", "echo.media_beside_software")
    assert rule("usage", BAD | slow) == ("media", "echo.media_beside_software")
    calls = f"rtl_ms[{COMMUNICATION_PATH}]"
    path = {("L1", "rtl_ms"): 100.0, ("L1", calls): 300.0}
    assert rule("audio_mode", BAD | path)[0] == "media"
    made = advice(knowledge(BAD | slow))
    assert setting(made, "audio_mode", "bluetooth_sco").value == "communication"
    assert setting(made, "usage", "bluetooth_le").value == "voice_communication"
    for numbers, use in (
        (GOOD | slow, AGENT),  # the platform's canceller is used
        (slow, AGENT),  # nobody knows that it is bad
        (BAD, AGENT),  # nobody knows what the path costs
        (BAD | slow, CALL),  # a call goes on at the ear, or in a headset
        (BAD | {("L1", "rtl_ms"): 100.0, ("L2", "rtl_off_ms"): 103.0}, AGENT),
    ):
        assert value("audio_mode", numbers, use) == "communication"
    assert value("audio_mode", BAD | slow, of=facts(ios=True)) == "communication"


def test_noise_level_preset_and_order() -> None:
    assert value("ns", GOOD) == "hardware"
    assert value("ns", BAD) == "software"
    assert value("ns", GOOD | {("V6", "attenuation_db"): 14.0}) == "software"
    assert value("ns", GOOD, MUSIC) == "off"
    assert value("agc", {}) == "software"
    follows = {("V3", "gain_range_db"): 11.0}
    assert value("agc", follows, tests=[said("V3")]) == "hardware"
    assert value("agc", follows, tests=[said("V3", Verdict.FAIL)]) == "software"
    assert value("agc", {}, of=facts(ios=True)) == "hardware"
    assert value("agc", {}, MUSIC) == "off"
    assert value("input_preset", BAD) == "voice_recognition"
    assert value("input_preset", BAD, CALL) == "voice_communication"
    assert value("input_preset", GOOD) == "voice_communication"
    silent = {("D1", "zero_run_ms[preset=voice_recognition]"): 1312.0}
    silent |= {("D1", "zero_run_ms[preset=generic]"): 0.0}
    assert value("input_preset", BAD | silent) == "generic"
    assert value("restart_between_modes", {}) is True
    assert value("restart_between_modes", {("A7", "order_db[after=media_run]"): 6.5}) is True
    assert value("restart_between_modes", {("A7", "order_db[after=media_run]"): -1.3}) is False
    assert value("restart_between_modes", {}, MUSIC) is False


@pytest.mark.parametrize(
    ("delay_ms", "filters"), [(0, 5), (480, 5), (512, 5), (600, 6), (800, 8), (1000, 11)]
)
def test_filters_reach_the_echo(delay_ms: float, filters: int) -> None:
    """F9's own examples; 512 ms is what five filters search."""
    assert filters_for(delay_ms) == filters
    if filters > 5:
        assert ((filters - 1) * 24 + 32) * 4 >= delay_ms > ((filters - 2) * 24 + 32) * 4


def test_hint_filters_and_tail() -> None:
    echo = BAD | {("A1", "echo_delay_ms[volume=1]"): 147.0}
    assert value("aec_delay_hint_ms", echo) == 147
    assert value("aec_filters", echo) == 5
    assert value("aec_delay_hint_ms", GOOD | {("A1", "echo_delay_ms[volume=1]"): 147.0}) is None
    assert value("aec_delay_hint_ms", {("L1", "rtl_ms"): 90.0}) == 90
    late = BAD | {("A1", "echo_delay_ms[volume=1]"): 632.0}
    made = advice(knowledge(late))
    assert setting(made, "aec_delay_hint_ms").value == 500
    assert setting(made, "aec_filters").value == 7
    assert setting(made, "aec_filters").confidence is Confidence.LOW
    assert "echo_too_late" in [c.code for c in made.cautions]
    spread = {
        ("L1", "rtl_ms"): 100.0, ("L1", "rtl_min_ms"): 90.0, ("L1", "rtl_max_ms"): 117.0,
        ("L4", "wander_pp_ms"): 21.8,
    }  # fmt: skip
    assert value("aec_tail_ms", spread) == 110  # 27 + 21.8 + 60, in tens
    assert value("aec_tail_ms", GOOD) is None


def test_the_hint_follows_a_change_of_api() -> None:
    numbers = BAD | {
        ("A1", "echo_delay_ms[volume=1]"): 150.0, ("L1", "rtl_ms"): 140.0,
        ("L3", "rtl_ms[api=java]"): 100.0,
    }  # fmt: skip
    phone = facts(apis=("aaudio", "java"))
    assert value("api", numbers, of=phone) == "java"
    assert value("aec_delay_hint_ms", numbers, of=phone) == 110


BARGE = {
    ("A9", "full_duplex"): 1.0, ("A9", "max_safe_volume"): 0.75, ("A9", "margin_db"): 2.7,
    ("A9", "mic_holdoff_s"): 1.78,
}  # fmt: skip


def test_barge_in_follows_a9() -> None:
    assert value("full_duplex", {}) is False
    assert value("full_duplex", {}, CALL) is True
    assert value("max_safe_volume", {}, CALL) == 0.25
    assert value("max_safe_volume", {}, MUSIC) == 1.0
    assert value("full_duplex", GOOD | BARGE) is True
    assert value("max_safe_volume", GOOD | BARGE, CALL) == 0.75
    never = GOOD | {("A9", "full_duplex"): 0.0, ("A9", "max_safe_volume"): 0.0}
    assert value("full_duplex", never) is False
    assert value("full_duplex", never, CALL) is True
    assert value("max_safe_volume", GOOD | {("A9", "full_duplex"): 0.0}, CALL) is None
    aosp = GOOD | BARGE | {("A2", "aosp_software_effect"): 1.0}
    found = setting(advice(knowledge(aosp)), "full_duplex")
    assert (found.value, found.confidence) == (True, Confidence.LOW)
    torn = quantity("A9", "full_duplex", 1.0, least=0.0)
    assert setting(advice(knowledge(GOOD, quantities=[torn])), "full_duplex").value is False


@pytest.mark.parametrize("use", [AGENT, CALL])
def test_no_safe_volume_never_ships_mute(use: UseCase) -> None:
    never = GOOD | {("A9", "full_duplex"): 0.0, ("A9", "max_safe_volume"): 0.0}
    found = setting(advice(knowledge(never), use), "max_safe_volume")
    assert (found.value, found.changed) == (None, False)
    assert "safe at no volume that was tried" in found.reason
    assert "the volume is left alone" in found.reason
    assert ("half duplex" in found.reason) == (use is AGENT)
    assert (found.rule, found.test_ids) == ("duplex.barge_in", ("A9",))


def test_what_the_assistant_hears_of_itself_limits_the_volume() -> None:
    turns = {
        ("A8", "false_turns[volume=0.5]"): 0.0, ("A8", "false_turns[volume=0.75]"): 3.0,
        ("A8", "false_turns[volume=1]"): 5.0,
    }  # fmt: skip
    assert value("max_safe_volume", GOOD | BARGE | turns) == 0.5
    assert value("full_duplex", GOOD | BARGE | turns) is True
    every = turns | {("A8", "false_turns[volume=0.5]"): 1.0}
    assert value("max_safe_volume", GOOD | BARGE | every) is None
    assert value("max_safe_volume", GOOD | BARGE | every, CALL) is None
    assert value("full_duplex", GOOD | BARGE | every) is False
    far = {("A9", "full_duplex"): 1.0, ("A9", "max_safe_volume"): 1.0}
    clips = {("V4", "clipped_percent[mode=communication]"): 3.0}
    assert value("max_safe_volume", GOOD | far | clips) == 0.75
    late = GOOD | far | {("A2", "aosp_software_effect"): 1.0}
    late |= {("A1", "echo_delay_ms[volume=1]"): 632.0}
    assert rule("full_duplex", late) == (False, "duplex.too_late")


def test_holdoff_and_detector() -> None:
    assert value("mic_holdoff_ms", {}) == 0  # half duplex
    assert value("mic_holdoff_ms", GOOD | BARGE) == 1780
    slow = {("A4", "convergence_s[volume=0.5]"): 2.5, ("A4", "convergence_s[volume=1]"): 6.0}
    assert value("mic_holdoff_ms", GOOD | BARGE | slow) == 2500  # 100 % is not safe anyway
    assert value("mic_holdoff_ms", GOOD | BARGE | slow, CALL) == 0
    aosp = GOOD | BARGE | {("A2", "aosp_software_effect"): 1.0}
    assert value("mic_holdoff_ms", aosp) == 1000
    assert value("vad_threshold_offset_db", GOOD | BARGE) == 3.3
    assert value("vad_threshold", GOOD | BARGE) == 0.7
    roomy = GOOD | BARGE | {("A9", "margin_db"): 22.0}
    assert value("vad_threshold_offset_db", roomy) == 0.0
    assert value("vad_threshold", roomy) == 0.5
    worse = GOOD | BARGE | {("A8", "voice_margin_db[volume=0.5]"): -40.0}
    assert value("vad_threshold_offset_db", worse) == 12.0
    assert value("vad_threshold_offset_db", {}) == 0.0


def test_starting_and_keeping_streams() -> None:
    cold = {
        ("L6", "cold_start_ms[start=first]"): 180.0,
        ("L6", "cold_start_ms[start=later]"): 340.0,
    }
    assert value("keep_warm_s", cold) == 30
    assert value("keep_warm_s", cold, CALL) == 0
    assert value("keep_warm_s", {("L6", "cold_start_ms[start=later]"): 180.0}) == 0
    lost = {("L6", "input_lost_ms[start=first]"): 68.2, ("L6", "input_lost_ms[start=later]"): 733.9}
    assert value("preroll_ms", lost) == 740
    assert value("prefix_padding_ms", lost) == 740
    assert value("prefix_padding_ms", {("L6", "input_lost_ms[start=first]"): 68.2}) == 300
    restart = "restart_engine_on_route_change"
    assert value(restart, {}) is True
    assert value(restart, {}, tests=[said("R1")]) is False
    assert value(restart, {}, tests=[said("R1", Verdict.FAIL)]) is True
    assert value(restart, {}, tests=[said("R1", Verdict.SKIPPED)]) is True
    aaudio = {("L1", "rtl_ms"): 60.0, ("L3", "rtl_ms[api=java]"): 140.0}
    assert value(restart, aaudio, tests=[said("R1")]) is True


def test_clocks_and_timestamps() -> None:
    assert value("trust_timestamps", {("L3", "timestamps_trusted"): 1.0}) is True
    assert value("trust_timestamps", {("L3", "timestamps_trusted"): 0.0}) is False
    assert value("drift_compensation", {("L5", "skew_ppm"): -60.0}) is True
    assert value("drift_compensation", {("L5", "skew_ppm"): 17.0}) is False
    # 3.6 ms a minute are 60 ppm; L5 knows better when it was made.
    assert value("drift_compensation", {("L4", "slope_ms_per_min"): 3.6}) is True
    assert value("drift_compensation", {("L4", "slope_ms_per_min"): -2.3}) is False
    both = {("L4", "slope_ms_per_min"): 3.6, ("L5", "skew_ppm"): 1.0}
    assert value("drift_compensation", both) is False


def test_agent_fields_are_for_agents() -> None:
    made = advice(knowledge())
    assert setting(made, "noise_reduction").value == "far_field"
    assert setting(made, "noise_reduction", "wired").value == "near_field"
    assert setting(made, "full_duplex", "bluetooth_sco").value is True
    assert setting(made, "vad_stop_ms").value == 200
    lossy = network(loss_percent=1, burst_enter_percent=3, burst_leave_percent=25)
    assert setting(advice(knowledge(), on=lossy), "vad_stop_ms").value == 280  # 4 * 20 ms more
    for name in ("noise_reduction", "vad_threshold", "vad_stop_ms", "prefix_padding_ms"):
        assert advice(knowledge(), CALL).setting(name) is None


def test_routes() -> None:
    numbers = BAD | {
        ("R1", "latency_ms[route=speaker]"): 100.0, ("R1", "latency_ms[route=earpiece]"): 132.4,
        ("B1", "rtl_ms[route=bluetooth_sco]"): 640.0,
        ("B1", "bt_rate_hz[route=bluetooth_sco]"): 16_000.0, ("B2", "silence_s"): 0.634,
        ("L5", "skew_ppm"): 1.0,
    }  # fmt: skip
    made = advice(knowledge(numbers))
    assert setting(made, "aec_delay_hint_ms", "earpiece").value == 132
    assert setting(made, "aec_delay_hint_ms", "bluetooth_sco").value == 500
    assert all(s.key != "aec_delay_hint_ms@speaker" for s in made.settings)
    assert setting(made, "capture_rate_hz", "bluetooth_sco").value == 16_000
    assert setting(made, "preroll_ms", "bluetooth_sco").value == 640
    assert setting(made, "drift_compensation").value is False
    assert setting(made, "drift_compensation", "usb").value is True
