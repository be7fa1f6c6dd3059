"""The one table of thresholds. Each says where it comes from, or that it is a proposal.

A proposal is to be tuned on the first ten real phones (CATALOGUE, tag [prop]).
"""

from __future__ import annotations

from dataclasses import dataclass

from profiler.model import Reason

PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True)
class Limit:
    """Pass and fail limit of one quantity, with where they come from."""

    test_id: str
    quantity: str
    unit: str
    pass_limit: float
    fail_limit: float
    pass_source: str
    fail_source: str
    reason: Reason
    """Said when the value does not pass."""
    pass_includes: bool = True
    """Whether a value equal to ``pass_limit`` passes."""
    fail_includes: bool = False
    """Whether a value equal to ``fail_limit`` fails."""
    larger_is_better: bool = False


_LATENCY = (
    Limit(
        "L1", "rtl_ms", "ms", 50.0, 120.0,
        "CDD 5.6 strongly recommended", PROPOSAL, Reason.LATENCY_HIGH,
    ),
    Limit(
        "L1", "rtl_mad_ms", "ms", 5.0, 10.0,
        PROPOSAL, "CDD 14 (third-party note)", Reason.LATENCY_SPREAD,
    ),
    Limit(
        "L2", "rtl_ms", "ms", 100.0, 200.0,
        "proposal (a whole turn has 232 to 320 ms)", PROPOSAL, Reason.LATENCY_HIGH,
    ),
    Limit(
        "L3", "reported_diff_ms", "ms", 2.0, 30.0,
        "CDD 10/11 C-1-1, C-3-1", "CTS TIMESTAMP_ACCURACY_MS", Reason.TIMESTAMPS_UNTRUSTED,
    ),
    Limit("L4", "wander_pp_ms", "ms", 10.0, 40.0, PROPOSAL, PROPOSAL, Reason.WANDER_HIGH),
    Limit(
        "L5", "skew_ppm", "ppm", 50.0, 200.0,
        "3GPP TS 26.131 (send)", PROPOSAL, Reason.SKEW_HIGH, pass_includes=False,
    ),
    Limit(
        "L6", "cold_start_ms", "ms", 200.0, 500.0,
        "CDD 5.10 pro audio", "CDD 5.6 MUST", Reason.COLD_START_SLOW,
    ),
    Limit(
        "L6", "input_lost_ms", "ms", 50.0, 500.0,
        "proposal (a syllable)", "CDD 5.6 MUST (cold input)", Reason.INPUT_LOST_AT_START,
    ),
    Limit(
        "L7", "added_ms", "ms", 10.0, 100.0,
        PROPOSAL, "proposal (180 to 250 ms seen, oboe PR#2021)", Reason.RATE_ADDS_DELAY,
    ),
    Limit(
        "L7", "pitch_error_percent", "%", 0.02, 0.1,
        "proposal (420 ppm is no clock)", PROPOSAL, Reason.PITCH_ERROR,
        pass_includes=False, fail_includes=True,
    ),
    Limit(
        "L7", "zero_run_ms", "ms", 20.0, 100.0,
        PROPOSAL, PROPOSAL, Reason.ZERO_RUN, pass_includes=False, fail_includes=True,
    ),
)  # fmt: skip

_ECHO = (
    Limit(
        "A1", "erle_db", "dB", 30.0, 15.0,
        "proposal (yardstick: 46 dB terminal echo loss, 3GPP TS 26.132 8.7.1)", PROPOSAL,
        Reason.ECHO_LEFT, larger_is_better=True,
    ),
    Limit(
        "A1", "voice_per_min", "1/min", 0.0, 1.0, PROPOSAL, PROPOSAL, Reason.FALSE_SPEECH,
    ),
    Limit(
        "A2", "erle_db", "dB", 15.0, 6.0,
        "A1's fail limit", PROPOSAL, Reason.AEC_INEFFECTIVE, larger_is_better=True,
    ),
    Limit(
        "A3", "attenuation_db", "dB", 3.0, 10.0,
        PROPOSAL, "proposal (3GPP TS 26.132 only asks to classify)", Reason.NEAR_END_DAMAGED,
    ),
    Limit(
        "A4", "convergence_s", "s", 1.0, 5.0,
        PROPOSAL, "proposal (5 to 10 s seen, swift-realtime-openai#24)", Reason.SLOW_CONVERGENCE,
    ),
    Limit(
        "A5", "reconvergence_s", "s", 2.0, 5.0,
        "proposal (AEC3 needs about 3 s after an 80 to 230 ms jump, measured)", PROPOSAL,
        Reason.SLOW_CONVERGENCE,
    ),
    Limit(
        "A6", "below_best_db", "dB", 3.0, 10.0, PROPOSAL, PROPOSAL, Reason.API_DEPENDENT,
    ),
    Limit(
        "A7", "order_db", "dB", 3.0, 10.0, PROPOSAL, PROPOSAL, Reason.ORDER_EFFECT,
    ),
    Limit(
        "A8", "false_turns", "1", 0.0, 1.0, PROPOSAL, PROPOSAL, Reason.FALSE_SPEECH,
    ),
    Limit(
        "A9", "margin_db", "dB", 0.5, 0.0,
        "what the method errs by beside what noise hides (measured: docs/echo.md)",
        "the detector takes the echo for a turn", Reason.FALSE_SPEECH, larger_is_better=True,
    ),
)  # fmt: skip

_CAPTURE = (
    Limit(
        "D1", "zero_run_ms", "ms", 20.0, 100.0,
        PROPOSAL, PROPOSAL, Reason.ZERO_RUN, pass_includes=False, fail_includes=True,
    ),
    Limit(
        "G1", "glitches_per_min", "1/min", 0.5, 6.0,
        "proposal (F1 of the buffer rule; music 0.1)", PROPOSAL, Reason.GLITCHES,
    ),
    Limit("G2", "glitches_per_min", "1/min", 0.0, 1.0, PROPOSAL, PROPOSAL, Reason.GLITCHES),
    Limit("G3", "glitches_per_min", "1/min", 0.0, 1.0, PROPOSAL, PROPOSAL, Reason.GLITCHES),
    Limit(
        "G3", "callback_ratio", "1", 2.0, 5.0,
        PROPOSAL, "proposal (5x seen, oboe#1465)", Reason.CALLBACKS_LATE,
    ),
    Limit("G4", "glitch_step_per_min", "1/min", 0.5, 2.0, PROPOSAL, PROPOSAL, Reason.HEATS_UP),
    Limit(
        "G4", "latency_step_ms", "ms", 5.0, 20.0,
        "proposal (L4's step)", PROPOSAL, Reason.HEATS_UP,
    ),
    Limit(
        "G5", "p99_ms", "ms", 5.0, 10.0,
        "proposal (per 20 ms frame)", PROPOSAL, Reason.CODEC_SLOW,
    ),
)  # fmt: skip

_SOUND = (
    Limit(
        "V1", "off_median_db", "dB", 6.0, 10.0,
        "proposal (-30 to -18 dBFS around a median)", PROPOSAL, Reason.LEVEL_OFF,
    ),
    Limit(
        "V2", "level_drop_db", "dB", 6.0, 12.0,
        PROPOSAL, "proposal (a drop to 25 % seen, expo#19220)", Reason.LEVEL_DROPS,
    ),
    Limit("V3", "settle_s", "s", 1.0, 3.0, PROPOSAL, PROPOSAL, Reason.SETTLES_SLOWLY),
    Limit(
        "V4", "clipped_percent", "%", 0.1, 1.0,
        PROPOSAL, PROPOSAL, Reason.CLIPPED, pass_includes=False,
    ),
    Limit(
        "V5", "edge_hi_hz", "Hz", 7000.0, 4000.0,
        "proposal (wideband speech reaches 7 kHz, ITU-T G.722)", PROPOSAL,
        Reason.NARROW_VOICE_BAND, larger_is_better=True,
    ),
    Limit(
        "V6", "attenuation_db", "dB", 3.0, 10.0,
        "A3's limit", "A3's limit", Reason.NEAR_END_DAMAGED,
    ),
)  # fmt: skip

_SYSTEM = (
    Limit(
        "R1", "gap_s", "s", 1.0, 1.5,
        PROPOSAL, "CTS setCommunicationDevice MUST 1500 ms", Reason.AUDIO_GAP,
    ),
    Limit("R2", "resume_s", "s", 3.0, 10.0, PROPOSAL, PROPOSAL, Reason.NO_RECOVERY),
    Limit(
        "K1", "zero_run_ms", "ms", 20.0, 1000.0,
        "D1's limit", "proposal (a stop 1 min after the lock seen)", Reason.ZERO_RUN,
        pass_includes=False,
    ),
    Limit("B2", "silence_s", "s", 1.0, 2.0, PROPOSAL, PROPOSAL, Reason.COLD_START_SLOW),
)  # fmt: skip

_WEB = (
    Limit(
        "W1", "call_ms", "ms", 150.0, 400.0,
        "ITU-T G.114: most users are satisfied up to here, of the whole way",
        "ITU-T G.114: no more than this in planning", Reason.LATENCY_HIGH,
    ),
    Limit("W1", "call_mad_ms", "ms", 10.0, 40.0, PROPOSAL, PROPOSAL, Reason.LATENCY_SPREAD),
    Limit("W1", "settle_s", "s", 5.0, 15.0, PROPOSAL, PROPOSAL, Reason.SETTLES_SLOWLY),
    Limit("W1", "concealed_percent", "%", 1.0, 10.0, PROPOSAL, PROPOSAL, Reason.CONCEALED),
)  # fmt: skip

LIMITS: dict[tuple[str, str], Limit] = {
    (row.test_id, row.quantity): row
    for rows in (_LATENCY, _ECHO, _CAPTURE, _SOUND, _SYSTEM, _WEB)
    for row in rows
}
"""Every threshold of the catalogue, by test and quantity."""

TURN_DBFS = -60.0
"""A9: from here on the voice detector takes speech for a turn; margins count from here."""
HIDDEN_DB = 1.5
"""A9: the most that is kept off a margin for what noise hides, and what is where nobody knows it.
With the limit that makes 2 dB: where they were asked of every volume, nothing unsafe was called
safe on 180 virtual phones (docs/echo.md)."""
CONVERGED_DB = 6.0
"""A canceller has converged within this of its final attenuation (CATALOGUE A4)."""
ERLE_ERROR_DB = 0.5
"""What two levels' difference may be off by beside their own bounds (measured: docs/echo.md)."""
ECHO_LOSS_DB = 46.0
"""Attenuation beyond which nobody asks for more (3GPP TS 26.132 8.7.1, single talk)."""
CONVERGENCE_ERROR_S = 0.25
"""What a convergence time may be off by (measured: docs/echo.md)."""
BASELINE_DROP_DB = 10.0
"""Echo so much below that of the raw path, with the canceller "off": it is not off (proposal;
speakers differ by up to 6 dB between modes, V2)."""
ORDER_NOISE_DB = 3.0
"""Echoes below the noise are alike within this (A7's pass limit)."""
AOSP_EFFECTS = {
    "bb392ec0-8d4d-11e0-a896-0002a5d5c51b": "AOSP software echo canceller",
    "c06c8400-8e06-11e0-9cb6-0002a5d5c51b": "AOSP software noise suppressor",
}
"""libwebrtc takes these for no hardware effect (WebRtcAudioEffects.java)."""
WANDER_NOTE_MS = 25.0
"""L4's note level inside the marginal band (proposal: 21 ms was seen on a Pixel 6a)."""
STEP_MS = 5.0
"""L4 lists every step larger than this (proposal)."""
BUFFER_EVIDENCE = 2.0
"""A buffer counts as clean when the next smaller one would have glitched this often in the clean
time of it and larger ones: then no glitch at all is unlikely (exp(-2), proposal)."""
CODER_SHARE = 0.1
"""Share of a frame that 95 % of the frames may be coded in (RECOMMEND F11)."""
LATE_SHARE = 0.5
"""D1 says so when a microphone wakes up later than after this share of the recording (proposal);
how late a microphone begins is L6's question."""
STAMP_JITTER_MS = 1.0
"""Timestamps that scatter more than this about their line are none (CDD 9: within 1 ms)."""
STAMP_RATE_ERROR = 0.01
"""A line of frames against time so much steeper or flatter is no clock's (proposal)."""
AGC_SETTLED_DB = 3.0
"""Gain within this of its final value has settled (V3, proposal)."""
SAME_LEVEL_DB = 1.0
"""R4: two steps of a volume key that change less are not heard (proposal; a step is 2 to 6 dB)."""
INTERLEAVED_PITCH, MERGED_PITCH = 0.5, 2.0
"""D2: pitch of a mono stream that holds two channels, and of a stereo stream that holds one
(arithmetic: twice, or half, as many samples as frames)."""
SAME_PITCH = 0.01
"""D2: pitches within this share of each other are one (proposal; clocks differ by less than 0.05 %,
usual rates by 9 % or more)."""
DEAD_CHANNEL_DB = 40.0
"""D2: a channel so far below the other holds a converter's noise or crosstalk, no microphone
(proposal; two microphones of one phone differ by a few dB)."""
TREND_LATENCIES = 3
"""G4 claims no trend with fewer latencies in the first or the last third (proposal; with three and
three, all of the last lie above all of the first once in 20 times by chance)."""
TREND_CHANCE = 0.05
"""G4: a rise that chance would give this often or more is not of the heat (rule 2: 95 %)."""
