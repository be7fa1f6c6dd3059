"""Thresholds of the rules, each with its source."""

from __future__ import annotations

from profiler.model import UseCase

GLITCHES_PER_MIN = {UseCase.VOICE_AGENT: 0.5, UseCase.CALL: 0.5, UseCase.MUSIC: 0.1}
"""F1's target for the upper bound (proposal; 6 and 30 min without an event prove them)."""
MIN_BURSTS = 2
"""F1: where Oboe's LatencyTuner starts (kDefaultNumBursts)."""
CAUTIOUS_BURSTS = 4
CAUTIOUS_BUFFER_MS = 20.0
"""An unmeasured buffer: twice Oboe's start, and two of WebRTC's blocks (proposal)."""
SPARE_BURSTS = 2
"""Above a size that glitched on an idle phone (G3 tries 2 and 4)."""
MAX_BURSTS = 8
"""Largest size G1 tries."""
BLOCK_MS = 10.0
"""F2: WebRTC consumes blocks of 10 ms."""

MIN_GAIN_MS = 5.0
"""An API or a mode is changed for no less (L4's step limit)."""
MODE_GAIN_MS = 20.0
"""What two opens may differ by where L1 did not see it: several bursts (proposal)."""
SILENT_MS = 100.0
"""A longest run of zeros that D1 fails."""
PITCH_PERCENT = 0.1
"""A rate whose pitch is off by more is wrong (L7's fail limit)."""
RATE_COST_MS = 20.0
"""A rate that adds more delay than this comes last (a frame)."""
CHANNEL_PITCH_RATIO = 1.05
"""D2: farther from 1 the stream holds another number of channels than it says."""

ERLE_GOOD_DB = 30.0
ERLE_BAD_DB = 15.0
"""A1's pass and fail limits."""
ERLE_NOTHING_DB = 6.0
"""A2: a canceller that removes less does nothing."""
ORDER_DB = 3.0
"""A7's pass limit."""
NEAR_END_DB = 10.0
"""A3's and V6's fail limit: the voice is damaged."""
AEC3_FILTERS = 5
AEC3_ALIGNS_MS = 480.0
"""AEC3 with its 5 filters cancels 34 to 49 dB up to here and fails at 600 ms (measured)."""
AEC3_HINT_MAX_MS = 500
"""The hint is clamped there (audio_processing_impl.cc)."""
ROOM_TAIL_MS = 60.0
"""Echo path of a hand-held phone's room (proposal; AEC3 spans 52 ms)."""
CAUTIOUS_TAIL_MS = 200
"""PJSUA's default ec_tail_len."""
CAUTIOUS_HOLDOFF_MS = 1000
"""A4's pass limit."""
CAUTIOUS_VOLUME = 0.25
"""Assistants hear themselves above 25 to 30 % volume (livekit/agents#315)."""
WANTED_MARGIN_DB = 6.0
"""What the turn detector should have to spare (proposal: the method errs by up to 1.6 dB, and
another room is louder)."""
MAX_OFFSET_DB = 12.0
"""A detector made less sensitive than this misses people (proposal)."""
CLIPPED_PERCENT = 1.0
"""V4's fail limit."""
CLIPPING_VOLUME = 0.75

FEC_FROM_PERCENT = 1.0
FEC_UNTIL_PERCENT = 20.0
"""F12 (proposal)."""
LOSSY_PERCENT = 5.0
"""From here on more bits are spent on the copy that FEC carries (proposal)."""
VOICE_BPS = 32_000
"""libwebrtc's own for full band; at 10 % loss and C5 16, 24 and 32 kbps gave PESQ 1.67, 2.25 and
2.59 (libopus 1.3.1, one seed)."""
LOSSY_BPS = 48_000
MUSIC_BPS = 128_000
LEAST_BPS = 16_000
"""Below, in-band FEC carries nothing (RFC 6716: SILK and hybrid need 16 to 24 kbps)."""
LONG_FRAME_MS = 60
SHORT_FRAME_MS = 10
TIGHT_MS = 150.0
"""F14's tight budget: G.114's good value."""
CODEC_SHARE = 0.1
"""F11: coding may take this share of a frame."""
COMPLEXITY = 5
"""libwebrtc on phones; C0 loses 0.96 PESQ against it, so it is left only under need (F11)."""
CODEC_LAST_SHARE = 0.5
"""Above it coding at C5 endangers the frame itself (proposal)."""
NARROW_EDGE_HZ = 8_000.0
"""A path that ends below needs no full band (ITU-T G.722: wideband is 7 kHz)."""
MAX_DRED_MS = 1_000

JITTER_MAX_MS = {UseCase.VOICE_AGENT: 100, UseCase.CALL: 200, UseCase.MUSIC: 60}
"""Starting points (proposal)."""
BUDGET_MS = {UseCase.VOICE_AGENT: 320.0, UseCase.CALL: 400.0, UseCase.MUSIC: 150.0}
"""F15's budget: the mean answer of GPT-4o, G.114's limit, and G.114's good value."""
BUDGET_STEP_MS = 40
"""F15's ceilings: finer ones change nothing that is heard."""
JITTER_STEP_MS = 20
"""NetEq's bucket."""
LATE_SHARE = 0.005
"""Packets that are too late are lost: so much more than without a ceiling is accepted, half of
the loss that F12 does not mind."""

COLD_START_MS = 200.0
"""L6: a start below it needs no warm streams (CDD 5.6: cold output and input at most 200 ms)."""
KEEP_WARM_S = 30
"""Proved long enough for a headset (EnviousWispr#1434)."""
PREROLL_MS = 300
"""Prefix that OpenAI Realtime keeps by default."""
SKEW_PPM = 50.0
"""3GPP TS 26.131: clocks are within 50 ppm."""
PPM_PER_MS_PER_MIN = 1000.0 / 60.0
VAD_STOP_MS = 200
"""Pipecat's default; each ms more is a ms of every answer."""
VAD_THRESHOLD = 0.5
VAD_THRESHOLD_ECHO = 0.7
"""OpenAI Realtime's default, and a deafer one where echo is left (proposal)."""
