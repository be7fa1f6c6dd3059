"""libwebrtc (BSD, ``wrtc``) negotiates each session and says what is in force."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_json, typed
from profiler.consumers.manifest import Who, settings, who
from profiler.consumers.process import run_module
from profiler.model import ConsumerCheck

TARGET = "webrtc"
FILE = "webrtc/sessions.json"
INSTALL = "pip install 'chirpbench[verify]'"
MAX_TALKING = 12
"""Sessions that carry sound, 3 s each, four at once; the others are negotiated only."""
TIMEOUT_S = 240.0
MAX_RATE = 1.15
"""Measured bit rate over the exported one; Opus overshoots a little on noise."""
FRAME_TOLERANCE = 0.15
"""Of the time between packets: 20 ms is never taken for 10 or 40."""
TARGET_TOLERANCE_MS = 2.0
PARAMETERS: dict[str, tuple[int, int]] = {
    "minptime": (3, 120), "ptime": (3, 120), "maxptime": (3, 120),
    "maxaveragebitrate": (6_000, 510_000), "maxplaybackrate": (8_000, 48_000),
    "sprop-maxcapturerate": (8_000, 48_000), "stereo": (0, 1), "sprop-stereo": (0, 1),
    "cbr": (0, 1), "useinbandfec": (0, 1), "usedtx": (0, 1),
}  # fmt: skip
"""Of Opus with their ranges (RFC 7587)."""
_NAMED = {
    "ptime": "opus_frame_ms", "maxaveragebitrate": "opus_bitrate_bps",
    "maxplaybackrate": "opus_max_playback_hz", "useinbandfec": "opus_fec", "usedtx": "opus_dtx",
    "cbr": "opus_cbr",
}  # fmt: skip
_TRIAL = re.compile(r"WebRTC-[A-Za-z0-9-]+")
_VALUE = re.compile(r"[A-Za-z0-9:,.-]+")


@dataclass(frozen=True, slots=True)
class Session:
    """What a row asks a session for."""

    fmtp: str
    ptime: int | None
    red: bool
    floor_ms: int | None
    trials: tuple[tuple[str, str], ...]

    @property
    def parameters(self) -> dict[str, str]:
        """Of the fmtp line."""
        return dict(pair.split("=", 1) for pair in self.fmtp.split(";"))


def check(folder: Path) -> list[ConsumerCheck]:
    """Negotiate every session that differs, with sound as far as time allows."""
    if importlib.util.find_spec("webrtc") is None:
        return [unavailable(TARGET, "libwebrtc (wrtc)", INSTALL)]
    compared = Comparison(TARGET, f"libwebrtc (wrtc {metadata.version('wrtc')})")
    try:
        sessions = _sessions(folder, compared)
        if compared.wrong:
            return [compared.result("")]  # nothing that a session could mend
        said = _said(sessions)
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    talked = 0
    for session, answer in said:
        talked += bool(answer.get("talked"))
        _compare(compared, session, answer)
    return [compared.result(
        f"{len(said)} different sessions negotiated: every fmtp parameter in its codec statistics; "
        f"{talked} with sound: packet time, bit rate and jitter buffer floor in getStats"
    )]  # fmt: skip


def _sessions(folder: Path, compared: Comparison) -> list[Session]:
    data = typed(read_json(folder, FILE), dict, FILE)
    known = settings(folder)
    sessions: dict[Session, None] = {}
    for number, row in enumerate(typed(data.get("models"), list, f"{FILE}: models"), 1):
        what = f"{FILE}: model {number}"
        model = who(typed(typed(row, dict, what).get("target"), dict, f"{what}: target"), what)
        session = _session(row, what)
        _against_settings(compared, model, session, known)
        sessions[session] = None
    return list(sessions)


def _session(row: Mapping[str, Any], what: str) -> Session:
    sdp = typed(row.get("sdp"), dict, f"{what}: sdp")
    receiver = typed(row.get("receiver"), dict, f"{what}: receiver")
    trials = typed(row.get("fieldTrials"), dict, f"{what}: fieldTrials")
    codecs = row.get("codecPreferences") or []
    session = Session(
        fmtp=typed(sdp.get("fmtp"), str, f"{what}: fmtp"),
        ptime=_whole(sdp.get("ptime"), f"{what}: ptime", (3, 120)),
        red="audio/red" in typed(codecs, list, f"{what}: codecPreferences"),
        floor_ms=_whole(receiver.get("jitterBufferTarget"), f"{what}: jitterBufferTarget",
                        (0, 4_000)),
        trials=tuple(sorted((k, typed(v, str, f"{what}: {k}")) for k, v in trials.items())),
    )  # fmt: skip
    for pair in session.fmtp.split(";"):
        name, _, value = pair.partition("=")
        if name not in PARAMETERS or not value.isascii() or not value.isdigit():
            raise Unreadable(f"{what}: fmtp holds {pair!r}")
        low, high = PARAMETERS[name]
        if not low <= int(value) <= high:
            raise Unreadable(f"{what}: {name} is {value}, not {low} to {high} (RFC 7587)")
    for name, value in session.trials:
        if not (_TRIAL.fullmatch(name) and _VALUE.fullmatch(value)):
            raise Unreadable(f"{what}: field trial {name!r}: {value!r}")
    return session


def _whole(value: Any, what: str, allowed: tuple[int, int]) -> int | None:
    if value is None:
        return None
    number: int = typed(value, int, what)
    if not allowed[0] <= number <= allowed[1]:
        raise Unreadable(f"{what} is {number}, not {allowed[0]} to {allowed[1]}")
    return number


def _against_settings(
    compared: Comparison, model: Who, session: Session, known: Mapping[Who, Mapping[str, Any]]
) -> None:
    if model not in known:
        raise Unreadable(f"{FILE}: {model[0]!r} {model[1]!r} is not in the manifest")
    parameters = session.parameters
    compared.same(
        f"{model[1]!r}: ptime of the SDP", known[model].get("opus_frame_ms"), session.ptime
    )
    for parameter, name in _NAMED.items():
        value = known[model].get(name)
        wanted = None if value is None else str(int(value))
        compared.same(f"{model[1]!r}: {parameter}", wanted, parameters.get(parameter))


def _said(sessions: list[Session]) -> list[tuple[Session, dict[str, Any]]]:
    by_trials: dict[tuple[tuple[str, str], ...], list[Session]] = {}
    for session in sessions:
        by_trials.setdefault(session.trials, []).append(session)
    said: list[tuple[Session, dict[str, Any]]] = []
    for trials, group in by_trials.items():
        asked = {
            "trials": dict(trials),
            "sessions": [
                {"fmtp": s.fmtp, "ptime": s.ptime, "red": s.red, "floor_ms": s.floor_ms,
                 "talk": len(said) + n < MAX_TALKING}
                for n, s in enumerate(group)
            ],
        }  # fmt: skip
        with tempfile.TemporaryDirectory() as home:
            answer = run_module("webrtc_child", asked, home=Path(home), timeout_s=TIMEOUT_S)
        answers = typed(answer.get("sessions"), list, "the answer")
        said += zip(group, answers, strict=True)
    return said


def _compare(compared: Comparison, session: Session, answer: Mapping[str, Any]) -> None:
    where = f"session {session.fmtp!r}"
    got = dict(p.split("=", 1) for p in (answer["codec"]["fmtp"] or "").split(";") if "=" in p)
    # libwebrtc takes ptime out of the line: packets show it.
    for name, value in session.parameters.items():
        if name != "ptime":
            compared.same(f"{where}: {name}", value, got.get(name))
    if session.floor_ms:
        compared.same(f"{where}: jitterBufferTarget", float(session.floor_ms), answer["floor_ms"])
    if not answer["talked"]:
        return
    packets, sent_ms = answer["packets"], answer["sent_ms"]
    frame_ms = sent_ms / packets if packets else 0.0
    if session.ptime is not None:
        # A packet more or less at the edges of the window.
        tolerance = FRAME_TOLERANCE + session.ptime / sent_ms
        compared.true(
            f"{where}: a packet holds {frame_ms:.1f} ms, exported {session.ptime}",
            abs(frame_ms / session.ptime - 1.0) <= tolerance,
        )
    asked = session.parameters.get("maxaveragebitrate")
    if asked is not None:
        share = 2 if session.red else 1
        rate_bps = answer["bytes"] * 8000 / sent_ms / share
        compared.true(
            f"{where}: {rate_bps:.0f} bps are sent", 0 < rate_bps <= MAX_RATE * int(asked)
        )
    if session.floor_ms:
        least_ms = 1000.0 * answer["target_s"] / max(answer["emitted"], 1)
        compared.true(
            f"{where}: the jitter buffer aims at {least_ms:.0f} ms, exported {session.floor_ms}",
            least_ms >= session.floor_ms - TARGET_TOLERANCE_MS,
        )
