// The contract's report of a trial that ended well.

import { cut } from "./fields.js";
import { MAX_NOTES, MAX_OBSERVED, PROBE_VERSION } from "./limits.js";
import { effects } from "./microphone.js";
import { within } from "./refusal.js";
import { longestZeroRun } from "./timeline.js";

/** `session` has recorded; `call` is what a call's stack says, texts by key. */
export async function report(session, recorded, call) {
  const { context, frames, rate_hz, request, stamps, startup_ms, track, watch } = session;
  const { recording } = recorded;
  const longest = longestZeroRun(recording, session.input_channels);
  const { base_ms, output_ms, input_ms } = latencies(session);
  return {
    probe_version: PROBE_VERSION,
    output: {
      rate_hz: context.sampleRate,
      channels: session.output_channels,
      frames_per_burst: context.renderQuantumSize ?? 128,
      route: sinkLabel(session),
    },
    input: {
      rate_hz: context.sampleRate,
      channels: session.input_channels,
      route: cut(track?.label || (request.call ? "call" : "default"), 128),
    },
    xruns_output: stamps.counted.underrun_events ?? null,
    reported_output_latency_ms:
      request.call || base_ms === null || output_ms === null ? null : base_ms + output_ms,
    reported_input_latency_ms: input_ms,
    timestamps_output: stamps.timestamps(session.zero_s, rate_hz, frames),
    callback_histogram_ms: recorded.histogram,
    effects: track ? effects(track) : {},
    startup_ms,
    longest_zero_run_frames: longest,
    observed: observed(session, call),
    input_silenced: watch.muted ? true : longest < frames ? false : null,
    battery_percent: await battery(),
    notes: notes(session, recorded),
  };
}

function latencies({ context, stamps, track }) {
  const base_s = context.baseLatency;
  const settings_s = track?.getSettings().latency;
  const track_ms = Number.isFinite(settings_s) ? 1000 * settings_s : null;
  return {
    base_ms: Number.isFinite(base_s) ? 1000 * base_s : null,
    output_ms: stamps.output_latency_ms,
    track_ms,
    input_ms: track ? (stamps.input_latency_ms ?? track_ms) : null,
  };
}

function observed(session, call) {
  const { acts, context, hint, request, stamps, track, watch, zero_s } = session;
  const settings = track?.getSettings() ?? {};
  const { base_ms, output_ms, track_ms } = latencies(session);
  const counted = stamps.counted;
  const since_ms = (at_s) => (at_s === null ? null : (1000 * (at_s - zero_s)).toFixed(1));
  const values = {
    ...acts?.observed,
    left_front_ms: since_ms(watch.left_s),
    came_front_ms: since_ms(watch.came_s),
    ...call,
    context_rate_hz: context.sampleRate,
    base_latency_ms: base_ms?.toFixed(3),
    output_latency_ms: output_ms?.toFixed(3),
    track_latency_ms: track_ms?.toFixed(3),
    track_rate_hz: settings.sampleRate,
    track_channels: settings.channelCount,
    track_label: track?.label,
    latency_hint: typeof hint === "number" ? `${hint.toFixed(6)} s` : hint,
    render_quantum_frames: context.renderQuantumSize ?? 128,
    echo_cancellation: settings.echoCancellation,
    noise_suppression: settings.noiseSuppression,
    auto_gain_control: settings.autoGainControl,
    sink_label: sinkLabel(session),
    underrun_events: counted.underrun_events,
    underrun_ms: counted.underrun_ms?.toFixed(3),
    dropped_input_ms: counted.dropped_input_ms?.toFixed(3),
    visible: document.visibilityState === "visible",
    volume_kind: request.volume === null ? null : "digital gain",
  };
  const told = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  const texts = told.map(([key, value]) => [key, cut(value, 128)]);
  return Object.fromEntries(texts.slice(0, MAX_OBSERVED));
}

function sinkLabel({ devices, route }) {
  const usual = devices.find((one) => one.kind === "audiooutput" && one.deviceId === "default");
  return cut(route.output?.label || usual?.label || "default", 128);
}

function notes({ request, watch }, { missing, skipped }) {
  const ignored = {
    sharing: request.sharing !== "default",
    input_preset: request.input_preset !== "default",
    audio_mode: !["default", "media"].includes(request.audio_mode),
    usage: request.usage !== "default",
    audio_session: request.audio_session !== "default",
    buffer_bursts: request.buffer_bursts !== null && request.buffer_frames === null,
  };
  const told = Object.keys(ignored).filter((name) => ignored[name]);
  const found = told.map((name) => `ignored: ${name}, a browser has none`);
  if (skipped) found.push(`the browser left out ${skipped} frames of both directions`);
  if (missing) found.push(`the browser gave no input for ${missing} frames`);
  return [...found, ...watch.notes].map((note) => cut(note, 200)).slice(0, MAX_NOTES);
}

async function battery() {
  if (!navigator.getBattery) return null;
  try {
    const { level } = await within(navigator.getBattery(), 300, () => new Error("no answer"));
    return Number.isFinite(level) ? 100 * level : null;
  } catch {
    return null;
  }
}
