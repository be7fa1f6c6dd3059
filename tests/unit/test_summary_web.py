"""Numbers of a browser stay those of a browser: in knowledge, advice, budgets and exports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import export_items as items
import known_models as made
import pytest
from known_records import NOW, model, result

from profiler.budget import DEFAULT_MOUTH_TO_EAR, device_part
from profiler.budget.known import Known
from profiler.errors import InputError
from profiler.export import export_all
from profiler.export.registry import FOR_PAGES, TARGETS
from profiler.model import (
    Knowledge,
    ModelFacts,
    ModelKey,
    PartSource,
    Platform,
    SupportLevel,
    UseCase,
    Verdict,
)
from profiler.recommend import defaults
from profiler.summary import KnowledgeBase, headline
from profiler.summary.relatives import kind_of
from profiler.summary.words import browser_of

PHONE = model("Pixel 8", maker="Google", soc="Tensor G3", build="g/p8:15/1", board="",
              marketing_name="Pixel 8", os_version="15", api_level=35)  # fmt: skip
SISTER = replace(PHONE, key=ModelKey("Google", "Pixel 8a", "Tensor G3", "g/p8a:15/1"),
                 marketing_name="Pixel 8a")  # fmt: skip


def browser(of: ModelFacts = PHONE, name: str = "Chrome", build: str = "150.1") -> ModelFacts:
    key = replace(of.key, model=f"{of.key.model} ({name})", os_build=f"{name} {build}")
    named = f"{of.marketing_name} ({name})"
    return replace(of, key=key, marketing_name=named, platform=Platform.WEB, apis=("web_audio",))


CHROME, FIREFOX = browser(), browser(name="Firefox", build="140.0")


def base(*pairs: tuple[ModelFacts, float]) -> KnowledgeBase:
    return KnowledgeBase([result(f, "L1", {"rtl_ms": (ms, 0.1)}) for f, ms in pairs])


def known(found: KnowledgeBase, facts: ModelFacts) -> Knowledge:
    return found.knowledge(facts, NOW)


def rtl_ms(found: Knowledge) -> float | None:
    quantity = found.quantity("L1", "rtl_ms")
    return None if quantity is None else quantity.value


# --- whose results answer ------------------------------------------------------------------------


def test_a_browser_and_the_phones_apps_never_answer_for_each_other() -> None:
    both = base((PHONE, 40.0), (CHROME, 120.0))
    assert rtl_ms(known(both, PHONE)) == 40.0
    assert rtl_ms(known(both, CHROME)) == 120.0
    assert known(both, CHROME).sources == (CHROME.key,)
    for asked, other in ((PHONE, CHROME), (CHROME, PHONE), (FIREFOX, CHROME)):
        nothing = known(base((other, 99.0)), asked)
        assert nothing.level is SupportLevel.DEFAULT
        assert nothing.quantities == ()
        assert {c.code for c in nothing.cautions} == {"never_measured"}


def test_not_even_a_chip_or_a_maker_makes_browsers_relatives() -> None:
    family = base((SISTER, 40.0), (browser(SISTER), 120.0))
    assert known(family, PHONE).level is SupportLevel.SAME_SOC
    assert rtl_ms(known(family, PHONE)) == 40.0
    assert known(family, CHROME).level is SupportLevel.DEFAULT


def test_another_build_of_the_browser_answers() -> None:
    older = known(base((browser(build="149.0"), 110.0)), CHROME)
    assert older.level is SupportLevel.SAME_MODEL
    assert rtl_ms(older) == 110.0


def test_a_simulated_phones_browser_is_no_app_either() -> None:
    simulated = replace(CHROME, is_virtual=True)
    assert known(base((simulated, 99.0)), PHONE).level is SupportLevel.DEFAULT
    found = known(base((simulated, 99.0)), CHROME)
    assert rtl_ms(found) == 99.0
    assert "only_virtual" in {c.code for c in found.cautions}


def test_kinds_tell_stacks_apart() -> None:
    interface = replace(PHONE, platform=Platform.HOST)
    kinds = {kind_of(f) for f in (PHONE, CHROME, FIREFOX, interface)}
    assert len(kinds) == 4
    assert browser_of(CHROME) == "Chrome"
    assert browser_of(replace(CHROME, key=replace(CHROME.key, model="Pixel 8"))) == ""


def test_the_knowledge_says_that_it_is_a_browsers() -> None:
    cautions = {c.code: c.text for c in known(base((CHROME, 120.0)), CHROME).cautions}
    assert "nothing of it holds for an app" in cautions["browser"]
    assert "browser" not in {c.code for c in known(base((PHONE, 40.0)), PHONE).cautions}


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pixel 8", PHONE),
        ("google pixel 8", PHONE),
        ("Tensor G3", PHONE),
        ("Pixel 8 (Chrome)", CHROME),
        ("pixel 8 (firefox)", FIREFOX),
        ("chrome", CHROME),
        ("Firefox 140.0", FIREFOX),
        ("150.1", CHROME),
    ],
)
def test_a_browser_is_found_by_its_own_name_only(text: str, expected: ModelFacts) -> None:
    assert base((PHONE, 40.0), (CHROME, 120.0), (FIREFOX, 130.0)).find(text) == expected


@pytest.mark.parametrize("text", ["Pixel 8", "Google", "tensor"])
def test_a_phone_of_which_only_a_browser_is_known_is_not_found(text: str) -> None:
    with pytest.raises(InputError, match=r"in a browser only.*Pixel 8 \(Chrome\)"):
        base((CHROME, 120.0)).find(text)
    with pytest.raises(InputError, match="in a browser only"):
        base((replace(CHROME, marketing_name="Pixel 8"), 120.0)).find(text)


# --- advice --------------------------------------------------------------------------------------

PAGE = made.facts(
    key=ModelKey("Google", "Pixel 8 (Chrome)", "Tensor G3", "Chrome 150.1"),
    platform=Platform.WEB, apis=("web_audio",), frames_per_burst=128,
)  # fmt: skip
AGENT = UseCase.VOICE_AGENT


def advised(numbers: Any = None, use: UseCase = AGENT, **more: Any) -> dict[str, Any]:
    advice = made.advice(made.knowledge(numbers, of=PAGE, **more), use)
    return {s.key: s.value for s in advice.settings}


def reason(name: str, numbers: Any, **more: Any) -> str:
    return made.setting(made.advice(made.knowledge(numbers, of=PAGE, **more), AGENT), name).reason


def test_an_unmeasured_page_gets_a_browsers_defaults() -> None:
    found = advised()
    assert found["api"] == "web_audio"
    for nothing in ("audio_mode", "sharing", "buffer_bursts", "buffer_frames", "aec_delay_hint_ms"):
        assert found[nothing] is None, nothing
    assert (found["aec"], found["ns"], found["agc"]) == ("software", "software", "software")
    assert "usage" not in found
    assert found["performance_mode"] == "low_latency"
    assert found["restart_between_modes"] is False
    stack = defaults(made.knowledge(of=PAGE), AGENT)
    alike = ("api", "audio_mode", "performance_mode", "aec_filters", "aec_tail_ms", "aec")
    assert all(stack[name] == found[name] for name in alike)


def test_the_hint_is_left_only_for_a_sure_gain() -> None:
    plain, slow = ("L1", "rtl_ms"), ("L3", "rtl_ms[performance=power_saving]")
    usual = {plain: (120.0, 100.0, 140.0), slow: (118.0, 100.0, 130.0)}
    assert advised(usual)["performance_mode"] == "low_latency"
    better = {plain: (190.0, 189.0, 191.0), slow: (120.0, 119.0, 121.0)}
    assert advised(better)["performance_mode"] == "power_saving"
    assert "playback 120 ms" in reason("performance_mode", better)


def test_the_buffer_is_the_smallest_that_g1_found_clean() -> None:
    sizes = {
        ("G1", "safe_frames"): 512.0,
        ("G1", "glitches_per_min[frames=256]"): 12.0,
        ("G1", "glitches_per_min[frames=512]"): 0.0,
    }
    assert advised(sizes)["buffer_frames"] == 512
    why = reason("buffer_frames", sizes)
    assert "latencyHint 0.011 s" in why
    assert "256 do" in why
    loaded = sizes | {("G2", "safe_frames[state=loaded]"): 2048.0}
    assert advised(loaded)["buffer_frames"] == 2048
    broken = made.advice(made.knowledge(of=PAGE, tests=[made.said("G1", Verdict.FAIL)]), AGENT)
    assert made.setting(broken, "performance_mode").value == "power_saving"
    assert made.setting(broken, "buffer_bursts").value is None
    assert "no_safe_buffer" in {c.code for c in broken.cautions}


ECHO = "volume=as_found"


def test_a_good_browsers_canceller_is_used_and_its_barge_in_believed() -> None:
    numbers = {
        ("A1", f"erle_low_db[{ECHO}]"): 33.0,
        ("A1", f"erle_db[{ECHO}]"): 35.0,
        ("A4", f"convergence_s[{ECHO}]"): 0.4,
        ("A9", "full_duplex"): 1.0,
    }
    found = advised(numbers, tests=[made.said("A9", text="barge-in safe")])
    assert (found["aec"], found["full_duplex"], found["max_safe_volume"]) == ("software", True, 1.0)
    assert found["mic_holdoff_ms"] == 400
    assert "the browser's canceller removes 35 dB at the volume as found" in reason("aec", numbers)
    assert "volume as found" in reason("max_safe_volume", numbers)


def test_a_bad_one_has_no_replacement_in_a_page() -> None:
    numbers = {("A1", f"erle_low_db[{ECHO}]"): 4.0, ("A9", "full_duplex"): 0.0}
    found = advised(numbers)
    assert (found["aec"], found["full_duplex"]) == ("software", False)
    assert "a page has no other" in reason("aec", numbers)


def test_a_suppressor_that_eats_the_voice_is_left_out() -> None:
    assert advised({("V6", "attenuation_db"): 14.0})["ns"] == "off"
    assert advised({("V6", "attenuation_db"): 2.0})["ns"] == "software"


# --- budgets -------------------------------------------------------------------------------------


def test_the_budget_takes_the_path_with_the_effects_where_it_is_known() -> None:
    numbers = {("L1", "rtl_ms"): 100.0, ("L2", "rtl_ms"): 130.0}
    values = {"api": "web_audio", "aec": "software", "performance_mode": "low_latency"}
    part = device_part(Known(made.knowledge(numbers, of=PAGE)), values)
    assert (part.ms, part.source) == (130.0, PartSource.MEASURED)
    off = device_part(Known(made.knowledge(numbers, of=PAGE)), {**values, "aec": "off"})
    assert off.ms == 100.0
    plain = device_part(Known(made.knowledge({("L1", "rtl_ms"): 100.0}, of=PAGE)), values)
    assert plain.ms == 100.0
    assert plain.high_ms > 130.0
    assert "browser's effects" in plain.text


def test_the_budget_counts_hint_and_buffer() -> None:
    numbers = {
        ("L1", "rtl_ms"): 100.0,
        ("L3", "rtl_ms"): 100.0,
        ("L3", "rtl_ms[performance=power_saving]"): 160.0,
        ("L3", "rtl_ms[frames=2048]"): 150.0,
    }
    known_page = Known(made.knowledge(numbers, of=PAGE))
    values = {"api": "web_audio", "aec": "off", "output_rate_hz": 48_000}
    slow = device_part(known_page, {**values, "performance_mode": "power_saving"})
    assert slow.ms == pytest.approx(160.0)
    wide = device_part(known_page, {**values, "buffer_frames": 4096})
    assert wide.ms == pytest.approx(150.0 + 2048 / 48)


def test_an_unmeasured_browser_is_assumed_as_one() -> None:
    part = device_part(Known(made.knowledge(of=PAGE)), {"api": "web_audio"})
    assert (part.source, part.ms) == (PartSource.ASSUMED, 150.0)
    budgets = made.advice(made.knowledge(of=PAGE), AGENT).budgets
    assert DEFAULT_MOUTH_TO_EAR in {b.kind for b in budgets}


# --- exports -------------------------------------------------------------------------------------


def page_item() -> items.Item:
    facts = replace(items.facts("Pixel 8 (Chrome)", "Google"), platform=Platform.WEB)
    return items.item(facts)


@pytest.mark.parametrize("name", list(TARGETS))
def test_targets_of_apps_leave_browsers_out_and_say_so(name: str) -> None:
    phone, page = items.item(items.facts("Pixel 8", "Google")), page_item()
    (both,) = export_all([phone, page], [name])
    (alone,) = export_all([phone], [name])
    said = [note for note in both.notes if "browser" in note]
    if name in FOR_PAGES:
        assert not said
        assert both.files != alone.files
    else:
        assert both.files == alone.files
        assert said == [
            f"left out, because {name} is loaded by apps and these were measured in a browser: "
            "Pixel 8 (Chrome)"
        ]
    with_other = export_all([phone], [name], others=[page.advice.facts])
    assert not any("(Chrome)" in note for made in with_other for note in made.notes)


def test_livekit_gives_a_page_the_javascript_options_alone() -> None:
    (found,) = export_all([page_item()], ["livekit"])
    (profile,) = json.loads(found.files[0].content)["profiles"].values()
    assert set(profile) == {"js"}


# --- lines ---------------------------------------------------------------------------------------


def test_the_headline_speaks_of_frames_and_of_the_volume_as_found() -> None:
    found = [
        result(CHROME, "G1", {"safe_frames": 512.0}).result,
        result(CHROME, "A9", {"full_duplex": 1.0}).result,
        result(CHROME, "A2", {f"effective_db[{ECHO}]": 20.0, f"reported_on[{ECHO}]": 1.0}).result,
    ]
    line = headline(found, CHROME.platform)
    assert "use 512 frames of buffer" in line
    assert "barge-in safe at the volume as found" in line
    assert "browser's AEC removes 20 dB" in line
    assert "platform AEC removes 20 dB" in headline(found)
