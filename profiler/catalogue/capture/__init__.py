"""Capture integrity, glitches, load, heat and codec cost: D1, D2, G1 to G5."""
