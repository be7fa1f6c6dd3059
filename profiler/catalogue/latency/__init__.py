"""Latency tests L1 to L8."""
