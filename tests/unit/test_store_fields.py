"""The stored dataclasses are a file format: a change needs a migration of the rows before it."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from profiler.model import (
    DeviceFacts,
    DeviceRef,
    RunRecord,
    TestResult,
    TrialRecord,
    Verification,
)

PINNED: dict[str, str] = {
    "ActionFindings": "0f35e8194b8f",
    "ActionGap": "108841d1576f",
    "ActionOutcome": "fd9346a3396e",
    "ActionSegment": "e90d517296df",
    "CallPath": "02c9cbff89c0",
    "CaptureQuality": "8626ed720893",
    "ChannelTone": "493bcffb5c55",
    "CodecCost": "c66c43ca4db3",
    "CodecFindings": "e54e4583c54c",
    "CodecRequest": "d98195f868f8",
    "CostStats": "f7049526610e",
    "DeviceFacts": "8a719adcecc7",
    "DeviceRef": "d654bdbf0e31",
    "Dropout": "540a87a89fec",
    "EchoFindings": "7e61b6871fbc",
    "EffectReport": "4a68534e1bfa",
    "Estimate": "5389484fb287",
    "ExchangeFindings": "fb625279fba5",
    "Geometry": "bbe21f753334",
    "Glitch": "caf7b67db19c",
    "GlitchFindings": "169c35a03f8c",
    "GrantedStream": "dcd241695509",
    "Jump": "8797fc05ae7d",
    "Measurement": "c72168eed6a8",
    "Metric": "9adfaad3e33d",
    "MetricDifference": "49499e53ec95",
    "ModelKey": "b736ed14c6fb",
    "NearEndFindings": "ea8af0afc8eb",
    "NoiseSpec": "bbad324a8385",
    "PartnerOutcome": "a342647ccd94",
    "PartnerPart": "009ff20fd000",
    "PitchFindings": "1b39b3014cae",
    "ProbeReport": "99279e798806",
    "Recording": "ba3d6ec3f36e",
    "RunRecord": "2bfe886ee631",
    "Side": "eec8e0037309",
    "SoundFindings": "3c8eadf819da",
    "SpeechSpec": "f75b4da4b246",
    "StimulusSpec": "b808f64fd54d",
    "TestResult": "854d36a2d89f",
    "TimedAction": "c0d6540f3a9e",
    "TimestampPair": "d85caad4b9f4",
    "ToneSpec": "b4379731fc05",
    "TrialRecord": "0c82256869f6",
    "TrialRequest": "b6ffac44222e",
    "TrialSetup": "b91e60f3e102",
    "Verification": "48eaef5fb2e7",
    "VoiceSpan": "72b492d8a6c3",
}
"""What revision 0003 stores. Before the first release: put the new value here. After it: add a
migration that writes the new field into every stored record, then put the new value here."""


def stored_classes() -> dict[str, str]:
    """A short hash of the names and types of every class the store writes, by class name."""
    found: dict[str, str] = {}
    todo: list[Any] = [DeviceRef, DeviceFacts, RunRecord, TrialRecord, TestResult, Verification]
    while todo:
        tp = todo.pop()
        todo += get_args(tp)
        if is_dataclass(tp) and isinstance(tp, type) and tp.__name__ not in found:
            hints = get_type_hints(tp)
            todo += [hints[f.name] for f in fields(tp)]
            text = "\n".join(f"{f.name}: {hints[f.name]}" for f in fields(tp))
            found[tp.__name__] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


def test_stored_fields_change_only_on_purpose() -> None:
    now = stored_classes()
    assert {n: h for n, h in now.items() if PINNED.get(n) != h} == {}, "see the note at PINNED"
    assert PINNED.keys() == now.keys()
