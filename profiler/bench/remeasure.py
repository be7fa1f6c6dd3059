"""What a process of a reanalysis does; it imports no more than that needs."""

from __future__ import annotations

from pathlib import Path

from db.evidence import EvidenceStore
from profiler.analysis import analyze
from profiler.errors import EvidenceError
from profiler.model import Estimate, Recording, StimulusSpec


def remeasure(evidence_root: Path, item: tuple[Recording, StimulusSpec]) -> Estimate | str:
    """Analyse a stored recording; one that cannot be read is a line of text."""
    recording, stimulus = item
    try:
        audio = EvidenceStore(evidence_root).load(recording)
    except EvidenceError as exc:
        return str(exc)
    return analyze(audio, stimulus)
