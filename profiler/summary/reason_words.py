"""Every reason of a verdict in plain words: those of docs/reasons.md (a test holds them equal)."""

from __future__ import annotations

from collections.abc import Mapping

REASON_WORDS: Mapping[str, str] = {
    "silent_capture": "the recording is digital silence: this configuration's microphone is dead",
    "zero_run": "exact zeros for longer than the limit inside a recording",
    "low_level": "too quiet for the number to be trusted",
    "clipped": "more than 0.1 % of the samples sit in flat tops: lower the volume or the gain",
    "too_short": "the recording cannot hold four chirps",
    "non_finite": "the probe sent NaN or Inf",
    "no_stimulus": (
        "the chirps were not found: wrong stimulus, muted speaker, echo canceller, wrong channel"
    ),
    "low_snr": (
        "chirps were found, but chance could explain them, or their arrival does not stand "
        "out of the noise"
    ),
    "ambiguous_peak": (
        "another position fits nearly as well: a neighbour's train, a jump too large to "
        "follow, or in noise a sound before the one taken for the direct path"
    ),
    "few_chirps": "fewer of the chirps than usual agree",
    "inconsistent_chirps": "the chirps found do not lie on one line of latency against time",
    "low_coherence": "the chirps found are not alike",
    "implausible_drift": "the clock error would be above 420 ppm",
    "negative_latency": (
        "the sound would come before it was played: recording and stimulus are not aligned"
    ),
    "narrow_band": "less than 5 kHz carried the arrival (a note; the uncertainty is larger)",
    "polarity_inverted": "the path turns the wave over (a note)",
    "timeline_edited": "frames were lost, inserted or repeated: see dropouts and jumps",
    "dropouts": "the stimulus is missing for a while",
    "clock_wander": "the latency wanders about its line: a resampler at work",
    "late_start": "the capture delivered zeros when the first chirp should have arrived",
    "coarse_arrival": "noise did not allow a first arrival; the strongest was taken",
    "rate_refused": "the device does not open at this sample rate",
    "request_refused": "the device does not open this configuration",
    "granted_differs": "the system granted something else than was requested",
    "timestamps_untrusted": (
        "the latency the system reports, or the one its timestamps give, is not the one that "
        "was measured; or the timestamps are stuck, scatter or are missing"
    ),
    "no_timestamps": "the system reports no latency",
    "emulator": "an emulator's audio says nothing about a phone",
    "latency_high": "above the limit of the test",
    "latency_spread": (
        "the latency differs too much from stream open to stream open; in G4, to tell a step "
        "from chance"
    ),
    "few_repeats": (
        "fewer opens were measured than a claim needs: five for a latency, three in each "
        "third of G4"
    ),
    "wander_high": "the latency wanders more than the limit within a minute",
    "latency_step": "the latency stepped during the recording",
    "skew_high": "input and output clocks differ more than the limit",
    "device_lost": "the device went away and did not come back",
    "device_timeout": "the device did not answer within its deadline",
    "not_authorized": (
        "the phone asks whether this computer may debug it: accept the dialog on its screen"
    ),
    "no_usb_permission": (
        "this computer may not open the USB device: add the udev rule that the message names"
    ),
    "device_locked": "the screen is locked with a PIN, pattern or password: unlock it",
    "quarantined": (
        "it failed three times in a row and rests; devices --release SERIAL after looking at it"
    ),
    "unsuitable": (
        "a browser that cannot measure as it is: no AudioWorklet, no microphone, or an "
        "address it does not trust (docs/web.md)"
    ),
    "no_usbmuxd": (
        "no usbmuxd answers on this computer: install and start it, then plug the iPhone in again"
    ),
    "untrusted": (
        "the iPhone does not trust this computer: unlock it and accept “Trust This Computer?”"
    ),
    "no_developer_mode": (
        "Developer Mode is off: Settings → Privacy & Security → Developer Mode, then restart "
        "the iPhone"
    ),
    "wda_missing": (
        "WebDriverAgent does not run on the iPhone: start it, or open the probe app by hand"
    ),
    "wda_expired": (
        "the signature of WebDriverAgent is over (a free team's lasts 7 days, a paid one's a "
        "year): sign and install it again"
    ),
    "wda_hung": (
        "WebDriverAgent takes connections and does not answer: end it and start it again, "
        "then restart the iPhone"
    ),
    "probe_missing": "the probe app is not on the iPhone: build and install it (docs/ios.md)",
    "probe_expired": (
        "the iPhone does not start the probe app: its signature is over, or its developer is "
        "not trusted on the phone yet"
    ),
    "port_closed": "the probe app is not open on the phone's screen: its port is closed or silent",
    "install_failed": (
        "the phone refused the probe; the message names its own word for it and the remedy"
    ),
    "disk_full": "the phone has no room for the probe",
    "probe_crashed": "the probe's process ended during the trial",
    "probe_background": (
        "another app came in front of the probe, and the system then feeds it silence"
    ),
    "mic_silenced": (
        "the system fed zeros to the probe: another app records, or the microphone switch is off"
    ),
    "stream_lost": "the audio stream ended by itself",
    "device_busy": "another program holds the microphone or the speaker",
    "permission": "the microphone may not be used",
    "battery_low": "a gate of the plan paused the run",
    "device_hot": "a gate of the plan paused the run",
    "probe_protocol": "the probe answered against the contract, or speaks another version",
    "probe_version": "the probe answered against the contract, or speaks another version",
    "store_failed": "the result or its recording could not be stored",
    "evidence_lost": "the result or its recording could not be stored",
    "unreadable": "the file could not be read",
    "cancelled": "stopped by the user; run --resume goes on",
    "internal_error": "a fault of chirpbench: please report it",
    "aec_suppressed": (
        "the echo canceller removed the stimulus: one device alone cannot measure here, add a "
        "partner"
    ),
    "aec_reported_but_ineffective": (
        "the system says the echo canceller is on, and the echo is still there"
    ),
    "software_effect": (
        "the platform's echo canceller is AOSP's software one, which WebRTC does not count as "
        "one (a note)"
    ),
    "erle_baseline_not_aec_off": (
        "the phone does not let its canceller go, or (V6) does not say that it did: the "
        "baseline is another preset (A tests), or the sound the phone plays to itself may "
        "have been taken (V2, V6); the verdict is at most marginal"
    ),
    "below_noise": "what is left lies below the noise: only a bound is known (a note)",
    "echo_left": "the echo canceller leaves more echo than the limit",
    "false_speech": "a voice activity detector takes what is left of the echo for speech",
    "slow_convergence": "the canceller needs longer than the limit",
    "near_end_damaged": "the canceller or the suppressor takes away near-end speech",
    "api_dependent": "another API of the same phone cancels much better",
    "order_effect": "the result depends on what the process did before",
    "tone_lost": "the tone was not there long enough to count glitches in it",
    "glitches": "the signal has glitches",
    "few_minutes": (
        "not watched for long enough, or too few glitches, to prove the limit (rule of "
        "three), or a rise (G4)"
    ),
    "no_safe_buffer": "no buffer that was tried is free of glitches",
    "pitch_error": "the tone comes back at another pitch: a wrong rate in the path",
    "channels_wrong": (
        "a channel is dead, or a stream holds another number of channels than it says"
    ),
    "narrow_voice_band": "the path does not carry wideband speech",
    "level_off": "the level is far from where it belongs",
    "level_drops": "one mode is much quieter than another",
    "settles_slowly": (
        "the gain, or the jitter buffer of a call, needs longer than the limit to settle"
    ),
    "cold_start_slow": "the first sound comes later than the limit",
    "input_lost_at_start": "the first part of the input is lost (a note)",
    "rate_adds_delay": "this rate is resampled with a delay",
    "codec_slow": "coding and decoding a frame takes too long at the pace of a call",
    "heats_up": "glitches or latency grow with heat",
    "callbacks_late": "callbacks come later when nobody touches the phone",
    "audio_gap": "the sound was away for longer than the limit",
    "no_recovery": "the sound did not come back",
    "latency_changed": "the latency is another one afterwards (a note)",
    "wrong_stream": "the volume keys move another stream than the call's",
    "action_failed": "what was to be done to the phone during the trial could not be done",
    "not_settled": (
        "the jitter buffer of a call did not come to rest within the recording: look at the "
        "machine's load"
    ),
    "not_in_force": (
        "an option of a call was asked for and agreed on, and the stack's own statistics do "
        "not show it at work"
    ),
    "concealed": (
        "more of the sound than the limit was made up by the jitter buffer, because packets "
        "were late"
    ),
    "needs_partner": (
        "the test needs a partner in the same zone: the bench's sound interface or another phone"
    ),
    "needs_operator": "the test needs somebody at the bench (operator = true)",
    "needs_headset": "the test needs a Bluetooth headset",
    "needs_second_app": "the test needs a second recording app on the phone",
    "needs_call": "the test needs a second phone that calls",
    "needs_adb": "the test needs adb",
    "needs_reference": "the test needs a calibrated reference loudspeaker and microphone",
    "needs_coder": "the probe has no speech coder to ask",
    "not_on_this_probe": "this kind of probe cannot do it",
    "partner_lost": (
        "the partner of the exchange could not do its part; run --resume tries it again"
    ),
    "partner_unheard": "the two devices did not hear each other's trains",
    "few_exchanges": "too few undisturbed pairs of trains for a number",
    "geometry_unknown": (
        "the distance to the partner is not known, and the effects cannot be turned off to "
        "measure it: give partner_distance_m"
    ),
}


def in_words(reason: str) -> str:
    """What a reason means and what to look at; empty for one that this version does not know."""
    return REASON_WORDS.get(reason, "")
