"""The report: one file, complete, without a script, whatever a phone calls itself."""

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from model_histories import Build, Phone, write
from store_records import trial

from dashboard.views.model import choose
from dashboard.views.model.data import ModelData, load
from dashboard.views.report import file_name, report
from db import overview, queries
from db.filters import Filter
from db.store import Store
from profiler.model import (
    Difference,
    Metric,
    MetricDifference,
    Outcome,
    Platform,
    Side,
    TrialRequest,
    UseCase,
    Verification,
)

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}\u202e{% x %}"


class Page(HTMLParser):
    """What is in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def sources(self) -> list[str]:
        return [
            value
            for _, attrs in self.tags
            for name, value in attrs.items()
            if name in ("src", "href", "action", "data") and value
        ]


def reported(path: Path, phone: Phone) -> tuple[ModelData, str]:
    write(path, [phone])
    with Store.open(path) as store:

        def read(query: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            return query(store, *args, **kwargs)

        builds = next(iter(choose.families(overview.model_rows(store)).values()))
        data = load(read, builds[0], builds, NOW)
        trials = queries.trials(store, Filter(model_key=builds[0].key, test_ids=("L1",)))
    return data, report(data, trials, NOW)


def test_the_report_holds_what_was_measured_with_its_uncertainty(tmp_path: Path) -> None:
    builds = (Build("acme/1:user", (40.0,) * 5), Build("acme/2:user", (52.0,) * 5, rejected=1))
    data, text = reported(tmp_path / "s.db", Phone("GX7", builds, name="Galactic 7", erle_db=None))
    page = Page(text)
    assert "Galactic 7" in page.text
    assert "acme/2:user" in page.text
    path = data.plain_path
    assert path is not None
    assert path.ci95_ms is not None
    assert f"{path.median_ms:.2f} ms" in page.text
    assert f"{path.ci95_ms[0]:.2f} … {path.ci95_ms[1]:.2f} ms" in page.text
    assert "25 of 30" in page.text, "rejected opens are counted"
    assert "at least 40.0 dB" in page.text
    assert "dB at 100 % volume; the worst of 50, 100 % decides" in page.text
    assert "slower by 1" in page.text, "the change between the builds"
    assert "made 2026-09-20 12:00 UTC with chirpbench" in page.text
    assert "too few runs" not in page.text
    assert "run-0-10" in page.text, "provenance"
    assert "serial0" not in page.text, "no serial number of a phone"
    assert "The frequency response was not measured on this build: test V5" in page.text
    assert "Simulated" not in page.text
    assert file_name(data.row) == "chirpbench-Acme-GX7-2026-06-10.html"


def test_the_report_stands_alone_and_prints(tmp_path: Path) -> None:
    _, text = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,) * 2),)))
    page = Page(text)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources())
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "size: A4" in text
    assert "break-inside: avoid" in text
    pictures = [b64decode(s.partition(",")[2]).decode() for s in page.sources()]
    assert len(pictures) >= 4
    assert all(p.startswith("<svg") for p in pictures)


def test_verifications_of_the_build_are_in_it(tmp_path: Path) -> None:
    data, text = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,) * 2),)))
    assert "None was: chirpbench verify MODEL compares" in Page(text).text
    sides = [
        Side(name, {}, (Metric("mouth_to_ear_ms", "ms", (ms,) * 6, ms, (ms - 5, ms + 5)),), ())
        for name, ms in (("recommended", 174.0), ("default", 245.0))
    ]
    faster = MetricDifference(
        "mouth_to_ear_ms", "ms", -71.0, (-82.0, -66.0), 20.0, Difference.BETTER
    )
    found = Verification(
        "v1", "ab", data.row.key, UseCase.VOICE_AGENT, "good", 6, *sides, (faster,),
        Outcome.BETTER, "better", 182.0, {}, NOW, "0.1.0", False,
    )  # fmt: skip
    said = Page(report(data, (), NOW, [found])).text
    assert "2026-09-20 voice-agent, good better mouth to ear −71.0 ms" in said
    assert "174.0 (169.0 … 179.0) 245.0 (240.0 … 250.0) 6" in said
    assert "None was" not in said


def test_the_buffer_says_how_long_it_was_watched_and_the_cautions_whose_they_are(
    tmp_path: Path,
) -> None:
    _, text = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,)),)))
    said = Page(text).text
    assert "Safe buffer" not in said
    assert "Buffer without a glitch 2 bursts; " in said
    assert "G3 (left untouched) was not made" in said
    assert "From results of this model and its other OS builds" in said


def test_a_hostile_name_is_text(tmp_path: Path) -> None:
    phone = Phone(HOSTILE, (Build(HOSTILE, (40.0,) * 2),), manufacturer=HOSTILE, name=HOSTILE)
    _, text = reported(tmp_path / "s.db", phone)
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert all(not name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in text
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.html", file_name(_.row))
    for picture in page.sources():
        assert "<script" not in b64decode(picture.partition(",")[2]).decode()


@pytest.mark.parametrize("rejected", [0, 6])
def test_a_simulated_phone_says_so_and_all_rejected_opens_still_make_a_report(
    tmp_path: Path, rejected: int
) -> None:
    phone = Phone(
        "V1", (Build("b1", (40.0,), rejected=rejected),), virtual=True, platform=Platform.VIRTUAL
    )
    _, text = reported(tmp_path / "s.db", phone)
    said = Page(text).text
    assert "No real device was measured" in said
    assert "only virtual" in said
    if rejected:
        assert "The round trip has no number on this build: L1 ended not measurable" in said
        assert "0 of 6" in said


def test_commands_are_code_in_one_line_and_nothing_is_left_of_markdown(tmp_path: Path) -> None:
    _, text = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,) * 2),)))
    assert "`" not in Page(text).text
    assert "<code>chirpbench run --suite" in text
    assert re.search(r"code \{[^}]*white-space: nowrap", text)
    simulated = Phone("V1", (Build("b1", (40.0,)),), virtual=True, platform=Platform.VIRTUAL)
    _, text = reported(tmp_path / "v.db", simulated)
    assert "<code>chirpbench run --virtual --suite" in text


def test_that_all_was_granted_cannot_be_taken_for_the_contrary(tmp_path: Path) -> None:
    data, _ = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,)),)))

    def said(*requests: TrialRequest) -> str:
        trials = [replace(trial(f"t{i}"), request=r) for i, r in enumerate(requests)]
        return Page(report(data, trials, NOW)).text.partition("Requested and granted")[2][:80]

    usual = TrialRequest(api="aaudio", duration_s=7.0)
    assert said(usual, usual).startswith(" Everything was granted as asked in 2 trials that were")
    assert said(usual, replace(usual, rate_hz=8000)).startswith(" Not granted as asked: 1 of 2 tri")
    assert said().startswith(" No trial was looked at")


def test_a2_is_called_by_what_it_asks(tmp_path: Path) -> None:
    _, text = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,)),)))
    assert "taken off" not in text
    assert "A2 asks whether the canceller does what the system says" in Page(text).text


def test_no_picture_stands_out_of_the_column(tmp_path: Path) -> None:
    _, text = reported(tmp_path / "s.db", Phone("GX7", (Build("b1", (40.0,)),)))
    assert "margin-left: -" not in text
