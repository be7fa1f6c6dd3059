"""From a recording to numbers with their uncertainty, or to the reasons why there are none."""

from profiler.analysis.pipeline import ANALYSIS_VERSION, analyze
from profiler.analysis.quality import capture_quality
from profiler.analysis.takes import ANALYSES, Reading, Take, read_take, take_of

__all__ = [
    "ANALYSES",
    "ANALYSIS_VERSION",
    "Reading",
    "Take",
    "analyze",
    "capture_quality",
    "read_take",
    "take_of",
]
