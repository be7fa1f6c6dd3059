"""Fleet files: the packaged one is rich, a wrong one says what is wrong and where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_probes.virtual import Clock, another_draw, load_fleet
from device_probes.virtual.driver import fleet_from_toml
from profiler.errors import PlanError
from profiler.model import Platform

GOOD = """
version = 1
seed = 5
[[phone]]
serial = "A1"
manufacturer = "M"
model = "X"
marketing_name = "M X"
soc = "S"
os_name = "Android"
os_version = "14"
os_build = "b"
[phone.latency]
api_ms = { aaudio = 50.0 }
"""


def test_the_packaged_fleet_mirrors_the_field():
    fleet = load_fleet()
    phones = fleet.spec.phone
    assert len(phones) >= 8
    first_ms = [next(iter(p.latency.api_ms.values())) for p in phones]
    assert min(first_ms) < 35
    assert max(first_ms) > 300
    assert any(p.processing.agc == "always" for p in phones)
    assert any(p.processing.ns == "always" for p in phones)
    assert any(p.glitches.per_minute for p in phones)
    assert any(p.acoustics.inverted for p in phones)
    assert any(24_000 in p.streams.silent_rates_hz for p in phones)
    assert any(p.reported.timestamps in ("early", "stuck", "jitter") for p in phones)
    assert any(48_000 not in p.streams.rates_hz for p in phones)
    assert any(max(p.acoustics.reflections, default=(0, -99), key=lambda r: r[1])[1] > 0
               for p in phones)  # fmt: skip
    assert len({p.soc for p in phones if p.model == "MX9 Pro"}) == 2


def test_count_makes_units_with_serials_of_their_own():
    fleet = fleet_from_toml(GOOD.replace('serial = "A1"', 'serial = "A1"\ncount = 3'), "f.toml")
    drivers = fleet.drivers(Clock(2.0))
    assert [d.ref.serial for d in drivers] == list(fleet.serials) == ["A1-1", "A1-2", "A1-3"]
    assert {d.ref.platform for d in drivers} == {Platform.VIRTUAL}
    facts = drivers[0].phone.facts()
    assert facts.is_virtual
    assert str(facts.model_key) == "M X / S / b"


@pytest.mark.parametrize(
    ("old", "new", "key", "value", "allowed"),
    [
        ("seed = 5", "sed = 5", "sed", 5, "phone, seed, version"),
        ("version = 1", "version = 2", "version", 2, "1"),
        ("aaudio = 50.0", "aaudio = -3", "phone[0].latency.api_ms.aaudio", -3, "at least 0.5"),
        ("aaudio = 50.0", "aaudio = nan", "phone[0].latency.api_ms.aaudio", None, "finite"),
        ("[phone.latency]", "[phone.latency]\nspred = 1", "phone[0].latency.spred", 1, "spread_ms"),
        ("[phone.latency]", "[phone.latency]\nspread = 'x'", "phone[0].latency.spread", "x",
         "'none', 'bursts' or 'continuous'"),
        ('serial = "A1"', 'serial = "../x"', "phone[0].serial", "../x", "A-Za-z0-9"),
        ('soc = "S"', "", "phone[0].soc", None, "must be given"),
        ('soc = "S"', "soc = 7", "phone[0].soc", 7, "valid string"),
        ("seed = 5", "seed = 'x'", "seed", "x", "valid integer"),
        ("[[phone]]", "[phone]", "phone", None, "tuple"),
        ("[phone.latency]", "[phone.nothing]\nx = 1\n[phone.latency]", "phone[0].nothing", None,
         "acoustics, android, api_level, buffers, clock"),
        ("[phone.latency]", "[phone.routes.earpiece]\nlevl_db = 1\n[phone.latency]",
         "phone[0].routes.earpiece.levl_db", 1, "delay_ms, gap_s, level_db"),
        ("[phone.latency]", "[phone.processing.canceller]\nkind = 'x'\n[phone.latency]",
         "phone[0].processing.canceller.kind", "x", "'none', 'aec3' or 'ideal'"),
        ("[phone.latency]", "[[phone.streams.silent]]\npreset = 'x'\n[phone.latency]",
         "phone[0].streams.silent[0].preset", "x", "apis, modes, performance_modes, presets"),
        ("seed = 5", '"se\\ned" = 5', "se\ufffded", 5, "phone, seed, version"),
        ("version = 1", "version = [", "", None, ""),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_name(old, new, key, value, allowed, tmp_path):
    path = tmp_path / "fleet.toml"
    path.write_text(GOOD.replace(old, new, 1), "utf-8")
    with pytest.raises(PlanError) as caught:
        load_fleet(path)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.key == key
    assert allowed in caught.value.allowed
    if value is not None:
        assert caught.value.value == value


def test_a_serial_is_used_once():
    twice = GOOD + GOOD[GOOD.index("[[phone]]") :]
    with pytest.raises(PlanError, match="used twice"):
        fleet_from_toml(twice, "f.toml")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"x" * 1_100_000])
def test_a_file_that_is_no_fleet(content, tmp_path):
    path = tmp_path / "fleet.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanError, match=r"fleet\.toml"):
        load_fleet(path)


def test_time_runs_forward_only():
    with pytest.raises(ValueError, match="not positive"):
        Clock(0)


@settings(deadline=None)
@given(st.text(max_size=120), st.integers(0, len(GOOD)), st.integers(0, 12))
def test_any_text_is_a_fleet_or_a_plan_error(insert, at, cut):
    text = GOOD[:at] + insert + GOOD[at + cut :]
    try:
        problem = str(fleet_from_toml(text, "f.toml").serials)
    except PlanError as exc:
        problem = str(exc)
    assert "\n" not in problem


def test_another_draw_is_the_same_phones_with_other_sessions() -> None:
    usual, other = load_fleet(), fleet_from_toml(another_draw(7), "drawn anew")
    assert (usual.spec.seed, other.spec.seed) == (2024, 7)
    assert other.spec.model_copy(update={"seed": 2024}) == usual.spec
