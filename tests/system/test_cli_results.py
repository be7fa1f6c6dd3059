"""``results``, ``models`` and ``compare`` on a real store, and stores that cannot be used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import store_records as make
from cli_process import assert_one_line_error, chirpbench, json_lines

from db.store import Store
from profiler.model import Reason, RunStatus, Verdict

FAST_BUILD, SLOW_BUILD = "build.1", "build.2"
EVIL = "Evil\x1b[2J[red]Phone"


def fill(store: Store, serial: str, latency_ms: float, **facts: object) -> str:
    """One finished run of seven opens on one phone; returns its UUID."""
    ref = make.device(serial)
    run_uuid = f"0000{serial}-run"
    store.upsert_device(ref, make.facts(**facts))  # type: ignore[arg-type]
    store.begin_run(make.run(run_uuid, ref.uid, bench_uuid=f"bench-{serial}"))
    for i in range(7):
        store.add_trial(
            make.trial(f"{serial}-t{i}", run_uuid=run_uuid, index=i, latency_ms=latency_ms + i / 50)
        )
    lost = make.trial(f"{serial}-t7", run_uuid=run_uuid, index=7, latency_ms=None)
    store.add_trial(lost)
    store.add_test_result(
        make.result(run_uuid, verdict=Verdict.MARGINAL, reasons=(Reason.LATENCY_SPREAD.value,))
    )
    store.finish_run(run_uuid, RunStatus.OK)
    return run_uuid


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder with ``chirpbench.db``: one model on two OS builds, and a model with an odd name."""
    with Store.open(tmp_path / "chirpbench.db") as store:
        fill(store, "v1", 40.0, os_build=FAST_BUILD)
        fill(store, "v2", 52.0, os_build=SLOW_BUILD)
        fill(store, "v3", 90.0, model="B7", marketing_name=EVIL, is_virtual=False)
    return tmp_path


def test_results_lists_runs_newest_first(bench: Path) -> None:
    done = chirpbench("results", "--json", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    runs = json_lines(done.stdout)
    assert [r["device_uid"] for r in runs] == ["virtual:v3", "virtual:v2", "virtual:v1"]
    assert runs[1]["model_key"]["os_build"] == SLOW_BUILD  # type: ignore[index]
    assert [r["is_virtual"] for r in runs] == [False, True, True]
    assert runs[0]["tests"][0]["verdict"] == "marginal"  # type: ignore[index]
    one = chirpbench("results", "--limit", "1", "--json", cwd=bench)
    assert [r["device_uid"] for r in json_lines(one.stdout)] == ["virtual:v3"]
    device = chirpbench("results", "--device", "virtual:v2", "--json", cwd=bench)
    assert [r["device_uid"] for r in json_lines(device.stdout)] == ["virtual:v2"]


def test_results_for_people(bench: Path) -> None:
    listed = chirpbench("results", cwd=bench)
    assert listed.returncode == 0
    assert "Acme A1 (virtual)" in listed.stdout
    assert "L1 marginal: latency_spread" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert "Evil[red]Phone" in listed.stdout
    shown = chirpbench("results", "0000v2", cwd=bench)
    assert shown.returncode == 0
    assert "bench-v2" in shown.stdout
    assert "52.02" in shown.stdout
    assert "no_stimulus" in shown.stdout


def test_results_of_one_run_hold_its_trials(bench: Path) -> None:
    run, *trials = json_lines(chirpbench("results", "bench-v1", "--json", cwd=bench).stdout)
    assert run["kind"] == "run"
    assert len(trials) == 8
    assert {t["kind"] for t in trials} == {"trial"}
    assert trials[0]["request"]["api"] == "aaudio"  # type: ignore[index]
    assert trials[0]["report"]["output"]["rate_hz"] == 48_000  # type: ignore[index]
    assert trials[0]["estimate"]["round_trip_latency_ms"] == 40.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("words", "needles"),
    [
        (("results", "no-such-run"), ("no run 'no-such-run'", "chirpbench results")),
        (("results", "0000"), ("several runs begin",)),
        (("results", "bench-"), ("several runs begin",)),
        (("compare", "Acme A1", "B7"), ("2 models fit 'Acme A1'", FAST_BUILD, SLOW_BUILD)),
        (("compare", "nothing", "B7"), ("no model fits", "B7")),
        (("compare", "B7", "evil"), ("the same model",)),
    ],
)
def test_names_that_fit_nothing_or_too_much(
    bench: Path, words: tuple[str, ...], needles: tuple[str, ...]
) -> None:
    assert_one_line_error(chirpbench(*words, cwd=bench), 2, *needles)


def test_models_summarise_each_build_apart(bench: Path) -> None:
    models = json_lines(chirpbench("models", "--json", cwd=bench).stdout)
    assert [m["model_key"]["os_build"] for m in models] == [FAST_BUILD, SLOW_BUILD, FAST_BUILD]  # type: ignore[index]
    assert models[0]["median_ms"] == pytest.approx(40.06)
    assert (models[0]["sessions"], models[0]["rejected"]) == (8, 1)
    assert models[0]["is_virtual"] is True
    assert models[0]["tests"][0]["test_id"] == "L1"  # type: ignore[index]
    assert "tests" in models[2]
    some = chirpbench("models", "b7", "--json", cwd=bench)
    assert [m["model_key"]["model"] for m in json_lines(some.stdout)] == ["B7"]  # type: ignore[index]
    table = chirpbench("models", cwd=bench)
    assert "40.06" in table.stdout
    assert "(virtual)" in table.stdout
    assert "8 opens (1 rejected)" in table.stdout
    assert "no measured models that fit 'zzz'" in chirpbench("models", "zzz", cwd=bench).stdout


def test_compare_two_builds(bench: Path) -> None:
    done = chirpbench("compare", SLOW_BUILD, "soc9 / build.1", "--json", cwd=bench)
    assert done.returncode == 2, "two models have that SoC and build"
    words = ("compare", SLOW_BUILD, "Acme A1 / soc9 / build.1")
    (found,) = json_lines(chirpbench(*words, "--json", cwd=bench).stdout)
    assert found["shift_ms"] == pytest.approx(12.0, abs=0.05)
    assert found["difference"] == "worse"
    assert found["ci95_ms"][0] > 11.8  # type: ignore[index]
    table = chirpbench(*words, cwd=bench)
    assert table.returncode == 0
    assert "worse" in table.stdout
    assert "+12.00" in table.stdout


# --- stores that cannot be used ------------------------------------------------------------------


@pytest.mark.parametrize("command", [("results",), ("models",), ("compare", "a", "b")])
def test_reading_nothing_leaves_nothing_behind(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = chirpbench(*command, cwd=tmp_path)
    assert_one_line_error(done, 2, "chirpbench.db", "chirpbench run")
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_the_store(bench: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    env = {"CHIRPBENCH_DB": str(bench / "chirpbench.db")}
    assert len(json_lines(chirpbench("models", "--json", cwd=elsewhere, env=env).stdout)) == 3
    url = f"sqlite:///{bench / 'chirpbench.db'}"
    assert len(json_lines(chirpbench("models", "--json", "--db", url, cwd=elsewhere).stdout)) == 3


def test_no_database_and_newer_database(bench: Path) -> None:
    (bench / "text.db").write_text("this is no database\n" * 500)
    done = chirpbench("models", "--db", "text.db", cwd=bench)
    assert_one_line_error(done, 2, "text.db", ";")
    newer = bench / "chirpbench.db"
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    connection.close()
    before = newer.read_bytes()
    for command in (("models",), ("run", "--virtual", "--fast")):
        done = chirpbench(*command, cwd=bench)
        assert_one_line_error(done, 2, "chirpbench.db", "newer", ";")
    assert newer.read_bytes() == before


def test_wrong_urls(bench: Path) -> None:
    for url in ("nodialect://x", "sqlite://", "postgresql+nodriver://u:secret@h/d"):
        done = chirpbench("models", "--db", url, cwd=bench)
        assert_one_line_error(done, 2, ";")
        assert "secret" not in done.stderr
