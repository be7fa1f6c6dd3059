"""The fleet's rows, filters, outliers, pictures and files, without a browser."""

import base64
import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import vl_convert
from dashboard_charts import checked

from dashboard.views.fleet import answers, drawn, peers, select, strip, table
from dashboard.views.fleet.rows import FleetRow, fleet_rows
from dashboard.views.fleet.scale import Scale, scale_of
from dashboard.views.names import labels
from db.overview import Headline, ModelRow, PathRow
from profiler.model import AudioPath, ModelKey, Platform, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEDIA = AudioPath("speaker", "media", "aaudio", "generic")


def headline(test_id: str, verdict: Verdict = Verdict.PASS, **numbers: float) -> Headline:
    return Headline(test_id, verdict, (), "", NOON, 1, 1, numbers)


def model(name: str = "A1", build: str = "b1", **changes: object) -> ModelRow:
    made = ModelRow(
        ModelKey("Acme", name, "soc9", build), f"Acme {name}", Platform.ANDROID, "android", "14",
        False, False, 1, 1, 6, NOON, NOON, {}, {},
    )  # fmt: skip
    return replace(made, **changes)


def path(of: ModelRow, median_ms: float | None, **changes: object) -> PathRow:
    near = None if median_ms is None else median_ms * 1.01
    made = PathRow(
        of.key, of.is_virtual, MEDIA, 48_000, 1, 1, 6, 0 if median_ms else 6, median_ms,
        median_ms, median_ms, near, near, (median_ms, near) if median_ms and near else None, 0.1,
        5.0, Verdict.PASS, NOON, "L1",
    )  # fmt: skip
    return replace(made, **changes)


def fleet(*medians: float | None) -> list[FleetRow]:
    models = [model(f"M{i:02d}") for i in range(len(medians))]
    return fleet_rows(models, [path(m, ms) for m, ms in zip(models, medians, strict=True)])


def test_a_row_is_a_model_with_the_values_of_its_newest_build() -> None:
    old = model(build="b1", headlines={"G1": headline("G1", safe_bursts=8)})
    new = model(build="b2", last_at=NOON + timedelta(days=1))
    virtual = model(build="b3", is_virtual=True, last_at=NOON + timedelta(days=2))
    rows = fleet_rows([old, new, virtual], [path(old, 90.0), path(new, 40.0)])
    assert [(r.key.os_build, r.builds, r.median_ms) for r in rows] == [
        ("b2", 2, 40.0), ("b3", 1, None),
    ]  # fmt: skip
    assert rows[0].buffer.verdict is None, "an older build's answer is not the newest one's"


def test_of_several_rates_the_one_with_most_opens_is_shown() -> None:
    one = model()
    few, many = path(one, 70.0, rate_hz=8000, sessions=2), path(one, 40.0, sessions=9)
    rejected = path(one, None, rate_hz=96_000, sessions=50)
    (row,) = fleet_rows([one], [few, many, rejected])
    assert row.latency == many


@pytest.mark.parametrize(
    ("lines", "verdict", "text", "rank"),
    [
        ([headline("A1", erle_db=33.6, erle_low_db=30.0)], Verdict.PASS, "34 dB", 33.6),
        ([headline("A1", erle_low_db=41.0)], Verdict.PASS, "≥ 41 dB", 41.0),
        ([headline("A1", Verdict.MARGINAL, erle_db=-0.2), headline("A2", Verdict.FAIL)],
         Verdict.FAIL, "0 dB", -0.2),
        ([headline("A2", effective_db=12.0)], Verdict.PASS, "12 dB", 12.0),
        ([headline("A1", Verdict.NOT_MEASURABLE)], Verdict.NOT_MEASURABLE, "", None),
        ([], None, "", None),
    ],
)  # fmt: skip
def test_the_echo_answer_keeps_bounds_bounds(
    lines: list[Headline], verdict: Verdict | None, text: str, rank: float | None
) -> None:
    found = answers.echo({line.test_id: line for line in lines})
    assert (found.verdict, found.text, found.rank) == (verdict, text, rank)


def test_the_other_answers() -> None:
    lines = {
        "A9": headline("A9", full_duplex=1, max_safe_volume=0.75),
        "G1": headline("G1", safe_bursts=1),
        "D1": headline("D1", Verdict.FAIL, configurations_silent=3),
    }
    assert answers.barge_in(lines).text == "to 75 %"
    assert answers.buffer(lines).text == "1 burst"
    assert answers.silent(lines).text == "3 silent"
    assert answers.barge_in({"A9": headline("A9", full_duplex=0)}).text == "half duplex"
    assert answers.buffer({"G1": headline("G1", Verdict.FAIL)}).text == "no safe size"


def test_fences_are_tukeys_of_the_logarithms_and_peers_are_of_one_kind() -> None:
    rows = fleet(*(40.0 * 1.05**i for i in range(12)), 400.0, 4.0)
    fences = peers.fences(rows)
    assert list(fences) == [(Platform.ANDROID, False)]
    # quartiles of 14 values (inclusive): between the 4th and 5th, and the 10th and 11th
    ordered = sorted(r.median_ms or 0 for r in rows)
    low, high = (ordered[3] ** 0.75 * ordered[4] ** 0.25, ordered[9] ** 0.25 * ordered[10] ** 0.75)
    fence = fences[Platform.ANDROID, False]
    assert fence.high_ms == pytest.approx(high * (high / low) ** 1.5, rel=1e-9)
    out = peers.standing_out(rows, fences)
    assert {rows[12].family: ("slow",), rows[13].family: ("fast",)} == out


def test_few_peers_make_no_fence_and_rejected_opens_stand_out() -> None:
    rows = fleet(40.0, 41.0, 42.0, 4000.0, None)
    assert peers.fences(rows) == {}
    assert peers.standing_out(rows, {}) == {rows[4].family: ("rejected",)}
    alike = fleet(*([40.0] * 9), 40.9)
    assert peers.standing_out(alike, peers.fences(alike)) == {}, "a difference below 1 ms is none"


def test_filters_and_text_search() -> None:
    rows = fleet_rows(
        [
            model("A1", headlines={"A9": headline("A9", Verdict.FAIL)}),
            model("B2", is_virtual=True, platform=Platform.VIRTUAL),
            model("C3", os_version="15"),
        ],
        [],
    )
    names = lambda **where: [  # noqa: E731
        r.key.model for r in select.filtered(rows, select.FleetFilter(**where))
    ]
    assert names() == ["A1", "B2", "C3"]
    assert names(text="ACME soc9 c3") == ["C3"]
    assert names(kind=select.VIRTUAL) == ["B2"]
    assert names(kind=select.REAL, systems=("android 15",)) == ["C3"]
    assert names(platforms=(Platform.VIRTUAL,)) == ["B2"]
    assert names(test_id="A9", verdicts=(Verdict.FAIL,)) == ["A1"]
    assert names(test_id="A9", verdicts=(None,)) == ["B2", "C3"]
    assert names(only_outliers=True, outliers={rows[2].family}) == ["C3"]
    assert names(makers=("Borg",)) == []


@pytest.mark.parametrize("by", [select.STANDS_OUT, *select.ORDERS])
@pytest.mark.parametrize("descending", [False, True])
def test_every_order_keeps_every_row(by: str, descending: bool) -> None:
    rows = fleet(50.0, None, 40.0, 60.0)
    found = select.ordered(rows, by, descending=descending, outliers={rows[2].family})
    assert sorted(r.key.model for r in found) == [r.key.model for r in rows]
    if by == "median round trip":
        assert found[-1].median_ms is None, "a missing value is last in both directions"
        assert [r.median_ms for r in found[:3]] == sorted([50.0, 40.0, 60.0], reverse=descending)
    if by == select.STANDS_OUT:
        assert [r.median_ms for r in found] == [40.0, 60.0, 50.0, None]
        rejected = select.ordered(rows, by, descending=descending, outliers={rows[1].family})
        assert [r.median_ms for r in rejected] == [None, 60.0, 50.0, 40.0]


def test_pages() -> None:
    rows = fleet(*(float(i + 10) for i in range(60)))
    assert table.pages(60, 25) == 3
    assert table.pages(0, 25) == 1
    assert [r.median_ms for r in table.one_page(rows, 3, 25)] == [
        float(i + 10) for i in range(50, 60)
    ]
    assert table.one_page(rows, 99, 25) == table.one_page(rows, 3, 25)


def test_the_table_says_median_interval_and_verdicts() -> None:
    rows = fleet(43.6, None)
    few = replace(rows[0], latency=replace(rows[0].latency, ci95_ms=None, rejected=2))
    data = table.table([*rows, few], {rows[0].family: ("slow",)}, Scale(10, 500), NOON)
    assert list(data[table.MEDIAN]) == [
        "43.6 [43.6–44.0]", "no valid open", "43.6 [few opens]",
    ]  # fmt: skip
    assert list(data["Opens"]) == ["6", "0 of 6", "4 of 6"]
    assert data[table.PEERS][0] == "slow"
    assert data[table.DRAWN][1] == ""
    assert table.styled(data, [*rows, few]).to_html()
    assert data.columns[0] == "Model"
    assert set(table.ASIDE) <= set(data.columns)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answers.Answer("A9", Verdict.FAIL, "half duplex"), "✖ none"),
        (answers.Answer("G1", Verdict.FAIL, "no safe size"), "✖ none"),
        (answers.Answer("D1", Verdict.FAIL, "15 silent"), "✖ 15"),
        (answers.Answer("A1", Verdict.NOT_MEASURABLE, ""), "○ n/m"),
        (answers.Answer("A1", Verdict.PASS, "≥ 34 dB"), "● ≥ 34 dB"),
        (answers.Answer("A1", None, ""), ""),
    ],
)
def test_words_fit_their_column(answer: answers.Answer, said: str) -> None:
    assert table.words(answer) == said


def test_hidden_filters_are_said() -> None:
    where = select.FleetFilter(
        systems=("android 14", "iOS 17"), test_id="A9", verdicts=(Verdict.FAIL, None),
        kind=select.VIRTUAL, platforms=(Platform.IOS,),
    )  # fmt: skip
    assert select.in_words(where) == [
        "system: android 14 or iOS 17", "platform: ios", "barge-in: ✖ fail or never made",
        "kind: simulated ◇",
    ]  # fmt: skip
    assert select.in_words(select.FleetFilter(text="a", makers=("Acme",))) == []


def test_the_scale_holds_what_is_drawn_and_ends_on_ticks() -> None:
    scale = scale_of(fleet(21.0, 430.0))
    assert (scale.low_ms, scale.high_ms) == (20.0, 500.0)
    assert scale.ticks_ms == (20.0, 50.0, 100.0, 200.0, 500.0)
    assert scale.place(20) == pytest.approx(0)
    assert scale.place(100) == pytest.approx(0.5)
    assert scale_of([]) == Scale(10.0, 500.0)


def test_the_drawn_distribution_is_where_its_numbers_are() -> None:
    scale = Scale(10.0, 1000.0)
    one = path(model(), 100.0, p05_ms=10.0, p95_ms=1000.0, ci95_ms=(50.0, 200.0))
    found = drawn.picture(one, scale, {Verdict.FAIL: 120.0}, "")
    svg = base64.b64decode(found.removeprefix("data:image/svg+xml;base64,")).decode()
    boxes = [
        (float(x), float(w))
        for x, w in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)
    ]
    inner = drawn.WIDTH - 2 * drawn.MARGIN
    assert boxes[0] == pytest.approx((drawn.MARGIN, inner), abs=0.1)
    assert boxes[-1][0] + 1.25 == pytest.approx(drawn.MARGIN + inner / 2, abs=0.1)
    assert svg.count("stroke-dasharray") == 1
    assert drawn.picture(path(model(), None), scale, {}, "") == ""


def test_the_strip_is_valid_vega_and_shows_every_measured_model() -> None:
    rows = fleet(*(40.0 + i / 100 for i in range(30)), 400.0, None)
    fences = peers.fences(rows)
    out = peers.standing_out(rows, fences)
    scale = scale_of(rows)
    shown = {r.family for r in rows[5:]}
    data = strip.dots(rows, shown, out, scale)
    assert len(data) == 31
    assert {d.state for d in data} == {strip.USUAL, strip.OUT, strip.OTHER}
    assert [rows[d.row].median_ms for d in data] == [d.median_ms for d in data]
    assert data[0].words == f"{rows[data[0].row].shown}: 40.0 [40.0–40.5] ms, opens: 6"
    places = {(d.group, round(scale.place(d.median_ms) * strip.SLOTS), d.stack) for d in data}
    assert len(places) == 31, "no dot covers another"
    found = checked(strip.strip(data, scale, table.latency_limits(), fences))
    assert "<svg" in vl_convert.vegalite_to_svg(found)
    assert found["layer"][-1]["params"][0]["name"] == strip.PICK


def test_the_strip_asks_little_of_the_browser_for_each_dot() -> None:
    rows = fleet(*(40.0 + i / 100 for i in range(300)))
    scale = Scale(20.0, 500.0)
    data = strip.dots(rows, {r.family for r in rows}, (), scale)
    spec = checked(strip.strip(data, scale, {}, {}))
    dots = spec["datasets"][strip.USUAL]
    assert len(dots) == 300
    assert len(json.dumps(dots)) / 300 < 100, "bytes a dot"
    assert set(dots[0]) == {"x", "y", "row", "t"}
    (points,) = [p for p in spec["layer"] if p["data"].get("name") == strip.USUAL]
    fields = {name for name, one in points["encoding"].items() if "field" in one}
    assert fields == {"x", "y", "tooltip"}, "each other channel is the same for all dots"
    assert (points["mark"]["aria"], points["mark"]["invalid"]) == (False, None)
    assert "usermeta" not in spec
    many = strip.dots(fleet(*(40.0 + i / 100 for i in range(301))), (), (), scale)
    painted = checked(strip.strip(many, scale, {}, {}))["usermeta"]
    assert painted == {"embedOptions": {"renderer": "canvas"}}


def test_the_strip_draws_intervals_that_are_wider_than_their_dot() -> None:
    one, two = model("M1"), model("M2")
    rows = fleet_rows(
        [one, two],
        [path(one, 40.0, ci95_ms=(39.99, 40.02)), path(two, 50.0, ci95_ms=(44.0, 50.2))],
    )
    scale = Scale(20.0, 500.0)
    data = strip.dots(rows, {r.family for r in rows}, (), scale)
    tables = checked(strip.strip(data, scale, {}, {}))["datasets"]
    (spans,) = [rows for name, rows in tables.items() if name != strip.USUAL]
    assert [(s["x"], s["to"]) for s in spans] == [(44.0, 50.2)]


def test_twins_have_their_soc_in_their_name() -> None:
    twins = [
        model("A1", marketing_name="Galaxy S21"),
        replace(model("A1"), key=ModelKey("Acme", "A1", "exon", "b1"), marketing_name="Galaxy S21"),
        replace(model("A2"), key=ModelKey("Acme", "A2", "exon", "b2"), marketing_name="Galaxy S21"),
        model("B1", marketing_name="Galaxy S21", is_virtual=True),
        model("C1", marketing_name="Other"),
    ]
    names = [row.shown for row in fleet_rows(twins, [])]
    assert names == [
        "Galaxy S21 · soc9", "Galaxy S21 · exon · Acme A1", "Galaxy S21 · exon · Acme A2",
        "Galaxy S21 ◇", "Other",
    ]  # fmt: skip
    assert len(set(labels(twins).values())) == len(twins)


def test_the_file_has_units_and_no_formula() -> None:
    hostile = model("=1+1", marketing_name="@SUM(A1)\n\x00", headlines={"A9": headline("A9")})
    (row,) = fleet_rows([hostile], [path(hostile, 43.21)])
    lines = list(csv.reader(io.StringIO(table.as_csv([row], {}).decode())))
    found = dict(zip(lines[0], lines[1], strict=True))
    assert len(lines) == 2
    assert found["model"] == "'=1+1"
    assert found["marketing_name"] == "'@SUM(A1)"
    assert (found["median_ms"], found["median_ci95_low_ms"]) == ("43.21", "43.21")
    assert (found["virtual"], found["barge_in_verdict"], found["echo_verdict"]) == (
        "no",
        "pass",
        "",
    )
