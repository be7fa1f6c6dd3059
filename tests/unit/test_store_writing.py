"""The write side: whole, idempotent, and strict about what belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import store_records as make

from db import queries
from db.queries import Filter
from db.store import Store
from profiler.errors import StoreError
from profiler.model import Measurement, Recording, RunStatus, Verdict
from profiler.wav import mono_audio

HOSTILE = {
    "quotes": "'; DROP TABLE trials; --\"`",
    "nul": "before\0after",
    "surrogate": "\ud800 alone",
    "emoji": "📱👩‍🔬",
    "right to left": "\u202eמכשיר\u202c",
    "percent": "%s %(x)s :name ? $1",
    "long": "x" * 100_000,
    "empty": "",
    "spaces": " \t\r\n ",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "bench.db") as opened:
        opened.upsert_device(make.device(), make.facts())
        opened.begin_run(make.run())
        yield opened


def test_a_trial_comes_back_exactly(store: Store) -> None:
    audio = mono_audio(np.linspace(-0.5, 0.5, 4800), 48_000)
    trial = make.trial(recording=store.evidence.save(audio))
    assert store.add_trial(trial)
    (back,) = queries.trials_of(store, "run-1")
    assert back == trial
    assert back.recording is not None
    assert np.array_equal(store.evidence.load(back.recording).samples, audio.samples)


@pytest.mark.parametrize("parts", ["none", "nan"])
def test_a_trial_with_gaps_comes_back_exactly(store: Store, parts: str) -> None:
    trial = make.trial(
        verdict=Verdict.ERROR, reasons=("device_lost", "device_lost"), message="gone"
    )
    if parts == "none":
        trial = replace(trial, stimulus=None, report=None, estimate=None)
    else:
        trial = replace(trial, estimate=make.estimate(float("nan"), snr_db=float("inf")))
    store.add_trial(trial)
    assert not store.add_trial(trial)  # the same again, NaN included
    (back,) = queries.trials_of(store, "run-1")
    assert repr(back) == repr(trial)


def test_writing_twice_changes_nothing(store: Store) -> None:
    trial, result = make.trial(), make.result()
    for _ in range(2):
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        store.add_trial(trial)
        store.add_test_result(result)
    assert len(queries.devices(store)) == 1
    assert queries.runs(store) == [make.run()]
    assert queries.trials(store) == [trial]
    assert queries.results(store) == [result]
    names = [m.name for m in queries.measurements_of(store, "trial-1")]
    assert len(names) == len(set(names))


def test_another_trial_under_the_same_uuid_is_refused(store: Store) -> None:
    store.add_trial(make.trial())
    with pytest.raises(StoreError, match="trial-1 is already stored with other content"):
        store.add_trial(make.trial(latency_ms=41.0))
    assert queries.trials(store) == [make.trial()]


def test_an_attempt_is_stored_once(store: Store) -> None:
    assert store.next_attempt("run-1", "L1", 0) == 1
    store.add_trial(make.trial("a"))
    with pytest.raises(StoreError, match="attempt 1 at trial 0 of L1 is already stored as a"):
        store.add_trial(make.trial("b"))
    assert store.next_attempt("run-1", "L1", 0) == 2
    store.add_trial(make.trial("b", attempt=2))
    assert store.next_attempt("run-1", "L1", 0) == 3
    assert store.next_attempt("run-1", "L1", 1) == 1
    latest = queries.trials(store, Filter(latest_attempts=True))
    assert [t.trial_uuid for t in latest] == ["b"]


def test_orphans_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="run 'nowhere' is not in the store"):
        store.add_trial(make.trial(run_uuid="nowhere"))
    with pytest.raises(StoreError, match="run 'nowhere'"):
        store.add_test_result(make.result("nowhere"))
    with pytest.raises(StoreError, match="run 'nowhere'"):
        store.finish_run("nowhere", RunStatus.OK)
    with pytest.raises(StoreError, match="device 'host:x' is not in the store"):
        store.begin_run(make.run("run-2", "host:x"))
    with pytest.raises(StoreError, match="already stored for 'virtual:v1'"):
        store.begin_run(make.run(bench_uuid="bench-2"))


def test_a_trial_that_fails_half_way_leaves_nothing(store: Store) -> None:
    sound = store.evidence.save(mono_audio(np.zeros(100), 48_000))
    lie = replace(sound, frames=99)
    store.add_trial(make.trial("a", recording=sound))
    with pytest.raises(StoreError, match=r"evidence .* other content"):
        store.add_trial(make.trial("b", index=1, recording=lie, stimulus=make.stimulus(99)))
    assert [t.trial_uuid for t in queries.trials(store)] == ["a"]
    assert queries.recordings(store) == [sound]


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab/x.flac", "/tmp/x.wav", ""])
def test_a_foreign_file_name_is_refused(store: Store, name: str) -> None:
    recording = Recording("ab" * 32, name, 48_000, 1, 1, "int16", 1)
    with pytest.raises(StoreError, match="no name of an evidence file"):
        store.add_trial(make.trial(recording=recording))
    assert queries.trials(store) == []


def test_a_run_is_finished_and_opened_again(store: Store) -> None:
    assert queries.open_runs(store, "bench-1") == [make.run()]
    ended = store.finish_run("run-1", RunStatus.DEVICE_LOST, "unplugged", make.after(60))
    assert (ended.status, ended.reason, ended.ended_at) == (
        RunStatus.DEVICE_LOST,
        "unplugged",
        make.after(60),
    )
    assert queries.open_runs(store, "bench-1") == []
    assert queries.runs(store) == [ended]
    assert store.finish_run("run-1", RunStatus.RUNNING) == make.run()
    assert queries.open_runs(store, "bench-1") == [make.run()]


def test_an_os_update_does_not_rename_old_runs(store: Store) -> None:
    store.upsert_device(make.device(), make.facts(os_build="build.2"))
    store.begin_run(make.run("run-2"))
    builds = [queries.facts_of(store, run) for run in ("run-1", "run-2")]
    assert [f.os_build for f in builds if f] == ["build.1", "build.2"]
    (device,) = queries.devices(store)
    assert device.facts is not None
    assert device.facts.os_build == "build.2"


def test_a_device_that_never_answered(store: Store) -> None:
    store.upsert_device(make.device("mute"))
    store.begin_run(make.run("run-2", "virtual:mute"))
    assert queries.facts_of(store, "run-2") is None
    mute = next(d for d in queries.devices(store) if d.ref.serial == "mute")
    assert mute.facts is None


def test_a_test_result_is_replaced(store: Store) -> None:
    store.add_test_result(make.result(reasons=("few_repeats",), verdict=Verdict.MARGINAL))
    number = Measurement("x", float("nan"), "ms", float("inf"))
    newer = make.result(measurements=(number,), reasons=("latency_high",), verdict=Verdict.FAIL)
    store.add_test_result(newer)
    (back,) = queries.results(store)
    assert repr(back) == repr(newer)
    assert queries.results(store, Filter(reason="few_repeats")) == []
    assert len(queries.results(store, Filter(reason="latency_high"))) == 1


def test_a_new_analysis_keeps_the_former(store: Store) -> None:
    first = make.trial(latency_ms=None)
    store.add_trial(first)
    second = replace(
        first, estimate=make.estimate(41.0), verdict=Verdict.PASS, reasons=(), tool_version="0.2.0"
    )
    assert store.replace_analysis(second)
    assert not store.replace_analysis(second)
    assert queries.trials(store) == [second]
    assert queries.superseded_estimates(store, "trial-1") == [first.estimate]
    assert queries.trials(store, Filter(reason="no_stimulus")) == []
    numbers = {m.name: m.value for m in queries.measurements_of(store, "trial-1")}
    assert numbers["round_trip_latency"] == 41.0
    with pytest.raises(StoreError, match="other content"):
        store.replace_analysis(replace(second, duration_s=1.0))


def test_a_rejected_trial_stores_no_measured_number(store: Store) -> None:
    lied = make.estimate(None, round_trip_latency_ms=12.0, candidate_latency_ms=12.0)
    store.add_trial(make.trial(estimate=lied, verdict=Verdict.NOT_MEASURABLE))
    names = {m.name for m in queries.measurements_of(store, "trial-1")}
    assert "round_trip_latency" not in names
    assert "reported_latency" in names
    (row,) = queries.sessions(store)
    assert row.latency_ms is None
    assert row.per_chirp_ms == ()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_only_text(store: Store, text: str) -> None:
    ref = replace(make.device(text), label=text)
    facts = make.facts(text, manufacturer=text, soc=text, os_build=text, raw={text: text})
    store.upsert_device(ref, facts)
    run = make.run(f"run {text}", ref.uid, bench_uuid=text, suite=text, reason=text)
    store.begin_run(run)
    request = replace(make.trial().request, api=text, route=text)
    trial = make.trial(text, run_uuid=run.run_uuid, request=request, message=text, reasons=(text,))
    store.add_trial(trial, [Measurement(text, 1.0, text)])
    store.add_test_result(make.result(run.run_uuid, test_id=text, text=text, reasons=(text,)))

    where = Filter(device_uid=ref.uid, reason=text, path=request.path, model_key=facts.model_key)
    assert queries.trials(store, where) == [trial]
    assert queries.open_runs(store, text) == [run]
    assert queries.facts_of(store, run.run_uuid) == facts
    (latest,) = queries.latest_tests(store, Filter(model=text))
    assert latest.result.text == text
    assert ref in [d.ref for d in queries.devices(store)]


def test_texts_that_differ_only_in_what_a_column_cannot_hold_stay_apart(store: Store) -> None:
    serials = ["a\0b", "a\ud800b", "a�b", "x" * 1000, "x" * 1001]
    for serial in serials:
        store.upsert_device(make.device(serial))
    assert {d.ref.serial for d in queries.devices(store)} == {*serials, "v1"}


def test_sixteen_threads_write_and_read_at_once(store: Store) -> None:
    def worker(n: int) -> int:
        ref = make.device(f"t{n}")
        store.upsert_device(ref, make.facts(f"M{n % 3}"))
        store.begin_run(make.run(f"run-t{n}", ref.uid))
        for i in range(5):
            store.add_trial(make.trial(f"t{n}-{i}", run_uuid=f"run-t{n}", index=i))
            assert len(queries.trials_of(store, f"run-t{n}")) == i + 1
        store.finish_run(f"run-t{n}", RunStatus.OK)
        return n

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(worker, range(16))) == list(range(16))
    assert len(queries.trials(store)) == 80
    assert len(queries.runs(store, Filter(run_status=RunStatus.OK))) == 16


def test_damaged_rows_are_store_errors(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bench.db") as store:
        store.upsert_device(make.device(), make.facts())
        store.begin_run(make.run())
        store.add_trial(make.trial())
    file = tmp_path / "bench.db"
    data = bytearray(file.read_bytes())
    at = data.index(b'"uncertainty_us"')
    data[at : at + 16] = b'"uncertainty_Us"'
    file.write_bytes(data)
    with Store.open(file) as store, pytest.raises(StoreError, match="missing: uncertainty_us"):
        queries.trials(store)
    data[at : at + 16] = b"{[}]!!!!!!!!!!!!"
    file.write_bytes(data)
    with Store.open(file) as store:
        for read in (queries.trials, queries.sessions):
            with pytest.raises(StoreError, match="a stored value is damaged"):
                read(store)
