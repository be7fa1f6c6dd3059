"""The rule table as a whole: complete, ordered, total, and what docs/recommend.md prints."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_models import advice, facts, knowledge, network, quantity, said, setting

from profiler.budget import Known
from profiler.catalogue import TESTS
from profiler.model import (
    ROUTES,
    SETTINGS,
    Caution,
    Confidence,
    Knowledge,
    Platform,
    Quantity,
    SupportLevel,
    UseCase,
    Verdict,
)
from profiler.networks import load_networks
from profiler.recommend import RULES, advice_sha256, advise, defaults
from profiler.recommend.rule import Rule, apply

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "recommend.md").read_text("utf-8")


def test_ids_are_unique_and_overrides_name_earlier_rules() -> None:
    seen: dict[str, Rule] = {}
    for rule in RULES:
        assert rule.id not in seen
        for earlier in rule.overrides:
            assert earlier in seen, f"{rule.id} overrides {earlier}, which is not before it"
            assert set(seen[earlier].sets) & set(rule.sets), f"{rule.id} and {earlier}"
        seen[rule.id] = rule


def test_every_setting_has_a_rule_and_every_test_it_reads_exists() -> None:
    assert {name for rule in RULES for name in rule.sets} == set(SETTINGS)
    assert {test for rule in RULES for test in rule.reads} <= set(TESTS)
    for rule in RULES:
        assert rule.when, rule.id
        assert rule.then, rule.id
        assert rule.sources, rule.id
        assert all(len(source) > 1 for source in rule.sources), rule.id


def test_the_page_lists_every_rule_goal_and_pipeline_as_it_is() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "recommend_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for rule in RULES:
        assert f"| `{rule.id.partition('.')[2]}` | " in PAGE, rule.id


def test_a_rule_that_decides_beyond_its_row_is_a_mistake_of_ours() -> None:
    from profiler.budget import Known
    from profiler.recommend.case import Case, Choice

    known = Known(knowledge())

    def case() -> Case:
        return Case(known, UseCase.CALL, network(), defaults(known, UseCase.CALL))

    def rule(name: str, *choices: Choice) -> Rule:
        return Rule(name, ("aec",), "x", "x", (), ("x",), lambda _: choices)

    with pytest.raises(ValueError, match="may not set ns"):
        apply((rule("a", Choice("ns", "off", "x")),), case())
    with pytest.raises(ValueError, match="cannot be 'loud'"):
        apply((rule("a", Choice("aec", "loud", "x")),), case())
    twice = (rule("a", Choice("aec", "off", "x")), rule("b", Choice("aec", "both", "x")))
    with pytest.raises(ValueError, match="replaces a and does not say so"):
        apply(twice, case())


NAMES: list[tuple[str, str]] = [
    *(("L1", f"rtl_{x}") for x in ("ms", "min_ms", "max_ms", "p95_ms")),
    *(("L2", x) for x in ("rtl_ms", "rtl_off_ms", "rtl_uncalibrated_ms")),
    *(
        ("L3", f"rtl_ms{x}")
        for x in (
            "", "[api=java]", "[api=opensles]", "[api=*]", "[performance=none]", "[bursts=2]",
            "[odd",
        )
    ),
    ("L3", "timestamps_trusted"),
    ("L4", "wander_pp_ms"),
    ("L4", "slope_ms_per_min"),
    ("L5", "skew_ppm"),
    ("L6", "cold_start_ms[start=later]"),
    ("L6", "input_lost_ms[start=first]"),
    *(("L7", f"{x}[rate=48000]") for x in ("zero_run_ms", "pitch_error_percent", "added_ms")),
    ("L8", "rtl_ms[preset=unprocessed]"),
    ("L8", "rtl_ms[preset=voice_performance]"),
    ("L8", "zero_run_ms[preset=voice_communication]"),
    *(
        ("D1", f"zero_run_ms[{x}]")
        for x in (
            "rate=48000", "rate=16000", "api=java", "sharing=exclusive", "preset=unprocessed",
            "preset=voice_communication", "preset=generic", "performance=low_latency",
        )
    ),
    *(("D1", f"rtl_ms[rate={r}]") for r in (48_000, 16_000)),
    *(("D2", f"pitch_ratio[channels={n},preset=voice_communication]") for n in (1, 2)),
    *(
        ("G1", x)
        for x in (
            "safe_bursts", "sizes_refused", "glitches_per_min[bursts=2]", "watched_min[bursts=2]",
            "glitches_per_min_ub95[bursts=2]",
        )
    ),
    ("G2", "safe_bursts[state=loaded]"),
    ("G3", "glitches_per_min[bursts=4,state=idle]"),
    ("G3", "glitches_per_min[bursts=2,state=idle]"),
    ("G5", "opus_complexity"),
    ("G5", "encode_p95_ms[complexity=5,pace=call]"),
    *(("A1", f"{x}[volume=1]") for x in ("erle_low_db", "erle_db", "voice_per_min")),
    ("A1", "echo_delay_ms[volume=0.5]"),
    ("A2", "aosp_software_effect"),
    ("A2", "reported_on[volume=1]"),
    ("A2", "effective_low_db[volume=1]"),
    ("A3", "attenuation_db"),
    ("A4", "convergence_s[volume=1]"),
    ("A6", "erle_low_db[api=default,session=default]"),
    ("A6", "erle_db[api=java,session=shared]"),
    ("A7", "order_db[after=media_run]"),
    ("A8", "false_turns[volume=0.5]"),
    ("A8", "false_turns[volume=odd]"),
    ("A8", "voice_margin_db[volume=0.5]"),
    *(("A9", x) for x in ("full_duplex", "max_safe_volume", "margin_db", "mic_holdoff_s")),
    ("V3", "gain_range_db"),
    ("V4", "clipped_percent[mode=media]"),
    ("V5", "edge_hi_hz[mode=communication]"),
    ("V6", "attenuation_db"),
    ("R1", "latency_ms[route=earpiece]"),
    ("B1", "rtl_ms[route=bluetooth_sco]"),
    ("B1", "bt_rate_hz[route=bluetooth_sco]"),
    ("B2", "silence_s"),
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e-9, 1e9, -1e9]),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from([math.inf, -math.inf, math.nan]),
)


@st.composite
def anything(draw: st.DrawFn) -> Knowledge:
    levels = st.sampled_from(list(SupportLevel))

    def one(name: tuple[str, str]) -> Quantity:
        ends = sorted(draw(st.tuples(VALUES, VALUES, VALUES)))
        return quantity(
            *name, (ends[1], ends[0], ends[2]), level=draw(levels),
            results=draw(st.integers(1, 9)), worst=ends[2], least=ends[0],
        )  # fmt: skip

    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=60))
    tests = [
        said(t, draw(st.sampled_from(list(Verdict))), level=draw(levels))
        for t in draw(st.lists(st.sampled_from(list(TESTS)), unique=True, max_size=12))
    ]
    of = facts(
        platform=draw(st.sampled_from(list(Platform))),
        os_name=draw(st.sampled_from(["Android", "iOS", "oOS", ""])),
        native_rate_hz=draw(st.sampled_from([None, 0, 8_000, 44_100, 48_000, 10**9])),
        frames_per_burst=draw(st.sampled_from([None, 0, -1, 1, 96, 1_024, 10**9])),
        apis=draw(st.sampled_from([(), ("java",), ("aaudio", "java"), ("évil\x1b", "*")])),
    )
    codes = st.lists(st.sampled_from(["stale", "only_virtual", "contradictory"]), max_size=2)
    return knowledge(
        quantities=[one(name) for name in chosen],
        tests=tests,
        cautions=[Caution(code, "so it is") for code in draw(codes)],
        of=of,
    )


NETWORKS = [load_networks()[name] for name in ("good", "bursty", "international")]


@settings(max_examples=60, deadline=None)
@given(anything(), st.sampled_from(list(UseCase)), st.sampled_from(NETWORKS))
def test_rules_are_total_and_every_value_fits(known: Knowledge, use: UseCase, on: object) -> None:
    made = advise(known, use, on)  # type: ignore[arg-type]
    keys = [s.key for s in made.settings]
    assert len(keys) == len(set(keys))
    rules = {rule.id for rule in RULES}
    for s in made.settings:
        assert SETTINGS[s.name].fits(s.value), s
        assert SETTINGS[s.name].fits(s.default), s
        assert s.route in ("", *ROUTES)
        assert s.rule in rules
        assert s.reason
        named = tuple(dict.fromkeys(re.findall(r"\b[A-Z][1-9]\b", s.reason)))
        assert set(s.would_tell) <= set(named), s
        told = [t for t in named if t in s.would_tell or Known(known).made(t)]
        assert s.test_ids or tuple(told) == named, s  # a test named in prose alone
        assert "nan" not in s.reason.split()
        assert s.name != "max_safe_volume" or s.value is None or s.value > 0  # nobody ships mute
        if s.confidence is not Confidence.ASSUMED:
            assert s.trial_uuids, s
            assert s.test_ids, s
    for budget in made.budgets:
        assert 0 <= budget.low_ms <= budget.total_ms <= budget.high_ms < math.inf
    assert advise(known, use, on, pipelines={}).settings == made.settings  # type: ignore[arg-type]


def test_the_hash_is_of_what_is_set_and_of_nothing_else() -> None:
    first = advice(knowledge())
    assert advice_sha256(first) == advice_sha256(advice(knowledge()))
    measured = advice(knowledge({("L6", "cold_start_ms[start=later]"): 900.0}))
    assert setting(measured, "keep_warm_s").value == setting(first, "keep_warm_s").value
    assert setting(measured, "keep_warm_s").reason != setting(first, "keep_warm_s").reason
    assert advice_sha256(measured) == advice_sha256(first)
    others = (
        advice(knowledge(), UseCase.CALL),
        advice(knowledge(), on=network("other", delay_ms=10)),
        advice(knowledge(of=facts(native_rate_hz=44_100))),
        advice(knowledge(of=facts(key=first.facts.key.__class__("Acme", "A2", "S", "b")))),
    )
    assert len({advice_sha256(a) for a in (first, *others)}) == 5
    odd = facts(key=first.facts.key.__class__("\ud800", '"', "\0", "é"))
    assert len(advice_sha256(advice(knowledge(of=odd)))) == 64


def test_unmeasured_is_cautious_and_says_which_test_would_tell() -> None:
    made = advice(knowledge())
    assert made.confidence is Confidence.ASSUMED
    assert {s.confidence for s in made.settings} == {Confidence.ASSUMED}
    expected = {
        "api": ("java", "L3"),
        "aec": ("software", "A1"),
        "full_duplex": (False, "A9"),
        "max_safe_volume": (0.25, "A9"),
        "restart_between_modes": (True, "A7"),
        "trust_timestamps": (False, "L3"),
        "drift_compensation": (True, "L5"),
        "keep_warm_s": (30, "L6"),
        "preroll_ms": (300, "L6"),
        "aec_tail_ms": (200, "L1"),
        "opus_complexity": (5, "G5"),
        "buffer_bursts": (None, "API"),
    }
    for name, (value, told_by) in expected.items():
        found = setting(made, name)
        assert found.value == value, name
        assert told_by in found.reason, name


def test_cautions_are_repeated_and_cap_the_confidence() -> None:
    numbers = {("L6", "cold_start_ms[start=later]"): 900.0, ("L6", "input_lost_ms[start=a]"): 10.0}

    def of(*cautions: Caution, **more: object) -> Confidence:
        made = advice(knowledge(numbers, cautions=cautions, **more))  # type: ignore[arg-type]
        assert made.cautions == cautions
        return setting(made, "keep_warm_s").confidence

    assert of() is Confidence.HIGH
    assert of(results=2) is Confidence.MEDIUM
    assert of(Caution("stale", "old")) is Confidence.MEDIUM
    assert of(Caution("only_virtual", "no phone")) is Confidence.MEDIUM
    assert of(Caution("contradictory", "x", ("L6",))) is Confidence.LOW
    assert of(Caution("contradictory", "x", ("A1",))) is Confidence.HIGH
    assert of(level=SupportLevel.SAME_MODEL) is Confidence.MEDIUM
    assert of(level=SupportLevel.SAME_SOC) is Confidence.LOW
    torn = said("L6", Verdict.FAIL, counts={"pass": 2, "fail": 3})
    assert of(tests=[torn]) is Confidence.LOW
    marginal = said("L6", Verdict.MARGINAL)
    assert of(tests=[marginal]) is Confidence.MEDIUM
