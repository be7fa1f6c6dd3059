"""The command line. ``main`` is the console script ``chirpbench``."""

from profiler.cli.entry import main

__all__ = ["main"]
