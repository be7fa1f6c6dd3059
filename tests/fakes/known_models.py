"""Knowledge made up for the rules: what tests would have said of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from profiler.model import (
    Advice,
    Caution,
    Knowledge,
    ModelFacts,
    ModelKey,
    NetworkPhase,
    NetworkScenario,
    Platform,
    Quantity,
    Setting,
    SupportLevel,
    TestKnowledge,
    UseCase,
    Verdict,
)
from profiler.networks import load_networks
from profiler.recommend import advise

MEASURED_AT = datetime(2026, 9, 14, 10, 30, tzinfo=UTC)
Number = float | tuple[float, float, float]
"""A value, or a value with its interval."""
QUIET = NetworkScenario("quiet", "steady", (NetworkPhase(delay_ms=10),), "test")


def network(name: str = "test", **phase: object) -> NetworkScenario:
    return NetworkScenario(name, name, (NetworkPhase(**phase),), "test")  # type: ignore[arg-type]


def facts(*, ios: bool = False, **more: object) -> ModelFacts:
    plain = ModelFacts(
        key=ModelKey("Acme", "A1", "SOC-1", "acme/a1:15/1:user"),
        marketing_name="Acme One",
        platform=Platform.IOS if ios else Platform.ANDROID,
        os_name="iOS" if ios else "Android",
        os_version="17.5" if ios else "15",
        api_level=None if ios else 35,
        board="",
        native_rate_hz=48_000,
        frames_per_burst=240,
        low_latency=True,
        pro_audio=False,
        is_virtual=False,
        is_emulator=False,
        is_custom_rom=False,
        apis=() if ios else ("aaudio", "java"),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def quantity(
    test_id: str,
    name: str,
    number: Number,
    *,
    level: SupportLevel = SupportLevel.SAME_BUILD,
    results: int = 5,
    worst: float | None = None,
    least: float | None = None,
) -> Quantity:
    value, low, high = number if isinstance(number, tuple) else (number, number, number)
    return Quantity(
        name=name,
        test_id=test_id,
        unit="ms",
        value=value,
        low=low,
        high=high,
        worst=value if worst is None else worst,
        least=value if least is None else least,
        results=results,
        devices=1,
        runs=results,
        level=level,
        trial_uuids=(f"{test_id}-trial",),
        oldest_at=MEASURED_AT,
        newest_at=MEASURED_AT,
    )


def said(
    test_id: str,
    verdict: Verdict = Verdict.PASS,
    *,
    level: SupportLevel = SupportLevel.SAME_BUILD,
    counts: Mapping[str, int] | None = None,
    reasons: Sequence[str] = (),
    text: str = "as measured",
) -> TestKnowledge:
    return TestKnowledge(
        test_id=test_id,
        level=level,
        verdict=verdict,
        counts=counts or {verdict.value: 5},
        reasons=tuple(reasons),
        text=text,
        trial_uuids=(f"{test_id}-trial",),
        newest_at=MEASURED_AT,
    )


def knowledge(
    numbers: Mapping[tuple[str, str], Number] | None = None,
    *,
    tests: Sequence[TestKnowledge] = (),
    cautions: Sequence[Caution] = (),
    level: SupportLevel = SupportLevel.SAME_BUILD,
    results: int = 5,
    of: ModelFacts | None = None,
    quantities: Sequence[Quantity] = (),
) -> Knowledge:
    """``numbers`` by test and name, all from ``level`` and on ``results`` results."""
    made = [
        quantity(test_id, name, number, level=level, results=results)
        for (test_id, name), number in (numbers or {}).items()
    ]
    found = (*quantities, *made)
    known = bool(found or tests)
    model = of or facts()
    return Knowledge(
        facts=model,
        level=level if known else SupportLevel.DEFAULT,
        sources=(model.key,) if known else (),
        devices=int(known),
        runs=results if known else 0,
        quantities=found,
        tests=tuple(tests),
        cautions=tuple(cautions),
        oldest_at=MEASURED_AT if known else None,
        newest_at=MEASURED_AT if known else None,
        tool_versions=("0.1",) if known else (),
        probe_versions=("3",) if known else (),
        os_builds=(model.key.os_build,) if known else (),
    )


def advice(
    known: Knowledge,
    use: UseCase = UseCase.VOICE_AGENT,
    on: NetworkScenario = QUIET,
) -> Advice:
    """Without the agents' budgets: they are tested by themselves."""
    return advise(known, use, on, pipelines={})


def setting(made: Advice, name: str, route: str = "") -> Setting:
    """The setting, which must be there."""
    found = made.setting(name, route)
    assert found is not None, name
    return found


def advised_agent(**more: object) -> Advice:
    """A voice agent's advice on wifi, from four tests of a phone without safe barge-in."""
    numbers: dict[tuple[str, str], Number] = {
        ("L1", "rtl_ms"): (60.0, 50.0, 70.0), ("A9", "full_duplex"): 0.0,
        ("L6", "cold_start_ms"): 400.0, ("L3", "rtl_ms[api=java]"): 90.0,
    }  # fmt: skip
    tests = [said(t) for t in ("L1", "A9", "L6", "L3")]
    known = knowledge(numbers, tests=tests, **more)  # type: ignore[arg-type]
    return advise(known, UseCase.VOICE_AGENT, load_networks()["wifi"])
