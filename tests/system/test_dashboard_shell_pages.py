"""Live bench, Help and the frame around every page, run by Streamlit on real stores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import store_records as records
from dashboard_pages import run_page, words
from streamlit.testing.v1 import AppTest

from dashboard import source
from db.progress import DeviceProgress, put_progress
from db.store import Store
from profiler.model import Verdict

RUN = Path(__file__).resolve().parents[2] / "dashboard" / "script" / "run.py"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """An empty store that the dashboard shows."""
    made = tmp_path / "bench.db"
    Store.open(made).close()
    source.use(str(made))
    yield made
    source.use(str(tmp_path / "none.db"))


def _live() -> None:
    from dashboard.pages import live

    live.page()


def _help() -> None:
    from dashboard.pages import help as page

    page.page()


def opened(page: AppTest) -> AppTest:
    page.run(timeout=60)
    assert not page.exception
    return page


def live(**params: str) -> AppTest:
    page = AppTest.from_function(_live, default_timeout=60)
    page.query_params.update(params)
    return opened(page)


def said(page: AppTest) -> str:
    shown = (*page.markdown, *page.info, *page.warning, *page.error, *page.caption)
    return " ".join(element.value for element in shown)


def tables(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def line(**changes: object) -> DeviceProgress:
    now = datetime.now(UTC)
    usual = DeviceProgress(
        bench_uuid="bench-1", run_uuid="run-1", device_uid="android:AB12", device_name="Pixel 7",
        suite="quick", zone="left", state="playing", stage="playing", fraction=0.5, test_id="L1",
        position=3, trials_total=10, last_test="L1", last_verdict=Verdict.PASS,
        last_text="L1 pass 42.1 ms", message="", started_at=now - timedelta(minutes=2),
        updated_at=now, ended=False,
    )  # fmt: skip
    return replace(usual, **changes)  # type: ignore[arg-type]


def progress(path: Path, *lines: DeviceProgress) -> None:
    with Store.open(path) as store:
        put_progress(store, *lines)


def measured(path: Path, verdict: Verdict = Verdict.PASS) -> None:
    with Store.open(path) as store:
        store.upsert_device(records.device("AB12"), records.facts())
        store.begin_run(records.run("run-1", "virtual:AB12", bench_uuid="bench-1"))
        store.add_trial(records.trial("trial-1", run_uuid="run-1"))
        store.add_test_result(records.result("run-1", verdict=verdict, reasons=("latency_high",)))


def test_no_bench_names_commands_that_fill_this_store(path: Path) -> None:
    assert f"`chirpbench run --db {path}`" in said(live())
    assert f"--speed 8 --db {path}`" in said(live())


@pytest.mark.parametrize("name", ["fleet", "model", "compare", "evidence", "advice", "live"])
def test_every_empty_page_names_commands_that_fill_this_store(name: str, path: Path) -> None:
    shown = words(run_page(name, path))
    assert f"`chirpbench run --db {path}`" in shown
    assert f"`chirpbench run --virtual --suite quick --speed 8 --db {path}`" in shown


def test_a_valid_recording_of_a_phone_that_failed_is_not_green(path: Path) -> None:
    measured(path, Verdict.FAIL)
    page = run_page("evidence", path, trial="trial-1")
    assert "✓ Valid" in words(page)
    assert not page.success
    assert "✖ fail" in tables(page)
    page.session_state["evidence_open"] = True
    page.run()
    (offered,) = [box for box in page.selectbox if box.key == "evidence_verdict"]
    assert offered.label == "Recording"
    assert "✓ valid" in offered.options
    assert not any("pass" in word or "fail" in word for word in offered.options)


def test_no_page_shows_a_command_that_would_fill_another_store() -> None:
    """Each goes through ``source.code``: a hint must not send results elsewhere."""
    for file in (RUN.parents[1] / "pages").glob("*.py"):
        for line in file.read_text("utf-8").splitlines():
            assert not re.search(r"`chirpbench (run|doctor)", line), f"{file.name}: {line}"


def test_a_running_bench_with_its_tests_and_trials(path: Path) -> None:
    measured(path)
    progress(path, line())
    page = live()
    assert "**Running:** quick on 1 device, 2 of 10 trials" in said(page)
    assert "✓ valid" in tables(page)  # what was last told is a trial
    assert "Acme A1" in tables(page), "its model's name, not the bench's"
    assert "latency_high" in tables(page)
    (trials,) = page.dataframe
    assert list(trials.value["Evidence"]) == ["/evidence?trial=trial-1"]


def test_twins_on_a_bench_are_called_as_on_the_fleet(path: Path) -> None:
    for i, soc in enumerate(("exynos", "snapdragon")):
        with Store.open(path) as store:
            device = records.device(f"AB{i}")
            store.upsert_device(device, records.facts(soc=soc, marketing_name="Meridian 9 Pro"))
            store.begin_run(records.run(f"run-{i}", device.uid, bench_uuid="bench-1"))
            store.add_trial(records.trial(f"trial-{i}", run_uuid=f"run-{i}"))
    progress(path, *(line(run_uuid=f"run-{i}", device_uid=f"virtual:AB{i}", device_name="MX9 Pro")
                     for i in range(2)))  # fmt: skip
    page = live()
    names = [f"Meridian 9 Pro · {soc}" for soc in ("exynos", "snapdragon")]
    assert all(f"<b>{name}</b>" in tables(page) for name in names)
    assert "MX9" not in tables(page)
    (trials,) = page.dataframe
    assert {f"{name} ◇" for name in names} == set(trials.value["Device"])


def test_a_bench_whose_every_test_failed(path: Path) -> None:
    measured(path, Verdict.ERROR)
    progress(path, line(ended=True, state="error", message="it was unplugged"))
    page = live()
    assert "**Ended**" in said(page)
    assert "1 error" in tables(page)
    assert "it was unplugged" in tables(page)


def test_a_silent_bench_is_not_shown_as_running(path: Path) -> None:
    progress(path, line(updated_at=datetime.now(UTC) - timedelta(minutes=5)))
    page = live()
    assert "was it killed?" in said(page)
    assert "left at this pace" not in said(page)


def test_the_address_chooses_one_of_several_benches(path: Path) -> None:
    former = line(
        bench_uuid="bench-0", ended=True, state="ok", device_name="Nokia 5",
        started_at=datetime.now(UTC) - timedelta(hours=1),
    )  # fmt: skip
    progress(path, line(), former)
    assert "Nokia 5" not in tables(live())
    assert "Nokia 5" in tables(live(bench="bench-0"))
    assert "Pixel 7" in tables(live(bench="nobody"))


def test_help_by_group_and_by_word() -> None:
    page = opened(AppTest.from_function(_help, default_timeout=60))
    assert "Safe buffer" in tables(page)
    page.text_input[0].set_value("silent_capture")
    opened(page)
    assert "digital silence" in tables(page)
    assert page.query_params["find"] == "silent_capture"
    page.text_input[0].set_value("**zzz** <b>")
    opened(page)
    assert "Nothing is called" in said(page)
    assert "<b>" not in said(page)


def test_help_from_an_address() -> None:
    page = AppTest.from_function(_help, default_timeout=60)
    page.query_params["group"] = "Tests"
    assert "L1 · round-trip latency" in tables(opened(page))


# --- the frame --------------------------------------------------------------------------------


def test_the_whole_dashboard_on_a_missing_store(tmp_path: Path) -> None:
    source.use(str(tmp_path / "none.db"))
    page = opened(AppTest.from_file(str(RUN), default_timeout=60))
    (box,) = page.error
    assert "no results are stored here" in box.value
    assert "chirpbench run" in box.value
    with Store.open(tmp_path / "none.db"):
        pass
    page.button(key="frame_again").click()
    opened(page)
    assert not page.error


def _mistake() -> None:
    from dashboard.frame import guarded

    @guarded
    def page() -> None:
        raise ZeroDivisionError("secret detail of the code")

    page()


def test_a_mistake_is_a_plain_box_and_a_line_in_the_terminal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = opened(AppTest.from_function(_mistake))
    assert "ZeroDivisionError" in page.error[0].value
    assert "secret detail" not in page.error[0].value
    assert "secret detail" in caplog.text


def _evidence_gone() -> None:
    from dashboard.frame import guarded
    from profiler.errors import EvidenceError

    @guarded
    def page() -> None:
        raise EvidenceError("recording <b>x</b> is gone", hint="look into *the* folder")

    page()


def test_what_a_file_is_called_is_text_in_the_box_too() -> None:
    page = opened(AppTest.from_function(_evidence_gone))
    assert "<b>" not in page.error[0].value
    assert r"\*the\*" in page.error[0].value


def test_no_module_hides_another_one() -> None:
    """Streamlit puts the script's folder before all others on the path of imports."""
    assert [file.name for file in RUN.parent.glob("*.py")] == ["run.py"]
    assert not (RUN.parent / "pages").exists()
