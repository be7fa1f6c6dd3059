"""The echo path while a trial runs: which route, covered or not, and when it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from device_probes.virtual.spec import PhoneSpec
from device_probes.virtual.spec_streams import Route
from device_probes.virtual.truth import PathTruth, Session

START = "start"
ROUTE, COVER, FLIP, MUTE = "route", "cover", "flip", "mute"
LEVEL = "level"
"""The volume was changed from outside: the value is the change in dB against the request's."""
_BACK = ("off", "back", "0", "false")
"""Values that undo an action."""


@dataclass(frozen=True, slots=True)
class Path:
    """The way of the sound from ``begin_s`` of the recording on."""

    begin_s: float
    sound_s: float
    """Silence until here."""
    route: str
    level_db: float
    delay_s: float
    """Beyond that of the session."""
    cause: str
    room: int
    """0 as found; else another room, whatever the phone's is."""


def paths(session: Session, actions: Sequence[tuple[float, str, str]]) -> tuple[Path, ...]:
    """All paths of a trial in order of time; the first begins at 0."""
    spec = session.spec
    state: dict[str, bool] = {COVER: False, FLIP: False}
    here = _path(spec, (0.0, 0.0), session.route, state, START)
    found, louder_db = [here], 0.0
    for at_s, action, value in sorted(actions):
        begin_s = max(at_s, 0.0)
        if action == ROUTE:
            gap_s = _route(spec, value).gap_s
            here = _path(spec, (begin_s, begin_s + gap_s), value, state, action)
        elif action in (COVER, FLIP):
            state[action] = value not in _BACK
            times = (begin_s, max(begin_s, here.sound_s))
            here = _path(spec, times, here.route, state, action)
        elif action == LEVEL:
            louder_db = float(value)
            sound_s = max(begin_s, here.sound_s)
            here = replace(here, begin_s=begin_s, sound_s=sound_s, cause=action)
        else:
            continue
        found.append(replace(here, level_db=here.level_db + louder_db))
    base_s = _route(spec, session.route).delay_ms / 1000
    return tuple(replace(p, delay_s=p.delay_s - base_s) for p in found)


def mutes(
    spec: PhoneSpec, actions: Sequence[tuple[float, str, str]], end_s: float
) -> list[tuple[float, float]]:
    """(begin, end) in s of the recording where the microphone gives exact zeros."""
    spans = []
    since: float | None = spec.glitches.mute_after_s
    for at_s, action, value in sorted(actions):
        if action == MUTE and value not in _BACK:
            since = at_s if since is None else min(since, at_s)
        elif action == MUTE and since is not None:
            spans.append((since, at_s))
            since = None
    if since is not None:
        spans.append((since, end_s))
    return spans


def path_truths(session: Session, actions: Sequence[tuple[float, str, str]]) -> list[PathTruth]:
    """The paths as tests read them."""
    return [
        PathTruth(
            p.begin_s,
            p.sound_s,
            p.route,
            p.level_db,
            session.truth.latency_ms + 1000 * p.delay_s,
            p.cause,
        )
        for p in paths(session, actions)
    ]


def _route(spec: PhoneSpec, name: str) -> Route:
    return spec.routes.get(name, Route())


def _path(
    spec: PhoneSpec, times_s: tuple[float, float], route: str, state: dict[str, bool], cause: str
) -> Path:
    there, change = _route(spec, route), spec.path_change
    changes = sum(state.values())
    return Path(
        *times_s,
        route,
        there.level_db + changes * change.level_db,
        (there.delay_ms + changes * change.delay_ms) / 1000,
        cause,
        sum(2**i for i, name in enumerate((COVER, FLIP)) if state[name]),
    )
