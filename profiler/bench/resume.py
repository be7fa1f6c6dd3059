"""Which earlier run of this plan a bench goes on with."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from db import queries
from db.store import Store
from profiler.errors import InputError
from profiler.model import Reason, RunRecord, RunStatus, TrialRecord, Verdict
from profiler.plan import BenchPlan

SHORTEST = 6
"""Digits of a UUID that are enough, when only one begins with them."""
NEWEST = ""
"""Asks for the newest unfinished bench of the same plan."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A bench to go on with, and its last run of each device."""

    bench_uuid: str
    runs: Mapping[str, RunRecord]


def find_earlier(store: Store, plan: BenchPlan, resume: str | None) -> Earlier:
    """The bench to go on with: a new one for ``None``, else the one ``resume`` names.

    Raises :class:`~profiler.errors.InputError` when there is none or it had another plan.
    """
    if resume is None:
        return Earlier(str(uuid.uuid4()), {})
    if resume == NEWEST:
        # Oldest first: what counts of a device is its last run in a bench.
        last = {
            (r.bench_uuid, r.device_uid): r
            for r in queries.runs(store, queries.Filter(plan_sha256=plan.sha256))
        }
        alone = _without_partner(store, queries.Filter(plan_sha256=plan.sha256))
        unfinished = [
            r for r in last.values() if r.status is not RunStatus.OK or r.run_uuid in alone
        ]
        unfinished.sort(key=lambda r: r.started_at)
        if not unfinished:
            raise InputError(
                "there is no unfinished run of this plan",
                file=store.name,
                hint="start one without --resume",
            )
        resume = unfinished[-1].bench_uuid
    resume = _whole(store, resume)
    runs = queries.runs(store, queries.Filter(bench_uuid=resume))
    if not runs:
        raise InputError(
            f"no run {resume!r}", file=store.name, hint="see 'chirpbench results' for its UUID"
        )
    if any(r.plan_sha256 != plan.sha256 for r in runs):
        raise InputError(
            f"run {resume} was made with another plan",
            file=store.name,
            hint="give the suite, bench file and seed it was started with",
        )
    # Oldest first, so that the last run of a device counts.
    return Earlier(resume, {r.device_uid: r for r in runs})


def is_complete(store: Store, run: RunRecord) -> bool:
    """Whether nothing of a run is left to be tried again.

    A device whose partner went away is fine, and its run ended well; its exchanges were not made.
    """
    if run.status is not RunStatus.OK:
        return False
    return not _without_partner(store, queries.Filter(run_uuid=run.run_uuid))


def lost_partner(record: TrialRecord) -> bool:
    """Whether a trial says nothing about its device, because its partner failed."""
    return record.verdict is Verdict.NOT_MEASURABLE and Reason.PARTNER_LOST in record.reasons


def _without_partner(store: Store, where: queries.Filter) -> set[str]:
    """Runs with a trial whose last attempt lost its partner."""
    where = replace(where, reason=Reason.PARTNER_LOST, latest_attempts=True)
    return {r.run_uuid for r in queries.trials(store, where) if lost_partner(r)}


@contextmanager
def held(store: Store, bench_uuid: str) -> Iterator[None]:
    """Keep other processes of this computer from going on with the same bench meanwhile.

    Raises :class:`~profiler.errors.InputError` when one is at it. The lock is the system's and
    ends with the process; a file that a killed one leaves behind holds nothing.
    """
    path = store.evidence.root / f".bench-{bench_uuid}.lock"
    lock = None
    with suppress(OSError):  # no room or no right to write: storing a trial says so, and better
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
    if lock is None:
        yield
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise InputError(
                f"run {bench_uuid} is being made by another chirpbench right now",
                file=store.name,
                hint="wait for it or stop it, then use --resume",
            ) from exc
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _whole(store: Store, begin: str) -> str:
    """The one bench whose UUID, or one of whose runs' UUIDs, begins like this; else as given."""
    if len(begin) < SHORTEST:
        return begin
    found = {
        r.bench_uuid
        for r in queries.runs(store, queries.Filter())
        if r.bench_uuid.startswith(begin) or r.run_uuid.startswith(begin)
    }
    return found.pop() if len(found) == 1 else begin
