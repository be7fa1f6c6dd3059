"""Evidence, its middle: the recording drawn, played and given away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import look, source, text
from dashboard.views import evidence_charts as charts
from dashboard.views import evidence_correlation as matching
from dashboard.views import evidence_findings as found
from dashboard.views import evidence_signal as signal
from dashboard.views.marks import Picture
from profiler.errors import EvidenceError
from profiler.model import Recording, StimulusSpec, TrialRecord

KEPT = 6
"""Drawn recordings in memory: up to 12 MB each."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Everything that is made of the samples, so that they need not be kept."""

    sound: signal.Sound
    wave: signal.Envelope
    runs: list[signal.Run]
    spectrum: signal.Spectrogram | None


def show(trial: TrialRecord) -> None:
    """Pictures of the recording, or why there are none."""
    choices = _recordings(trial)
    if not choices:
        _without(trial)
        return
    name, channel = _which(choices)
    recording = choices[name]
    own = name == OWN
    drawn = _drawn(recording, channel)
    if drawn is not None:
        _sound(trial, drawn, own=own)
        if own:
            _matched(trial, drawn)
            _chirps(trial)
            _findings(trial, drawn.sound)
        else:
            _partners_match(trial, drawn)
    elif own:
        _chirps(trial)
        _findings(trial, None)
    _files(recording, drawn, channel)


OWN = "of the device"
PARTNER = "of its partner"


def _recordings(trial: TrialRecord) -> dict[str, Recording]:
    found = {OWN: trial.recording, PARTNER: trial.partner.recording if trial.partner else None}
    return {name: recording for name, recording in found.items() if recording is not None}


def _without(trial: TrialRecord) -> None:
    if trial.setup.codec is None:
        st.info(
            "This trial has no recording: " + (text.md(trial.message, 400) or "none was made") +
            ". What is stored of it is below.",
            icon=":material/mic_off:",
        )  # fmt: skip
    _chirps(trial)
    _findings(trial, None)


def _which(choices: dict[str, Recording]) -> tuple[str, int]:
    names = list(choices)
    most = max(r.channels for r in choices.values())
    if len(names) == 1 and most == 1:
        return names[0], 0
    left, right, _ = st.columns([1, 1, 2])
    name = names[0]
    if len(names) > 1:
        name = left.segmented_control(
            "Recording", names, default=names[0], key="evidence_whose", required=True
        )
    channels = choices[name].channels
    if channels == 1:
        return name, 0
    picked = right.selectbox(
        "Channel", range(channels), format_func=lambda c: f"{c + 1} of {channels}",
        key="evidence_channel",
    )  # fmt: skip
    return name, picked


def _drawn(recording: Recording, channel: int) -> Drawn | None:
    """``None``, with the reason shown, for a file that is missing, damaged or too large."""
    if recording.frames * recording.channels > signal.MAX_SAMPLES:
        st.info(
            f"This recording holds {recording.frames:,} frames of "
            f"{text.plural(recording.channels, 'channel')}: too much to draw. Download it below; "
            "its stored numbers are shown.",
            icon=":material/unfold_more:",
        )
        return None
    try:
        return _draw(recording, channel)
    except EvidenceError as exc:
        st.warning(
            f"**The recording cannot be shown:** {text.md(exc.message, 400)}\n\n"
            f"{text.md(exc.hint, 300)}. The stored numbers below remain.",
            icon=":material/broken_image:",
        )
        return None


@st.cache_resource(max_entries=KEPT, show_spinner="Reading the recording …")
def _draw(recording: Recording, channel: int) -> Drawn:
    """Kept by the recording's own hash. Answers are shared and never changed."""
    audio = source.evidence().load(recording)
    sound = signal.channel_of(audio, channel)
    return Drawn(
        sound, signal.envelope(sound), signal.runs(audio, sound), signal.spectrogram(sound)
    )


def _sound(trial: TrialRecord, drawn: Drawn, *, own: bool) -> None:
    sound = drawn.sound
    if not sound.samples.size:
        st.warning("The recording is empty.", icon=":material/mic_off:")
        return
    if sound.non_finite:
        st.warning(
            f"NaN or Inf in {text.plural(sound.non_finite, 'sample')} of this channel: drawn and "
            "played as 0. The file keeps them.",
            icon=":material/error:",
        )
    dropouts = trial.estimate.dropouts if own and trial.estimate else ()
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Waveform**")
        _chart(charts.waveform(drawn.wave, drawn.runs, sound.duration_s, dropouts))
        clipped = sum(r.kind == "clipped" for r in drawn.runs)
        zeros = len(drawn.runs) - clipped
        words = [f"{text.plural(clipped, 'clipped place')}"] if clipped else []
        words += [text.plural(zeros, "run of zeros", "runs of zeros")] if zeros else []
        peak = max(abs(float(drawn.wave.high.max())), abs(float(drawn.wave.low.min())))
        st.caption(
            f"{look.number(sound.duration_s, 2)} s at {look.rate(sound.rate_hz)}, peak "
            f"{peak:.3f} of full scale; {', '.join(words) or 'nothing clipped, no run of zeros'}."
        )
    with right:
        st.markdown("**Spectrogram**")
        if drawn.spectrum is None:
            silent = not sound.samples.any()
            st.info(
                "Nothing but zeros: there is no spectrogram." if silent
                else "The recording is too short for a spectrogram."
            )  # fmt: skip
        else:
            _chart(charts.spectrogram_chart(drawn.spectrum))
            st.caption(charts.spectrogram_words(drawn.spectrum))


def _matched(trial: TrialRecord, drawn: Drawn) -> None:
    """The matched filter of a trial of chirps; exchanges show where trains are heard."""
    spec, estimate = trial.stimulus, trial.estimate
    if not isinstance(spec, StimulusSpec) or not trial.setup.at_s:
        return
    if trial.setup.analysis == "exchange":
        _trains(drawn.sound, spec, trial.setup.at_s, "own train begins")
        return
    latency = None
    if estimate is not None:
        latency = estimate.round_trip_latency_ms or estimate.candidate_latency_ms
    around = latency
    if latency is not None and st.toggle(
        "All lags up to 2.2 s", key="evidence_lags", help="Shows rivals far from the arrival, too."
    ):
        around = None
    match = matching.correlation(
        drawn.sound, spec, trial.setup.at_s,
        drift_ppm=(estimate.drift_ppm or 0.0) if estimate else 0.0, around_ms=around,
    )  # fmt: skip
    st.markdown("**Correlation with what was played**")
    if match is None:
        st.info("The recording is too short, or silent: there is nothing to correlate.")
        return
    _chart(charts.correlation_chart(match, estimate))
    st.caption(
        f"Matched filter with one rendered chirp, power averaged over "
        f"{text.plural(match.chirps, 'place')} where the train puts one, clock error taken out. "
        "The estimate marks the onset of the direct sound, not the loudest peak: reflections come "
        f"later. Chance gives about {look.number(match.floor_db, 0)} dB."
        + (" Jumps of the timeline make a peak each." if estimate and estimate.jumps else "")
    )


def _partners_match(trial: TrialRecord, drawn: Drawn) -> None:
    part = trial.setup.partner
    if part is not None and isinstance(part.stimulus, StimulusSpec):
        _trains(drawn.sound, part.stimulus, part.at_s, "partner's own train begins")


def _trains(sound: signal.Sound, spec: StimulusSpec, at_s: tuple[float, ...], name: str) -> None:
    heard = matching.heard(sound, spec)
    st.markdown("**Where chirps are heard**")
    if heard is None:
        st.info("The recording is too short, or silent.")
        return
    plays = [a + spec.starts_s[0] for a in at_s]
    _chart(charts.heard_chart(heard, plays, name))
    st.caption(
        "Match of the recording with one chirp. Dashed: this device plays a train of its own; "
        "peaks elsewhere are the other device's trains and reflections."
    )


def _chirps(trial: TrialRecord) -> None:
    chart = charts.per_chirp(trial.estimate) if trial.estimate else None
    if chart is None or trial.estimate is None:
        return
    e = trial.estimate
    st.markdown("**Latency of each chirp**")
    _chart(chart)
    at_0 = look.with_uncertainty(e.round_trip_latency_ms, e.uncertainty_us)
    st.caption(
        f"Dashed: the stored line, {at_0} at t = 0 with a drift of "
        f"{look.number(e.drift_ppm, 2, 'ppm')}; band = its 95 %. "
        f"{text.plural(len(e.jumps), 'jump')}, {text.plural(len(e.dropouts), 'dropout')}."
    )


def _findings(trial: TrialRecord, sound: signal.Sound | None) -> None:
    if trial.findings is None:
        if trial.estimate is None and trial.setup.analysis != "latency":
            st.info("The analysis of this trial left no findings: see the verdict above.")
        return
    if trial.estimate is None and trial.setup.analysis not in ("exchange", "pitch"):
        st.caption("This trial plays no train of chirps, so there is no correlation with one.")
    for shown in found.pictures(trial.findings, trial.stimulus, sound):
        st.markdown(f"**{text.md(shown.title, 200)}**")
        if shown.chart is not None:
            _chart(shown.chart)
        st.caption(text.md(shown.note, 900))


def _chart(made: Picture) -> None:
    st.vega_lite_chart(dict(made.spec))


def _files(recording: Recording, drawn: Drawn | None, channel: int) -> None:
    """What can be heard and taken along."""
    left, right = st.columns([2, 1], gap="large")
    with left:
        if drawn is not None:
            _players(drawn.sound, channel, recording.channels)
    with right:
        _download(recording)


def _players(sound: signal.Sound, channel: int, channels: int) -> None:
    both: list[tuple[str, signal.Playable | None]] = [
        ("Louder copy", signal.playable(sound, normalised=True)),
        ("Original level", signal.playable(sound, normalised=False)),
    ]
    if both[0][1] is None:
        st.caption("The recording is digital silence: there is nothing to play.")
        return
    for place, (name, made) in zip(st.columns(2), both, strict=True):
        if made is None:
            continue
        gain = f", {made.gain_db:+.1f} dB" if made.gain_db else ""
        cut = f", its first {signal.MAX_PLAY_S:.0f} s" if made.cut else ""
        of = f", channel {channel + 1}" if channels > 1 else ""
        with place:
            st.caption(f"{name}{gain}{of}{cut} (16 bit)")
            st.audio(made.wav, format="audio/wav")


def _download(recording: Recording) -> None:
    try:
        path = source.evidence().path(recording)
        there = path.is_file()
    except (EvidenceError, OSError):
        there = False
    if not there:
        st.caption("The evidence file is not there: nothing can be downloaded.")
        return

    def content() -> Any:
        return path.read_bytes()

    suffix = path.suffix
    st.download_button(
        f"The evidence file ({recording.size_bytes / 1e6:.1f} MB, {suffix[1:].upper()})",
        content,
        text.file_name(f"evidence-{recording.sha256[:16]}", suffix),
        "audio/flac" if suffix == ".flac" else "audio/wav",
        icon=":material/download:",
        on_click="ignore",
        key="evidence_file",
    )
    st.caption(
        f"Lossless, {recording.sample_format}, {text.plural(recording.channels, 'channel')}; "
        f"SHA-256 {recording.sha256[:16]}…"
    )
