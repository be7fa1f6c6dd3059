"""What a virtual phone records: everything from the plays to the samples that the app gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import signal

from device_probes.server import LoadedPlay
from device_probes.virtual.acoustics import capture
from device_probes.virtual.effects import add_noise, apply_edits, spare_frames
from device_probes.virtual.paths import LEVEL, mutes, paths
from device_probes.virtual.spec import Acoustics
from device_probes.virtual.truth import Session
from device_probes.virtual.voice import cancel, improve

Float32 = npt.NDArray[np.float32]
Samples: TypeAlias = npt.NDArray[np.int16] | Float32
ActionAt: TypeAlias = tuple[float, str, str]
"""(seconds of the recording's timeline, action, value)."""
_CHANGED_REFLECTION = (0.9, -4.0)
"""(ms, dB) of the hand, or of the table: another echo path also where the room has no sound."""
_SECOND_MIC_S, _SECOND_MIC_DB = 0.00025, -3.0
_SECOND_MIC_NOISE_DBFS = -80.0


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The sounds of one trial, still apart; all of shape (frames,) at the input's rate."""

    far: Float32
    """What is played, frame for frame of the same session: the canceller's reference."""
    echo: Float32
    """The phone's own loudspeaker at its microphone."""
    near: Float32 | None
    """Other devices at its microphone."""
    restarts_s: tuple[float, ...] = ()
    """When the echo path changed."""


def render(
    session: Session,
    plays: Sequence[LoadedPlay],
    outside: Float32 | None = None,
    actions: Sequence[ActionAt] = (),
) -> Samples:
    """The recording of one trial, shape (frames, channels), as the app gets it.

    ``outside`` is what other devices do at this microphone, before its noise and processing:
    shape (frames,) at the input's rate from frame 0 of the recording on; it may be shorter or
    longer. ``actions`` is what was done to the phone meanwhile; ``session`` must be
    :func:`~device_probes.virtual.opening.settled` with them. The same arguments give the same
    samples.
    """
    truth = session.truth
    if truth.silent:
        mono = np.zeros(round(truth.request.duration_s * truth.input_rate_hz), np.float32)
    else:
        parts = take_apart(session, plays, outside, actions)
        mono = delivered(session, processed(session, parts), actions)
    return _converted(session, mono)


def raw_frames(session: Session) -> int:
    """Frames that the microphone takes in: the recording, and what skips take away."""
    truth = session.truth
    return round(truth.request.duration_s * truth.input_rate_hz) + spare_frames(session.edits)


def timeline(session: Session, plays: Sequence[LoadedPlay]) -> Float32:
    """All that is played, at the requested volume, clipped as a mixer does.

    Shape (frames,) at the output's rate, from frame 0 of the timeline on.
    """
    truth, request = session.truth, session.truth.request
    mixed = np.zeros(round(request.duration_s * truth.output_rate_hz), np.float32)
    for play in plays:
        piece = play.samples[: max(mixed.size - play.at_frame, 0)]
        mixed[play.at_frame : play.at_frame + piece.size] += piece
    curve = session.spec.acoustics.volume_curve
    if curve:
        volumes, levels_db = zip(*sorted(curve), strict=True)
        asked = 1.0 if request.volume is None else request.volume
        mixed *= np.float32(10 ** (np.interp(asked, volumes, levels_db) / 20))
    elif request.volume is not None:
        mixed *= np.float32(request.volume)
    if truth.start and truth.start.output_lost_ms:
        mixed[: round(truth.start.output_lost_ms / 1000 * truth.output_rate_hz)] = 0
    return np.clip(mixed, -1.0, 1.0)


def take_apart(
    session: Session,
    plays: Sequence[LoadedPlay],
    outside: Float32 | None = None,
    actions: Sequence[ActionAt] = (),
) -> Parts:
    """The sounds at the microphone and the canceller's reference, before any noise."""
    truth, frames = session.truth, raw_frames(session)
    none = np.zeros(0, np.float32)
    played = timeline(session, plays) if plays else none
    echo = _echo(session, played, frames, actions) if plays else np.zeros(frames, np.float32)
    changed = [p for p in paths(session, actions)[1:] if p.cause != LEVEL]
    return Parts(
        far=_reference(session, played) if truth.aec else none,
        echo=echo,
        near=None if outside is None else _near(session, outside, frames),
        restarts_s=tuple(p.sound_s for p in changed),
    )


def processed(session: Session, parts: Parts, *, echo_sign: int = 1, near_sign: int = 1) -> Float32:
    """What the voice processing makes of it, with the microphone's noise; shape (frames,).

    The signs turn the phone's own sound (with the reference) or the others' around.
    """
    spec, truth = session.spec, session.truth
    if parts.echo.size == 0:
        return parts.echo
    rng = np.random.default_rng((*session.seed, 7))
    rate_hz = truth.true_input_rate_hz
    echo = parts.echo if echo_sign > 0 else -parts.echo
    rest = np.zeros_like(echo) if truth.aec else echo.copy()
    if parts.near is not None:
        rest += parts.near if near_sign > 0 else -parts.near
    add_noise(rest, rate_hz, spec.noise, rng)
    if spec.acoustics.mic_clip_dbfs is not None:
        peak = 10 ** (spec.acoustics.mic_clip_dbfs / 20)
        heard = np.clip(echo + rest if truth.aec else rest, -peak, peak)
        echo, rest = (heard - rest, rest) if truth.aec else (echo, heard)
    if truth.aec:
        far = parts.far if echo_sign > 0 else -parts.far
        rest = cancel(spec, truth, (echo, rest, far), parts.restarts_s)
    return improve(spec, truth, rest, cancelled=truth.aec)


def delivered(session: Session, raw: Float32, actions: Sequence[ActionAt] = ()) -> Float32:
    """``raw`` after lost and repeated frames and silences; shape (frames of the recording,)."""
    spec, truth = session.spec, session.truth
    rate_hz = truth.input_rate_hz
    mono = apply_edits(raw, session.edits, round(truth.request.duration_s * rate_hz))
    lost_ms = truth.start.input_lost_ms if truth.start else 0.0
    spans = [(0.0, lost_ms / 1000), *mutes(spec, actions, truth.request.duration_s)]
    spans += [(p.begin_s, p.sound_s) for p in paths(session, actions)]
    for begin_s, end_s in spans:
        mono[round(max(begin_s, 0.0) * rate_hz) : round(max(end_s, 0.0) * rate_hz)] = 0
    return mono


def _echo(session: Session, played: Float32, frames: int, actions: Sequence[ActionAt]) -> Float32:
    """The phone's own sound at its microphone, by each path in its time."""
    spec, truth = session.spec, session.truth
    rate_hz = truth.true_input_rate_hz
    there = paths(session, actions)
    heard = np.zeros(frames, np.float32)
    ways: dict[tuple[float, int], Float32] = {}
    for i, path in enumerate(there):
        first = round(path.begin_s * rate_hz)
        last = round(there[i + 1].begin_s * rate_hz) if i + 1 < len(there) else frames
        if min(last, frames) <= first:
            continue
        way = path.delay_s, path.room
        if way not in ways:
            ways[way] = capture(
                played,
                truth.output_rate_hz,
                frames,
                rate_hz,
                acoustics=_changed(spec.acoustics) if path.room else spec.acoustics,
                timing=session.timing.later(path.delay_s) if path.delay_s else session.timing,
                room_seed=session.room_seed + path.room,
            )
        gain = np.float32(10 ** (path.level_db / 20))
        heard[first:last] = ways[way][first:last] * gain
    return heard


def _changed(acoustics: Acoustics) -> Acoustics:
    """The same transducers in another place."""
    reflections = (*acoustics.reflections, _CHANGED_REFLECTION)
    return acoustics.model_copy(update={"reflections": reflections})


def _near(session: Session, outside: Float32, frames: int) -> Float32:
    """``outside`` at the rate that the microphone really has, shape (frames,)."""
    claimed, true = session.truth.input_rate_hz, session.truth.true_input_rate_hz
    if claimed != true:
        outside = _at_rate(outside, claimed, true)
    near = np.zeros(frames, np.float32)
    near[: outside.size] = outside[:frames]
    return near


def _reference(session: Session, played: Float32) -> Float32:
    """What the canceller is told is played: frame for frame, each on its own clock."""
    truth = session.truth
    far = _at_rate(played, truth.output_rate_hz, truth.input_rate_hz)
    late = round(session.spec.processing.canceller.tap_ms / 1000 * truth.input_rate_hz)
    return np.pad(far, (late, 0)) if late else far


def _at_rate(sound: Float32, from_hz: int, to_hz: int) -> Float32:
    if from_hz == to_hz:
        return sound
    divisor = int(np.gcd(from_hz, to_hz))
    result: Float32 = signal.resample_poly(sound, to_hz // divisor, from_hz // divisor)
    return result


def _converted(session: Session, mono: Float32) -> Samples:
    """As the converter delivers it: clipped, quantised, on every channel."""
    channels = session.truth.request.input_channels
    sample_format = session.spec.streams.sample_format
    np.clip(mono, -1.0, 1.0, out=mono)
    if session.truth.mono_is_stereo:
        mono = np.repeat(mono, 2)[: mono.size]
    samples = np.repeat(mono[:, None], channels, axis=1)
    if channels == 2 and session.spec.streams.channels != "duplicated":
        _second_channel(session, samples)
    if sample_format == "float32":
        return samples
    quantised: npt.NDArray[np.int16]
    quantised = np.clip(np.rint(samples * np.float32(32768)), -32768, 32767).astype(np.int16)
    return quantised


def _second_channel(session: Session, samples: Float32) -> None:
    """Another microphone, or none, in place; shape (frames, 2)."""
    kind = session.spec.streams.channels
    if kind == "first_only" or session.truth.silent:
        samples[:, 1] = 0
        return
    late = round(_SECOND_MIC_S * session.truth.input_rate_hz)
    second = np.zeros_like(samples[:, 0])
    second[late:] = samples[: samples.shape[0] - late, 0]
    second *= np.float32(10 ** (_SECOND_MIC_DB / 20))
    noise = np.random.default_rng((*session.seed, 10)).standard_normal(second.size, np.float32)
    second += noise * np.float32(10 ** (_SECOND_MIC_NOISE_DBFS / 20)) * (samples[:, 0] != 0)
    samples[:, 1] = np.clip(second, -1.0, 1.0)
    if kind == "swapped":
        samples[:] = samples[:, ::-1].copy()
