"""Probes: one folder per kind of device, all behind one contract."""
