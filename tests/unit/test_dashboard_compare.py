"""Models beside each other: the same verdicts as the command's, said in plain words."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import store_records as records
from dashboard_stores import HOSTILE

from dashboard import links
from dashboard.views import compare as view
from dashboard.views import compare_choice as choice
from dashboard.views import compare_features as features
from db.points import LatencyPoint
from profiler.cli.commands.compare import compare_paths
from profiler.model import AudioPath, Difference, ModelKey, Platform, SessionRow, Verdict
from profiler.summary import summarise
from profiler.summary.effects import cliff_words

SPEAKER = AudioPath("speaker", "media", "default", "default")
CALL = AudioPath("speaker", "communication", "aaudio", "voice_communication")


@dataclass(frozen=True)
class Said:
    verdict: Verdict
    text: str = "as measured"
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """What a side is made of."""

    key: ModelKey
    marketing_name: str = "Acme One"
    is_virtual: bool = False
    platform: Platform = Platform.ANDROID
    last_at: datetime = records.NOON
    runs: int = 1
    headlines: dict[str, Said] = field(default_factory=dict)


def model(name: str = "A1", build: str = "b1", soc: str = "soc9", **more: Any) -> Model:
    return Model(ModelKey("Acme", name, soc, build), **more)


def sessions(side: view.Side, values: list[float | None], path: AudioPath = SPEAKER
             ) -> list[SessionRow]:  # fmt: skip
    return [
        replace(records.session(value), model_key=side.key, path=path, is_virtual=side.is_virtual,
                trial_uuid=f"{side.letter}{i}", started_at=records.after(i))
        for i, value in enumerate(values)
    ]  # fmt: skip


def spread(middle: float, count: int, sd: float = 1.0, seed: int = 1) -> list[float | None]:
    dice = random.Random(seed)
    return [dice.gauss(middle, sd) for _ in range(count)]


def test_pairs_are_those_of_the_command() -> None:
    sides = view.sides_of([model("A1"), model("A2"), model("A3")])
    rows = {
        side: sessions(side, spread(40 + 3 * i, 9, seed=i))
        + sessions(side, spread(90 - i, 5, seed=9 + i), CALL)
        for i, side in enumerate(sides)
    }
    found = view.pairs_of(sides, rows)
    every = [row for some in rows.values() for row in some]
    told = [(side, p) for side in sides[1:] for p in compare_paths(every, side.key, sides[0].key)]
    assert [(p.side, p.found) for p in found] == told
    assert len(found) == 4


def test_another_rate_of_the_same_path_is_compared_with_a_caution() -> None:
    a, b = view.sides_of([model("A1"), model("A2")])
    rows = {
        a: sessions(a, spread(40, 9)),
        b: [replace(s, rate_hz=44_100) for s in sessions(b, spread(60, 9))],
    }
    pairs = view.pairs_of((a, b), rows)
    assert [p.where for p in pairs] == ["speaker, media · 44.1 against 48 kHz"]
    (told,) = compare_paths([*rows[a], *rows[b]], b.key, a.key)
    assert pairs[0].found == told
    (said,) = view.sentences((a, b), pairs)
    assert said.difference is Difference.WORSE
    assert "is slower than" in said.line
    assert said.caution.startswith("measured at 44.1 against 48 kHz")
    assert list(view.shift_frame(pairs)["path"]) == [pairs[0].where]
    table = view.latency_frame((a, b), rows)
    assert list(table["path"]) == ["speaker, media · 48 kHz", "speaker, media · 44.1 kHz"]
    assert set(table["line"]) == {"speaker, media · 44.1 / 48 kHz"}, "one line of the chart"
    both = {**rows, a: [*rows[a], *rows[b]]}
    assert len(set(view.points_frame((a, b), both)["line"])) == 2, (
        "a side at two rates: a line each"
    )


def test_paths_without_an_interval_share_a_line() -> None:
    a, b = view.sides_of([model("A1"), model("A2")])
    other = replace(CALL, api="java")
    rows = {
        side: sessions(side, spread(ms, 9)) + sessions(side, spread(ms, 2), CALL)
        + sessions(side, spread(ms, 2), other)
        for side, ms in ((a, 40), (b, 60))
    }  # fmt: skip
    (said,) = view.sentences((a, b), view.pairs_of((a, b), rows))
    assert said.line == f"{b.name} is slower on some paths than {a.name}"
    assert len(said.paths) == 2
    assert "effect large: slower in 100 % of pairs of sessions" in said.paths[0]
    assert said.paths[1].startswith("too few sessions for an interval on ")


def test_a_slower_build_of_the_same_model_is_a_regression() -> None:
    sides = view.sides_of([model(build="old"), model(build="new"), model("B7")])
    rows = {side: sessions(side, spread(40 + 8 * i, 12, seed=i)) for i, side in enumerate(sides)}
    new, other = view.sentences(sides, view.pairs_of(sides, rows))
    assert new.difference is other.difference is Difference.WORSE
    assert "is a regression against" in new.line
    assert "is slower than" in other.line
    assert "95 % +" in new.line


def test_too_few_sessions_are_said() -> None:
    sides = view.sides_of([model("A1"), model("A2")])
    rows = {side: sessions(side, spread(40 + 30 * i, 3)) for i, side in enumerate(sides)}
    (said,) = view.sentences(sides, view.pairs_of(sides, rows))
    assert said.difference is Difference.UNCLEAR
    assert "3 against 3 sessions are too few for an interval" in said.line
    assert "cannot be told from" in said.line


def test_a_path_that_only_one_has_is_no_comparison() -> None:
    a, b = view.sides_of([model("A1"), model("A2")])
    rows = {a: sessions(a, spread(40, 8)), b: sessions(b, spread(40, 8), CALL)}
    assert view.pairs_of((a, b), rows) == []
    (said,) = view.sentences((a, b), [])
    assert "no path in common" in said.line


def test_rejected_sessions_enter_no_number_and_leave_no_chart() -> None:
    a, b = view.sides_of([model("A1"), model("A2")])
    rows = {a: sessions(a, [None] * 6), b: sessions(b, [None] * 6)}
    assert view.latency_chart((a, b), rows) is None
    assert view.shift_chart(view.pairs_of((a, b), rows)) is None
    (said,) = view.sentences((a, b), view.pairs_of((a, b), rows))
    assert "no session of either was measured" in said.line
    table = view.latency_frame((a, b), rows)
    assert list(table["rejected"]) == [6, 6]
    assert list(table["sessions"]) == [0, 0]


def test_the_table_has_the_numbers_of_the_summary() -> None:
    a, b = view.sides_of([model("A1"), model("A2")])
    rows = {a: sessions(a, [*spread(40, 9), None]), b: sessions(b, spread(50, 5))}
    for side, row in zip((a, b), view.latency_frame((a, b), rows).to_dict("records"), strict=True):
        (s,) = summarise(rows[side])
        assert row["median_ms"] == s.median_ms
        assert row["p95_ms"] == s.p95_ms
        low, high = s.ci95_ms or (None, None)
        assert (row["low_ms"] == low and row["high_ms"] == high) or s.ci95_ms is None
        assert ("too few" in row["note"]) == (s.ci95_ms is None)


def test_charts_hold_every_side_and_bounded_data() -> None:
    sides = view.sides_of([model(f"A{i}") for i in range(6)])
    rows = {s: sessions(s, spread(40, 2000, seed=i)) for i, s in enumerate(sides)}
    points = view.points_frame(sides, rows)
    assert set(points["side"]) == {s.name for s in sides}
    assert len(points) <= 6 * view.MAX_POINTS
    chart = view.latency_chart(sides, rows)
    assert chart is not None
    made = chart.to_dict()
    assert made["layer"][0]["encoding"]["x"]["title"].endswith("ms")


def test_names_tell_twins_and_builds_apart() -> None:
    twins = view.sides_of([model(soc="exynos"), model(soc="snapdragon")])
    assert "exynos" in twins[0].name
    assert "snapdragon" in twins[1].name
    builds = view.sides_of(
        [model(build="b1"), model(build="b2"), model(build="b1", is_virtual=True)]
    )
    assert len({s.name for s in builds}) == 3
    assert builds[2].name.endswith("◇")
    alike = view.sides_of([model("A1"), model("A2", soc="other")])
    assert len({s.name[1:] for s in alike}) == 2, "not only their letters differ"


def test_a_side_is_called_as_on_every_page_where_its_twin_is_only_stored() -> None:
    stored = [model(soc="exynos", build="b0"), model(soc="exynos"), model(soc="snapdragon")]
    stored.append(model("B2", marketing_name="Other"))
    sides = view.sides_of([stored[1], stored[3]], stored)
    assert [s.name for s in sides] == ["A  Acme One · exynos", "B  Other"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    rows = [Model(ModelKey(name, name, name, f"{name}{i}"), marketing_name=name) for i in range(2)]
    sides = view.sides_of(rows)
    assert all("\n" not in s.name and "\u202e" not in s.name and "\0" not in s.name for s in sides)
    found = {s: sessions(s, spread(40, 8, seed=i)) for i, s in enumerate(sides)}
    chart = view.latency_chart(sides, found)
    assert chart is not None
    assert json.loads(json.dumps(chart.to_dict()))
    tokens = {links.token(r.key): r for r in rows}
    asked = [token[: links.MAX_CHARS] for token in tokens]
    assert choice.from_address(asked, tokens) == list(tokens)  # type: ignore[arg-type]


def test_points_of_the_store_become_sessions() -> None:
    (a,) = view.sides_of([model("A1")])
    one = LatencyPoint(
        "t1", "r1", "android:1", "L1", a.key, False, SPEAKER, 48_000, Verdict.PASS, 41.5, 4.0,
        0.99, 30.0, records.NOON,
    )  # fmt: skip
    virtual = replace(one, trial_uuid="t2", is_virtual=True)
    (row,) = view.sessions_of([one, virtual], a)
    assert (row.trial_uuid, row.latency_ms, row.uncertainty_us) == ("t1", 41.5, 4.0)


def test_differences_are_marked_beyond_the_margin_of_two_runs() -> None:
    def said(erle: float, full: float = 1.0, verdict: Verdict = Verdict.PASS) -> dict[str, Said]:
        return {
            "A1": Said(verdict, numbers={"erle_db": erle}),
            "A9": Said(verdict, numbers={"full_duplex": full, "max_safe_volume": 0.75 * full}),
        }

    sides = view.sides_of([model("A1"), model("A2"), model("A3"), model("A4")])
    found = {
        sides[0]: said(30.0),
        sides[1]: said(33.0),
        sides[2]: said(12.0, 0.0, Verdict.FAIL),
    }
    echo, barge_in = features.feature_rows(sides, found)
    assert [c.differs for c in echo.cells] == [False, False, True, True]
    assert [c.shown for c in barge_in.cells] == [
        "● safe to 75 % volume", "● safe to 75 % volume", "✖ half duplex", "not tested",
    ]  # fmt: skip
    table = features.features_frame(sides, [echo, barge_in])
    assert table[sides[2].name].str.startswith("≠").all()
    assert not table[sides[0].name].str.startswith("≠").any()
    assert len(features.details_frame(sides, [echo, barge_in])) == 8


def test_a_bound_and_an_uncalibrated_number_say_so() -> None:
    sides = view.sides_of([model("A1"), model("A2")])
    found = {
        sides[0]: {"A1": Said(Verdict.MARGINAL, numbers={"erle_low_db": 31.0})},
        sides[1]: {"L2": Said(Verdict.MARGINAL, numbers={"rtl_uncalibrated_ms": 163.0})},
    }
    call, echo = features.feature_rows(sides, found)
    assert call.cells[1].shown == "◐ up to 163.0 ms"
    assert echo.cells[0].shown == "◐ ≥ 31.0 dB"


def test_one_model_in_the_address_gets_its_newest_other_build() -> None:
    old = model(build="b1", last_at=records.NOON)
    mid = model(build="b2", last_at=records.NOON + timedelta(days=1))
    new = model(build="b3", last_at=records.NOON + timedelta(days=2))
    other = model("Z9")
    tokens: Any = {links.token(r.key): r for r in (old, mid, new, other)}
    assert choice.from_address([links.token(new.key)], tokens) == [
        links.token(new.key), links.token(mid.key),
    ]  # fmt: skip
    assert choice.from_address(["Z9"], tokens) == [links.token(other.key)]
    assert choice.from_address(["no such model"], tokens) == []


def test_the_proposal_has_something_to_compare() -> None:
    builds: Any = [model(build=f"b{i}", last_at=records.after(i)) for i in range(4)]
    others: Any = [model("Z9", runs=9), model("Z8", runs=7)]
    rows = [*builds, *others]
    every = {(r.key, r.is_virtual) for r in rows}

    def proposed(*left_out: Model) -> list[str]:
        return choice.proposal(rows, every - {(r.key, r.is_virtual) for r in left_out})

    def tokens(*found: Model) -> list[str]:
        return [links.token(r.key, virtual=r.is_virtual) for r in found]

    assert proposed() == tokens(builds[2], builds[3]), "an update of one model"
    assert proposed(builds[3]) == tokens(builds[1], builds[2]), "nothing was measured on the newest"
    assert proposed(*builds) == tokens(others[0], others[1]), "else the most measured"


def test_the_proposal_is_of_one_kind() -> None:
    rows: Any = [
        model("A1", runs=9, is_virtual=True), model("A2", runs=8, is_virtual=True),
        model("A3", runs=2), model("A4", runs=1), model("A5", runs=7, platform=Platform.IOS),
    ]  # fmt: skip
    every = {(r.key, r.is_virtual) for r in rows}
    assert choice.proposal(rows, every) == [links.token(rows[2].key), links.token(rows[3].key)]
    assert len(choice.proposal(rows, set())) == 2


def test_a_reported_canceller_is_a_verdict_and_no_number() -> None:
    sides = view.sides_of([model(f"A{i}") for i in range(4)])
    verdicts = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL, Verdict.NOT_MEASURABLE)
    found = {
        side: {"A2": Said(verdict, numbers={"effective_db": 3.0, "effective_low_db": 2.0})}
        for side, verdict in zip(sides, verdicts, strict=True)
    }
    (row,) = features.feature_rows(sides, found)
    assert row.label == "canceller does what the system says (A2)"
    assert [c.shown for c in row.cells] == [
        "● yes", "◐ in part", "✖ no: says on, is not", "○ not measurable",
    ]  # fmt: skip
    assert [c.differs for c in row.cells] == [False, True, True, True]


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (None, ""),
        (0.1, "negligible"),
        (-0.2, "small: faster in 60 % of pairs of sessions"),
        (1.0, "large: slower in 100 % of pairs of sessions"),
    ],
)
def test_effects_in_words(delta: float | None, words: str) -> None:
    assert cliff_words(delta) == words
