"""The vocabulary: frozen dataclasses that cross folder borders. No third-party imports."""

from profiler.model.device import (
    DeviceFacts,
    DeviceHealth,
    DeviceRef,
    DeviceState,
    ModelKey,
    Platform,
)
from profiler.model.estimate import CaptureQuality, Dropout, Estimate, Jump
from profiler.model.results import (
    Comparison,
    Difference,
    Measurement,
    ModelSummary,
    RunRecord,
    RunStatus,
    SessionRow,
    TestResult,
    TrialRecord,
)
from profiler.model.stimulus import StimulusSpec
from profiler.model.trial import (
    AudioPath,
    CodecCost,
    CodecRequest,
    CostStats,
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
    "CodecCost",
    "CodecRequest",
    "Comparison",
    "CostStats",
    "DeviceFacts",
    "DeviceHealth",
    "DeviceRef",
    "DeviceState",
    "Difference",
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
    "SessionRow",
    "StimulusSpec",
    "TestResult",
    "TimestampPair",
    "TrialRecord",
    "TrialRequest",
    "Verdict",
    "worst",
]
