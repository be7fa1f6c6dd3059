"""chirpbench: measured, verified real-time voice settings per phone.

Importing this package loads nothing heavy; the command line relies on that.
"""

__version__ = "0.1.0"
