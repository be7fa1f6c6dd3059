"""From a recording to a latency with its uncertainty, or to the reasons why there is none."""

from profiler.analysis.pipeline import ANALYSIS_VERSION, analyze
from profiler.analysis.quality import capture_quality

__all__ = ["ANALYSIS_VERSION", "analyze", "capture_quality"]
