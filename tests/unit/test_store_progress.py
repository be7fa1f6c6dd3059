"""Progress of benches: one row a device, hostile text kept, old benches forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import store_records as make

from db.progress import KEEP_BENCHES, DeviceProgress, progress, put_progress
from db.store import Store
from profiler.errors import StoreError
from profiler.model import Verdict

HOSTILE = "<script>\0\ud800\u202e" + "x" * 999
LINE = DeviceProgress(
    bench_uuid="bench-1", run_uuid="run-1", device_uid="virtual:v1", device_name=HOSTILE,
    suite="smoke", zone=HOSTILE, state="recording", stage="recording", fraction=0.5,
    test_id="L1", position=3, trials_total=18, last_test="L1", last_verdict=Verdict.MARGINAL,
    last_text=HOSTILE, message=HOSTILE, started_at=make.NOON, updated_at=make.after(9.0),
    ended=False,
)  # fmt: skip


def test_a_line_comes_out_as_it_went_in_and_the_newest_replaces_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        put_progress(store, LINE)
        assert progress(store) == [LINE]
        newer = replace(LINE, state="ok", run_uuid=None, last_verdict=None, ended=True)
        other = replace(LINE, device_uid=f"virtual:{HOSTILE}")
        put_progress(store, newer, other)
        assert progress(store) == [newer, other]
    with Store.open_to_look(tmp_path / "a.db") as store:
        assert progress(store) == [newer, other]


def test_the_newest_bench_is_first_and_old_rows_can_be_left_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        for n, (bench, device) in enumerate((("b2", "x"), ("b1", "y"), ("b2", "z"))):
            begun = make.after(100.0 if bench == "b1" else 0.0)
            at = make.after(200.0 + n)
            line = replace(LINE, bench_uuid=bench, device_uid=device, started_at=begun)
            put_progress(store, replace(line, updated_at=at))
        assert [p.device_uid for p in progress(store)] == ["y", "x", "z"]
        assert [p.device_uid for p in progress(store, since=make.after(201.0))] == ["y", "z"]
        assert progress(store, since=make.after(999.0)) == []


def test_old_benches_are_forgotten(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        for n in range(KEEP_BENCHES + 5):
            at = make.NOON + timedelta(hours=n)
            for device in ("x", "y"):
                line = replace(LINE, bench_uuid=f"b{n:02}", device_uid=device)
                put_progress(store, replace(line, started_at=at, updated_at=at))
        kept = [p.bench_uuid for p in progress(store)]
        assert kept == [f"b{n:02}" for n in range(KEEP_BENCHES + 4, 4, -1) for _ in "xy"]


def test_a_fraction_that_is_no_number_comes_back_as_it_is(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        put_progress(store, replace(LINE, fraction=float("inf")))
        assert progress(store)[0].fraction == float("inf")
        with pytest.raises(StoreError, match="cannot be stored"):
            put_progress(store, replace(LINE, position="3"))  # type: ignore[arg-type]
