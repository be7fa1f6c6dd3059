"""Echo: what is left of the far end in a recording, and whether a detector takes it for speech."""

from profiler.analysis.echo.measure import ECHO_VERSION, measure_echo

__all__ = ["ECHO_VERSION", "measure_echo"]
