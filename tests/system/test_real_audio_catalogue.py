"""L1, L4, D1 and V5 on a path no one here wrote: PortAudio, ALSA and PulseAudio's null sink.

What the null sink's latency is nobody knows beforehand, and a busy machine tears some streams. So
verdicts are asked for, and what cannot depend on the machine: a null sink changes no frequency,
adds no noise and never delivers a dead microphone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from audio_servers import PulseServer, probes_running, pulse_server

from db import queries
from db.store import Store
from device_probes.host.driver import HostDriver, discover
from profiler.bench import BenchOutcome, run_bench
from profiler.catalogue import trains
from profiler.model import RunStatus, SoundFindings, TestResult, Verdict
from profiler.plan import BenchPlan

pytestmark = [
    pytest.mark.alone,
    pytest.mark.needs_apt("pulseaudio", "pulseaudio"),
    pytest.mark.needs_apt("pulseaudio-utils", "pactl"),
    pytest.mark.needs_apt(
        "libasound2-plugins", "/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so"
    ),
    pytest.mark.needs_apt("libportaudio2", "lib:portaudio"),
    pytest.mark.timeout(300),
]

PLAN = BenchPlan(
    name="null sink catalogue",
    suite="smoke",  # its short trains
    tests=("L1", "L4", "D1", "V5"),
    repeats=5,
    rates_hz=(48_000,),
)
STABILITY_S = 12.0
"""A fifth of L4's minute shows the same here."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    with pulse_server(tmp_path_factory.mktemp("pac")) as started:
        yield started


@pytest.fixture(scope="module")
def bench(
    server: PulseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, BenchOutcome]]:
    """One bench run of the four tests."""
    file = tmp_path_factory.mktemp("catalogue") / "host.db"
    driver = HostDriver(discover(server.env)[0], env=server.env)
    with pytest.MonkeyPatch.context() as patch, Store.open(str(file)) as store:
        patch.setattr(trains, "STABILITY_S", STABILITY_S)
        yield store, run_bench(PLAN, [driver], store)
    assert probes_running() == []


def results(bench: tuple[Store, BenchOutcome]) -> dict[str, TestResult]:
    (device,) = bench[1].devices
    assert device.run is not None
    assert device.run.status is RunStatus.OK, device.problem
    return {r.test_id: r for r in device.results}


def number(result: TestResult, name: str) -> float:
    (value,) = [m.value for m in result.measurements if m.name == name]
    return value


def test_every_test_has_a_verdict_that_rests_on_recordings(
    bench: tuple[Store, BenchOutcome],
) -> None:
    found = results(bench)
    assert set(found) == set(PLAN.tests)
    for result in found.values():
        assert result.verdict in {Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL}, result.text
        assert result.measurements
        assert result.text
        assert result.verdict is Verdict.PASS or result.reasons
    trials = queries.trials(bench[0], queries.Filter())
    assert all(t.recording is not None for t in trials), [t.message for t in trials]


def test_l1_measures_a_plausible_round_trip(bench: tuple[Store, BenchOutcome]) -> None:
    latency = results(bench)["L1"]
    assert 2 < number(latency, "rtl_ms") < 600
    assert number(latency, "opens") >= 3
    assert number(latency, "rtl_min_ms") <= number(latency, "rtl_ms")


def test_l4_follows_the_latency_over_its_whole_length(bench: tuple[Store, BenchOutcome]) -> None:
    stability = results(bench)["L4"]
    assert number(stability, "wander_pp_ms") >= 0
    assert number(stability, "steps") == sum(
        m.name.startswith("step_ms") for m in stability.measurements
    )
    (trial,) = queries.trials(bench[0], queries.Filter(test_ids=("L4",)))
    assert trial.estimate is not None
    assert len(trial.estimate.per_chirp_ms) >= 12


def test_d1_delivers(bench: tuple[Store, BenchOutcome]) -> None:
    silence = results(bench)["D1"]
    assert silence.verdict is not Verdict.NOT_MEASURABLE
    assert "silent_capture" not in silence.reasons


def test_v5_a_null_sink_is_flat(bench: tuple[Store, BenchOutcome]) -> None:
    response = results(bench)["V5"]
    assert response.verdict in {Verdict.PASS, Verdict.MARGINAL}, response.text
    assert number(response, "edge_hi_hz[mode=media]") >= 7000
    (trial,) = queries.trials(bench[0], queries.Filter(test_ids=("V5",)))
    assert isinstance(trial.findings, SoundFindings)
    assert trial.findings.bands_hz[0] <= 126
    assert trial.findings.bands_hz[-1] >= 12_000
    assert float(np.ptp(trial.findings.response_db)) <= 2.0
    level = float(np.median(trial.findings.response_db))
    assert all(abs(r - level) <= 1.0 for r in trial.findings.response_db)
    noise = trial.findings.noise_dbfs
    assert noise is not None
    assert noise < -60
