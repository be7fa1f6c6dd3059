"""Models that nobody measured, against the truth of a made fleet: the intervals hold it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from known_records import NOW
from model_stores import make_store

from db.knowledge import known_results
from db.store import Store
from profiler.model import SupportLevel
from profiler.summary import KnowledgeBase

HIDDEN = 25
CHECKED = {
    ("L1", "rtl_ms"), ("L2", "rtl_ms"), ("L3", "rtl_ms[api=java]"), ("G1", "safe_bursts"),
    ("A1", "erle_db[volume=1]"), ("A9", "full_duplex"), ("A9", "max_safe_volume"),
    ("L6", "cold_start_ms[start=first]"),
}  # fmt: skip


def test_the_numbers_of_hidden_models_lie_where_their_relatives_say(tmp_path: Path) -> None:
    make_store(tmp_path / "many.db", 75, seed=21)
    with Store.open(tmp_path / "many.db", create=False) as store:
        results = known_results(store)
    truth = KnowledgeBase(results)
    hidden = {facts.key for facts in truth.models()[::3]}
    assert len(hidden) == HIDDEN
    base = KnowledgeBase(r for r in results if r.facts.key not in hidden)
    inside: Counter[bool] = Counter()
    for facts in truth.models():
        if facts.key not in hidden:
            continue
        own, inherited = truth.knowledge(facts, NOW), base.knowledge(facts, NOW)
        assert inherited.level is not SupportLevel.SAME_BUILD
        assert {c.code for c in inherited.cautions} & {"inherited", "never_measured"}
        for test_id, name in CHECKED:
            measured, said = own.quantity(test_id, name), inherited.quantity(test_id, name)
            assert measured is not None
            if said is not None:
                assert said.level in (SupportLevel.SAME_SOC, SupportLevel.SAME_MAKER)
                inside[said.low <= measured.value <= said.high] += 1
    assert sum(inside.values()) >= 0.8 * HIDDEN * len(CHECKED)
    assert inside[True] >= 0.95 * sum(inside.values())
