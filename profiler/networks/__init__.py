"""Networks as data: scenarios, their packets' dice, and what a jitter buffer makes of them."""

from profiler.networks.channel import PacketChannel
from profiler.networks.load import find_network, load_networks
from profiler.networks.playout import predict_playout

__all__ = ["PacketChannel", "find_network", "load_networks", "predict_playout"]
