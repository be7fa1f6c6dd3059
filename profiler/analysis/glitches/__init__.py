"""Glitches counted from the signal: where a steady tone is not where it belongs."""

from profiler.analysis.glitches.pipeline import ANALYSIS_VERSION, find_glitches

__all__ = ["ANALYSIS_VERSION", "find_glitches"]
