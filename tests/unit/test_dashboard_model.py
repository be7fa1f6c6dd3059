"""What the Model page shows of one build, from rows to charts and tables."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import altair as alt
import pytest
import vl_convert
from known_models import facts as model_facts
from store_records import estimate, report, session, trial

from dashboard.views import marks
from dashboard.views.model import (
    buffer,
    choose,
    clean,
    echo,
    granted,
    latency,
    needs,
    response,
    verdicts,
)
from dashboard.views.model.measured import split
from db.overview import Headline
from db.points import LatencyPoint
from profiler.catalogue import SUITES
from profiler.catalogue.table import LIMITS
from profiler.model import (
    AudioPath,
    CaptureQuality,
    EffectReport,
    EffectState,
    GrantedStream,
    KnownResult,
    Measurement,
    Platform,
    SoundFindings,
    TestResult,
    TrialRequest,
    Verdict,
)

NOW = datetime(2026, 9, 20, tzinfo=UTC)
KEY = model_facts().key


def known(
    test_id: str, day: int = 1, verdict: Verdict = Verdict.PASS, **numbers: float
) -> KnownResult:
    """A result whose numbers are named ``erle_db__volume_0_5`` for ``erle_db[volume=0.5]``."""
    measurements = tuple(Measurement(_name(n), v, "1", 0.1) for n, v in numbers.items())
    result = TestResult(f"run{day}", test_id, verdict, (), "said so", measurements, ("t1",))
    at = datetime(2026, 9, day, tzinfo=UTC)
    return KnownResult(model_facts(), "android:1", f"run{day}", at, "0.1.0", "1", result)


def _name(text: str) -> str:
    base, _, variant = text.partition("__")
    if not variant:
        return base
    name, _, value = variant.partition("_")
    return f"{base}[{name}={value.replace('_', '.')}]"


def valid(made: marks.Picture | None) -> str:
    assert made is not None
    alt.LayerChart.from_dict(dict(made.spec))
    return vl_convert.vegalite_to_svg(dict(made.spec))


def test_names_of_variants() -> None:
    assert split("erle_db[volume=0.75]") == ("erle_db", {"volume": "0.75"})
    assert split("a[b=1,c=x y]") == ("a", {"b": "1", "c": "x y"})
    assert split("rtl_ms") == ("rtl_ms", {})
    assert split("odd[") == ("odd[", {})


def test_an_echo_below_the_noise_stays_a_bound() -> None:
    results = [
        known("A1", 2, erle_db__volume_0_5=31.0, erle_low_db__volume_0_5=29.0,
              erle_low_db__volume_1=41.0),
        known("A1", 1, erle_low_db__volume_1=20.0, erle_db__volume_1=22.0),
    ]  # fmt: skip
    found = {(e.volume, e.age): e for e in echo.removed(results, KEY)}
    assert found["0.5", 0].value == 31.0
    assert found["0.5", 0].low == 29.0
    assert not found["0.5", 0].is_bound
    assert (found["1", 0].value, found["1", 0].is_bound) == (41.0, True)
    assert found["1", 1].age == 1
    svg = valid(echo.removed_chart(list(found.values())))
    assert svg.count("▲") == 1, "an arrow for the one bound, none for values"
    assert "50 %" in svg
    assert "100 %" in svg
    assert "echo removed, dB" in svg


def test_echo_of_another_build_is_not_shown() -> None:
    other = replace(KEY, os_build="other")
    assert echo.removed([known("A1", erle_low_db__volume_1=20.0)], other) == []
    assert echo.removed_chart([]) is None
    assert echo.margin_chart(echo.margins([known("A9", margin_db=3.0)], KEY)) is None


def test_convergence_has_its_interval_and_the_volume_as_found_a_name() -> None:
    (found,) = echo.settling([known("A4", convergence_s__volume_as_found=1.0)], KEY)
    assert (found.low, found.high) == pytest.approx((1 - 0.196, 1 + 0.196))
    # the helper writes dots for underscores
    assert "as found" in valid(echo.settling_chart([replace(found, volume="as_found")]))


def test_glitches_of_all_results_add_up_and_bounds_are_garwoods() -> None:
    one = {"glitches_per_min__bursts_2": 6.0, "watched_min__bursts_2": 0.5, "xruns__bursts_2": 1.0}
    clean = {"glitches_per_min__bursts_4": 0.0, "watched_min__bursts_4": 1.0}
    results = [known("G1", 1, **one, **clean), known("G1", 2, **one), known("L1", 2, rtl_ms=40)]
    two, four = buffer.sizes(results, KEY)
    assert (two.size, two.events, two.minutes, two.rate, two.xruns) == (2, 6, 1.0, 6.0, 2)
    assert four.xruns is None
    # Garwood: chi2(0.05; 12)/2 = 2.613 and chi2(0.95; 14)/2 = 11.842; rule of three -ln 0.05
    assert two.bounds == pytest.approx((2.613, 11.842), abs=0.001)
    assert four.bounds == pytest.approx((0.0, -math.log(0.05)), abs=0.001)


def test_the_size_without_a_glitch_says_for_how_long_it_was_watched() -> None:
    results = [
        known("G1", glitches_per_min__bursts_2=0.0, watched_min__bursts_2=0.15, safe_bursts=2,
              clean_min=0.15),
        known("G3", safe_bursts__state_idle=4, clean_min__state_idle=2.5),
    ]  # fmt: skip
    safe = buffer.safe_sizes(results, KEY)
    assert [(s.size, s.what) for s in safe] == [
        (2, "G1: no glitch in 9 s"), (4, "G3: no glitch in 2 min"),
    ]  # fmt: skip
    svg = valid(buffer.chart(buffer.sizes(results, KEY), safe))
    assert "G1: no glitch in 9 s" in svg
    assert "safe" not in svg
    assert buffer.chart([], []) is None


def headline(verdict: Verdict = Verdict.PASS, **numbers: float) -> dict[str, Headline]:
    return {"G1": Headline("G1", verdict, (), "", NOW, 1, 1, numbers)}


@pytest.mark.parametrize(
    ("said", "bound", "soak", "verdict", "words"),
    [
        (Verdict.PASS, 0.4, Verdict.PASS, Verdict.PASS, "G3 (left untouched) pass at 2 bursts"),
        (Verdict.PASS, 20.0, Verdict.PASS, Verdict.MARGINAL, "fewer than 20 a minute (95 %)"),
        (Verdict.MARGINAL, 20.0, None, Verdict.MARGINAL, "G3 (left untouched) was not made"),
        (Verdict.PASS, 0.4, None, Verdict.PASS, "G3 (left untouched) was not made"),
        (Verdict.PASS, 0.4, Verdict.FAIL, Verdict.FAIL, "G3 (left untouched) fail"),
        (Verdict.PASS, 0.4, Verdict.ERROR, Verdict.PASS, "G3 (left untouched): error"),
    ],
)
def test_a_few_seconds_without_a_glitch_are_never_called_safe(
    said: Verdict, bound: float, soak: Verdict | None, verdict: Verdict, words: str
) -> None:
    results = [] if soak is None else [known("G3", verdict=soak, safe_bursts__state_idle=2)]
    line = headline(said, safe_bursts=2, glitches_per_min_ub95=bound, clean_min=0.15)
    found = clean.clean(line, results, KEY)
    assert (found.answer.text, found.answer.verdict) == ("2 bursts", verdict)
    assert found.words.startswith("no glitch in 9 s: fewer than")
    assert words in found.words


def test_no_buffer_has_no_time_without_a_glitch() -> None:
    assert clean.clean({}, [], KEY).words == ""
    fails = clean.clean(headline(Verdict.FAIL, glitches_per_min_ub95=40.0), [], KEY)
    assert (fails.answer.text, fails.answer.verdict) == ("none of those tried", Verdict.FAIL)
    assert fails.proof == ""
    lost = clean.clean(headline(Verdict.NOT_MEASURABLE), [], KEY)
    assert (lost.answer.verdict, lost.words) == (Verdict.NOT_MEASURABLE, "")


def sweep(**changes: object) -> SoundFindings:
    made = SoundFindings(
        Verdict.PASS, (), CaptureQuality(8, -6, -20, 0, 0, 0, 0, 0, 0),
        (100.0, 500.0, 1000.0, 2000.0, 8000.0), (-30.0, -10.0, -8.0, -9.0, -12.0),
        (3.0, 40.0, 40.0, 40.0, 20.0), 200.0, 9000.0, -70.0, (-90.0,) * 5, 0.5, 0.6, 40.0, "1",
    )  # fmt: skip
    return replace(made, **changes)


def test_the_newest_sweep_of_each_mode_counts() -> None:
    media, call = TrialRequest(audio_mode="media"), TrialRequest(audio_mode="communication")
    trials = [
        trial("t1", findings=sweep(), request=media, index=0),
        trial("t2", findings=sweep(), request=media, index=5),
        trial("t3", findings=sweep(bands_hz=(), response_db=(), response_snr_db=()), request=call),
        trial("t4", request=call),
    ]
    assert [r.trial_uuid for r in response.responses(trials)] == ["t2"]


def test_noise_limited_bands_are_bounds_and_the_rest_has_its_error() -> None:
    down, up = response.error_db(20.0)
    assert (down, up) == pytest.approx((0.9151, 0.8279), abs=1e-3)  # 20·lg(1 ∓ 0.1)
    assert response.error_db(-3.0)[0] == response.MOST_DB
    found = response.responses([trial("t1", findings=sweep())])
    svg = valid(response.chart(found))
    assert svg.count("▼") == 1
    assert "frequency, Hz (log)" in svg
    assert response.chart([]) is None


def test_spreads_stay_apart_and_have_intervals() -> None:
    rows = [
        session(
            40.0 + i,
            trial_uuid=f"t{i}",
            per_chirp_ms=tuple(40.0 + i + 0.01 * (-1) ** n for n in range(8)),
        )
        for i in range(6)
    ]
    between, within = latency.spreads(rows)
    assert (between.which, within.which) == (latency.BETWEEN, latency.WITHIN)
    assert between.sd_ms == pytest.approx(math.sqrt(3.5), rel=1e-4)
    # chi-square with 5 degrees: 12.833 and 0.831
    assert between.low_ms == pytest.approx(math.sqrt(17.5 / 12.833), rel=1e-3)
    assert between.high_ms == pytest.approx(math.sqrt(17.5 / 0.8312), rel=1e-3)
    assert within.sd_ms == pytest.approx(0.0115, rel=0.05)
    assert within.freedom == 6 * 6
    valid(latency.spread_chart([between, within]))


def test_a_spread_below_the_method_is_a_bound() -> None:
    (between, within) = latency.spreads([session(40.0, trial_uuid=f"t{i}") for i in range(6)])
    assert between.hidden
    assert within.hidden
    assert between.high_ms <= 0.02
    assert "at most" in valid(latency.spread_chart([between, within]))
    assert latency.spreads([session(None)]) == []


def test_asked_and_granted_differ_only_where_something_was_asked() -> None:
    said = report(
        output=GrantedStream(48_000, 1, 96, 480, None, "shared", "low_latency"),
        input=GrantedStream(48_000, 2),
        effects={"aec": EffectReport(EffectState.OFF)},
    )
    asked = TrialRequest(
        rate_hz=8_000, buffer_bursts=2, sharing="exclusive", performance_mode="default",
        input_channels=2, aec=EffectState.ON,
    )  # fmt: skip
    (line,) = granted.lines([trial(request=asked, report=said, estimate=estimate(40.0))])
    cells = {name: (cell.text, cell.differs) for name, cell in line.cells.items()}
    assert cells["Rate out, Hz"] == ("8000 → 48000", True)
    assert cells["Buffer, bursts"] == ("2 → 5", True)
    assert cells["Sharing"] == ("exclusive → shared", True)
    assert cells["Performance"] == ("low_latency", False)
    assert cells["Channels in"] == ("2", False)
    assert cells["Canceller"] == ("on → off", True)
    assert cells["Measured"] == ("40.000 ± 0.005 ms", False)
    assert cells["Differs by"] == ("−10.0 ms", False)
    table = granted.table([line])
    assert table["Recording"][0] == "✓ valid", "a recording passes nothing: its test does"
    assert table["API"][0] == asked.api
    assert granted.styled(table, [line]).to_html().count(granted.look.GRANTED) >= 1
    (silent,) = granted.lines([trial(report=None, estimate=None)])
    assert not silent.differs


@pytest.mark.parametrize("tests", [("L1",), ("G1",), ("A1", "A9", "A4"), ("V5",)])
def test_the_named_command_makes_the_tests(tests: tuple[str, ...]) -> None:
    suite = needs.smallest_suite(tests)
    assert set(tests) <= set(SUITES[suite])
    assert (
        needs.command(tests, Platform.ANDROID, virtual=False) == f"chirpbench run --suite {suite}"
    )
    assert "--virtual" in needs.command(tests, Platform.VIRTUAL, virtual=True)
    assert "--probe web" in needs.command(tests, Platform.WEB, virtual=False)


def test_a_missing_section_says_why() -> None:
    never = needs.need("The curve", ("G1",), [], KEY, Platform.ANDROID, virtual=False).plain
    assert "was not measured on this build: test G1 was not made" in never
    tried = known("G1", verdict=Verdict.NOT_MEASURABLE)
    found = needs.need("The curve", ("G1",), [tried], KEY, Platform.ANDROID, virtual=False)
    said = found.plain
    assert "G1 ended not measurable on 2026-09-01 (said so)" in said
    assert "docs/" not in said
    quiet = replace(tried, result=replace(tried.result, reasons=("low_snr",)))
    told = needs.need("The curve", ("G1",), [quiet], KEY, Platform.ANDROID, virtual=False).plain
    assert "What to change: low_snr: chirps were found, but chance could explain them" in told
    markdown = found.markdown
    assert "`chirpbench run --suite quick`" in markdown


def test_every_test_has_its_newest_result_and_links_to_its_evidence() -> None:
    results = [
        known("G1", 1), known("L1", 2, Verdict.FAIL), known("L1", 3), known("Z9", 1),
    ]  # fmt: skip
    data = verdicts.table(results, KEY, NOW)
    assert list(data["Test"]) == ["L1", "G1", "Z9"], "in the catalogue's order, unknown ones last"
    assert data["Verdict"][0] == "● pass"
    assert data["Results"][0] == "2: ●✖"
    assert data[verdicts.EVIDENCE][0] == "/evidence?trial=t1"
    assert verdicts.styled(data).to_html()
    assert verdicts.table([], KEY, NOW).empty


def test_limits_are_drawn_with_words() -> None:
    base = alt.Chart(marks.inline([{"x": 1.0, "at": 2.0}])).mark_point()
    layers = [base, *marks.upright({Verdict.MARGINAL: 50.0, Verdict.FAIL: 120.0})]
    svg = vl_convert.vegalite_to_svg(dict(marks.picture(layers, height=100).spec))
    assert "pass ≤ 50 ms" in svg
    assert "fail &gt; 120 ms" in svg


def test_words_of_limits_and_paths_stand_beside_what_is_drawn() -> None:
    lines = marks.across(LIMITS["G1", "glitches_per_min"])
    words = [
        w.to_dict(validate=False) for w in lines if "text" in w.to_dict(validate=False)["encoding"]
    ]
    assert [w["encoding"]["x"] for w in words] == [{"value": "width"}] * 2
    points = latency_points([100.0, 101.0, 119.0])
    made = latency.by_path(latency.path_rows_of(points), points, {Verdict.FAIL: 120.0})
    assert made is not None
    texts = [w for w in made.spec["layer"] if w["mark"]["type"] == "text"]
    assert texts[-1]["encoding"]["x"] == {"value": "width"}


def latency_points(values_ms: list[float]) -> list[LatencyPoint]:
    path = AudioPath("speaker", "media", "aaudio", "generic")
    return [
        LatencyPoint(f"t{i}", "r", "android:1", "L1", KEY, False, path, 48_000, Verdict.PASS,
                     ms, 5.0, 0.99, 30.0, NOW)
        for i, ms in enumerate(values_ms)
    ]  # fmt: skip


def test_labels_tell_simulated_models() -> None:
    assert choose._label("Pixel", "Google", "GVU6C", "Tensor", True).endswith("◇")
    assert choose._label("", "Google", "GVU6C", "Tensor", False) == "GVU6C (Google GVU6C, Tensor)"
    assert choose._label("", "", "GVU6C", "", False) == "GVU6C (GVU6C)", "no commas of nothing"


def test_what_all_trials_asked_for_alike_takes_no_column() -> None:
    usual = TrialRequest(api="aaudio", duration_s=7.0)
    trials = [
        trial(f"t{i}", index=i, request=replace(usual, rate_hz=rate))
        for i, rate in enumerate((48_000, 8_000))
    ]
    found = granted.lines(trials)
    table = granted.table(found)
    same = granted.same(table, found)
    assert same["API"] == "aaudio"
    assert "Rate in, Hz" not in same, "it was not granted as asked"
    assert set(same) <= set(table.columns)
    assert not {"Test", "Measured", "System says", "Differs by"} & set(same)
    assert granted.same(granted.table(found[:1]), found[:1]) == {}, "one trial is shown whole"
