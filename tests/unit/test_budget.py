"""Budgets against values computed by hand, goals at their borders, pipelines from files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_models import QUIET, facts, knowledge, network, quantity

from profiler.budget import (
    DEFAULT_MOUTH_TO_EAR,
    GOALS,
    Known,
    Pipeline,
    device_part,
    ends,
    find_pipeline,
    load_pipelines,
    mean_burst_packets,
    mean_loss_percent,
    mouth_to_ear,
    total,
    turn,
    wire_kbps,
)
from profiler.budget.goals import TERMINAL, feasible, held
from profiler.errors import InputError, PlanError
from profiler.model import (
    Budget,
    BudgetPart,
    Feasibility,
    Goal,
    NetworkPhase,
    NetworkScenario,
    PartSource,
    SettingValue,
    SupportLevel,
)
from profiler.networks import predict_playout

CALL: dict[str, SettingValue] = {
    "api": "aaudio", "audio_mode": "communication", "aec": "software", "opus_frame_ms": 20,
}  # fmt: skip
HARDWARE = CALL | {"aec": "hardware"}


def part(name: str, ms: float, low_ms: float | None = None, high_ms: float | None = None):  # type: ignore[no-untyped-def]
    low, high = ms if low_ms is None else low_ms, ms if high_ms is None else high_ms
    return BudgetPart(name, ms, low, high, PartSource.MEASURED, "x")


def goal(budget: Budget, limit_ms: float) -> Goal:
    return next(g for g in budget.goals if g.limit_ms == limit_ms)


# --- arithmetic ----------------------------------------------------------------------------------


def test_intervals_add_in_quadrature_to_each_side() -> None:
    parts = [part("a", 100, 97, 112), part("b", 50, 46, 55), part("c", 10)]
    ms, low_ms, high_ms = total(parts)
    assert ms == 160
    assert low_ms == pytest.approx(160 - 5)  # 3, 4
    assert high_ms == pytest.approx(160 + 13)  # 12, 5
    assert total([]) == (0, 0, 0)


spans = st.tuples(st.floats(0, 1e4), st.floats(0, 1e3), st.floats(0, 1e3))


@given(st.lists(spans, max_size=6))
def test_a_sum_lies_in_its_interval_and_is_no_worse_than_adding_ends(found: list) -> None:  # type: ignore[type-arg]
    parts = [part("p", ms, max(ms - below, 0), ms + above) for ms, below, above in found]
    ms, low_ms, high_ms = total(parts)
    assert 0 <= low_ms <= ms <= high_ms
    assert high_ms - ms <= sum(p.high_ms - p.ms for p in parts) + 1e-6


def test_mouth_to_ear_is_f7() -> None:
    known = knowledge({("L2", "rtl_off_ms"): 90.0, ("L1", "rtl_ms"): 60.0})
    made = mouth_to_ear(ends(known, CALL, QUIET))
    jitter_ms = predict_playout(QUIET, frame_ms=20)[0]
    assert [p.name for p in made.parts] == ["device", "codec", "network", "jitter_buffer"]
    assert [p.ms for p in made.parts] == [90.0, 33.5, 10.0, jitter_ms]
    assert made.total_ms == pytest.approx(133.5 + jitter_ms)
    assert (made.kind, made.pipeline) == ("mouth_to_ear", "")
    lowdelay = CALL | {"opus_application": "lowdelay", "opus_frame_ms": 10}
    assert mouth_to_ear(ends(known, lowdelay, QUIET)).parts[1].ms == 10 + 2.5 + 7
    cost = {("G5", "encode_p95_ms[complexity=5,pace=call]"): (3.0, 2.0, 4.0)}
    cost[("G5", "decode_p95_ms[complexity=5,pace=call]")] = (1.0, 1.0, 2.0)
    codec = ends(knowledge(cost), CALL, QUIET).codec  # type: ignore[arg-type]
    assert codec.ms == 37.5
    assert codec.low_ms == pytest.approx(37.5 - math.hypot(5, 1))
    assert codec.high_ms == pytest.approx(37.5 + math.hypot(5, 2))
    default = mouth_to_ear(ends(known, CALL, QUIET), kind=DEFAULT_MOUTH_TO_EAR)
    assert default.kind == "mouth_to_ear_default"
    assert len(default.goals) == 4


def test_the_turn_is_f8_and_crosses_the_network_twice() -> None:
    known = knowledge({("L2", "rtl_off_ms"): 90.0})
    between = ends(known, CALL | {"vad_stop_ms": 200}, QUIET)
    made = turn(between, load_pipelines()["pi"])
    assert {p.name: p.ms for p in made.parts[:3]} == {"device": 90, "codec": 33.5, "network": 10}
    assert [p.name for p in made.parts[3:]] == [
        "vad_stop", "stt", "llm", "tts", "network_back", "jitter_buffer",
    ]  # fmt: skip
    jitter_ms = made.parts[-1].ms
    assert made.total_ms == pytest.approx(90 + 33.5 + 10 + 200 + 300 + 500 + 300 + 10 + jitter_ms)
    assert made.parts[3].source is PartSource.COMPUTED
    unset = turn(ends(known, CALL, QUIET), load_pipelines()["pi"])
    assert (unset.parts[3].ms, unset.parts[3].source) == (500, PartSource.ASSUMED)
    assert {g.limit_ms for g in made.goals} == {232, 320}


def test_nothing_is_counted_twice() -> None:
    between = ends(knowledge({("L2", "rtl_off_ms"): 90.0}), CALL | {"vad_stop_ms": 200}, QUIET)
    model = turn(between, load_pipelines()["gpt-4o-mean"])
    assert [p.name for p in model.parts] == [
        "device", "codec", "network", "speech_model", "network_back", "jitter_buffer",
    ]  # fmt: skip
    vendor = mouth_to_ear(between, pipeline=load_pipelines()["sd-rtn"])
    assert {p.name: p.ms for p in vendor.parts} == {"device": 90, "vendor_network": 200}
    plain = mouth_to_ear(between, pipeline=load_pipelines()["webrtc"])
    assert plain.total_ms == mouth_to_ear(between).total_ms
    everything = replace(
        load_pipelines()["gpt-4o-best"],
        holds=("device", "codec", "network", "jitter_buffer", "vad_stop"),
    )
    assert [p.name for p in turn(between, everything).parts] == ["speech_model"]


# --- the device's part ---------------------------------------------------------------------------

L1, JAVA, L3 = ("L1", "rtl_ms"), ("L3", "rtl_ms[api=java]"), ("L3", "rtl_ms")


def device(numbers: dict, values: dict = CALL, **more: object) -> BudgetPart:  # type: ignore[type-arg]
    return device_part(Known(knowledge(numbers, **more)), values)  # type: ignore[arg-type]


def test_a_call_takes_the_round_trip_of_a_call() -> None:
    both = {L1: 60.0, ("L2", "rtl_ms"): 82.0, ("L2", "rtl_off_ms"): 66.0}
    assert device(both).ms == 66
    assert device(both, HARDWARE).ms == 82
    assert device(both, {"api": "aaudio", "audio_mode": "media"}).ms == 60
    media_only = device({L1: 60.0})
    assert (media_only.ms, media_only.high_ms) == (60, 95)
    assert "L2 would tell" in media_only.text
    path = "rtl_ms[path=speaker/communication/default/voice_communication]"
    assert device({L1: 60.0, ("L1", path): 78.0}).ms == 78


def test_another_api_adds_the_difference_with_its_error() -> None:
    numbers = {L1: 60.0, L3: (60.0, 57.0, 63.0), JAVA: (140.0, 136.0, 144.0)}
    java = CALL | {"api": "java", "audio_mode": "media"}
    made = device(numbers, java)
    assert made.ms == 140
    assert made.high_ms == pytest.approx(145)  # 4, 3
    assert made.low_ms == pytest.approx(135)
    assert made.source is PartSource.MEASURED
    unknown = device({L1: 60.0}, java, of=facts(apis=("aaudio", "opensles")))
    assert (unknown.ms, unknown.high_ms) == (60, 170)
    assert "L3 would tell" in unknown.text
    mode = {L1: 60.0, ("L3", "rtl_ms[performance=none]"): 81.0}
    none = {"api": "aaudio", "audio_mode": "media", "performance_mode": "none"}
    assert device(mode, none).ms == 81
    assert device(mode, none | {"performance_mode": "low_latency"}).ms == 60


def test_the_buffer_counts_in_bursts_of_five_milliseconds() -> None:
    media = {"api": "aaudio", "audio_mode": "media"}
    numbers = {L1: 60.0, ("L3", "rtl_ms[bursts=2]"): 58.0, ("L3", "rtl_ms[bursts=8]"): 88.0}
    for bursts, ms in ((2, 58), (4, 68), (7, 83), (8, 88)):
        assert device(numbers, media | {"buffer_bursts": bursts}).ms == ms
    assert device(numbers, media | {"buffer_frames": 960}).ms == 68
    assert device(numbers, media).ms == 60
    refused = numbers | {("G1", "sizes_refused"): 7.0}
    assert device(refused, media | {"buffer_bursts": 8}).ms == 60


def test_the_spread_between_opens_is_in_the_interval() -> None:
    numbers = {L1: (100.0, 99.0, 101.0), ("L1", "rtl_min_ms"): 90.0, ("L1", "rtl_p95_ms"): 120.0}
    made = device(numbers, {"api": "aaudio", "audio_mode": "media"})
    assert (made.low_ms, made.ms, made.high_ms) == (90, 100, 120)


def test_inherited_and_unmeasured() -> None:
    media = {"api": "aaudio", "audio_mode": "media"}
    assert device({L1: 60.0}, media, level=SupportLevel.SAME_SOC).source is PartSource.INHERITED
    guess = device({})
    assert (guess.ms, guess.low_ms, guess.high_ms) == (200, 100, 500)
    assert guess.source is PartSource.ASSUMED
    assert device({}, of=facts(ios=True)).ms == 188
    broken = device({}, media, quantities=[quantity("L1", "rtl_ms", math.nan)])
    assert broken.source is PartSource.ASSUMED


def test_the_probes_api() -> None:
    def api(numbers: dict, **more: object) -> str | None:  # type: ignore[type-arg]
        return Known(knowledge(numbers, of=facts(**more))).probed_api

    assert api({}, apis=("java", "opensles")) == "java"
    assert api({}, apis=()) is None
    assert api({JAVA: 1.0}, apis=()) == "aaudio"
    assert api({("D1", "zero_run_ms[api=aaudio]"): 0.0}, apis=()) == "java"
    voice = {("L3", "rtl_ms[api=coreaudio_voice_processing]"): 1.0}
    assert api(voice, apis=(), ios=True) == "coreaudio_remote_io"


# --- networks and goals --------------------------------------------------------------------------


def test_loss_bursts_and_wire() -> None:
    gilbert = network(burst_enter_percent=3, burst_leave_percent=25)
    assert mean_loss_percent(gilbert) == pytest.approx(10.714, abs=1e-3)  # p / (p + r)
    assert mean_burst_packets(gilbert) == 4
    both = network(burst_enter_percent=3, burst_leave_percent=25, loss_percent=10)
    assert mean_loss_percent(both) == pytest.approx(100 * (1 - 0.9 * 25 / 28))
    phases = (NetworkPhase(loss_percent=1), NetworkPhase(begin_s=5, loss_percent=7))
    assert mean_loss_percent(NetworkScenario("p", "p", phases, "test")) == pytest.approx(7)
    assert mean_burst_packets(QUIET) == 0
    assert wire_kbps(32_000, 20) == 52
    assert wire_kbps(0, 60) == pytest.approx(6.67, abs=0.01)


def test_a_value_at_the_limit_keeps_it() -> None:
    assert feasible(100, 150, 150) is Feasibility.POSSIBLE
    assert feasible(100, 150.001, 150) is Feasibility.UNCERTAIN
    assert feasible(150, 200, 150) is Feasibility.UNCERTAIN
    assert feasible(150.001, 200, 150) is Feasibility.IMPOSSIBLE


def test_goals_have_an_origin_and_a_scope() -> None:
    assert [g.limit_ms for g in GOALS] == [150, 157, 197, 232, 320, 400]
    assert all(g.origin for g in GOALS)
    assert {g.limit_ms for g in GOALS if g.scope == TERMINAL} == {157, 197}


def test_the_terminal_goals_leave_the_network_out() -> None:
    bare = [part("device", 100), part("codec", 30), part("terminal_buffer", 20)]
    goals = {g.limit_ms: g for g in held("mouth_to_ear", [*bare, part("network", 250)], bare)}
    assert goals[157].feasibility is Feasibility.POSSIBLE  # 150
    assert goals[150].feasibility is Feasibility.IMPOSSIBLE  # 400
    assert goals[150].blame == "network"
    assert "the device would allow it" in goals[150].text
    assert goals[400].feasibility is Feasibility.POSSIBLE
    assert goals[400].blame == ""


def test_impossible_on_this_device_even_without_a_network() -> None:
    known = knowledge({("L2", "rtl_off_ms"): 380.0})
    made = mouth_to_ear(ends(known, CALL, network(delay_ms=400)))
    found = goal(made, 400)
    assert (found.feasibility, found.blame) == (Feasibility.IMPOSSIBLE, "device")
    assert "impossible on this device: even with no network" in found.text
    assert "impossible on this device" in made.text
    fine = goal(mouth_to_ear(ends(knowledge({("L2", "rtl_off_ms"): 20.0}), CALL, QUIET)), 150)
    assert fine.feasibility is Feasibility.POSSIBLE
    unsure = goal(mouth_to_ear(ends(knowledge(), CALL, QUIET)), 400)
    assert unsure.feasibility is Feasibility.UNCERTAIN
    agent = turn(ends(known, CALL, QUIET), load_pipelines()["gpt-4o-best"])
    assert goal(agent, 320).blame == "device"


def test_a_dead_network_is_a_number_and_no_exception() -> None:
    made = mouth_to_ear(ends(knowledge(), CALL, network(loss_percent=100)))
    assert math.isfinite(made.total_ms)
    assert goal(made, 400).blame == "jitter_buffer"


# --- pipelines -----------------------------------------------------------------------------------

OURS = """
[[pipelines]]
name = "ours"
kind = "turn"
source = "measured"
contains = "all"
[[pipelines.parts]]
name = "llm"
ms = 300
low_ms = 200
high_ms = 400
basis = "assumed"
"""


def loaded(tmp_path: Path, text: str) -> dict[str, Pipeline]:
    file = tmp_path / "p.toml"
    file.write_text(text, "utf-8")
    return load_pipelines(file)


def test_built_in_pipelines_name_their_sources() -> None:
    found = load_pipelines()
    assert {p.parts[0].ms for n, p in found.items() if n.startswith("gpt-4o")} == {232, 320}
    assert {p.parts[0].ms for n, p in found.items() if n.startswith("voice-mode")} == {2800, 5400}
    assert {"pi", "call-annie", "evi", "sd-rtn", "webrtc"} < set(found)
    for pipeline in found.values():
        assert pipeline.source
        assert pipeline.contains
        for p in pipeline.parts:
            assert p.basis in (PartSource.PUBLISHED, PartSource.ASSUMED)
            assert p.name not in pipeline.holds


def test_a_file_adds_pipelines(tmp_path: Path) -> None:
    found = loaded(tmp_path, OURS)
    assert found["ours"].parts[0].ms == 300
    assert set(load_pipelines()) < set(found)
    made = turn(ends(knowledge(), CALL, QUIET), found["ours"])
    assert made.pipeline == "ours"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind =", "kinds =", "pipelines[0].kinds: unknown key, did you mean 'kind'?"),
        ('"turn"', '"talk"', "pipelines[0].kind"),
        ("ms = 300", "ms = 500", "is not between low_ms and high_ms"),
        ("ms = 300", "ms = '300'", "is not a number"),
        ("ms = 300", "ms = nan", "is not a finite number"),
        ('"assumed"', '"measured"', "pipelines[0].parts[0].basis"),
        ('name = "ours"', 'name = "gpt-4o-mean"', "is a built-in pipeline"),
        ('name = "ours"', 'name = "O\\u001b[2J"', "pipelines[0].name"),
        ('name = "llm"', 'name = "network"', "would be counted twice"),
        ('kind = "turn"', 'kind = "turn"\nholds = ["llm"]', "pipelines[0].holds"),
        ('contains = "all"', "", "contains: is missing"),
        (OURS, OURS + OURS, "is given twice"),
        (OURS, OURS.partition("[[pipelines.parts]]")[0], "a turn has at least one part"),
        (OURS, "= 3", "is not TOML"),
        (OURS, "", "is missing"),
    ],
)
def test_complaints_name_file_key_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(PlanError) as caught:
        loaded(tmp_path, OURS.replace(old, new, 1))
    assert said in str(caught.value)
    assert "p.toml" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_unknown_files_and_names() -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        load_pipelines(Path("/nowhere/p.toml"))
    with pytest.raises(InputError, match="did you mean gpt-4o-mean") as caught:
        find_pipeline("GPT-4o-men", load_pipelines())
    assert "--pipelines" in caught.value.hint
    with pytest.raises(InputError, match="unknown pipeline"):
        find_pipeline("\x1b[31m" + "x" * 500, load_pipelines())
    assert find_pipeline("pi", load_pipelines()).name == "pi"
