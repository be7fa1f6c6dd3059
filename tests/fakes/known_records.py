"""Stored results with whom they are of, for tests of what is known of a model."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from profiler.model import (
    KnownResult,
    Measurement,
    ModelFacts,
    ModelKey,
    Platform,
    TestResult,
    Verdict,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
_numbers = itertools.count()


def model(name: str = "A1", *, build: str = "b1", **changes: Any) -> ModelFacts:
    """A real phone of Acme with a Snapdragon of tier 6; ``soc`` and ``maker`` may be changed."""
    key = ModelKey(changes.pop("maker", "Acme"), name, changes.pop("soc", "SM6225"), build)
    plain = ModelFacts(
        key=key,
        marketing_name=f"Acme {name}",
        platform=Platform.ANDROID,
        os_name="Android",
        os_version="13",
        api_level=33,
        board="bengal",
        native_rate_hz=48_000,
        frames_per_burst=192,
        low_latency=True,
        pro_audio=False,
        is_virtual=False,
        is_emulator=False,
        is_custom_rom=False,
    )
    if "soc" not in changes and key.soc != "SM6225" and "board" not in changes:
        changes["board"] = ""
    return replace(plain, **changes)


def result(
    facts: ModelFacts | None = None,
    test_id: str = "L1",
    numbers: Mapping[str, float | tuple[float, float | None]] | None = None,
    *,
    verdict: Verdict = Verdict.PASS,
    days_old: float = 1.0,
    run: str = "",
    device: str = "phone-1",
    unit: str = "ms",
    **changes: Any,
) -> KnownResult:
    """One result; ``numbers`` are values or (value, sigma) by name, all in ``unit``."""
    number = next(_numbers)
    run_uuid = run or f"run-{number}"
    pairs = {n: v if isinstance(v, tuple) else (v, None) for n, v in (numbers or {}).items()}
    found = TestResult(
        run_uuid=run_uuid,
        test_id=test_id,
        verdict=verdict,
        reasons=changes.pop("reasons", ()),
        text=changes.pop("text", f"{test_id} says {verdict.value}"),
        measurements=tuple(Measurement(n, v, unit, sigma) for n, (v, sigma) in pairs.items()),
        trial_uuids=changes.pop("trial_uuids", (f"trial-{number}",)),
    )
    values: dict[str, Any] = {
        "facts": facts or model(),
        "device_uid": f"android:{device}",
        "run_uuid": run_uuid,
        "recorded_at": NOW - timedelta(days=days_old),
        "tool_version": "0.5.0",
        "probe_version": "0.5.0",
        "result": found,
    }
    return KnownResult(**{**values, **changes})
