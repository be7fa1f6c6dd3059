"""Round-trip latency per model: what its sessions say together, and one model against another.

A *session* is one stream open. The spread between sessions of a device is what its user meets;
the scatter within a session is what the method and the clock add. They are never mixed, and a
session that was not measurable is counted as rejected and enters no number.
"""

from profiler.intervals import MIN_SESSIONS_FOR_CI
from profiler.summary.comparison import MARGIN_MS, compare
from profiler.summary.headline import headline
from profiler.summary.known import KnowledgeBase
from profiler.summary.models import summarise

__all__ = [
    "MARGIN_MS",
    "MIN_SESSIONS_FOR_CI",
    "KnowledgeBase",
    "compare",
    "headline",
    "summarise",
]
