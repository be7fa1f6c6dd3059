"""Network files: what is right is read, what is wrong is named with file, key, value and range."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.errors import InputError, PlanError
from profiler.networks import find_network, load_networks

GOOD = """
[[networks]]
name = "office"
title = "our office"
source = "measured with ping on a Monday"
[[networks.phases]]
delay_ms = 12
jitter_ms = 3
distribution = "uniform"
[[networks.phases]]
begin_s = 5.5
delay_ms = 30
rate_kbps = 128
"""


def load(tmp_path: Path, text: str | bytes):
    file = tmp_path / "nets.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_networks(file)


def test_the_built_in_networks_are_there_with_their_sources():
    networks = load_networks()
    assert {"good", "4g", "lossy", "bursty", "international"} <= set(networks)
    assert all(n.source and n.title and n.phases for n in networks.values())
    assert networks["good"].rtt_ms < networks["international"].rtt_ms


def test_own_networks_come_beside_the_built_in_ones(tmp_path: Path):
    networks = load(tmp_path, GOOD)
    office = networks["office"]
    assert office.phases[1].begin_s == 5.5
    assert office.phases[1].rate_kbps == 128
    assert office.phases[0].distribution == "uniform"
    assert office.rtt_ms == 60
    assert "good" in networks
    assert "office" not in load_networks()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("delay_ms = 12", "delay = 12"),
         ["networks[0].phases[0].delay", "did you mean 'delay_ms'"]),
        (("delay_ms = 12", 'delay_ms = "12"'), ["phases[0].delay_ms", "is not a number", "'12'"]),
        (("delay_ms = 12", "delay_ms = -1"), ["delay_ms", "too small", "-1", "0 to 10000 ms"]),
        (("delay_ms = 12", "delay_ms = nan"), ["delay_ms", "finite"]),
        (("delay_ms = 12", "loss_percent = 101"), ["loss_percent", "101", "0 to 100"]),
        (("delay_ms = 12", "burst_leave_percent = 0"), ["burst_leave_percent", "above 0"]),
        (("delay_ms = 12", "correlation_percent = 100"), ["correlation_percent", "below 100"]),
        (('"uniform"', '"gauss"'), ["distribution", "'gauss'", "half_normal"]),
        (("begin_s = 5.5", "begin_s = 0"), ["phases[1].begin_s", "more than 0"]),
        (("delay_ms = 12", "begin_s = 1"), ["phases[0].begin_s", "first phase"]),
        (('name = "office"', 'name = "good"'), ["networks[0].name", "built-in", "'good'"]),
        (('name = "office"', 'name = "Office *"'), ["networks[0].name", "lower-case"]),
        (('source = "measured with ping on a Monday"', ""), ["networks[0].source", "missing"]),
        (("[[networks]]", "[[network]]"), ["network", "did you mean 'networks'"]),
        (("queue", "queue"), []),
    ],
)  # fmt: skip
def test_complaints_name_file_key_value_and_range(
    tmp_path: Path, change: tuple[str, str], said: list[str]
):
    text = GOOD.replace(*change, 1)
    if text == GOOD:
        assert load(tmp_path, text)
        return
    with pytest.raises(PlanError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "nets.toml" in message
    for words in said:
        assert words in message


def test_a_name_that_comes_twice_is_a_complaint(tmp_path: Path):
    with pytest.raises(PlanError, match=r"networks\[1\].name: is given twice"):
        load(tmp_path, GOOD + GOOD)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[[networks]", b"a = " + b"[" * 2000, b""])
def test_files_that_are_no_toml_are_complaints(tmp_path: Path, data: bytes):
    with pytest.raises(PlanError, match=r"nets\.toml"):
        load(tmp_path, data)


def test_a_missing_file_is_a_complaint(tmp_path: Path):
    with pytest.raises(PlanError, match="cannot be read"):
        load_networks(tmp_path / "absent.toml")


def test_an_unknown_network_is_answered_with_the_nearest():
    networks = load_networks()
    with pytest.raises(InputError, match="did you mean international"):
        find_network("internatonal", networks)
    with pytest.raises(InputError, match="good, wifi, 4g"):
        find_network("\n*'\"" * 100, networks)
    assert find_network("4g", networks).name == "4g"
