"""Advice on the page is the command's advice: from fewer rows, to the same settings."""

from __future__ import annotations

import io
import zipfile
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import known_models
import known_records
import pytest
import store_records as records
from cli_process import chirpbench
from dashboard_stores import HOSTILE

from dashboard import advising
from dashboard.views import advice_export as export
from db import overview
from db.filters import Filter
from db.knowledge import known_results
from db.measured_models import known_models as models_of
from db.store import Store
from profiler.cli.advising import asked_model
from profiler.errors import InputError
from profiler.export import read_manifest
from profiler.model import (
    DeviceFacts,
    Measurement,
    ModelFacts,
    ModelKey,
    Platform,
    SupportLevel,
    UseCase,
    Verdict,
)
from profiler.recommend import advice_sha256, advise
from profiler.summary import KnowledgeBase
from profiler.summary.asking import Described, facts_of_described

NOW = datetime.now(UTC)
NUMBERS = {
    "L1": (("rtl_ms", 60.0, "ms"),),
    "L3": (("rtl_ms[api=aaudio]", 55.0, "ms"), ("rtl_ms[api=java]", 90.0, "ms"),
           ("timestamps_trusted", 1.0, "1")),
    "A1": (("erle_db[volume=1]", 22.0, "dB"), ("echo_delay_ms[volume=1]", 70.0, "ms")),
    "A9": (("full_duplex", 1.0, "1"), ("max_safe_volume", 0.75, "1")),
    "G1": (("safe_bursts", 3.0, "bursts"),),
    "L6": (("cold_start_ms", 300.0, "ms"),),
    "D1": (("zero_run_ms[rate=48000]", 0.0, "ms"), ("configurations_silent", 0.0, "1")),
}  # fmt: skip
PHONES: tuple[tuple[dict[str, Any], tuple[str, ...], int], ...] = (
    # model, maker, SoC, build, API level …; tests; runs
    ({"model": "A1", "soc": "SM6225", "os_build": "a1/1"}, ("L1", "A1"), 2),
    ({"model": "A1", "soc": "SM6225", "os_build": "a1/2"}, ("L1", "L3"), 1),
    ({"model": "A1", "soc": "", "os_build": "a1/3"}, ("G1",), 1),
    ({"model": "A1", "soc": "MT6765", "os_build": "a1/4"}, ("L6", "D1"), 1),
    ({"model": "A1", "soc": "SM6225", "os_build": "a1/rom", "raw": {"product": "lineage_a1"}},
     ("A9",), 3),
    ({"model": "S1", "manufacturer": "Other", "soc": "SM6115", "os_build": "s1"}, ("A9", "L1"), 2),
    ({"model": "S2", "manufacturer": "Third", "soc": "Snapdragon 680", "os_build": "s2"},
     ("A9", "L6"), 1),
    ({"model": "M1", "manufacturer": "ACME", "soc": "Tensor G2", "os_build": "m1"},
     ("G1", "D1", "L6"), 2),
    ({"model": "M2", "soc": "s5e9945", "os_build": "m2", "api_level": 29}, ("L1", "G1"), 1),
    ({"model": "V1", "soc": "SM6225", "os_build": "v1", "is_virtual": True,
      "platform": Platform.VIRTUAL}, ("L1", "A9", "D1"), 2),
    ({"model": "E1", "soc": "SM6225", "os_build": "e1", "is_emulator": True}, ("L1",), 1),
    ({"model": "W1 (Chrome 130)", "soc": "SM6225", "os_build": "w1", "platform": Platform.WEB},
     ("L1", "L6"), 1),
    ({"model": "A1", "soc": "SM6225", "os_build": "a1/0"}, (), 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Relatives at every level, twins, a custom ROM, virtual ones, a browser and an emulator."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.db"
    with Store.open(path) as store:
        for number, (said, tests, runs) in enumerate(PHONES):
            plain: dict[str, Any] = {
                "platform": Platform.ANDROID, "os_name": "Android", "os_version": "13",
                "api_level": 33, "is_virtual": False, "raw": {"ro.board.platform": ""},
            }  # fmt: skip
            facts: DeviceFacts = records.facts(**{**plain, **said})
            for r in range(runs):
                _run(store, facts, number, r, tests)
    return path


def _run(store: Store, facts: DeviceFacts, number: int, r: int, tests: tuple[str, ...]) -> None:
    device, uuid = records.device(f"p{number}-{r}"), f"run-{number}-{r}"
    store.upsert_device(device, facts)
    store.begin_run(records.run(uuid, device.uid, started_at=records.after(60 * number + r)))
    for test_id in tests:
        verdict = Verdict.NOT_MEASURABLE if (number + r) % 5 == 4 else Verdict.PASS
        numbers = tuple(
            Measurement(name, value * (1 + 0.05 * number + 0.01 * r), unit, 0.5)
            for name, value, unit in NUMBERS[test_id]
        )
        store.add_test_result(
            records.result(
                uuid, test_id=test_id, verdict=verdict, trial_uuids=(f"t-{number}-{r}-{test_id}",),
                measurements=() if verdict is Verdict.NOT_MEASURABLE else numbers,
            )
        )  # fmt: skip


def unknown(**changes: Any) -> ModelFacts:
    key = {"manufacturer": "Acme", "model": "Never", "soc": "SM6225", "os_build": "", **changes}
    level = key.pop("api_level", 33)
    return replace(known_records.model(), key=ModelKey(**key), board="", api_level=level)


def asked(store: Store) -> list[ModelFacts]:
    never = [
        unknown(), unknown(soc=""), unknown(manufacturer="Nobody"), unknown(soc="Unheard-of 1"),
        unknown(manufacturer="Nobody", soc=""), unknown(manufacturer="acme", api_level=29),
        unknown(model="A1", os_build="a1/next"), unknown(model="A1", soc="", os_build="x"),
        unknown(manufacturer="Nobody", soc="Kirin 990"),
    ]  # fmt: skip
    return [*models_of(store), *never]


def test_knowledge_of_few_rows_is_that_of_the_whole_store(fleet: Path) -> None:
    with Store.open_to_look(fleet) as store:
        whole = KnowledgeBase(known_results(store))
        levels = set()
        for facts in asked(store):
            mine, theirs = advising.knowledge(store, facts, NOW), whole.knowledge(facts, NOW)
            assert mine == theirs, facts.key
            levels |= {q.level for q in mine.quantities}
        assert levels == set(SupportLevel) - {SupportLevel.DEFAULT}


def test_advice_is_the_command_s(fleet: Path) -> None:
    with Store.open_to_look(fleet) as store:
        whole = KnowledgeBase(known_results(store))
        for facts in asked(store):
            for use, network in ((UseCase.VOICE_AGENT, "wifi"), (UseCase.MUSIC, "lossy")):
                mine, sha256 = advising.advice(store, facts, use, network, NOW)
                theirs = advise(whole.knowledge(facts, NOW), use, advising.scene(network))
                assert sha256 == advice_sha256(theirs)
                assert (mine.budgets, mine.cautions) == (theirs.budgets, theirs.cautions)
                assert mine == theirs


def test_far_relatives_are_asked_only_for_what_is_open(fleet: Path) -> None:
    from profiler.summary.around import base_around

    reads: list[tuple[int, tuple[str, ...]]] = []
    with Store.open_to_look(fleet) as store:
        models = models_of(store)
        (own,) = [m for m in models if m.key.os_build == "a1/1"]

        def read(keys: frozenset[ModelKey], without: tuple[str, ...]) -> list[Any]:
            found = known_results(store, Filter(without_tests=without))
            reads.append((len(keys), without))
            return [r for r in found if r.facts.key in keys]

        base_around(own, models, read)
    (_, nothing), *farther = reads
    assert nothing == ()
    assert farther
    assert all({"L1", "A1", "L3"} <= set(without) for _, without in farther)


def test_known_models_are_those_with_results(fleet: Path) -> None:
    with Store.open_to_look(fleet) as store:
        whole = KnowledgeBase(known_results(store))
        assert {f.key for f in models_of(store)} == {f.key for f in whole.models()}
        assert {f.key.os_build for f in models_of(store)}.isdisjoint({"a1/0"})
        assert export.one_a_key(models_of(store)) == list(whole.models())


# -- described models ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "manufacturer", "soc", "os_build", "api_level"),
    [
        ("A1", "", "SM6225", "a1/1", None),
        ("a1", "acme", "SM6225", "new", 34),
        ("A1", "", "", "", 33),
        ("Never", "Acme", "SM6225", "", 30),
        ("Never", "apple", "A17", "", None),
        ("Never", "", "SM6225", "", None),
        ("Never (Chrome 130)", "Acme", "x", "", None),
        ("M1", "", "", "", 30),
    ],
)
def test_a_described_model_is_the_command_s(
    fleet: Path, model: str, manufacturer: str, soc: str, os_build: str, api_level: int | None
) -> None:
    args = Namespace(
        model=model, manufacturer=manufacturer or None, soc=soc or None,
        os_build=os_build or None, api_level=api_level,
    )  # fmt: skip
    described = Described(model, manufacturer, soc, os_build, api_level)
    with Store.open_to_look(fleet) as store:
        base = KnowledgeBase(known_results(store))
    named = base.named(manufacturer, model)
    if not any((manufacturer, soc, os_build, api_level)):
        pytest.fail("describe something")
    try:
        wanted = asked_model(args, base)
    except InputError:
        with pytest.raises(InputError):
            facts_of_described(described, named)
        return
    assert facts_of_described(described, named) == wanted


# -- export -------------------------------------------------------------------------------------


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_is_what_the_command_writes(fleet: Path, tmp_path: Path) -> None:
    store_path = tmp_path / "s.db"
    store_path.write_bytes(fleet.read_bytes())
    done = chirpbench(
        "export", "s2", "--db", store_path, "--out", tmp_path / "out", "--use", "call",
        "--network", "wifi", "--allow-stale", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Store.open_to_look(fleet) as store:
        (facts,) = [m for m in models_of(store) if m.key.model == "S2"]
        advice = advising.bare_advice(store, facts, UseCase.CALL, "wifi", NOW)
        item = export.item_for(advice, advice_sha256(advice), (), NOW)
        names = [n for n in export.targets() if n in read_manifest(tmp_path / "out").targets]
        exported = export.export(export.Order(item, models_of(store), tuple(names)))
    whole = export.everything(item, sorted(exported, key=lambda m: names.index(m.target)))
    mine = unzipped(whole.content)
    theirs = {
        p.relative_to(tmp_path / "out").as_posix(): p.read_bytes()
        for p in (tmp_path / "out").rglob("*") if p.is_file()
    }  # fmt: skip
    assert mine == theirs
    assert whole.content == export.everything(item, exported).content


def test_what_the_command_refuses_needs_a_tick() -> None:
    old = known_models.advised_agent(
        cautions=(), of=known_models.facts(is_virtual=True, is_custom_rom=True)
    )
    item = export.item_for(old, "ab", (), known_models.MEASURED_AT + timedelta(days=400))
    marks = [p.mark for p in export.permissions(item)]
    assert marks == ["virtual", "custom_rom", "stale"]
    assert all(p.flag.startswith("--allow-") for p in export.permissions(item))
    assert not export.is_allowed(item, marks[:-1])
    assert export.is_allowed(item, marks)
    assert not export.permissions(
        export.item_for(known_models.advised_agent(), "ab", (), known_models.MEASURED_AT)
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_downloads_of_hostile_models_have_safe_names(name: str) -> None:
    facts = replace(known_models.facts(), key=ModelKey(name, name, name, name), marketing_name=name)
    item = export.item_for(known_models.advised_agent(of=facts), "ab", (), known_models.MEASURED_AT)
    exported = export.export(export.Order(item, (facts,), ("profile", "android", "csv", "signal")))
    for one in (*export.downloads(item, exported), export.everything(item, exported)):
        assert all(c.isalnum() or c in "._-" for c in one.file_name), one.file_name
        assert one.file_name.isascii()
        assert not one.file_name.startswith((".", "-"))
        assert one.content
        if one.file_name.endswith(".zip"):
            assert all(".." not in n and not n.startswith("/") for n in unzipped(one.content))
    table = export.unsupported_frame(item.advice, exported)
    assert set(table["target"]) <= {"profile", "android", "csv", "signal"}
    assert (table["changed here"] == "✓").any()


def test_equal_orders_have_one_identity() -> None:
    item = export.item_for(known_models.advised_agent(), "ab", (), known_models.MEASURED_AT)
    one = export.Order(item, (known_models.facts(),), ("csv",))
    assert export.identity(one) == export.identity(replace(one))
    others = {
        export.identity(replace(one, names=("csv", "profile"))),
        export.identity(replace(one, known=())),
        export.identity(replace(one, item=replace(item, advice_sha256="cd"))),
        export.identity(one),
    }
    assert len(others) == 4


def test_an_overview_is_there_for_every_model_with_results(fleet: Path) -> None:
    with Store.open_to_look(fleet) as store:
        rows = {(r.key, r.is_virtual) for r in overview.model_rows(store) if r.verdicts}
        assert rows == {(f.key, f.is_virtual) for f in models_of(store)}
