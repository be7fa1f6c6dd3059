"""What an action from outside did to the sound: gaps, another latency, another level, zeros."""

from profiler.analysis.acted.measure import ACTED_VERSION, measure_actions

__all__ = ["ACTED_VERSION", "measure_actions"]
