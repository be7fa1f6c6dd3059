"""Verdicts and machine-readable reasons."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """How a trial or a test ended. Never more than one of these."""

    PASS = "pass"
    MARGINAL = "marginal"
    FAIL = "fail"
    NOT_MEASURABLE = "not_measurable"
    ERROR = "error"
    SKIPPED = "skipped"


# Worst last; a test takes the worst verdict of its parts.
_ORDER = (
    Verdict.SKIPPED,
    Verdict.PASS,
    Verdict.MARGINAL,
    Verdict.NOT_MEASURABLE,
    Verdict.FAIL,
    Verdict.ERROR,
)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of ``verdicts`` (``skipped`` when there are none)."""
    return max(verdicts, key=_ORDER.index, default=Verdict.SKIPPED)


class Reason(StrEnum):
    """Why a verdict is what it is. Stored as text, so values never change meaning."""

    # the recording itself
    UNREADABLE = "unreadable"
    SILENT_CAPTURE = "silent_capture"
    ZERO_RUN = "zero_run"
    LOW_LEVEL = "low_level"
    CLIPPED = "clipped"
    TOO_SHORT = "too_short"
    NON_FINITE = "non_finite"
    # the search for the stimulus
    NO_STIMULUS = "no_stimulus"
    LOW_SNR = "low_snr"
    AMBIGUOUS_PEAK = "ambiguous_peak"
    FEW_CHIRPS = "few_chirps"
    INCONSISTENT_CHIRPS = "inconsistent_chirps"
    IMPLAUSIBLE_DRIFT = "implausible_drift"
    LOW_COHERENCE = "low_coherence"
    NEGATIVE_LATENCY = "negative_latency"
    # a number exists, and this is what to know about it
    NARROW_BAND = "narrow_band"
    TIMELINE_EDITED = "timeline_edited"
    DROPOUTS = "dropouts"
    CLOCK_WANDER = "clock_wander"
    POLARITY_INVERTED = "polarity_inverted"
    LATE_START = "late_start"
    COARSE_ARRIVAL = "coarse_arrival"
    # what the system granted and reported
    RATE_REFUSED = "rate_refused"
    REQUEST_REFUSED = "request_refused"
    GRANTED_DIFFERS = "granted_differs"
    TIMESTAMPS_UNTRUSTED = "timestamps_untrusted"
    NO_TIMESTAMPS = "no_timestamps"
    EMULATOR = "emulator"
    # echo, glitches, sound
    AEC_SUPPRESSED = "aec_suppressed"
    AEC_INEFFECTIVE = "aec_reported_but_ineffective"
    SOFTWARE_EFFECT = "software_effect"
    BASELINE_NOT_OFF = "erle_baseline_not_aec_off"
    BELOW_NOISE = "below_noise"
    ECHO_LEFT = "echo_left"
    FALSE_SPEECH = "false_speech"
    SLOW_CONVERGENCE = "slow_convergence"
    NEAR_END_DAMAGED = "near_end_damaged"
    API_DEPENDENT = "api_dependent"
    ORDER_EFFECT = "order_effect"
    TONE_LOST = "tone_lost"
    GLITCHES = "glitches"
    FEW_MINUTES = "few_minutes"
    NO_SAFE_BUFFER = "no_safe_buffer"
    PITCH_ERROR = "pitch_error"
    CHANNELS_WRONG = "channels_wrong"
    NARROW_VOICE_BAND = "narrow_voice_band"
    LEVEL_OFF = "level_off"
    LEVEL_DROPS = "level_drops"
    SETTLES_SLOWLY = "settles_slowly"
    COLD_START_SLOW = "cold_start_slow"
    INPUT_LOST_AT_START = "input_lost_at_start"
    RATE_ADDS_DELAY = "rate_adds_delay"
    CODEC_SLOW = "codec_slow"
    HEATS_UP = "heats_up"
    CALLBACKS_LATE = "callbacks_late"
    # system events
    AUDIO_GAP = "audio_gap"
    NO_RECOVERY = "no_recovery"
    LATENCY_CHANGED = "latency_changed"
    WRONG_STREAM = "wrong_stream"
    ACTION_FAILED = "action_failed"
    # calls
    NOT_SETTLED = "not_settled"
    NOT_IN_FORCE = "not_in_force"
    CONCEALED = "concealed"
    # what a test would need
    NEEDS_PARTNER = "needs_partner"
    NEEDS_OPERATOR = "needs_operator"
    NEEDS_HEADSET = "needs_headset"
    NEEDS_SECOND_APP = "needs_second_app"
    NEEDS_CALL = "needs_call"
    NEEDS_ADB = "needs_adb"
    NEEDS_REFERENCE = "needs_reference"
    NEEDS_CODER = "needs_coder"
    NOT_ON_THIS_PROBE = "not_on_this_probe"
    PARTNER_LOST = "partner_lost"
    PARTNER_UNHEARD = "partner_unheard"
    FEW_EXCHANGES = "few_exchanges"
    GEOMETRY_UNKNOWN = "geometry_unknown"
    # limits of a test
    LATENCY_HIGH = "latency_high"
    LATENCY_SPREAD = "latency_spread"
    FEW_REPEATS = "few_repeats"
    WANDER_HIGH = "wander_high"
    LATENCY_STEP = "latency_step"
    SKEW_HIGH = "skew_high"
    # the device or the probe
    DEVICE_LOST = "device_lost"
    NOT_AUTHORIZED = "not_authorized"
    NO_USB_PERMISSION = "no_usb_permission"
    DEVICE_LOCKED = "device_locked"
    QUARANTINED = "quarantined"
    UNSUITABLE = "unsuitable"
    NO_USBMUXD = "no_usbmuxd"
    UNTRUSTED = "untrusted"
    NO_DEVELOPER_MODE = "no_developer_mode"
    WDA_MISSING = "wda_missing"
    WDA_EXPIRED = "wda_expired"
    WDA_HUNG = "wda_hung"
    PROBE_MISSING = "probe_missing"
    PROBE_EXPIRED = "probe_expired"
    PORT_CLOSED = "port_closed"
    INSTALL_FAILED = "install_failed"
    DISK_FULL = "disk_full"
    PROBE_CRASHED = "probe_crashed"
    PROBE_BACKGROUND = "probe_background"
    MIC_SILENCED = "mic_silenced"
    DEVICE_TIMEOUT = "device_timeout"
    PROBE_PROTOCOL = "probe_protocol"
    PROBE_VERSION = "probe_version"
    STREAM_LOST = "stream_lost"
    DEVICE_BUSY = "device_busy"
    PERMISSION = "permission"
    BATTERY_LOW = "battery_low"
    DEVICE_HOT = "device_hot"
    STORE_FAILED = "store_failed"
    EVIDENCE_LOST = "evidence_lost"
    CANCELLED = "cancelled"
    INTERNAL_ERROR = "internal_error"
