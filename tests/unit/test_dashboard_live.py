"""What a running bench looks like from its rows alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser

import pytest
import store_records as records
from store_records import NOON, after

from dashboard import look
from dashboard.views import live, live_devices
from dashboard.views.live import BenchState
from db.points import TrialLine
from db.progress import DeviceProgress
from profiler.model import AudioPath, Verdict

LINE = DeviceProgress(
    bench_uuid="bench-1", run_uuid="run-1", device_uid="android:AB12", device_name="Pixel 7",
    suite="quick", zone="left", state="playing", stage="playing", fraction=0.5, test_id="L1",
    position=3, trials_total=10, last_test="L1", last_verdict=Verdict.PASS,
    last_text="42.123 ± 0.004 ms", message="", started_at=NOON, updated_at=after(60),
    ended=False,
)  # fmt: skip
NOW = after(62)


def bench(*lines: DeviceProgress, now: datetime = NOW) -> live.Bench:
    (found,) = live.benches(lines, now)
    return found


class Seen(HTMLParser):
    """Elements, attributes and text of a table."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup.replace(live.STYLE, ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_a_bench_runs_until_every_device_has_ended() -> None:
    done = replace(LINE, device_uid="android:CD", ended=True, state="ok", position=10)
    assert bench(LINE, done).state is BenchState.RUNNING
    assert bench(replace(LINE, ended=True), done).state is BenchState.ENDED


@pytest.mark.parametrize(
    ("silent_s", "state"),
    [(2, BenchState.RUNNING), (live.STALE_S, BenchState.RUNNING), (46, BenchState.STALE)],
)
def test_a_bench_without_news_may_be_dead(silent_s: float, state: BenchState) -> None:
    now = LINE.updated_at + timedelta(seconds=silent_s)
    assert bench(LINE, now=now).state is state


def test_one_device_with_news_is_enough() -> None:
    old = replace(LINE, device_uid="android:CD", updated_at=after(0))
    assert bench(LINE, old, now=after(62)).state is BenchState.RUNNING


def test_a_clock_that_is_behind_is_not_dead() -> None:
    assert bench(LINE, now=NOON - timedelta(hours=1)).state is BenchState.RUNNING


@pytest.mark.parametrize(
    ("changes", "fraction"),
    [
        ({}, 0.25),  # two done and half of the third, of ten
        ({"fraction": 1.0}, 0.3),
        ({"position": 0, "fraction": 0.0}, 0.0),
        ({"trials_total": 0}, 0.0),
        ({"fraction": 7.0, "position": 10}, 1.0),
        ({"fraction": -3.0}, 0.2),
        ({"position": 99}, 1.0),
        ({"ended": True, "state": "device_lost"}, 1.0),
    ],
)
def test_how_far_a_device_is(changes: dict[str, object], fraction: float) -> None:
    assert live.fraction_of(replace(LINE, **changes)) == pytest.approx(fraction)  # type: ignore[arg-type]


def test_the_headline_counts_and_estimates() -> None:
    done = replace(LINE, device_uid="android:CD", ended=True, state="ok")
    words = live.headline(bench(LINE, done, now=after(60)), after(60))
    assert words.startswith("**Running:** quick on 2 devices, 12 of 20 trials, 1 of 2 devices done")
    assert words.endswith("about 3 min left at this pace")  # a quarter took a minute


def test_the_headline_of_a_former_bench_does_not_say_that_it_runs() -> None:
    over = bench(replace(LINE, ended=True, state="ok", updated_at=after(200)), now=after(260))
    words = live.headline(over, after(260))
    assert words.startswith("**Ended** 2026-03-01 12:03 UTC, 1 min ago, after 3 min: quick on 1 ")
    assert "did not finish" not in words
    assert "Running" not in words


def test_a_bench_that_was_stopped_and_one_that_fell_silent_say_so() -> None:
    stopped = bench(replace(LINE, ended=True, state="cancelled"))
    assert stopped.state is BenchState.STOPPED
    assert live.headline(stopped, NOW).startswith("**Stopped** 2026-03-01 12:01 UTC")
    assert live.headline(stopped, NOW).endswith("1 of 1 device did not finish")
    silent = bench(LINE, now=after(200))
    assert live.headline(silent, after(200)).startswith("**Interrupted?** Last news 2026-03-01")


def test_what_is_shown_without_a_choice_is_what_runs_only_while_something_runs() -> None:
    over = bench(replace(LINE, ended=True, state="ok"))
    assert "none runs now" in live_devices.follow_words([over])
    assert live_devices.follow_words([bench(LINE), over]) == "the bench that runs now"


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({}, "Device Now Trials Last result Last news"),
        ({"ended": True, "state": "ok"}, "Device How it ended Trials Last result Ended"),
    ],
)
def test_the_columns_of_a_former_bench_are_of_the_past(
    changes: dict[str, object], titles: str
) -> None:
    made = bench(replace(LINE, **changes))  # type: ignore[arg-type]
    assert " ".join(Seen(live.device_table(made, (), NOW)).text.split()).startswith(titles)


def test_a_valid_recording_of_a_slow_phone_is_no_pass() -> None:
    """A trial and its test end with the same word in the store; the page tells them apart."""
    line = replace(LINE, last_text="412.123 ± 0.004 ms")
    failed = records.result("run-1", test_id="L1", verdict=Verdict.FAIL, text="412 ms is slow")
    trial = live.device_table(bench(line), (), NOW, [failed])
    assert look.VERDICT_COLORS[Verdict.PASS] not in trial
    assert "✓ valid · one trial of L1 : 412.123 ± 0.004 ms" in Seen(trial).text.replace("  ", " ")
    assert "pass" not in Seen(trial).text
    tested = replace(LINE, last_text="412 ms is slow", last_verdict=Verdict.FAIL)
    test = Seen(live.device_table(bench(tested), (), NOW, [failed])).text.replace("  ", " ")
    assert "✖ fail · test L1 : 412 ms is slow" in test


def test_a_device_that_is_done_is_not_painted_as_good() -> None:
    done = live.device_table(bench(replace(LINE, ended=True, state="ok")), (), NOW)
    assert look.VERDICT_COLORS[Verdict.PASS] not in done


def test_trials_in_the_list_are_recordings_not_verdicts() -> None:
    for verdict, words in ((Verdict.PASS, "✓ valid"), (Verdict.ERROR, "▲ error")):
        (row,) = live.trial_rows([line_of(verdict)], NOW)
        assert row["Recording"] == words


def line_of(verdict: Verdict) -> TrialLine:
    return TrialLine(
        "t1", "run-1", "android:AB12", None, "Pixel 7", False, "L1", 0, 1, verdict, (),
        AudioPath("speaker", "media", "aaudio", "default"), 48_000, 42.0, NOON, True,
    )  # fmt: skip


def test_twins_keep_apart_in_the_matrix() -> None:
    twin = replace(LINE, device_uid="android:CD", run_uuid="run-2")
    result = records.result("run-1")
    assert "android:CD" in Seen(live.matrix(bench(LINE, twin), [result], {})).text
    assert "android:AB12" not in Seen(live.matrix(bench(LINE), [result], {})).text


def test_the_pace_is_not_guessed_from_nothing() -> None:
    young = bench(replace(LINE, position=1, fraction=0.1))
    assert live.seconds_left(young, NOW) is None


def test_a_silent_bench_names_how_to_go_on() -> None:
    words = live.stale_text(bench(LINE, now=after(120)), after(120))
    assert "No news of this bench for 60 s" in words
    assert "`--resume=bench-1`" in words


def test_the_table_says_device_state_and_last_verdict() -> None:
    tested = records.result("run-1", text="42 ms, 6 of 6 opens")
    line = replace(LINE, last_text=tested.text)
    seen = Seen(live.device_table(bench(line), ["android:AB12"], NOW, [tested]))
    for words in ("Pixel 7", "android:AB12 · ◇ virtual · zone left", "playing", "2/10", "2 s ago",
                  "● pass", "42 ms, 6 of 6 opens"):  # fmt: skip
        assert words in seen.text
    styles = [value or "" for name, value in seen.attributes if name == "style"]
    assert any(look.VERDICT_COLORS[Verdict.PASS] in style for style in styles)
    assert any("width:25%" in style for style in styles)


def test_virtual_phones_are_known_by_their_platform() -> None:
    line = replace(LINE, device_uid="virtual:VP01")
    assert "◇ virtual" in Seen(live.device_table(bench(line), (), NOW)).text
    assert "virtual" not in Seen(live.device_table(bench(LINE), (), NOW)).text


def test_a_failed_device_says_why() -> None:
    lost = replace(LINE, ended=True, state="device lost", message="it was unplugged")
    seen = Seen(live.device_table(bench(lost), (), NOW))
    assert "device lost" in seen.text
    assert "it was unplugged" in seen.text


HOSTILE = '</td><script>window.hacked=1</script><img src=x onerror="alert(1)">"\'><b>'


def test_hostile_texts_stay_text() -> None:
    fields = ("device_uid", "device_name", "zone", "state", "test_id", "last_text", "last_test",
              "message", "suite")  # fmt: skip
    line = replace(LINE, **dict.fromkeys(fields, HOSTILE))
    result = records.result(text=HOSTILE, reasons=(HOSTILE,), test_id=HOSTILE)
    plain = Seen(live.device_table(bench(LINE), (), NOW))
    for made in (
        live.device_table(bench(line), (), NOW),
        live.device_table(bench(replace(line, ended=True)), (), NOW),
        live.matrix(bench(line), [result], {HOSTILE: HOSTILE}),
        live.tally([result]),
    ):
        seen = Seen(made)
        assert not {"script", "img"} & set(seen.tags)
        assert seen.tags.count("b") <= plain.tags.count("b")
        assert not any(name.startswith("on") for name, _ in seen.attributes)


def test_tests_of_a_bench_as_a_matrix() -> None:
    other = replace(LINE, device_uid="android:CD", run_uuid="run-2", device_name="Pixel 8")
    results = [
        records.result("run-1", test_id="L1", verdict=Verdict.FAIL, reasons=("latency_high",)),
        records.result("run-2", test_id="A1", verdict=Verdict.PASS, reasons=()),
    ]
    seen = Seen(live.matrix(bench(LINE, other), results, {"L1": "round trip"}))
    assert seen.text.split() == ["A1", "L1", "Pixel", "7", "·", "✖", "Pixel", "8", "●", "·"]
    titles = [value or "" for name, value in seen.attributes if name == "title"]
    assert any("latency_high" in title for title in titles)
    assert "round trip" in titles
    assert live.matrix(bench(LINE), [], {}) == ""


def test_the_tally_counts_each_verdict() -> None:
    verdicts = [Verdict.PASS, Verdict.PASS, Verdict.ERROR]
    results = [records.result(test_id=f"L{i}", verdict=v) for i, v in enumerate(verdicts)]
    assert Seen(live.tally(results)).text.split() == ["●", "2", "pass", "▲", "1", "error"]


def test_several_benches_stay_apart_and_in_order() -> None:
    older = replace(LINE, bench_uuid="bench-0", ended=True)
    found = live.benches([LINE, older], NOW)
    assert [b.bench_uuid for b in found] == ["bench-1", "bench-0"]
    assert "running" in live.choice_words(found[0])
    assert "2026-03-01 12:00 UTC" in live.choice_words(found[1])
    assert "ended" in live.choice_words(found[1])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1 h 30 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert live.lasted(seconds) == words


def test_devices_are_called_as_their_models_are_on_every_page() -> None:
    mute = replace(LINE, run_uuid=None, device_uid="android:CD", device_name="as found")
    made = live_devices.named(bench(LINE, mute), {"run-1": "Pixel 7 · G2 ◇"})
    devices = Seen(live.device_table(made, ["android:AB12"], NOW)).text
    assert "Pixel 7 · G2 android:AB12 · ◇ virtual" in devices, "marked once"
    assert "as found" in devices
    result = records.result("run-1", test_id="L1")
    assert "Pixel 7 · G2 ◇" in Seen(live.matrix(made, [result], {})).text
    (row,) = live.trial_rows([line_of(Verdict.PASS)], NOW, {"run-1": "Pixel 7 · G2 ◇"})
    assert row["Device"] == "Pixel 7 · G2 ◇"
