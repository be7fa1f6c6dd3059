"""Round trip of a device whose canceller is on, from a two-way exchange with a partner."""

from profiler.analysis.exchange.burst import measure_burst
from profiler.analysis.exchange.measure import EXCHANGE_VERSION, measure_exchange

__all__ = ["EXCHANGE_VERSION", "measure_burst", "measure_exchange"]
