"""The vocabulary: frozen dataclasses that cross folder borders. No third-party imports."""

from profiler.model.device import DeviceFacts, DeviceRef, ModelKey, Platform
from profiler.model.estimate import CaptureQuality, Dropout, Estimate, Jump
from profiler.model.results import (
    Measurement,
    ModelSummary,
    RunRecord,
    RunStatus,
    TestResult,
    TrialRecord,
)
from profiler.model.stimulus import StimulusSpec
from profiler.model.trial import (
    AudioPath,
    EffectReport,
    EffectState,
    GrantedStream,
    ProbeReport,
    Recording,
    TimestampPair,
    TrialRequest,
)
from profiler.model.verdict import Reason, Verdict, worst

__all__ = [
    "AudioPath",
    "CaptureQuality",
    "DeviceFacts",
    "DeviceRef",
    "Dropout",
    "EffectReport",
    "EffectState",
    "Estimate",
    "GrantedStream",
    "Jump",
    "Measurement",
    "ModelKey",
    "ModelSummary",
    "Platform",
    "ProbeReport",
    "Reason",
    "Recording",
    "RunRecord",
    "RunStatus",
    "StimulusSpec",
    "TestResult",
    "TimestampPair",
    "TrialRecord",
    "TrialRequest",
    "Verdict",
    "worst",
]
