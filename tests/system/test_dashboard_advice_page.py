"""Advice on stores that the store's own writer made, beside the command on the same store."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import dashboard_trials as trials
import pytest
from cli_process import chirpbench
from dashboard_pages import run_page, words
from dashboard_stores import add_hostile
from streamlit.testing.v1 import AppTest

from dashboard import advising, source
from db.measured_models import known_models
from db.store import Store
from db.verifications import save_verification
from profiler.model import (
    Difference,
    Metric,
    MetricDifference,
    Outcome,
    Side,
    UseCase,
    Verification,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("advice") / "bench.db"
    trials.two_builds(path)
    return path


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    source.current().close()


def shown(path: Path, **params: str) -> AppTest:
    return run_page("advice", path, **params)


def test_the_page_says_what_the_command_says(store: Path, tmp_path: Path) -> None:
    done = chirpbench(
        "recommend", "b2", "--db", store, "--use", "call", "--network", "4g", "--json",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    head = lines[0]
    at = shown(store, model="B2", use="call", network="4g")
    said = words(at)
    assert head["conclusion"] in said
    for caution in (line for line in lines if line["kind"] == "caution"):
        told = caution["text"].replace("'chirpbench run'", source.code("chirpbench run"))
        assert told in said
        assert ("--db" in told) == ("chirpbench run" in told), "a command is told with its store"
    changed = [line for line in lines if line["kind"] == "setting" and line["changed"]]
    (table,) = at.table
    shown_names = {str(n).replace("\\", "").partition(" @")[0] for n in table.value["setting"]}
    assert shown_names == {line["name"] for line in changed}
    assert at.query_params["model"] == "B2"
    assert at.query_params["use"] == "call"


def test_what_the_address_asks_for_and_nobody_knows_is_said_in_a_line(store: Path) -> None:
    at = shown(store, model="B2", network="mars", use="opera", show="Everything")
    for asked in ("network “mars”", "use “opera”", "show “Everything”"):
        assert f"The address asks for {asked}, which is not known; shown is " in words(at)
    at.run()
    assert "asks for network “mars”" in words(at), "the address says another one by now"
    at.selectbox(key="advice_network").select("4g").run()
    assert "mars" not in words(at)
    assert "asks for" not in words(shown(store, model="B2", network="4g", show="Export"))


def test_every_tab_opens(store: Path) -> None:
    budgets = shown(store, model="B2", show="Delay budgets")
    assert len(budgets.get("vega_lite_chart")) == 1
    assert "150 ms" in words(budgets)
    proof = shown(store, model="B2", show="Proof")
    assert "not verified yet" in words(proof)
    (code,) = proof.code
    assert code.value.startswith("chirpbench verify B2 ")


def test_a_real_phone_is_exported_without_a_tick(store: Path) -> None:
    at = shown(store, model="B2", show="Export")
    assert not at.checkbox
    buttons = {b.proto.label: b for b in at.get("download_button")}
    assert {"profile", "webrtc", "android", "csv", "signal"} <= set(buttons)
    assert any(label.startswith("Everything as one zip") for label in buttons)


def test_a_virtual_phone_needs_its_tick(tmp_path: Path) -> None:
    path = tmp_path / "virtual.db"
    with Store.open(path) as opened:
        trials.begin(opened, "v", trials.facts("v1", "V1", is_virtual=True))
        trials.add_latency(opened, "v", [40.0, 41.0, 42.0])
    at = shown(path, model="V1", show="Export")
    assert "chirpbench export refuses this model without" in words(at).replace("`", "")
    assert not at.get("download_button")
    (tick,) = at.checkbox
    assert "simulated phone" in tick.label
    tick.check().run()
    assert not at.exception
    assert at.get("download_button")


def test_a_model_nobody_measured_gets_advice_from_relatives(store: Path) -> None:
    at = shown(store, described="1", maker="Acme", model="Z9", soc="soc9", api="34")
    said = words(at)
    assert "this build was never measured" in said
    assert "from same SoC" in said
    at.text_input(key="advice_maker").set_value("").run()
    assert "its manufacturer is not known" in words(at)
    at.text_input(key="advice_code").set_value("").run()
    assert "Say at least the model code" in words(at)
    assert not at.exception


def test_a_model_nobody_measured_does_not_begin_as_the_stored_one(store: Path) -> None:
    at = shown(store, model="B2", maker="Acme")
    at.segmented_control(key="advice_how").set_value("a model nobody measured").run()
    assert [at.text_input(key=f"advice_{k}").value for k in ("maker", "code", "soc")] == [""] * 3
    assert at.number_input(key="advice_api").value is None
    assert "Say at least the model code" in words(at)
    assert dict(at.query_params).keys().isdisjoint({"maker", "model", "soc", "build"})
    at.text_input(key="advice_maker").set_value("Acme")
    at.text_input(key="advice_code").set_value("Z9").run()
    assert at.query_params["model"] in ("Z9", ["Z9"])
    assert not at.exception


def test_a_calls_budget_names_a_calls_goals(store: Path) -> None:
    call = words(shown(store, model="B2", use="call", show="Delay budgets"))
    assert "mouth to ear 150 ms" in call
    assert "GPT" not in call.split("Red: the goals")[1]
    agent = words(shown(store, model="B2", use="voice-agent", show="Delay budgets"))
    assert "a voice agent's answer 232 ms" in agent.replace("\\", "")


def test_empty_and_unknown_help(store: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    Store.open(empty).close()
    at = shown(empty)
    assert "Nothing is measured yet" in words(at)
    at.text_input(key="advice_maker").set_value("Acme")
    at.text_input(key="advice_code").set_value("A1").run()
    assert "never measured, and neither was a relative" in words(at)
    assert "No measured model fits" in words(shown(store, model="no such phone"))


def test_all_failed_runs_still_get_cautious_defaults(tmp_path: Path) -> None:
    path = tmp_path / "failed.db"
    with Store.open(path) as opened:
        trials.begin(opened, "f", trials.facts("f1", "F1"))
        trials.add_latency(opened, "f", [None, None, None])
    at = shown(path, model="F1")
    assert "not_measurable" in words(at)
    assert at.table


def test_hostile_names_are_text(tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    add_hostile(path)
    at = shown(path, show="Export")
    (pick,) = [s for s in at.selectbox if s.key == "advice_model"]
    for option in range(len(pick.options)):
        source.use(str(path))
        pick = at.selectbox(key="advice_model")
        pick.select_index(option).run()
        assert not at.exception
        assert not at.error
        for block in (*at.markdown, *at.warning, *at.info, *at.caption):
            assert "<script>" not in str(block.value)
            assert "](javascript" not in str(block.value)
            assert "\u202e" not in str(block.value)


def test_a_proof_explains_its_difference_where_it_stands(tmp_path: Path) -> None:
    """The median of the pairs' differences may have another sign than the medians beside it."""
    path = tmp_path / "proved.db"
    trials.two_builds(path)
    now = advising.settled_now()
    with Store.open(path) as opened:
        (facts,) = [m for m in known_models(opened) if m.key.model == "B2"]
        _, sha256 = advising.advice(opened, facts, UseCase.CALL, "wifi", now)
        sides = [
            Side(name, {}, (Metric("mouth_to_ear_ms", "ms", (ms,) * 6, ms, (ms - 5, ms + 5)),), ())
            for name, ms in (("recommended", 174.0), ("default", 173.5))
        ]
        faster = MetricDifference(
            "mouth_to_ear_ms", "ms", -0.4, (-3.0, 2.0), 5.0, Difference.SAME
        )  # fmt: skip
        save_verification(opened, Verification(
            "v1", sha256, facts.key, UseCase.CALL, "wifi", 6, *sides, (faster,),
            Outcome.SAME, "as good", 182.0, {}, now, "0.1.0", facts.is_virtual,
        ))  # fmt: skip
    at = shown(path, model="B2", use="call", network="wifi", show="Proof")
    said = words(at)
    assert "The recommendation is as good as the defaults" in said
    assert "Difference: the median of what each pair of sessions differs by" in said
    assert "may even have another sign" in said


def test_the_zip_opens(store: Path) -> None:
    from dashboard.views import advice_export
    from profiler.recommend import advice_sha256

    now = advising.settled_now()
    with Store.open_to_look(store) as opened:
        known = known_models(opened)
        (facts,) = [m for m in known if m.key.model == "B2"]
        advice = advising.bare_advice(opened, facts, UseCase.CALL, "wifi", now)
    item = advice_export.item_for(advice, advice_sha256(advice), (), now)
    made = advice_export.export(advice_export.Order(item, known, ("profile", "csv")))
    whole = advice_export.everything(item, made)
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.testzip() is None
        assert "manifest.json" in archive.namelist()
