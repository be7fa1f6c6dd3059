"""What a process of a reanalysis does; it imports no more than that needs."""

from __future__ import annotations

from pathlib import Path

from db.evidence import EvidenceStore
from profiler.analysis import Reading, Take, read_take
from profiler.errors import EvidenceError, InputError, StimulusError
from profiler.model import Recording, Stimulus, TrialSetup

Job = tuple[Recording, Recording | None, Stimulus | None, TrialSetup]
"""The device's recording, the partner's if there was one, and what was played."""


def remeasure(evidence_root: Path, item: Job) -> Reading | str:
    """Analyse a stored recording; one that cannot be read is a line of text."""
    recording, partner, stimulus, setup = item
    store = EvidenceStore(evidence_root)
    try:
        heard = store.load(partner) if partner is not None else None
        return read_take(Take(store.load(recording), stimulus, setup, heard))
    except (EvidenceError, InputError, StimulusError) as exc:
        return str(exc)
