"""Response, noise and distortion by one sweep; pitch; how known near-end speech survives."""

from profiler.analysis.sound.near_end import measure_near_end
from profiler.analysis.sound.pitch import measure_pitch
from profiler.analysis.sound.sweep import measure_sound

__all__ = ["measure_near_end", "measure_pitch", "measure_sound"]
