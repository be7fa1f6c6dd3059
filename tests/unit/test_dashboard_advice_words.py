"""What the Advice page says of an advice and of its proof: words, tables and bars."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import known_models
import pandas as pd
import pytest
import store_records as records

from dashboard import advising
from dashboard.views import advice as view
from dashboard.views import advice_budget as bars
from dashboard.views import advice_export as export
from dashboard.views import advice_proof as proof
from profiler.budget.showing import budget_name
from profiler.model import (
    Difference,
    Metric,
    MetricDifference,
    ModelKey,
    Outcome,
    Side,
    UseCase,
    Verification,
)
from profiler.recommend import advise
from profiler.recommend.saying import conclusion
from profiler.recommend.supported import support
from profiler.verify import judging


def bare(line: str) -> str:
    """What Markdown shows of an escaped line."""
    return line.replace("\\", "").replace("\u2060", "")


# -- words, tables and bars ---------------------------------------------------------------------


def test_every_setting_is_in_the_table_with_its_evidence() -> None:
    advice = known_models.advised_agent()
    table = view.settings_frame(advice)
    shown = sum(len(name.partition(" @ ")[2].split(", ")) if " @ " in name else 1
                for name in table["setting"])  # fmt: skip
    assert shown == len(advice.settings)
    lines = view.changed_lines(advice)
    assert {bare(line).partition(" @ ")[0] for line in lines["setting"]} == {
        s.name for s in advice.settings if s.changed
    }
    assert not lines["value"].str.contains("system's").any(), "what is left alone is no change"
    assert lines["evidence"].str.contains(r"/evidence\?trial=").any()
    trials = {uuid for s in advice.settings for uuid in s.trial_uuids}
    assert set(view.evidence_frame(advice)["trial"]) == trials


def test_every_count_of_settings_on_the_page_is_the_same_count() -> None:
    advice = known_models.advised_agent()
    everywhere = [s for s in advice.settings if not s.route]
    changed, every = sum(s.changed for s in everywhere), len(everywhere)
    said = conclusion(advice)
    assert said.startswith(f"{changed} of {every} settings differ")
    basis = support(advice.settings)
    assert len(basis.measured) + len(basis.unmeasured) + len(basis.free) == every
    assert f": {len(basis.own)} of the {basis.decidable} settings that tests decide" in said
    routed = len(view.changed_lines(advice)) - changed
    assert view.change_words(advice) == (
        f"{changed} settings to change, and {routed} on some routes only"
    )
    assert view.count_words(advice).startswith(f"All {every} settings, ")
    assert view.count_words(advice).endswith(f"{len(advice.settings)} with those of single routes")
    lost = pd.DataFrame(
        [("baresip", "api", "✓"), ("pjsua", "api", "✓"), ("pjsua", "red@usb", "")],
        columns=["target", "setting", "changed here"],
    )
    assert export.lost_words(advice, lost).endswith(
        f"2 of the {every} settings in one target or more, among them 1 of the {changed} to change"
    )
    same = next(s for s in everywhere if s.value is False and s.default is False)
    more = replace(advice, settings=(*advice.settings, replace(same, route="usb", value=True)))
    lost.loc[len(lost)] = ["pjsua", same.name, "✓"]
    assert "and 1 that change on some routes only" in export.lost_words(more, lost)


def test_bars_add_up_and_draw_the_interval_and_the_goals() -> None:
    advice, pipelines = known_models.advised_agent(), advising.pipelines()
    shown = bars.budget_view(advice.budgets, pipelines)
    assert len(shown.names) == len(set(shown.names)) == len(advice.budgets)
    for budget, name in zip(advice.budgets, shown.names, strict=True):
        mine = shown.bars[shown.bars["budget"] == name]
        assert mine["ms"].sum() == pytest.approx(budget.total_ms)
        if budget.total_ms <= shown.axis_ms:
            assert mine["to"].max() == pytest.approx(budget.total_ms)
    assert shown.axis_ms == bars.MAX_AXIS_MS
    whole = bars.budget_view(advice.budgets, pipelines, whole=True)
    assert whole.axis_ms > max(b.high_ms for b in advice.budgets)
    assert goals_in(shown) == {150, 232, 320, 400}
    turns = shown.goals[shown.goals["budget"].str.startswith("turn")]
    assert set(turns["ms"]) == {232, 320}, "a bar is held against its own goals only"
    assert set(shown.goals[~shown.goals["budget"].str.startswith("turn")]["ms"]) == {150, 400}


def goals_in(shown: bars.BudgetView) -> set[float]:
    chart = bars.budget_chart(shown)
    assert chart is not None
    return {
        r["ms"] for rows in chart.to_dict()["datasets"].values() for r in rows if "why" in r
    }  # fmt: skip


@pytest.mark.parametrize("use", [UseCase.CALL, UseCase.MUSIC])
def test_a_call_has_no_goal_of_an_agents(use: UseCase) -> None:
    advice = advise(known_models.knowledge(), use, advising.scene("wifi"))
    shown = bars.budget_view(advice.budgets, advising.pipelines())
    assert goals_in(shown) == {150, 400}
    said = bars.goal_words(advice.budgets)
    assert said.startswith("mouth to ear 150 ms (ITU-T G.114")
    assert "GPT" not in said
    chart = bars.budget_chart(shown)
    assert chart is not None
    assert "words" not in str(chart.to_dict()["layer"][0]["encoding"]["x"]["title"])


def test_goals_say_what_is_kept_and_what_is_to_blame() -> None:
    advice, pipelines = known_models.advised_agent(), advising.pipelines()
    lines = bars.goals_lines(advice.budgets, pipelines)
    assert [bare(line) for line in lines["budget"]] == [
        budget_name(b, pipelines) for b in advice.budgets
    ]
    frame = bars.goals_frame(advice.budgets, pipelines)
    assert len(frame) == sum(len(b.goals) for b in advice.budgets)
    assert set(frame["is it kept?"]) <= {"keeps", "may keep", "misses"}


# -- verification -------------------------------------------------------------------------------


def verification(outcome: Outcome = Outcome.BETTER, **changes: Any) -> Verification:
    def side(name: str, ms: float) -> Side:
        return Side(
            name, {"opus_fec": name == "recommended"},
            (Metric("mouth_to_ear_ms", "ms", (ms,) * 6, ms, (ms - 5, ms + 5)),
             Metric("pesq", "1", (3.1,) * 6, 3.1, None)),
            ("loss: 12 of 600 packets",),
        )  # fmt: skip

    values: dict[str, Any] = {
        "verification_uuid": "v1", "advice_sha256": "ab", "model_key": ModelKey("a", "b", "c", "d"),
        "use": UseCase.CALL, "network": "wifi", "sessions": 6,
        "recommended": side("recommended", 200.0), "default": side("default", 260.0),
        "differences": (
            MetricDifference("mouth_to_ear_ms", "ms", -60.0, (-66.0, -55.0), 20.0,
                             Difference.BETTER),
            MetricDifference("pesq", "1", 0.1, None, 0.2, Difference.UNCLEAR),
        ),
        "outcome": outcome, "text": "60 ms faster", "predicted_mouth_to_ear_ms": 210.0,
        "stack": {"libwebrtc": "M152"}, "verified_at": records.NOON, "tool_version": "0.1.0",
        "is_virtual": False,
    }  # fmt: skip
    return Verification(**{**values, **changes})


def test_metrics_stand_beside_each_other_with_intervals() -> None:
    table = proof.metrics_frame(verification()).set_index("metric")
    assert table.loc["mouth to ear", "recommended"] == "200.0  (195.0 … 205.0)"
    assert table.loc["mouth to ear", "difference"] == "−60.0  (−66.0 … −55.0)"
    assert table.loc["speech quality (PESQ)", "difference"] == "+0.10  (no interval)"
    chart = proof.difference_chart(verification())
    assert chart is not None
    rows = [r for rows in chart.to_dict()["datasets"].values() for r in rows if "metric" in r]
    assert {(r["metric"], r["x"]) for r in rows} == {
        ("mouth to ear", -3.0), ("speech quality (PESQ)", 0.5),
    }  # fmt: skip
    assert list(proof.settings_frame(verification())["setting"]) == ["opus_fec"]
    alone = verification(recommended=replace(verification().recommended, settings={}))
    assert proof.settings_frame(alone).empty, "what is not set is no difference"
    assert proof.difference_chart(replace(verification(), differences=())) is None


def test_what_decided_is_said_once_and_in_words() -> None:
    found = verification(text="better: mouth_to_ear_ms -60.0 ms (-66.0 to -55.0) better")
    assert proof.because(found) == (
        "mouth to ear −60.0 ms (95 %: −66.0 … −55.0 ms); speech quality (PESQ) +0.10 is unclear"
    )
    missing = verification(Outcome.NOT_VERIFIED, text="not verified: 3 pairs ended well")
    assert proof.because(missing) == "3 pairs ended well"
    rate = MetricDifference("bitrate_kbps", "kbps", -9.0, (-9.5, -8.5), 2.0, Difference.BETTER)
    same = verification(Outcome.SAME, differences=(replace(found.differences[0],
                        difference=Difference.SAME), rate))  # fmt: skip
    assert proof.because(same) == "no difference beyond what counts", "the bit rate is not judged"
    words = proof.metrics_frame(same).set_index("metric")["the recommendation is"]
    assert (words["mouth to ear"], words["bit rate"]) == ("= same", "(✔ better)")


def test_the_page_knows_every_metric_and_which_of_them_decide() -> None:
    assert set(proof.METRIC_WORDS) == {rule.name for rule in judging.RULES}
    assert set(proof.DECIDING) == {rule.name for rule in judging.RULES if rule.judged}


def test_a_worse_outcome_is_never_hidden() -> None:
    worse = verification(Outcome.WORSE)
    later = verification(verified_at=records.NOON + timedelta(days=9))
    assert proof.newest([worse, later]) is worse
    assert proof.newest([]) is None


def test_the_command_quotes_what_a_phone_says() -> None:
    facts = replace(known_models.facts(), key=ModelKey("a'b", "$(rm -rf)\n", "", "x;y"))
    line = proof.command(facts, "call", "wifi", "my store.db")
    words = line.replace("\\\n", " ").split(" --")
    assert words[0].strip() == "chirpbench verify '$(rm -rf)'"
    assert "os-build 'x;y'" in line
    assert "'a'\"'\"'b'" in line
