"""bench.toml: what is read, and what a person is told when it cannot be."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.catalogue import SUITES, TESTS
from profiler.errors import PlanError
from profiler.model import DeviceRef, Platform
from profiler.plan import SHARED_ZONE, BenchPlan, PartnerPlan, load_plan, parse_plan

ROOT = Path(__file__).resolve().parents[2]


def phone(serial: str, platform: Platform = Platform.VIRTUAL) -> DeviceRef:
    return DeviceRef(platform, serial)


def complaints(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(PlanError) as caught:
        parse_plan(data, file="lab.toml")
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_an_empty_file_is_the_default_plan() -> None:
    assert replace(parse_plan(b""), file=None) == BenchPlan()
    assert BenchPlan().tests == SUITES["smoke"]


def test_the_example_uses_every_key() -> None:
    plan = load_plan(ROOT / "bench.example.toml")
    assert plan.suite == "quick"
    assert plan.tests == SUITES["quick"]
    assert plan.rates_hz == (48000, 16000)
    assert plan.buffer_bursts == (1, 2, 4)
    assert plan.buffer_frames == (256, 1024)
    assert plan.timeouts.retries == 2
    assert plan.partner == PartnerPlan("host", "usb-audio", "left box")
    assert (plan.operator, plan.partner_distance_m) == (False, 0.3)
    left, right = plan.devices
    assert (left.probe, left.zone, right.repeats) == ("android", "left box", 10)


@pytest.mark.parametrize(
    ("text", "key", "value", "allowed"),
    [
        ('suite = "fast"', "suite", "'fast'", "smoke, quick"),
        ("repeats = 0", "repeats", "0", "1 to 100"),
        ('repeats = "5"', "repeats", "'5'", "a whole number"),
        ("repeats = true", "repeats", "True", "a whole number"),
        ("rates_hz = [48000, 7000]", "rates_hz[1]", "7000", "8000 to 192000"),
        ("rates_hz = 48000", "rates_hz", "48000", "a list"),
        ("volumes = [1.5]", "volumes[0]", "1.5", "0 to 1"),
        ("volumes = [nan]", "volumes[0]", "nan", "0 to 1"),
        ('tests = ["L1", "Z9"]', "tests[1]", "'Z9'", ", ".join(TESTS)),
        ("tests = []", "tests", "[]", ", ".join(TESTS)),
        ('name = "a\\u001bb"', "name", "'a\\x1bb'", "letters, digits"),
        ("operator = 1", "operator", "1", "true, false"),
        ("partner_distance_m = 0", "partner_distance_m", "0", "more than 0"),
        ("partner = 1", "partner", "1", "a [partner] table"),
        (
            '[partner]\nprobe = "phone"',
            "partner.probe",
            "'phone'",
            "android, ios, web, host, virtual",
        ),
        ('[partner]\nserial = " "', "partner.serial", "' '", "the serial"),
        ('[partner]\nzone = "a/b"', "partner.zone", "'a/b'", "letters, digits"),
        ('zones = "each"', "zones", "'each'", "shared, separate"),
        ('[path]\napi = "AAudio; rm"', "path.api", "'AAudio; rm'", "lower_snake_case"),
        ("[timeouts]\nretries = 9", "timeouts.retries", "9", "0, 1 or 2"),
        ("[gates]\nmin_battery_percent = -1", "gates.min_battery_percent", "-1", "0 to 100"),
        (
            '[gates]\nmax_thermal_status = "hot"',
            "gates.max_thermal_status",
            "'hot'",
            "none, light, moderate, severe, critical",
        ),
        (
            '[[devices]]\nserial = "A"\nprobe = "phone"',
            "devices[0].probe",
            "'phone'",
            "android, ios, web, host, virtual",
        ),
        ('[[devices]]\nserial = " "', "devices[0].serial", "' '", "the serial"),
        ("devices = 3", "devices", "3", "[[devices]]"),
        ("gates = []", "gates", "[]", "[gates]"),
    ],
)
def test_a_wrong_value_names_file_key_value_and_choices(
    text: str, key: str, value: str, allowed: str
) -> None:
    (line,) = complaints(text)
    assert line.startswith(f"lab.toml: {key}: ")
    assert f"(got {value})" in line
    assert allowed in line.split("allowed: ")[1]


def test_an_unknown_key_is_matched_with_a_known_one() -> None:
    (line,) = complaints("repeat = 3")
    assert "repeat: unknown key, did you mean 'repeats'?" in line
    (line,) = complaints("[path]\nrout = 'speaker'")
    assert "path.rout: unknown key, did you mean 'route'?" in line
    (line,) = complaints("[ios]\nbundle = 'a.b'")
    assert "ios.bundle: unknown key, did you mean 'probe_bundle' or 'wda_bundle'?" in line
    (line,) = complaints("qqqq = 1")
    assert "did you mean" not in line
    assert "name, suite, tests" in line


def test_every_complaint_is_listed_one_a_line() -> None:
    lines = complaints('suit = "a"\nsuite = "fast"\n[[devices]]\nzone = 3\n')
    keys = {line.split(": ")[1] for line in lines}
    assert keys == {"suit", "suite", "devices[0].serial", "devices[0].zone"}
    assert all(line.startswith("lab.toml: ") for line in lines)


def test_a_flood_of_complaints_is_cut() -> None:
    lines = complaints("".join(f"unknown{i} = {i}\n" for i in range(100)))
    assert len(lines) == 21
    assert lines[-1] == "lab.toml: and 80 more"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = [1,", "line 2"), ("a = 1\n\nb == 2", "line 3"), (b"a = 1\n\xff", "line 2")],
)
def test_what_is_not_toml_names_the_line(text: str | bytes, line: str) -> None:
    (said,) = complaints(text)
    assert line in said


def test_numbers_and_nesting_without_end_are_complaints() -> None:
    assert "too long" in complaints("repeats = " + "9" * 5000)[0]
    assert "nested too deeply" in complaints("repeats = " + "[" * 5000)[0]
    assert "larger than" in complaints(b"#" * 1_000_001)[0]


def test_suite_and_tests_exclude_each_other() -> None:
    assert complaints('suite = "smoke"\ntests = ["L1"]') == [
        "lab.toml: tests: suite and tests are both given (got ['L1']); allowed: one of them"
    ]


@pytest.mark.parametrize(("probe", "twice"), [("", True), ('probe = "ios"', False)])
def test_a_device_is_listed_once(probe: str, twice: bool) -> None:
    text = f'[[devices]]\nserial = "A"\nprobe = "android"\n[[devices]]\nserial = "A"\n{probe}'
    if twice:
        assert "devices[1].serial: listed twice (got 'A')" in complaints(text)[0]
    else:
        assert len(parse_plan(text.encode()).devices) == 2


def test_a_missing_file_is_a_plan_error(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        load_plan(tmp_path / "none.toml")


def read_or_complaint(data: bytes) -> str | None:
    """Anything but a plan or a :class:`PlanError` escapes and fails the test."""
    try:
        assert isinstance(parse_plan(data), BenchPlan)
    except PlanError as exc:
        return str(exc)
    return None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_plan_or_a_plan_error(data: bytes) -> None:
    said = read_or_complaint(data)
    assert said is None or said.startswith("bench.toml: ")


VALUES = st.recursive(
    st.one_of(
        st.integers(), st.floats(), st.booleans(), st.text(max_size=8), st.dates(), st.times()
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["name", "suite", "tests", "devices", "zones", "repeats", "rates_hz", "volumes", "path", "apis",
     "timeouts", "gates", "store", "buffer_bursts", "x\u202ey"]
)  # fmt: skip


def as_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(v) for v in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return str(value)
        return repr(value)
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text if not 0xD800 <= ord(c) < 0xE000) + '"'


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_well_formed_nonsense_is_a_plan_or_a_plan_error(tree: dict[str, object]) -> None:
    text = "\n".join(f"{quoted(k)} = {as_toml(v)}" for k, v in tree.items())
    said = read_or_complaint(text.encode())
    assert said is None or all(line.isprintable() for line in said.splitlines())


# --- what the plan means -------------------------------------------------------------------------


def test_needed_recordings_are_planned_with_a_test() -> None:
    plan = parse_plan(b'tests = ["L5"]')
    assert plan.suite == "custom"
    assert plan.tests == ("L4", "L5")


def test_zones() -> None:
    text = b'[[devices]]\nserial = "A"\nzone = "box"\n[[devices]]\nserial = "B"\n'
    plan = parse_plan(text)
    assert plan.zone(phone("A")) == "box"
    assert plan.zone(phone("B")) == plan.zone(phone("C")) == SHARED_ZONE
    alone = replace(plan, separate_zones=True)
    assert alone.zone(phone("A")) == "box"
    assert alone.zone(phone("B")) != alone.zone(phone("C"))


def test_listed_devices_are_the_bench_and_none_listed_is_all() -> None:
    plan = parse_plan(b'[[devices]]\nserial = "A"\nprobe = "ios"\n')
    assert plan.wants(phone("A", Platform.IOS))
    assert not plan.wants(phone("A", Platform.ANDROID))
    assert not plan.wants(phone("B", Platform.IOS))
    assert BenchPlan().wants(phone("anything"))


def test_device_values_override_the_benchs() -> None:
    text = (
        b'repeats = 6\nrates_hz = [44100]\n[[devices]]\nserial = "A"\nrepeats = 9\nvolumes = [0.5]'
    )
    plan = parse_plan(text)
    own, other = plan.options(phone("A")), plan.options(phone("B"))
    assert (own.repeats, own.rates_hz, own.volumes) == (9, (44100,), (0.5,))
    assert (other.repeats, other.rates_hz, other.volumes) == (6, (44100,), ())


def test_seeds_are_stable_and_differ_between_devices_and_benches() -> None:
    plan = parse_plan(b'name = "lab"')
    seeds = [plan.seed(phone(f"VP{i}")) for i in range(200)]
    assert len(set(seeds)) == 200
    assert seeds == [parse_plan(b'name = "lab"').seed(phone(f"VP{i}")) for i in range(200)]
    assert parse_plan(b'name = "other"').seed(phone("VP1")) != plan.seed(phone("VP1"))


def test_the_plans_hash_is_of_what_decides_the_trials() -> None:
    plan = parse_plan(b"", file="a.toml")
    assert plan.sha256 == parse_plan(b'store = "x.db"\n[timeouts]\nretries = 0').sha256
    others = [b"repeats = 7", b'suite = "quick"', b'name = "b"', b'[path]\napi = "java"']
    assert len({plan.sha256, *(parse_plan(o).sha256 for o in others)}) == 5


def test_with_suite() -> None:
    quick = BenchPlan().with_suite("quick")
    assert quick.suite == "quick"
    assert quick.tests == SUITES["quick"]
    assert set(quick.tests) <= set(TESTS)


def test_a_partner_without_a_zone_is_in_the_shared_one_if_there_is_one() -> None:
    assert parse_plan(b"[partner]").partner == PartnerPlan("host", None, SHARED_ZONE)
    (complaint,) = complaints('zones = "separate"\n[partner]\nprobe = "host"')
    assert complaint.startswith("lab.toml: partner.zone: is missing")
    apart = parse_plan(b'zones = "separate"\n[partner]\nzone = "left"')
    assert apart.partner is not None
    assert apart.partner.zone == "left"


def test_what_a_live_device_can_do_is_no_part_of_the_plan() -> None:
    plan = parse_plan(b"operator = true\npartner_distance_m = 0.4")
    options = plan.options(phone("A"))
    assert options.operator
    assert options.partner_distance_m == 0.4
    assert options.partner is None
    assert options.abilities == frozenset()
    assert plan.sha256 != BenchPlan().sha256
    assert parse_plan(b'[partner]\nserial = "X"').sha256 != parse_plan(b"[partner]").sha256


@pytest.mark.parametrize(
    ("suite", "short", "brief"),
    [("smoke", True, True), ("quick", False, True), ("custom", False, False)],
)
def test_the_budget_follows_the_suite(suite: str, short: bool, brief: bool) -> None:
    options = replace(BenchPlan(), suite=suite).options(phone("A"))
    assert (options.short, options.brief) == (short, brief)
